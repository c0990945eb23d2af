/* Isolation: what a handle may not read it cannot see, count, match, change or learn anything of. */
#include "expect.h"

/* A store with files of two tenants, two agents, and everyone; large contents where a count matters. */
static void populate(void)
{
    static const char *const files[] = {"/workspace/acme/bot/secret", "/workspace/acme/eve/notes", "/workspace/rival/bot/plan",
                                        "/shared/acme/team", "/shared/rival/team", "/archives/rival/old", "/system/settings",
                                        "/external/open", "/free/open"};
    size_t i;
    nexus_fs *fs = open_store("\"is_admin\": true, \"allow_readonly_writes\": true");
    for (i = 0; i < sizeof files / sizeof files[0]; i++) {
        put(fs, files[i], files[i]);
        OK(nexus_set_meta_many(fs, files[i], "{\"mark\": 1, \"status\": \"ready\"}", ERR));
    }
    close_store(fs);
}

#define OF_BOT "/external/open /free/open /shared/acme/team /workspace/acme/bot/secret"

/* Every call on `path` is denied, and the message is the same whether the path exists or not. */
static void expect_denied(nexus_fs *fs, const char *path)
{
    nexus_list_options options = listing(path, NULL, 1);
    nexus_buffer *buffer = NULL;
    nexus_entry *row = NULL;
    nexus_entries *page = NULL;
    nexus_reader *reader = NULL;
    nexus_writer *writer = NULL;
    nexus_strings *ids = NULL;
    nexus_batch *batch = NULL;
    char *string = NULL;
    uint8_t byte;
    size_t got;
    FAILS(ACCESS_DENIED, nexus_read(fs, path, &buffer, ERR));
    FAILS(ACCESS_DENIED, nexus_read_at(fs, path, 0, &byte, 1, &got, ERR));
    FAILS(ACCESS_DENIED, nexus_reader_open(fs, path, &reader, ERR));
    FAILS(ACCESS_DENIED, nexus_writer_open(fs, path, NULL, &writer, ERR));
    FAILS(ACCESS_DENIED, nexus_write(fs, path, BYTES("mine now"), ERR));
    FAILS(ACCESS_DENIED, nexus_append(fs, path, BYTES("!"), ERR));
    FAILS(ACCESS_DENIED, nexus_delete(fs, path, ERR));
    FAILS(ACCESS_DENIED, nexus_rename(fs, path, "/free/stolen", ERR));
    FAILS(ACCESS_DENIED, nexus_rename(fs, "/free/open", path, ERR));
    FAILS(ACCESS_DENIED, nexus_copy(fs, path, "/free/stolen", ERR));
    FAILS(ACCESS_DENIED, nexus_copy(fs, "/free/open", path, ERR));
    FAILS(ACCESS_DENIED, nexus_stat(fs, path, &row, ERR));
    FAILS(ACCESS_DENIED, nexus_list(fs, &options, &page, ERR));
    FAILS(ACCESS_DENIED, nexus_mkdir(fs, path, NEXUS_MKDIR_PARENTS | NEXUS_MKDIR_EXIST_OK, ERR));
    FAILS(ACCESS_DENIED, nexus_rmdir(fs, path, 1, ERR));
    FAILS(ACCESS_DENIED, nexus_set_meta(fs, path, "k", "1", ERR));
    FAILS(ACCESS_DENIED, nexus_set_meta_many(fs, path, "{\"k\": 1}", ERR));
    FAILS(ACCESS_DENIED, nexus_get_meta(fs, path, "mark", &string, ERR));
    FAILS(ACCESS_DENIED, nexus_list_meta(fs, path, &string, ERR));
    FAILS(ACCESS_DENIED, nexus_delete_meta(fs, path, "mark", ERR));
    FAILS(ACCESS_DENIED, nexus_path_id(fs, path, &string, ERR));
    FAILS(ACCESS_DENIED, nexus_work_explain(fs, path, &string, ERR));
    EXPECT_INT(exists(fs, path), 0);
    EXPECT_INT(is_directory(fs, path), 0);
    OK(nexus_content_ids(fs, &path, 1, &ids, ERR));
    EXPECT_STR(nexus_strings_at(ids, 0), NULL);
    nexus_strings_free(ids);
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_write(batch, "/free/batched", BYTES("x"), NULL, ERR));
    if (nexus_batch_delete(batch, path, ERR) == NEXUS_STATUS_OK) {
        FAILS(ACCESS_DENIED, nexus_batch_commit(batch, NULL, ERR));
        EXPECT_INT(nexus_error_index(expect_slot), 1);
    } else {
        EXPECT_INT(nexus_error_status(expect_slot), NEXUS_STATUS_ACCESS_DENIED);
    }
    nexus_batch_free(batch);
}

