/* Claims through the C interface: every call, every refusal, and what a worker that was overtaken cannot do. */
#include "queue.h"

#define TOO_LONG_MS ((uint64_t)367 * 24 * 60 * 60 * 1000)

/* ---- Claiming ---------------------------------------------------------------------------------- */

static void a_claim_gives_each_item_once_by_priority_then_age(void)
{
    nexus_fs *fs = open_store("");
    item(fs, "/q/none", READY);
    item(fs, "/q/second", "{\"status\": \"ready\", \"priority\": 1}");
    item(fs, "/q/a-third", "{\"status\": \"ready\", \"priority\": 1}");
    item(fs, "/q/first", "{\"status\": \"ready\", \"priority\": -7}");
    item(fs, "/q/delayed", "{\"status\": \"ready\", \"not_before\": \"2100-01-01T00:00:00Z\"}");
    item(fs, "/q/waiting", "{\"status\": \"ready\", \"depends_on\": \"/q/none\"}");
    item(fs, "/q/pending", "{\"status\": \"pending\"}");
    EXPECT_STR(claimed(fs, NULL, 3), "/q/first /q/second /q/a-third");
    EXPECT_STR(claimed(fs, NULL, 10), "/q/none");
    EXPECT_STR(claimed(fs, NULL, 10), "");
    close_store(fs);
}

static void every_priority_comes_before_none(void)
{
    nexus_fs *fs = open_store("");
    nexus_work_list *items = NULL;
    const nexus_work_item *last;
    item(fs, "/q/1-none", READY);
    item(fs, "/q/2-greatest", "{\"status\": \"ready\", \"priority\": 9223372036854775807}");
    item(fs, "/q/3-least", "{\"status\": \"ready\", \"priority\": -9223372036854775808}");
    item(fs, "/other/4-none", READY);
    item(fs, "/other/5-greatest", "{\"status\": \"ready\", \"priority\": 9223372036854775807}");
    OK(nexus_get_work_by_priority(fs, 9, &items, ERR));
    EXPECT_INT(nexus_work_list_len(items), 5);
    EXPECT_STR(nexus_work_list_at(items, 1)->virtual_path, "/q/2-greatest");
    EXPECT_STR(nexus_work_list_at(items, 2)->virtual_path, "/other/5-greatest");
    last = nexus_work_list_at(items, 4);
    EXPECT_STR(last->virtual_path, "/other/4-none");
    EXPECT_INT(last->has_priority, 0);
    nexus_work_list_free(items);
    EXPECT_STR(claimed(fs, NULL, 3), "/q/3-least /q/2-greatest /other/5-greatest");
    /* The priority of an item changes its place at once, both ways. */
    OK(nexus_set_meta(fs, "/other/4-none", "priority", "9223372036854775807", ERR));
    EXPECT_STR(claimed(fs, NULL, 1), "/other/4-none");
    item(fs, "/q/6-greatest", "{\"status\": \"ready\", \"priority\": 9223372036854775807}");
    OK(nexus_delete_meta(fs, "/q/6-greatest", "priority", ERR));
    EXPECT_STR(claimed(fs, NULL, 9), "/q/1-none /q/6-greatest");
    close_store(fs);
}

