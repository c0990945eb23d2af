/* Copies of a store: consistent while others write, up to date when repeated, never half of one. */
#include "children.h"

#include <sched.h>
#include <sys/mman.h>

static char *backup_at(const char *file, int line, nexus_fs *fs, const char *name)
{
    char *report = NULL;
    expect_status(file, line, text("backup to %s", name), nexus_backup(fs, disk(name), NULL, NULL, &report, ERR), NEXUS_STATUS_OK);
    return keep(report);
}
#define backup(fs, name) backup_at(__FILE__, __LINE__, (fs), (name))

static nexus_fs *open_named(const char *name)
{
    nexus_fs *fs = NULL;
    OK(nexus_connect(text("{\"data_dir\": \"%s/%s\"}", expect_directory, name), &fs, ERR));
    return fs;
}

static void expect_sound(nexus_fs *fs)
{
    char *report = NULL;
    OK(nexus_verify(fs, NEXUS_VERIFY_CONTENT, NULL, NULL, &report, ERR));
    report = keep(report);
    if (json_int(report, "error_count") != 0) {
        FAIL("the store is not sound: %s", report);
    }
}

static void a_copy_is_a_store(void)
{
    char *report;
    nexus_fs *fs = open_store(""), *copy;
    put(fs, "/small", "hello");
    OK(nexus_write(fs, "/large", noise(LARGE, 1), LARGE, ERR));
    set_meta(fs, "/small", "owner", "\"ann\"");
    report = backup(fs, "copy");
    EXPECT_INT(json_int(report, "files"), 2);
    EXPECT_INT(json_int(report, "copied_contents"), 1);
    EXPECT_INT(json_int(report, "damaged_count"), 0);
    put(fs, "/small", "later");
    OK(nexus_write(fs, "/second", noise(LARGE, 2), LARGE, ERR));
    copy = open_named("copy");
    EXPECT_STR(get(copy, "/small"), "hello");
    EXPECT_CONTENT(copy, "/large", noise(LARGE, 1), LARGE);
    EXPECT_STR(meta(copy, "/small", "owner"), "\"ann\"");
    EXPECT_STR(id_of(copy, "/large"), id_of(fs, "/large"));
    expect_sound(copy);
    close_store(copy);
    report = backup(fs, "copy");
    EXPECT_INT(json_int(report, "copied_contents"), 1);
    EXPECT_INT(json_int(report, "unchanged_contents"), 1);
    copy = open_named("copy");
    EXPECT_STR(get(copy, "/small"), "later");
    EXPECT_CONTENT(copy, "/second", noise(LARGE, 2), LARGE);
    expect_sound(copy);
    close_store(copy);
    close_store(fs);
}

