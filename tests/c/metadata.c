/* Custom metadata: JSON by key on any file, found again by value. */
#include "expect.h"

static void values_are_any_json(void)
{
    static const char *const values[] = {"null", "true", "false", "0", "-1.5", "1e300", "\"text\"", "\"\"", "[]", "{}", "[1,\"two\",[3]]",
                                         "{\"a\":{\"b\":null}}", "\"\xc3\xa9\"", "12345678901234567890"};
    size_t i;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    for (i = 0; i < sizeof values / sizeof values[0]; i++) {
        set_meta(fs, "/a", "k", values[i]);
        EXPECT_STR(meta(fs, "/a", "k"), values[i]);
    }
    EXPECT_INT(look(fs, "/a").version, 1);
    close_store(fs);
}

static void what_is_no_json_is_refused(void)
{
    static const char *const values[] = {"", " ", "NaN", "Infinity", "-Infinity", "nan", "undefined", "'single'", "{a:1}", "[1,]", "{\"a\":1,}",
                                         "01", "+1", ".5", "1 2", "\"open", "{", "tru", "// comment\n1", "\"\x01\"", "\"\\x\""};
    size_t i;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    set_meta(fs, "/a", "k", "\"kept\"");
    for (i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (nexus_set_meta(fs, "/a", "k", values[i], ERR) != NEXUS_STATUS_INVALID_ARGUMENT) {
            FAIL("%s was not refused as a value; message: %s", values[i], message());
        }
        EXPECT_HAS(message(), "k");
    }
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/a", "k", "\"\xff\"", ERR));
    FAILS(INVALID_ARGUMENT, nexus_set_meta_many(fs, "/a", "[1]", ERR));
    FAILS(INVALID_ARGUMENT, nexus_set_meta_many(fs, "/a", "{\"x\": NaN}", ERR));
    EXPECT_STR(meta(fs, "/a", "k"), "\"kept\"");
    close_store(fs);
}

static char *nested(int depth)
{
    char *value = (char *)scratch((size_t)depth * 2 + 2);
    memset(value, '[', (size_t)depth);
    memset(value + depth, ']', (size_t)depth);
    return value;
}

static void limits_are_exact(void)
{
    size_t mib = 1024 * 1024;
    char *key = (char *)scratch(300), *value = (char *)scratch(mib + 8);
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    memset(key, 'k', 255);
    set_meta(fs, "/a", key, "1");
    EXPECT_STR(meta(fs, "/a", key), "1");
    key[255] = 'k';
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/a", key, "1", ERR));
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/a", "", "1", ERR));
    memset(value, 'v', mib);
    value[0] = value[mib - 1] = '"';
    set_meta(fs, "/a", "k", value);
    EXPECT_STR(meta(fs, "/a", "k"), value);
    value[mib - 1] = 'v';
    value[mib] = '"';
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/a", "k", value, ERR));
    EXPECT_INT(strlen(meta(fs, "/a", "k")), mib);
    set_meta(fs, "/a", "deep", nested(64));
    EXPECT_STR(meta(fs, "/a", "deep"), nested(64));
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/a", "deep", nested(65), ERR));
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/a", "deep", nested(500000), ERR));
    EXPECT_STR(meta(fs, "/a", "deep"), nested(64));
    close_store(fs);
}

static void keys_are_set_listed_and_deleted(void)
{
    char *value = NULL;
    const char *all;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    OK(nexus_list_meta(fs, "/a", &value, ERR));
    EXPECT_STR(keep(value), "{}");
    OK(nexus_set_meta_many(fs, "/a", "{\"b\": 2, \"a\": [1], \"c\": \"three\"}", ERR));
    OK(nexus_list_meta(fs, "/a", &value, ERR));
    all = keep(value);
    EXPECT_STR(json(all, "a"), "[1]");
    EXPECT_STR(json(all, "b"), "2");
    EXPECT_STR(json(all, "c"), "\"three\"");
    OK(nexus_delete_meta(fs, "/a", "b", ERR));
    value = (char *)all;
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/a", "b", &value, ERR));
    EXPECT(value == NULL);
    FAILS(NOT_FOUND, nexus_delete_meta(fs, "/a", "b", ERR));
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/a", "A", &value, ERR));
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/missing", "a", &value, ERR));
    FAILS(NOT_FOUND, nexus_set_meta(fs, "/missing", "a", "1", ERR));
    FAILS(NOT_FOUND, nexus_list_meta(fs, "/missing", &value, ERR));
    close_store(fs);
    fs = open_store("");
    EXPECT_STR(meta(fs, "/a", "c"), "\"three\"");
    close_store(fs);
}

static void several_keys_are_set_together_or_not_at_all(void)
{
    char *value = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    FAILS(INVALID_ARGUMENT, nexus_set_meta_many(fs, "/a", "{\"good\": 1, \"status\": \"nonsense\"}", ERR));
    EXPECT_HAS(message(), "status");
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/a", "good", &value, ERR));
    FAILS(INVALID_ARGUMENT, nexus_set_meta_many(fs, "/a", "{\"good\": 1, \"\": 2}", ERR));
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/a", "good", &value, ERR));
    OK(nexus_set_meta_many(fs, "/a", "{}", ERR));
    close_store(fs);
}

