/* Export and import of metadata: sorted and complete lines, one transaction, nothing taken on trust. */
#include "expect.h"

static uint64_t export_to(nexus_fs *fs, const char *name, const nexus_export_options *options)
{
    uint64_t count = 0;
    OK(nexus_export_metadata(fs, disk(name), options, NULL, NULL, &count, ERR));
    return count;
}

/* Line `index` of a file on disk, from 0; NULL after the last. */
static char *line_of(const char *name, int index)
{
    const char *content = read_disk(disk(name));
    while (index-- > 0 && content != NULL) {
        content = strchr(content, '\n');
        content = content ? content + 1 : NULL;
    }
    return content == NULL || *content == 0 ? NULL : text("%.*s", (int)strcspn(content, "\n"), content);
}

static nexus_import_options mode(int how)
{
    nexus_import_options options = NEXUS_IMPORT_OPTIONS_INIT;
    options.mode = how;
    return options;
}

static char *import_at(const char *file, int line, nexus_fs *fs, const char *name, nexus_import_options options)
{
    char *report = NULL;
    expect_status(file, line, text("import of %s", name), nexus_import_metadata(fs, disk(name), &options, NULL, NULL, &report, ERR), NEXUS_STATUS_OK);
    return keep(report);
}
#define import_from(fs, name, options) import_at(__FILE__, __LINE__, (fs), (name), (options))

/* A line for `path` with the content that `like` has, and further members. */
static char *line_like(nexus_fs *fs, const char *path, const char *like, const char *members)
{
    entry e = look(fs, like);
    return text("{\"path\": \"%s\", \"backend_name\": \"%s\", \"physical_path\": \"%s\", \"size\": %d, \"etag\": \"%s\"%s%s}\n", path, e.backend_name,
                e.etag, (int)e.size, e.etag, members[0] ? ", " : "", members);
}

static void expect_report(const char *report, int created, int updated, int skipped, int remapped)
{
    EXPECT_INT(json_int(report, "created"), created);
    EXPECT_INT(json_int(report, "updated"), updated);
    EXPECT_INT(json_int(report, "skipped"), skipped);
    EXPECT_INT(json_int(report, "remapped"), remapped);
}

static void export_is_sorted_and_complete(void)
{
    static const char *const keys[] = {"path", "backend_name", "physical_path", "size", "etag", "mime_type", "created_at", "modified_at", "version",
                                       "path_id", "custom_metadata"};
    entry e;
    const char *line;
    size_t i;
    nexus_fs *fs = open_store("");
    put(fs, "/b", "bee");
    put(fs, "/a/2", "x");
    put(fs, "/a-1", "x");
    put(fs, "/a/1", "quote \" and \\");
    set_meta(fs, "/b", "note", "{\"x\": \"\\\"\\n\"}");
    OK(nexus_mkdir(fs, "/empty", 0, ERR));
    EXPECT_INT(export_to(fs, "out", NULL), 4);
    EXPECT_STR(json(line_of("out", 0), "path"), "\"/a-1\"");
    EXPECT_STR(json(line_of("out", 1), "path"), "\"/a/1\"");
    EXPECT_STR(json(line_of("out", 2), "path"), "\"/a/2\"");
    line = line_of("out", 3);
    EXPECT(line_of("out", 4) == NULL);
    for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (json(line, keys[i]) == NULL) {
            FAIL("the line has no %s: %s", keys[i], line);
        }
    }
    e = look(fs, "/b");
    EXPECT_STR(json(line, "path"), "\"/b\"");
    EXPECT_STR(json(line, "backend_name"), "\"local\"");
    EXPECT_STR(json(line, "physical_path"), text("\"%s\"", e.etag));
    EXPECT_STR(json(line, "etag"), text("\"%s\"", e.etag));
    EXPECT_STR(json(line, "path_id"), text("\"%s\"", e.path_id));
    EXPECT_INT(json_int(line, "size"), 3);
    EXPECT_INT(json_int(line, "version"), 1);
    EXPECT_HAS(json(line, "created_at"), "T");
    EXPECT_HAS(json(line, "created_at"), "Z\"");
    EXPECT_HAS(json(line, "custom_metadata.note.x"), "\"\\\"\\n\"");
    close_store(fs);
}

