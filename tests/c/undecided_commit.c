/*
 * A process that dies in the sync of its commit leaves a whole transaction in the write-ahead log that
 * nobody has been told of. Those who have the store open do not see it; whoever recovers the log does.
 * Until another commit follows, it is undecided, and nothing that it needs may be taken away.
 */
#include "children.h"

/* ---- A sync that kills, once armed ------------------------------------------------------------- */

static int armed = 0;

/* Takes the place of libc's for the library too. */
static int sync_or_die(int fd, int (*sync_for_real)(int))
{
    char link[64], path[512];
    ssize_t length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (armed && length > 4 && memcmp(path + length - 4, "-wal", 4) == 0) {
        raise(SIGKILL);
    }
    return sync_for_real(fd);
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

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(an_undecided_commit_does_no_damage);
    return finish();
}
