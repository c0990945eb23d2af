/* A tour of Nexus in eight parts: files, metadata, persistence, routing and directories, mounts, namespaces,
 * isolation, deduplication.
 *
 *     embedded_demo [DATA_DIR]
 *
 * Without DATA_DIR the store lives in a temporary directory and goes at the end; a DATA_DIR should be new or empty.
 */
#include "scratch.h"

#include "errors.h"
#include "json_text.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static char *data_dir_json; /* the data directory, as a JSON string */
static char *mount_root_json; /* another directory, for part 5 */

/* Opens the store with a config of `data_dir` and what `more` adds, such as ", \"tenant_id\": \"acme\"". */
static nexus_fs *open_store(const char *more)
{
    char config[2 * SCRATCH_PATH_MAX + 2048];
    nexus_fs *fs = NULL;
    snprintf(config, sizeof config, "{\"data_dir\": %s%s}", data_dir_json, more);
    must(nexus_connect(config, &fs, &error));
    return fs;
}

static void write_text(nexus_fs *fs, const char *path, const char *text)
{
    must(nexus_write(fs, path, text, strlen(text), &error));
}

static void print_file(nexus_fs *fs, const char *path)
{
    nexus_buffer *content = NULL;
    must(nexus_read(fs, path, &content, &error));
    printf("  %s holds \"%.*s\"\n", path, (int)nexus_buffer_len(content), (const char *)nexus_buffer_data(content));
    nexus_buffer_free(content);
}

/* Prints the entries and frees them. */
static void print_entries(const char *title, nexus_entries *entries)
{
    size_t i;
    printf("  %s:%s\n", title, nexus_entries_len(entries) == 0 ? " nothing" : "");
    for (i = 0; i < nexus_entries_len(entries); i++) {
        const nexus_entry *entry = nexus_entries_at(entries, i);
        if (entry->kind == NEXUS_KIND_DIRECTORY)
            printf("    %s/\n", entry->path);
        else
            printf("    %s  %" PRIu64 " bytes\n", entry->path, (uint64_t)entry->size);
    }
    nexus_entries_free(entries);
}

static void print_all_files(const char *title, nexus_fs *fs)
{
    nexus_entries *entries = NULL;
    must(nexus_list(fs, NULL, &entries, &error));
    print_entries(title, entries);
}

static void print_children(nexus_fs *fs, const char *path)
{
    nexus_list_options options = NEXUS_LIST_OPTIONS_INIT;
    nexus_entries *entries = NULL;
    options.path = path;
    options.recursive = 0;
    must(nexus_list(fs, &options, &entries, &error));
    print_entries(path, entries);
}

static void print_exists(nexus_fs *fs, const char *path)
{
    int32_t exists = 0;
    must(nexus_exists(fs, path, &exists, &error));
    printf("  %s %s\n", path, exists ? "exists" : "does not exist");
}

static void remove_tree(nexus_fs *fs, const char *path)
{
    must(nexus_rmdir(fs, path, 1, &error));
}

/* ------------------------------------------------------------------------------------------------------------------ */

static void part_1_files(void)
{
    nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
    nexus_list_options images = NEXUS_LIST_OPTIONS_INIT;
    nexus_entries *found = NULL;
    nexus_entry *entry = NULL;
    char start[8] = {0};
    size_t got = 0;
    nexus_fs *fs = open_store("");

    printf("\nPart 1: files\n");

    /* A write makes the parents, and replaces what was there as a whole. */
    write_text(fs, "/documents/report.txt", "All is well");
    write_text(fs, "/images/logo.svg", "<svg/>");
    print_file(fs, "/documents/report.txt");

    must(nexus_append(fs, "/documents/report.txt", ", still", 7, &error));
    print_file(fs, "/documents/report.txt");

    must(nexus_read_at(fs, "/documents/report.txt", 4, start, sizeof start - 1, &got, &error));
    printf("  %u bytes from offset 4: \"%s\"\n", (unsigned)got, start);

    /* Conditions are checked in the transaction that writes: of two writers with one etag, one wins. */
    must(nexus_stat(fs, "/documents/report.txt", &entry, &error));
    options.if_match = entry->etag;
    must(nexus_write_with(fs, "/documents/report.txt", "Mine", 4, &options, NULL, &error));
    must_refuse(NEXUS_STATUS_CONFLICT,
                nexus_write_with(fs, "/documents/report.txt", "Yours", 5, &options, NULL, &error));
    nexus_entry_free(entry);

    print_all_files("all files", fs);
    images.prefix = "/images";
    must(nexus_list(fs, &images, &found, &error));
    print_entries("prefix /images", found);

    must(nexus_delete(fs, "/images/logo.svg", &error));
    print_exists(fs, "/images/logo.svg");
    must_refuse(NEXUS_STATUS_NOT_FOUND, nexus_delete(fs, "/images/logo.svg", &error));

    must(nexus_close(fs, &error));
}