static void export_options_narrow_it(void)
{
    nexus_export_options options = NEXUS_EXPORT_OPTIONS_INIT;
    nexus_fs *fs = open_store("");
    put(fs, "/data/a", "1");
    put(fs, "/database", "2");
    put(fs, "/shared/acme/b", "3");
    put(fs, "/workspace/acme/bot/c", "4");
    put(fs, "/shared/acme-2/d", "5");
    options.prefix = "/data";
    EXPECT_INT(export_to(fs, "out", &options), 2);
    options.prefix = "/data/";
    EXPECT_INT(export_to(fs, "out", &options), 1);
    options.prefix = "/d%";
    EXPECT_INT(export_to(fs, "out", &options), 0);
    EXPECT(line_of("out", 0) == NULL);
    options.prefix = NULL;
    options.tenant_id = "acme";
    EXPECT_INT(export_to(fs, "out", &options), 2);
    EXPECT_STR(json(line_of("out", 0), "path"), "\"/shared/acme/b\"");
    EXPECT_STR(json(line_of("out", 1), "path"), "\"/workspace/acme/bot/c\"");
    options.tenant_id = NULL;
    options.modified_after = look(fs, "/shared/acme/b").modified_at;
    EXPECT_INT(export_to(fs, "out", &options), 2);
    close_store(fs);
}

static void export_is_written_aside_and_renamed(void)
{
    uint64_t count = 99;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    write_disk(disk("out"), "what was there");
    FAILS(IO, nexus_export_metadata(fs, disk("missing/out"), NULL, NULL, NULL, &count, ERR));
    EXPECT_INT(count, 0);
    EXPECT_INT(mkdir(disk("a-directory"), 0700), 0);
    FAILS(IO, nexus_export_metadata(fs, disk("a-directory"), NULL, NULL, NULL, &count, ERR));
    EXPECT_STR(read_disk(disk("out")), "what was there");
    EXPECT_INT(export_to(fs, "out", NULL), 1);
    EXPECT_INT(files_below(expect_directory) - files_below(disk("store")), 1);
    close_store(fs);
}

static void import_restores_what_export_wrote(void)
{
    const char *report, *id, *dep_id;
    entry before, after;
    nexus_fs *fs = open_store("");
    put(fs, "/keep", "content");
    put(fs, "/a", "older");
    put(fs, "/a", "content");
    put(fs, "/dep", "content");
    OK(nexus_set_meta_many(fs, "/a", "{\"note\": [1, {\"x\": null}], \"status\": \"in_progress\", \"priority\": 4, \"depends_on\": \"/dep\"}", ERR));
    set_meta(fs, "/dep", "status", "\"ready\"");
    before = look(fs, "/a");
    id = before.path_id;
    dep_id = id_of(fs, "/dep");
    export_to(fs, "out", NULL);
    OK(nexus_delete(fs, "/a", ERR));
    OK(nexus_delete(fs, "/dep", ERR));
    report = import_from(fs, "out", mode(NEXUS_IMPORT_SKIP));
    expect_report(report, 2, 0, 1, 0);
    after = look(fs, "/a");
    EXPECT_STR(after.path_id, id);
    EXPECT_STR(id_of(fs, "/dep"), dep_id);
    EXPECT_INT(after.version, 2);
    EXPECT_INT(after.created_at, before.created_at);
    EXPECT_INT(after.modified_at, before.modified_at);
    EXPECT_STR(after.mime_type, before.mime_type);
    EXPECT_STR(json(meta(fs, "/a", "note"), "[1].x"), "null");
    EXPECT_STR(meta(fs, "/a", "priority"), "4");
    EXPECT_STR(json(meta(fs, "/a", "depends_on"), "[0]"), text("\"%s\"", dep_id));
    /* Nobody works on it any more. */
    EXPECT_STR(meta(fs, "/a", "status"), "\"ready\"");
    EXPECT_STR(get(fs, "/a"), "content");
    close_store(fs);
}

