/* Calls that move or search many bytes end soon after an interrupt, and have changed nothing. */
#include "expect.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#define HUGE_BYTES ((size_t)64 * 1024 * 1024)

struct interrupter {
    nexus_fs *fs;
    pthread_t thread;
    int32_t begun;
    int32_t stop;
};

/* Interrupts whatever the handle does, again and again. */
static void *interrupt_always(void *user)
{
    struct interrupter *interrupter = (struct interrupter *)user;
    while (!__atomic_load_n(&interrupter->stop, __ATOMIC_ACQUIRE)) {
        if (nexus_interrupt(interrupter->fs, NULL) != NEXUS_STATUS_OK) {
            FAIL("the handle cannot be interrupted");
        }
        __atomic_store_n(&interrupter->begun, 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void start_interrupting(struct interrupter *interrupter)
{
    interrupter->begun = interrupter->stop = 0;
    EXPECT_INT(pthread_create(&interrupter->thread, NULL, interrupt_always, interrupter), 0);
    while (!__atomic_load_n(&interrupter->begun, __ATOMIC_ACQUIRE)) {
        sched_yield();
    }
}

static void stop_interrupting(struct interrupter *interrupter)
{
    __atomic_store_n(&interrupter->stop, 1, __ATOMIC_RELEASE);
    EXPECT_INT(pthread_join(interrupter->thread, NULL), 0);
}

static void interrupts_end_what_moves_many_bytes(void)
{
    struct interrupter interrupter;
    uint8_t *room = (uint8_t *)malloc(HUGE_BYTES);
    nexus_buffer *content = NULL;
    const uint8_t *huge = noise(HUGE_BYTES, 1);
    nexus_reader *reader = NULL;
    nexus_writer *writer = NULL;
    nexus_batch *batch = NULL;
    size_t size = 0;
    EXPECT(room != NULL);
    interrupter.fs = open_store("");
    OK(nexus_write(interrupter.fs, "/huge", huge, HUGE_BYTES, ERR));
    put(interrupter.fs, "/small", "small");
    OK(nexus_reader_open(interrupter.fs, "/huge", &reader, ERR));
    OK(nexus_writer_open(interrupter.fs, "/streamed", NULL, &writer, ERR));
    OK(nexus_batch_new(interrupter.fs, &batch, ERR));

    start_interrupting(&interrupter);
    FAILS(CANCELLED, nexus_read(interrupter.fs, "/huge", &content, ERR));
    FAILS(CANCELLED, nexus_read_at(interrupter.fs, "/huge", 0, room, HUGE_BYTES, &size, ERR));
    FAILS(CANCELLED, nexus_reader_read(reader, room, HUGE_BYTES, &size, ERR));
    FAILS(CANCELLED, nexus_write(interrupter.fs, "/written", huge, HUGE_BYTES, ERR));
    FAILS(CANCELLED, nexus_append(interrupter.fs, "/huge", huge, HUGE_BYTES, ERR));
    FAILS(CANCELLED, nexus_writer_write(writer, huge, HUGE_BYTES, ERR));
    FAILS(CANCELLED, nexus_batch_write(batch, "/batched", huge, HUGE_BYTES, NULL, ERR));
    stop_interrupting(&interrupter);

    /* What was streamed is not whole, and never becomes a file. */
    FAILS(MISUSE, nexus_writer_write(writer, BYTES("more"), ERR));
    FAILS(MISUSE, nexus_writer_commit(writer, NULL, ERR));
    OK(nexus_writer_abort(writer, ERR));
    nexus_batch_free(batch);
    EXPECT_INT(exists(interrupter.fs, "/written"), 0);
    EXPECT_INT(exists(interrupter.fs, "/streamed"), 0);
    EXPECT_CONTENT(interrupter.fs, "/huge", huge, HUGE_BYTES);
    /* The reader stands where it stood. */
    OK(nexus_reader_read(reader, room, HUGE_BYTES, &size, ERR));
    EXPECT_INT(size, HUGE_BYTES);
    EXPECT(memcmp(room, huge, HUGE_BYTES) == 0);
    OK(nexus_reader_close(reader, ERR));
    EXPECT_STR(get(interrupter.fs, "/small"), "small");
    close_store(interrupter.fs);
    EXPECT_INT(files_below(disk("store/tmp")), 0);
    free(room);
}

/* ---- Within a line ----------------------------------------------------------------------------- */

#define LINE_BYTES ((size_t)250 * 1000)
#define LINES 20
#define MILLISECOND 1000000LL

struct search {
    nexus_fs *fs;
    const char *pattern;
    nexus_status status;
    /* The processor time that the searching thread had used at the end, in nanoseconds. */
    long long used;
    int32_t ended;
};

static long long nanoseconds(clockid_t clock)
{
    struct timespec time;
    EXPECT_INT(clock_gettime(clock, &time), 0);
    return (long long)time.tv_sec * 1000 * MILLISECOND + time.tv_nsec;
}

static void *search(void *user)
{
    struct search *search = (struct search *)user;
    nexus_matches *matches = NULL;
    search->status = nexus_grep(search->fs, search->pattern, NULL, &matches, NULL);
    nexus_matches_free(matches);
    search->used = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    __atomic_store_n(&search->ended, 1, __ATOMIC_RELEASE);
    /* Its clock ends with the thread: that waits until nobody reads it any more. */
    while (__atomic_load_n(&search->ended, __ATOMIC_ACQUIRE) == 1) {
        sched_yield();
    }
    return NULL;
}

/*
 * Starts a search that takes minutes, of which each line takes seconds; ends it with `end` when it has come to the lines,
 * and says how much processor time it used afterwards. Processor time, so that a busy machine changes nothing.
 */
static long long time_until_it_ends(nexus_fs *fs, const char *pattern, nexus_status (*end)(nexus_fs *fs))
{
    struct search running;
    pthread_t thread;
    clockid_t clock;
    long long used = 0;
    memset(&running, 0, sizeof running);
    running.fs = fs;
    running.pattern = pattern;
    EXPECT_INT(pthread_create(&thread, NULL, search, &running), 0);
    EXPECT_INT(pthread_getcpuclockid(thread, &clock), 0);
    while (used < 300 * MILLISECOND && !__atomic_load_n(&running.ended, __ATOMIC_ACQUIRE)) {
        used = nanoseconds(clock);
    }
    OK(end(fs));
    while (!__atomic_load_n(&running.ended, __ATOMIC_ACQUIRE)) {
        sched_yield();
    }
    __atomic_store_n(&running.ended, 2, __ATOMIC_RELEASE);
    EXPECT_INT(pthread_join(thread, NULL), 0);
    EXPECT_INT(running.status, NEXUS_STATUS_CANCELLED);
    return running.used - used;
}

static nexus_status interrupt_it(nexus_fs *fs)
{
    return nexus_interrupt(fs, ERR);
}

static nexus_status close_it(nexus_fs *fs)
{
    return nexus_close(fs, ERR);
}

static void a_search_ends_within_a_line(void)
{
    uint8_t *lines = (uint8_t *)scratch(LINES * (LINE_BYTES + 1));
    const uint8_t *random = noise(LINES * (LINE_BYTES + 1), 7);
    nexus_fs *fs = open_store("");
    size_t i;
    for (i = 0; i < LINES * (LINE_BYTES + 1); i++) {
        lines[i] = i % (LINE_BYTES + 1) == LINE_BYTES ? '\n' : (uint8_t)('a' + (random[i] & 1));
    }
    OK(nexus_write(fs, "/lines", lines, LINES * (LINE_BYTES + 1), ERR));
    EXPECT(time_until_it_ends(fs, "[ab]*a[ab]{1000}c", interrupt_it) < 1000 * MILLISECOND);
    EXPECT(time_until_it_ends(fs, "\\b[ab]*a[ab]{900}é", interrupt_it) < 1000 * MILLISECOND);
    /* The handle goes on. */
    EXPECT(exists(fs, "/lines"));
    EXPECT(time_until_it_ends(fs, "[ab]*a[ab]{1000}c", close_it) < 1000 * MILLISECOND);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(interrupts_end_what_moves_many_bytes);
    RUN(a_search_ends_within_a_line);
    return finish();
}
