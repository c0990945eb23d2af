/*
 * A device that cannot be read, or that is read wrongly once: the store is whole, and so no call says that it is damaged.
 * Damage is what a second reading confirms.
 */
#include "expect.h"

#include <sys/resource.h>
#include <sys/syscall.h>

/* ---- Reads that fail --------------------------------------------------------------------------- */

enum how { WELL, FAILING, GARBLED };

static const char *where = "";   /* part of the names of files that are read badly */
static enum how how = WELL;
static int32_t good_reads = 0;   /* so many come before those that are bad */
static int32_t bad_reads = 0;    /* so many are bad; -1 for all */

static int is_bad(int fd)
{
    char link[64], path[512];
    ssize_t length;
    if (__atomic_load_n(&bad_reads, __ATOMIC_ACQUIRE) == 0) {
        return 0;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0) {
        return 0;
    }
    path[length] = '\0';
    if (strstr(path, where) == NULL) {
        return 0;
    }
    if (good_reads > 0) {
        good_reads--;
        return 0;
    }
    if (bad_reads > 0) {
        __atomic_fetch_sub(&bad_reads, 1, __ATOMIC_ACQ_REL);
    }
    return 1;
}

static ssize_t read_badly(int fd, void *into, size_t length, off_t at)
{
    int bad = is_bad(fd);
    ssize_t got;
    if (bad && how == FAILING) {
        errno = EIO;
        return -1;
    }
    got = at < 0 ? (ssize_t)syscall(SYS_read, fd, into, length) : (ssize_t)syscall(SYS_pread64, fd, into, length, at);
    if (bad && got > 0) {
        memset(into, 0x5a, (size_t)got);
    }
    return got;
}

#ifdef __cplusplus
extern "C" {
#endif
ssize_t pread(int fd, void *into, size_t length, off_t at);
ssize_t pread64(int fd, void *into, size_t length, off64_t at);
ssize_t read(int fd, void *into, size_t length);

ssize_t pread(int fd, void *into, size_t length, off_t at)
{
    return read_badly(fd, into, length, at);
}

ssize_t pread64(int fd, void *into, size_t length, off64_t at)
{
    return read_badly(fd, into, length, at);
}

ssize_t read(int fd, void *into, size_t length)
{
    return read_badly(fd, into, length, -1);
}
#ifdef __cplusplus
}
#endif

static void read_from_now(const char *part, enum how badly, int32_t times)
{
    where = part;
    how = badly;
    __atomic_store_n(&bad_reads, times, __ATOMIC_RELEASE);
}

static void read_well(void)
{
    good_reads = 0;
    read_from_now("", WELL, 0);
}

/* ---- The tests --------------------------------------------------------------------------------- */

enum { MANY = 300 };

/* A store that was just opened, so that hardly anything of it is in memory. */
static nexus_fs *reopened(nexus_fs *fs)
{
    close_store(fs);
    return open_store("\"housekeeping\": false");
}

static nexus_fs *store_with_files(void)
{
    nexus_fs *fs = open_store("\"housekeeping\": false");
    int i;
    for (i = 0; i < MANY; i++) {
        put(fs, text("/small/%d", i), text("small %d", i));
    }
    OK(nexus_write(fs, "/large", noise(4 * LARGE, 1), 4 * LARGE, ERR));
    return reopened(fs);
}

static void expect_sound(nexus_fs *fs)
{
    char *report = NULL;
    OK(nexus_verify(fs, NEXUS_VERIFY_CONTENT, NULL, NULL, &report, ERR));
    EXPECT_INT(json_int(keep(report), "error_count"), 0);
}

static void a_database_that_cannot_be_read_is_io(void)
{
    nexus_fs *fs = store_with_files();
    nexus_entries *page = NULL;
    nexus_buffer *buffer = NULL;
    char *report = NULL;
    read_from_now("metadata.db", FAILING, -1);
    FAILS(IO, nexus_list(fs, NULL, &page, ERR));
    FAILS(IO, nexus_read(fs, "/small/250", &buffer, ERR));
    FAILS(IO, nexus_write(fs, "/small/251", BYTES("x"), ERR));
    FAILS(IO, nexus_delete(fs, "/small/252", ERR));
    FAILS(IO, nexus_verify(fs, NEXUS_VERIFY_CONTENT, NULL, NULL, &report, ERR));
    FAILS(IO, nexus_verify(fs, NEXUS_VERIFY_CONTENT | NEXUS_VERIFY_REPAIR, NULL, NULL, &report, ERR));
    FAILS(IO, nexus_backup(fs, disk("backup"), NULL, NULL, NULL, ERR));
    FAILS(IO, nexus_bundle_export(fs, disk("bundle"), NULL, NULL, NULL, NULL, ERR));
    read_well();
    EXPECT_STR(get(fs, "/small/250"), "small 250");
    put(fs, "/small/251", "y");
    expect_sound(fs);
    close_store(fs);
    read_from_now("metadata.db", FAILING, -1);
    EXPECT_INT(try_open(""), NEXUS_STATUS_IO);
    read_well();
    fs = open_store("");
    EXPECT_STR(get(fs, "/small/252"), "small 252");
    close_store(fs);
}

