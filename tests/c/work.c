/* Work items: typed keys, dependencies that hold, transitions by themselves, five queries. */
#include "expect.h"

typedef nexus_status (*query)(nexus_fs *, int64_t, nexus_work_list **, nexus_error **);

/* The rows of a query as JSON. */
static char *rows_of(nexus_fs *fs, query ask, int64_t limit)
{
    nexus_work_list *list = NULL;
    char *rows = NULL;
    OK(ask(fs, limit, &list, ERR));
    OK(nexus_work_list_json(list, &rows, ERR));
    nexus_work_list_free(list);
    return keep(rows);
}

static char *unquoted(const char *value)
{
    return text("%.*s", (int)strlen(value) - 2, value + 1);
}

/* The paths of a query in its order. */
static char *paths_in(nexus_fs *fs, query ask)
{
    const char *rows = rows_of(fs, ask, 1000);
    char *all = text("%s", "");
    int i;
    for (i = 0; i < json_len(rows, ""); i++) {
        all = text("%s%s%s", all, i ? " " : "", unquoted(json(rows, text("[%d].virtual_path", i))));
    }
    return all;
}

static void item(nexus_fs *fs, const char *path, const char *keys)
{
    put(fs, path, path);
    OK(nexus_set_meta_many(fs, path, keys, ERR));
}

static void set_status(nexus_fs *fs, const char *path, const char *status)
{
    set_meta(fs, path, "status", text("\"%s\"", status));
}

static char *explain(nexus_fs *fs, const char *path)
{
    char *explanation = NULL;
    OK(nexus_work_explain(fs, path, &explanation, ERR));
    return keep(explanation);
}

static char *stats_of(nexus_fs *fs, const char *prefix)
{
    char *stats = NULL;
    OK(nexus_work_stats(fs, prefix, &stats, ERR));
    return keep(stats);
}

static void work_keys_are_typed_on_every_file(void)
{
    static const char *const bad[][2] = {
        {"status", "\"done\""}, {"status", "\"READY\""}, {"status", "5"}, {"status", "null"}, {"status", "\"\""},
        {"priority", "\"high\""}, {"priority", "1.9"}, {"priority", "\"1\""}, {"priority", "true"}, {"priority", "1e400"},
        {"depends_on", "5"}, {"depends_on", "{}"}, {"depends_on", "[5]"}, {"depends_on", "[\"/a\", null]"},
        {"worker_id", "5"}, {"started_at", "\"yesterday\""}, {"started_at", "5"}, {"completed_at", "\"2026-13-01T00:00:00Z\""},
        {"not_before", "\"2026-01-01\\n\""}, {"not_before", "true"}, {"tags", "\"a\""}, {"tags", "[1]"}, {"tags", "{}"},
        {"max_attempts", "0"}, {"max_attempts", "-1"}, {"max_attempts", "1.5"}, {"max_attempts", "\"3\""},
        {"attempts", "1"}, {"last_error", "\"x\""}, {"result", "1"}, {"lease_expires_at", "\"2026-01-01T00:00:00Z\""},
    };
    size_t i;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        nexus_status status = nexus_set_meta(fs, "/a", bad[i][0], bad[i][1], ERR);
        if (status != NEXUS_STATUS_INVALID_ARGUMENT) {
            FAIL("%s = %s gave %s: %s", bad[i][0], bad[i][1], nexus_status_name(status), message());
        }
        EXPECT_HAS(message(), bad[i][0]);
    }
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/a", "priority", "\"high\"", ERR));
    EXPECT_HAS(message(), "high");
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/a", "priority", "NaN", ERR));
    EXPECT_STR(paths_in(fs, nexus_get_work_by_priority), "");
    close_store(fs);
}

