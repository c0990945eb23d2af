/* What the token of a lease is good for: writes that only its holder can make, and completion together with files. */
#include "queue.h"

#include <pthread.h>

static nexus_write_options under(lease held)
{
    nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
    options.lease_path = held.path;
    options.lease = held.token;
    return options;
}

/* Each write of a worker that was overtaken is refused, and nothing has changed. */
static void refuse_every_write(nexus_fs *fs, lease lost)
{
    nexus_write_options options = under(lost);
    nexus_entry *row = NULL;
    nexus_writer *writer = NULL;
    nexus_batch *batch = NULL;
    entry before = look(fs, "/out/old");
    FAILS(LEASE_LOST, nexus_write_with(fs, "/out/old", BYTES("zombie"), &options, &row, ERR));
    EXPECT(row == NULL);
    FAILS(LEASE_LOST, nexus_write_with(fs, "/out/new", BYTES("zombie"), &options, NULL, ERR));
    FAILS(LEASE_LOST, nexus_append_with(fs, "/out/old", BYTES("zombie"), &options, NULL, ERR));
    FAILS(LEASE_LOST, nexus_delete_with(fs, "/out/old", &options, ERR));
    FAILS(LEASE_LOST, nexus_rename_with(fs, "/out/old", "/out/new", 0, &options, ERR));
    FAILS(LEASE_LOST, nexus_copy_with(fs, "/out/old", "/out/new", 0, &options, ERR));
    FAILS(LEASE_LOST, nexus_set_meta_with(fs, "/out/old", "key", "2", &options, ERR));
    FAILS(LEASE_LOST, nexus_write_with(fs, "/out/large", noise(LARGE, 1), LARGE, &options, NULL, ERR));
    /* Checked when it commits, whenever it was opened. */
    OK(nexus_writer_open(fs, "/out/new", &options, &writer, ERR));
    OK(nexus_writer_write(writer, "zombie", 6, ERR));
    FAILS(LEASE_LOST, nexus_writer_commit(writer, NULL, ERR));
    OK(nexus_writer_abort(writer, ERR));
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_write(batch, "/out/new", BYTES("zombie"), NULL, ERR));
    OK(nexus_batch_require_lease(batch, lost.path, lost.token, ERR));
    FAILS(LEASE_LOST, nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    EXPECT_STR(look(fs, "/out/old").etag, before.etag);
    EXPECT_INT(look(fs, "/out/old").version, before.version);
    EXPECT_INT(look(fs, "/out/old").modified_at, before.modified_at);
    EXPECT_STR(meta(fs, "/out/old", "key"), "1");
    EXPECT_STR(below(fs, "/out"), "/out/old");
}

static void a_worker_whose_lease_expired_writes_nothing(void)
{
    nexus_fs *fs = open_store("");
    lease lost;
    item(fs, "/job", READY);
    item(fs, "/out/old", "{\"key\": 1}");
    lost = zombie(fs, "/job");
    refuse_every_write(fs, lost);
    close_store(fs);
}

static void a_worker_that_was_overtaken_writes_nothing(void)
{
    nexus_fs *fs = open_store("");
    lease lost, mine;
    nexus_write_options options;
    item(fs, "/job", READY);
    item(fs, "/out/old", "{\"key\": 1}");
    lost = zombie(fs, "/job");
    mine = claim(fs, "/job", 60000);
    refuse_every_write(fs, lost);
    options = under(mine);
    OK(nexus_write_with(fs, "/out/new", BYTES("mine"), &options, NULL, ERR));
    OK(nexus_work_complete(fs, mine.path, mine.token, NULL, ERR));
    OK(nexus_delete(fs, "/out/new", ERR));
    refuse_every_write(fs, mine);
    close_store(fs);
}

static void a_worker_whose_item_was_cancelled_or_deleted_writes_nothing(void)
{
    nexus_fs *fs = open_store("");
    lease mine;
    item(fs, "/out/old", "{\"key\": 1}");
    item(fs, "/job", READY);
    mine = claim(fs, "/job", 60000);
    set_meta(fs, "/job", "status", "\"cancelled\"");
    refuse_every_write(fs, mine);
    FAILS(LEASE_LOST, nexus_work_heartbeat(fs, mine.path, mine.token, 1000, ERR));
    set_meta(fs, "/job", "status", "\"ready\"");
    mine = claim(fs, "/job", 60000);
    OK(nexus_delete(fs, "/job", ERR));
    refuse_every_write(fs, mine);
    FAILS(LEASE_LOST, nexus_work_complete(fs, mine.path, mine.token, NULL, ERR));
    /* Another item of that name is another item. */
    item(fs, "/job", READY);
    refuse_every_write(fs, mine);
    EXPECT(claim(fs, "/job", 60000).token > mine.token);
    close_store(fs);
}

