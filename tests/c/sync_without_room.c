/*
 * A disk that accepts what is written and has no room for it when it is synced, as with thin volumes and delayed allocation.
 * What such a sync was about is lost, and the next sync of the same file succeeds without it: so here, too. Nothing has to be
 * reopened, and what is acknowledged later survives a power loss.
 */
#include "children.h"

#include <sys/syscall.h>

/* ---- A log whose bytes are on the disk only once they are synced --------------------------------- */

static int32_t refused_syncs = 0; /* so many syncs find no room; -1 for all */
static const char *refused = "-wal";
static int why = ENOSPC;

enum { MOST_RANGES = 4096 };
static struct {
    off_t start;
    size_t length;
} dirty[MOST_RANGES];
static int dirty_count = 0;
static int disk_fd = -1; /* what is on the disk of the log, where a test wants to know */

static int is_called(int fd, const char *suffix)
{
    char link[64], path[512];
    size_t wanted = strlen(suffix);
    ssize_t length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    return length > (ssize_t)wanted && memcmp(path + length - wanted, suffix, wanted) == 0;
}

static int sync_or_lose(int fd)
{
    int is_refused = is_called(fd, refused) && __atomic_load_n(&refused_syncs, __ATOMIC_ACQUIRE) != 0;
    if (disk_fd >= 0 && is_called(fd, "-wal")) {
        int i;
        for (i = 0; i < dirty_count && !is_refused; i++) {
            char *bytes = (char *)malloc(dirty[i].length);
            ssize_t got = pread(fd, bytes, dirty[i].length, dirty[i].start);
            EXPECT(got >= 0);
            EXPECT_INT(syscall(SYS_pwrite64, disk_fd, bytes, (size_t)got, dirty[i].start), got);
            free(bytes);
        }
        dirty_count = 0;
    }
    if (is_refused) {
        if (refused_syncs > 0) {
            __atomic_fetch_sub(&refused_syncs, 1, __ATOMIC_ACQ_REL);
        }
        errno = why;
        return -1;
    }
    return 0;
}

static ssize_t write_dirty(int fd, const void *data, size_t length, off_t at)
{
    ssize_t written = (ssize_t)syscall(SYS_pwrite64, fd, data, length, at);
    if (disk_fd >= 0 && written > 0 && is_called(fd, "-wal")) {
        EXPECT(dirty_count < MOST_RANGES);
        dirty[dirty_count].start = at;
        dirty[dirty_count++].length = (size_t)written;
    }
    return written;
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
    return write_dirty(fd, data, length, at);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at)
{
    return write_dirty(fd, data, length, at);
}

int fsync(int fd)
{
    return sync_or_lose(fd);
}

int fdatasync(int fd)
{
    return sync_or_lose(fd);
}
#ifdef __cplusplus
}
#endif

/* ---- The tests --------------------------------------------------------------------------------- */

static void room_ends(int32_t syncs)
{
    __atomic_store_n(&refused_syncs, syncs, __ATOMIC_RELEASE);
}

static void room_again(void)
{
    room_ends(0);
}

static void writing_goes_on_when_there_is_room(void)
{
    nexus_fs *fs = open_store("\"housekeeping\": false");
    int errors[] = {ENOSPC, EDQUOT}, i;
    for (i = 0; i < 2; i++) {
        why = errors[i];
        put(fs, "/before", "x");
        room_ends(-1);
        /* Not even a frame in the place of the commit can be made durable. Later ones were not begun. */
        FAILS(IO, nexus_write(fs, "/lost", BYTES("x"), ERR));
        EXPECT_HAS(message(), "until there is room");
        FAILS(NO_SPACE, nexus_write(fs, "/later", BYTES("x"), ERR));
        FAILS(NO_SPACE, nexus_delete(fs, "/before", ERR));
        EXPECT_STR(get(fs, "/before"), "x");
        EXPECT_INT(exists(fs, "/lost") + exists(fs, "/later"), 0);
        room_again();
        put(fs, "/later", "y");
        EXPECT_INT(exists(fs, "/lost"), 0);
        OK(nexus_delete(fs, "/later", ERR));
    }
    why = ENOSPC;
    put(fs, "/last", "z");
    close_store(fs);
    fs = open_store("");
    EXPECT_STR(get(fs, "/last"), "z");
    EXPECT_INT(exists(fs, "/lost") + exists(fs, "/later"), 0);
    close_store(fs);
}

/* The place of the commit is taken by a frame that has room: so it is known to have failed. */
static void a_commit_that_can_be_taken_back_is_no_space(void)
{
    nexus_fs *fs = open_store("\"housekeeping\": false");
    int i;
    for (i = 1; i <= 2; i++) {
        room_ends(i);
        FAILS(NO_SPACE, nexus_write(fs, "/lost", BYTES("x"), ERR));
        EXPECT_INT(exists(fs, "/lost"), 0);
        put(fs, text("/later/%d", i), "y");
    }
    close_store(fs);
}

static void fail_and_die(void *user)
{
    nexus_fs *fs = open_store("\"housekeeping\": false");
    put(fs, "/before", "x");
    room_ends(*(int32_t *)user);
    EXPECT(nexus_write(fs, "/lost", BYTES("x"), ERR) != NEXUS_STATUS_OK);
    raise(SIGKILL);
}

