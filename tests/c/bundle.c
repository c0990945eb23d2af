/* Bundles: a store moves with its contents, the same bytes each time, and nothing damaged gets in. */
#include "expect.h"

static void export_to(nexus_fs *fs, const char *name, const nexus_export_options *options)
{
    char *report = NULL;
    OK(nexus_bundle_export(fs, disk(name), options, NULL, NULL, &report, ERR));
    report = keep(report);
    EXPECT_INT(strlen(json(report, "sha256")), 66);
}

static nexus_fs *open_named(const char *name)
{
    nexus_fs *fs = NULL;
    OK(nexus_connect(text("{\"data_dir\": \"%s/%s\"}", expect_directory, name), &fs, ERR));
    return fs;
}

static size_t size_of(const char *name)
{
    struct stat info;
    EXPECT_INT(stat(disk(name), &info), 0);
    return (size_t)info.st_size;
}

static int same_bytes(const char *one, const char *other)
{
    size_t size = size_of(one);
    return size == size_of(other) && memcmp(read_disk(disk(one)), read_disk(disk(other)), size) == 0;
}

static nexus_fs *filled(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/docs/a", "a");
    OK(nexus_write(fs, "/docs/large", noise(LARGE, 1), LARGE, ERR));
    OK(nexus_write(fs, "/docs/same", noise(LARGE, 1), LARGE, ERR));
    OK(nexus_mkdir(fs, "/empty/directory", NEXUS_MKDIR_PARENTS, ERR));
    set_meta(fs, "/docs/a", "owner", "\"ann\"");
    set_meta(fs, "/empty/directory", "posix.mode", "\"0700\"");
    set_meta(fs, "/docs/large", "status", "\"ready\"");
    set_meta(fs, "/docs/a", "status", "\"blocked\"");
    set_meta(fs, "/docs/a", "depends_on", "\"/docs/large\"");
    return fs;
}

static void a_store_moves_with_its_contents(void)
{
    char *report = NULL;
    nexus_fs *fs = filled(), *other;
    export_to(fs, "one", NULL);
    export_to(fs, "two", NULL);
    EXPECT(same_bytes("one", "two"));
    other = open_named("other");
    OK(nexus_bundle_import(other, disk("one"), NULL, NULL, NULL, &report, ERR));
    report = keep(report);
    EXPECT_INT(json_int(report, "created"), 3);
    EXPECT_INT(json_int(report, "directories"), 2);
    EXPECT_STR(listed(other, NULL), listed(fs, NULL));
    EXPECT_CONTENT(other, "/docs/same", noise(LARGE, 1), LARGE);
    EXPECT_INT(exists(other, "/empty/directory"), 1);
    EXPECT_STR(meta(other, "/empty/directory", "posix.mode"), "\"0700\"");
    EXPECT_STR(meta(other, "/docs/a", "owner"), "\"ann\"");
    EXPECT_STR(meta(other, "/docs/a", "depends_on"), meta(fs, "/docs/a", "depends_on"));
    set_meta(other, "/docs/large", "status", "\"completed\"");
    EXPECT_STR(meta(other, "/docs/a", "status"), "\"ready\"");
    set_meta(other, "/docs/large", "status", "\"ready\"");
    EXPECT_INT(files_below(disk("other/cas")), 1);
    EXPECT_INT(files_below(disk("other/tmp")), 0);
    OK(nexus_verify(other, NEXUS_VERIFY_CONTENT, NULL, NULL, &report, ERR));
    EXPECT_INT(json_int(keep(report), "error_count"), 0);
    close_store(other);
    close_store(fs);
}

static void a_part_moves(void)
{
    nexus_export_options options = NEXUS_EXPORT_OPTIONS_INIT;
    nexus_fs *fs = open_store(""), *other, *acme = NULL;
    put(fs, "/shared/acme/1", "1");
    put(fs, "/shared/evil/2", "2");
    options.tenant_id = "evil";
    export_to(fs, "evil", &options);
    OK(nexus_with_identity(fs, "acme", NULL, &acme, ERR));
    export_to(acme, "acme", NULL);
    other = open_named("other");
    OK(nexus_bundle_import(other, disk("evil"), NULL, NULL, NULL, NULL, ERR));
    EXPECT_STR(listed(other, NULL), "/shared/evil/2");
    OK(nexus_rmdir(other, "/shared", 1, ERR));
    OK(nexus_bundle_import(other, disk("acme"), NULL, NULL, NULL, NULL, ERR));
    EXPECT_STR(listed(other, NULL), "/shared/acme/1");
    /* Nobody plants files where it may not write. */
    FAILS(ACCESS_DENIED, nexus_bundle_import(acme, disk("evil"), NULL, NULL, NULL, NULL, ERR));
    close_store(acme);
    close_store(other);
    close_store(fs);
}