static void metadata_lives_as_long_as_its_file(void)
{
    char *value = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    set_meta(fs, "/a", "k", "1");
    put(fs, "/a", "overwritten");
    EXPECT_STR(meta(fs, "/a", "k"), "1");
    OK(nexus_append(fs, "/a", BYTES("!"), ERR));
    EXPECT_STR(meta(fs, "/a", "k"), "1");
    OK(nexus_delete(fs, "/a", ERR));
    put(fs, "/a", "another file");
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/a", "k", &value, ERR));
    close_store(fs);
}

static char *found(nexus_fs *fs, const char *key, const char *value, const char *base, size_t limit)
{
    nexus_find_options options = NEXUS_FIND_OPTIONS_INIT;
    char *all = text("%s", "");
    options.base = base;
    options.limit = limit;
    do {
        nexus_entries *page = NULL;
        size_t count;
        OK(nexus_find_by_meta(fs, key, value, &options, &page, ERR));
        count = nexus_entries_len(page);
        EXPECT(limit == 0 || count <= limit);
        options.cursor = expect_copy(nexus_entries_cursor(page));
        all = text("%s%s%s", all, all[0] && count ? " " : "", paths_of(page));
    } while (options.cursor != NULL);
    return all;
}

static void a_directory_that_was_made_has_metadata(void)
{
    char *value = NULL;
    nexus_fs *fs = open_store("");
    OK(nexus_mkdir(fs, "/made", 0, ERR));
    set_meta(fs, "/made", "k", "1");
    OK(nexus_set_meta_many(fs, "/made", "{\"l\":[2],\"m\":null}", ERR));
    EXPECT_STR(meta(fs, "/made", "k"), "1");
    OK(nexus_delete_meta(fs, "/made", "m", ERR));
    FAILS(NOT_FOUND, nexus_delete_meta(fs, "/made", "m", ERR));
    OK(nexus_list_meta(fs, "/made", &value, ERR));
    EXPECT_STR(keep(value), "{\"k\":1,\"l\":[2]}");
    FAILS(IS_A_DIRECTORY, nexus_set_meta(fs, "/made", "status", "\"ready\"", ERR));
    FAILS(IS_A_DIRECTORY, nexus_set_meta_many(fs, "/made", "{\"n\":1,\"priority\":1}", ERR));
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/made", "n", &value, ERR));
    EXPECT_STR(found(fs, "k", "1", NULL, 0), "/made/");
    close_store(fs);
}

static void a_directory_that_was_not_made_has_none(void)
{
    char *value = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/implied/file", "x");
    FAILS(IS_A_DIRECTORY, nexus_set_meta(fs, "/implied", "k", "1", ERR));
    EXPECT_HAS(message(), "was not made");
    FAILS(IS_A_DIRECTORY, nexus_list_meta(fs, "/implied", &value, ERR));
    FAILS(IS_A_DIRECTORY, nexus_set_meta(fs, "/", "k", "1", ERR));
    FAILS(IS_A_DIRECTORY, nexus_list_meta(fs, "/", &value, ERR));
    OK(nexus_mkdir(fs, "/implied", NEXUS_MKDIR_EXIST_OK, ERR));
    set_meta(fs, "/implied", "k", "1");
    OK(nexus_mkdir(fs, "/implied", NEXUS_MKDIR_EXIST_OK, ERR));
    EXPECT_STR(meta(fs, "/implied", "k"), "1");
    close_store(fs);
}

static void metadata_of_directories_goes_where_they_go(void)
{
    char *value = NULL;
    nexus_fs *fs = open_store("");
    OK(nexus_mkdir(fs, "/from/below", NEXUS_MKDIR_PARENTS, ERR));
    put(fs, "/from/below/file", "x");
    set_meta(fs, "/from", "k", "1");
    set_meta(fs, "/from/below", "k", "2");
    OK(nexus_copy(fs, "/from", "/copy", ERR));
    EXPECT_STR(meta(fs, "/copy", "k"), "1");
    EXPECT_STR(meta(fs, "/copy/below", "k"), "2");
    OK(nexus_mkdir(fs, "/to", 0, ERR));
    set_meta(fs, "/to", "old", "1");
    OK(nexus_rename(fs, "/from", "/to", ERR));
    EXPECT_STR(meta(fs, "/to", "k"), "1");
    EXPECT_STR(meta(fs, "/to/below", "k"), "2");
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/to", "old", &value, ERR));
    OK(nexus_mkdir(fs, "/second", 0, ERR));
    set_meta(fs, "/second", "old", "1");
    OK(nexus_copy(fs, "/to", "/second", ERR));
    FAILS(NOT_FOUND, nexus_get_meta(fs, "/second", "old", &value, ERR));
    OK(nexus_rmdir(fs, "/to", 1, ERR));
    OK(nexus_rmdir(fs, "/copy", 1, ERR));
    EXPECT_STR(found(fs, "k", "1", NULL, 0), "/second/");
    OK(nexus_rmdir(fs, "/second", 1, ERR));
    OK(nexus_mkdir(fs, "/to", 0, ERR));
    OK(nexus_list_meta(fs, "/to", &value, ERR));
    EXPECT_STR(keep(value), "{}");
    OK(nexus_verify(fs, NEXUS_VERIFY_CONTENT, NULL, NULL, &value, ERR));
    EXPECT_INT(json_int(keep(value), "error_count"), 0);
    close_store(fs);
}

