/*
 * kill -9 of a writer, again and again, while another process collects garbage.
 *
 *   crash [rounds [seed]]      50 rounds unless told otherwise
 *
 * The writer tells over a pipe what it is about to do, and that it was acknowledged. After each kill
 * the store must open, hold everything that was acknowledged, hold the change in flight wholly or not
 * at all, and after a gc have nothing left behind.
 */
#include "children.h"

#include <poll.h>
#include <time.h>

enum { FILES = 20, CONTENTS = 18, CHANGES = 4, NOTHING = -1 };

/* What one call does: after it, each of these files holds that content, or nothing. */
struct change {
    int acknowledged;
    int count;
    int file[CHANGES];
    int content[CHANGES];
};

/* Which content each file holds. */
static int held[FILES];
static uint64_t seed;

static char *file_name(int file)
{
    return text("/crash/%d/%d", file % 3, file);
}

static uint8_t *content_of(int content, size_t *size)
{
    *size = content % 3 == 0 ? (size_t)70000 + 4000 * (size_t)content : (size_t)10 + 300 * (size_t)content;
    return noise(*size, (uint64_t)content + 1);
}

/* ---- The processes ----------------------------------------------------------------------------- */

struct crew {
    int round;
    int reports[2];
    int running[2];
};

static void report(int fd, struct change *change, int acknowledged)
{
    change->acknowledged = acknowledged;
    if (write(fd, change, sizeof *change) != (ssize_t)sizeof *change) {
        FAIL("pipe: %s", strerror(errno));
    }
}

/* Draws the next change, and makes it. */
static void make_change(nexus_fs *fs, int reports, uint64_t *state)
{
    struct change change;
    size_t size;
    uint8_t *bytes;
    int a = (int)draw(state, FILES), b = (int)draw(state, FILES), content = (int)draw(state, CONTENTS), i;
    nexus_batch *batch = NULL;
    nexus_writer *writer = NULL;
    memset(&change, 0, sizeof change);
    change.count = 1;
    change.file[0] = a;
    change.content[0] = content;
    bytes = content_of(content, &size);
    switch (draw(state, 8)) {
    case 0:
        if (held[a] != NOTHING) {
            change.content[0] = NOTHING;
            report(reports, &change, 0);
            OK(nexus_delete(fs, file_name(a), ERR));
            break;
        }
        /* fall through */
    case 1:
    case 2:
    case 3:
        report(reports, &change, 0);
        OK(nexus_write(fs, file_name(a), bytes, size, ERR));
        break;
    case 4:
        report(reports, &change, 0);
        OK(nexus_writer_open(fs, file_name(a), NULL, &writer, ERR));
        OK(nexus_writer_write(writer, bytes, size / 2, ERR));
        OK(nexus_writer_write(writer, bytes + size / 2, size - size / 2, ERR));
        OK(nexus_writer_commit(writer, NULL, ERR));
        break;
    case 5:
        if (held[a] != NOTHING && a != b) {
            change.count = 2;
            change.content[0] = NOTHING;
            change.file[1] = b;
            change.content[1] = held[a];
            report(reports, &change, 0);
            OK(nexus_rename(fs, file_name(a), file_name(b), ERR));
        } else {
            report(reports, &change, 0);
            OK(nexus_write(fs, file_name(a), bytes, size, ERR));
        }
        break;
    default:
        change.count = CHANGES;
        OK(nexus_batch_new(fs, &batch, ERR));
        for (i = 0; i < CHANGES; i++) {
            change.file[i] = (a + i) % FILES;
            change.content[i] = (content + i * 5) % CONTENTS;
            bytes = content_of(change.content[i], &size);
            OK(nexus_batch_write(batch, file_name(change.file[i]), bytes, size, NULL, ERR));
        }
        report(reports, &change, 0);
        OK(nexus_batch_commit(batch, NULL, ERR));
        nexus_batch_free(batch);
        break;
    }
    report(reports, &change, 1);
    for (i = 0; i < change.count; i++) {
        held[change.file[i]] = change.content[i];
    }
    expect_free_blocks();
}

static void write_until_killed(void *user)
{
    struct crew *crew = (struct crew *)user;
    uint64_t state = seed + 7919u * (uint64_t)(crew->round + 1);
    nexus_fs *fs = open_store(crew->round % 2 ? "\"durability\": \"normal\"" : "");
    close(crew->reports[0]);
    for (;;) {
        make_change(fs, crew->reports[1], &state);
    }
}

static void collect_until_told(void *user)
{
    struct crew *crew = (struct crew *)user;
    struct pollfd running;
    running.fd = crew->running[0];
    running.events = POLLIN;
    close(crew->running[1]);
    do {
        nexus_fs *fs = open_store("\"durability\": \"normal\"");
        int i;
        for (i = 0; i < 5; i++) {
            OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
        }
        close_store(fs);
        expect_free_blocks();
    } while (poll(&running, 1, 0) == 0);
}

/* ---- The judge --------------------------------------------------------------------------------- */

