/* A full disk: NO_SPACE, nothing lost, and everything works again when there is room. */
#include "full_disk.h"

/* Takes room that can be given back without the store's help. */
static void put_ballast(void)
{
    int fd = open(disk("small/ballast"), O_WRONLY | O_CREAT, 0600);
    EXPECT(fd >= 0);
    EXPECT_INT(posix_fallocate(fd, 0, BALLAST_BYTES), 0);
    close(fd);
}

enum { SMALL = 1000, MANY_LARGE = 400, MANY_SMALL = 40000 };

/* Writes until there is no room; how many files were acknowledged. */
static int fill(nexus_fs *fs, const char *directory, size_t size, int most)
{
    int count;
    for (count = 0; count < most; count++) {
        nexus_status status = nexus_write(fs, text("/%s/%d", directory, count), noise(size, (uint64_t)count), size, ERR);
        if (status != NEXUS_STATUS_OK) {
            expect_status(__FILE__, __LINE__, "a write on a full disk", status, NEXUS_STATUS_NO_SPACE);
            EXPECT_INT(exists(fs, text("/%s/%d", directory, count)), 0);
            return count;
        }
    }
    FAIL("the disk took %d files of %zu bytes and is not full", most, size);
}

static void expect_files(nexus_fs *fs, const char *directory, size_t size, int count)
{
    int i;
    for (i = 0; i < count; i++) {
        EXPECT_CONTENT(fs, text("/%s/%d", directory, i), noise(size, (uint64_t)i), size);
    }
}

static void a_full_disk_loses_nothing(void)
{
    nexus_batch *batch = NULL;
    nexus_writer *writer = NULL;
    nexus_status status;
    int large, small;
    nexus_fs *fs;
    if (!mount_small_disk()) {
        fprintf(stderr, "skipped: a tmpfs cannot be mounted here: %s\n", strerror(errno));
        expect_skipped = 1;
        return;
    }
    put_ballast();
    fs = open_on_small_disk();
    put(fs, "/before", "old");
    large = fill(fs, "large", LARGE, MANY_LARGE);
    /* Room for small ones, which fill it further. */
    OK(nexus_delete(fs, text("/large/%d", --large), ERR));
    small = fill(fs, "small", SMALL, MANY_SMALL);
    EXPECT(large > 0 && small > 0);
    /* Everything acknowledged is there and readable while the disk is full. */
    expect_files(fs, "large", LARGE, large);
    expect_files(fs, "small", SMALL, small);
    FAILS(NO_SPACE, nexus_write(fs, "/before", noise(LARGE, 77), LARGE, ERR));
    EXPECT_STR(get(fs, "/before"), "old");
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_write(batch, "/batched/a", BYTES("x"), NULL, ERR));
    status = nexus_batch_write(batch, "/batched/b", noise(4 * LARGE, 78), 4 * LARGE, NULL, ERR);
    if (status == NEXUS_STATUS_OK) {
        status = nexus_batch_commit(batch, NULL, ERR);
    }
    expect_status(__FILE__, __LINE__, "a batch on a full disk", status, NEXUS_STATUS_NO_SPACE);
    nexus_batch_free(batch);
    EXPECT_INT(exists(fs, "/batched/a"), 0);
    status = nexus_writer_open(fs, "/streamed", NULL, &writer, ERR);
    if (status == NEXUS_STATUS_OK) {
        status = nexus_writer_write(writer, noise(4 * LARGE, 79), 4 * LARGE, ERR);
        if (status == NEXUS_STATUS_OK) {
            status = nexus_writer_commit(writer, NULL, ERR);
        }
    }
    EXPECT_INT(status, NEXUS_STATUS_NO_SPACE);
    EXPECT_INT(exists(fs, "/streamed"), 0);
    /* Room again: the same handle goes on. What was streamed by halves does not become a file. */
    EXPECT_INT(unlink(disk("small/ballast")), 0);
    if (writer != NULL) {
        FAILS(MISUSE, nexus_writer_write(writer, BYTES("more"), ERR));
        FAILS(MISUSE, nexus_writer_commit(writer, NULL, ERR));
        OK(nexus_writer_abort(writer, ERR));
    }
    EXPECT_INT(exists(fs, "/streamed"), 0);
    OK(nexus_write(fs, "/before", noise(LARGE, 77), LARGE, ERR));
    EXPECT_CONTENT(fs, "/before", noise(LARGE, 77), LARGE);
    OK(nexus_delete(fs, "/large/0", ERR));
    put(fs, "/after", "new");
    expect_files(fs, "small", SMALL, small);
    close_store(fs);
    fs = open_on_small_disk();
    EXPECT_STR(get(fs, "/after"), "new");
    expect_files(fs, "small", SMALL, small);
    OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
    EXPECT_INT(files_below(disk("small/store/cas")), large);
    EXPECT_INT(files_below(disk("small/store/tmp")), 0);
    close_store(fs);
    unmount_small_disk();
}