static void an_imported_file_holds_its_content(void)
{
    uint8_t *large = noise(LARGE, 1);
    const char *etag;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/original", large, LARGE, ERR));
    etag = look(fs, "/original").etag;
    write_disk(disk("in"), line_like(fs, "/imported", "/original", ""));
    import_from(fs, "in", mode(NEXUS_IMPORT_SKIP));
    EXPECT_INT(reference_count(fs, etag), 2);
    OK(nexus_delete(fs, "/imported", ERR));
    EXPECT_CONTENT(fs, "/original", large, LARGE);
    EXPECT_INT(reference_count(fs, etag), 1);
    import_from(fs, "in", mode(NEXUS_IMPORT_SKIP));
    OK(nexus_delete(fs, "/original", ERR));
    EXPECT_CONTENT(fs, "/imported", large, LARGE);
    close_store(fs);
}

/* /a holds "old", /b "new"; the lines say that /a holds what /b does, and that there is a /c. */
static nexus_fs *store_with_collision(const char *members)
{
    nexus_fs *fs = open_store("");
    put(fs, "/a", "old");
    put(fs, "/b", "new");
    set_meta(fs, "/a", "kept", "1");
    write_disk(disk("in"), text("%s%s", line_like(fs, "/a", "/b", members), line_like(fs, "/c", "/b", "")));
    return fs;
}

static void skip_leaves_what_exists(void)
{
    const char *report;
    nexus_fs *fs = store_with_collision("");
    report = import_from(fs, "in", mode(NEXUS_IMPORT_SKIP));
    expect_report(report, 1, 0, 1, 0);
    EXPECT_INT(json_len(report, "collisions"), 1);
    EXPECT_STR(json(report, "collisions[0].path"), "\"/a\"");
    EXPECT_STR(json(report, "collisions[0].existing_etag"), text("\"%s\"", look(fs, "/a").etag));
    EXPECT_STR(json(report, "collisions[0].imported_etag"), text("\"%s\"", look(fs, "/b").etag));
    EXPECT(json(report, "collisions[0].resolution") != NULL);
    EXPECT(json(report, "collisions[0].message") != NULL);
    EXPECT_STR(get(fs, "/a"), "old");
    EXPECT_STR(get(fs, "/c"), "new");
    close_store(fs);
}

static void overwrite_replaces_what_exists(void)
{
    const char *old;
    nexus_fs *fs = store_with_collision("\"custom_metadata\": {\"note\": 1}");
    old = look(fs, "/a").etag;
    expect_report(import_from(fs, "in", mode(NEXUS_IMPORT_OVERWRITE)), 1, 1, 0, 0);
    EXPECT_STR(get(fs, "/a"), "new");
    EXPECT_STR(meta(fs, "/a", "note"), "1");
    EXPECT_INT(reference_count(fs, old), 0);
    EXPECT_INT(reference_count(fs, look(fs, "/b").etag), 3);
    close_store(fs);
}

static void remap_finds_a_free_name(void)
{
    const char *all;
    nexus_fs *fs = store_with_collision("");
    expect_report(import_from(fs, "in", mode(NEXUS_IMPORT_REMAP)), 1, 0, 0, 1);
    EXPECT_STR(get(fs, "/a"), "old");
    EXPECT_STR(get(fs, "/a_imported1"), "new");
    expect_report(import_from(fs, "in", mode(NEXUS_IMPORT_REMAP)), 0, 0, 0, 2);
    all = listed(fs, NULL);
    EXPECT_STR(all, "/a /a_imported1 /a_imported2 /b /c /c_imported1");
    EXPECT_STR(get(fs, "/a_imported2"), "new");
    close_store(fs);
}

static void auto_lets_the_newer_win(void)
{
    nexus_fs *fs = store_with_collision("\"modified_at\": \"2001-01-01T00:00:00Z\"");
    expect_report(import_from(fs, "in", mode(NEXUS_IMPORT_AUTO)), 1, 0, 1, 0);
    EXPECT_STR(get(fs, "/a"), "old");
    write_disk(disk("in"), line_like(fs, "/a", "/b", "\"modified_at\": \"2101-01-01T00:00:00Z\""));
    expect_report(import_from(fs, "in", mode(NEXUS_IMPORT_AUTO)), 0, 1, 0, 0);
    EXPECT_STR(get(fs, "/a"), "new");
    close_store(fs);
}