static void every_call_is_denied_on_others_paths(void)
{
    char *before, *after;
    nexus_fs *all, *bot;
    populate();
    all = open_store("");
    before = listed(all, NULL);
    bot = open_as("acme", "bot");
    expect_denied(bot, "/workspace/rival/bot/plan");
    expect_denied(bot, "/workspace/rival/bot/missing");
    expect_denied(bot, "/workspace/acme/eve/notes");
    expect_denied(bot, "/workspace/acme/nobody/missing");
    expect_denied(bot, "/shared/rival/team");
    expect_denied(bot, "/shared/nobody/missing");
    after = listed(all, NULL);
    EXPECT_STR(after, before);
    EXPECT_STR(get(all, "/shared/rival/team"), "/shared/rival/team");
    close_store(bot);
    close_store(all);
}

static void a_denial_does_not_tell_what_exists(void)
{
    nexus_buffer *buffer = NULL;
    const char *there, *not_there;
    nexus_fs *bot;
    populate();
    bot = open_as("acme", "bot");
    /* Names of one length, so that the messages can be compared whole. */
    FAILS(ACCESS_DENIED, nexus_read(bot, "/shared/rival/team", &buffer, ERR));
    there = text("%s", message());
    FAILS(ACCESS_DENIED, nexus_read(bot, "/shared/rival/nope", &buffer, ERR));
    not_there = text("%s", message());
    EXPECT_INT(strlen(there), strlen(not_there));
    FAILS(ACCESS_DENIED, nexus_write(bot, "/shared/rival/team/below/a/file", BYTES("x"), ERR));
    close_store(bot);
}

static void a_handle_lists_only_what_it_may_read(void)
{
    nexus_list_options options = NEXUS_LIST_OPTIONS_INIT;
    nexus_fs *bot, *acme, *all;
    populate();
    bot = open_as("acme", "bot");
    acme = open_as("acme", NULL);
    all = open_store("\"is_admin\": true");
    EXPECT_STR(listed(bot, NULL), OF_BOT);
    EXPECT_STR(listed(acme, NULL), OF_BOT " /workspace/acme/eve/notes");
    EXPECT_STR(children(bot, "/"), "/external/ /free/ /shared/ /workspace/");
    EXPECT_STR(children(bot, "/workspace"), "/workspace/acme/");
    EXPECT_STR(children(bot, "/workspace/acme"), "/workspace/acme/bot/");
    EXPECT_STR(children(bot, "/shared"), "/shared/acme/");
    EXPECT_HAS(children(all, "/"), "/system/");
    options.prefix = "/workspace/";
    EXPECT_STR(listed(bot, &options), "/workspace/acme/bot/secret");
    options.prefix = "/shared/r";
    EXPECT_STR(listed(bot, &options), "");
    options.prefix = "/";
    options.include_directories = 1;
    EXPECT_LACKS(listed(bot, &options), "rival");
    EXPECT_LACKS(listed(bot, &options), "eve");
    EXPECT_LACKS(listed(bot, &options), "system");
    options.limit = 1;
    do {
        nexus_entries *page = NULL;
        OK(nexus_list(bot, &options, &page, ERR));
        EXPECT(nexus_entries_len(page) <= 1);
        options.cursor = expect_copy(nexus_entries_cursor(page));
        EXPECT_LACKS(paths_of(page), "rival");
    } while (options.cursor != NULL);
    close_store(bot);
    close_store(acme);
    close_store(all);
}