static void a_damaged_bundle_leaves_the_store_as_it_was(void)
{
    nexus_fs *fs = filled(), *other;
    size_t size, at;
    int fd, round;
    export_to(fs, "bundle", NULL);
    close_store(fs);
    size = size_of("bundle");
    other = open_named("other");
    put(other, "/there", "before");
    for (round = 0; round < 6; round++) {
        char byte;
        at = size * (size_t)(2 * round + 1) / 12;
        fd = open(disk("bundle"), O_RDWR);
        EXPECT_INT(pread(fd, &byte, 1, (off_t)at), 1);
        byte = (char)(byte ^ 4);
        EXPECT_INT(pwrite(fd, &byte, 1, (off_t)at), 1);
        FAILS(CORRUPT, nexus_bundle_import(other, disk("bundle"), NULL, NULL, NULL, NULL, ERR));
        byte = (char)(byte ^ 4);
        EXPECT_INT(pwrite(fd, &byte, 1, (off_t)at), 1);
        close(fd);
        EXPECT_STR(listed(other, NULL), "/there");
    }
    EXPECT_INT(truncate(disk("bundle"), (off_t)size - 1), 0);
    FAILS(CORRUPT, nexus_bundle_import(other, disk("bundle"), NULL, NULL, NULL, NULL, ERR));
    write_disk(disk("text"), "no bundle");
    FAILS(INVALID_ARGUMENT, nexus_bundle_import(other, disk("text"), NULL, NULL, NULL, NULL, ERR));
    FAILS(IO, nexus_bundle_import(other, disk("none"), NULL, NULL, NULL, NULL, ERR));
    EXPECT_STR(listed(other, NULL), "/there");
    EXPECT_INT(files_below(disk("other/tmp")), 0);
    EXPECT_INT(files_below(disk("other/cas")), 0);
    close_store(other);
}

static int32_t stop(void *user, uint64_t done, uint64_t total, const char *what)
{
    (void)done;
    (void)total;
    ++*(int *)user;
    return what != NULL;
}

static void nothing_is_written_over_the_store_itself(void)
{
    static const char *const own[] = {
        "store/metadata.db", "store/metadata.db-wal", "store/lock", "store/nexus-store", "store/cas/x", "store/tmp/x", "link/metadata.db",
    };
    size_t i;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "kept");
    EXPECT_INT(symlink("store", disk("link")), 0);
    for (i = 0; i < sizeof own / sizeof *own; i++) {
        FAILS(INVALID_ARGUMENT, nexus_export_metadata(fs, disk(own[i]), NULL, NULL, NULL, NULL, ERR));
        FAILS(INVALID_ARGUMENT, nexus_bundle_export(fs, disk(own[i]), NULL, NULL, NULL, NULL, ERR));
    }
    OK(nexus_export_metadata(fs, disk("store/mine.jsonl"), NULL, NULL, NULL, NULL, ERR));
    close_store(fs);
    fs = open_store("");
    EXPECT_STR(get(fs, "/a"), "kept");
    close_store(fs);
}

static void both_ways_can_be_cancelled(void)
{
    int calls = 0;
    nexus_fs *fs = filled(), *other;
    FAILS(CANCELLED, nexus_bundle_export(fs, disk("bundle"), NULL, stop, &calls, NULL, ERR));
    EXPECT(access(disk("bundle"), F_OK) != 0);
    export_to(fs, "bundle", NULL);
    other = open_named("other");
    FAILS(CANCELLED, nexus_bundle_import(other, disk("bundle"), NULL, stop, &calls, NULL, ERR));
    EXPECT_INT(calls, 2);
    EXPECT_STR(listed(other, NULL), "");
    close_store(other);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_store_moves_with_its_contents);
    RUN(a_part_moves);
    RUN(a_damaged_bundle_leaves_the_store_as_it_was);
    RUN(nothing_is_written_over_the_store_itself);
    RUN(both_ways_can_be_cancelled);
    return finish();
}