static void a_dry_run_changes_nothing(void)
{
    nexus_import_options options = mode(NEXUS_IMPORT_OVERWRITE);
    nexus_fs *fs = store_with_collision("");
    options.dry_run = 1;
    expect_report(import_from(fs, "in", options), 1, 1, 0, 0);
    EXPECT_STR(get(fs, "/a"), "old");
    EXPECT_STR(listed(fs, NULL), "/a /b");
    EXPECT_INT(reference_count(fs, look(fs, "/b").etag), 1);
    close_store(fs);
}

static void one_bad_line_leaves_all_as_it_was(void)
{
    static const char *const bad[] = {"not json", "[]", "{}", "{\"path\": \"/x\"}", "{\"path\": 5, \"etag\": \"\"}"};
    char *report;
    const char *good;
    size_t i;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "content");
    good = line_like(fs, "/good", "/a", "");
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        report = (char *)good;
        write_disk(disk("in"), text("%s%s\n%s", good, bad[i], line_like(fs, "/good2", "/a", "")));
        FAILS(INVALID_ARGUMENT, nexus_import_metadata(fs, disk("in"), NULL, NULL, NULL, &report, ERR));
        EXPECT(report == NULL);
        EXPECT_HAS(message(), "line 2");
        EXPECT_STR(listed(fs, NULL), "/a");
    }
    /* All of them are told. */
    write_disk(disk("in"), text("nonsense\n%s{}\n", good));
    FAILS(INVALID_ARGUMENT, nexus_import_metadata(fs, disk("in"), NULL, NULL, NULL, &report, ERR));
    EXPECT_HAS(message(), "line 1");
    EXPECT_HAS(message(), "line 3");
    EXPECT_STR(listed(fs, NULL), "/a");
    close_store(fs);
}

/* The lines change nothing; returns what the message says. */
static char *expect_refused(nexus_fs *fs, const char *lines)
{
    char *report = NULL, *reason;
    const char *before = listed(fs, NULL);
    write_disk(disk("in"), lines);
    if (nexus_import_metadata(fs, disk("in"), NULL, NULL, NULL, &report, ERR) == NEXUS_STATUS_OK) {
        FAIL("imported: %s", lines);
    }
    EXPECT(report == NULL);
    reason = text("%s", message());
    EXPECT(reason[0] != 0);
    EXPECT_STR(listed(fs, NULL), before);
    return reason;
}

static void nothing_in_a_line_is_taken_on_trust(void)
{
    static const char *const NONE = "0000000000000000000000000000000000000000000000000000000000000000";
    entry a, other;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "content");
    put(fs, "/other", "something else");
    a = look(fs, "/a");
    other = look(fs, "/other");
    /* A content that is not there, a size, a backend or a place that is not the content's. */
    expect_refused(fs, text("{\"path\": \"/x\", \"backend_name\": \"local\", \"physical_path\": \"%s\", \"size\": 7, \"etag\": \"%s\"}\n", NONE, NONE));
    expect_refused(fs, text("{\"path\": \"/x\", \"backend_name\": \"local\", \"physical_path\": \"%s\", \"size\": 8, \"etag\": \"%s\"}\n", a.etag, a.etag));
    expect_refused(fs, text("{\"path\": \"/x\", \"backend_name\": \"s3\", \"physical_path\": \"%s\", \"size\": 7, \"etag\": \"%s\"}\n", a.etag, a.etag));
    expect_refused(fs, text("{\"path\": \"/x\", \"backend_name\": \"local\", \"physical_path\": \"%s\", \"size\": 7, \"etag\": \"%s\"}\n", other.etag, a.etag));
    expect_refused(fs, text("{\"path\": \"/x\", \"backend_name\": \"local\", \"physical_path\": \"../../etc/passwd\", \"size\": 7, \"etag\": \"%s\"}\n", a.etag));
    expect_refused(fs, line_like(fs, "/x/../y", "/a", ""));
    expect_refused(fs, line_like(fs, "/a/below-a-file", "/a", ""));
    expect_refused(fs, line_like(fs, "/x", "/a", "\"created_at\": \"yesterday\""));
    expect_refused(fs, line_like(fs, "/x", "/a", "\"path_id\": \"not an id\""));
    expect_refused(fs, line_like(fs, "/x", "/a", "\"version\": 0"));
    expect_refused(fs, line_like(fs, "/x", "/a", "\"custom_metadata\": [1]"));
    expect_refused(fs, line_like(fs, "/x", "/a", "\"custom_metadata\": {\"depends_on\": \"/missing\"}"));
    expect_refused(fs, text("%s%s", line_like(fs, "/x", "/a", "\"custom_metadata\": {\"status\": \"ready\", \"depends_on\": \"/y\"}"),
                            line_like(fs, "/y", "/a", "\"custom_metadata\": {\"status\": \"ready\", \"depends_on\": \"/x\"}")));
    close_store(fs);
}

