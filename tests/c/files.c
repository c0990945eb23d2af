/* Files: what is written is read, under the conditions asked for, whole, in ranges and as streams. */
#include "expect.h"

#include <time.h>

#define HELLO_ETAG "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define EMPTY_ETAG "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static entry write_with(nexus_fs *fs, const char *path, const char *content, const nexus_write_options *options)
{
    nexus_entry *row = NULL;
    OK(nexus_write_with(fs, path, BYTES(content), options, &row, ERR));
    return take_entry(row);
}

static void a_write_is_read_back(void)
{
    static const uint8_t binary[] = {0, 255, 10, 13, 0, 128};
    nexus_fs *fs = open_store("");
    put(fs, "/a/b/c.txt", "hello");
    EXPECT_STR(get(fs, "/a/b/c.txt"), "hello");
    OK(nexus_write(fs, "/binary", binary, sizeof binary, ERR));
    EXPECT_CONTENT(fs, "/binary", binary, sizeof binary);
    OK(nexus_write(fs, "/empty", NULL, 0, ERR));
    EXPECT_CONTENT(fs, "/empty", "", 0);
    EXPECT_STR(look(fs, "/empty").etag, EMPTY_ETAG);
    put(fs, "/a/b/c.txt", "");
    EXPECT_STR(get(fs, "/a/b/c.txt"), "");
    close_store(fs);
}

static void a_store_keeps_its_files_when_reopened(void)
{
    uint8_t *large = noise(LARGE, 1);
    const char *id;
    nexus_fs *fs = open_store("");
    put(fs, "/small", "hello");
    OK(nexus_write(fs, "/large", large, LARGE, ERR));
    id = id_of(fs, "/small");
    close_store(fs);
    fs = open_store("");
    EXPECT_STR(get(fs, "/small"), "hello");
    EXPECT_CONTENT(fs, "/large", large, LARGE);
    EXPECT_STR(id_of(fs, "/small"), id);
    close_store(fs);
}

static void a_write_reports_its_entry(void)
{
    int64_t now = (int64_t)time(NULL) * 1000000;
    nexus_fs *fs = open_store("");
    entry e = write_with(fs, "/docs/a.txt", "hello", NULL), again;
    EXPECT_STR(e.path, "/docs/a.txt");
    EXPECT_INT(e.kind, NEXUS_KIND_FILE);
    EXPECT_INT(e.size, 5);
    EXPECT_STR(e.etag, HELLO_ETAG);
    EXPECT_INT(e.version, 1);
    EXPECT_STR(e.mime_type, "text/plain");
    EXPECT_STR(e.backend_name, "local");
    EXPECT_INT(strlen(e.path_id), 36);
    EXPECT(e.created_at >= now - 1000000 && e.created_at < now + 60000000);
    EXPECT_INT(e.modified_at, e.created_at);
    again = look(fs, "/docs/a.txt");
    EXPECT_STR(again.path_id, e.path_id);
    EXPECT_STR(again.etag, e.etag);
    EXPECT_INT(again.modified_at, e.modified_at);
    close_store(fs);
}

static void the_version_counts_changes_of_content(void)
{
    nexus_fs *fs = open_store("");
    entry first = write_with(fs, "/a", "one", NULL), same, other, back;
    same = write_with(fs, "/a", "one", NULL);
    EXPECT_INT(same.version, 1);
    EXPECT(same.modified_at > first.modified_at);
    EXPECT_INT(same.created_at, first.created_at);
    other = write_with(fs, "/a", "two", NULL);
    EXPECT_INT(other.version, 2);
    EXPECT_STR(other.path_id, first.path_id);
    EXPECT_INT(other.created_at, first.created_at);
    back = write_with(fs, "/a", "one", NULL);
    EXPECT_INT(back.version, 3);
    EXPECT_STR(back.etag, first.etag);
    OK(nexus_append(fs, "/a", BYTES("!"), ERR));
    EXPECT_INT(look(fs, "/a").version, 4);
    OK(nexus_delete(fs, "/a", ERR));
    EXPECT_INT(write_with(fs, "/a", "one", NULL).version, 1);
    EXPECT(strcmp(look(fs, "/a").path_id, first.path_id) != 0);
    close_store(fs);
}

