/* Many processes on one store: no error but the conflicts they ask for, nothing stale, counts exact. */
#include "children.h"

enum { PROCESSES = 8, OPERATIONS = 2000, PATHS = 48, CONTENTS = 24 };

struct crew {
    int number;
    int start[2];
};

/* Runs `work` in as many processes at once, none before all are there, and waits for their ends. */
static void run_crew(void (*work)(void *crew))
{
    struct crew crews[PROCESSES];
    pid_t crew_pids[PROCESSES];
    int start[2], i;
    open_pipe(start);
    for (i = 0; i < PROCESSES; i++) {
        crews[i].number = i;
        memcpy(crews[i].start, start, sizeof start);
        crew_pids[i] = spawn(work, &crews[i]);
    }
    close(start[0]);
    close(start[1]);
    join_all(crew_pids, PROCESSES);
}

static void wait_for_the_others(const struct crew *crew)
{
    close(crew->start[1]);
    EXPECT(!wait_for_word(crew->start[0]));
}

static const char *path_of(uint32_t index)
{
    static char path[4][32];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "/mixed/%u/%u", index % 5, index);
    return path[turn];
}

/* One of a few contents, every fourth too large to be inline. */
static const uint8_t *content_of(uint32_t index, size_t *size)
{
    static uint8_t *contents[CONTENTS];
    *size = index % 4 == 0 ? 70000 + index : 100 + index;
    if (contents[index] == NULL) {
        contents[index] = noise(*size, index + 1);
    }
    return contents[index];
}

static void expect_one_of(nexus_status got, nexus_status a, nexus_status b, const char *what)
{
    if (got != a && got != b) {
        FAIL("%s returned %s: %s", what, nexus_status_name(got), message());
    }
}

static void mix(void *user)
{
    struct crew *crew = (struct crew *)user;
    uint64_t state = 0x9e3779b97f4a7c15u * (uint64_t)(crew->number + 1);
    nexus_fs *fs;
    int i;
    wait_for_the_others(crew);
    fs = open_store(crew->number % 2 ? "\"durability\": \"normal\"" : "");
    for (i = 0; i < OPERATIONS; i++) {
        const char *a = path_of(draw(&state, PATHS)), *b = path_of(draw(&state, PATHS));
        size_t size;
        const uint8_t *content = content_of(draw(&state, CONTENTS), &size);
        nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
        nexus_buffer *buffer = NULL;
        nexus_batch *batch = NULL;
        switch (draw(&state, 10)) {
        case 0:
        case 1:
        case 2:
            OK(nexus_write(fs, a, content, size, ERR));
            break;
        case 3:
            expect_one_of(nexus_delete(fs, a, ERR), NEXUS_STATUS_OK, NEXUS_STATUS_NOT_FOUND, "delete");
            break;
        case 4:
            expect_one_of(nexus_rename(fs, a, b, ERR), NEXUS_STATUS_OK, NEXUS_STATUS_NOT_FOUND, "rename");
            break;
        case 5:
            expect_one_of(nexus_copy(fs, a, b, ERR), NEXUS_STATUS_OK, NEXUS_STATUS_NOT_FOUND, "copy");
            break;
        case 6:
            expect_one_of(nexus_set_meta(fs, a, "by", text("%d", crew->number), ERR), NEXUS_STATUS_OK, NEXUS_STATUS_NOT_FOUND, "set_meta");
            break;
        case 7:
            options.if_none_match = 1;
            expect_one_of(nexus_write_with(fs, a, content, size, &options, NULL, ERR), NEXUS_STATUS_OK, NEXUS_STATUS_CONFLICT, "create");
            break;
        case 8:
            OK(nexus_batch_new(fs, &batch, ERR));
            OK(nexus_batch_write(batch, a, content, size, NULL, ERR));
            OK(nexus_batch_write(batch, b, content, size, NULL, ERR));
            OK(nexus_batch_commit(batch, NULL, ERR));
            nexus_batch_free(batch);
            break;
        default:
            expect_one_of(nexus_read(fs, a, &buffer, ERR), NEXUS_STATUS_OK, NEXUS_STATUS_NOT_FOUND, "read");
            nexus_buffer_free(buffer);
            break;
        }
    }
    close_store(fs);
}

static void mixed_operations_of_many_processes_all_hold(void)
{
    nexus_fs *fs;
    run_crew(mix);
    fs = open_store("");
    expect_exact_counts(fs, 65536);
    close_store(fs);
}

static void open_first(void *user)
{
    struct crew *crew = (struct crew *)user;
    nexus_fs *fs;
    wait_for_the_others(crew);
    fs = open_store("");
    put(fs, text("/first/%d", crew->number), "x");
    close_store(fs);
}

static void many_first_openers_make_one_store(void)
{
    int round;
    for (round = 0; round < 10; round++) {
        nexus_fs *fs;
        remove_tree(disk("store"));
        run_crew(open_first);
        fs = open_store("");
        EXPECT_STR(children(fs, "/first"), "/first/0 /first/1 /first/2 /first/3 /first/4 /first/5 /first/6 /first/7");
        EXPECT_INT(reference_count(fs, look(fs, "/first/0").etag), PROCESSES);
        close_store(fs);
    }
}

enum { ROUNDS = 200 };

struct pair {
    int to_reader[2];
    int to_writer[2];
};

