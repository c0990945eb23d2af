/*
 * A process that dies in the sync of its commit leaves a whole transaction in the write-ahead log that
 * nobody has been told of. Those who have the store open do not see it; whoever recovers the log does.
 * Until another commit follows, it is undecided, and nothing that it needs may be taken away. A commit that
 * was told to have failed never comes back.
 */
#include "children.h"

#include <sys/syscall.h>

/* ---- Calls that do what they are told to -------------------------------------------------------- */

static int armed = 0;           /* a sync of the log kills the process */
static int32_t failing = 0;     /* a sync of the log fails */
static int index_is_full = 0;   /* the index of the log cannot grow */
static int log_follows = 0;     /* nor, once that was so, can the log be written */

static int is_called(int fd, const char *suffix)
{
    char link[64], path[512];
    size_t wanted = strlen(suffix);
    ssize_t length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    return length > (ssize_t)wanted && memcmp(path + length - wanted, suffix, wanted) == 0;
}

/* Takes the place of libc's for the library too. */
static int sync_or_die(int fd, int (*sync_for_real)(int))
{
    if (armed && is_called(fd, "-wal")) {
        raise(SIGKILL);
    }
    if (__atomic_load_n(&failing, __ATOMIC_ACQUIRE) && is_called(fd, "-wal")) {
        errno = EIO;
        return -1;
    }
    return sync_for_real(fd);
}

static ssize_t write_unless_full(int fd, const void *data, size_t length, off_t at)
{
    static int was_full = 0;
    if (index_is_full && is_called(fd, "-shm")) {
        was_full = 1;
        errno = ENOSPC;
        return -1;
    }
    if (log_follows && was_full && is_called(fd, "-wal")) {
        errno = ENOSPC;
        return -1;
    }
    return (ssize_t)syscall(SYS_pwrite64, fd, data, length, at);
}

static int real_sync(int fd)
{
    /* What it syncs is not asked after a power loss here. */
    (void)fd;
    return 0;
}

#ifdef __cplusplus
extern "C" {
#endif
int fsync(int fd);
int fdatasync(int fd);
ssize_t pwrite(int fd, const void *data, size_t length, off_t at);
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at);

ssize_t pwrite(int fd, const void *data, size_t length, off_t at)
{
    return write_unless_full(fd, data, length, at);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at)
{
    return write_unless_full(fd, data, length, at);
}

int fsync(int fd)
{
    return sync_or_die(fd, real_sync);
}

int fdatasync(int fd)
{
    return sync_or_die(fd, real_sync);
}
#ifdef __cplusplus
}
#endif

/* ---- The processes ----------------------------------------------------------------------------- */

enum { OLD = 1, NEW = 2 };

struct story {
    int ready[2];
    int go[2];
};

static void put_version(nexus_fs *fs, int version)
{
    OK(nexus_write(fs, "/a", noise(LARGE, (uint64_t)version), LARGE, ERR));
}

/* Which version the file holds; anything else, damage above all, is a failure. */
static int version_in(nexus_fs *fs)
{
    nexus_buffer *buffer = NULL;
    int version;
    OK(nexus_read(fs, "/a", &buffer, ERR));
    EXPECT_INT(nexus_buffer_len(buffer), LARGE);
    version = memcmp(nexus_buffer_data(buffer), noise(LARGE, NEW), LARGE) == 0 ? NEW : OLD;
    EXPECT(memcmp(nexus_buffer_data(buffer), noise(LARGE, (uint64_t)version), LARGE) == 0);
    nexus_buffer_free(buffer);
    return version;
}

static void write_old(void *user)
{
    nexus_fs *fs = open_store("");
    (void)user;
    put_version(fs, OLD);
    close_store(fs);
}

static void die_in_the_sync(void *user)
{
    nexus_fs *fs = open_store("\"housekeeping\": false");
    (void)user;
    armed = 1;
    put_version(fs, NEW);
    FAIL("the commit was not synced");
}

/* Has the store open all the while, collects garbage after the death, and dies too. */
static void collect_and_die(void *user)
{
    struct story *story = (struct story *)user;
    nexus_fs *fs = open_store("");
    close(story->ready[0]);
    close(story->go[1]);
    /* The log is begun: the next sync is that of a commit, not of the log's header. */
    put(fs, "/begun", "x");
    give_word(story->ready[1]);
    EXPECT(wait_for_word(story->go[0]));
    version_in(fs);
    OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
    version_in(fs);
    raise(SIGKILL);
}

static void expect_killed(pid_t child)
{
    int status = ended(child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        FAIL("a process that was to be killed ended by itself with status %#x", status);
    }
}

