/* Upkeep: what crashes leave behind goes, what is live or in use stays, and not everyone may ask. */
#include "expect.h"

static char *collect(nexus_fs *fs)
{
    char *report = NULL;
    OK(nexus_gc(fs, NULL, NULL, &report, ERR));
    report = keep(report);
    EXPECT_INT(report[0], '{');
    return report;
}

static const char *const ORPHAN = "store/cas/ab/ab00000000000000000000000000000000000000000000000000000000000000";

static void orphans_go_and_live_contents_stay(void)
{
    uint8_t *large = noise(LARGE, 1);
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/a", large, LARGE, ERR));
    put(fs, "/small", "hello");
    mkdir(disk("store/cas/ab"), 0700);
    write_disk(disk(ORPHAN), "orphan");
    write_disk(disk("store/tmp/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"), "half a file");
    collect(fs);
    EXPECT(access(disk(ORPHAN), F_OK) != 0);
    EXPECT_INT(files_below(disk("store/cas")), 1);
    EXPECT_INT(files_below(disk("store/tmp")), 0);
    EXPECT_CONTENT(fs, "/a", large, LARGE);
    EXPECT_STR(get(fs, "/small"), "hello");
    collect(fs);
    EXPECT_CONTENT(fs, "/a", large, LARGE);
    close_store(fs);
}

static void opening_removes_temporary_files(void)
{
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    close_store(fs);
    write_disk(disk("store/tmp/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"), "half a file");
    fs = open_store("");
    EXPECT_INT(files_below(disk("store/tmp")), 0);
    EXPECT_STR(get(fs, "/a"), "x");
    close_store(fs);
}

static void a_write_in_progress_keeps_its_temporary_file(void)
{
    uint8_t *large = noise(LARGE, 2);
    nexus_writer *writer = NULL;
    nexus_fs *fs = open_store("");
    OK(nexus_writer_open(fs, "/a", NULL, &writer, ERR));
    OK(nexus_writer_write(writer, large, LARGE, ERR));
    collect(fs);
    OK(nexus_writer_write(writer, large, LARGE, ERR));
    OK(nexus_writer_commit(writer, NULL, ERR));
    EXPECT_INT(look(fs, "/a").size, 2 * LARGE);
    OK(nexus_write(fs, "/b", large, LARGE, ERR));
    collect(fs);
    EXPECT_CONTENT(fs, "/b", large, LARGE);
    EXPECT_INT(strlen(look(fs, "/a").etag), 64);
    EXPECT_INT(files_below(disk("store/cas")), 2);
    close_store(fs);
}

static void an_open_reader_survives_gc(void)
{
    uint8_t *large = noise(LARGE, 3), *buffer = (uint8_t *)scratch(LARGE);
    size_t at = 0, got = 1;
    nexus_reader *reader = NULL;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/a", large, LARGE, ERR));
    OK(nexus_reader_open(fs, "/a", &reader, ERR));
    OK(nexus_delete(fs, "/a", ERR));
    collect(fs);
    while (got != 0) {
        OK(nexus_reader_read(reader, buffer + at, LARGE - at, &got, ERR));
        at += got;
    }
    EXPECT_INT(at, LARGE);
    EXPECT(memcmp(buffer, large, LARGE) == 0);
    OK(nexus_reader_close(reader, ERR));
    close_store(fs);
}

static void gc_takes_an_admin_or_an_unbound_handle(void)
{
    char *report = NULL;
    nexus_fs *tenant = open_as("acme", NULL), *agent = open_as("acme", "bot"), *narrow = NULL;
    nexus_fs *admin = open_store("\"tenant_id\": \"acme\", \"is_admin\": true"), *unbound = open_store("");
    FAILS(ACCESS_DENIED, nexus_gc(tenant, NULL, NULL, &report, ERR));
    EXPECT(report == NULL);
    FAILS(ACCESS_DENIED, nexus_gc(agent, NULL, NULL, &report, ERR));
    OK(nexus_with_identity(unbound, "acme", NULL, &narrow, ERR));
    FAILS(ACCESS_DENIED, nexus_gc(narrow, NULL, NULL, &report, ERR));
    collect(admin);
    collect(unbound);
    close_store(tenant);
    close_store(agent);
    close_store(narrow);
    close_store(admin);
    close_store(unbound);
}

static int32_t stop_at_once(void *user, uint64_t done, uint64_t total, const char *what)
{
    (void)done;
    (void)total;
    ++*(int *)user;
    return what != NULL;
}

static void gc_tells_its_progress_and_can_be_stopped(void)
{
    int calls = 0;
    char *report = NULL;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/a", noise(LARGE, 4), LARGE, ERR));
    FAILS(CANCELLED, nexus_gc(fs, stop_at_once, &calls, &report, ERR));
    EXPECT(report == NULL);
    EXPECT(calls > 0);
    EXPECT_CONTENT(fs, "/a", noise(LARGE, 4), LARGE);
    collect(fs);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(orphans_go_and_live_contents_stay);
    RUN(opening_removes_temporary_files);
    RUN(a_write_in_progress_keeps_its_temporary_file);
    RUN(an_open_reader_survives_gc);
    RUN(gc_takes_an_admin_or_an_unbound_handle);
    RUN(gc_tells_its_progress_and_can_be_stopped);
    return finish();
}