/* Each process keeps only its own ends, so that neither waits for one that has failed. */
static void be_writer(const struct pair *pair)
{
    close(pair->to_reader[0]);
    close(pair->to_writer[1]);
}

static void be_reader(const struct pair *pair)
{
    close(pair->to_reader[1]);
    close(pair->to_writer[0]);
}

static void write_and_tell(void *user)
{
    struct pair *pair = (struct pair *)user;
    nexus_fs *fs = open_store("\"durability\": \"normal\"");
    int round;
    be_writer(pair);
    for (round = 0; round < ROUNDS; round++) {
        if (round % 5 == 4) {
            OK(nexus_delete(fs, "/told", ERR));
        } else {
            put(fs, "/told", text("round %d", round));
            set_meta(fs, "/told", "round", text("%d", round));
        }
        give_word(pair->to_reader[1]);
        EXPECT(wait_for_word(pair->to_writer[0]));
    }
    close_store(fs);
}

static void read_when_told(void *user)
{
    struct pair *pair = (struct pair *)user;
    nexus_fs *fs = open_store("");
    int round;
    be_reader(pair);
    for (round = 0; round < ROUNDS; round++) {
        EXPECT(wait_for_word(pair->to_reader[0]));
        if (round % 5 == 4) {
            nexus_buffer *buffer = NULL;
            FAILS(NOT_FOUND, nexus_read(fs, "/told", &buffer, ERR));
            EXPECT_INT(exists(fs, "/told"), 0);
            EXPECT_STR(listed(fs, NULL), "");
        } else {
            EXPECT_STR(get(fs, "/told"), text("round %d", round));
            EXPECT_STR(meta(fs, "/told", "round"), text("%d", round));
            EXPECT_INT(look(fs, "/told").version, round % 5 + 1);
        }
        give_word(pair->to_writer[1]);
    }
    close_store(fs);
}

static void a_process_reads_what_another_has_just_written(void)
{
    struct pair pair;
    pid_t crew_pids[2];
    open_pipe(pair.to_reader);
    open_pipe(pair.to_writer);
    crew_pids[0] = spawn(write_and_tell, &pair);
    crew_pids[1] = spawn(read_when_told, &pair);
    close(pair.to_reader[0]), close(pair.to_reader[1]), close(pair.to_writer[0]), close(pair.to_writer[1]);
    join_all(crew_pids, 2);
}

static void hold_and_drop_twins(void *user)
{
    struct crew *crew = (struct crew *)user;
    nexus_fs *fs;
    int round;
    wait_for_the_others(crew);
    fs = open_store("\"durability\": \"normal\"");
    for (round = 0; round < 100; round++) {
        size_t size = 70000;
        const uint8_t *content = noise(size, (uint64_t)round);
        OK(nexus_write(fs, text("/kept/%d", crew->number), content, size, ERR));
        OK(nexus_write(fs, text("/dropped/%d", crew->number), content, size, ERR));
        OK(nexus_delete(fs, text("/dropped/%d", crew->number), ERR));
        EXPECT_CONTENT(fs, text("/kept/%d", crew->number), content, size);
    }
    close_store(fs);
}

static void a_file_outlives_its_deleted_twins(void)
{
    nexus_fs *fs;
    run_crew(hold_and_drop_twins);
    fs = open_store("");
    EXPECT_INT(reference_count(fs, look(fs, "/kept/0").etag), PROCESSES);
    expect_exact_counts(fs, 65536);
    close_store(fs);
}

static void declare_namespace(void *user)
{
    struct pair *pair = (struct pair *)user;
    nexus_fs *fs;
    be_writer(pair);
    EXPECT(wait_for_word(pair->to_writer[0]));
    fs = open_store("\"namespaces\": [{\"name\": \"analytics\", \"requires_tenant\": true}]");
    put(fs, "/analytics/acme/report", "x");
    close_store(fs);
    give_word(pair->to_reader[1]);
}

static void obey_namespace(void *user)
{
    struct pair *pair = (struct pair *)user;
    nexus_buffer *buffer = NULL;
    nexus_fs *fs = open_as("rival", NULL);
    be_reader(pair);
    FAILS(NOT_FOUND, nexus_read(fs, "/analytics/acme/report", &buffer, ERR));
    give_word(pair->to_writer[1]);
    EXPECT(wait_for_word(pair->to_reader[0]));
    FAILS(ACCESS_DENIED, nexus_read(fs, "/analytics/acme/report", &buffer, ERR));
    EXPECT_STR(listed(fs, NULL), "");
    close_store(fs);
}

static void a_namespace_declared_by_one_process_binds_the_others(void)
{
    struct pair pair;
    pid_t crew_pids[2];
    open_pipe(pair.to_reader);
    open_pipe(pair.to_writer);
    crew_pids[0] = spawn(declare_namespace, &pair);
    crew_pids[1] = spawn(obey_namespace, &pair);
    close(pair.to_reader[0]), close(pair.to_reader[1]), close(pair.to_writer[0]), close(pair.to_writer[1]);
    join_all(crew_pids, 2);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(many_first_openers_make_one_store);
    RUN(mixed_operations_of_many_processes_all_hold);
    RUN(a_process_reads_what_another_has_just_written);
    RUN(a_file_outlives_its_deleted_twins);
    RUN(a_namespace_declared_by_one_process_binds_the_others);
    return finish();
}