/* What the writer of a round reported last, to tell the story of a loss. */
enum { RECENT = 16 };
static struct change recent[RECENT];
static uint32_t reported;

/* The content that a file holds now, NOTHING, or a failure. */
static int found_in(nexus_fs *fs, int file)
{
    nexus_buffer *buffer = NULL;
    nexus_status status = nexus_read(fs, file_name(file), &buffer, ERR);
    int content;
    if (status == NEXUS_STATUS_NOT_FOUND) {
        return NOTHING;
    }
    expect_status(__FILE__, __LINE__, file_name(file), status, NEXUS_STATUS_OK);
    for (content = 0; content < CONTENTS; content++) {
        size_t size;
        uint8_t *bytes = content_of(content, &size);
        if (nexus_buffer_len(buffer) == size && memcmp(nexus_buffer_data(buffer), bytes, size) == 0) {
            nexus_buffer_free(buffer);
            return content;
        }
    }
    FAIL("%s holds %zu bytes that nobody wrote", file_name(file), nexus_buffer_len(buffer));
}

/* Compares the store with what was acknowledged and the change in flight, and learns which it was. */
static void judge(int round, const struct change *in_flight)
{
    uint32_t last;
    int after[FILES], found[FILES], file, i;
    nexus_fs *fs = open_store("");
    /* Until another commit follows, the one in flight may yet come back with the log (undecided_commit.c). */
    put(fs, "/settled", text("%d", round));
    memcpy(after, held, sizeof after);
    for (i = 0; in_flight != NULL && i < in_flight->count; i++) {
        after[in_flight->file[i]] = in_flight->content[i];
    }
    for (file = 0; file < FILES; file++) {
        found[file] = found_in(fs, file);
    }
    if (memcmp(found, held, sizeof found) != 0 && memcmp(found, after, sizeof found) != 0) {
        for (file = 0; file < FILES; file++) {
            if (found[file] != held[file] || found[file] != after[file]) {
                fprintf(stderr, "  %s: acknowledged %d, in flight %d, found %d\n", file_name(file), held[file], after[file], found[file]);
            }
        }
        for (last = reported > RECENT ? reported - RECENT : 0; last < reported; last++) {
            const struct change *change = &recent[last % RECENT];
            fprintf(stderr, "  %s", change->acknowledged ? "acknowledged" : "began       ");
            for (i = 0; i < change->count; i++) {
                fprintf(stderr, " %s=%d", file_name(change->file[i]), change->content[i]);
            }
            fputc('\n', stderr);
        }
        FAIL("round %d, seed %" PRIu64 ": the store is neither as acknowledged nor as with the change in flight", round, seed);
    }
    memcpy(held, found, sizeof found);
    expect_exact_counts(fs, 65536);
    close_store(fs);
}

/* Lets a moment pass without giving up the processor, so that kills fall anywhere in a call. */
static void spin(uint32_t microseconds)
{
    struct timespec from, now;
    clock_gettime(CLOCK_MONOTONIC, &from);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - from.tv_sec) * 1000000 + (now.tv_nsec - from.tv_nsec) / 1000 < (long)microseconds);
}

static int rounds = 50;

static void acknowledged_writes_survive_kill_9(void)
{
    struct crew crew;
    struct change change, in_flight;
    pid_t collector, writer;
    uint64_t state = seed;
    int file;
    for (file = 0; file < FILES; file++) {
        held[file] = NOTHING;
    }
    open_pipe(crew.running);
    collector = spawn(collect_until_told, &crew);
    expect_helper = collector;
    close(crew.running[0]);
    for (crew.round = 0; crew.round < rounds; crew.round++) {
        uint32_t until = draw(&state, 80), acknowledged = 0;
        int open = 0, status;
        open_pipe(crew.reports);
        reported = 0;
        writer = spawn(write_until_killed, &crew);
        close(crew.reports[1]);
        while (read(crew.reports[0], &change, sizeof change) == (ssize_t)sizeof change) {
            int i;
            recent[reported++ % RECENT] = change;
            open = !change.acknowledged;
            in_flight = change;
            for (i = 0; change.acknowledged && i < change.count; i++) {
                held[change.file[i]] = change.content[i];
            }
            acknowledged += change.acknowledged != 0;
            if (acknowledged == until && open) {
                spin(draw(&state, 3000));
                kill(writer, SIGKILL);
            }
        }
        close(crew.reports[0]);
        status = ended(writer);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
            FAIL("round %d, seed %" PRIu64 ": the writer ended by itself with status %#x", crew.round, seed, status);
        }
        judge(crew.round, open ? &in_flight : NULL);
        expect_free_blocks();
    }
    close(crew.running[1]);
    expect_helper = 0;
    EXPECT_INT(ended(collector), 0);
    judge(rounds, NULL);
}

int main(int argc, char **argv)
{
    begin(1, argv);
    rounds = argc > 1 ? atoi(argv[1]) : rounds;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 20260101;
    RUN(acknowledged_writes_survive_kill_9);
    return finish();
}
