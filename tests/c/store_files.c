/* What a store makes on the disk: for its owner alone, whatever the umask; and opening waits for nothing that others put there. */
#include "children.h"

#include <grp.h>

/* A user without rights, where the test may become one. */
#define NOBODY 65534
/* Long enough for any machine; an opening that waits for a pipe would wait for good. */
#define PATIENCE_S 120

static int wrong_modes;

static int check_mode(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    const unsigned mode = (unsigned)info->st_mode & 0777, wanted = S_ISDIR(info->st_mode) ? 0700 : 0600;
    (void)type;
    (void)walk;
    /* The directory of the test is the host's own. */
    if (strcmp(path, expect_directory) != 0 && mode != wanted) {
        fprintf(stderr, "%s has the mode %o, not %o\n", path, mode, wanted);
        wrong_modes++;
    }
    return 0;
}

/* Everything that makes something on the disk. */
static void make_all_there_is(void)
{
    static const char *const made[] = {
        "deep/er/store/nexus-store", "deep/er/store/lock", "deep/er/store/cas", "deep/er/store/tmp", "deep/er/store/quarantine",
        "elsewhere/far/x.db", "elsewhere/far/x.db-wal", "elsewhere/far/x.db-shm", "elsewhere/far/x.db-pins", "elsewhere/far/x.db-reserve",
        "root/far/nexus-store",
        "backup/far/nexus-backup", "backup/far/nexus-store", "backup/far/metadata.db", "backup/far/mounts/m/nexus-store",
        "lines.jsonl", "files.bundle"};
    const char *config = text("{\"data_dir\": \"%s/deep/er/store\", \"db_path\": \"%s/elsewhere/far/x.db\", "
                              "\"mounts\": [{\"name\": \"m\", \"path\": \"/m\", \"root\": \"%s/root/far\"}]}",
                              expect_directory, expect_directory, expect_directory);
    nexus_fs *fs = NULL;
    nexus_batch *batch = NULL;
    char *report = NULL, *content;
    const char *hash;
    size_t i;
    int file;
    OK(nexus_connect(config, &fs, ERR));
    put(fs, "/small", "x");
    OK(nexus_write(fs, "/large", noise(LARGE, 1), LARGE, ERR));
    OK(nexus_write(fs, "/lost", noise(LARGE, 2), LARGE, ERR));
    OK(nexus_write(fs, "/m/large", noise(LARGE, 3), LARGE, ERR));
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_write(batch, "/batch", noise(LARGE, 4), LARGE, NULL, ERR));
    OK(nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    OK(nexus_delete(fs, "/batch", ERR));
    OK(nexus_export_metadata(fs, disk("lines.jsonl"), NULL, NULL, NULL, NULL, ERR));
    OK(nexus_bundle_export(fs, disk("files.bundle"), NULL, NULL, NULL, NULL, ERR));
    OK(nexus_bundle_import(fs, disk("files.bundle"), NULL, NULL, NULL, NULL, ERR));
    OK(nexus_backup(fs, disk("backup/far"), NULL, NULL, NULL, ERR));
    OK(nexus_backup(fs, disk("backup/far"), NULL, NULL, NULL, ERR));
    /* A repair puts the damaged bytes into the quarantine. */
    hash = look(fs, "/lost").etag;
    content = text("%s/deep/er/store/cas/%.2s/%s", expect_directory, hash, hash);
    file = open(content, O_WRONLY);
    EXPECT(file >= 0);
    EXPECT_INT(pwrite(file, "damage", 6, 0), 6);
    close(file);
    OK(nexus_verify(fs, NEXUS_VERIFY_CONTENT | NEXUS_VERIFY_REPAIR, NULL, NULL, &report, ERR));
    EXPECT_HAS(keep(report), "quarantine");
    for (i = 0; i < sizeof made / sizeof made[0]; i++) {
        if (access(disk(made[i]), F_OK) != 0) {
            FAIL("%s was not made, so that its mode is not checked", made[i]);
        }
    }
    wrong_modes = 0;
    nftw(expect_directory, check_mode, 16, FTW_PHYS);
    EXPECT_INT(wrong_modes, 0);
    close_store(fs);
    fs = NULL;
    OK(nexus_connect(config, &fs, ERR));
    EXPECT_CONTENT(fs, "/large", noise(LARGE, 1), LARGE);
    EXPECT_CONTENT(fs, "/m/large", noise(LARGE, 3), LARGE);
    close_store(fs);
}

static void everything_is_for_its_owner_alone_whatever_the_umask(void)
{
    static const mode_t masks[] = {0, 022, 077, 0277, 0777};
    size_t i;
    for (i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        const mode_t before = umask(masks[i]);
        make_all_there_is();
        umask(before);
        remove_tree(disk("deep"));
        remove_tree(disk("elsewhere"));
        remove_tree(disk("root"));
        remove_tree(disk("backup"));
        EXPECT_INT(remove(disk("lines.jsonl")), 0);
        EXPECT_INT(remove(disk("files.bundle")), 0);
    }
}

static void become_nobody_and_make_all(void *unused)
{
    (void)unused;
    if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0) {
        FAIL("cannot become nobody: %s", strerror(errno));
    }
    umask(0777);
    make_all_there_is();
}

/* To root a file without permissions is a file like any other. */
static void a_umask_that_takes_everything_keeps_no_user_from_the_own_store(void)
{
    pid_t child;
    if (getuid() != 0) {
        const mode_t before = umask(0777);
        make_all_there_is();
        umask(before);
        return;
    }
    EXPECT_INT(chown(expect_directory, NOBODY, NOBODY), 0);
    child = spawn(become_nobody_and_make_all, NULL);
    join_all(&child, 1);
}

