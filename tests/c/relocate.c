/* Rename and copy, of files and of trees: atomic, metadata goes along, contents stay where they are. */
#include "expect.h"

static void a_renamed_file_is_the_same_file(void)
{
    uint8_t *large = noise(LARGE, 1);
    entry before, after;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/a", noise(LARGE, 2), LARGE, ERR));
    OK(nexus_write(fs, "/a", large, LARGE, ERR));
    set_meta(fs, "/a", "author", "\"ada\"");
    before = look(fs, "/a");
    OK(nexus_rename(fs, "/a", "/new/place/b", ERR));
    EXPECT_INT(exists(fs, "/a"), 0);
    after = look(fs, "/new/place/b");
    EXPECT_STR(after.path_id, before.path_id);
    EXPECT_STR(after.etag, before.etag);
    EXPECT_INT(after.version, 2);
    EXPECT_INT(after.created_at, before.created_at);
    EXPECT_STR(meta(fs, "/new/place/b", "author"), "\"ada\"");
    EXPECT_CONTENT(fs, "/new/place/b", large, LARGE);
    EXPECT_INT(reference_count(fs, after.etag), 1);
    EXPECT_INT(files_below(disk("store/cas")), 1);
    close_store(fs);
}

static void a_file_replaces_a_file(void)
{
    uint8_t *replaced = noise(LARGE, 3);
    char *path = NULL;
    entry moved, victim;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "moved");
    set_meta(fs, "/a", "k", "1");
    OK(nexus_write(fs, "/b", replaced, LARGE, ERR));
    set_meta(fs, "/b", "old", "2");
    moved = look(fs, "/a");
    victim = look(fs, "/b");
    OK(nexus_rename(fs, "/a", "/b", ERR));
    EXPECT_STR(get(fs, "/b"), "moved");
    EXPECT_STR(id_of(fs, "/b"), moved.path_id);
    EXPECT_STR(meta(fs, "/b", "k"), "1");
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/b", "old", &path, ERR));
    FAILS(NOT_FOUND, nexus_path_of_id(fs, victim.path_id, &path, ERR));
    EXPECT_INT(reference_count(fs, victim.etag), 0);
    EXPECT_INT(files_below(disk("store/cas")), 0);
    close_store(fs);
}

static void no_replace_keeps_an_existing_target(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/a", "a");
    put(fs, "/b", "b");
    put(fs, "/dir/f", "f");
    OK(nexus_mkdir(fs, "/empty", 0, ERR));
    FAILS(ALREADY_EXISTS, nexus_rename_with(fs, "/a", "/b", NEXUS_NO_REPLACE, NULL, ERR));
    FAILS(ALREADY_EXISTS, nexus_copy_with(fs, "/a", "/b", NEXUS_NO_REPLACE, NULL, ERR));
    FAILS(ALREADY_EXISTS, nexus_rename_with(fs, "/dir", "/empty", NEXUS_NO_REPLACE, NULL, ERR));
    EXPECT_STR(get(fs, "/a"), "a");
    EXPECT_STR(get(fs, "/b"), "b");
    EXPECT_STR(get(fs, "/dir/f"), "f");
    OK(nexus_rename_with(fs, "/a", "/c", NEXUS_NO_REPLACE, NULL, ERR));
    OK(nexus_copy_with(fs, "/c", "/d", NEXUS_NO_REPLACE, NULL, ERR));
    EXPECT_STR(get(fs, "/d"), "a");
    FAILS(INVALID_ARGUMENT, nexus_rename_with(fs, "/c", "/e", 1u << 20, NULL, ERR));
    EXPECT_INT(exists(fs, "/e"), 0);
    close_store(fs);
}

static void conditions_guard_the_source(void)
{
    nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "one");
    options.if_match = look(fs, "/a").etag;
    put(fs, "/a", "two");
    FAILS(CONFLICT, nexus_rename_with(fs, "/a", "/b", 0, &options, ERR));
    FAILS(CONFLICT, nexus_copy_with(fs, "/a", "/b", 0, &options, ERR));
    EXPECT_INT(exists(fs, "/b"), 0);
    options.if_match = look(fs, "/a").etag;
    OK(nexus_copy_with(fs, "/a", "/b", 0, &options, ERR));
    OK(nexus_rename_with(fs, "/a", "/c", 0, &options, ERR));
    EXPECT_STR(listed(fs, NULL), "/b /c");
    close_store(fs);
}