static void part_2_metadata(void)
{
    nexus_entry *entry = NULL;
    nexus_entries *found = NULL;
    char *id = NULL;
    char *json = NULL;
    char *path = NULL;
    nexus_fs *fs = open_store("");

    printf("\nPart 2: metadata\n");

    /* What the store keeps of every file. */
    must(nexus_stat(fs, "/documents/report.txt", &entry, &error));
    printf("  size %" PRIu64 ", version %" PRIu64 ", %s\n", (uint64_t)entry->size, (uint64_t)entry->version,
           entry->mime_type);
    printf("  etag %s\n", entry->etag);
    printf("  changed after it was made: %s\n", entry->modified_at >= entry->created_at ? "yes" : "no");
    nexus_entry_free(entry);

    /* What you add: any JSON, under any key. */
    must(nexus_set_meta(fs, "/documents/report.txt", "author", "\"ada\"", &error));
    must(nexus_set_meta_many(fs, "/documents/report.txt", "{\"pages\": 3, \"review\": {\"by\": \"bob\", \"ok\": true}}",
                             &error));
    must(nexus_get_meta(fs, "/documents/report.txt", "review", &json, &error));
    printf("  review: %s\n", json);
    nexus_string_free(json);
    must(nexus_find_by_meta(fs, "author", "\"ada\"", NULL, &found, &error));
    print_entries("written by ada", found);

    /* The path id stays with the file through renames and overwrites. */
    must(nexus_path_id(fs, "/documents/report.txt", &id, &error));
    must(nexus_rename(fs, "/documents/report.txt", "/documents/final.txt", &error));
    must(nexus_path_of_id(fs, id, &path, &error));
    printf("  %s is now %s\n", id, path);
    nexus_string_free(path);
    nexus_string_free(id);

    must(nexus_close(fs, &error));
}

static void part_3_persistence(void)
{
    char *json = NULL;
    nexus_fs *fs = open_store("");

    printf("\nPart 3: persistence\n");
    write_text(fs, "/state/counter", "41");
    must(nexus_close(fs, &error));
    printf("  closed; open objects: %" PRIu64 "\n", (uint64_t)nexus_live_objects());

    fs = open_store("");
    printf("  opened again\n");
    print_file(fs, "/state/counter");
    must(nexus_get_meta(fs, "/documents/final.txt", "author", &json, &error));
    printf("  /documents/final.txt is still by %s\n", json);
    nexus_string_free(json);

    must(nexus_close(fs, &error));
}