static void work_keys_are_read_back(void)
{
    char *all = NULL;
    nexus_fs *fs = open_store("");
    item(fs, "/a", "{\"status\": \"pending\", \"priority\": -5, \"worker_id\": \"w\", \"tags\": [\"x\", \"y\"], \"max_attempts\": 3, \"other\": 1}");
    EXPECT_STR(meta(fs, "/a", "status"), "\"pending\"");
    EXPECT_STR(meta(fs, "/a", "priority"), "-5");
    EXPECT_STR(meta(fs, "/a", "worker_id"), "\"w\"");
    EXPECT_STR(json(meta(fs, "/a", "tags"), "[1]"), "\"y\"");
    EXPECT_STR(meta(fs, "/a", "max_attempts"), "3");
    OK(nexus_list_meta(fs, "/a", &all, ERR));
    EXPECT_STR(json(all, "priority"), "-5");
    EXPECT_STR(json(all, "other"), "1");
    nexus_string_free(all);
    /* A time without offset is UTC; others are brought there. */
    set_meta(fs, "/a", "started_at", "\"2026-01-02T03:04:05\"");
    EXPECT_HAS(meta(fs, "/a", "started_at"), "\"2026-01-02T03:04:05");
    EXPECT_HAS(meta(fs, "/a", "started_at"), "Z\"");
    set_meta(fs, "/a", "started_at", "\"2026-01-02T03:04:05.25+02:00\"");
    EXPECT_HAS(meta(fs, "/a", "started_at"), "\"2026-01-02T01:04:05.25");
    OK(nexus_delete_meta(fs, "/a", "priority", ERR));
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/a", "priority", &all, ERR));
    OK(nexus_delete_meta(fs, "/a", "status", ERR));
    EXPECT_STR(paths_in(fs, nexus_get_work_by_priority), "");
    close_store(fs);
}

static void work_keys_are_found_by_value(void)
{
    nexus_entries *page = NULL;
    nexus_fs *fs = open_store("");
    item(fs, "/a", "{\"status\": \"failed\", \"priority\": 7}");
    item(fs, "/b", "{\"status\": \"ready\"}");
    OK(nexus_find_by_meta(fs, "status", "\"failed\"", NULL, &page, ERR));
    EXPECT_STR(paths_of(page), "/a");
    OK(nexus_find_by_meta(fs, "priority", "7", NULL, &page, ERR));
    EXPECT_STR(paths_of(page), "/a");
    close_store(fs);
}

static void dependencies_are_named_by_id_path_or_list(void)
{
    const char *x, *y;
    nexus_fs *fs = open_store("");
    put(fs, "/x", "x");
    put(fs, "/y", "y");
    set_status(fs, "/x", "ready");
    set_status(fs, "/y", "ready");
    x = id_of(fs, "/x");
    y = id_of(fs, "/y");
    item(fs, "/a", text("{\"status\": \"ready\", \"depends_on\": \"%s\"}", x));
    item(fs, "/b", "{\"status\": \"ready\", \"depends_on\": \"/x\"}");
    item(fs, "/c", text("{\"status\": \"ready\", \"depends_on\": [\"/y\", \"%s\"]}", x));
    EXPECT_STR(json(meta(fs, "/a", "depends_on"), "[0]"), text("\"%s\"", x));
    EXPECT_STR(json(meta(fs, "/b", "depends_on"), "[0]"), text("\"%s\"", x));
    EXPECT_STR(json(meta(fs, "/c", "depends_on"), "[0]"), text("\"%s\"", y));
    EXPECT_STR(json(meta(fs, "/c", "depends_on"), "[1]"), text("\"%s\"", x));
    EXPECT_STR(paths_in(fs, nexus_get_blocked_work), "/c /a /b");
    EXPECT_INT(json_int(rows_of(fs, nexus_get_blocked_work, 10), "[0].blocker_count"), 2);
    EXPECT_INT(json_int(rows_of(fs, nexus_get_blocked_work, 10), "[1].blocker_count"), 1);
    /* Renaming keeps the edges; setting the key replaces them all. */
    OK(nexus_rename(fs, "/x", "/elsewhere/x", ERR));
    set_status(fs, "/elsewhere/x", "completed");
    EXPECT_STR(paths_in(fs, nexus_get_blocked_work), "/c");
    set_meta(fs, "/c", "depends_on", text("\"%s\"", x));
    EXPECT_STR(paths_in(fs, nexus_get_blocked_work), "");
    set_meta(fs, "/c", "depends_on", "\"/y\"");
    set_meta(fs, "/c", "depends_on", "[]");
    EXPECT_STR(paths_in(fs, nexus_get_blocked_work), "");
    close_store(fs);
}