static void onto_itself_changes_nothing(void)
{
    entry before;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    put(fs, "/dir/f", "y");
    set_meta(fs, "/a", "k", "1");
    before = look(fs, "/a");
    OK(nexus_rename(fs, "/a", "/a/", ERR));
    OK(nexus_copy(fs, "/a", "//a", ERR));
    OK(nexus_rename(fs, "/dir", "/dir", ERR));
    OK(nexus_copy(fs, "/dir", "/dir", ERR));
    EXPECT_STR(get(fs, "/a"), "x");
    EXPECT_STR(id_of(fs, "/a"), before.path_id);
    EXPECT_INT(look(fs, "/a").version, 1);
    EXPECT_STR(meta(fs, "/a", "k"), "1");
    EXPECT_INT(reference_count(fs, before.etag), 1);
    EXPECT_STR(get(fs, "/dir/f"), "y");
    FAILS(NOT_FOUND, nexus_rename(fs, "/missing", "/missing", ERR));
    close_store(fs);
}

static void into_itself_is_refused(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/dir/sub/f", "x");
    FAILS(INVALID_ARGUMENT, nexus_rename(fs, "/dir", "/dir/sub/new", ERR));
    FAILS(INVALID_ARGUMENT, nexus_rename(fs, "/dir", "/dir/new", ERR));
    FAILS(INVALID_ARGUMENT, nexus_copy(fs, "/dir", "/dir/new", ERR));
    FAILS(INVALID_ARGUMENT, nexus_rename(fs, "/", "/new", ERR));
    EXPECT_STR(listed(fs, NULL), "/dir/sub/f");
    /* A name that only begins alike is another place. */
    OK(nexus_rename(fs, "/dir", "/dir-2", ERR));
    EXPECT_STR(listed(fs, NULL), "/dir-2/sub/f");
    close_store(fs);
}

static void a_tree_moves_whole_and_alone(void)
{
    const char *file_id, *made_id;
    nexus_fs *fs = open_store("");
    put(fs, "/a/b/1", "1");
    put(fs, "/a/2", "2");
    OK(nexus_mkdir(fs, "/a/made", 0, ERR));
    set_meta(fs, "/a/b/1", "k", "{\"deep\":[1,2]}");
    put(fs, "/a-neighbour", "n");
    put(fs, "/a0", "n");
    file_id = id_of(fs, "/a/b/1");
    made_id = id_of(fs, "/a/made");
    OK(nexus_rename(fs, "/a", "/far/away", ERR));
    EXPECT_STR(listed(fs, NULL), "/a-neighbour /a0 /far/away/2 /far/away/b/1");
    EXPECT_STR(children(fs, "/far/away"), "/far/away/2 /far/away/b/ /far/away/made/");
    EXPECT_STR(id_of(fs, "/far/away/b/1"), file_id);
    EXPECT_STR(id_of(fs, "/far/away/made"), made_id);
    EXPECT_STR(meta(fs, "/far/away/b/1", "k"), "{\"deep\":[1,2]}");
    EXPECT_INT(exists(fs, "/a"), 0);
    close_store(fs);
}

static void a_directory_takes_only_an_absent_or_empty_target(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/dir/f", "x");
    put(fs, "/full/g", "y");
    put(fs, "/file", "z");
    OK(nexus_mkdir(fs, "/empty", 0, ERR));
    FAILS(NOT_EMPTY, nexus_rename(fs, "/dir", "/full", ERR));
    FAILS(NOT_EMPTY, nexus_copy(fs, "/dir", "/full", ERR));
    FAILS(NOT_A_DIRECTORY, nexus_rename(fs, "/dir", "/file", ERR));
    FAILS(NOT_A_DIRECTORY, nexus_copy(fs, "/dir", "/file", ERR));
    FAILS(IS_A_DIRECTORY, nexus_rename(fs, "/file", "/full", ERR));
    FAILS(IS_A_DIRECTORY, nexus_copy(fs, "/file", "/full", ERR));
    FAILS(NOT_FOUND, nexus_rename(fs, "/missing", "/anywhere", ERR));
    FAILS(NOT_FOUND, nexus_copy(fs, "/missing", "/anywhere", ERR));
    EXPECT_STR(listed(fs, NULL), "/dir/f /file /full/g");
    OK(nexus_copy(fs, "/dir", "/empty", ERR));
    EXPECT_STR(get(fs, "/empty/f"), "x");
    OK(nexus_rmdir(fs, "/empty", 1, ERR));
    OK(nexus_mkdir(fs, "/empty", 0, ERR));
    OK(nexus_rename(fs, "/dir", "/empty", ERR));
    EXPECT_STR(listed(fs, NULL), "/empty/f /file /full/g");
    close_store(fs);
}

