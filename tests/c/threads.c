/* Many threads on one handle and on derived ones: nothing is lost, and every message is the caller's own. */
#include "expect.h"

#include <pthread.h>

enum { THREADS = 16 };

struct worker {
    pthread_t thread;
    int number;
    nexus_fs *shared;
    nexus_fs *own;
};

static void run_all(struct worker *workers, nexus_fs *fs, void *(*work)(void *))
{
    int i;
    for (i = 0; i < THREADS; i++) {
        workers[i].number = i;
        workers[i].shared = fs;
        EXPECT_INT(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (i = 0; i < THREADS; i++) {
        EXPECT_INT(pthread_join(workers[i].thread, NULL), 0);
    }
}

/* The threads' memory and messages are of the test: a failure in one ends the program. */
static void *mix(void *user)
{
    struct worker *me = (struct worker *)user;
    int round;
    for (round = 0; round < 40; round++) {
        nexus_fs *fs = round % 2 ? me->shared : me->own;
        const char *own = text("/shared/t%d/file%d", me->number, round % 7);
        const char *content = text("thread %d round %d", me->number, round);
        nexus_entries *page = NULL;
        nexus_batch *batch = NULL;
        put(fs, own, content);
        EXPECT_STR(get(fs, own), content);
        put(me->shared, "/common", "the same bytes from all");
        EXPECT_STR(get(me->shared, "/common"), "the same bytes from all");
        set_meta(fs, own, "round", text("%d", round));
        EXPECT_STR(meta(fs, own, "round"), text("%d", round));
        OK(nexus_list(fs, NULL, &page, ERR));
        EXPECT(nexus_entries_len(page) > 0);
        nexus_entries_free(page);
        if (round % 10 == 9) {
            OK(nexus_write(fs, own, noise(LARGE, (uint64_t)round), LARGE, ERR));
            EXPECT_CONTENT(fs, own, noise(LARGE, (uint64_t)round), LARGE);
            OK(nexus_rename(fs, own, text("%s-moved", own), ERR));
            OK(nexus_delete(fs, text("%s-moved", own), ERR));
        }
        OK(nexus_batch_new(fs, &batch, ERR));
        OK(nexus_batch_write(batch, text("/shared/t%d/batch", me->number), BYTES(content), NULL, ERR));
        OK(nexus_batch_set_meta(batch, text("/shared/t%d/batch", me->number), "k", "1", ERR));
        OK(nexus_batch_commit(batch, NULL, ERR));
        nexus_batch_free(batch);
    }
    (void)expect_error_slot();
    return NULL;
}

static void mixed_operations_of_many_threads_all_hold(void)
{
    struct worker workers[THREADS];
    int i;
    nexus_fs *fs = open_store("");
    memset(workers, 0, sizeof workers);
    for (i = 0; i < THREADS; i++) {
        OK(nexus_with_identity(fs, text("t%d", i), NULL, &workers[i].own, ERR));
    }
    run_all(workers, fs, mix);
    EXPECT_INT(reference_count(fs, look(fs, "/common").etag), 1);
    for (i = 0; i < THREADS; i++) {
        EXPECT_STR(get(fs, text("/shared/t%d/batch", i)), text("thread %d round 39", i));
        EXPECT_STR(get(fs, text("/shared/t%d/file3", i)), text("thread %d round 38", i));
        close_store(workers[i].own);
    }
    EXPECT_INT(files_below(disk("store/cas")), 0);
    EXPECT_INT(files_below(disk("store/tmp")), 0);
    close_store(fs);
}

static void *fail_in_own_way(void *user)
{
    struct worker *me = (struct worker *)user;
    const char *path = text("/missing/%d", me->number);
    int round;
    for (round = 0; round < 200; round++) {
        nexus_buffer *buffer = NULL;
        nexus_error *error = NULL;
        EXPECT_INT(nexus_read(me->shared, path, &buffer, &error), NEXUS_STATUS_NOT_FOUND);
        EXPECT_STR(nexus_error_path(error), path);
        EXPECT_HAS(nexus_error_message(error), path);
        nexus_error_free(error);
    }
    return NULL;
}

static void every_thread_gets_its_own_message(void)
{
    struct worker workers[THREADS];
    nexus_fs *fs = open_store("");
    memset(workers, 0, sizeof workers);
    run_all(workers, fs, fail_in_own_way);
    close_store(fs);
}

static void *count_up(void *user)
{
    struct worker *me = (struct worker *)user;
    int done = 0;
    while (done < 20) {
        nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
        nexus_status status;
        const char *etag = look(me->shared, "/counter").etag;
        int value = atoi(get(me->shared, "/counter"));
        const char *next = text("%d", value + 1);
        options.if_match = etag;
        status = nexus_write_with(me->shared, "/counter", BYTES(next), &options, NULL, ERR);
        if (status == NEXUS_STATUS_OK) {
            done++;
        } else {
            EXPECT_INT(status, NEXUS_STATUS_CONFLICT);
        }
    }
    (void)expect_error_slot();
    return NULL;
}

static void conditional_writes_lose_no_update(void)
{
    struct worker workers[THREADS];
    nexus_fs *fs = open_store("");
    memset(workers, 0, sizeof workers);
    put(fs, "/counter", "0");
    run_all(workers, fs, count_up);
    EXPECT_STR(get(fs, "/counter"), text("%d", THREADS * 20));
    EXPECT_INT(look(fs, "/counter").version, THREADS * 20 + 1);
    close_store(fs);
}

static int winners;

static void *create_once(void *user)
{
    struct worker *me = (struct worker *)user;
    int round;
    for (round = 0; round < 50; round++) {
        nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
        nexus_status status;
        options.if_none_match = 1;
        status = nexus_write_with(me->shared, text("/once/%d", round), BYTES("x"), &options, NULL, ERR);
        if (status == NEXUS_STATUS_OK) {
            __atomic_add_fetch(&winners, 1, __ATOMIC_RELAXED);
        } else {
            EXPECT_INT(status, NEXUS_STATUS_CONFLICT);
        }
    }
    (void)expect_error_slot();
    return NULL;
}

static void a_file_is_created_by_exactly_one_thread(void)
{
    struct worker workers[THREADS];
    nexus_fs *fs = open_store("");
    memset(workers, 0, sizeof workers);
    winners = 0;
    run_all(workers, fs, create_once);
    EXPECT_INT(winners, 50);
    EXPECT_INT(reference_count(fs, look(fs, "/once/0").etag), 50);
    close_store(fs);
}

static void *derive_and_close(void *user)
{
    struct worker *me = (struct worker *)user;
    int round;
    for (round = 0; round < 50; round++) {
        nexus_fs *narrow = NULL;
        OK(nexus_with_identity(me->shared, text("t%d", me->number), NULL, &narrow, ERR));
        put(narrow, text("/shared/t%d/f", me->number), "x");
        FAILS(ACCESS_DENIED, nexus_write(narrow, "/shared/someone-else/f", BYTES("x"), ERR));
        OK(nexus_close(narrow, ERR));
    }
    (void)expect_error_slot();
    return NULL;
}

static void handles_come_and_go_in_all_threads(void)
{
    struct worker workers[THREADS];
    nexus_fs *fs = open_store("");
    memset(workers, 0, sizeof workers);
    run_all(workers, fs, derive_and_close);
    EXPECT_INT(nexus_live_objects(), 1);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(mixed_operations_of_many_threads_all_hold);
    RUN(every_thread_gets_its_own_message);
    RUN(conditional_writes_lose_no_update);
    RUN(a_file_is_created_by_exactly_one_thread);
    RUN(handles_come_and_go_in_all_threads);
    return finish();
}