static void part_4_routing_and_directories(void)
{
    nexus_entries *found = NULL;
    nexus_matches *matches = NULL;
    int32_t is_directory = 0;
    size_t i;
    nexus_fs *fs = open_store("");

    printf("\nPart 4: routing and directories\n");

    /* However it is spelt, a file has one name; and no path leads out of the store. */
    write_text(fs, "project//src/./main.c", "int main(void) { return 0; }");
    print_file(fs, "/project/src/main.c");
    must_refuse(NEXUS_STATUS_INVALID_PATH, nexus_write(fs, "/project/../etc/passwd", "x", 1, &error));
    must_refuse(NEXUS_STATUS_NOT_A_DIRECTORY, nexus_write(fs, "/project/src/main.c/below", "x", 1, &error));

    /* A directory exists because it was made, or because something is in it. */
    must(nexus_mkdir(fs, "/project/build/objects", NEXUS_MKDIR_PARENTS, &error));
    must(nexus_is_directory(fs, "/project/src", &is_directory, &error));
    printf("  /project/src is%s a directory\n", is_directory ? "" : " not");
    write_text(fs, "/project/notes.md", "# Notes\n\nTODO: write them\n");
    print_children(fs, "/project");

    must(nexus_glob(fs, "/project/**/*.{c,md}", NULL, &found, &error));
    print_entries("/project/**/*.{c,md}", found);
    must(nexus_grep(fs, "TODO|FIXME", NULL, &matches, &error));
    for (i = 0; i < nexus_matches_len(matches); i++) {
        const nexus_match *match = nexus_matches_at(matches, i);
        printf("  %s:%" PRIu64 ": %s\n", match->path, (uint64_t)match->line, match->text);
    }
    nexus_matches_free(matches);

    /* A tree moves or is copied at once, and no content is moved. */
    must(nexus_copy(fs, "/project", "/backup/monday", &error));
    must(nexus_rename(fs, "/project/src", "/project/source", &error));
    print_all_files("all files", fs);

    must_refuse(NEXUS_STATUS_NOT_EMPTY, nexus_rmdir(fs, "/project", 0, &error));
    remove_tree(fs, "/project");
    print_exists(fs, "/project");
    remove_tree(fs, "/backup");

    must(nexus_close(fs, &error));
}

static void part_5_mounts(void)
{
    char mounts[2 * SCRATCH_PATH_MAX];
    nexus_entry *entry = NULL;
    nexus_fs *fs;

    printf("\nPart 5: mounts\n");

    /* The content below /models goes to another directory: another disk, say. Metadata stays in the one database. */
    snprintf(mounts, sizeof mounts,
             ", \"mounts\": [{\"name\": \"bulk\", \"path\": \"/models\", \"backend\": \"local\", \"root\": %s}]",
             mount_root_json);
    fs = open_store(mounts);
    write_text(fs, "/models/classifier.bin", "weights");
    write_text(fs, "/models-of-thought.txt", "not below /models");
    must(nexus_stat(fs, "/models/classifier.bin", &entry, &error));
    printf("  /models/classifier.bin lives in \"%s\"\n", entry->backend_name);
    nexus_entry_free(entry);
    must(nexus_stat(fs, "/models-of-thought.txt", &entry, &error));
    printf("  /models-of-thought.txt lives in \"%s\"\n", entry->backend_name);
    nexus_entry_free(entry);

    /* A rename from one backend to the other copies the content first; it still happens at once. */
    must(nexus_rename(fs, "/models-of-thought.txt", "/models/thought.txt", &error));
    print_children(fs, "/models");
    must(nexus_close(fs, &error));

    /* Without the mount the files are known, but their bytes are elsewhere. */
    fs = open_store("");
    print_children(fs, "/models");
    {
        nexus_buffer *content = NULL;
        must_refuse(NEXUS_STATUS_NOT_MOUNTED, nexus_read(fs, "/models/classifier.bin", &content, &error));
    }
    must(nexus_close(fs, &error));

    snprintf(mounts, sizeof mounts,
             ", \"mounts\": [{\"name\": \"bulk\", \"path\": \"/models\", \"backend\": \"local\", \"root\": %s, "
             "\"readonly\": true}]",
             mount_root_json);
    fs = open_store(mounts);
    print_file(fs, "/models/classifier.bin");
    must_refuse(NEXUS_STATUS_READ_ONLY, nexus_write(fs, "/models/classifier.bin", "x", 1, &error));
    must(nexus_close(fs, &error));
}