static void a_copy_is_a_new_file_with_the_same_content(void)
{
    uint8_t *large = noise(LARGE, 4);
    entry original, copy;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "first");
    OK(nexus_write(fs, "/a", large, LARGE, ERR));
    set_meta(fs, "/a", "author", "\"ada\"");
    OK(nexus_copy(fs, "/a", "/copies/b", ERR));
    original = look(fs, "/a");
    copy = look(fs, "/copies/b");
    EXPECT(strcmp(copy.path_id, original.path_id) != 0);
    EXPECT_STR(copy.etag, original.etag);
    EXPECT_INT(original.version, 2);
    EXPECT_INT(copy.version, 1);
    EXPECT_STR(copy.mime_type, original.mime_type);
    EXPECT_STR(meta(fs, "/copies/b", "author"), "\"ada\"");
    EXPECT_INT(reference_count(fs, copy.etag), 2);
    EXPECT_INT(files_below(disk("store/cas")), 1);
    set_meta(fs, "/copies/b", "author", "\"bob\"");
    EXPECT_STR(meta(fs, "/a", "author"), "\"ada\"");
    OK(nexus_delete(fs, "/a", ERR));
    EXPECT_CONTENT(fs, "/copies/b", large, LARGE);
    EXPECT_INT(reference_count(fs, copy.etag), 1);
    close_store(fs);
}

static void a_copied_tree_has_new_ids_throughout(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/a/1", "1");
    put(fs, "/a/b/2", "2");
    OK(nexus_mkdir(fs, "/a/made", 0, ERR));
    OK(nexus_copy(fs, "/a", "/c", ERR));
    EXPECT_STR(listed(fs, NULL), "/a/1 /a/b/2 /c/1 /c/b/2");
    EXPECT_INT(is_directory(fs, "/c/made"), 1);
    EXPECT(strcmp(id_of(fs, "/a/1"), id_of(fs, "/c/1")) != 0);
    EXPECT(strcmp(id_of(fs, "/a/b/2"), id_of(fs, "/c/b/2")) != 0);
    EXPECT(strcmp(id_of(fs, "/a/made"), id_of(fs, "/c/made")) != 0);
    EXPECT_INT(reference_count(fs, look(fs, "/a/b/2").etag), 2);
    close_store(fs);
}

static void a_copy_onto_a_file_replaces_its_content(void)
{
    const char *old;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "new");
    put(fs, "/b", "old");
    old = look(fs, "/b").etag;
    OK(nexus_copy(fs, "/a", "/b", ERR));
    EXPECT_STR(get(fs, "/b"), "new");
    EXPECT_STR(get(fs, "/a"), "new");
    EXPECT_INT(reference_count(fs, old), 0);
    EXPECT_INT(reference_count(fs, look(fs, "/a").etag), 2);
    close_store(fs);
}

static void a_copied_work_item_starts_afresh(void)
{
    char *json_text = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/dep", "x");
    put(fs, "/job", "x");
    OK(nexus_set_meta_many(fs, "/job",
                           "{\"status\":\"in_progress\",\"worker_id\":\"w1\",\"started_at\":\"2026-01-02T03:04:05Z\","
                           "\"priority\":3,\"tags\":[\"a\"],\"depends_on\":\"/dep\",\"note\":\"kept\"}",
                           ERR));
    OK(nexus_copy(fs, "/job", "/job2", ERR));
    EXPECT_STR(meta(fs, "/job2", "status"), "\"ready\"");
    EXPECT_STR(meta(fs, "/job2", "priority"), "3");
    EXPECT_STR(meta(fs, "/job2", "note"), "\"kept\"");
    EXPECT_STR(meta(fs, "/job2", "depends_on"), meta(fs, "/job", "depends_on"));
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/job2", "worker_id", &json_text, ERR));
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/job2", "started_at", &json_text, ERR));
    EXPECT_STR(meta(fs, "/job", "status"), "\"in_progress\"");
    EXPECT_STR(meta(fs, "/job", "worker_id"), "\"w1\"");
    close_store(fs);
}

static void a_tree_that_would_be_too_deep_stays(void)
{
    char *deep = text("%s", "/t"), *target = text("%s", "");
    int i;
    nexus_fs *fs = open_store("");
    for (i = 0; i < 60; i++) {
        deep = text("%s/d", deep);
        target = text("%s/e", target);
    }
    put(fs, deep, "x");
    FAILS(INVALID_PATH, nexus_rename(fs, "/t", target, ERR));
    FAILS(INVALID_PATH, nexus_copy(fs, "/t", target, ERR));
    EXPECT_STR(listed(fs, NULL), deep);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_renamed_file_is_the_same_file);
    RUN(a_file_replaces_a_file);
    RUN(no_replace_keeps_an_existing_target);
    RUN(conditions_guard_the_source);
    RUN(onto_itself_changes_nothing);
    RUN(into_itself_is_refused);
    RUN(a_tree_moves_whole_and_alone);
    RUN(a_directory_takes_only_an_absent_or_empty_target);
    RUN(a_copy_is_a_new_file_with_the_same_content);
    RUN(a_copied_tree_has_new_ids_throughout);
    RUN(a_copy_onto_a_file_replaces_its_content);
    RUN(a_copied_work_item_starts_afresh);
    RUN(a_tree_that_would_be_too_deep_stays);
    return finish();
}
