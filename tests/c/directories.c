/* Directories: made or implied by what is in them; listed by their direct children. */
#include "expect.h"

static void a_directory_exists_by_having_files(void)
{
    entry e;
    nexus_fs *fs = open_store("");
    put(fs, "/a/b/c.txt", "x");
    EXPECT_INT(is_directory(fs, "/a"), 1);
    EXPECT_INT(is_directory(fs, "/a/b"), 1);
    EXPECT_INT(is_directory(fs, "/a/b/c.txt"), 0);
    EXPECT_INT(is_directory(fs, "/a/missing"), 0);
    EXPECT_INT(is_directory(fs, "/"), 1);
    EXPECT_INT(exists(fs, "/a"), 1);
    EXPECT_INT(exists(fs, "/"), 1);
    e = look(fs, "/a");
    EXPECT_INT(e.kind, NEXUS_KIND_DIRECTORY);
    EXPECT_STR(e.path, "/a");
    EXPECT_STR(e.etag, NULL);
    EXPECT_STR(e.mime_type, NULL);
    EXPECT_STR(e.backend_name, NULL);
    EXPECT_STR(e.path_id, NULL);
    EXPECT_INT(e.size, 0);
    EXPECT_INT(e.version, 0);
    EXPECT_INT(e.created_at, 0);
    EXPECT_INT(e.modified_at, 0);
    OK(nexus_delete(fs, "/a/b/c.txt", ERR));
    EXPECT_INT(is_directory(fs, "/a"), 0);
    EXPECT_INT(exists(fs, "/a/b"), 0);
    close_store(fs);
}

static void a_directory_that_was_made_survives_emptiness(void)
{
    entry made, again;
    nexus_fs *fs = open_store("");
    OK(nexus_mkdir(fs, "/made", 0, ERR));
    made = look(fs, "/made");
    EXPECT_INT(made.kind, NEXUS_KIND_DIRECTORY);
    EXPECT(made.created_at > 0 && made.modified_at > 0);
    EXPECT_INT(strlen(made.path_id), 36);
    put(fs, "/made/a", "x");
    OK(nexus_delete(fs, "/made/a", ERR));
    EXPECT_INT(is_directory(fs, "/made"), 1);
    EXPECT_STR(children(fs, "/made"), "");
    again = look(fs, "/made");
    EXPECT_STR(again.path_id, made.path_id);
    EXPECT_INT(again.created_at, made.created_at);
    close_store(fs);
    fs = open_store("");
    EXPECT_STR(look(fs, "/made").path_id, made.path_id);
    EXPECT_STR(id_of(fs, "/made"), made.path_id);
    close_store(fs);
}

static void mkdir_asks_for_its_parents_and_for_a_free_name(void)
{
    nexus_fs *fs = open_store("");
    FAILS(NOT_FOUND, nexus_mkdir(fs, "/a/b/c", 0, ERR));
    EXPECT_INT(exists(fs, "/a"), 0);
    OK(nexus_mkdir(fs, "/a/b/c", NEXUS_MKDIR_PARENTS, ERR));
    EXPECT_INT(is_directory(fs, "/a/b"), 1);
    EXPECT_INT(is_directory(fs, "/a/b/c"), 1);
    FAILS(ALREADY_EXISTS, nexus_mkdir(fs, "/a/b", 0, ERR));
    FAILS(ALREADY_EXISTS, nexus_mkdir(fs, "/a/b", NEXUS_MKDIR_PARENTS, ERR));
    OK(nexus_mkdir(fs, "/a/b", NEXUS_MKDIR_EXIST_OK, ERR));
    OK(nexus_mkdir(fs, "/a/b/d", 0, ERR));
    OK(nexus_mkdir(fs, "/", NEXUS_MKDIR_EXIST_OK, ERR));
    FAILS(ALREADY_EXISTS, nexus_mkdir(fs, "/", 0, ERR));
    FAILS(INVALID_ARGUMENT, nexus_mkdir(fs, "/z", 1u << 30, ERR));
    EXPECT_INT(exists(fs, "/z"), 0);
    /* A parent that is implied by a file is there. */
    put(fs, "/implied/file", "x");
    OK(nexus_mkdir(fs, "/implied/made", 0, ERR));
    close_store(fs);
}