static void searches_find_only_what_a_handle_may_read(void)
{
    nexus_entries *page = NULL;
    nexus_matches *matches = NULL;
    size_t i;
    nexus_fs *bot;
    populate();
    bot = open_as("acme", "bot");
    EXPECT_STR(globbed(bot, "/**"), OF_BOT);
    EXPECT_STR(globbed(bot, "/workspace/*/*/*"), "/workspace/acme/bot/secret");
    OK(nexus_find_by_meta(bot, "mark", "1", NULL, &page, ERR));
    EXPECT_STR(paths_of(page), OF_BOT);
    OK(nexus_grep(bot, "/", NULL, &matches, ERR));
    EXPECT_INT(nexus_matches_len(matches), 4);
    for (i = 0; i < nexus_matches_len(matches); i++) {
        EXPECT_HAS(OF_BOT, nexus_matches_at(matches, i)->path);
    }
    nexus_matches_free(matches);
    close_store(bot);
}

static void a_directory_of_others_does_not_exist(void)
{
    nexus_list_options options = listing("/archives", NULL, 0);
    nexus_entries *page = NULL;
    nexus_entry *row = NULL;
    nexus_fs *bot, *stranger;
    populate();
    bot = open_as("acme", "bot");
    stranger = open_as("stranger", NULL);
    EXPECT_INT(exists(bot, "/workspace"), 1);
    EXPECT_INT(exists(bot, "/archives"), 0);
    EXPECT_INT(is_directory(bot, "/archives"), 0);
    EXPECT_INT(exists(bot, "/system"), 0);
    EXPECT_INT(is_directory(bot, "/system"), 0);
    FAILS(NOT_FOUND, nexus_stat(bot, "/archives", &row, ERR));
    FAILS(NOT_FOUND, nexus_list(bot, &options, &page, ERR));
    EXPECT_INT(exists(stranger, "/workspace"), 0);
    EXPECT_INT(exists(stranger, "/workspace/stranger"), 0);
    EXPECT_STR(children(stranger, "/"), "/external/ /free/");
    close_store(bot);
    close_store(stranger);
}

static void ids_of_others_behave_like_unknown_ones(void)
{
    char *path = NULL;
    const char *hidden, *own, *denied, *unknown;
    nexus_fs *all, *bot;
    populate();
    all = open_store("");
    hidden = id_of(all, "/shared/rival/team");
    own = id_of(all, "/shared/acme/team");
    bot = open_as("acme", "bot");
    OK(nexus_path_of_id(bot, own, &path, ERR));
    EXPECT_STR(keep(path), "/shared/acme/team");
    FAILS(NOT_FOUND, nexus_path_of_id(bot, hidden, &path, ERR));
    denied = text("%s", message());
    FAILS(NOT_FOUND, nexus_path_of_id(bot, "00000000-0000-7000-8000-000000000000", &path, ERR));
    unknown = text("%s", message());
    EXPECT_INT(strlen(denied), strlen(unknown));
    EXPECT_LACKS(denied, "rival");
    close_store(bot);
    close_store(all);
}

/* The paths of a work query in its order. */
static char *queue(nexus_fs *fs)
{
    nexus_work_list *list = NULL;
    char *rows = NULL, *all = text("%s", "");
    int i;
    OK(nexus_get_work_by_priority(fs, 1000, &list, ERR));
    OK(nexus_work_list_json(list, &rows, ERR));
    nexus_work_list_free(list);
    rows = keep(rows);
    for (i = 0; i < json_len(rows, ""); i++) {
        const char *path = json(rows, text("[%d].virtual_path", i));
        all = text("%s%s%.*s", all, i ? " " : "", (int)strlen(path) - 2, path + 1);
    }
    return all;
}

static void work_queries_hold_only_what_a_handle_may_read(void)
{
    char *stats = NULL;
    nexus_fs *bot;
    populate();
    bot = open_as("acme", "bot");
    EXPECT_LACKS(queue(bot), "rival");
    EXPECT_LACKS(queue(bot), "eve");
    EXPECT_LACKS(queue(bot), "system");
    EXPECT_HAS(queue(bot), "/workspace/acme/bot/secret");
    OK(nexus_work_stats(bot, NULL, &stats, ERR));
    EXPECT_INT(json_int(stats, "by_status.ready"), 4);
    EXPECT_INT(json_int(stats, "views.ready"), 4);
    nexus_string_free(stats);
    close_store(bot);
}

