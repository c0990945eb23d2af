/*
 * A reader outside of the library, with an SQLite of its own, keeps the write-ahead log from starting over, and it grows. When
 * the reader has gone, the log goes back to what it should stay at: by the housekeeping, by gc, and at closing.
 */
#include "children.h"

#include <poll.h>
#include <sqlite3.h>
#include <sys/inotify.h>

enum { KEPT = 64 * 1024 * 1024, PIECE = 60000, MOST_PIECES = 4000, PATIENCE_MS = 20000 };

static int64_t log_length(void)
{
    struct stat status;
    return stat(disk("store/metadata.db-wal"), &status) == 0 ? (int64_t)status.st_size : 0;
}

struct story {
    int ready[2];
    int end_reading[2];
    int end[2];
};

/* Reads from one moment of the database until it is told to stop, and then stays connected. */
static void read_for_long(void *user)
{
    struct story *story = (struct story *)user;
    sqlite3 *db = NULL;
    close(story->end_reading[1]);
    close(story->end[1]);
    EXPECT_INT(sqlite3_open_v2(disk("store/metadata.db"), &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    EXPECT_INT(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM paths", NULL, NULL, NULL), SQLITE_OK);
    give_word(story->ready[1]);
    EXPECT(wait_for_word(story->end_reading[0]));
    EXPECT_INT(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    give_word(story->ready[1]);
    wait_for_word(story->end[0]);
    sqlite3_close(db);
}

static pid_t start_reading(struct story *story)
{
    nexus_fs *fs = open_store("");
    pid_t reader;
    put(fs, "/before", "x");
    close_store(fs);
    open_pipe(story->ready);
    open_pipe(story->end_reading);
    open_pipe(story->end);
    reader = spawn(read_for_long, story);
    close(story->end_reading[0]);
    close(story->end[0]);
    EXPECT(wait_for_word(story->ready[0]));
    return reader;
}

static void end_reading(struct story *story)
{
    give_word(story->end_reading[1]);
    EXPECT(wait_for_word(story->ready[0]));
}

static void end_reader(struct story *story, pid_t reader)
{
    close(story->end[1]);
    join_all(&reader, 1);
    close(story->end_reading[1]);
    close(story->ready[0]);
    close(story->ready[1]);
}

/* Writes until the log is as long as that; at most so many pieces. */
static void grow_log_to(nexus_fs *fs, int64_t length)
{
    int i;
    for (i = 0; i < MOST_PIECES && log_length() < length; i++) {
        OK(nexus_write(fs, "/piece", noise(PIECE, (uint64_t)i), PIECE, ERR));
    }
    EXPECT(log_length() >= length);
}

/* Waits until the log is short, and is woken by each change of it. */
static void wait_for_short_log(void)
{
    int fd = inotify_init1(IN_CLOEXEC);
    char events[4096];
    EXPECT(fd >= 0);
    EXPECT(inotify_add_watch(fd, disk("store"), IN_MODIFY) >= 0);
    while (log_length() > KEPT) {
        struct pollfd changed;
        changed.fd = fd;
        changed.events = POLLIN;
        if (poll(&changed, 1, PATIENCE_MS) != 1) {
            FAIL("the log is still %" PRId64 " bytes long", log_length());
        }
        EXPECT(read(fd, events, sizeof events) > 0);
    }
    close(fd);
}

static void the_housekeeping_cuts_the_log_when_the_reader_has_gone(void)
{
    struct story story;
    pid_t reader = start_reading(&story);
    nexus_fs *fs = open_store("\"durability\": \"normal\"");
    grow_log_to(fs, 2 * KEPT + KEPT / 4);
    /* Nobody writes any more. */
    end_reading(&story);
    wait_for_short_log();
    EXPECT_CONTENT(fs, "/before", "x", 1);
    put(fs, "/after", "y");
    close_store(fs);
    end_reader(&story, reader);
}

static void gc_cuts_the_log(void)
{
    struct story story;
    pid_t reader = start_reading(&story);
    nexus_fs *fs = open_store("\"durability\": \"normal\", \"housekeeping\": false");
    grow_log_to(fs, KEPT + 1);
    OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
    EXPECT(log_length() > KEPT);
    end_reading(&story);
    OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
    EXPECT(log_length() <= KEPT);
    put(fs, "/after", "y");
    close_store(fs);
    end_reader(&story, reader);
}

static void commits_cut_the_log_without_housekeeping(void)
{
    struct story story;
    pid_t reader = start_reading(&story);
    nexus_fs *fs = open_store("\"durability\": \"normal\", \"housekeeping\": false");
    int i;
    grow_log_to(fs, KEPT + 1);
    end_reading(&story);
    for (i = 0; i < MOST_PIECES && log_length() > KEPT; i++) {
        OK(nexus_write(fs, "/piece", noise(PIECE, (uint64_t)i), PIECE, ERR));
    }
    EXPECT(log_length() <= KEPT);
    close_store(fs);
    end_reader(&story, reader);
}

static void closing_cuts_the_log_while_the_reader_stays_connected(void)
{
    struct story story;
    pid_t reader = start_reading(&story);
    nexus_fs *fs = open_store("\"durability\": \"normal\", \"housekeeping\": false");
    grow_log_to(fs, KEPT + 1);
    end_reading(&story);
    close_store(fs);
    EXPECT(log_length() <= KEPT);
    end_reader(&story, reader);
}

static void grow_and_die(void *user)
{
    nexus_fs *fs = open_store("\"durability\": \"normal\"");
    (void)user;
    grow_log_to(fs, KEPT + 1);
    raise(SIGKILL);
}

static void the_next_opening_cuts_what_a_killed_process_left(void)
{
    struct story story;
    pid_t reader = start_reading(&story), writer = spawn(grow_and_die, NULL);
    nexus_fs *fs;
    EXPECT(WIFSIGNALED(ended(writer)));
    end_reading(&story);
    EXPECT(log_length() > KEPT);
    fs = open_store("");
    wait_for_short_log();
    close_store(fs);
    end_reader(&story, reader);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(the_housekeeping_cuts_the_log_when_the_reader_has_gone);
    RUN(gc_cuts_the_log);
    RUN(commits_cut_the_log_without_housekeeping);
    RUN(closing_cuts_the_log_while_the_reader_stays_connected);
    RUN(the_next_opening_cuts_what_a_killed_process_left);
    return finish();
}