static void an_implied_directory_can_be_made_to_stay(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/dir/file", "x");
    OK(nexus_mkdir(fs, "/dir", NEXUS_MKDIR_EXIST_OK, ERR));
    EXPECT(look(fs, "/dir").path_id != NULL);
    OK(nexus_delete(fs, "/dir/file", ERR));
    EXPECT_INT(is_directory(fs, "/dir"), 1);
    close_store(fs);
}

static void rmdir_refuses_what_is_not_empty(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/dir/sub/file", "x");
    OK(nexus_mkdir(fs, "/made", 0, ERR));
    OK(nexus_mkdir(fs, "/nested/inner", NEXUS_MKDIR_PARENTS, ERR));
    FAILS(NOT_EMPTY, nexus_rmdir(fs, "/dir", 0, ERR));
    EXPECT_HAS(message(), "/dir");
    FAILS(NOT_EMPTY, nexus_rmdir(fs, "/nested", 0, ERR));
    FAILS(NOT_FOUND, nexus_rmdir(fs, "/missing", 0, ERR));
    FAILS(NOT_FOUND, nexus_rmdir(fs, "/missing", 1, ERR));
    FAILS(NOT_A_DIRECTORY, nexus_rmdir(fs, "/dir/sub/file", 0, ERR));
    FAILS(NOT_A_DIRECTORY, nexus_rmdir(fs, "/dir/sub/file", 1, ERR));
    EXPECT_STR(get(fs, "/dir/sub/file"), "x");
    OK(nexus_rmdir(fs, "/made", 0, ERR));
    EXPECT_INT(exists(fs, "/made"), 0);
    OK(nexus_rmdir(fs, "/nested/inner", 0, ERR));
    EXPECT_INT(is_directory(fs, "/nested"), 1);
    OK(nexus_rmdir(fs, "/dir", 1, ERR));
    EXPECT_INT(exists(fs, "/dir/sub/file"), 0);
    EXPECT_INT(exists(fs, "/dir"), 0);
    close_store(fs);
}

static void a_recursive_rmdir_takes_only_what_is_below(void)
{
    uint8_t *large = noise(LARGE, 1);
    const char *etag;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/data_1/large", large, LARGE, ERR));
    etag = look(fs, "/data_1/large").etag;
    put(fs, "/data_1/sub/a", "x");
    OK(nexus_mkdir(fs, "/data_1/empty/deep", NEXUS_MKDIR_PARENTS, ERR));
    /* Neighbours that a pattern, another case or a raw prefix would catch. */
    put(fs, "/dataX1/a", "x");
    put(fs, "/DATA_1/a", "x");
    put(fs, "/data_1x", "x");
    put(fs, "/data_1-x/a", "x");
    put(fs, "/data_1.x", "x");
    put(fs, "/data_", "x");
    OK(nexus_rmdir(fs, "/data_1", 1, ERR));
    EXPECT_STR(listed(fs, NULL), "/DATA_1/a /dataX1/a /data_ /data_1-x/a /data_1.x /data_1x");
    EXPECT_INT(exists(fs, "/data_1"), 0);
    EXPECT_INT(exists(fs, "/data_1/empty/deep"), 0);
    EXPECT_INT(reference_count(fs, etag), 0);
    EXPECT_INT(files_below(disk("store/cas")), 0);
    close_store(fs);
}

static void the_root_stays(void)
{
    nexus_fs *fs = open_store("");
    EXPECT_STR(children(fs, "/"), "");
    EXPECT_STR(below(fs, "/"), "");
    put(fs, "/a", "x");
    FAILS(INVALID_ARGUMENT, nexus_rmdir(fs, "/", 0, ERR));
    FAILS(INVALID_ARGUMENT, nexus_rmdir(fs, "/", 1, ERR));
    EXPECT_STR(get(fs, "/a"), "x");
    close_store(fs);
}