static void nobody_depends_on_what_it_may_not_read(void)
{
    char *explanation = NULL;
    const char *hidden, *shown;
    nexus_fs *all, *bot;
    populate();
    all = open_store("");
    bot = open_as("acme", "bot");
    hidden = id_of(all, "/shared/rival/team");
    OK(nexus_write(all, "/shared/acme/own", "own", 3, ERR));
    set_meta(all, "/shared/acme/own", "status", "\"ready\"");
    FAILS(NOT_FOUND, nexus_set_meta(bot, "/shared/acme/team", "depends_on", text("\"%s\"", hidden), ERR));
    if (nexus_set_meta(bot, "/shared/acme/team", "depends_on", "\"/shared/rival/team\"", ERR) == NEXUS_STATUS_OK) {
        FAIL("acme's file depends on rival's");
    }
    /* An operator may join the two; then the tenant learns that something is in the way, not what. */
    set_meta(all, "/shared/acme/team", "depends_on", text("\"%s\"", hidden));
    OK(nexus_work_explain(bot, "/shared/acme/team", &explanation, ERR));
    shown = keep(explanation);
    EXPECT_HAS(shown, "not visible");
    EXPECT_LACKS(shown, "rival");
    OK(nexus_work_explain(all, "/shared/acme/team", &explanation, ERR));
    EXPECT_HAS(keep(explanation), "/shared/rival/team");
    /* A copy does not wait for it: a person decides what it waits for. The operator's waits for all. */
    set_meta(all, "/shared/acme/team", "depends_on", text("[\"%s\", \"/shared/acme/own\"]", hidden));
    OK(nexus_copy(bot, "/shared/acme/team", "/shared/acme/copy", ERR));
    OK(nexus_copy(all, "/shared/acme/team", "/shared/acme/whole", ERR));
    EXPECT_STR(meta(bot, "/shared/acme/copy", "depends_on"), text("[\"%s\"]", id_of(all, "/shared/acme/own")));
    EXPECT_STR(meta(bot, "/shared/acme/copy", "status"), "\"pending\"");
    EXPECT_STR(meta(all, "/shared/acme/whole", "depends_on"), meta(all, "/shared/acme/team", "depends_on"));
    set_meta(all, "/shared/rival/team", "status", "\"completed\"");
    EXPECT_STR(meta(bot, "/shared/acme/copy", "status"), "\"pending\"");
    close_store(bot);
    close_store(all);
}

static void counts_are_over_what_a_handle_may_read(void)
{
    uint8_t *large = noise(LARGE, 1);
    char *string = NULL;
    const char *shared_etag, *secret_etag;
    nexus_fs *all = open_store(""), *acme = open_as("acme", NULL);
    OK(nexus_write(all, "/shared/acme/a", large, LARGE, ERR));
    OK(nexus_write(all, "/shared/rival/a", large, LARGE, ERR));
    OK(nexus_write(all, "/shared/rival/b", large, LARGE, ERR));
    OK(nexus_write(all, "/shared/rival/secret", noise(LARGE, 2), LARGE, ERR));
    shared_etag = look(all, "/shared/acme/a").etag;
    secret_etag = look(all, "/shared/rival/secret").etag;
    EXPECT_INT(reference_count(all, shared_etag), 3);
    EXPECT_INT(reference_count(acme, shared_etag), 1);
    FAILS(NOT_FOUND, nexus_content_info(acme, secret_etag, &string, ERR));
    OK(nexus_storage_stats(acme, &string, ERR));
    EXPECT_INT(json_int(string, "files"), 1);
    EXPECT_INT(json_int(string, "logical_bytes"), LARGE);
    EXPECT_INT(json_int(string, "distinct_contents"), 1);
    EXPECT_LACKS(string, "rival");
    nexus_string_free(string);
    close_store(acme);
    close_store(all);
}

static void export_holds_only_what_a_handle_may_read(void)
{
    nexus_export_options options = NEXUS_EXPORT_OPTIONS_INIT;
    uint64_t count = 0;
    nexus_fs *all, *bot;
    populate();
    all = open_store("");
    bot = open_as("acme", "bot");
    OK(nexus_export_metadata(bot, disk("bot.jsonl"), NULL, NULL, NULL, &count, ERR));
    EXPECT_INT(count, 4);
    EXPECT_LACKS(read_disk(disk("bot.jsonl")), "rival");
    EXPECT_LACKS(read_disk(disk("bot.jsonl")), "/system");
    options.tenant_id = "rival";
    OK(nexus_export_metadata(all, disk("rival.jsonl"), &options, NULL, NULL, &count, ERR));
    EXPECT_INT(count, 3);
    EXPECT_LACKS(read_disk(disk("rival.jsonl")), "acme");
    EXPECT_LACKS(read_disk(disk("rival.jsonl")), "/free");
    if (nexus_export_metadata(bot, disk("stolen.jsonl"), &options, NULL, NULL, &count, ERR) == NEXUS_STATUS_OK) {
        EXPECT_INT(count, 0);
    } else {
        EXPECT_INT(nexus_error_status(expect_slot), NEXUS_STATUS_ACCESS_DENIED);
    }
    close_store(bot);
    close_store(all);
}

