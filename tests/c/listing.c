/* Finding: pages that add up, prefixes that are plain strings, globs that know segments, grep. */
#include "expect.h"

/* ---- Listing ----------------------------------------------------------------------------------- */

static void fill(nexus_fs *fs)
{
    static const char *const files[] = {"/d/x/1", "/d/x/2", "/d/x/y/3", "/d/x-1", "/d/x.txt", "/d/x0", "/d/a", "/d/z/1/2/3",
                                        "/d/z-", "/e/f", "/e0", "/d-/g", "/d/\xc3\xa9", "/d/\xf0\x9f\x93\x81/h"};
    size_t i;
    for (i = 0; i < sizeof files / sizeof files[0]; i++) {
        put(fs, files[i], "x");
    }
    OK(nexus_mkdir(fs, "/d/made", 0, ERR));
    OK(nexus_mkdir(fs, "/d/x/made", 0, ERR));
}

/* All pages of a listing joined, each of at most `limit` entries. */
static char *in_pages(nexus_fs *fs, nexus_list_options options, size_t limit)
{
    char *all = text("%s", "");
    const char *cursor = NULL;
    int pages = 0;
    options.limit = limit;
    do {
        nexus_entries *page = NULL;
        size_t count;
        options.cursor = cursor;
        OK(nexus_list(fs, &options, &page, ERR));
        count = nexus_entries_len(page);
        cursor = expect_copy(nexus_entries_cursor(page));
        if (count > limit || (cursor != NULL && count != limit)) {
            FAIL("page %d has %zu entries with limit %zu and %s cursor", pages, count, limit, cursor ? "a" : "no");
        }
        if (count != 0) {
            all = text("%s%s%s", all, all[0] ? " " : "", paths_of(page));
        } else {
            nexus_entries_free(page);
        }
        EXPECT(++pages < 100);
    } while (cursor != NULL);
    return all;
}

static void pages_add_up_to_the_whole(void)
{
    static const char *const starts[][2] = {{"/", NULL}, {"/d", NULL}, {"/d/x", NULL}, {NULL, "/d"}, {NULL, "/d/x"}, {NULL, "/d/x/"}, {NULL, "/nothing"}};
    size_t start, limit;
    int recursive, directories;
    nexus_fs *fs = open_store("");
    fill(fs);
    for (start = 0; start < sizeof starts / sizeof starts[0]; start++) {
        for (recursive = 0; recursive < 2; recursive++) {
            for (directories = 0; directories < 2; directories++) {
                nexus_list_options options = listing(starts[start][0], starts[start][1], recursive);
                const char *whole;
                if (starts[start][1] != NULL && !recursive) {
                    continue;
                }
                options.include_directories = directories;
                whole = listed(fs, &options);
                for (limit = 1; limit < 24; limit++) {
                    EXPECT_STR(in_pages(fs, options, limit), whole);
                }
            }
        }
    }
    close_store(fs);
}

static void a_page_goes_on_where_the_last_one_ended_whatever_changed(void)
{
    nexus_list_options options = listing("/", NULL, 1);
    nexus_entries *page = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    put(fs, "/b", "x");
    put(fs, "/d", "x");
    options.limit = 2;
    OK(nexus_list(fs, &options, &page, ERR));
    options.cursor = expect_copy(nexus_entries_cursor(page));
    EXPECT_STR(paths_of(page), "/a /b");
    OK(nexus_delete(fs, "/b", ERR));
    put(fs, "/aa", "x");
    put(fs, "/c", "x");
    EXPECT_STR(listed(fs, &options), "/c /d");
    close_store(fs);
}

static void a_made_up_cursor_is_refused(void)
{
    nexus_list_options options = listing("/", NULL, 1);
    nexus_entries *page = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    options.cursor = "\x01not a cursor";
    FAILS(INVALID_ARGUMENT, nexus_list(fs, &options, &page, ERR));
    EXPECT(page == NULL);
    close_store(fs);
}

static void no_options_list_every_file(void)
{
    nexus_list_options options = NEXUS_LIST_OPTIONS_INIT;
    nexus_fs *fs = open_store("");
    EXPECT_STR(listed(fs, NULL), "");
    put(fs, "/b/c", "x");
    put(fs, "/a", "x");
    EXPECT_STR(listed(fs, NULL), "/a /b/c");
    EXPECT_STR(listed(fs, &options), "/a /b/c");
    close_store(fs);
}