static void unknown_dependencies_are_refused(void)
{
    char *value = NULL;
    nexus_fs *fs = open_store("");
    item(fs, "/a", "{\"status\": \"ready\"}");
    FAILS(NOT_FOUND, nexus_set_meta(fs, "/a", "depends_on", "\"/missing\"", ERR));
    FAILS(NOT_FOUND, nexus_set_meta(fs, "/a", "depends_on", "\"00000000-0000-7000-8000-000000000000\"", ERR));
    FAILS(NOT_FOUND, nexus_set_meta(fs, "/a", "depends_on", "[\"/a\", \"/missing\"]", ERR));
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/a", "depends_on", &value, ERR));
    EXPECT_STR(paths_in(fs, nexus_get_ready_work), "/a");
    close_store(fs);
}

static void a_cycle_is_refused_and_shown(void)
{
    char *value = NULL;
    nexus_fs *fs = open_store("");
    item(fs, "/first", "{\"status\": \"ready\"}");
    item(fs, "/second", "{\"status\": \"ready\", \"depends_on\": \"/first\"}");
    item(fs, "/third", "{\"status\": \"ready\", \"depends_on\": \"/second\"}");
    FAILS(CYCLE, nexus_set_meta(fs, "/first", "depends_on", "\"/third\"", ERR));
    EXPECT_HAS(message(), "/first");
    EXPECT_HAS(message(), "/second");
    EXPECT_HAS(message(), "/third");
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/first", "depends_on", &value, ERR));
    FAILS(CYCLE, nexus_set_meta(fs, "/first", "depends_on", "\"/first\"", ERR));
    FAILS(CYCLE, nexus_set_meta_many(fs, "/first", "{\"note\": 1, \"depends_on\": [\"/third\"]}", ERR));
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/first", "note", &value, ERR));
    close_store(fs);
}

static void dependencies_are_judged_at_the_end_of_a_batch(void)
{
    nexus_batch *batch = NULL;
    nexus_fs *fs = open_store("");
    item(fs, "/a", "{\"status\": \"ready\"}");
    item(fs, "/b", "{\"status\": \"ready\", \"depends_on\": \"/a\"}");
    /* Turning an edge round passes through a cycle, and names a file that is still to come. */
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_set_meta(batch, "/a", "depends_on", "[\"/b\", \"/new\"]", ERR));
    OK(nexus_batch_set_meta(batch, "/b", "depends_on", "[]", ERR));
    OK(nexus_batch_write(batch, "/new", BYTES("x"), NULL, ERR));
    OK(nexus_batch_set_meta(batch, "/new", "status", "\"ready\"", ERR));
    OK(nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    EXPECT_INT(json_len(meta(fs, "/a", "depends_on"), ""), 2);
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_set_meta(batch, "/b", "depends_on", "\"/new\"", ERR));
    OK(nexus_batch_set_meta(batch, "/new", "depends_on", "\"/a\"", ERR));
    FAILS(CYCLE, nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    EXPECT_INT(json_len(meta(fs, "/b", "depends_on"), ""), 0);
    close_store(fs);
}

static void only_completion_satisfies_a_dependency(void)
{
    static const char *const open[] = {"ready", "pending", "blocked", "in_progress", "failed", "cancelled"};
    size_t i;
    nexus_fs *fs = open_store("");
    item(fs, "/dep", "{\"status\": \"ready\"}");
    item(fs, "/job", "{\"status\": \"ready\", \"depends_on\": \"/dep\"}");
    for (i = 0; i < sizeof open / sizeof open[0]; i++) {
        set_status(fs, "/dep", open[i]);
        EXPECT_LACKS(paths_in(fs, nexus_get_ready_work), "/job");
        EXPECT_HAS(paths_in(fs, nexus_get_blocked_work), "/job");
        EXPECT_HAS(explain(fs, "/job"), "/dep");
        EXPECT_HAS(explain(fs, "/job"), open[i]);
    }
    set_status(fs, "/dep", "completed");
    EXPECT_STR(paths_in(fs, nexus_get_ready_work), "/job");
    /* A file without status is no work to wait for. */
    set_status(fs, "/dep", "ready");
    OK(nexus_delete_meta(fs, "/dep", "status", ERR));
    EXPECT_STR(paths_in(fs, nexus_get_ready_work), "/job");
    set_status(fs, "/dep", "pending");
    EXPECT_STR(paths_in(fs, nexus_get_ready_work), "");
    close_store(fs);
}