static char *import_line(const char *path, const entry *content)
{
    return text("{\"path\": \"%s\", \"backend_name\": \"local\", \"physical_path\": \"%s\", \"size\": %d, \"etag\": \"%s\"}\n", path,
                content->etag, (int)content->size, content->etag);
}

static void import_hands_over_no_content_and_plants_no_file(void)
{
    static const char *const targets[] = {"/system/planted", "/archives/acme/planted", "/shared/rival/planted", "/workspace/acme/eve/planted", "/shared"};
    entry own, others;
    char *before, *report = NULL;
    size_t i;
    nexus_fs *all, *bot;
    populate();
    all = open_store("");
    bot = open_as("acme", "bot");
    own = look(all, "/shared/acme/team");
    others = look(all, "/shared/rival/team");
    before = listed(all, NULL);
    write_disk(disk("in.jsonl"), import_line("/free/stolen", &others));
    if (nexus_import_metadata(bot, disk("in.jsonl"), NULL, NULL, NULL, &report, ERR) == NEXUS_STATUS_OK) {
        FAIL("a hash was a key to another tenant's content");
    }
    EXPECT(report == NULL);
    for (i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        write_disk(disk("in.jsonl"), text("%s%s", import_line("/free/good", &own), import_line(targets[i], &own)));
        if (nexus_import_metadata(bot, disk("in.jsonl"), NULL, NULL, NULL, &report, ERR) == NEXUS_STATUS_OK) {
            FAIL("import planted %s", targets[i]);
        }
    }
    EXPECT_STR(listed(all, NULL), before);
    write_disk(disk("in.jsonl"), import_line("/free/good", &own));
    OK(nexus_import_metadata(bot, disk("in.jsonl"), NULL, NULL, NULL, &report, ERR));
    nexus_string_free(report);
    EXPECT_STR(get(bot, "/free/good"), "/shared/acme/team");
    close_store(bot);
    close_store(all);
}

static void no_tenant_removes_or_replaces_a_root(void)
{
    static const char *const roots[] = {"/workspace", "/shared", "/workspace/acme", "/workspace/acme/bot", "/shared/acme"};
    char *before;
    size_t i;
    nexus_fs *all, *bot;
    populate();
    all = open_store("");
    bot = open_as("acme", "bot");
    before = listed(all, NULL);
    for (i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        FAILS(ACCESS_DENIED, nexus_rmdir(bot, roots[i], 1, ERR));
        FAILS(ACCESS_DENIED, nexus_write(bot, roots[i], BYTES("x"), ERR));
        FAILS(ACCESS_DENIED, nexus_delete(bot, roots[i], ERR));
        FAILS(ACCESS_DENIED, nexus_rename(bot, roots[i], "/free/taken", ERR));
        FAILS(ACCESS_DENIED, nexus_rename(bot, "/free/open", roots[i], ERR));
    }
    FAILS(ACCESS_DENIED, nexus_mkdir(bot, "/workspace", NEXUS_MKDIR_EXIST_OK, ERR));
    /* Nobody moves or removes the root of all. */
    FAILS(INVALID_ARGUMENT, nexus_rmdir(bot, "/", 1, ERR));
    FAILS(INVALID_ARGUMENT, nexus_rename(bot, "/", "/free/taken", ERR));
    FAILS(INVALID_ARGUMENT, nexus_rmdir(all, "/", 1, ERR));
    EXPECT_STR(listed(all, NULL), before);
    /* Inside its root everything is the handle's to change. */
    put(bot, "/workspace/acme/bot/dir/file", "x");
    OK(nexus_rmdir(bot, "/workspace/acme/bot/dir", 1, ERR));
    put(bot, "/shared/acme/new", "x");
    /* Who is bound to nothing may remove all of a tenant's files. */
    OK(nexus_rmdir(all, "/shared/rival", 1, ERR));
    EXPECT_LACKS(listed(all, NULL), "/shared/rival");
    close_store(bot);
    close_store(all);
}

