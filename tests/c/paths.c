/* Names: one file has one name, and what cannot be a name is refused with its reason. */
#include "expect.h"

static const char *repeat(const char *piece, int times)
{
    size_t length = strlen(piece);
    char *all = (char *)scratch(length * (size_t)times + 1);
    int i;
    for (i = 0; i < times; i++) {
        memcpy(all + length * (size_t)i, piece, length);
    }
    return all;
}

static void one_file_has_one_name(void)
{
    static const char *const spellings[] = {"/a/b", "a/b", "/a//b", "/a/./b", "/a/b/", "//a/b", "./a/b", "/a/b/./", "a//./b//"};
    size_t i;
    nexus_fs *fs = open_store("");
    for (i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        put(fs, spellings[i], spellings[i]);
        EXPECT_STR(look(fs, spellings[i]).path, "/a/b");
        EXPECT_STR(get(fs, "/a/b"), spellings[i]);
    }
    EXPECT_STR(listed(fs, NULL), "/a/b");
    EXPECT_INT(look(fs, "/a/b").version, sizeof spellings / sizeof spellings[0]);
    EXPECT_STR(children(fs, "/./"), "/a/");
    close_store(fs);
}

static void dots_inside_a_name_are_just_characters(void)
{
    static const char *const names[] = {"/a..b", "/...", "/..a", "/a..", "/.hidden", "/a.", "/ ", "/%_*?[x]{y}", "/\\", "/'\"`;--",
                                        "/\xc3\xa9", "/\xe6\x97\xa5\xe6\x9c\xac", "/\xf0\x9f\x93\x81", "/\xe2\x80\x8b"};
    size_t i;
    nexus_fs *fs = open_store("");
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        put(fs, names[i], names[i]);
    }
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        EXPECT_STR(get(fs, names[i]), names[i]);
        EXPECT_STR(look(fs, names[i]).path, names[i]);
    }
    close_store(fs);
}

static void case_matters(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/A", "upper");
    put(fs, "/a", "lower");
    EXPECT_STR(get(fs, "/A"), "upper");
    EXPECT_STR(get(fs, "/a"), "lower");
    EXPECT_STR(listed(fs, NULL), "/A /a");
    close_store(fs);
}

struct refusal {
    const char *path;
    const char *reason;
};

static void what_cannot_be_a_name_is_refused_with_its_reason(void)
{
    static const struct refusal refusals[] = {
        {"", "empty"},
        {"..", ".."},
        {"/..", ".."},
        {"/a/../b", ".."},
        {"/a/..", ".."},
        {"../a", ".."},
        {"/a\x01", "control"},
        {"/a\nb", "control"},
        {"/a\tb", "control"},
        {"/\x1f", "control"},
        {"/a\x7f", "control"},
        {"/a\xc2\x80", "control"},      /* U+0080 */
        {"/a\xc2\x9f", "control"},      /* U+009F */
        {"/\xe2\x80\xaa", "bidi"},      /* U+202A */
        {"/a\xe2\x80\xaegpj.exe", "bidi"}, /* U+202E */
        {"/\xe2\x81\xa6", "bidi"},      /* U+2066 */
        {"/\xe2\x81\xa9", "bidi"},      /* U+2069 */
        {"/\xff", "UTF-8"},
        {"/\xc3", "UTF-8"},             /* cut short */
        {"/\xc0\xaf", "UTF-8"},         /* '/' in two bytes */
        {"/\xed\xa0\x80", "UTF-8"},     /* a surrogate */
        {"/\xf4\x90\x80\x80", "UTF-8"}, /* beyond U+10FFFF */
        {"/e\xcc\x81", "ormali"},       /* e and U+0301: not NFC */
        {"/\xe1\x84\x92\xe1\x85\xa1", "ormali"}, /* Hangul in pieces */
        {"/\xe2\x84\xab", "ormali"},    /* ANGSTROM SIGN is not NFC */
    };
    size_t i;
    nexus_fs *fs = open_store("");
    for (i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        FAILS(INVALID_PATH, nexus_write(fs, refusals[i].path, BYTES("x"), ERR));
        if (strstr(message(), refusals[i].reason) == NULL) {
            FAIL("refusal %zu does not say \"%s\": %s", i, refusals[i].reason, message());
        }
    }
    EXPECT_STR(listed(fs, NULL), "");
    close_store(fs);
}

