/*
 * A process that is stopped at the instant at which it holds a lock of the log's index, so that no transaction of
 * another can begin. SQLite looks for such a lock for ten seconds by itself and then speaks of a broken protocol. For
 * the callers it is a wait like any other: it lasts up to `busy_timeout_ms`, then it is BUSY.
 */
#include "children.h"

#include <pthread.h>

/* The locks of the readers in the log's index: WAL_READ_LOCK in SQLite's wal.c. */
enum { READ_LOCKS_AT = 123, READ_LOCKS = 5 };

#define PATIENT "\"busy_timeout_ms\": 120000"
#define IMPATIENT "\"busy_timeout_ms\": 1"

struct stopped {
    int lock[2];
    int locked[2];
    int open[2];
    int end[2];
};

/* Holds the locks from one word to the next. */
static void hold_the_index(void *user)
{
    struct stopped *stopped = (struct stopped *)user;
    struct flock range;
    int fd;
    EXPECT(wait_for_word(stopped->lock[0]));
    fd = open(disk("store/metadata.db-shm"), O_RDWR);
    memset(&range, 0, sizeof range);
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = READ_LOCKS_AT;
    range.l_len = READ_LOCKS;
    if (fd < 0 || fcntl(fd, F_SETLKW, &range) != 0) {
        FAIL("locking the index: %s", strerror(errno));
    }
    give_word(stopped->locked[1]);
    EXPECT(wait_for_word(stopped->end[0]));
}

/* Another process opens the store meanwhile. */
static void open_meanwhile(void *user)
{
    struct stopped *stopped = (struct stopped *)user;
    nexus_fs *fs;
    EXPECT(wait_for_word(stopped->open[0]));
    fs = open_store(PATIENT);
    EXPECT_STR(get(fs, "/dir/file"), "content");
    close_store(fs);
}

/* ---- Threads of this process ------------------------------------------------------------------- */

static void *reads(void *fs)
{
    EXPECT_STR(get((nexus_fs *)fs, "/dir/file"), "content");
    (void)ERR;
    return NULL;
}

static void *lists(void *fs)
{
    EXPECT_STR(children((nexus_fs *)fs, "/dir"), "/dir/file");
    (void)ERR;
    return NULL;
}

static void *writes(void *fs)
{
    put((nexus_fs *)fs, "/written", "meanwhile");
    (void)ERR;
    return NULL;
}

static void *is_interrupted(void *fs)
{
    nexus_entry *row = NULL;
    FAILS(CANCELLED, nexus_stat((nexus_fs *)fs, "/dir/file", &row, ERR));
    (void)ERR;
    return NULL;
}

static pthread_t start(void *(*work)(void *), nexus_fs *fs)
{
    pthread_t thread;
    EXPECT_INT(pthread_create(&thread, NULL, work, fs), 0);
    return thread;
}

static void expect_busy(nexus_fs *fs)
{
    nexus_entry *row = NULL;
    FAILS(BUSY, nexus_stat(fs, "/dir/file", &row, ERR));
    EXPECT(row == NULL);
}

static void a_lock_of_the_index_is_waited_for(void)
{
    struct stopped stopped;
    pid_t holder, opener;
    nexus_fs *patient, *impatient, *interrupted;
    pthread_t waiting[3], cancelled;
    int i;
    open_pipe(stopped.lock);
    open_pipe(stopped.locked);
    open_pipe(stopped.open);
    open_pipe(stopped.end);
    holder = expect_helper = spawn(hold_the_index, &stopped);
    opener = spawn(open_meanwhile, &stopped);
    patient = open_store(PATIENT);
    impatient = open_store(IMPATIENT);
    interrupted = open_store(PATIENT);
    put(patient, "/dir/file", "content");
    give_word(stopped.lock[1]);
    EXPECT(wait_for_word(stopped.locked[0]));
    give_word(stopped.open[1]);

    waiting[0] = start(reads, patient);
    waiting[1] = start(lists, patient);
    waiting[2] = start(writes, patient);
    cancelled = start(is_interrupted, interrupted);
    /* While it fails twice, SQLite has given up at least once for each of the others. */
    expect_busy(impatient);
    OK(nexus_interrupt(interrupted, ERR));
    expect_busy(impatient);
    pthread_join(cancelled, NULL);
    give_word(stopped.end[1]);
    for (i = 0; i < 3; i++) {
        pthread_join(waiting[i], NULL);
    }
    join_all(&holder, 1);
    expect_helper = 0;
    join_all(&opener, 1);
    EXPECT_STR(get(patient, "/written"), "meanwhile");
    close_store(interrupted);
    close_store(impatient);
    close_store(patient);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_lock_of_the_index_is_waited_for);
    return finish();
}