static void a_tenants_name_is_no_pattern(void)
{
    nexus_buffer *buffer = NULL;
    nexus_fs *all = open_store(""), *likely = open_as("a_me", NULL), *upper = open_as("ACME", NULL), *percent = open_as("%", NULL);
    put(all, "/shared/acme/secret", "x");
    put(all, "/shared/a_me/own", "x");
    EXPECT_STR(listed(likely, NULL), "/shared/a_me/own");
    EXPECT_STR(listed(upper, NULL), "");
    EXPECT_STR(listed(percent, NULL), "");
    FAILS(ACCESS_DENIED, nexus_read(likely, "/shared/acme/secret", &buffer, ERR));
    FAILS(ACCESS_DENIED, nexus_rmdir(likely, "/shared/acme", 1, ERR));
    FAILS(ACCESS_DENIED, nexus_read(upper, "/shared/acme/secret", &buffer, ERR));
    EXPECT_STR(get(all, "/shared/acme/secret"), "x");
    close_store(all);
    close_store(likely);
    close_store(upper);
    close_store(percent);
}

static void rules_are_checked_in_their_order(void)
{
    nexus_buffer *buffer = NULL;
    nexus_fs *bot, *admin;
    populate();
    bot = open_as("acme", "bot");
    admin = open_store("\"tenant_id\": \"acme\", \"is_admin\": true");
    FAILS(ACCESS_DENIED, nexus_write(bot, "/system/x", BYTES("x"), ERR));
    EXPECT_HAS(message(), "Namespace 'system' requires admin privileges");
    FAILS(ACCESS_DENIED, nexus_read(bot, "/system/settings", &buffer, ERR));
    EXPECT_HAS(message(), "Namespace 'system' requires admin privileges");
    FAILS(READ_ONLY, nexus_write(admin, "/system/x", BYTES("x"), ERR));
    FAILS(READ_ONLY, nexus_delete(admin, "/archives/rival/old", ERR));
    FAILS(READ_ONLY, nexus_write(bot, "/archives/rival/x", BYTES("x"), ERR));
    FAILS(READ_ONLY, nexus_write(bot, "/archives/acme/x", BYTES("x"), ERR));
    FAILS(READ_ONLY, nexus_set_meta(admin, "/archives/rival/old", "k", "1", ERR));
    FAILS(ACCESS_DENIED, nexus_read(bot, "/archives/rival/old", &buffer, ERR));
    EXPECT_STR(get(admin, "/archives/rival/old"), "/archives/rival/old");
    EXPECT_STR(get(admin, "/workspace/rival/bot/plan"), "/workspace/rival/bot/plan");
    EXPECT_STR(get(admin, "/system/settings"), "/system/settings");
    close_store(bot);
    close_store(admin);
}

static void an_unbound_handle_is_no_admin(void)
{
    nexus_buffer *buffer = NULL;
    nexus_fs *all;
    populate();
    all = open_store("");
    FAILS(ACCESS_DENIED, nexus_read(all, "/system/settings", &buffer, ERR));
    EXPECT_LACKS(listed(all, NULL), "/system/");
    EXPECT_HAS(listed(all, NULL), "/workspace/rival/bot/plan");
    close_store(all);
}