static void neighbours_of_refused_characters_are_allowed(void)
{
    static const char *const names[] = {"/a ", "/a\xc2\xa0", "/\xe2\x80\xa9", "/\xe2\x80\xaf", "/\xe2\x81\xa5", "/\xe2\x81\xaa"};
    size_t i;
    nexus_fs *fs = open_store("");
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        put(fs, names[i], "x");
        EXPECT_STR(look(fs, names[i]).path, names[i]);
    }
    close_store(fs);
}

static void lengths_are_limited_exactly(void)
{
    const char *name255 = repeat("n", 255), *name256 = repeat("n", 256);
    const char *deep100 = repeat("/d", 100), *deep101 = repeat("/d", 101);
    const char *longest = text("%s/%s", repeat(text("/%s", repeat("x", 254)), 16), repeat("y", 15));
    nexus_fs *fs = open_store("");
    put(fs, text("/%s", name255), "x");
    FAILS(INVALID_PATH, nexus_write(fs, text("/%s", name256), BYTES("x"), ERR));
    EXPECT_HAS(message(), "255");
    /* 255 bytes, not characters. */
    put(fs, text("/%s%s", repeat("\xc3\xa9", 127), "n"), "x");
    FAILS(INVALID_PATH, nexus_write(fs, text("/%s", repeat("\xc3\xa9", 128)), BYTES("x"), ERR));
    put(fs, deep100, "x");
    FAILS(INVALID_PATH, nexus_write(fs, deep101, BYTES("x"), ERR));
    EXPECT_HAS(message(), "100");
    EXPECT_INT(strlen(longest), 16 * 255 + 16);
    EXPECT_INT(strlen(longest), 4096);
    put(fs, longest, "x");
    EXPECT_STR(get(fs, longest), "x");
    FAILS(INVALID_PATH, nexus_write(fs, text("%sz", longest), BYTES("x"), ERR));
    EXPECT_HAS(message(), "4");
    /* Limits hold for the name as it is kept, after normalisation. */
    put(fs, text("%s/short", repeat("/.", 5000)), "y");
    EXPECT_STR(get(fs, "/short"), "y");
    close_store(fs);
}