static void a_deleted_dependency_stays_open_and_says_so(void)
{
    char *explanation = NULL;
    nexus_fs *fs = open_store("");
    item(fs, "/dep", "{\"status\": \"ready\"}");
    item(fs, "/done", "{\"status\": \"completed\"}");
    item(fs, "/job", "{\"status\": \"blocked\", \"depends_on\": [\"/dep\", \"/done\"]}");
    OK(nexus_delete(fs, "/done", ERR));
    OK(nexus_delete(fs, "/dep", ERR));
    EXPECT_STR(paths_in(fs, nexus_get_blocked_work), "/job");
    EXPECT_INT(json_int(rows_of(fs, nexus_get_blocked_work, 10), "[0].blocker_count"), 1);
    EXPECT_HAS(explain(fs, "/job"), "/dep");
    EXPECT_HAS(explain(fs, "/job"), "deleted");
    /* Another file of that name is another item. */
    item(fs, "/dep", "{\"status\": \"completed\"}");
    EXPECT_STR(paths_in(fs, nexus_get_blocked_work), "/job");
    set_meta(fs, "/job", "depends_on", "\"/dep\"");
    EXPECT_STR(meta(fs, "/job", "status"), "\"ready\"");
    EXPECT_STR(paths_in(fs, nexus_get_blocked_work), "");
    FAILS(NOT_FOUND, nexus_work_explain(fs, "/missing", &explanation, ERR));
    close_store(fs);
}

static void blocked_items_become_ready_by_themselves(void)
{
    nexus_fs *fs = open_store("");
    item(fs, "/d1", "{\"status\": \"ready\"}");
    item(fs, "/d2", "{\"status\": \"ready\"}");
    item(fs, "/job", "{\"status\": \"blocked\", \"depends_on\": [\"/d1\", \"/d2\"]}");
    item(fs, "/held", "{\"status\": \"blocked\"}");
    item(fs, "/waiting", "{\"status\": \"pending\", \"depends_on\": \"/d1\"}");
    item(fs, "/failed", "{\"status\": \"failed\", \"depends_on\": \"/d1\"}");
    set_status(fs, "/d1", "completed");
    EXPECT_STR(meta(fs, "/job", "status"), "\"blocked\"");
    EXPECT_STR(meta(fs, "/waiting", "status"), "\"pending\"");
    set_status(fs, "/d2", "completed");
    EXPECT_STR(meta(fs, "/job", "status"), "\"ready\"");
    EXPECT_STR(meta(fs, "/held", "status"), "\"blocked\"");
    EXPECT_STR(meta(fs, "/waiting", "status"), "\"pending\"");
    EXPECT_STR(meta(fs, "/failed", "status"), "\"failed\"");
    EXPECT_STR(paths_in(fs, nexus_get_ready_work), "/job");
    /* An edge that opens again takes it out of the queue, not out of its status. */
    set_status(fs, "/d2", "ready");
    EXPECT_STR(meta(fs, "/job", "status"), "\"ready\"");
    EXPECT_STR(paths_in(fs, nexus_get_ready_work), "/d2");
    EXPECT_STR(paths_in(fs, nexus_get_blocked_work), "/job /held");
    /* Set to blocked with nothing open it is ready at the end of the same call. */
    set_status(fs, "/d2", "completed");
    set_status(fs, "/job", "blocked");
    EXPECT_STR(meta(fs, "/job", "status"), "\"ready\"");
    close_store(fs);
}