static void a_derived_handle_is_only_ever_narrower(void)
{
    nexus_fs *all, *acme = NULL, *bot = NULL, *again = NULL, *wrong = NULL, *admin, *demoted = NULL;
    int i;
    populate();
    all = open_store("");
    OK(nexus_with_identity(all, "acme", NULL, &acme, ERR));
    OK(nexus_with_identity(acme, NULL, "bot", &bot, ERR));
    OK(nexus_with_identity(bot, "acme", "bot", &again, ERR));
    EXPECT_STR(listed(acme, NULL), OF_BOT " /workspace/acme/eve/notes");
    EXPECT_STR(listed(bot, NULL), OF_BOT);
    EXPECT_STR(listed(again, NULL), OF_BOT);
    FAILS(ACCESS_DENIED, nexus_with_identity(acme, "rival", NULL, &wrong, ERR));
    EXPECT(wrong == NULL);
    FAILS(ACCESS_DENIED, nexus_with_identity(bot, NULL, "eve", &wrong, ERR));
    FAILS(INVALID_ARGUMENT, nexus_with_identity(all, "", NULL, &wrong, ERR));
    FAILS(INVALID_ARGUMENT, nexus_with_identity(all, "a/b", NULL, &wrong, ERR));
    admin = open_store("\"is_admin\": true, \"allow_readonly_writes\": true");
    OK(nexus_with_identity(admin, "acme", "bot", &demoted, ERR));
    EXPECT_STR(listed(demoted, NULL), OF_BOT);
    FAILS(ACCESS_DENIED, nexus_write(demoted, "/system/x", BYTES("x"), ERR));
    FAILS(READ_ONLY, nexus_write(demoted, "/archives/acme/x", BYTES("x"), ERR));
    close_store(demoted);
    OK(nexus_with_identity(admin, NULL, NULL, &demoted, ERR));
    FAILS(ACCESS_DENIED, nexus_write(demoted, "/system/x", BYTES("x"), ERR));
    /* It outlives its parent, and its parent it. */
    close_store(all);
    close_store(acme);
    EXPECT_STR(listed(bot, NULL), OF_BOT);
    for (i = 0; i < 1000; i++) {
        nexus_fs *cheap = NULL;
        OK(nexus_with_identity(bot, NULL, NULL, &cheap, ERR));
        close_store(cheap);
    }
    close_store(bot);
    close_store(again);
    close_store(demoted);
    close_store(admin);
}

static void an_agent_without_a_tenant_is_that_agent_everywhere(void)
{
    nexus_fs *agent;
    populate();
    agent = open_store("\"agent_id\": \"bot\"");
    EXPECT_STR(get(agent, "/workspace/acme/bot/secret"), "/workspace/acme/bot/secret");
    EXPECT_STR(get(agent, "/workspace/rival/bot/plan"), "/workspace/rival/bot/plan");
    EXPECT_LACKS(listed(agent, NULL), "eve");
    EXPECT_INT(exists(agent, "/workspace/acme/eve/notes"), 0);
    FAILS(ACCESS_DENIED, nexus_rmdir(agent, "/workspace/acme", 1, ERR));
    close_store(agent);
}

static void strict_handles_keep_to_registered_namespaces(void)
{
    nexus_buffer *buffer = NULL;
    nexus_fs *strict;
    populate();
    strict = open_store("\"strict_namespaces\": true, \"tenant_id\": \"acme\"");
    EXPECT_STR(get(strict, "/shared/acme/team"), "/shared/acme/team");
    EXPECT_STR(get(strict, "/external/open"), "/external/open");
    FAILS(ACCESS_DENIED, nexus_read(strict, "/free/open", &buffer, ERR));
    FAILS(ACCESS_DENIED, nexus_write(strict, "/anything", BYTES("x"), ERR));
    EXPECT_LACKS(listed(strict, NULL), "/free");
    EXPECT_INT(exists(strict, "/free"), 0);
    close_store(strict);
}

#define ANALYTICS "\"namespaces\": [{\"name\": \"analytics\", \"requires_tenant\": true}]"

static void a_custom_namespace_binds_every_later_handle(void)
{
    nexus_buffer *buffer = NULL;
    nexus_fs *early = open_as("rival", NULL), *declaring, *late;
    declaring = open_store("\"tenant_id\": \"acme\", " ANALYTICS);
    put(declaring, "/analytics/acme/report", "x");
    /* Neither a handle that was open before nor a config that does not mention it is exempt. */
    FAILS(ACCESS_DENIED, nexus_read(early, "/analytics/acme/report", &buffer, ERR));
    EXPECT_INT(exists(early, "/analytics/acme/report"), 0);
    EXPECT_STR(listed(early, NULL), "");
    close_store(declaring);
    close_store(early);
    late = open_as("rival", NULL);
    FAILS(ACCESS_DENIED, nexus_read(late, "/analytics/acme/report", &buffer, ERR));
    put(late, "/analytics/rival/own", "y");
    EXPECT_STR(listed(late, NULL), "/analytics/rival/own");
    close_store(late);
    late = open_store("\"tenant_id\": \"rival\", " ANALYTICS);
    FAILS(ACCESS_DENIED, nexus_read(late, "/analytics/acme/report", &buffer, ERR));
    close_store(late);
}