static void a_failed_commit_does_not_come_back_when_the_process_dies(void)
{
    int32_t syncs;
    for (syncs = -1; syncs <= 1; syncs += 2) {
        pid_t writer = spawn(fail_and_die, &syncs);
        nexus_fs *fs;
        EXPECT(WIFSIGNALED(ended(writer)));
        fs = open_store("");
        EXPECT_STR(get(fs, "/before"), "x");
        EXPECT_INT(exists(fs, "/lost"), 0);
        close_store(fs);
    }
}

static void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t got;
    EXPECT(in >= 0 && out >= 0);
    while ((got = read(in, bytes, sizeof bytes)) > 0) {
        EXPECT_INT(write(out, bytes, (size_t)got), got);
    }
    close(in);
    close(out);
}

/* What the log has on the disk beside the database, which no checkpoint changed. */
static void after_a_power_loss(void *user)
{
    nexus_fs *fs;
    (void)user;
    copy_file(disk("on-disk"), disk("store/metadata.db-wal"));
    unlink(disk("store/metadata.db-shm"));
    fs = open_store("");
    EXPECT_STR(get(fs, "/full"), "f");
    EXPECT_STR(get(fs, "/normal"), "n");
    EXPECT_INT(exists(fs, "/lost"), 0);
    EXPECT_STR(get(fs, "/acknowledged"), "a");
    close_store(fs);
}

static void write_around_a_full_disk_and_die(void *user)
{
    nexus_fs *fs = open_store("\"housekeeping\": false");
    nexus_fs *careless = open_store("\"housekeeping\": false, \"durability\": \"normal\"");
    (void)user;
    disk_fd = open(disk("on-disk"), O_RDWR | O_CREAT, 0600);
    EXPECT(disk_fd >= 0);
    put(fs, "/full", "f");
    /* Not synced: the sync that fails loses it, too. */
    put(careless, "/normal", "n");
    room_ends(1);
    FAILS(NO_SPACE, nexus_write(fs, "/lost", BYTES("x"), ERR));
    room_ends(-1);
    FAILS(IO, nexus_write(fs, "/lost", BYTES("x"), ERR));
    FAILS(NO_SPACE, nexus_write(careless, "/lost", BYTES("x"), ERR));
    room_again();
    put(fs, "/acknowledged", "a");
    raise(SIGKILL);
}

static void what_is_acknowledged_later_survives_a_power_loss(void)
{
    pid_t child;
    nexus_fs *fs = open_store("");
    close_store(fs);
    child = spawn(write_around_a_full_disk_and_die, NULL);
    EXPECT(WIFSIGNALED(ended(child)));
    child = spawn(after_a_power_loss, NULL);
    join_all(&child, 1);
}

enum { MOST_WRITES = 20000 };

/* Under `normal` only checkpoints sync: the log, then the database. */
static void a_checkpoint_without_room_ends_nothing(void)
{
    static const char *const files[] = {"-wal", "metadata.db"};
    int file;
    for (file = 0; file < 2; file++) {
        nexus_fs *fs = open_store("\"durability\": \"normal\", \"housekeeping\": false");
        int i;
        put(fs, "/before", "x");
        refused = files[file];
        room_ends(-1);
        for (i = 0; i < MOST_WRITES; i++) {
            nexus_status status = nexus_write(fs, text("/f/%d", i), BYTES("x"), ERR);
            if (status != NEXUS_STATUS_OK) {
                expect_status(__FILE__, __LINE__, "a write after a checkpoint without room", status, NEXUS_STATUS_NO_SPACE);
                break;
            }
        }
        EXPECT_STR(get(fs, "/before"), "x");
        room_again();
        put(fs, "/later", "y");
        close_store(fs);
        fs = open_store("");
        EXPECT_STR(get(fs, "/later"), "y");
        EXPECT_INT(exists(fs, text("/f/%d", i - 1)), 1);
        EXPECT_INT(exists(fs, text("/f/%d", i)), 0);
        close_store(fs);
    }
    refused = "-wal";
}

/* Any other failure of a sync says nothing of what is on the disk. */
static void a_sync_that_fails_for_another_reason_ends_writing(void)
{
    nexus_fs *fs = open_store("\"housekeeping\": false");
    put(fs, "/before", "x");
    why = EIO;
    room_ends(1);
    FAILS(IO, nexus_write(fs, "/lost", BYTES("x"), ERR));
    EXPECT_HAS(message(), "reopen");
    why = ENOSPC;
    FAILS(IO, nexus_write(fs, "/later", BYTES("x"), ERR));
    close_store(fs);
    fs = open_store("");
    put(fs, "/later", "y");
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(writing_goes_on_when_there_is_room);
    RUN(a_commit_that_can_be_taken_back_is_no_space);
    RUN(a_failed_commit_does_not_come_back_when_the_process_dies);
    RUN(what_is_acknowledged_later_survives_a_power_loss);
    RUN(a_checkpoint_without_room_ends_nothing);
    RUN(a_sync_that_fails_for_another_reason_ends_writing);
    return finish();
}
