/* Calls that move many bytes end soon after an interrupt, and have changed nothing. */
#include "expect.h"

#include <pthread.h>

#define HUGE_BYTES ((size_t)64 * 1024 * 1024)

struct interrupter {
    nexus_fs *fs;
    pthread_t thread;
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
    }
    return NULL;
}

static void start_interrupting(struct interrupter *interrupter)
{
    interrupter->stop = 0;
    EXPECT_INT(pthread_create(&interrupter->thread, NULL, interrupt_always, interrupter), 0);
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

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(interrupts_end_what_moves_many_bytes);
    return finish();
}