static char *with_prefix(nexus_fs *fs, const char *prefix)
{
    nexus_list_options options = listing(NULL, prefix, 1);
    return listed(fs, &options);
}

static void a_prefix_is_a_raw_string(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/data/a", "x");
    put(fs, "/database/b", "x");
    put(fs, "/dat", "x");
    put(fs, "/DATA/c", "x");
    put(fs, "/data_1/d", "x");
    put(fs, "/dataX1/e", "x");
    put(fs, "/data%/f", "x");
    put(fs, "/data*/g", "x");
    put(fs, "/data?", "x");
    put(fs, "/data[1]", "x");
    put(fs, "/data\xc3\xa9", "x");
    EXPECT_STR(with_prefix(fs, "/data/"), "/data/a");
    EXPECT_STR(with_prefix(fs, "/datab"), "/database/b");
    EXPECT_STR(with_prefix(fs, "/data_"), "/data_1/d");
    EXPECT_STR(with_prefix(fs, "/data%"), "/data%/f");
    EXPECT_STR(with_prefix(fs, "/data*"), "/data*/g");
    EXPECT_STR(with_prefix(fs, "/data?"), "/data?");
    EXPECT_STR(with_prefix(fs, "/data[1]"), "/data[1]");
    EXPECT_STR(with_prefix(fs, "/DATA"), "/DATA/c");
    EXPECT_STR(with_prefix(fs, "/data\xc3\xa9"), "/data\xc3\xa9");
    EXPECT_STR(with_prefix(fs, "/%"), "");
    EXPECT_STR(with_prefix(fs, "/_"), "");
    EXPECT_STR(with_prefix(fs, "/data"), "/data%/f /data*/g /data/a /data? /dataX1/e /data[1] /data_1/d /database/b /data\xc3\xa9");
    EXPECT_STR(with_prefix(fs, "/"), listed(fs, NULL));
    close_store(fs);
}

/* ---- Glob -------------------------------------------------------------------------------------- */

static void glob_patterns_know_segments(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/a.txt", "x");
    put(fs, "/b.md", "x");
    put(fs, "/d/a.txt", "x");
    put(fs, "/d/b.txt", "x");
    put(fs, "/d/x.txt", "x");
    put(fs, "/d/ab.txt", "x");
    put(fs, "/d/e/a.txt", "x");
    put(fs, "/d/e/x1.txt", "x");
    put(fs, "/d/e/f/c.md", "x");
    put(fs, "/d/.hidden", "x");
    EXPECT_STR(globbed(fs, "/*.txt"), "/a.txt");
    EXPECT_STR(globbed(fs, "*.txt"), "/a.txt");
    EXPECT_STR(globbed(fs, "/d/*.txt"), "/d/a.txt /d/ab.txt /d/b.txt /d/x.txt");
    EXPECT_STR(globbed(fs, "/d/?.txt"), "/d/a.txt /d/b.txt /d/x.txt");
    EXPECT_STR(globbed(fs, "/d/*"), "/d/.hidden /d/a.txt /d/ab.txt /d/b.txt /d/x.txt");
    EXPECT_STR(globbed(fs, "/?/*/a.txt"), "/d/e/a.txt");
    EXPECT_STR(globbed(fs, "/*/a.txt"), "/d/a.txt");
    EXPECT_STR(globbed(fs, "/**/a.txt"), "/a.txt /d/a.txt /d/e/a.txt");
    EXPECT_STR(globbed(fs, "**/*.md"), "/b.md /d/e/f/c.md");
    EXPECT_STR(globbed(fs, "/d/**"), "/d/.hidden /d/a.txt /d/ab.txt /d/b.txt /d/e/a.txt /d/e/f/c.md /d/e/x1.txt /d/x.txt");
    EXPECT_STR(globbed(fs, "/d/**/c.md"), "/d/e/f/c.md");
    EXPECT_STR(globbed(fs, "/**/[!x]*.txt"), "/a.txt /d/a.txt /d/ab.txt /d/b.txt /d/e/a.txt");
    EXPECT_STR(globbed(fs, "/**/[a-b].txt"), "/a.txt /d/a.txt /d/b.txt /d/e/a.txt");
    EXPECT_STR(globbed(fs, "/d/[!a-b].txt"), "/d/x.txt");
    EXPECT_STR(globbed(fs, "/d[!x]a.txt"), "");
    EXPECT_STR(globbed(fs, "/d/{a,x}.txt"), "/d/a.txt /d/x.txt");
    EXPECT_STR(globbed(fs, "/{a.txt,d/e/*}"), "/a.txt /d/e/a.txt /d/e/x1.txt");
    EXPECT_STR(globbed(fs, "/D/*"), "");
    EXPECT_STR(globbed(fs, "/d/a.txt"), "/d/a.txt");
    EXPECT_STR(globbed(fs, "/nothing/**"), "");
    close_store(fs);
}