static void a_path_id_is_kept_only_if_it_is_free(void)
{
    const char *taken;
    char *path = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "content");
    taken = id_of(fs, "/a");
    write_disk(disk("in"), line_like(fs, "/x", "/a", text("\"path_id\": \"%s\"", taken)));
    import_from(fs, "in", mode(NEXUS_IMPORT_SKIP));
    EXPECT_STR(id_of(fs, "/a"), taken);
    EXPECT(strcmp(id_of(fs, "/x"), taken) != 0);
    OK(nexus_path_of_id(fs, taken, &path, ERR));
    EXPECT_STR(keep(path), "/a");
    close_store(fs);
}

static void times_without_offset_are_utc(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/a", "content");
    write_disk(disk("in"), text("%s%s", line_like(fs, "/naive", "/a", "\"created_at\": \"2025-10-01T12:00:00\", \"modified_at\": \"2025-10-01T12:00:00.5\""),
                                line_like(fs, "/offset", "/a", "\"created_at\": \"2025-10-01T14:00:00+02:00\", \"modified_at\": \"2025-10-01T07:00:00.5-05:00\"")));
    import_from(fs, "in", mode(NEXUS_IMPORT_SKIP));
    EXPECT_INT(look(fs, "/naive").created_at, INT64_C(1759320000000000));
    EXPECT_INT(look(fs, "/naive").modified_at, INT64_C(1759320000500000));
    EXPECT_INT(look(fs, "/offset").created_at, INT64_C(1759320000000000));
    EXPECT_INT(look(fs, "/offset").modified_at, INT64_C(1759320000500000));
    close_store(fs);
}

static void the_originals_files_are_read(void)
{
    entry a;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "content");
    a = look(fs, "/a");
    /* No path id, null and absent members, a microsecond time without offset. */
    write_disk(disk("in"), text("{\"path\": \"/documents/data.txt\", \"backend_name\": \"local\", \"physical_path\": \"%s\", \"size\": 7, \"etag\": \"%s\", "
                                "\"mime_type\": null, \"created_at\": \"2025-10-18T09:41:07.123456\", \"modified_at\": \"2025-10-18T09:41:07.123456\", "
                                "\"version\": 3, \"custom_metadata\": {\"author\": \"ada\"}}\n\n",
                                a.etag, a.etag));
    expect_report(import_from(fs, "in", mode(NEXUS_IMPORT_SKIP)), 1, 0, 0, 0);
    EXPECT_INT(look(fs, "/documents/data.txt").version, 3);
    EXPECT_STR(look(fs, "/documents/data.txt").mime_type, "text/plain");
    EXPECT_STR(meta(fs, "/documents/data.txt", "author"), "\"ada\"");
    close_store(fs);
}

static void dependencies_may_come_before_what_they_name(void)
{
    nexus_work_list *list = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "content");
    write_disk(disk("in"), text("%s%s", line_like(fs, "/job", "/a", "\"custom_metadata\": {\"status\": \"blocked\", \"depends_on\": [\"/later\"]}"),
                                line_like(fs, "/later", "/a", "\"custom_metadata\": {\"status\": \"ready\"}")));
    import_from(fs, "in", mode(NEXUS_IMPORT_SKIP));
    OK(nexus_get_blocked_work(fs, 10, &list, ERR));
    EXPECT_INT(nexus_work_list_len(list), 1);
    EXPECT_INT(nexus_work_list_at(list, 0)->blocker_count, 1);
    nexus_work_list_free(list);
    EXPECT_STR(json(meta(fs, "/job", "depends_on"), "[0]"), text("\"%s\"", id_of(fs, "/later")));
    close_store(fs);
}