static void targets_that_are_something_else_are_refused(void)
{
    nexus_fs *fs = open_store("\"busy_timeout_ms\": 50"), *other = open_named("other"), *tenant = NULL, *copy;
    put(fs, "/a", "a");
    put(other, "/b", "b");
    backup(other, "of other");
    FAILS(INVALID_ARGUMENT, nexus_backup(fs, disk("of other"), NULL, NULL, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_backup(fs, disk("other"), NULL, NULL, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_backup(fs, disk("store"), NULL, NULL, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_backup(fs, disk("store/inside"), NULL, NULL, NULL, ERR));
    OK(nexus_with_identity(fs, "acme", NULL, &tenant, ERR));
    FAILS(ACCESS_DENIED, nexus_backup(tenant, disk("stolen"), NULL, NULL, NULL, ERR));
    EXPECT(access(disk("stolen"), F_OK) != 0);
    close_store(tenant);
    backup(fs, "mine");
    copy = open_named("mine");
    FAILS(BUSY, nexus_backup(fs, disk("mine"), NULL, NULL, NULL, ERR));
    put(copy, "/a", "changed there");
    close_store(copy);
    FAILS(CONFLICT, nexus_backup(fs, disk("mine"), NULL, NULL, NULL, ERR));
    copy = open_named("mine");
    EXPECT_STR(get(copy, "/a"), "changed there");
    close_store(copy);
    close_store(other);
    close_store(fs);
}

struct stop {
    int calls, at;
};

static int32_t stop_at(void *user, uint64_t done, uint64_t total, const char *what)
{
    struct stop *stop = (struct stop *)user;
    (void)done;
    (void)total;
    (void)what;
    return ++stop->calls == stop->at;
}

static void a_cancelled_backup_leaves_the_earlier_one(void)
{
    struct stop stop = {0, 0};
    int steps;
    nexus_fs *fs = open_store(""), *copy;
    OK(nexus_write(fs, "/a", noise(LARGE, 1), LARGE, ERR));
    OK(nexus_backup(fs, disk("copy"), stop_at, &stop, NULL, ERR));
    steps = stop.calls;
    OK(nexus_write(fs, "/a", noise(LARGE, 2), LARGE, ERR));
    for (stop.at = 1; stop.at <= steps; stop.at++) {
        stop.calls = 0;
        FAILS(CANCELLED, nexus_backup(fs, disk("copy"), stop_at, &stop, NULL, ERR));
        copy = open_named("copy");
        EXPECT_CONTENT(copy, "/a", noise(LARGE, 1), LARGE);
        close_store(copy);
    }
    close_store(fs);
}

/* ---- Several processes ------------------------------------------------------------------------- */

enum { WRITERS = 4, ROUNDS = 3 };

/* The number of the last file that each writer was told is stored. */
struct load {
    volatile int acknowledged[WRITERS];
    volatile int stop;
};

struct writer {
    struct load *load;
    int number;
};

/* Every third is too large for the database. */
static size_t size_of(int number)
{
    return number % 3 == 0 ? LARGE / 2 : 500;
}

static uint64_t seed(int writer, int number)
{
    return (uint64_t)(writer * 1000000 + number);
}

static void write_until_stopped(void *user)
{
    struct writer *writer = (struct writer *)user;
    int number;
    nexus_fs *fs = open_store("\"durability\": \"normal\"");
    for (number = 1; !writer->load->stop; number++) {
        size_t size = size_of(number);
        uint8_t *bytes = noise(size, seed(writer->number, number));
        OK(nexus_write(fs, text("/%d/%d", writer->number, number), bytes, size, ERR));
        writer->load->acknowledged[writer->number] = number;
        /* Contents that come and go all the time. */
        OK(nexus_write(fs, text("/%d/passing", writer->number), noise(LARGE / 2, seed(9, number % 4)), LARGE / 2, ERR));
        expect_free_blocks();
    }
    close_store(fs);
}

static void expect_acknowledged(nexus_fs *copy, const int *acknowledged)
{
    int writer, number;
    for (writer = 0; writer < WRITERS; writer++) {
        for (number = 1; number <= acknowledged[writer]; number++) {
            size_t size = size_of(number);
            EXPECT_CONTENT(copy, text("/%d/%d", writer, number), noise(size, seed(writer, number)), size);
        }
    }
}

static void start_writers(struct load *load, struct writer *writers, pid_t *children)
{
    int i;
    for (i = 0; i < WRITERS; i++) {
        writers[i].load = load;
        writers[i].number = i;
        children[i] = spawn(write_until_stopped, &writers[i]);
    }
    for (i = 0; i < WRITERS; i++) {
        while (load->acknowledged[i] < 5) {
            if (waitpid(children[i], NULL, WNOHANG) != 0) {
                FAIL("writer %d has ended before it wrote five files", i);
            }
            sched_yield();
        }
    }
}

static void a_backup_under_load_has_everything_acknowledged_before(void)
{
    struct writer writers[WRITERS];
    pid_t children[WRITERS];
    int before[ROUNDS][WRITERS], round, i;
    nexus_fs *fs;
    struct load *load = (struct load *)mmap(NULL, sizeof *load, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(load != MAP_FAILED);
    start_writers(load, writers, children);
    fs = open_store("");
    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < WRITERS; i++) {
            before[round][i] = load->acknowledged[i];
        }
        EXPECT_INT(json_int(backup(fs, round == 0 ? "once" : "copy"), "damaged_count"), 0);
    }
    load->stop = 1;
    close_store(fs);
    join_all(children, WRITERS);
    for (round = 0; round < ROUNDS; round += ROUNDS - 1) {
        fs = open_named(round == 0 ? "once" : "copy");
        expect_sound(fs);
        expect_acknowledged(fs, before[round]);
        close_store(fs);
    }
    fs = open_store("");
    expect_sound(fs);
    close_store(fs);
    EXPECT_INT(munmap(load, sizeof *load), 0);
}

struct killing {
    int calls, at;
};

static int32_t die_at(void *user, uint64_t done, uint64_t total, const char *what)
{
    struct killing *killing = (struct killing *)user;
    (void)done;
    (void)total;
    (void)what;
    if (++killing->calls == killing->at) {
        raise(SIGKILL);
    }
    return 0;
}

static void back_up_and_die(void *user)
{
    nexus_fs *fs = open_store("");
    OK(nexus_backup(fs, disk("copy"), die_at, user, NULL, ERR));
    close_store(fs);
}

static void a_killed_backup_leaves_the_earlier_one_and_pins_nothing(void)
{
    struct killing killing = {0, 1};
    char *report = NULL;
    int status, deaths = 0;
    nexus_fs *fs = open_store(""), *copy;
    OK(nexus_write(fs, "/a", noise(LARGE, 1), LARGE, ERR));
    backup(fs, "copy");
    close_store(fs);
    for (;; killing.at++) {
        fs = open_store("");
        OK(nexus_write(fs, "/a", noise(LARGE, (uint64_t)killing.at + 1), LARGE, ERR));
        close_store(fs);
        status = ended(spawn(back_up_and_die, &killing));
        if (status == 0) {
            break;
        }
        EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        deaths++;
        copy = open_named("copy");
        EXPECT_CONTENT(copy, "/a", noise(LARGE, 1), LARGE);
        close_store(copy);
        /* What the dead process needed may go at once. */
        fs = open_store("");
        OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
        EXPECT_INT(files_below(disk("store/cas")), 1);
        close_store(fs);
    }
    EXPECT(deaths > 2);
    copy = open_named("copy");
    EXPECT_CONTENT(copy, "/a", noise(LARGE, (uint64_t)killing.at + 1), LARGE);
    OK(nexus_verify(copy, NEXUS_VERIFY_CONTENT, NULL, NULL, &report, ERR));
    report = keep(report);
    EXPECT_INT(json_int(report, "error_count"), 0);
    EXPECT_INT(json_int(report, "reclaimable.bytes"), 0);
    close_store(copy);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_copy_is_a_store);
    RUN(targets_that_are_something_else_are_refused);
    RUN(a_cancelled_backup_leaves_the_earlier_one);
    RUN(a_backup_under_load_has_everything_acknowledged_before);
    RUN(a_killed_backup_leaves_the_earlier_one_and_pins_nothing);
    return finish();
}