/* Upkeep on a store whose disk is full, then with room: what it could not do changed nothing. */
static void upkeep_on_a_full_disk_loses_nothing(void)
{
    char *report = NULL;
    nexus_fs *fs, *roomy = NULL;
    nexus_status status;
    int large;
    if (!mount_small_disk()) {
        expect_skipped = 1;
        return;
    }
    put_ballast();
    /* A bundle and a backup go to the small disk, from a store that has room. */
    OK(nexus_connect(text("{\"data_dir\": \"%s/roomy\"}", expect_directory), &roomy, ERR));
    put(roomy, "/first", "first");
    OK(nexus_backup(roomy, disk("small/backup"), NULL, NULL, NULL, ERR));
    OK(nexus_bundle_export(roomy, disk("small/bundle"), NULL, NULL, NULL, NULL, ERR));
    OK(nexus_write(roomy, "/big", noise(DISK_BYTES, 5), DISK_BYTES, ERR));
    OK(nexus_bundle_export(roomy, disk("bundle"), NULL, NULL, NULL, NULL, ERR));
    FAILS(NO_SPACE, nexus_backup(roomy, disk("small/backup"), NULL, NULL, NULL, ERR));
    FAILS(NO_SPACE, nexus_bundle_export(roomy, disk("small/bundle"), NULL, NULL, NULL, NULL, ERR));
    OK(nexus_connect(text("{\"data_dir\": \"%s/small/backup\"}", expect_directory), &fs, ERR));
    EXPECT_STR(get(fs, "/first"), "first");
    EXPECT_INT(exists(fs, "/big"), 0);
    close_store(fs);
    /* What was there before is whole, and works when there is room. */
    OK(nexus_delete(roomy, "/big", ERR));
    OK(nexus_write(roomy, "/second", noise(LARGE, 6), LARGE, ERR));
    OK(nexus_backup(roomy, disk("small/backup"), NULL, NULL, NULL, ERR));
    OK(nexus_bundle_import(roomy, disk("small/bundle"), NULL, NULL, NULL, NULL, ERR));
    close_store(roomy);
    /* Import into, and repair of, a store on the small disk. */
    fs = open_on_small_disk();
    FAILS(NO_SPACE, nexus_bundle_import(fs, disk("bundle"), NULL, NULL, NULL, NULL, ERR));
    EXPECT_STR(listed(fs, NULL), "");
    EXPECT_INT(files_below(disk("small/store/tmp")), 0);
    large = fill(fs, "large", LARGE, MANY_LARGE);
    EXPECT(large > 2);
    {
        const char *etag = look(fs, "/large/1").etag;
        EXPECT_INT(truncate(disk(text("small/store/cas/%.2s/%s", etag, etag)), 10), 0);
    }
    (void)fill(fs, "small", SMALL, MANY_SMALL);
    OK(nexus_verify(fs, NEXUS_VERIFY_CONTENT, NULL, NULL, &report, ERR));
    EXPECT_INT(json_int(keep(report), "error_count"), 1);
    while ((status = nexus_verify(fs, NEXUS_VERIFY_CONTENT | NEXUS_VERIFY_REPAIR, NULL, NULL, &report, ERR)) != NEXUS_STATUS_OK) {
        expect_status(__FILE__, __LINE__, "a repair on a full disk", status, NEXUS_STATUS_NO_SPACE);
        EXPECT_CONTENT(fs, "/large/0", noise(LARGE, 0), LARGE);
        /* Once only: then there is room. */
        EXPECT_INT(unlink(disk("small/ballast")), 0);
    }
    report = keep(report);
    EXPECT_INT(json_int(report, "remaining_count"), 0);
    EXPECT_STR(json(report, "lost[0].path"), "\"/large/1\"");
    EXPECT_INT(json_int(report, "lost_count"), 1);
    OK(nexus_verify(fs, NEXUS_VERIFY_CONTENT, NULL, NULL, &report, ERR));
    EXPECT_INT(json_int(keep(report), "error_count"), 0);
    EXPECT_CONTENT(fs, "/large/0", noise(LARGE, 0), LARGE);
    close_store(fs);
    unmount_small_disk();
}

int main(int argc, char **argv)
{
    if (!have_small_disks(argv)) {
        return SKIPPED;
    }
    begin(argc, argv);
    RUN(a_full_disk_loses_nothing);
    RUN(upkeep_on_a_full_disk_loses_nothing);
    return finish();
}