static void malformed_work_keys_are_refused_or_renamed(void)
{
    nexus_import_options options = mode(NEXUS_IMPORT_SKIP);
    char *value = NULL;
    const char *report;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "content");
    EXPECT_HAS(expect_refused(fs, line_like(fs, "/x", "/a", "\"custom_metadata\": {\"status\": \"weird\", \"priority\": \"high\", \"tags\": [\"t\"]}")), "status");
    options.invalid_work_keys = NEXUS_KEYS_RENAME;
    report = import_from(fs, "in", options);
    EXPECT_HAS(report, "x_status");
    EXPECT_STR(meta(fs, "/x", "x_status"), "\"weird\"");
    EXPECT_STR(meta(fs, "/x", "x_priority"), "\"high\"");
    EXPECT_STR(json(meta(fs, "/x", "tags"), "[0]"), "\"t\"");
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/x", "status", &value, ERR));
    options.mode = 99;
    FAILS(INVALID_ARGUMENT, nexus_import_metadata(fs, disk("in"), &options, NULL, NULL, NULL, ERR));
    FAILS(IO, nexus_import_metadata(fs, disk("missing"), NULL, NULL, NULL, NULL, ERR));
    close_store(fs);
}

static void a_line_without_its_content_is_refused_or_left_out(void)
{
    nexus_import_options options = mode(NEXUS_IMPORT_SKIP);
    const char *report;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "content");
    put(fs, "/gone", "nowhere else");
    write_disk(disk("in"), text("%s%s", line_like(fs, "/x", "/a", ""), line_like(fs, "/y", "/gone", "")));
    OK(nexus_delete(fs, "/gone", ERR));
    FAILS(NOT_FOUND, nexus_import_metadata(fs, disk("in"), &options, NULL, NULL, NULL, ERR));
    options.missing_content = NEXUS_MISSING_SKIP;
    report = import_from(fs, "in", options);
    EXPECT_STR(json(report, "created"), "1");
    EXPECT_STR(json(report, "skipped"), "1");
    EXPECT_STR(json(report, "missing[0].path"), "\"/y\"");
    options.missing_content = 2;
    FAILS(INVALID_ARGUMENT, nexus_import_metadata(fs, disk("in"), &options, NULL, NULL, NULL, ERR));
    close_store(fs);
}

static void an_import_is_bounded(void)
{
    nexus_import_options options = mode(NEXUS_IMPORT_OVERWRITE);
    nexus_fs *fs = open_store("");
    put(fs, "/a", "content");
    write_disk(disk("in"), text("%s%s", line_like(fs, "/x", "/a", ""), line_like(fs, "/y", "/a", "")));
    options.max_lines = 1;
    FAILS(INVALID_ARGUMENT, nexus_import_metadata(fs, disk("in"), &options, NULL, NULL, NULL, ERR));
    options.max_lines = 2;
    options.max_bytes = 20;
    FAILS(INVALID_ARGUMENT, nexus_import_metadata(fs, disk("in"), &options, NULL, NULL, NULL, ERR));
    options.max_bytes = 0;
    OK(nexus_import_metadata(fs, disk("in"), &options, NULL, NULL, NULL, ERR));
    OK(nexus_bundle_export(fs, disk("bundle"), NULL, NULL, NULL, NULL, ERR));
    options.max_unpacked = 1000;
    FAILS(INVALID_ARGUMENT, nexus_bundle_import(fs, disk("bundle"), &options, NULL, NULL, NULL, ERR));
    options.max_unpacked = 0;
    options.max_lines = 0;
    OK(nexus_bundle_import(fs, disk("bundle"), &options, NULL, NULL, NULL, ERR));
    close_store(fs);
}

static void auto_compares_metadata_where_it_is_to(void)
{
    nexus_import_options options = mode(NEXUS_IMPORT_AUTO);
    nexus_fs *fs = open_store("");
    put(fs, "/a", "content");
    OK(nexus_set_meta(fs, "/a", "k", "1", ERR));
    OK(nexus_export_metadata(fs, disk("in"), NULL, NULL, NULL, NULL, ERR));
    OK(nexus_set_meta(fs, "/a", "k", "2", ERR));
    EXPECT_STR(json(import_from(fs, "in", options), "updated"), "0");
    options.newer_by = NEXUS_NEWER_BY_ALL;
    EXPECT_STR(json(import_from(fs, "in", options), "updated"), "1");
    EXPECT_STR(meta(fs, "/a", "k"), "1");
    options.newer_by = -1;
    FAILS(INVALID_ARGUMENT, nexus_import_metadata(fs, disk("in"), &options, NULL, NULL, NULL, ERR));
    close_store(fs);
}