static void glob_starts_at_its_base_and_is_paged(void)
{
    nexus_find_options options = NEXUS_FIND_OPTIONS_INIT;
    nexus_entries *page = NULL;
    size_t limit;
    nexus_fs *fs = open_store("");
    put(fs, "/p/a.c", "x");
    put(fs, "/p/b.c", "x");
    put(fs, "/p/q/c.c", "x");
    put(fs, "/p/q/d.h", "x");
    put(fs, "/p-/e.c", "x");
    options.base = "/p";
    OK(nexus_glob(fs, "*.c", &options, &page, ERR));
    EXPECT_STR(paths_of(page), "/p/a.c /p/b.c");
    for (limit = 1; limit < 5; limit++) {
        const char *all = "";
        options.limit = limit;
        options.cursor = NULL;
        do {
            OK(nexus_glob(fs, "**/*.c", &options, &page, ERR));
            EXPECT(nexus_entries_len(page) <= limit);
            options.cursor = expect_copy(nexus_entries_cursor(page));
            all = text("%s%s ", all, paths_of(page));
        } while (options.cursor != NULL);
        EXPECT_HAS(all, "/p/a.c");
        EXPECT_HAS(all, "/p/q/c.c");
        EXPECT_LACKS(all, "/p-/e.c");
        EXPECT_LACKS(all, "d.h");
    }
    close_store(fs);
}

static void a_malformed_pattern_is_refused(void)
{
    nexus_entries *page = NULL;
    nexus_matches *matches = NULL;
    nexus_fs *fs = open_store("");
    FAILS(INVALID_ARGUMENT, nexus_glob(fs, "/a[", NULL, &page, ERR));
    EXPECT(page == NULL);
    FAILS(INVALID_ARGUMENT, nexus_glob(fs, "/{a", NULL, &page, ERR));
    FAILS(INVALID_ARGUMENT, nexus_grep(fs, "(unclosed", NULL, &matches, ERR));
    EXPECT(matches == NULL);
    close_store(fs);
}

/* ---- Grep -------------------------------------------------------------------------------------- */

/* Matches as `path:line:text[start-end]` joined by spaces; frees them. */
static char *found(nexus_fs *fs, const char *pattern, const nexus_grep_options *options, uint64_t *skipped)
{
    nexus_matches *matches = NULL;
    char *all = text("%s", "");
    size_t i;
    OK(nexus_grep(fs, pattern, options, &matches, ERR));
    for (i = 0; i < nexus_matches_len(matches); i++) {
        const nexus_match *m = nexus_matches_at(matches, i);
        EXPECT_INT(m->struct_size, sizeof(nexus_match));
        all = text("%s%s%s:%d:%s[%d-%d]", all, i ? " " : "", m->path, (int)m->line, m->text, (int)m->match_start, (int)m->match_end);
    }
    EXPECT(nexus_matches_at(matches, i) == NULL);
    if (skipped != NULL) {
        *skipped = nexus_matches_skipped(matches);
    }
    nexus_matches_free(matches);
    return all;
}