static void the_queues_come_in_their_orders(void)
{
    const char *rows;
    nexus_fs *fs = open_store("");
    item(fs, "/none1", "{\"status\": \"ready\"}");
    item(fs, "/p5", "{\"status\": \"ready\", \"priority\": 5}");
    item(fs, "/p1", "{\"status\": \"ready\", \"priority\": 1}");
    item(fs, "/a-late-p1", "{\"status\": \"ready\", \"priority\": 1}");
    item(fs, "/p-10", "{\"status\": \"ready\", \"priority\": -10}");
    item(fs, "/big", "{\"status\": \"ready\", \"priority\": 4000000000}");
    item(fs, "/a-none2", "{\"status\": \"ready\"}");
    EXPECT_STR(paths_in(fs, nexus_get_ready_work), "/p-10 /p1 /a-late-p1 /p5 /big /none1 /a-none2");
    item(fs, "/w1", "{\"status\": \"in_progress\", \"worker_id\": \"w\", \"started_at\": \"2026-01-01T00:00:00Z\"}");
    item(fs, "/w3", "{\"status\": \"in_progress\", \"started_at\": \"2026-01-03T00:00:00Z\"}");
    item(fs, "/w2", "{\"status\": \"in_progress\", \"started_at\": \"2026-01-02T00:00:00Z\"}");
    EXPECT_STR(paths_in(fs, nexus_get_in_progress_work), "/w3 /w2 /w1");
    item(fs, "/pend2", "{\"status\": \"pending\", \"priority\": 2}");
    item(fs, "/pend1", "{\"status\": \"pending\", \"priority\": 1}");
    EXPECT_STR(paths_in(fs, nexus_get_pending_work), "/pend1 /pend2");
    item(fs, "/b1", "{\"status\": \"blocked\", \"depends_on\": \"/p1\"}");
    item(fs, "/b2", "{\"status\": \"blocked\", \"depends_on\": [\"/p1\", \"/p5\"]}");
    item(fs, "/b1first", "{\"status\": \"ready\", \"priority\": 1, \"depends_on\": \"/p1\"}");
    item(fs, "/pb", "{\"status\": \"pending\", \"depends_on\": \"/p1\"}");
    EXPECT_STR(paths_in(fs, nexus_get_blocked_work), "/b2 /b1first /b1 /pb");
    EXPECT_STR(paths_in(fs, nexus_get_pending_work), "/pend1 /pend2");
    put(fs, "/no-item", "x");
    set_meta(fs, "/no-item", "priority", "0");
    EXPECT_STR(paths_in(fs, nexus_get_work_by_priority),
               "/p-10 /p1 /a-late-p1 /pend1 /b1first /pend2 /p5 /big /none1 /a-none2 /w1 /w3 /w2 /b1 /b2 /pb");
    rows = rows_of(fs, nexus_get_in_progress_work, 1000);
    EXPECT_STR(json(rows, "[2].worker_id"), "\"w\"");
    EXPECT_STR(json(rows, "[2].status"), "\"in_progress\"");
    EXPECT_STR(json(rows, "[2].path_id"), text("\"%s\"", id_of(fs, "/w1")));
    EXPECT_STR(json(rows, "[2].content_hash"), text("\"%s\"", look(fs, "/w1").etag));
    EXPECT_INT(json_int(rows, "[2].size_bytes"), 3);
    EXPECT_STR(json(rows, "[2].tenant_id"), "null");
    EXPECT_HAS(json(rows, "[2].started_at"), "2026-01-01T00:00:00");
    close_store(fs);
}

static void rows_tell_their_tenant_and_tags(void)
{
    nexus_work_list *list = NULL;
    const nexus_work_item *row;
    nexus_fs *fs = open_store("");
    item(fs, "/shared/acme/job", "{\"status\": \"ready\", \"priority\": 2, \"tags\": [\"x\"]}");
    OK(nexus_get_work_by_priority(fs, 10, &list, ERR));
    EXPECT_INT(nexus_work_list_len(list), 1);
    row = nexus_work_list_at(list, 0);
    EXPECT(row != NULL);
    EXPECT_INT(row->struct_size, sizeof *row);
    EXPECT_STR(row->tenant_id, "acme");
    EXPECT_STR(row->virtual_path, "/shared/acme/job");
    EXPECT_STR(row->status, "ready");
    EXPECT_INT(row->priority, 2);
    EXPECT_STR(row->tags, "[\"x\"]");
    EXPECT(nexus_work_list_at(list, 1) == NULL);
    nexus_work_list_free(list);
    close_store(fs);
}

static void limits_are_limits(void)
{
    static const query queries[] = {nexus_get_ready_work, nexus_get_pending_work, nexus_get_blocked_work, nexus_get_in_progress_work,
                                    nexus_get_work_by_priority};
    nexus_work_list *list = NULL;
    size_t i;
    nexus_fs *fs = open_store("");
    for (i = 0; i < 5; i++) {
        item(fs, text("/%d", (int)i), "{\"status\": \"ready\"}");
    }
    EXPECT_INT(json_len(rows_of(fs, nexus_get_ready_work, 0), ""), 0);
    EXPECT_INT(json_len(rows_of(fs, nexus_get_ready_work, 1), ""), 1);
    EXPECT_INT(json_len(rows_of(fs, nexus_get_ready_work, 5), ""), 5);
    EXPECT_INT(json_len(rows_of(fs, nexus_get_ready_work, INT64_MAX), ""), 5);
    for (i = 0; i < 5; i++) {
        FAILS(INVALID_ARGUMENT, queries[i](fs, -1, &list, ERR));
        EXPECT(list == NULL);
    }
    close_store(fs);
}

