/*
 * Not one byte of room: a store can be opened and read all the same, and whatever frees room works. The room for that is the
 * store's reserve, which is whole again when there is room.
 */
#include "full_disk.h"
#include "children.h"

enum { FILES = 40, SMALL_BYTES = 1000, TREE = 500, RESERVE = 1024 * 1024 };

static char *config_on_small_disk(void)
{
    return text("{\"data_dir\": \"%s/small/store\"}", expect_directory);
}

static int64_t reserve_held(void)
{
    struct stat status;
    return stat(disk("small/store/metadata.db-reserve"), &status) == 0 ? (int64_t)status.st_size : -1;
}

/* A store with files of both kinds and a directory full of them, on a disk that is full then. */
static void make_store_without_room(void)
{
    nexus_fs *fs;
    int i;
    EXPECT(mount_small_disk());
    fs = open_on_small_disk();
    for (i = 0; i < FILES; i++) {
        OK(nexus_write(fs, text("/large/%d", i), noise(LARGE, (uint64_t)i), LARGE, ERR));
        OK(nexus_write(fs, text("/small/%d", i), noise(SMALL_BYTES, (uint64_t)i), SMALL_BYTES, ERR));
    }
    for (i = 0; i < TREE; i++) {
        OK(nexus_write(fs, text("/tree/%d/file", i), noise(SMALL_BYTES, (uint64_t)i + 1000), SMALL_BYTES, ERR));
    }
    OK(nexus_mkdir(fs, "/empty", 0, ERR));
    put(fs, "/before", "old");
    close_store(fs);
    EXPECT_INT(reserve_held(), RESERVE);
    take_all_room();
}

static void read_everything_from(nexus_fs *fs, int first)
{
    nexus_entries *page = NULL;
    int i;
    OK(nexus_list(fs, NULL, &page, ERR));
    EXPECT(nexus_entries_len(page) > 0);
    nexus_entries_free(page);
    EXPECT_STR(get(fs, "/before"), "old");
    for (i = first; i < FILES; i++) {
        EXPECT_CONTENT(fs, text("/large/%d", i), noise(LARGE, (uint64_t)i), LARGE);
        EXPECT_CONTENT(fs, text("/small/%d", i), noise(SMALL_BYTES, (uint64_t)i), SMALL_BYTES);
        EXPECT_INT((int64_t)look(fs, text("/small/%d", i)).size, SMALL_BYTES);
    }
}

/* Another takes whatever becomes free, after each opening. */
static void everything_but_writing_works_again_and_again(void)
{
    nexus_fs *fs;
    int round;
    make_store_without_room();
    for (round = 0; round < FILES / 2; round++) {
        fs = open_on_small_disk();
        read_everything_from(fs, 2 * round);
        FAILS(NO_SPACE, nexus_write(fs, "/before", noise(LARGE, 77), LARGE, ERR));
        FAILS(NO_SPACE, nexus_write(fs, "/new", noise(SMALL_BYTES, 77), SMALL_BYTES, ERR));
        OK(nexus_delete(fs, text("/small/%d", 2 * round), ERR));
        close_store(fs);
        take_all_room();
        fs = open_on_small_disk();
        OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
        OK(nexus_delete(fs, text("/large/%d", 2 * round), ERR));
        take_all_room();
        OK(nexus_delete(fs, text("/large/%d", 2 * round + 1), ERR));
        OK(nexus_delete(fs, text("/small/%d", 2 * round + 1), ERR));
        close_store(fs);
        take_all_room();
    }
    give_room_back();
    fs = open_on_small_disk();
    EXPECT_INT(files_below(disk("small/store/cas")), 0);
    EXPECT_STR(get(fs, "/before"), "old");
    EXPECT_INT(exists(fs, "/new"), 0);
    close_store(fs);
    EXPECT_INT(reserve_held(), RESERVE);
    unmount_small_disk();
}

/* One handle, and what it deletes makes no room: small contents live in the database, which keeps its size. */
static void many_deletions_need_no_room(void)
{
    nexus_fs *fs;
    int i;
    make_store_without_room();
    fs = open_on_small_disk();
    OK(nexus_rmdir(fs, "/empty", 0, ERR));
    for (i = 0; i < TREE / 2; i++) {
        OK(nexus_delete(fs, text("/tree/%d/file", i), ERR));
        take_all_room();
    }
    FAILS(NO_SPACE, nexus_write(fs, "/new", noise(4 * LARGE, 77), 4 * LARGE, ERR));
    OK(nexus_rmdir(fs, "/tree", 1, ERR));
    EXPECT_INT(exists(fs, "/tree"), 0);
    read_everything_from(fs, 0);
    OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
    close_store(fs);
    give_room_back();
    fs = open_on_small_disk();
    put(fs, "/before", "new");
    EXPECT_INT(reserve_held(), RESERVE);
    close_store(fs);
    unmount_small_disk();
}

