/*
 * Processes drain a queue with dependencies while random ones of them are killed with kill -9 and replaced.
 *
 *   claim_race [processes [items [kills [seed]]]]      8, 3000 and 60 unless told otherwise
 *
 * Each process appends to one log what it is about to do and what was done. Leases are short, some workers
 * give items back, fail them, or forget them and come back too late. The judge (race_log.h) reads the log and
 * the store: each item was completed once, by the holder of its newest lease, together with its one output file.
 */
#include "children.h"
#include "queue.h"
#include "race_log.h"

#include <poll.h>

enum { AT_ONCE = 4, FORGOTTEN = 16, MAX_PROCESSES = 64 };

static int processes = 8;
static int items = 3000;
static int kills = 60;
static uint64_t seed = 20260101;

struct crew {
    int number;
    int incarnation;
    int log;
    int words[2];
};

struct taken {
    int32_t item;
    uint64_t token;
    int64_t surely_lost;
};

static struct graph graph;

/* ---- The queue ---------------------------------------------------------------------------------- */

static char *item_path(int number)
{
    return text("/queue/%d/%06d", number % 7, number);
}

static char *output_path(int number)
{
    return text("/out/%06d", number);
}

/* Items may wait for up to two earlier ones. */
static void draw_graph(void)
{
    uint64_t state = seed;
    int i, k;
    graph.items = items;
    graph.waits_for = (int32_t(*)[2])calloc((size_t)items, sizeof *graph.waits_for);
    for (i = 0; i < items; i++) {
        for (k = 0; k < 2; k++) {
            int waits = i > 0 && draw(&state, 10) < 4;
            graph.waits_for[i][k] = waits ? (int32_t)(i - 1 - (int)draw(&state, (uint32_t)(i < 300 ? i : 300))) : -1;
        }
    }
}

static void fill_queue(void *user)
{
    nexus_fs *fs = open_store("\"durability\": \"normal\"");
    uint64_t state = seed + 1;
    int i = 0;
    (void)user;
    while (i < items) {
        nexus_batch *batch = NULL;
        int end = i + 500;
        OK(nexus_batch_new(fs, &batch, ERR));
        for (; i < items && i < end; i++) {
            const int32_t *waits_for = graph.waits_for[i];
            const char *path = item_path(i), *keys = text("\"priority\": %u", draw(&state, 9));
            if (waits_for[0] >= 0 && waits_for[1] >= 0) {
                keys = text("%s, \"status\": \"blocked\", \"depends_on\": [\"%s\", \"%s\"]", keys, item_path(waits_for[0]), item_path(waits_for[1]));
            } else if (waits_for[0] >= 0 || waits_for[1] >= 0) {
                keys = text("%s, \"status\": \"blocked\", \"depends_on\": \"%s\"", keys, item_path(waits_for[waits_for[0] < 0]));
            } else {
                keys = text("%s, \"status\": \"ready\"", keys);
            }
            OK(nexus_batch_write(batch, path, BYTES(path), NULL, ERR));
            OK(nexus_batch_set_meta_many(batch, path, text("{%s}", keys), ERR));
        }
        OK(nexus_batch_commit(batch, NULL, ERR));
        nexus_batch_free(batch);
        expect_free_blocks();
    }
    close_store(fs);
}

/* ---- A worker ----------------------------------------------------------------------------------- */

static void say(const struct crew *me, char word)
{
    if (write(me->words[1], &word, 1) != 1) {
        FAIL("pipe: %s", strerror(errno));
    }
}

static void note(const struct crew *me, enum what what, int32_t number, uint64_t token, int64_t time)
{
    struct record record;
    memset(&record, 0, sizeof record);
    record.what = what;
    record.item = number;
    record.token = token;
    record.time = time;
    record.process = (int32_t)getpid();
    if (write(me->log, &record, sizeof record) != (ssize_t)sizeof record) {
        FAIL("log: %s", strerror(errno));
    }
}

/* Completes an item together with its output; the store says whether the lease is still held. */
static void complete(const struct crew *me, nexus_fs *fs, const struct taken *held)
{
    const char *result = text("{\"token\": %" PRIu64 "}", held->token);
    int64_t before = boot_time();
    nexus_batch *batch = NULL;
    nexus_status status;
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_write(batch, output_path(held->item), BYTES(result), NULL, ERR));
    OK(nexus_batch_complete_work(batch, item_path(held->item), held->token, result, ERR));
    note(me, COMPLETING, held->item, held->token, before);
    status = nexus_batch_commit(batch, NULL, ERR);
    nexus_batch_free(batch);
    if (status == NEXUS_STATUS_OK && before >= held->surely_lost) {
        FAIL("item %d was completed under the token %" PRIu64 ", whose lease had expired", held->item, held->token);
    }
    if (status == NEXUS_STATUS_OK) {
        note(me, COMPLETED, held->item, held->token, boot_time());
    } else if (status != NEXUS_STATUS_LEASE_LOST) {
        FAIL("completing item %d gave %s: %s", held->item, nexus_status_name(status), message());
    }
}