static void items_wait_for_their_time(void)
{
    nexus_fs *fs = open_store("");
    item(fs, "/later", "{\"status\": \"ready\", \"not_before\": \"2100-01-01T00:00:00Z\"}");
    item(fs, "/now", "{\"status\": \"ready\", \"not_before\": \"2020-01-01T00:00:00Z\"}");
    EXPECT_STR(paths_in(fs, nexus_get_ready_work), "/now");
    EXPECT_INT(json_int(stats_of(fs, NULL), "views.delayed"), 1);
    set_meta(fs, "/later", "not_before", "\"2020-01-01T00:00:00Z\"");
    EXPECT_STR(paths_in(fs, nexus_get_ready_work), "/later /now");
    close_store(fs);
}

static void statistics_count_every_item_once(void)
{
    static const char *const statuses[] = {"ready", "pending", "blocked", "in_progress", "completed", "failed", "cancelled"};
    const char *stats;
    int64_t sum = 0;
    size_t i;
    nexus_fs *fs = open_store("");
    for (i = 0; i < 7; i++) {
        item(fs, text("/%s", statuses[i]), text("{\"status\": \"%s\"}", statuses[i]));
    }
    item(fs, "/sub/ready-waiting", "{\"status\": \"ready\", \"depends_on\": \"/ready\"}");
    item(fs, "/sub/pending-waiting", "{\"status\": \"pending\", \"depends_on\": \"/ready\"}");
    item(fs, "/sub/delayed", "{\"status\": \"ready\", \"not_before\": \"2100-01-01T00:00:00Z\"}");
    put(fs, "/no-item", "x");
    stats = stats_of(fs, NULL);
    for (i = 0; i < 7; i++) {
        int64_t count = json_int(stats, text("by_status.%s", statuses[i]));
        EXPECT(count >= 1);
        sum += count;
    }
    EXPECT_INT(sum, 10);
    EXPECT_INT(json_int(stats, "by_status.ready"), 3);
    EXPECT_INT(json_int(stats, "views.ready"), 1);
    EXPECT_INT(json_int(stats, "views.delayed"), 1);
    EXPECT_INT(json_int(stats, "views.blocked"), 3);
    EXPECT_INT(json_int(stats, "views.pending"), 1);
    EXPECT_INT(json_int(stats, "views.in_progress"), 1);
    EXPECT_INT(json_int(stats_of(fs, "/sub/"), "by_status.ready"), 2);
    EXPECT_INT(json_int(stats_of(fs, "/sub/"), "views.blocked"), 2);
    close_store(fs);
}

static void a_deleted_item_leaves_the_queues(void)
{
    nexus_fs *fs = open_store("");
    item(fs, "/a", "{\"status\": \"ready\", \"priority\": 1}");
    OK(nexus_delete(fs, "/a", ERR));
    EXPECT_STR(paths_in(fs, nexus_get_work_by_priority), "");
    put(fs, "/a", "another");
    EXPECT_STR(paths_in(fs, nexus_get_work_by_priority), "");
    item(fs, "/b", "{\"status\": \"ready\"}");
    OK(nexus_rename(fs, "/b", "/a", ERR));
    EXPECT_STR(paths_in(fs, nexus_get_ready_work), "/a");
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(work_keys_are_typed_on_every_file);
    RUN(work_keys_are_read_back);
    RUN(work_keys_are_found_by_value);
    RUN(dependencies_are_named_by_id_path_or_list);
    RUN(unknown_dependencies_are_refused);
    RUN(a_cycle_is_refused_and_shown);
    RUN(dependencies_are_judged_at_the_end_of_a_batch);
    RUN(only_completion_satisfies_a_dependency);
    RUN(a_deleted_dependency_stays_open_and_says_so);
    RUN(blocked_items_become_ready_by_themselves);
    RUN(the_queues_come_in_their_orders);
    RUN(rows_tell_their_tenant_and_tags);
    RUN(limits_are_limits);
    RUN(items_wait_for_their_time);
    RUN(statistics_count_every_item_once);
    RUN(a_deleted_item_leaves_the_queues);
    return finish();
}