struct story {
    int ready[2];
    int go[2];
};

static void read_and_wait(void *user)
{
    struct story *story = (struct story *)user;
    nexus_fs *fs = open_on_small_disk();
    read_everything_from(fs, 1);
    give_word(story->ready[1]);
    EXPECT(wait_for_word(story->go[0]));
    read_everything_from(fs, 2);
    OK(nexus_delete(fs, "/large/2", ERR));
    close_store(fs);
}

static void delete_and_die(void *user)
{
    nexus_fs *fs = open_on_small_disk();
    OK(nexus_delete(fs, text("/large/%d", *(int *)user), ERR));
    OK(nexus_delete(fs, text("/small/%d", *(int *)user), ERR));
    raise(SIGKILL);
}

static void several_processes_and_killed_ones_need_no_room(void)
{
    struct story story;
    pid_t first, killed;
    nexus_fs *fs = NULL;
    int i;
    make_store_without_room();
    i = 0;
    killed = spawn(delete_and_die, &i);
    EXPECT(WIFSIGNALED(ended(killed)));
    take_all_room();
    open_pipe(story.ready);
    open_pipe(story.go);
    first = spawn(read_and_wait, &story);
    EXPECT(wait_for_word(story.ready[0]));
    take_all_room();
    i = 1;
    killed = spawn(delete_and_die, &i);
    EXPECT(WIFSIGNALED(ended(killed)));
    take_all_room();
    give_word(story.go[1]);
    join_all(&first, 1);
    take_all_room();
    fs = open_on_small_disk();
    EXPECT_INT(exists(fs, "/large/0") + exists(fs, "/small/1") + exists(fs, "/large/2"), 0);
    read_everything_from(fs, 3);
    for (i = 3; i < FILES; i++) {
        OK(nexus_delete(fs, text("/large/%d", i), ERR));
    }
    OK(nexus_write(fs, "/room", noise(4 * LARGE, 5), 4 * LARGE, ERR));
    close_store(fs);
    EXPECT_INT(reserve_held(), RESERVE);
    unmount_small_disk();
}

/* What was written last is still in the log, which cannot be copied into a database that has no room to grow. */
static void what_was_written_until_the_disk_was_full_can_be_deleted(void)
{
    nexus_fs *fs;
    nexus_status status = NEXUS_STATUS_OK;
    int i, count = 0;
    EXPECT(mount_small_disk());
    fs = open_on_small_disk();
    while (count < 40000 && status == NEXUS_STATUS_OK) {
        status = nexus_write(fs, text("/f/%d", count), noise(SMALL_BYTES, (uint64_t)count), SMALL_BYTES, ERR);
        count += status == NEXUS_STATUS_OK;
    }
    EXPECT_INT(status, NEXUS_STATUS_NO_SPACE);
    take_all_room();
    for (i = 0; i < 100; i++) {
        OK(nexus_delete(fs, text("/f/%d", i), ERR));
    }
    for (; i < count; i++) {
        EXPECT_CONTENT(fs, text("/f/%d", i), noise(SMALL_BYTES, (uint64_t)i), SMALL_BYTES);
    }
    close_store(fs);
    fs = open_on_small_disk();
    for (i = 100; i < 120; i++) {
        OK(nexus_delete(fs, text("/f/%d", i), ERR));
    }
    EXPECT_INT(exists(fs, "/f/120"), 1);
    close_store(fs);
    unmount_small_disk();
}

/* A store that an earlier version made has no reserve. It gets one when there is room. */
static void a_store_without_a_reserve_says_why_it_cannot_be_opened(void)
{
    nexus_fs *fs = NULL;
    char *config = config_on_small_disk();
    make_store_without_room();
    EXPECT_INT(unlink(disk("small/store/metadata.db-reserve")), 0);
    take_all_room();
    FAILS(NO_SPACE, nexus_connect(config, &fs, ERR));
    EXPECT(fs == NULL);
    give_room_back();
    OK(nexus_connect(config, &fs, ERR));
    EXPECT_INT(reserve_held(), RESERVE);
    EXPECT_STR(get(fs, "/before"), "old");
    close_store(fs);
    unmount_small_disk();
}

int main(int argc, char **argv)
{
    if (!have_small_disks(argv)) {
        return SKIPPED;
    }
    begin(argc, argv);
    RUN(everything_but_writing_works_again_and_again);
    RUN(many_deletions_need_no_room);
    RUN(several_processes_and_killed_ones_need_no_room);
    RUN(what_was_written_until_the_disk_was_full_can_be_deleted);
    RUN(a_store_without_a_reserve_says_why_it_cannot_be_opened);
    return finish();
}