static void opening_waits_for_no_pipe(void)
{
    static const char *const parts[] = {"lock", "nexus-store", "nexus-store.new", "tmp", "cas", "quarantine", "metadata.db-wal", "metadata.db-pins",
                                        "metadata.db-reserve"};
    nexus_fs *fs = NULL;
    size_t i;
    alarm(PATIENCE_S);
    for (i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        EXPECT_INT(mkdir(disk("store"), 0700), 0);
        EXPECT_INT(mkfifo(text("%s/%s", disk("store"), parts[i]), 0600), 0);
        FAILS(INVALID_CONFIG, try_open(""));
        EXPECT_HAS(message(), parts[i]);
        remove_tree(disk("store"));
    }
    EXPECT_INT(mkfifo(disk("pipe"), 0600), 0);
    FAILS(INVALID_CONFIG, try_open(text("\"db_path\": \"%s/pipe\"", expect_directory)));
    /* In tmp/, where any name may be that of somebody else's file. */
    close_store(open_store(""));
    EXPECT_INT(mkfifo(disk("store/tmp/pipe"), 0600), 0);
    EXPECT_INT(mkfifo(disk("store/tmp/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"), 0600), 0);
    fs = open_store("");
    OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
    OK(nexus_verify(fs, NEXUS_VERIFY_CONTENT, NULL, NULL, NULL, ERR));
    /* In the target of a backup. */
    EXPECT_INT(mkdir(disk("target"), 0700), 0);
    EXPECT_INT(mkfifo(disk("target/nexus-backup"), 0600), 0);
    FAILS(INVALID_ARGUMENT, nexus_backup(fs, disk("target"), NULL, NULL, NULL, ERR));
    EXPECT_INT(remove(disk("target/nexus-backup")), 0);
    EXPECT_INT(mkfifo(disk("target/lock"), 0600), 0);
    FAILS(INVALID_ARGUMENT, nexus_backup(fs, disk("target"), NULL, NULL, NULL, ERR));
    FAILS(IO, nexus_backup(fs, disk("pipe"), NULL, NULL, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_import_metadata(fs, disk("pipe"), NULL, NULL, NULL, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_bundle_import(fs, disk("pipe"), NULL, NULL, NULL, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_export_metadata(fs, disk("pipe"), NULL, NULL, NULL, NULL, ERR));
    alarm(0);
    close_store(fs);
}

static void a_new_store_takes_over_nothing_of_others(void)
{
    EXPECT_INT(mkdir(disk("store"), 0700), 0);
    EXPECT_INT(mkdir(disk("store/tmp"), 0700), 0);
    write_disk(disk("store/tmp/thesis.txt"), "years of work");
    FAILS(INVALID_CONFIG, try_open(""));
    EXPECT_HAS(message(), "tmp");
    EXPECT_STR(read_disk(disk("store/tmp/thesis.txt")), "years of work");
    EXPECT_INT((int64_t)files_below(disk("store")), 1);
    EXPECT_INT(remove(disk("store/tmp/thesis.txt")), 0);
    EXPECT_INT(rmdir(disk("store/tmp")), 0);
    EXPECT_INT(mkdir(disk("photos"), 0700), 0);
    write_disk(disk("photos/one.jpg"), "a picture");
    EXPECT_INT(symlink(disk("photos"), disk("store/tmp")), 0);
    FAILS(INVALID_CONFIG, try_open(""));
    EXPECT_STR(read_disk(disk("photos/one.jpg")), "a picture");
    EXPECT_INT((int64_t)files_below(disk("store")), 0);
}

static void what_others_put_into_tmp_of_a_store_stays(void)
{
    close_store(open_store(""));
    write_disk(disk("store/tmp/thesis.txt"), "years of work");
    write_disk(disk("store/tmp/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"), "left by one that died");
    close_store(open_store(""));
    EXPECT_STR(read_disk(disk("store/tmp/thesis.txt")), "years of work");
    EXPECT(access(disk("store/tmp/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"), F_OK) != 0);
}

static int open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;
    EXPECT(directory != NULL);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

/* A host may have a handle for each of its callers. */
static void handles_with_the_same_mount_take_no_more_descriptors(void)
{
    const char *mount = text("\"mounts\": [{\"name\": \"m\", \"path\": \"/m\", \"root\": \"%s/root\"}]", expect_directory);
    nexus_fs *handles[20];
    size_t i;
    int before;
    handles[0] = open_store(mount);
    OK(nexus_write(handles[0], "/m/a", noise(LARGE, 1), LARGE, ERR));
    before = open_descriptors();
    for (i = 1; i < sizeof handles / sizeof handles[0]; i++) {
        handles[i] = open_store(mount);
        OK(nexus_write(handles[i], text("/m/%zu", i), noise(LARGE, i), LARGE, ERR));
    }
    EXPECT_INT(open_descriptors(), before);
    for (i = 0; i < sizeof handles / sizeof handles[0]; i++) {
        EXPECT_CONTENT(handles[i], "/m/a", noise(LARGE, 1), LARGE);
        close_store(handles[i]);
    }
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(everything_is_for_its_owner_alone_whatever_the_umask);
    RUN(a_umask_that_takes_everything_keeps_no_user_from_the_own_store);
    RUN(opening_waits_for_no_pipe);
    RUN(a_new_store_takes_over_nothing_of_others);
    RUN(what_others_put_into_tmp_of_a_store_stays);
    RUN(handles_with_the_same_mount_take_no_more_descriptors);
    return finish();
}