static void give_up(const struct crew *me, nexus_fs *fs, const struct taken *held, int failed)
{
    nexus_status status;
    note(me, GIVING_UP, held->item, held->token, boot_time());
    status = failed ? nexus_work_fail(fs, item_path(held->item), held->token, "by chance", 1, ERR)
                    : nexus_work_release(fs, item_path(held->item), held->token, ERR);
    if (status != NEXUS_STATUS_OK && status != NEXUS_STATUS_LEASE_LOST) {
        FAIL("giving up item %d gave %s: %s", held->item, nexus_status_name(status), message());
    }
}

/* Claims some items and checks that everything they wait for is done. */
static int take(const struct crew *me, nexus_fs *fs, uint32_t max, uint64_t lease_ms, struct taken *taken)
{
    nexus_claim_options options = claiming("/queue/", max, lease_ms);
    nexus_work_list *rows = NULL;
    int64_t before = boot_time(), after;
    size_t count, i;
    int k;
    OK(nexus_work_claim(fs, text("worker %d.%d", me->number, me->incarnation), &options, &rows, ERR));
    after = boot_time();
    count = nexus_work_list_len(rows);
    for (i = 0; i < count; i++) {
        const nexus_work_item *row = nexus_work_list_at(rows, i);
        taken[i].item = (int32_t)atoi(strrchr(row->virtual_path, '/') + 1);
        taken[i].token = row->lease;
        taken[i].surely_lost = after + (int64_t)lease_ms * 1000000;
        note(me, CLAIMED, taken[i].item, row->lease, after);
        note(me, HELD_UNTIL, taken[i].item, row->lease, before + (int64_t)lease_ms * 1000000);
    }
    nexus_work_list_free(rows);
    for (i = 0; i < count; i++) {
        for (k = 0; k < 2; k++) {
            int32_t waits_for = graph.waits_for[taken[i].item][k];
            if (waits_for >= 0) {
                EXPECT_STR(status_of(fs, item_path(waits_for)), "\"completed\"");
            }
        }
    }
    return (int)count;
}

static void beat(const struct crew *me, nexus_fs *fs, struct taken *held, uint64_t lease_ms)
{
    int64_t before = boot_time();
    nexus_status status = nexus_work_heartbeat(fs, item_path(held->item), held->token, lease_ms, ERR);
    if (status == NEXUS_STATUS_OK) {
        held->surely_lost = boot_time() + (int64_t)lease_ms * 1000000;
        note(me, HELD_UNTIL, held->item, held->token, before + (int64_t)lease_ms * 1000000);
    } else if (status != NEXUS_STATUS_LEASE_LOST) {
        FAIL("the heartbeat of item %d gave %s: %s", held->item, nexus_status_name(status), message());
    }
}

static int all_done(nexus_fs *fs)
{
    char *stats = NULL;
    OK(nexus_work_stats(fs, "/queue/", &stats, ERR));
    return json_int(keep(stats), "by_status.completed") == items;
}

static void work_until_all_is_done(void *user)
{
    const struct crew *me = (const struct crew *)user;
    struct taken taken[AT_ONCE], forgotten[FORGOTTEN];
    uint64_t state = seed + 104729u * (uint64_t)(me->number + 1) + 7919u * (uint64_t)(me->incarnation + 1);
    uint32_t remembered = 0;
    nexus_fs *fs = open_store("\"durability\": \"normal\"");
    for (;;) {
        uint64_t lease_ms = 40 + draw(&state, 160);
        int count = take(me, fs, 1 + draw(&state, AT_ONCE), lease_ms, taken), i;
        if (count == 0) {
            if (!work_wait(fs, "/queue/", 100) && all_done(fs)) {
                break;
            }
        } else {
            say(me, 'c');
        }
        for (i = 0; i < count; i++) {
            uint32_t mood = draw(&state, 100);
            if (mood < 10) {
                beat(me, fs, &taken[i], lease_ms);
            }
            if (mood < 82) {
                complete(me, fs, &taken[i]);
            } else if (mood < 94) {
                give_up(me, fs, &taken[i], mood % 2);
            } else {
                forgotten[remembered++ % FORGOTTEN] = taken[i];
            }
        }
        if (remembered > 0 && draw(&state, 4) == 0) {
            complete(me, fs, &forgotten[draw(&state, remembered < FORGOTTEN ? remembered : (uint32_t)FORGOTTEN)]);
        }
        expect_free_blocks();
    }
    close_store(fs);
    say(me, 'f');
}