static void an_undecided_commit_does_no_damage(void)
{
    struct story story;
    pid_t writer, collector, first;
    int version;
    nexus_fs *fs;
    first = spawn(write_old, NULL);
    join_all(&first, 1);
    open_pipe(story.ready);
    open_pipe(story.go);
    collector = spawn(collect_and_die, &story);
    close(story.ready[1]);
    close(story.go[0]);
    EXPECT(wait_for_word(story.ready[0]));
    writer = spawn(die_in_the_sync, NULL);
    expect_killed(writer);
    give_word(story.go[1]);
    expect_killed(collector);
    close(story.ready[0]);
    close(story.go[1]);
    /* Both are gone without a word: this opening recovers the log. */
    fs = open_store("");
    version = version_in(fs);
    OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
    EXPECT_INT(version_in(fs), version);
    expect_exact_counts(fs, 65536);
    close_store(fs);
    fs = open_store("");
    EXPECT_INT(version_in(fs), version);
    close_store(fs);
}

enum { MOST_WRITES = 20000 };

/* Writes to /f/0, /f/1 and so on, until one fails: which, and how. */
static int32_t write_until_failure(nexus_fs *fs, nexus_status *status)
{
    int32_t i = 0;
    *status = NEXUS_STATUS_OK;
    while (i < MOST_WRITES && (*status = nexus_write(fs, text("/f/%d", i), BYTES("x"), ERR)) == NEXUS_STATUS_OK) {
        i++;
    }
    return i;
}

/* Writes until the index of the log would have to grow, which it cannot; tells which write failed, and dies. */
static void fail_and_die(void *user)
{
    struct story *story = (struct story *)user;
    nexus_fs *fs = open_store("\"durability\": \"normal\", \"housekeeping\": false");
    nexus_status status;
    int32_t i;
    close(story->ready[0]);
    put(fs, "/first", "x");
    index_is_full = 1;
    i = write_until_failure(fs, &status);
    EXPECT_INT(status, NEXUS_STATUS_NO_SPACE);
    EXPECT_INT(exists(fs, text("/f/%d", i)), 0);
    FAILS(NO_SPACE, nexus_write(fs, "/again", BYTES("x"), ERR));
    EXPECT_INT(write(story->ready[1], &i, sizeof i), (int64_t)sizeof i);
    raise(SIGKILL);
}

static void a_commit_that_failed_never_comes_back(void)
{
    struct story story;
    int32_t failed = -1;
    pid_t writer;
    nexus_fs *fs;
    open_pipe(story.ready);
    writer = spawn(fail_and_die, &story);
    close(story.ready[1]);
    EXPECT_INT(read(story.ready[0], &failed, sizeof failed), (int64_t)sizeof failed);
    close(story.ready[0]);
    expect_killed(writer);
    fs = open_store("");
    EXPECT(failed > 0);
    EXPECT_INT(exists(fs, text("/f/%d", failed - 1)), 1);
    EXPECT_INT(exists(fs, text("/f/%d", failed)), 0);
    EXPECT_INT(exists(fs, "/again"), 0);
    close_store(fs);
}

/* A commit that failed and cannot be taken back may come back: that is told. */
static void a_commit_that_cannot_be_taken_back_is_unknown(void)
{
    nexus_fs *fs = open_store("\"durability\": \"normal\", \"housekeeping\": false");
    nexus_status status;
    int32_t i;
    index_is_full = log_follows = 1;
    i = write_until_failure(fs, &status);
    EXPECT_INT(status, NEXUS_STATUS_IO);
    EXPECT_HAS(message(), "unknown");
    index_is_full = log_follows = 0;
    FAILS(IO, nexus_write(fs, "/again", BYTES("x"), ERR));
    close_store(fs);
    fs = open_store("");
    EXPECT_INT(exists(fs, text("/f/%d", i - 1)), 1);
    EXPECT_INT(exists(fs, "/again"), 0);
    close_store(fs);
}

/* Under `normal` only checkpoints sync, which a thread makes. */
static void a_sync_that_fails_in_the_housekeeping_ends_writing(void)
{
    nexus_fs *fs = open_store("\"durability\": \"normal\"");
    nexus_status status;
    put(fs, "/before", "x");
    __atomic_store_n(&failing, 1, __ATOMIC_RELEASE);
    write_until_failure(fs, &status);
    EXPECT_INT(status, NEXUS_STATUS_IO);
    __atomic_store_n(&failing, 0, __ATOMIC_RELEASE);
    FAILS(IO, nexus_write(fs, "/later", BYTES("x"), ERR));
    EXPECT_STR(get(fs, "/before"), "x");
    close_store(fs);
    fs = open_store("");
    put(fs, "/later", "x");
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(an_undecided_commit_does_no_damage);
    RUN(a_commit_that_failed_never_comes_back);
    RUN(a_commit_that_cannot_be_taken_back_is_unknown);
    RUN(a_sync_that_fails_in_the_housekeeping_ends_writing);
    return finish();
}
