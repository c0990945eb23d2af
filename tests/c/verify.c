/* Checking and mending a store: what is damaged is found, what is whole is kept, and what is lost is named. */
#include "expect.h"

static char *verify_at(const char *file, int line, nexus_fs *fs, uint32_t flags)
{
    char *report = NULL;
    expect_status(file, line, "nexus_verify", nexus_verify(fs, flags, NULL, NULL, &report, ERR), NEXUS_STATUS_OK);
    return keep(report);
}
#define verify(fs, flags) verify_at(__FILE__, __LINE__, (fs), (flags))
#define READ NEXUS_VERIFY_CONTENT
#define REPAIR (NEXUS_VERIFY_CONTENT | NEXUS_VERIFY_REPAIR)

static char *file_of(nexus_fs *fs, const char *path)
{
    const char *etag = look(fs, path).etag;
    return disk(text("store/cas/%.2s/%s", etag, etag));
}

/* Changes one bit of a file, at the first place where it holds `bytes`. */
static void flip(const char *name, const void *bytes, size_t length)
{
    struct stat info;
    int fd = open(name, O_RDWR);
    char *content, *at;
    EXPECT(fd >= 0);
    EXPECT_INT(fstat(fd, &info), 0);
    content = (char *)scratch((size_t)info.st_size);
    EXPECT_INT(pread(fd, content, (size_t)info.st_size, 0), info.st_size);
    at = (char *)memmem(content, (size_t)info.st_size, bytes, length);
    EXPECT(at != NULL);
    *at = (char)(*at ^ 1);
    EXPECT_INT(pwrite(fd, at, 1, at - content), 1);
    close(fd);
}

static void expect_error(const char *report, int index, const char *kind, const char *path)
{
    EXPECT_STR(json(report, text("errors[%d].kind", index)), text("\"%s\"", kind));
    EXPECT_STR(json(report, text("errors[%d].path", index)), text("\"%s\"", path));
    EXPECT_INT(strlen(json(report, text("errors[%d].hash", index))), 66);
}

static void a_sound_store_is_found_sound(void)
{
    char *report;
    nexus_fs *fs = open_store("");
    put(fs, "/small", "hello");
    OK(nexus_write(fs, "/large", noise(LARGE, 1), LARGE, ERR));
    report = verify(fs, 0);
    EXPECT_INT(json_int(report, "error_count"), 0);
    EXPECT_INT(json_len(report, "errors"), 0);
    EXPECT_INT(json_int(report, "checked.contents"), 2);
    EXPECT_INT(json_int(report, "checked.files"), 1);
    report = verify(fs, READ);
    EXPECT_INT(json_int(report, "checked.hashes"), 2);
    EXPECT_INT(json_int(report, "reclaimable.bytes"), 0);
    FAILS(INVALID_ARGUMENT, nexus_verify(fs, 4, NULL, NULL, NULL, ERR));
    OK(nexus_verify(fs, REPAIR, NULL, NULL, NULL, ERR));
    close_store(fs);
}

static void damaged_files_are_found(void)
{
    char *report, *orphan = disk("store/cas/ab/ab00000000000000000000000000000000000000000000000000000000000000");
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/flipped", noise(LARGE, 1), LARGE, ERR));
    OK(nexus_write(fs, "/missing", noise(LARGE, 2), LARGE, ERR));
    OK(nexus_write(fs, "/truncated", noise(LARGE, 3), LARGE, ERR));
    flip(file_of(fs, "/flipped"), noise(LARGE, 1), 64);
    EXPECT_INT(unlink(file_of(fs, "/missing")), 0);
    EXPECT_INT(truncate(file_of(fs, "/truncated"), LARGE - 1), 0);
    mkdir(disk("store/cas/ab"), 0700);
    write_disk(orphan, "orphan");
    report = verify(fs, READ);
    EXPECT_INT(json_int(report, "error_count"), 3);
    expect_error(report, 0, "damaged_content", "/flipped");
    expect_error(report, 1, "missing_content", "/missing");
    expect_error(report, 2, "truncated_content", "/truncated");
    EXPECT_INT(json_int(report, "reclaimable.orphan_files"), 1);
    EXPECT_INT(json_int(report, "reclaimable.bytes"), 6);
    /* Without reading, the flipped bit is not seen. */
    EXPECT_INT(json_int(verify(fs, 0), "error_count"), 2);
    close_store(fs);
}