/* ---- The race ----------------------------------------------------------------------------------- */

/* The next word of a worker; silence for so long is a failure. */
static char next_word(int fd)
{
    struct pollfd words;
    char word = 0;
    words.fd = fd;
    words.events = POLLIN;
    if (poll(&words, 1, 60000) <= 0 || read(fd, &word, 1) != 1) {
        FAIL("no worker said anything for a minute");
    }
    return word;
}

static void judge(const char *log)
{
    struct race race;
    nexus_fs *fs;
    int i;
    memset(&race, 0, sizeof race);
    race_begin(&race, &graph, log);
    race_check_claims(&race);
    fs = open_store("");
    for (i = 0; i < items; i++) {
        const char *path = item_path(i), *result;
        EXPECT_STR(status_of(fs, path), "\"completed\"");
        result = meta(fs, path, "result");
        race_check_item(&race, i, (uint64_t)json_int(result, "token"));
        EXPECT_STR(get(fs, output_path(i)), result);
        EXPECT_INT(look(fs, output_path(i)).version, 1);
        expect_free_blocks();
    }
    EXPECT_STR(claimed(fs, NULL, 1), "");
    close_store(fs);
    race_end(&race);
}

static void items_are_completed_once_by_the_holder_of_the_newest_lease(void)
{
    struct crew crews[MAX_PROCESSES];
    pid_t workers[MAX_PROCESSES];
    char log[320];
    uint64_t state = seed + 2;
    int words[2], file, i, killed = 0, claims = 0, done = 0, failed = 0;
    draw_graph();
    snprintf(log, sizeof log, "%s/log", expect_directory);
    i = ended(spawn(fill_queue, NULL));
    EXPECT_INT(i, 0);
    file = open(log, O_CREAT | O_APPEND | O_WRONLY, 0600);
    EXPECT(file >= 0);
    open_pipe(words);
    for (i = 0; i < processes; i++) {
        crews[i].number = i;
        crews[i].incarnation = 0;
        crews[i].log = file;
        memcpy(crews[i].words, words, sizeof words);
        workers[i] = spawn(work_until_all_is_done, &crews[i]);
    }
    while (done == 0) {
        int victim, status;
        if (next_word(words[0]) == 'f') {
            done = 1;
            continue;
        }
        claims++;
        /* Claims are more than items / AT_ONCE, so that all the kills have their turn. */
        if (killed >= kills || (int64_t)claims * AT_ONCE * kills < (int64_t)(killed + 1) * items) {
            continue;
        }
        victim = (int)draw(&state, (uint32_t)processes);
        kill(workers[victim], SIGKILL);
        status = ended(workers[victim]);
        if (!WIFSIGNALED(status)) {
            failed += status != 0;
        }
        killed++;
        crews[victim].incarnation++;
        workers[victim] = spawn(work_until_all_is_done, &crews[victim]);
    }
    for (i = 0; i < processes; i++) {
        failed += ended(workers[i]) != 0;
    }
    close(words[0]), close(words[1]), close(file);
    if (failed != 0) {
        FAIL("%d workers failed, seed %" PRIu64, failed, seed);
    }
    EXPECT_INT(killed, kills);
    judge(log);
    free(graph.waits_for);
}

int main(int argc, char **argv)
{
    begin(1, argv);
    processes = argc > 1 ? atoi(argv[1]) : processes;
    items = argc > 2 ? atoi(argv[2]) : items;
    kills = argc > 3 ? atoi(argv[3]) : kills;
    seed = argc > 4 ? strtoull(argv[4], NULL, 10) : seed;
    if (processes < 1 || processes > MAX_PROCESSES || items < 1 || kills < 0 || seed == 0) {
        fprintf(stderr, "usage: claim_race [processes (1 to %d) [items [kills [seed]]]]\n", MAX_PROCESSES);
        return 2;
    }
    RUN(items_are_completed_once_by_the_holder_of_the_newest_lease);
    return finish();
}