static void the_mime_type_is_guessed_once_and_kept(void)
{
    nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
    nexus_fs *fs = open_store("");
    EXPECT_STR(write_with(fs, "/a.json", "{}", NULL).mime_type, "application/json");
    EXPECT_STR(write_with(fs, "/noextension", "x", NULL).mime_type, "application/octet-stream");
    options.mime_type = "application/x-model";
    EXPECT_STR(write_with(fs, "/model.txt", "1", &options).mime_type, "application/x-model");
    EXPECT_STR(write_with(fs, "/model.txt", "2", NULL).mime_type, "application/x-model");
    OK(nexus_append(fs, "/model.txt", BYTES("3"), ERR));
    EXPECT_STR(look(fs, "/model.txt").mime_type, "application/x-model");
    options.mime_type = "text/plain";
    EXPECT_STR(write_with(fs, "/model.txt", "4", &options).mime_type, "text/plain");
    close_store(fs);
}

static void a_write_with_a_stale_etag_conflicts(void)
{
    nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
    nexus_entry *row = (nexus_entry *)0;
    nexus_fs *fs = open_store("");
    const char *etag = write_with(fs, "/a", "one", NULL).etag;
    options.if_match = etag;
    EXPECT_INT(write_with(fs, "/a", "two", &options).version, 2);
    FAILS(CONFLICT, nexus_write_with(fs, "/a", BYTES("three"), &options, &row, ERR));
    EXPECT(row == NULL);
    EXPECT_HAS(message(), "/a");
    EXPECT_STR(get(fs, "/a"), "two");
    FAILS(CONFLICT, nexus_append_with(fs, "/a", BYTES("three"), &options, NULL, ERR));
    FAILS(CONFLICT, nexus_delete_with(fs, "/a", &options, ERR));
    FAILS(CONFLICT, nexus_set_meta_with(fs, "/a", "k", "1", &options, ERR));
    FAILS(CONFLICT, nexus_write_with(fs, "/missing", BYTES("x"), &options, NULL, ERR));
    EXPECT_INT(exists(fs, "/missing"), 0);
    options.if_match = "not an etag";
    FAILS(INVALID_ARGUMENT, nexus_write_with(fs, "/a", BYTES("x"), &options, NULL, ERR));
    options.if_match = look(fs, "/a").etag;
    OK(nexus_set_meta_with(fs, "/a", "k", "1", &options, ERR));
    OK(nexus_append_with(fs, "/a", BYTES("!"), &options, NULL, ERR));
    options.if_match = look(fs, "/a").etag;
    OK(nexus_delete_with(fs, "/a", &options, ERR));
    EXPECT_INT(exists(fs, "/a"), 0);
    close_store(fs);
}

static void create_only_refuses_an_existing_file(void)
{
    nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
    nexus_fs *fs = open_store("");
    options.if_none_match = 1;
    EXPECT_INT(write_with(fs, "/a", "one", &options).version, 1);
    FAILS(CONFLICT, nexus_write_with(fs, "/a", BYTES("one"), &options, NULL, ERR));
    FAILS(CONFLICT, nexus_append_with(fs, "/a", BYTES("two"), &options, NULL, ERR));
    EXPECT_STR(get(fs, "/a"), "one");
    options.if_none_match = 2;
    FAILS(INVALID_ARGUMENT, nexus_write_with(fs, "/b", BYTES("x"), &options, NULL, ERR));
    EXPECT_INT(exists(fs, "/b"), 0);
    close_store(fs);
}