static void part_6_tenants_agents_namespaces(void)
{
    nexus_fs *acme;
    nexus_fs *admin;
    nexus_fs *strict;

    printf("\nPart 6: tenants, agents and namespaces\n");

    /* The first segment of a path is its namespace. Five are built in; a config declares more, and they bind everyone
     * who opens the store from then on. */
    acme = open_store(", \"tenant_id\": \"acme\", \"agent_id\": \"agent1\", \"namespaces\": ["
                      "{\"name\": \"analytics\", \"requires_tenant\": true},"
                      "{\"name\": \"audit\", \"admin_only\": true, \"requires_tenant\": false}]");

    write_text(acme, "/workspace/acme/agent1/plan.md", "1. Look around");
    write_text(acme, "/shared/acme/team.json", "{\"project\": \"orbit\"}");
    write_text(acme, "/external/public.txt", "for everyone");
    write_text(acme, "/analytics/acme/daily.json", "{\"revenue\": 50000}");
    print_all_files("agent1 of acme sees", acme);

    must_refuse(NEXUS_STATUS_ACCESS_DENIED, nexus_write(acme, "/workspace/acme/agent2/plan.md", "x", 1, &error));
    must_refuse(NEXUS_STATUS_ACCESS_DENIED, nexus_write(acme, "/analytics/techinc/daily.json", "x", 1, &error));
    must_refuse(NEXUS_STATUS_ACCESS_DENIED, nexus_write(acme, "/audit/access.log", "x", 1, &error));
    must_refuse(NEXUS_STATUS_ACCESS_DENIED, nexus_write(acme, "/system/settings", "x", 1, &error));
    must_refuse(NEXUS_STATUS_READ_ONLY, nexus_write(acme, "/archives/acme/2025.tar", "x", 1, &error));

    /* An admin passes the bounds of tenants; what is read-only stays so, unless the config says otherwise. */
    admin = open_store(", \"is_admin\": true, \"allow_readonly_writes\": true");
    write_text(admin, "/audit/access.log", "acme wrote a report");
    write_text(admin, "/archives/acme/2025.tar", "old things");
    print_file(acme, "/archives/acme/2025.tar");

    strict = open_store(", \"tenant_id\": \"acme\", \"agent_id\": \"agent1\", \"strict_namespaces\": true");
    must_refuse(NEXUS_STATUS_ACCESS_DENIED, nexus_write(strict, "/documents/memo.txt", "x", 1, &error));

    must(nexus_close(strict, &error));
    must(nexus_close(admin, &error));
    must(nexus_close(acme, &error));
}

static void part_7_isolation(void)
{
    nexus_fs *host = open_store("");
    nexus_fs *acme1 = NULL;
    nexus_fs *acme2 = NULL;
    nexus_fs *techinc = NULL;
    nexus_buffer *content = NULL;
    nexus_entries *found = NULL;
    nexus_entry *entry = NULL;
    char *json = NULL;

    printf("\nPart 7: isolation end to end\n");

    /* A host that serves many agents opens the store once and narrows a handle for each of them. */
    must(nexus_with_identity(host, "acme", "agent1", &acme1, &error));
    must(nexus_with_identity(host, "acme", "agent2", &acme2, &error));
    must(nexus_with_identity(host, "techinc", "agent1", &techinc, &error));

    write_text(acme1, "/workspace/acme/agent1/secret.txt", "the formula");
    write_text(acme2, "/workspace/acme/agent2/draft.txt", "a draft");
    write_text(techinc, "/workspace/techinc/agent1/secret.txt", "another formula");

    /* Another tenant can neither read a file nor tell whether there is one. */
    must_refuse(NEXUS_STATUS_ACCESS_DENIED,
                nexus_read(techinc, "/workspace/acme/agent1/secret.txt", &content, &error));
    must_refuse(NEXUS_STATUS_ACCESS_DENIED,
                nexus_read(techinc, "/workspace/acme/agent1/no-such-file", &content, &error));
    print_exists(techinc, "/workspace/acme/agent1/secret.txt");
    must(nexus_glob(techinc, "/workspace/**/secret.txt", NULL, &found, &error));
    print_entries("techinc finds /workspace/**/secret.txt", found);

    /* A hash is no key: of content that it may not read, a handle learns nothing. */
    must(nexus_stat(acme1, "/workspace/acme/agent1/secret.txt", &entry, &error));
    must_refuse(NEXUS_STATUS_NOT_FOUND, nexus_content_info(techinc, entry->etag, &json, &error));
    nexus_entry_free(entry);

    /* Nor can it remove what it does not see from above. */
    must_refuse(NEXUS_STATUS_ACCESS_DENIED, nexus_rmdir(techinc, "/workspace", 1, &error));

    /* Agents of one tenant work apart in /workspace and together in /shared. */
    must_refuse(NEXUS_STATUS_ACCESS_DENIED,
                nexus_read(acme2, "/workspace/acme/agent1/secret.txt", &content, &error));
    write_text(acme1, "/shared/acme/handover.txt", "over to you");
    print_file(acme2, "/shared/acme/handover.txt");

    /* A handle can be narrowed, never widened. */
    {
        nexus_fs *wider = NULL;
        must_refuse(NEXUS_STATUS_ACCESS_DENIED, nexus_with_identity(techinc, "acme", NULL, &wider, &error));
    }

    must(nexus_close(techinc, &error));
    must(nexus_close(acme2, &error));
    must(nexus_close(acme1, &error));
    must(nexus_close(host, &error));
}