static void a_row_tells_the_lease(void)
{
    nexus_claim_options options = claiming(NULL, 1, 60000);
    nexus_work_list *items = NULL;
    const nexus_work_item *row;
    char *rows = NULL;
    nexus_fs *fs = open_store("");
    item(fs, "/shared/acme/a", "{\"status\": \"ready\", \"priority\": 2, \"tags\": [\"x\"]}");
    OK(nexus_work_claim(fs, "worker 7", &options, &items, ERR));
    EXPECT_INT(nexus_work_list_len(items), 1);
    row = nexus_work_list_at(items, 0);
    EXPECT(row != NULL);
    EXPECT_INT(row->struct_size, sizeof *row);
    EXPECT_STR(row->virtual_path, "/shared/acme/a");
    EXPECT_STR(row->tenant_id, "acme");
    EXPECT_STR(row->status, "in_progress");
    EXPECT_STR(row->worker_id, "worker 7");
    EXPECT_STR(row->tags, "[\"x\"]");
    EXPECT_INT(row->has_priority, 1);
    EXPECT_INT(row->priority, 2);
    EXPECT_INT(row->attempts, 1);
    EXPECT(row->lease > 0 && row->lease < (uint64_t)1 << 53);
    EXPECT(row->started_at > 0);
    EXPECT_INT(row->lease_expires_at - row->started_at, 60000000);
    EXPECT_INT(row->lease_expired, 0);
    EXPECT(nexus_work_list_at(items, 1) == NULL);
    OK(nexus_work_list_json(items, &rows, ERR));
    EXPECT_INT(json_int(rows, "[0].lease"), (int64_t)row->lease);
    EXPECT_INT(json_int(rows, "[0].attempts"), 1);
    nexus_string_free(rows);
    nexus_work_list_free(items);
    EXPECT_STR(meta(fs, "/shared/acme/a", "worker_id"), "\"worker 7\"");
    EXPECT_HAS(meta(fs, "/shared/acme/a", "lease_expires_at"), "Z\"");
    close_store(fs);
}