static void append_adds_to_the_end(void)
{
    uint8_t *bytes = noise(3 * 65536, 2);
    size_t size = 0;
    nexus_entry *row = NULL;
    nexus_fs *fs = open_store("");
    /* Pieces that walk from inline content over the limit into a file. */
    while (size < 3 * 65536) {
        OK(nexus_append(fs, "/log", bytes + size, 16384, ERR));
        size += 16384;
    }
    EXPECT_CONTENT(fs, "/log", bytes, size);
    EXPECT_INT(look(fs, "/log").version, 12);
    OK(nexus_append_with(fs, "/log", BYTES("tail"), NULL, &row, ERR));
    EXPECT_INT(take_entry(row).size, size + 4);
    OK(nexus_append(fs, "/log", NULL, 0, ERR));
    EXPECT_INT(look(fs, "/log").size, size + 4);
    close_store(fs);
}

static void content_of_every_size_is_read_back(void)
{
    static const size_t sizes[] = {1, 4095, 4096, 65535, 65536, 65537, 262143, 262144, 262145, 524288, 1048579};
    static const char *const limits[] = {"", "\"inline_max_bytes\": 0", "\"inline_max_bytes\": 1048576"};
    uint8_t *bytes = noise(1048579, 3);
    size_t l, i;
    for (l = 0; l < 3; l++) {
        nexus_fs *fs = open_store(limits[l]);
        for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            const char *path = text("/%d/%zu", (int)l, sizes[i]);
            OK(nexus_write(fs, path, bytes, sizes[i], ERR));
            EXPECT_CONTENT(fs, path, bytes, sizes[i]);
            EXPECT_INT(look(fs, path).size, sizes[i]);
        }
        close_store(fs);
    }
}

static void ranges_are_read_at_any_offset(void)
{
    static const uint64_t offsets[] = {0, 1, 65535, 65536, 262140, 262144, 300000, 524287, 599999, 600000, 700000};
    size_t size = 600000, i, got = 99;
    uint8_t *bytes = noise(size, 4);
    uint8_t *buffer = (uint8_t *)scratch(300000);
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/large", bytes, size, ERR));
    OK(nexus_write(fs, "/small", bytes, 1000, ERR));
    for (i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        size_t room = offsets[i] >= size ? 0 : size - (size_t)offsets[i];
        size_t want = room < 300000 ? room : 300000;
        OK(nexus_read_at(fs, "/large", offsets[i], buffer, 300000, &got, ERR));
        EXPECT_INT(got, want);
        EXPECT(memcmp(buffer, bytes + (want ? offsets[i] : 0), want) == 0);
    }
    OK(nexus_read_at(fs, "/small", 990, buffer, 100, &got, ERR));
    EXPECT_INT(got, 10);
    EXPECT(memcmp(buffer, bytes + 990, 10) == 0);
    OK(nexus_read_at(fs, "/small", UINT64_MAX, buffer, 100, &got, ERR));
    EXPECT_INT(got, 0);
    OK(nexus_read_at(fs, "/small", 0, NULL, 0, &got, ERR));
    EXPECT_INT(got, 0);
    got = 99;
    FAILS(NOT_FOUND, nexus_read_at(fs, "/missing", 0, buffer, 100, &got, ERR));
    EXPECT_INT(got, 0);
    close_store(fs);
}

static void a_streamed_file_appears_at_commit(void)
{
    size_t size = 1500000, at = 0, piece = 1;
    uint8_t *bytes = noise(size, 5);
    nexus_writer *writer = NULL;
    nexus_entry *row = NULL;
    entry e;
    nexus_fs *fs = open_store("");
    OK(nexus_writer_open(fs, "/stream/out.bin", NULL, &writer, ERR));
    while (at < size) {
        size_t n = piece < size - at ? piece : size - at;
        OK(nexus_writer_write(writer, bytes + at, n, ERR));
        at += n;
        piece = piece * 3 % 70001 + 1;
    }
    EXPECT_INT(exists(fs, "/stream/out.bin"), 0);
    EXPECT_INT(exists(fs, "/stream"), 0);
    OK(nexus_writer_commit(writer, &row, ERR));
    e = take_entry(row);
    EXPECT_INT(e.size, size);
    EXPECT_CONTENT(fs, "/stream/out.bin", bytes, size);
    OK(nexus_write(fs, "/whole", bytes, size, ERR));
    EXPECT_STR(look(fs, "/whole").etag, e.etag);
    EXPECT_INT(reference_count(fs, e.etag), 2);
    close_store(fs);
}