static void a_database_that_is_read_wrongly_once_is_read_again(void)
{
    nexus_fs *fs = store_with_files();
    nexus_entries *page = NULL;
    int32_t skipped;
    for (skipped = 1; skipped <= 4; skipped++) {
        good_reads = skipped - 1;
        read_from_now("metadata.db", GARBLED, 1);
        EXPECT_STR(get(fs, text("/small/%d", 60 * skipped)), text("small %d", 60 * skipped));
        fs = reopened(fs);
        read_from_now("metadata.db", GARBLED, 1);
        put(fs, text("/written/%d", skipped), "x");
        read_from_now("metadata.db", GARBLED, 1);
        OK(nexus_list(fs, NULL, &page, ERR));
        EXPECT(nexus_entries_len(page) > MANY);
        nexus_entries_free(page);
        fs = reopened(fs);
        read_from_now("metadata.db", GARBLED, 1);
        expect_sound(fs);
        read_well();
        close_store(fs);
        read_from_now("metadata.db", GARBLED, 1);
        fs = open_store("\"housekeeping\": false");
        read_well();
    }
    read_from_now("metadata.db", GARBLED, -1);
    FAILS(CORRUPT, nexus_list(fs, NULL, &page, ERR));
    read_well();
    OK(nexus_list(fs, NULL, &page, ERR));
    nexus_entries_free(page);
    expect_sound(fs);
    close_store(fs);
}

static void a_content_that_cannot_be_read_is_io(void)
{
    nexus_fs *fs = store_with_files();
    nexus_buffer *buffer = NULL;
    uint8_t bytes[100];
    size_t got;
    char *report = NULL;
    struct rlimit few, all;
    int next;
    read_from_now("/cas/", FAILING, -1);
    FAILS(IO, nexus_read(fs, "/large", &buffer, ERR));
    FAILS(IO, nexus_read_at(fs, "/large", 300000, bytes, sizeof bytes, &got, ERR));
    FAILS(IO, nexus_append(fs, "/large", BYTES("x"), ERR));
    FAILS(IO, nexus_bundle_export(fs, disk("bundle"), NULL, NULL, NULL, NULL, ERR));
    FAILS(IO, nexus_backup(fs, disk("backup"), NULL, NULL, NULL, ERR));
    read_well();
    /* What is no failure of the device: no file can be opened any more. */
    EXPECT_INT(getrlimit(RLIMIT_NOFILE, &all), 0);
    next = dup(0);
    EXPECT(next >= 0);
    close(next);
    few = all;
    few.rlim_cur = (rlim_t)next;
    EXPECT_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
    FAILS(IO, nexus_read(fs, "/large", &buffer, ERR));
    FAILS(IO, nexus_verify(fs, NEXUS_VERIFY_CONTENT, NULL, NULL, &report, ERR));
    FAILS(IO, nexus_verify(fs, NEXUS_VERIFY_CONTENT | NEXUS_VERIFY_REPAIR, NULL, NULL, &report, ERR));
    EXPECT_INT(setrlimit(RLIMIT_NOFILE, &all), 0);
    EXPECT_CONTENT(fs, "/large", noise(4 * LARGE, 1), 4 * LARGE);
    expect_sound(fs);
    close_store(fs);
}

static void a_content_that_is_read_wrongly_once_is_read_again(void)
{
    nexus_fs *fs = store_with_files();
    nexus_buffer *buffer = NULL;
    char *report = NULL;
    uint8_t bytes[100];
    size_t got;
    read_from_now("/cas/", GARBLED, 1);
    EXPECT_CONTENT(fs, "/large", noise(4 * LARGE, 1), 4 * LARGE);
    read_from_now("/cas/", GARBLED, 1);
    OK(nexus_read_at(fs, "/large", 300000, bytes, sizeof bytes, &got, ERR));
    EXPECT(got == sizeof bytes && memcmp(bytes, noise(4 * LARGE, 1) + 300000, sizeof bytes) == 0);
    read_from_now("/cas/", GARBLED, 1);
    OK(nexus_bundle_export(fs, disk("bundle"), NULL, NULL, NULL, NULL, ERR));
    read_from_now("/store/cas/", GARBLED, 1);
    OK(nexus_backup(fs, disk("backup"), NULL, NULL, &report, ERR));
    EXPECT_INT(json_int(keep(report), "damaged_count"), 0);
    read_from_now("/cas/", GARBLED, 1);
    expect_sound(fs);
    read_from_now("/cas/", GARBLED, -1);
    FAILS(CORRUPT, nexus_read(fs, "/large", &buffer, ERR));
    FAILS(CORRUPT, nexus_read_at(fs, "/large", 300000, bytes, sizeof bytes, &got, ERR));
    OK(nexus_verify(fs, NEXUS_VERIFY_CONTENT, NULL, NULL, &report, ERR));
    EXPECT_INT(json_int(keep(report), "error_count"), 1);
    read_well();
    expect_sound(fs);
    close_store(fs);
}

static void a_mark_that_is_read_wrongly_once_is_read_again(void)
{
    close_store(store_with_files());
    read_from_now("nexus-store", GARBLED, 1);
    close_store(open_store(""));
    read_from_now("nexus-store", GARBLED, -1);
    EXPECT_INT(try_open(""), NEXUS_STATUS_INVALID_CONFIG);
    read_from_now("nexus-store", FAILING, -1);
    EXPECT_INT(try_open(""), NEXUS_STATUS_IO);
    read_well();
    close_store(open_store(""));
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_database_that_cannot_be_read_is_io);
    RUN(a_database_that_is_read_wrongly_once_is_read_again);
    RUN(a_content_that_cannot_be_read_is_io);
    RUN(a_content_that_is_read_wrongly_once_is_read_again);
    RUN(a_mark_that_is_read_wrongly_once_is_read_again);
    return finish();
}