static void files_are_found_by_value_in_pages(void)
{
    nexus_entries *page = NULL;
    size_t limit;
    nexus_fs *fs = open_store("");
    put(fs, "/p/a", "x");
    put(fs, "/p/b", "x");
    put(fs, "/p-/c", "x");
    put(fs, "/q", "x");
    put(fs, "/r", "x");
    set_meta(fs, "/p/a", "owner", "\"ada\"");
    set_meta(fs, "/p/b", "owner", "\"ada\"");
    set_meta(fs, "/p-/c", "owner", "\"ada\"");
    set_meta(fs, "/q", "owner", "\"bob\"");
    set_meta(fs, "/r", "other", "\"ada\"");
    for (limit = 0; limit < 5; limit++) {
        EXPECT_STR(found(fs, "owner", "\"ada\"", NULL, limit), "/p-/c /p/a /p/b");
        EXPECT_STR(found(fs, "owner", "\"ada\"", "/p", limit), "/p/a /p/b");
    }
    EXPECT_STR(found(fs, "owner", "\"Ada\"", NULL, 0), "");
    EXPECT_STR(found(fs, "owner", "\"a%\"", NULL, 0), "");
    EXPECT_STR(found(fs, "own_r", "\"ada\"", NULL, 0), "");
    FAILS(INVALID_ARGUMENT, nexus_find_by_meta(fs, "owner", "ada", NULL, &page, ERR));
    EXPECT(page == NULL);
    set_meta(fs, "/p/a", "owner", "\"bob\"");
    OK(nexus_delete(fs, "/p/b", ERR));
    EXPECT_STR(found(fs, "owner", "\"ada\"", NULL, 0), "/p-/c");
    OK(nexus_rename(fs, "/p-/c", "/moved", ERR));
    EXPECT_STR(found(fs, "owner", "\"ada\"", NULL, 0), "/moved");
    close_store(fs);
}

static void values_are_found_by_what_they_mean(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    set_meta(fs, "/a", "k", "{\"x\": 1,  \"y\": [true, null]}");
    EXPECT_STR(found(fs, "k", "{\"x\":1,\"y\":[true,null]}", NULL, 0), "/a");
    set_meta(fs, "/a", "k", "\"caf\\u00e9\"");
    EXPECT_STR(found(fs, "k", "\"caf\xc3\xa9\"", NULL, 0), "/a");
    set_meta(fs, "/a", "k", "1");
    EXPECT_STR(found(fs, "k", "1", NULL, 0), "/a");
    EXPECT_STR(found(fs, "k", "\"1\"", NULL, 0), "");
    set_meta(fs, "/a", "k", "null");
    EXPECT_STR(found(fs, "k", "null", NULL, 0), "/a");
    set_meta(fs, "/a", "k", "\"\"");
    EXPECT_STR(found(fs, "k", "null", NULL, 0), "");
    close_store(fs);
}

static void a_large_value_is_found_too(void)
{
    size_t size = 300000;
    char *value = (char *)scratch(size + 1), *other = (char *)scratch(size + 1);
    nexus_fs *fs = open_store("");
    memset(value, 'v', size);
    value[0] = value[size - 1] = '"';
    memcpy(other, value, size);
    other[size - 2] = 'w';
    put(fs, "/a", "x");
    put(fs, "/b", "x");
    set_meta(fs, "/a", "k", value);
    set_meta(fs, "/b", "k", other);
    EXPECT_STR(found(fs, "k", value, NULL, 0), "/a");
    EXPECT_STR(found(fs, "k", other, NULL, 0), "/b");
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(values_are_any_json);
    RUN(what_is_no_json_is_refused);
    RUN(limits_are_exact);
    RUN(keys_are_set_listed_and_deleted);
    RUN(several_keys_are_set_together_or_not_at_all);
    RUN(metadata_lives_as_long_as_its_file);
    RUN(a_directory_that_was_made_has_metadata);
    RUN(a_directory_that_was_not_made_has_none);
    RUN(metadata_of_directories_goes_where_they_go);
    RUN(files_are_found_by_value_in_pages);
    RUN(values_are_found_by_what_they_mean);
    RUN(a_large_value_is_found_too);
    return finish();
}