static void an_empty_or_small_stream_is_a_file_too(void)
{
    nexus_writer *writer = NULL;
    nexus_fs *fs = open_store("");
    OK(nexus_writer_open(fs, "/empty", NULL, &writer, ERR));
    OK(nexus_writer_commit(writer, NULL, ERR));
    EXPECT_STR(look(fs, "/empty").etag, EMPTY_ETAG);
    OK(nexus_writer_open(fs, "/small", NULL, &writer, ERR));
    OK(nexus_writer_write(writer, BYTES("hel"), ERR));
    OK(nexus_writer_write(writer, BYTES("lo"), ERR));
    OK(nexus_writer_commit(writer, NULL, ERR));
    EXPECT_STR(look(fs, "/small").etag, HELLO_ETAG);
    close_store(fs);
}

static void an_aborted_stream_leaves_nothing(void)
{
    nexus_writer *writer = NULL;
    uint8_t *bytes = noise(LARGE, 6);
    nexus_fs *fs = open_store("");
    put(fs, "/a", "old");
    OK(nexus_writer_open(fs, "/a", NULL, &writer, ERR));
    OK(nexus_writer_write(writer, bytes, LARGE, ERR));
    OK(nexus_writer_abort(writer, ERR));
    EXPECT_STR(get(fs, "/a"), "old");
    EXPECT_INT(files_below(disk("store/tmp")), 0);
    EXPECT_INT(files_below(disk("store/cas")), 0);
    close_store(fs);
}

static void a_stream_checks_its_conditions_at_commit(void)
{
    nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
    nexus_writer *writer = NULL;
    nexus_entry *row = NULL;
    nexus_fs *fs = open_store("");
    options.if_none_match = 1;
    OK(nexus_writer_open(fs, "/a", &options, &writer, ERR));
    OK(nexus_writer_write(writer, BYTES("mine"), ERR));
    put(fs, "/a", "theirs");
    FAILS(CONFLICT, nexus_writer_commit(writer, &row, ERR));
    EXPECT(row == NULL);
    OK(nexus_writer_abort(writer, ERR));
    EXPECT_STR(get(fs, "/a"), "theirs");
    close_store(fs);
}

/* Reads everything that is left, in small pieces. */
static char *drain(nexus_reader *reader)
{
    uint64_t size = 0;
    size_t at = 0, got = 1;
    char *all;
    OK(nexus_reader_size(reader, &size, ERR));
    all = (char *)scratch((size_t)size + 1);
    while (got != 0) {
        size_t room = (size_t)size - at < 10000 ? (size_t)size - at : 10000;
        OK(nexus_reader_read(reader, (uint8_t *)all + at, room, &got, ERR));
        at += got;
    }
    EXPECT_INT(at, size);
    return all;
}

static void a_reader_sees_the_content_it_opened(void)
{
    uint8_t *old = noise(LARGE, 7);
    nexus_reader *overwritten = NULL, *deleted = NULL, *small = NULL;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/overwritten", old, LARGE, ERR));
    OK(nexus_write(fs, "/deleted", noise(LARGE, 8), LARGE, ERR));
    put(fs, "/small", "old");
    OK(nexus_reader_open(fs, "/overwritten", &overwritten, ERR));
    OK(nexus_reader_open(fs, "/deleted", &deleted, ERR));
    OK(nexus_reader_open(fs, "/small", &small, ERR));
    put(fs, "/overwritten", "new");
    OK(nexus_delete(fs, "/deleted", ERR));
    put(fs, "/small", "new and longer");
    EXPECT(memcmp(drain(overwritten), old, LARGE) == 0);
    EXPECT(memcmp(drain(deleted), noise(LARGE, 8), LARGE) == 0);
    EXPECT_STR(drain(small), "old");
    EXPECT_STR(get(fs, "/overwritten"), "new");
    OK(nexus_reader_close(overwritten, ERR));
    OK(nexus_reader_close(deleted, ERR));
    OK(nexus_reader_close(small, ERR));
    close_store(fs);
}

