/* Contents: stored once, counted exactly, gone with their last path, checked whenever they are read. */
#include "expect.h"

#define HELLO_ETAG "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static void the_same_bytes_at_one_path_count_once(void)
{
    uint8_t *large = noise(LARGE, 1);
    const char *etag;
    int i;
    nexus_fs *fs = open_store("");
    for (i = 0; i < 5; i++) {
        OK(nexus_write(fs, "/a", large, LARGE, ERR));
        put(fs, "/small", "hello");
    }
    etag = look(fs, "/a").etag;
    EXPECT_INT(reference_count(fs, etag), 1);
    EXPECT_INT(reference_count(fs, HELLO_ETAG), 1);
    OK(nexus_delete(fs, "/a", ERR));
    OK(nexus_delete(fs, "/small", ERR));
    EXPECT_INT(reference_count(fs, etag), 0);
    EXPECT_INT(reference_count(fs, HELLO_ETAG), 0);
    EXPECT_INT(files_below(disk("store/cas")), 0);
    close_store(fs);
}

static void counts_follow_every_change(void)
{
    char *info = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "hello");
    put(fs, "/b", "hello");
    EXPECT_INT(reference_count(fs, HELLO_ETAG), 2);
    OK(nexus_copy(fs, "/a", "/c", ERR));
    EXPECT_INT(reference_count(fs, HELLO_ETAG), 3);
    OK(nexus_rename(fs, "/c", "/d", ERR));
    EXPECT_INT(reference_count(fs, HELLO_ETAG), 3);
    OK(nexus_rename(fs, "/d", "/b", ERR));
    EXPECT_INT(reference_count(fs, HELLO_ETAG), 2);
    put(fs, "/b", "other");
    EXPECT_INT(reference_count(fs, HELLO_ETAG), 1);
    OK(nexus_append(fs, "/a", BYTES("!"), ERR));
    EXPECT_INT(reference_count(fs, HELLO_ETAG), 0);
    put(fs, "/tree/1", "hello");
    put(fs, "/tree/2/3", "hello");
    OK(nexus_content_info(fs, HELLO_ETAG, &info, ERR));
    EXPECT_INT(json_int(info, "size"), 5);
    EXPECT_INT(json_int(info, "ref_count"), 2);
    nexus_string_free(info);
    OK(nexus_rmdir(fs, "/tree", 1, ERR));
    EXPECT_INT(reference_count(fs, HELLO_ETAG), 0);
    FAILS(NOT_FOUND, nexus_content_info(fs, HELLO_ETAG, &info, ERR));
    EXPECT(info == NULL);
    FAILS(INVALID_ARGUMENT, nexus_content_info(fs, "nonsense", &info, ERR));
    close_store(fs);
}

static void content_goes_with_its_last_path(void)
{
    uint8_t *large = noise(LARGE, 2);
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/a", large, LARGE, ERR));
    OK(nexus_write(fs, "/b", large, LARGE, ERR));
    EXPECT_INT(files_below(disk("store/cas")), 1);
    OK(nexus_delete(fs, "/a", ERR));
    EXPECT_CONTENT(fs, "/b", large, LARGE);
    EXPECT_INT(files_below(disk("store/cas")), 1);
    put(fs, "/b", "small now");
    EXPECT_INT(files_below(disk("store/cas")), 0);
    OK(nexus_write(fs, "/b", large, LARGE, ERR));
    EXPECT_CONTENT(fs, "/b", large, LARGE);
    close_store(fs);
}

static void the_same_bytes_share_content_across_inline_limits(void)
{
    uint8_t *bytes = noise(50000, 3);
    nexus_fs *inlined = open_store("\"inline_max_bytes\": 65536"), *filed = open_store("\"inline_max_bytes\": 0");
    OK(nexus_write(inlined, "/a", bytes, 50000, ERR));
    OK(nexus_write(filed, "/b", bytes, 50000, ERR));
    EXPECT_INT(reference_count(filed, look(filed, "/b").etag), 2);
    OK(nexus_delete(inlined, "/a", ERR));
    EXPECT_CONTENT(inlined, "/b", bytes, 50000);
    OK(nexus_delete(filed, "/b", ERR));
    EXPECT_INT(files_below(disk("store/cas")), 0);
    close_store(inlined);
    close_store(filed);
}

/* ---- Damage ------------------------------------------------------------------------------------ */

/* Where the store keeps the content of `path` on disk. */
static char *content_file(nexus_fs *fs, const char *path)
{
    const char *etag = look(fs, path).etag;
    char *file = disk(text("store/cas/%.2s/%s", etag, etag));
    if (access(file, F_OK) != 0) {
        FAIL("%s is not there", file);
    }
    return file;
}