static void every_call_that_takes_a_path_refuses_a_bad_one(void)
{
    const char *bad = "/a/../b";
    nexus_buffer *buffer = NULL;
    nexus_entry *row = NULL;
    nexus_entries *page = NULL;
    nexus_reader *reader = NULL;
    nexus_writer *writer = NULL;
    nexus_batch *batch = NULL;
    nexus_strings *ids = NULL;
    nexus_list_options options = listing(bad, NULL, 1);
    char *string = NULL;
    int32_t flag = 0;
    uint8_t byte;
    size_t got;
    nexus_fs *fs = open_store("");
    put(fs, "/ok", "x");
    FAILS(INVALID_PATH, nexus_read(fs, bad, &buffer, ERR));
    FAILS(INVALID_PATH, nexus_read_at(fs, bad, 0, &byte, 1, &got, ERR));
    FAILS(INVALID_PATH, nexus_append(fs, bad, BYTES("x"), ERR));
    FAILS(INVALID_PATH, nexus_stat(fs, bad, &row, ERR));
    FAILS(INVALID_PATH, nexus_exists(fs, bad, &flag, ERR));
    FAILS(INVALID_PATH, nexus_is_directory(fs, bad, &flag, ERR));
    FAILS(INVALID_PATH, nexus_delete(fs, bad, ERR));
    FAILS(INVALID_PATH, nexus_rename(fs, bad, "/x", ERR));
    FAILS(INVALID_PATH, nexus_rename(fs, "/ok", bad, ERR));
    FAILS(INVALID_PATH, nexus_copy(fs, bad, "/x", ERR));
    FAILS(INVALID_PATH, nexus_copy(fs, "/ok", bad, ERR));
    FAILS(INVALID_PATH, nexus_mkdir(fs, bad, 0, ERR));
    FAILS(INVALID_PATH, nexus_rmdir(fs, bad, 1, ERR));
    FAILS(INVALID_PATH, nexus_reader_open(fs, bad, &reader, ERR));
    FAILS(INVALID_PATH, nexus_writer_open(fs, bad, NULL, &writer, ERR));
    FAILS(INVALID_PATH, nexus_list(fs, &options, &page, ERR));
    FAILS(INVALID_PATH, nexus_content_ids(fs, &bad, 1, &ids, ERR));
    FAILS(INVALID_PATH, nexus_set_meta(fs, bad, "k", "1", ERR));
    FAILS(INVALID_PATH, nexus_set_meta_many(fs, bad, "{\"k\":1}", ERR));
    FAILS(INVALID_PATH, nexus_get_meta(fs, bad, "k", &string, ERR));
    FAILS(INVALID_PATH, nexus_list_meta(fs, bad, &string, ERR));
    FAILS(INVALID_PATH, nexus_delete_meta(fs, bad, "k", ERR));
    FAILS(INVALID_PATH, nexus_path_id(fs, bad, &string, ERR));
    FAILS(INVALID_PATH, nexus_work_explain(fs, bad, &string, ERR));
    OK(nexus_batch_new(fs, &batch, ERR));
    if (nexus_batch_write(batch, bad, BYTES("x"), NULL, ERR) == NEXUS_STATUS_OK) {
        FAILS(INVALID_PATH, nexus_batch_commit(batch, NULL, ERR));
    } else {
        EXPECT_INT(nexus_error_status(expect_slot), NEXUS_STATUS_INVALID_PATH);
    }
    nexus_batch_free(batch);
    EXPECT_STR(listed(fs, NULL), "/ok");
    close_store(fs);
}

static void a_name_is_a_file_or_a_directory_never_both(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/file", "x");
    put(fs, "/dir/inside", "x");
    OK(nexus_mkdir(fs, "/made", 0, ERR));
    FAILS(NOT_A_DIRECTORY, nexus_write(fs, "/file/below", BYTES("x"), ERR));
    EXPECT_HAS(message(), "/file");
    FAILS(NOT_A_DIRECTORY, nexus_write(fs, "/file/far/below", BYTES("x"), ERR));
    FAILS(NOT_A_DIRECTORY, nexus_append(fs, "/file/below", BYTES("x"), ERR));
    FAILS(NOT_A_DIRECTORY, nexus_mkdir(fs, "/file/below", 0, ERR));
    FAILS(NOT_A_DIRECTORY, nexus_mkdir(fs, "/file/far/below", NEXUS_MKDIR_PARENTS, ERR));
    FAILS(NOT_A_DIRECTORY, nexus_rename(fs, "/dir/inside", "/file/below", ERR));
    FAILS(NOT_A_DIRECTORY, nexus_copy(fs, "/dir/inside", "/file/below", ERR));
    FAILS(IS_A_DIRECTORY, nexus_write(fs, "/dir", BYTES("x"), ERR));
    FAILS(IS_A_DIRECTORY, nexus_write(fs, "/made", BYTES("x"), ERR));
    FAILS(ALREADY_EXISTS, nexus_mkdir(fs, "/file", 0, ERR));
    EXPECT_STR(listed(fs, NULL), "/dir/inside /file");
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(one_file_has_one_name);
    RUN(dots_inside_a_name_are_just_characters);
    RUN(case_matters);
    RUN(what_cannot_be_a_name_is_refused_with_its_reason);
    RUN(neighbours_of_refused_characters_are_allowed);
    RUN(lengths_are_limited_exactly);
    RUN(every_call_that_takes_a_path_refuses_a_bad_one);
    RUN(a_name_is_a_file_or_a_directory_never_both);
    return finish();
}