static void a_reader_seeks(void)
{
    size_t got = 0;
    uint64_t size = 0;
    uint8_t *bytes = noise(600000, 9), buffer[64];
    nexus_reader *reader = NULL;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/a", bytes, 600000, ERR));
    OK(nexus_reader_open(fs, "/a", &reader, ERR));
    OK(nexus_reader_size(reader, &size, ERR));
    EXPECT_INT(size, 600000);
    OK(nexus_reader_seek(reader, 524280, ERR));
    OK(nexus_reader_read(reader, buffer, sizeof buffer, &got, ERR));
    EXPECT(got > 0 && memcmp(buffer, bytes + 524280, got) == 0);
    OK(nexus_reader_seek(reader, 3, ERR));
    OK(nexus_reader_read(reader, buffer, 10, &got, ERR));
    EXPECT(got > 0 && memcmp(buffer, bytes + 3, got) == 0);
    OK(nexus_reader_seek(reader, 600000, ERR));
    OK(nexus_reader_read(reader, buffer, 10, &got, ERR));
    EXPECT_INT(got, 0);
    OK(nexus_reader_seek(reader, 700000, ERR));
    OK(nexus_reader_read(reader, buffer, 10, &got, ERR));
    EXPECT_INT(got, 0);
    OK(nexus_reader_close(reader, ERR));
    FAILS(NOT_FOUND, nexus_reader_open(fs, "/missing", &reader, ERR));
    EXPECT(reader == NULL);
    close_store(fs);
}

static void streams_outlive_their_handle(void)
{
    nexus_reader *reader = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "hello");
    OK(nexus_reader_open(fs, "/a", &reader, ERR));
    close_store(fs);
    EXPECT_STR(drain(reader), "hello");
    OK(nexus_reader_close(reader, ERR));
}

static void a_deleted_file_is_gone(void)
{
    nexus_buffer *buffer = NULL;
    nexus_entry *row = NULL;
    char *id = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/dir/a", "x");
    EXPECT_INT(exists(fs, "/dir/a"), 1);
    EXPECT_INT(exists(fs, "/dir"), 1);
    OK(nexus_delete(fs, "/dir/a", ERR));
    EXPECT_INT(exists(fs, "/dir/a"), 0);
    EXPECT_INT(exists(fs, "/dir"), 0);
    FAILS(NOT_FOUND, nexus_read(fs, "/dir/a", &buffer, ERR));
    EXPECT(buffer == NULL);
    EXPECT_HAS(message(), "/dir/a");
    EXPECT_STR(nexus_error_path(expect_slot), "/dir/a");
    FAILS(NOT_FOUND, nexus_stat(fs, "/dir/a", &row, ERR));
    EXPECT(row == NULL);
    FAILS(NOT_FOUND, nexus_path_id(fs, "/dir/a", &id, ERR));
    EXPECT(id == NULL);
    FAILS(NOT_FOUND, nexus_delete(fs, "/dir/a", ERR));
    close_store(fs);
}

static void a_directory_is_not_a_file(void)
{
    nexus_buffer *buffer = NULL;
    nexus_reader *reader = NULL;
    uint8_t byte;
    size_t got;
    nexus_fs *fs = open_store("");
    put(fs, "/dir/a", "x");
    FAILS(IS_A_DIRECTORY, nexus_read(fs, "/dir", &buffer, ERR));
    FAILS(IS_A_DIRECTORY, nexus_read(fs, "/", &buffer, ERR));
    FAILS(IS_A_DIRECTORY, nexus_read_at(fs, "/dir", 0, &byte, 1, &got, ERR));
    FAILS(IS_A_DIRECTORY, nexus_reader_open(fs, "/dir", &reader, ERR));
    FAILS(IS_A_DIRECTORY, nexus_write(fs, "/dir", BYTES("x"), ERR));
    FAILS(IS_A_DIRECTORY, nexus_write(fs, "/", BYTES("x"), ERR));
    FAILS(IS_A_DIRECTORY, nexus_append(fs, "/dir", BYTES("x"), ERR));
    FAILS(IS_A_DIRECTORY, nexus_delete(fs, "/dir", ERR));
    EXPECT_INT(look(fs, "/dir").kind, NEXUS_KIND_DIRECTORY);
    EXPECT_INT(look(fs, "/").kind, NEXUS_KIND_DIRECTORY);
    close_store(fs);
}