static void damage(const char *file, off_t at)
{
    int fd;
    uint8_t byte;
    chmod(file, 0600);
    fd = open(file, O_RDWR);
    EXPECT(fd >= 0);
    EXPECT_INT(pread(fd, &byte, 1, at), 1);
    byte ^= 0x40;
    EXPECT_INT(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void expect_corrupt(nexus_fs *fs, const char *path, const char *etag, uint64_t at)
{
    nexus_buffer *buffer = NULL;
    nexus_reader *reader = NULL;
    uint8_t byte[16];
    size_t got = 99;
    nexus_status status;
    FAILS(CORRUPT, nexus_read(fs, path, &buffer, ERR));
    EXPECT(buffer == NULL);
    EXPECT_HAS(message(), path);
    EXPECT_HAS(message(), etag);
    FAILS(CORRUPT, nexus_read_at(fs, path, at, byte, sizeof byte, &got, ERR));
    EXPECT_INT(got, 0);
    status = nexus_reader_open(fs, path, &reader, ERR);
    if (status == NEXUS_STATUS_OK) {
        OK(nexus_reader_seek(reader, at, ERR));
        FAILS(CORRUPT, nexus_reader_read(reader, byte, sizeof byte, &got, ERR));
        OK(nexus_reader_close(reader, ERR));
    } else {
        EXPECT_INT(status, NEXUS_STATUS_CORRUPT);
    }
}

static void damaged_content_is_never_handed_out(void)
{
    char *file;
    const char *etag;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/a", noise(700000, 4), 700000, ERR));
    etag = look(fs, "/a").etag;
    file = content_file(fs, "/a");
    close_store(fs);
    damage(file, 600000);
    fs = open_store("");
    expect_corrupt(fs, "/a", etag, 599990);
    close_store(fs);
}

static void shortened_content_is_never_handed_out(void)
{
    char *file;
    const char *etag;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/a", noise(700000, 5), 700000, ERR));
    etag = look(fs, "/a").etag;
    file = content_file(fs, "/a");
    close_store(fs);
    chmod(file, 0600);
    EXPECT_INT(truncate(file, 524288), 0);
    fs = open_store("");
    expect_corrupt(fs, "/a", etag, 600000);
    EXPECT_INT(truncate(file, 0), 0);
    expect_corrupt(fs, "/a", etag, 0);
    close_store(fs);
}

static void a_file_without_its_content_can_be_deleted_or_replaced(void)
{
    const char *etag;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/a", noise(LARGE, 6), LARGE, ERR));
    OK(nexus_write(fs, "/b", noise(LARGE, 7), LARGE, ERR));
    OK(nexus_write(fs, "/c", noise(LARGE, 8), LARGE, ERR));
    etag = look(fs, "/a").etag;
    EXPECT_INT(unlink(content_file(fs, "/a")), 0);
    EXPECT_INT(unlink(content_file(fs, "/b")), 0);
    EXPECT_INT(unlink(content_file(fs, "/c")), 0);
    close_store(fs);
    fs = open_store("");
    expect_corrupt(fs, "/a", etag, 0);
    OK(nexus_delete(fs, "/a", ERR));
    EXPECT_INT(exists(fs, "/a"), 0);
    put(fs, "/b", "new");
    EXPECT_STR(get(fs, "/b"), "new");
    OK(nexus_rename(fs, "/c", "/d", ERR));
    OK(nexus_delete(fs, "/d", ERR));
    close_store(fs);
}

static void a_file_found_without_a_row_is_not_trusted(void)
{
    char *file;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/a", noise(LARGE, 9), LARGE, ERR));
    file = content_file(fs, "/a");
    OK(nexus_delete(fs, "/a", ERR));
    /* Something else under the name of that content, as a crash or a broken copy may leave it. */
    write_disk(file, "not the content");
    OK(nexus_write(fs, "/a", noise(LARGE, 9), LARGE, ERR));
    EXPECT_CONTENT(fs, "/a", noise(LARGE, 9), LARGE);
    close_store(fs);
}

static void statistics_add_up(void)
{
    char *stats = NULL;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/a", noise(1000, 1), 1000, ERR));
    OK(nexus_write(fs, "/b", noise(1000, 1), 1000, ERR));
    OK(nexus_write(fs, "/workspace/acme/bot/c", noise(LARGE, 2), LARGE, ERR));
    OK(nexus_storage_stats(fs, &stats, ERR));
    EXPECT_INT(json_int(stats, "files"), 3);
    EXPECT_INT(json_int(stats, "distinct_contents"), 2);
    EXPECT_INT(json_int(stats, "logical_bytes"), 2000 + LARGE);
    EXPECT_INT(json_int(stats, "physical_bytes"), 1000 + LARGE);
    nexus_string_free(stats);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(the_same_bytes_at_one_path_count_once);
    RUN(counts_follow_every_change);
    RUN(content_goes_with_its_last_path);
    RUN(the_same_bytes_share_content_across_inline_limits);
    RUN(damaged_content_is_never_handed_out);
    RUN(shortened_content_is_never_handed_out);
    RUN(a_file_without_its_content_can_be_deleted_or_replaced);
    RUN(a_file_found_without_a_row_is_not_trusted);
    RUN(statistics_add_up);
    return finish();
}