static void a_claim_refuses_what_is_out_of_bounds(void)
{
    static const struct {
        uint32_t max;
        uint64_t lease_ms;
        const char *named;
    } bad[] = {{0, 1000, "max"}, {10001, 1000, "max"}, {UINT32_MAX, 1000, "max"}, {1, 0, "lease_ms"}, {1, TOO_LONG_MS, "lease_ms"}, {1, UINT64_MAX, "lease_ms"}};
    char worker[257];
    nexus_claim_options options = claiming(NULL, 1, 1000);
    nexus_work_list *items = (nexus_work_list *)&options;
    size_t i;
    nexus_fs *fs = open_store("");
    item(fs, "/a", READY);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        nexus_claim_options wrong = claiming(NULL, bad[i].max, bad[i].lease_ms);
        items = (nexus_work_list *)&options;
        FAILS(INVALID_ARGUMENT, nexus_work_claim(fs, "w", &wrong, &items, ERR));
        EXPECT_HAS(message(), bad[i].named);
        EXPECT(items == NULL);
    }
    memset(worker, 'w', sizeof worker - 1);
    worker[256] = 0;
    FAILS(INVALID_ARGUMENT, nexus_work_claim(fs, worker, &options, &items, ERR));
    EXPECT_HAS(message(), "worker_id");
    FAILS(INVALID_ARGUMENT, nexus_work_claim(fs, "", &options, &items, ERR));
    EXPECT_HAS(message(), "worker_id");
    FAILS(INVALID_ARGUMENT, nexus_work_claim(fs, NULL, &options, &items, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_claim(fs, "\xff", &options, &items, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_claim(fs, "w", &options, NULL, ERR));
    FAILS(MISUSE, nexus_work_claim(NULL, "w", &options, &items, ERR));
    options.prefix = "/\xff";
    FAILS(INVALID_PATH, nexus_work_claim(fs, "w", &options, &items, ERR));
    options = claiming(NULL, 1, 1000);
    options.struct_size = 0;
    FAILS(INVALID_ARGUMENT, nexus_work_claim(fs, "w", &options, &items, ERR));
    EXPECT_STR(status_of(fs, "/a"), "\"ready\"");
    expect_no_meta(fs, "/a", "attempts");
    worker[255] = 0;
    options = claiming(NULL, 10000, TOO_LONG_MS - 24 * 60 * 60 * 1000);
    OK(nexus_work_claim(fs, worker, &options, &items, ERR));
    EXPECT_INT(nexus_work_list_len(items), 1);
    nexus_work_list_free(items);
    close_store(fs);
}

static void options_of_another_version_are_read(void)
{
    struct {
        nexus_claim_options known;
        uint64_t added;
    } longer;
    nexus_claim_options shorter = claiming("/nowhere", 7, 0);
    nexus_work_list *items = NULL;
    nexus_fs *fs = open_store("");
    item(fs, "/a", READY);
    item(fs, "/b", READY);
    item(fs, "/c", READY);
    memset(&longer, 0, sizeof longer);
    longer.known = claiming(NULL, 1, 1000);
    longer.known.struct_size = sizeof longer;
    OK(nexus_work_claim(fs, "w", &longer.known, &items, ERR));
    EXPECT_INT(nexus_work_list_len(items), 1);
    nexus_work_list_free(items);
    longer.added = 1;
    FAILS(INVALID_ARGUMENT, nexus_work_claim(fs, "w", &longer.known, &items, ERR));
    /* Only its size is there: one item, for the default time. */
    shorter.struct_size = sizeof shorter.struct_size;
    OK(nexus_work_claim(fs, "w", &shorter, &items, ERR));
    EXPECT_INT(nexus_work_list_len(items), 1);
    EXPECT_INT(nexus_work_list_at(items, 0)->lease_expires_at - nexus_work_list_at(items, 0)->started_at, 30000000);
    nexus_work_list_free(items);
    OK(nexus_work_claim(fs, "w", NULL, &items, NULL));
    EXPECT_INT(nexus_work_list_len(items), 1);
    nexus_work_list_free(items);
    close_store(fs);
}

static void a_prefix_limits_a_worker_to_its_queue(void)
{
    nexus_fs *fs = open_store("");
    item(fs, "/jobs/a", READY);
    item(fs, "/jobs/b/1", READY);
    item(fs, "/jobs_2/c", READY);
    item(fs, "/JOBS/d", READY);
    item(fs, "/jobs%/e", READY);
    EXPECT_STR(claimed(fs, "/nothing", 9), "");
    EXPECT_STR(claimed(fs, "/jobs_", 9), "/jobs_2/c");
    EXPECT_STR(claimed(fs, "/jobs%", 9), "/jobs%/e");
    EXPECT_STR(claimed(fs, "jobs/b", 9), "/jobs/b/1");
    EXPECT_STR(claimed(fs, "/jobs/", 9), "/jobs/a");
    EXPECT_STR(claimed(fs, "/", 9), "/JOBS/d");
    close_store(fs);
}

static void workers_claim_only_what_they_may_change(void)
{
    lease mine;
    nexus_fs *fs = open_store(""), *acme, *rival, *bot, *filler;
    item(fs, "/shared/acme/1", READY);
    item(fs, "/shared/rival/1", READY);
    item(fs, "/workspace/acme/bot/1", READY);
    item(fs, "/workspace/acme/other/1", READY);
    filler = open_store("\"is_admin\": true, \"allow_readonly_writes\": true");
    item(filler, "/archives/acme/1", READY);
    close_store(filler);
    acme = open_as("acme", NULL);
    bot = open_as("acme", "bot");
    rival = open_as("rival", NULL);
    EXPECT_STR(claimed(rival, "/shared/acme/", 9), "");
    EXPECT_STR(claimed(rival, NULL, 9), "/shared/rival/1");
    EXPECT_STR(claimed(bot, "/workspace/", 9), "/workspace/acme/bot/1");
    mine = claim(acme, NULL, 60000);
    EXPECT_STR(mine.path, "/shared/acme/1");
    /* Nothing is told of others' leases, right or wrong. */
    FAILS(ACCESS_DENIED, nexus_work_heartbeat(rival, mine.path, mine.token, 1000, ERR));
    FAILS(ACCESS_DENIED, nexus_work_complete(rival, mine.path, mine.token, NULL, ERR));
    FAILS(ACCESS_DENIED, nexus_work_complete(rival, "/shared/acme/none", 99, NULL, ERR));
    FAILS(ACCESS_DENIED, nexus_work_fail(rival, mine.path, mine.token, "x", 0, ERR));
    FAILS(ACCESS_DENIED, nexus_work_release(bot, "/workspace/acme/other/1", 99, ERR));
    FAILS(READ_ONLY, nexus_work_complete(acme, "/archives/acme/1", 99, NULL, ERR));
    OK(nexus_work_complete(acme, mine.path, mine.token, NULL, ERR));
    EXPECT_STR(claimed(acme, NULL, 9), "/workspace/acme/other/1");
    EXPECT_STR(claimed(fs, NULL, 9), "");
    EXPECT_INT(work_wait(rival, NULL, 0), 0);
    close_store(rival), close_store(bot), close_store(acme), close_store(fs);
}

/* ---- Finishing --------------------------------------------------------------------------------- */

static void completing_stores_the_result_and_frees_dependents(void)
{
    lease mine;
    nexus_fs *fs = open_store("");
    item(fs, "/a", READY);
    item(fs, "/b", "{\"status\": \"blocked\", \"depends_on\": \"/a\"}");
    mine = claim(fs, NULL, 60000);
    OK(nexus_work_complete(fs, mine.path, mine.token, "{\"rows\": [1, 2]}", ERR));
    EXPECT_STR(status_of(fs, "/a"), "\"completed\"");
    EXPECT_INT(json_int(meta(fs, "/a", "result"), "rows[1]"), 2);
    EXPECT_HAS(meta(fs, "/a", "completed_at"), "Z\"");
    EXPECT_STR(meta(fs, "/a", "worker_id"), "\"worker\"");
    expect_no_meta(fs, "/a", "lease_expires_at");
    FAILS(LEASE_LOST, nexus_work_complete(fs, mine.path, mine.token, NULL, ERR));
    EXPECT_STR(claimed(fs, NULL, 9), "/b");
    close_store(fs);
}

static void a_release_is_as_if_nothing_had_been_claimed(void)
{
    lease mine, again;
    nexus_fs *fs = open_store("");
    item(fs, "/a", "{\"status\": \"ready\", \"max_attempts\": 1}");
    mine = claim(fs, NULL, 60000);
    OK(nexus_work_release(fs, mine.path, mine.token, ERR));
    expect_no_meta(fs, "/a", "attempts");
    expect_no_meta(fs, "/a", "worker_id");
    expect_no_meta(fs, "/a", "started_at");
    again = claim(fs, NULL, 60000);
    EXPECT(again.token > mine.token);
    FAILS(LEASE_LOST, nexus_work_release(fs, mine.path, mine.token, ERR));
    close_store(fs);
}

static void a_failure_waits_and_the_last_one_is_final(void)
{
    lease mine;
    nexus_fs *fs = open_store("");
    item(fs, "/a", "{\"status\": \"ready\", \"max_attempts\": 2}");
    mine = claim(fs, NULL, 60000);
    OK(nexus_work_fail(fs, mine.path, mine.token, "no \"route\"", 1, ERR));
    EXPECT_STR(meta(fs, "/a", "last_error"), "\"no \\\"route\\\"\"");
    EXPECT_STR(meta(fs, "/a", "attempts"), "1");
    EXPECT_INT(work_wait(fs, "/a", 60000), 1);
    mine = claim(fs, NULL, 60000);
    OK(nexus_work_fail(fs, mine.path, mine.token, NULL, 0, ERR));
    EXPECT_STR(status_of(fs, "/a"), "\"failed\"");
    EXPECT_STR(meta(fs, "/a", "last_error"), "\"\"");
    EXPECT_INT(work_wait(fs, "/a", 0), 0);
    /* The back-off of a first failure is a second. */
    item(fs, "/b", READY);
    mine = claim(fs, "/b", 60000);
    OK(nexus_work_fail(fs, mine.path, mine.token, "x", 0, ERR));
    EXPECT_STR(status_of(fs, "/b"), "\"ready\"");
    EXPECT_STR(claimed(fs, "/b", 1), "");
    EXPECT_HAS(meta(fs, "/b", "not_before"), "Z\"");
    close_store(fs);
}

static void an_expired_lease_is_a_failed_attempt(void)
{
    lease old, mine;
    nexus_fs *fs = open_store("");
    item(fs, "/a", "{\"status\": \"ready\", \"max_attempts\": 2}");
    old = zombie(fs, "/a");
    EXPECT_STR(status_of(fs, "/a"), "\"in_progress\"");
    EXPECT_STR(json(explain(fs, "/a"), "lease_expired"), "true");
    EXPECT_STR(json(explain(fs, "/a"), "claimable"), "true");
    FAILS(LEASE_LOST, nexus_work_heartbeat(fs, old.path, old.token, 60000, ERR));
    mine = claim(fs, "/a", 1);
    EXPECT(mine.token > old.token);
    EXPECT_STR(meta(fs, "/a", "attempts"), "2");
    EXPECT_HAS(meta(fs, "/a", "last_error"), "expired");
    /* With no attempt left the item is failed by the claim that meets it. */
    (void)work_wait(fs, "/a", 60000);
    EXPECT_STR(json(explain(fs, "/a"), "lease_expired"), "true");
    EXPECT_STR(json(explain(fs, "/a"), "claimable"), "false");
    EXPECT_STR(claimed(fs, "/a", 1), "");
    EXPECT_STR(status_of(fs, "/a"), "\"failed\"");
    close_store(fs);
}

static void an_expired_item_that_must_wait_is_not_called_claimable(void)
{
    nexus_fs *fs = open_store("");
    item(fs, "/dependency", "{\"status\": \"pending\"}");
    item(fs, "/a", READY);
    (void)zombie(fs, "/a");
    set_meta(fs, "/a", "depends_on", "\"/dependency\"");
    EXPECT_STR(json(explain(fs, "/a"), "claimable"), "false");
    EXPECT_STR(claimed(fs, NULL, 9), "");
    item(fs, "/b", READY);
    (void)zombie(fs, "/b");
    set_meta(fs, "/b", "not_before", "\"2100-01-01T00:00:00Z\"");
    EXPECT_STR(json(explain(fs, "/b"), "claimable"), "false");
    EXPECT_STR(claimed(fs, NULL, 9), "");
    close_store(fs);
}

static void a_dependent_says_when_the_last_lease_of_what_it_waits_for_ended(void)
{
    lease old, newer;
    char *open, *ended;
    nexus_fs *fs = open_store("");
    item(fs, "/a", "{\"status\": \"ready\", \"max_attempts\": 2}");
    item(fs, "/b", "{\"status\": \"blocked\", \"depends_on\": \"/a\"}");
    EXPECT_STR(json(explain(fs, "/b"), "open[0].reason"), "\"not completed yet\"");
    EXPECT_STR(json(explain(fs, "/b"), "open[0].lease_expired"), "false");
    EXPECT_STR(json(explain(fs, "/b"), "open[0].lease_expires_at"), "null");
    old = zombie(fs, "/a");
    EXPECT_STR(old.path, "/a");
    open = explain(fs, "/b");
    ended = meta(fs, "/a", "lease_expires_at");
    EXPECT_STR(json(open, "open[0].lease_expired"), "true");
    EXPECT_STR(json(open, "open[0].lease_expires_at"), ended);
    EXPECT_HAS(json(open, "open[0].reason"), "it may be claimed again");
    EXPECT_HAS(json(open, "open[0].reason"), text("%.*s", (int)strlen(ended) - 2, ended + 1));
    newer = zombie(fs, "/a");
    EXPECT(newer.token > old.token);
    EXPECT_HAS(json(explain(fs, "/b"), "open[0].reason"), "its last lease ended");
    EXPECT_HAS(json(explain(fs, "/b"), "open[0].reason"), "no attempt left");
    EXPECT_STR(claimed(fs, NULL, 9), "");
    EXPECT_STR(json(explain(fs, "/b"), "open[0].reason"), "\"failed\"");
    close_store(fs);
}

static void in_progress_by_hand_takes_the_place_of_an_expired_lease(void)
{
    nexus_fs *fs = open_store("");
    item(fs, "/a", READY);
    (void)zombie(fs, "/a");
    set_meta(fs, "/a", "status", "\"in_progress\"");
    EXPECT_STR(claimed(fs, NULL, 9), "");
    EXPECT_STR(status_of(fs, "/a"), "\"in_progress\"");
    expect_no_meta(fs, "/a", "lease_expires_at");
    close_store(fs);
}

static void finishing_refuses_what_it_cannot_take(void)
{
    const char *long_error = text("%*s", 64 * 1024 + 1, "x");
    lease mine;
    nexus_fs *fs = open_store("");
    item(fs, "/d/a", READY);
    item(fs, "/b", READY);
    mine = claim(fs, "/d/", 60000);
    FAILS(INVALID_ARGUMENT, nexus_work_heartbeat(fs, mine.path, mine.token, 0, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_heartbeat(fs, mine.path, mine.token, TOO_LONG_MS, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_heartbeat(fs, mine.path, 0, 1000, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_heartbeat(fs, mine.path, UINT64_MAX, 1000, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_heartbeat(fs, NULL, mine.token, 1000, ERR));
    FAILS(INVALID_PATH, nexus_work_heartbeat(fs, "/d/../b", mine.token, 1000, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_complete(fs, mine.path, mine.token, "{\"half\": ", ERR));
    EXPECT_HAS(message(), "result");
    FAILS(INVALID_ARGUMENT, nexus_work_complete(fs, mine.path, mine.token, "NaN", ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_complete(fs, mine.path, mine.token, "", ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_complete(fs, mine.path, mine.token, "\"\xff\"", ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_complete(fs, mine.path, 0, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_complete(fs, NULL, mine.token, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_fail(fs, mine.path, mine.token, long_error, 0, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_fail(fs, mine.path, mine.token, "\xff", 0, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_fail(fs, mine.path, mine.token, "x", TOO_LONG_MS, ERR));
    EXPECT_HAS(message(), "retry_after_ms");
    FAILS(INVALID_ARGUMENT, nexus_work_fail(fs, mine.path, 0, "x", 0, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_release(fs, mine.path, 0, ERR));
    FAILS(INVALID_ARGUMENT, nexus_work_release(fs, NULL, mine.token, ERR));
    FAILS(MISUSE, nexus_work_heartbeat(NULL, mine.path, mine.token, 1000, ERR));
    FAILS(MISUSE, nexus_work_complete(NULL, mine.path, mine.token, NULL, ERR));
    FAILS(MISUSE, nexus_work_fail(NULL, mine.path, mine.token, NULL, 0, ERR));
    FAILS(MISUSE, nexus_work_release(NULL, mine.path, mine.token, ERR));
    /* A token that never was, of another item, of no item, of a directory. */
    FAILS(LEASE_LOST, nexus_work_complete(fs, mine.path, mine.token + 1, NULL, ERR));
    FAILS(LEASE_LOST, nexus_work_complete(fs, "/b", mine.token, NULL, ERR));
    FAILS(LEASE_LOST, nexus_work_complete(fs, "/missing", mine.token, NULL, ERR));
    FAILS(LEASE_LOST, nexus_work_complete(fs, "/d", mine.token, NULL, ERR));
    EXPECT_STR(status_of(fs, mine.path), "\"in_progress\"");
    OK(nexus_work_fail(fs, mine.path, mine.token, long_error + 1, 60000, ERR));
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_claim_gives_each_item_once_by_priority_then_age);
    RUN(every_priority_comes_before_none);
    RUN(a_row_tells_the_lease);
    RUN(a_claim_refuses_what_is_out_of_bounds);
    RUN(options_of_another_version_are_read);
    RUN(a_prefix_limits_a_worker_to_its_queue);
    RUN(workers_claim_only_what_they_may_change);
    RUN(completing_stores_the_result_and_frees_dependents);
    RUN(a_release_is_as_if_nothing_had_been_claimed);
    RUN(a_failure_waits_and_the_last_one_is_final);
    RUN(an_expired_lease_is_a_failed_attempt);
    RUN(an_expired_item_that_must_wait_is_not_called_claimable);
    RUN(a_dependent_says_when_the_last_lease_of_what_it_waits_for_ended);
    RUN(in_progress_by_hand_takes_the_place_of_an_expired_lease);
    RUN(finishing_refuses_what_it_cannot_take);
    return finish();
}