/* A line with as many attempts as there can be stopped every worker of the store. */
static void numbers_of_lines_have_bounds(void)
{
    nexus_work_list *list = NULL;
    const nexus_work_item *item;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "content");
    EXPECT_HAS(expect_refused(fs, line_like(fs, "/x", "/a", "\"custom_metadata\": {\"status\": \"ready\", \"attempts\": 9223372036854775807}")),
               "9223372036854775807");
    write_disk(disk("in"), line_like(fs, "/x", "/a", "\"custom_metadata\": {\"status\": \"ready\", \"attempts\": 9007199254740991}"));
    import_from(fs, "in", mode(NEXUS_IMPORT_SKIP));
    OK(nexus_work_claim(fs, "w", NULL, &list, ERR));
    item = nexus_work_list_at(list, 0);
    OK(nexus_work_fail(fs, item->virtual_path, item->lease, "no", 0, ERR));
    nexus_work_list_free(list);
    OK(nexus_get_work_by_priority(fs, 10, &list, ERR));
    EXPECT_INT(nexus_work_list_at(list, 0)->attempts, 9007199254740991);
    nexus_work_list_free(list);
    close_store(fs);
}

static void an_item_under_a_lease_is_not_replaced(void)
{
    nexus_work_list *list = NULL;
    nexus_write_options token = NEXUS_WRITE_OPTIONS_INIT;
    nexus_import_options options = mode(NEXUS_IMPORT_OVERWRITE);
    nexus_fs *fs = open_store("");
    put(fs, "/other", "content");
    put(fs, "/item", "content");
    OK(nexus_set_meta(fs, "/item", "status", "\"ready\"", ERR));
    OK(nexus_export_metadata(fs, disk("in"), NULL, NULL, NULL, NULL, ERR));
    OK(nexus_bundle_export(fs, disk("bundle"), NULL, NULL, NULL, NULL, ERR));
    OK(nexus_work_claim(fs, "w", NULL, &list, ERR));
    FAILS(CONFLICT, nexus_import_metadata(fs, disk("in"), &options, NULL, NULL, NULL, ERR));
    FAILS(CONFLICT, nexus_bundle_import(fs, disk("bundle"), &options, NULL, NULL, NULL, ERR));
    FAILS(CONFLICT, nexus_copy(fs, "/other", "/item", ERR));
    FAILS(CONFLICT, nexus_rename(fs, "/other", "/item", ERR));
    token.lease_path = "/item";
    token.lease = nexus_work_list_at(list, 0)->lease;
    OK(nexus_work_heartbeat(fs, "/item", token.lease, 30000, ERR));
    OK(nexus_rename_with(fs, "/other", "/item", 0, &token, ERR));
    FAILS(LEASE_LOST, nexus_work_complete(fs, "/item", token.lease, NULL, ERR));
    nexus_work_list_free(list);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_line_without_its_content_is_refused_or_left_out);
    RUN(an_import_is_bounded);
    RUN(auto_compares_metadata_where_it_is_to);
    RUN(numbers_of_lines_have_bounds);
    RUN(an_item_under_a_lease_is_not_replaced);
    RUN(export_is_sorted_and_complete);
    RUN(export_options_narrow_it);
    RUN(export_is_written_aside_and_renamed);
    RUN(import_restores_what_export_wrote);
    RUN(an_imported_file_holds_its_content);
    RUN(skip_leaves_what_exists);
    RUN(overwrite_replaces_what_exists);
    RUN(remap_finds_a_free_name);
    RUN(auto_lets_the_newer_win);
    RUN(a_dry_run_changes_nothing);
    RUN(one_bad_line_leaves_all_as_it_was);
    RUN(nothing_in_a_line_is_taken_on_trust);
    RUN(a_path_id_is_kept_only_if_it_is_free);
    RUN(times_without_offset_are_utc);
    RUN(the_originals_files_are_read);
    RUN(dependencies_may_come_before_what_they_name);
    RUN(malformed_work_keys_are_refused_or_renamed);
    return finish();
}