static void a_flipped_bit_in_the_database_is_found_and_mended(void)
{
    static const char *const content = "what stands in the database, and nowhere else";
    char *report;
    nexus_fs *fs = open_store("");
    put(fs, "/inline", content);
    put(fs, "/other", "other");
    set_meta(fs, "/inline", "owner", "\"ann\"");
    close_store(fs);
    flip(disk("store/metadata.db"), content, strlen(content));
    fs = open_store("");
    report = verify(fs, READ);
    EXPECT_INT(json_int(report, "error_count"), 1);
    expect_error(report, 0, "damaged_content", "/inline");
    report = verify(fs, REPAIR);
    EXPECT_INT(json_int(report, "error_count"), 1);
    EXPECT_INT(json_int(report, "remaining_count"), 0);
    EXPECT_INT(json_int(report, "lost_count"), 1);
    EXPECT_STR(json(report, "lost[0].path"), "\"/inline\"");
    EXPECT_STR(json(report, "lost[0].metadata.owner"), "\"ann\"");
    EXPECT_INT(exists(fs, "/inline"), 0);
    EXPECT_STR(get(fs, "/other"), "other");
    EXPECT_INT(json_int(verify(fs, READ), "error_count"), 0);
    EXPECT_INT(files_below(disk("store/quarantine")), 2);
    put(fs, "/inline", content);
    EXPECT_STR(get(fs, "/inline"), content);
    close_store(fs);
}

struct told {
    int steps, plans;
    int stop_at;
};

static int32_t listen(void *user, uint64_t done, uint64_t total, const char *what)
{
    struct told *told = (struct told *)user;
    (void)done;
    (void)total;
    told->steps++;
    told->plans += strncmp(what, "repair: ", 8) == 0;
    return told->steps == told->stop_at;
}

static void a_repair_names_what_it_will_do(void)
{
    struct told told = {0, 0, 0};
    char *report = NULL;
    nexus_fs *fs = open_store("");
    OK(nexus_write(fs, "/a", noise(LARGE, 1), LARGE, ERR));
    OK(nexus_write(fs, "/same", noise(LARGE, 1), LARGE, ERR));
    EXPECT_INT(unlink(file_of(fs, "/a")), 0);
    OK(nexus_verify(fs, READ, listen, &told, &report, ERR));
    keep(report);
    EXPECT(told.steps > 5);
    EXPECT_INT(told.plans, 0);
    /* The step after the last of the check names what is to be done. */
    told.stop_at = told.steps + 1;
    told.steps = 0;
    FAILS(CANCELLED, nexus_verify(fs, REPAIR, listen, &told, &report, ERR));
    EXPECT_INT(told.plans, 1);
    EXPECT(report == NULL);
    EXPECT_INT(json_int(verify(fs, 0), "error_count"), 1);
    EXPECT_INT(exists(fs, "/a"), 1);
    told.stop_at = 0;
    OK(nexus_verify(fs, REPAIR, listen, &told, &report, ERR));
    report = keep(report);
    EXPECT_INT(json_int(report, "lost_count"), 2);
    EXPECT_HAS(json(report, "repaired[0]"), "quarantine");
    EXPECT_INT(json_int(report, "remaining_count"), 0);
    EXPECT_INT(json_int(verify(fs, READ), "error_count"), 0);
    EXPECT_INT(exists(fs, "/a"), 0);
    close_store(fs);
}

static void duplicates_are_found_within_what_may_be_read(void)
{
    char *found = NULL;
    nexus_fs *fs = open_store(""), *acme = NULL;
    put(fs, "/shared/acme/1", "same");
    put(fs, "/shared/acme/2", "same");
    put(fs, "/shared/evil/3", "same");
    OK(nexus_find_duplicates(fs, NULL, NULL, NULL, &found, ERR));
    found = keep(found);
    EXPECT_INT(json_int(found, "groups[0].count"), 3);
    EXPECT_INT(json_int(found, "wasted_bytes"), 8);
    OK(nexus_with_identity(fs, "acme", NULL, &acme, ERR));
    OK(nexus_find_duplicates(acme, "/shared", NULL, NULL, &found, ERR));
    found = keep(found);
    EXPECT_INT(json_int(found, "groups[0].count"), 2);
    EXPECT_STR(json(found, "groups[0].paths[1]"), "\"/shared/acme/2\"");
    EXPECT_LACKS(found, "evil");
    FAILS(INVALID_ARGUMENT, nexus_find_duplicates(acme, NULL, NULL, NULL, NULL, ERR));
    FAILS(ACCESS_DENIED, nexus_verify(acme, 0, NULL, NULL, &found, ERR));
    FAILS(ACCESS_DENIED, nexus_verify(acme, REPAIR, NULL, NULL, &found, ERR));
    close_store(acme);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_sound_store_is_found_sound);
    RUN(damaged_files_are_found);
    RUN(a_flipped_bit_in_the_database_is_found_and_mended);
    RUN(a_repair_names_what_it_will_do);
    RUN(duplicates_are_found_within_what_may_be_read);
    return finish();
}