static void path_ids_lead_back_to_the_path(void)
{
    char *path = NULL;
    const char *id;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    id = id_of(fs, "/a");
    EXPECT_INT(strlen(id), 36);
    EXPECT_STR(look(fs, "/a").path_id, id);
    put(fs, "/a", "y");
    EXPECT_STR(id_of(fs, "/a"), id);
    OK(nexus_path_of_id(fs, id, &path, ERR));
    EXPECT_STR(keep(path), "/a");
    OK(nexus_delete(fs, "/a", ERR));
    path = (char *)id;
    FAILS(NOT_FOUND, nexus_path_of_id(fs, id, &path, ERR));
    EXPECT(path == NULL);
    FAILS(NOT_FOUND, nexus_path_of_id(fs, "00000000-0000-7000-8000-000000000000", &path, ERR));
    FAILS(INVALID_ARGUMENT, nexus_path_of_id(fs, "not a uuid", &path, ERR));
    close_store(fs);
}

static void content_ids_answer_for_forty_thousand_paths(void)
{
    enum { COUNT = 40000 };
    const char **paths = (const char **)scratch(COUNT * sizeof *paths);
    nexus_strings *ids = NULL;
    size_t i;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "hello");
    put(fs, "/dir/b", "");
    for (i = 0; i < COUNT; i++) {
        paths[i] = i % 4 == 0 ? "/a" : i % 4 == 1 ? "/dir/b" : i % 4 == 2 ? "/missing" : "/dir";
    }
    OK(nexus_content_ids(fs, paths, COUNT, &ids, ERR));
    EXPECT_INT(nexus_strings_len(ids), COUNT);
    for (i = 0; i < COUNT; i++) {
        EXPECT_STR(nexus_strings_at(ids, i), i % 4 == 0 ? HELLO_ETAG : i % 4 == 1 ? EMPTY_ETAG : NULL);
    }
    EXPECT(nexus_strings_at(ids, COUNT) == NULL);
    nexus_strings_free(ids);
    OK(nexus_content_ids(fs, NULL, 0, &ids, ERR));
    EXPECT_INT(nexus_strings_len(ids), 0);
    nexus_strings_free(ids);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_write_is_read_back);
    RUN(a_store_keeps_its_files_when_reopened);
    RUN(a_write_reports_its_entry);
    RUN(the_version_counts_changes_of_content);
    RUN(the_mime_type_is_guessed_once_and_kept);
    RUN(a_write_with_a_stale_etag_conflicts);
    RUN(create_only_refuses_an_existing_file);
    RUN(append_adds_to_the_end);
    RUN(content_of_every_size_is_read_back);
    RUN(ranges_are_read_at_any_offset);
    RUN(a_streamed_file_appears_at_commit);
    RUN(an_empty_or_small_stream_is_a_file_too);
    RUN(an_aborted_stream_leaves_nothing);
    RUN(a_stream_checks_its_conditions_at_commit);
    RUN(a_reader_sees_the_content_it_opened);
    RUN(a_reader_seeks);
    RUN(streams_outlive_their_handle);
    RUN(a_deleted_file_is_gone);
    RUN(a_directory_is_not_a_file);
    RUN(path_ids_lead_back_to_the_path);
    RUN(content_ids_answer_for_forty_thousand_paths);
    return finish();
}