static void a_lease_goes_along_with_a_rename(void)
{
    nexus_fs *fs = open_store("");
    lease mine;
    item(fs, "/q/job", READY);
    mine = claim(fs, NULL, 60000);
    OK(nexus_rename(fs, "/q", "/done/q", ERR));
    FAILS(LEASE_LOST, nexus_work_heartbeat(fs, "/q/job", mine.token, 60000, ERR));
    OK(nexus_work_heartbeat(fs, "/done/q/job", mine.token, 60000, ERR));
    OK(nexus_copy(fs, "/done/q/job", "/q/job", ERR));
    EXPECT_STR(status_of(fs, "/q/job"), "\"ready\"");
    FAILS(LEASE_LOST, nexus_work_complete(fs, "/q/job", mine.token, NULL, ERR));
    OK(nexus_work_complete(fs, "/done/q/job", mine.token, NULL, ERR));
    close_store(fs);
}

static void only_the_holder_changes_what_is_the_holders(void)
{
    static const char *const keys[][2] = {
        {"status", "\"ready\""}, {"status", "\"completed\""}, {"status", "\"in_progress\""}, {"worker_id", "\"thief\""},
        {"started_at", "\"2026-01-01T00:00:00Z\""}, {"completed_at", "\"2026-01-01T00:00:00Z\""}, {"depends_on", "\"/x\""},
    };
    nexus_write_options options;
    lease mine;
    size_t i;
    nexus_fs *fs = open_store("");
    put(fs, "/x", "x");
    item(fs, "/job", READY);
    mine = claim(fs, NULL, 60000);
    options = under(mine);
    for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        FAILS(CONFLICT, nexus_set_meta(fs, "/job", keys[i][0], keys[i][1], ERR));
        EXPECT_HAS(message(), keys[i][0]);
    }
    FAILS(CONFLICT, nexus_delete_meta(fs, "/job", "status", ERR));
    FAILS(CONFLICT, nexus_delete_meta(fs, "/job", "worker_id", ERR));
    FAILS(CONFLICT, nexus_set_meta_many(fs, "/job", "{\"note\": 1, \"status\": \"ready\"}", ERR));
    expect_no_meta(fs, "/job", "note");
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/job", "attempts", "0", ERR));
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/job", "lease_expires_at", "\"2100-01-01T00:00:00Z\"", ERR));
    FAILS(INVALID_ARGUMENT, nexus_delete_meta(fs, "/job", "attempts", ERR));
    /* What is not the holder's, and the content, anybody may change. */
    set_meta(fs, "/job", "priority", "3");
    set_meta(fs, "/job", "tags", "[\"x\"]");
    put(fs, "/job", "more of it");
    OK(nexus_set_meta_with(fs, "/job", "depends_on", "\"/x\"", &options, ERR));
    OK(nexus_set_meta_with(fs, "/job", "started_at", "\"2026-01-01T00:00:00Z\"", &options, ERR));
    OK(nexus_work_heartbeat(fs, "/job", mine.token, 60000, ERR));
    OK(nexus_set_meta_with(fs, "/job", "status", "\"pending\"", &options, ERR));
    FAILS(LEASE_LOST, nexus_work_heartbeat(fs, "/job", mine.token, 60000, ERR));
    close_store(fs);
}