static void grep_finds_lines_in_order(void)
{
    uint64_t skipped = 99;
    nexus_fs *fs = open_store("");
    put(fs, "/b", "one\ntwo three\r\nTWO\n\nlast two");
    put(fs, "/a", "two\n");
    put(fs, "/empty", "");
    OK(nexus_write(fs, "/binary", (const uint8_t *)"two\0two", 7, ERR));
    EXPECT_STR(found(fs, "two", NULL, &skipped), "/a:1:two[0-3] /b:2:two three[0-3] /b:5:last two[5-8]");
    EXPECT_INT(skipped, 1);
    EXPECT_STR(found(fs, "t[a-z]+e", NULL, NULL), "/b:2:two three[4-9]");
    EXPECT_STR(found(fs, "^one$", NULL, NULL), "/b:1:one[0-3]");
    EXPECT_STR(found(fs, "three$", NULL, NULL), "/b:2:two three[4-9]");
    EXPECT_STR(found(fs, "nowhere", NULL, NULL), "");
    close_store(fs);
}

static void grep_options_narrow_the_search(void)
{
    nexus_grep_options options = NEXUS_GREP_OPTIONS_INIT;
    nexus_matches *matches = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/p/a.txt", "Needle\n");
    put(fs, "/p/q/b.txt", "needle\nneedle\n");
    put(fs, "/p/q/c.md", "needle\n");
    put(fs, "/p-/d.txt", "needle\n");
    options.base = "/p";
    EXPECT_STR(found(fs, "needle", &options, NULL), "/p/q/b.txt:1:needle[0-6] /p/q/b.txt:2:needle[0-6] /p/q/c.md:1:needle[0-6]");
    options.file_pattern = "**/*.txt";
    EXPECT_STR(found(fs, "needle", &options, NULL), "/p/q/b.txt:1:needle[0-6] /p/q/b.txt:2:needle[0-6]");
    options.ignore_case = 1;
    EXPECT_STR(found(fs, "needle", &options, NULL), "/p/a.txt:1:Needle[0-6] /p/q/b.txt:1:needle[0-6] /p/q/b.txt:2:needle[0-6]");
    options.max_matches = 2;
    EXPECT_STR(found(fs, "needle", &options, NULL), "/p/a.txt:1:Needle[0-6] /p/q/b.txt:1:needle[0-6]");
    options.max_matches = 0;
    /* Where the limit cuts a line, that is not searched: its end is not where the limit is. */
    put(fs, "/cut/a.txt", "whole\nuser is not");
    options.base = "/cut";
    for (options.max_bytes = 6; options.max_bytes < 17; options.max_bytes++) {
        EXPECT_STR(found(fs, "(whole|user|is|no)$", &options, NULL), "/cut/a.txt:1:whole[0-5]");
    }
    options.base = "/p";
    options.max_bytes = 7;
    EXPECT_STR(found(fs, "needle", &options, NULL), "/p/a.txt:1:Needle[0-6]");
    options.max_bytes = 0;
    options.file_pattern = "[";
    FAILS(INVALID_ARGUMENT, nexus_grep(fs, "needle", &options, &matches, ERR));
    close_store(fs);
}

static void grep_reads_large_files_in_linear_time(void)
{
    size_t size = 600000;
    char *content = (char *)scratch(size);
    nexus_fs *fs = open_store("");
    memset(content, 'a', size);
    memcpy(content + 400000, "\nneedle\n", 8);
    OK(nexus_write(fs, "/large", (uint8_t *)content, size, ERR));
    EXPECT_STR(found(fs, "needle", NULL, NULL), "/large:2:needle[0-6]");
    /* A backtracking engine would need longer than the universe lasts. */
    EXPECT_STR(found(fs, "(a|aa)+(b|c)$", NULL, NULL), "");
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(pages_add_up_to_the_whole);
    RUN(a_page_goes_on_where_the_last_one_ended_whatever_changed);
    RUN(a_made_up_cursor_is_refused);
    RUN(no_options_list_every_file);
    RUN(a_prefix_is_a_raw_string);
    RUN(glob_patterns_know_segments);
    RUN(glob_starts_at_its_base_and_is_paged);
    RUN(a_malformed_pattern_is_refused);
    RUN(grep_finds_lines_in_order);
    RUN(grep_options_narrow_the_search);
    RUN(grep_reads_large_files_in_linear_time);
    return finish();
}