static void print_reference_count(nexus_fs *fs, const char *etag)
{
    char *json = NULL;
    must(nexus_content_info(fs, etag, &json, &error));
    printf("  stored once, %llu bytes, reference count %llu\n", json_number(json, "size"),
           json_number(json, "ref_count"));
    nexus_string_free(json);
}

static void part_8_deduplication(void)
{
    const char *data = "This is important data";
    nexus_entry *entry = NULL;
    char *json = NULL;
    nexus_fs *fs = open_store("");

    printf("\nPart 8: deduplication\n");

    write_text(fs, "/reports/a.txt", data);
    write_text(fs, "/reports/b.txt", data);
    must(nexus_copy(fs, "/reports/b.txt", "/reports/c.txt", &error));
    must(nexus_stat(fs, "/reports/a.txt", &entry, &error));
    print_reference_count(fs, entry->etag);

    /* The same bytes again are no further reference; other bytes give one back. */
    write_text(fs, "/reports/a.txt", data);
    print_reference_count(fs, entry->etag);
    write_text(fs, "/reports/c.txt", "Something else");
    print_reference_count(fs, entry->etag);

    /* Content goes with the last file that holds it. */
    must(nexus_delete(fs, "/reports/a.txt", &error));
    print_reference_count(fs, entry->etag);
    print_file(fs, "/reports/b.txt");
    must(nexus_delete(fs, "/reports/b.txt", &error));
    must_refuse(NEXUS_STATUS_NOT_FOUND, nexus_content_info(fs, entry->etag, &json, &error));
    nexus_entry_free(entry);

    must(nexus_close(fs, &error));
}

int main(int argc, char **argv)
{
    char data_dir[SCRATCH_PATH_MAX + 16];
    char mount_root[SCRATCH_PATH_MAX + 32];

    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        fprintf(stderr, "usage: %s [DATA_DIR]\n", argv[0]);
        return 2;
    }
    if (argc == 2)
        snprintf(data_dir, sizeof data_dir, "%s", argv[1]);
    else
        snprintf(data_dir, sizeof data_dir, "%s/store", scratch_create());
    snprintf(mount_root, sizeof mount_root, "%s-bulk", data_dir);
    if (mkdir(mount_root, 0700) != 0) {
        perror(mount_root);
        return EXIT_FAILURE;
    }
    data_dir_json = json_quote(data_dir);
    mount_root_json = json_quote(mount_root);

    printf("Nexus %s\n", nexus_version());
    part_1_files();
    part_2_metadata();
    part_3_persistence();
    part_4_routing_and_directories();
    part_5_mounts();
    part_6_tenants_agents_namespaces();
    part_7_isolation();
    part_8_deduplication();

    /* Nothing is left open: every handle, list, entry and error has been freed. */
    must_hold(nexus_live_objects() == 0);
    printf("\nDone; every object was freed.\n");
    free(mount_root_json);
    free(data_dir_json);
    return EXIT_SUCCESS;
}