static void rules_of_a_namespace_change_only_by_an_admin(void)
{
    nexus_buffer *buffer = NULL;
    nexus_fs *fs, *admin, *rival;
    FAILS(INVALID_CONFIG, try_open("\"namespaces\": [{\"name\": \"workspace\", \"requires_tenant\": false}]"));
    EXPECT_HAS(message(), "workspace");
    FAILS(INVALID_CONFIG, try_open("\"is_admin\": true, \"namespaces\": [{\"name\": \"system\"}]"));
    FAILS(INVALID_CONFIG, try_open("\"is_admin\": true, \"namespaces\": [{\"name\": \"shared\", \"remove\": true}]"));
    FAILS(INVALID_CONFIG, try_open("\"namespaces\": [{\"name\": \"a/b\"}]"));
    FAILS(INVALID_CONFIG, try_open("\"namespaces\": [{\"name\": \"..\"}]"));
    fs = open_store(ANALYTICS);
    put(fs, "/analytics/acme/report", "x");
    put(fs, "/taken/file", "x");
    close_store(fs);
    FAILS(INVALID_CONFIG, try_open("\"tenant_id\": \"rival\", \"namespaces\": [{\"name\": \"analytics\", \"requires_tenant\": false}]"));
    EXPECT_HAS(message(), "analytics");
    FAILS(INVALID_CONFIG, try_open("\"namespaces\": [{\"name\": \"analytics\", \"remove\": true}]"));
    FAILS(INVALID_CONFIG, try_open("\"tenant_id\": \"rival\", \"namespaces\": [{\"name\": \"taken\"}]"));
    OK(try_open(ANALYTICS));
    rival = open_as("rival", NULL);
    FAILS(ACCESS_DENIED, nexus_read(rival, "/analytics/acme/report", &buffer, ERR));
    admin = open_store("\"is_admin\": true, \"namespaces\": [{\"name\": \"analytics\", \"requires_tenant\": false}]");
    EXPECT_STR(get(rival, "/analytics/acme/report"), "x");
    close_store(admin);
    admin = open_store("\"is_admin\": true, \"namespaces\": [{\"name\": \"analytics\", \"admin_only\": true, \"readonly\": true}]");
    FAILS(ACCESS_DENIED, nexus_read(rival, "/analytics/acme/report", &buffer, ERR));
    EXPECT_HAS(message(), "Namespace 'analytics' requires admin privileges");
    FAILS(READ_ONLY, nexus_write(admin, "/analytics/acme/report", BYTES("y"), ERR));
    close_store(admin);
    OK(try_open("\"is_admin\": true, \"namespaces\": [{\"name\": \"analytics\", \"remove\": true}]"));
    EXPECT_STR(get(rival, "/analytics/acme/report"), "x");
    close_store(rival);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(every_call_is_denied_on_others_paths);
    RUN(a_denial_does_not_tell_what_exists);
    RUN(a_handle_lists_only_what_it_may_read);
    RUN(searches_find_only_what_a_handle_may_read);
    RUN(a_directory_of_others_does_not_exist);
    RUN(ids_of_others_behave_like_unknown_ones);
    RUN(work_queries_hold_only_what_a_handle_may_read);
    RUN(nobody_depends_on_what_it_may_not_read);
    RUN(counts_are_over_what_a_handle_may_read);
    RUN(export_holds_only_what_a_handle_may_read);
    RUN(import_hands_over_no_content_and_plants_no_file);
    RUN(no_tenant_removes_or_replaces_a_root);
    RUN(a_tenants_name_is_no_pattern);
    RUN(rules_are_checked_in_their_order);
    RUN(an_unbound_handle_is_no_admin);
    RUN(a_derived_handle_is_only_ever_narrower);
    RUN(an_agent_without_a_tenant_is_that_agent_everywhere);
    RUN(strict_handles_keep_to_registered_namespaces);
    RUN(a_custom_namespace_binds_every_later_handle);
    RUN(rules_of_a_namespace_change_only_by_an_admin);
    return finish();
}