static void children_come_in_the_order_of_their_bytes(void)
{
    nexus_fs *fs = open_store("");
    /* '-' and '.' come before '/': what is in x lies between x.txt and x0, x itself before x-1. */
    put(fs, "/d/x/inside", "1");
    put(fs, "/d/x/inside2", "1");
    put(fs, "/d/x/deeper/still", "1");
    put(fs, "/d/x-1", "2");
    put(fs, "/d/x.txt", "3");
    put(fs, "/d/x0", "4");
    put(fs, "/d/xy", "5");
    put(fs, "/d/X", "6");
    put(fs, "/d/a/b/c", "7");
    put(fs, "/d/z-dir/f", "8");
    put(fs, "/d/z", "9");
    OK(nexus_mkdir(fs, "/d/made", 0, ERR));
    OK(nexus_mkdir(fs, "/d/a-made", 0, ERR));
    put(fs, "/e", "outside");
    put(fs, "/d-2", "outside");
    put(fs, "/d0", "outside");
    EXPECT_STR(children(fs, "/d"), "/d/X /d/a/ /d/a-made/ /d/made/ /d/x/ /d/x-1 /d/x.txt /d/x0 /d/xy /d/z /d/z-dir/");
    EXPECT_STR(children(fs, "/"), "/d/ /d-2 /d0 /e");
    EXPECT_STR(children(fs, "/d/x"), "/d/x/deeper/ /d/x/inside /d/x/inside2");
    EXPECT_STR(below(fs, "/d/x"), "/d/x/deeper/still /d/x/inside /d/x/inside2");
    EXPECT_STR(below(fs, "/d"), "/d/X /d/a/b/c /d/x-1 /d/x.txt /d/x/deeper/still /d/x/inside /d/x/inside2 /d/x0 /d/xy "
                                "/d/z /d/z-dir/f");
    close_store(fs);
}

static void an_option_adds_directories_to_a_recursive_listing(void)
{
    nexus_list_options options = listing("/d", NULL, 1);
    nexus_fs *fs = open_store("");
    put(fs, "/d/x/y/file", "1");
    put(fs, "/d/x-1", "2");
    OK(nexus_mkdir(fs, "/d/empty", 0, ERR));
    options.include_directories = 1;
    EXPECT_STR(listed(fs, &options), "/d/empty/ /d/x/ /d/x-1 /d/x/y/ /d/x/y/file");
    options.include_directories = 0;
    EXPECT_STR(listed(fs, &options), "/d/x-1 /d/x/y/file");
    close_store(fs);
}

static void children_tell_made_from_implied(void)
{
    nexus_list_options options = listing("/", NULL, 0);
    nexus_entries *page = NULL;
    nexus_fs *fs = open_store("");
    OK(nexus_mkdir(fs, "/made", 0, ERR));
    put(fs, "/implied/file", "x");
    OK(nexus_list(fs, &options, &page, ERR));
    EXPECT_INT(nexus_entries_len(page), 2);
    EXPECT_STR(entry_of(nexus_entries_at(page, 0)).path_id, NULL);
    EXPECT_INT(entry_of(nexus_entries_at(page, 0)).created_at, 0);
    EXPECT_STR(entry_of(nexus_entries_at(page, 1)).path_id, id_of(fs, "/made"));
    EXPECT(entry_of(nexus_entries_at(page, 1)).created_at > 0);
    EXPECT(nexus_entries_at(page, 2) == NULL);
    EXPECT(nexus_entries_cursor(page) == NULL);
    nexus_entries_free(page);
    close_store(fs);
}

static void listing_what_is_no_directory_fails(void)
{
    nexus_list_options options = listing("/missing", NULL, 0);
    nexus_entries *page = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/file", "x");
    FAILS(NOT_FOUND, nexus_list(fs, &options, &page, ERR));
    EXPECT(page == NULL);
    options.recursive = 1;
    FAILS(NOT_FOUND, nexus_list(fs, &options, &page, ERR));
    options.path = "/file";
    FAILS(NOT_A_DIRECTORY, nexus_list(fs, &options, &page, ERR));
    options.recursive = 0;
    FAILS(NOT_A_DIRECTORY, nexus_list(fs, &options, &page, ERR));
    close_store(fs);
}

static void writing_makes_no_directory_that_outlives_its_files(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/a/b/c", "x");
    OK(nexus_rename(fs, "/a/b/c", "/elsewhere", ERR));
    EXPECT_STR(children(fs, "/"), "/elsewhere");
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_directory_exists_by_having_files);
    RUN(a_directory_that_was_made_survives_emptiness);
    RUN(mkdir_asks_for_its_parents_and_for_a_free_name);
    RUN(an_implied_directory_can_be_made_to_stay);
    RUN(rmdir_refuses_what_is_not_empty);
    RUN(a_recursive_rmdir_takes_only_what_is_below);
    RUN(the_root_stays);
    RUN(children_come_in_the_order_of_their_bytes);
    RUN(an_option_adds_directories_to_a_recursive_listing);
    RUN(children_tell_made_from_implied);
    RUN(listing_what_is_no_directory_fails);
    RUN(writing_makes_no_directory_that_outlives_its_files);
    return finish();
}