static void lease_conditions_must_make_sense(void)
{
    nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
    nexus_batch *batch = NULL;
    nexus_fs *fs = open_store("\"tenant_id\": \"acme\"");
    put(fs, "/a", "x");
    options.lease = 1;
    FAILS(INVALID_ARGUMENT, nexus_write_with(fs, "/a", BYTES("y"), &options, NULL, ERR));
    EXPECT_HAS(message(), "lease");
    options.lease_path = "/a/../b";
    FAILS(INVALID_PATH, nexus_write_with(fs, "/a", BYTES("y"), &options, NULL, ERR));
    options.lease_path = "/shared/rival/job";
    FAILS(ACCESS_DENIED, nexus_write_with(fs, "/a", BYTES("y"), &options, NULL, ERR));
    options.lease_path = "/a";
    FAILS(LEASE_LOST, nexus_write_with(fs, "/a", BYTES("y"), &options, NULL, ERR));
    options.lease = UINT64_MAX;
    EXPECT(nexus_write_with(fs, "/a", BYTES("y"), &options, NULL, ERR) != NEXUS_STATUS_OK);
    OK(nexus_batch_new(fs, &batch, ERR));
    FAILS(INVALID_ARGUMENT, nexus_batch_complete_work(batch, "/a", 0, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_batch_complete_work(batch, "/a", 1, "{", ERR));
    FAILS(INVALID_ARGUMENT, nexus_batch_complete_work(batch, NULL, 1, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_batch_fail_work(batch, "/a", 1, text("%*s", 70000, "x"), 0, ERR));
    FAILS(INVALID_ARGUMENT, nexus_batch_release_work(batch, "/a", 0, ERR));
    FAILS(INVALID_ARGUMENT, nexus_batch_require_lease(batch, "/a", 0, ERR));
    FAILS(MISUSE, nexus_batch_complete_work(NULL, "/a", 1, NULL, ERR));
    OK(nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    EXPECT_STR(get(fs, "/a"), "x");
    close_store(fs);
}

/* ---- Completion with output files --------------------------------------------------------------- */

static nexus_batch *outputs(nexus_fs *fs, lease held)
{
    nexus_batch *batch = NULL;
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_write(batch, "/out/small", BYTES("result"), NULL, ERR));
    OK(nexus_batch_write(batch, "/out/large", noise(LARGE, 5), LARGE, NULL, ERR));
    OK(nexus_batch_set_meta(batch, "/out/small", "of", "\"job\"", ERR));
    OK(nexus_batch_complete_work(batch, held.path, held.token, "{\"files\": 2}", ERR));
    return batch;
}

static void output_files_and_completion_are_one_transaction(void)
{
    lease mine;
    nexus_batch *batch;
    nexus_fs *fs = open_store("");
    item(fs, "/job", READY);
    item(fs, "/next", "{\"status\": \"blocked\", \"depends_on\": \"/job\"}");
    mine = claim(fs, "/job", 60000);
    batch = outputs(fs, mine);
    OK(nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    EXPECT_STR(status_of(fs, "/job"), "\"completed\"");
    EXPECT_STR(get(fs, "/out/small"), "result");
    EXPECT_CONTENT(fs, "/out/large", noise(LARGE, 5), LARGE);
    EXPECT_STR(status_of(fs, "/next"), "\"ready\"");
    close_store(fs);
}

static void output_files_of_a_lost_lease_do_not_appear(void)
{
    nexus_error *error = NULL;
    lease lost, mine;
    nexus_batch *batch;
    int64_t index;
    nexus_fs *fs = open_store("");
    item(fs, "/job", READY);
    item(fs, "/next", "{\"status\": \"blocked\", \"depends_on\": \"/job\"}");
    lost = zombie(fs, "/job");
    mine = claim(fs, "/job", 60000);
    batch = outputs(fs, lost);
    EXPECT_INT(nexus_batch_commit(batch, NULL, &error), NEXUS_STATUS_LEASE_LOST);
    index = nexus_error_index(error);
    EXPECT_INT(index, 3);
    EXPECT_STR(nexus_error_path(error), "/job");
    nexus_error_free(error);
    EXPECT_INT(exists(fs, "/out"), 0);
    EXPECT_STR(status_of(fs, "/next"), "\"blocked\"");
    EXPECT_STR(status_of(fs, "/job"), "\"in_progress\"");
    expect_no_meta(fs, "/job", "result");
    /* It may be tried again, and is lost again. */
    FAILS(LEASE_LOST, nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
    EXPECT_INT(files_below(disk("store/cas")), 0);
    EXPECT_INT(files_below(disk("store/tmp")), 0);
    OK(nexus_work_complete(fs, mine.path, mine.token, NULL, ERR));
    close_store(fs);
}

static void several_items_are_finished_together_or_not_at_all(void)
{
    lease taken[3];
    nexus_batch *batch = NULL;
    nexus_fs *fs = open_store("");
    item(fs, "/a", READY);
    item(fs, "/b", READY);
    item(fs, "/c", READY);
    EXPECT_INT(claim_many(fs, NULL, 3, 60000, taken), 3);
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_complete_work(batch, "/a", taken[0].token, NULL, ERR));
    OK(nexus_batch_fail_work(batch, "/b", taken[1].token, "no", 0, ERR));
    OK(nexus_batch_release_work(batch, "/c", taken[2].token, ERR));
    OK(nexus_batch_complete_work(batch, "/a", taken[0].token, NULL, ERR));
    FAILS(LEASE_LOST, nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    EXPECT_STR(status_of(fs, "/a"), "\"in_progress\"");
    EXPECT_STR(status_of(fs, "/b"), "\"in_progress\"");
    EXPECT_STR(status_of(fs, "/c"), "\"in_progress\"");
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_complete_work(batch, "/a", taken[0].token, NULL, ERR));
    OK(nexus_batch_fail_work(batch, "/b", taken[1].token, "no", 60000, ERR));
    OK(nexus_batch_release_work(batch, "/c", taken[2].token, ERR));
    OK(nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    EXPECT_STR(status_of(fs, "/a"), "\"completed\"");
    EXPECT_STR(claimed(fs, NULL, 9), "/c");
    close_store(fs);
}

/* ---- Waiting, ended by others ------------------------------------------------------------------- */

struct waiter {
    pthread_t thread;
    nexus_fs *fs;
    nexus_status status;
    int32_t available;
    int calls;
};

static void *wait_for_ever(void *user)
{
    struct waiter *waiter = (struct waiter *)user;
    waiter->available = 7;
    waiter->status = nexus_work_wait(waiter->fs, NULL, -1, &waiter->available, NULL);
    __atomic_store_n(&waiter->calls, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Whether the wait has begun cannot be seen, so it is interrupted until it ends. */
static void interrupting_a_wait_leaves_the_handle_usable(void)
{
    struct waiter waiter;
    nexus_fs *fs = open_store("");
    memset(&waiter, 0, sizeof waiter);
    waiter.fs = fs;
    EXPECT_INT(pthread_create(&waiter.thread, NULL, wait_for_ever, &waiter), 0);
    while (!__atomic_load_n(&waiter.calls, __ATOMIC_SEQ_CST)) {
        OK(nexus_interrupt(fs, ERR));
    }
    EXPECT_INT(pthread_join(waiter.thread, NULL), 0);
    EXPECT_INT(waiter.status, NEXUS_STATUS_CANCELLED);
    EXPECT_INT(waiter.available, 0);
    item(fs, "/a", READY);
    EXPECT_INT(work_wait(fs, NULL, -1), 1);
    close_store(fs);
}

static void closing_a_handle_ends_its_waits(void)
{
    struct waiter waiter;
    nexus_fs *fs = open_store(""), *other = NULL;
    memset(&waiter, 0, sizeof waiter);
    OK(nexus_with_identity(fs, "acme", NULL, &other, ERR));
    waiter.fs = other;
    EXPECT_INT(pthread_create(&waiter.thread, NULL, wait_for_ever, &waiter), 0);
    OK(nexus_close(other, ERR));
    EXPECT_INT(pthread_join(waiter.thread, NULL), 0);
    /* It was cancelled in its wait, or began after the handle was gone. */
    EXPECT(waiter.status == NEXUS_STATUS_CANCELLED || waiter.status == NEXUS_STATUS_MISUSE);
    EXPECT_INT(waiter.available, 0);
    close_store(fs);
}

static void a_wait_refuses_bad_input_and_ends_in_time(void)
{
    int32_t available = 7;
    nexus_fs *fs = open_store("");
    FAILS(INVALID_ARGUMENT, nexus_work_wait(fs, NULL, 0, NULL, ERR));
    FAILS(INVALID_PATH, nexus_work_wait(fs, "/\xff", 0, &available, ERR));
    EXPECT_INT(available, 0);
    FAILS(MISUSE, nexus_work_wait(NULL, NULL, 0, &available, ERR));
    EXPECT_INT(work_wait(fs, NULL, 0), 0);
    EXPECT_INT(work_wait(fs, NULL, 30), 0);
    item(fs, "/q/a", "{\"status\": \"ready\", \"not_before\": \"2100-01-01T00:00:00Z\"}");
    EXPECT_INT(work_wait(fs, NULL, 30), 0);
    item(fs, "/q/b", READY);
    EXPECT_INT(work_wait(fs, "/r", 0), 0);
    EXPECT_INT(work_wait(fs, "/q/b", INT64_MAX), 1);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_worker_whose_lease_expired_writes_nothing);
    RUN(a_worker_that_was_overtaken_writes_nothing);
    RUN(a_worker_whose_item_was_cancelled_or_deleted_writes_nothing);
    RUN(a_lease_goes_along_with_a_rename);
    RUN(only_the_holder_changes_what_is_the_holders);
    RUN(lease_conditions_must_make_sense);
    RUN(output_files_and_completion_are_one_transaction);
    RUN(output_files_of_a_lost_lease_do_not_appear);
    RUN(several_items_are_finished_together_or_not_at_all);
    RUN(interrupting_a_wait_leaves_the_handle_usable);
    RUN(closing_a_handle_ends_its_waits);
    RUN(a_wait_refuses_bad_input_and_ends_in_time);
    return finish();
}
