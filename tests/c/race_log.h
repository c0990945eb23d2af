/* The log of claim_race.c: what workers did to which item, and what must be true of it. */
#ifndef NEXUS_TESTS_RACE_LOG_H
#define NEXUS_TESTS_RACE_LOG_H

#include "expect.h"

#include <time.h>

enum what {
    /* At `time` the item had been claimed; until `time` nobody else may have it, while it is held. */
    CLAIMED = 1,
    HELD_UNTIL,
    /* Written before the call, and after it returned OK. A killed worker may have done what it began. */
    COMPLETING,
    COMPLETED,
    GIVING_UP
};

struct record {
    int32_t what;
    int32_t item;
    uint64_t token;
    /* Nanoseconds of the boot clock. */
    int64_t time;
    int32_t process;
    /* Where in the log it stands. */
    int32_t place;
};

/* For each item up to two earlier ones that it waits for, -1 for none. */
struct graph {
    int items;
    int32_t (*waits_for)[2];
};

struct race {
    size_t count;
    size_t claims;
    size_t retaken;
    /* By item, then token, then as they were written. */
    struct record *records;
    const struct graph *graph;
    size_t *first;
};

static inline int64_t boot_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int race_order(const void *left, const void *right)
{
    const struct record *a = (const struct record *)left, *b = (const struct record *)right;
    if (a->item != b->item) {
        return a->item < b->item ? -1 : 1;
    }
    if (a->token != b->token) {
        return a->token < b->token ? -1 : 1;
    }
    return a->place < b->place ? -1 : a->place > b->place;
}

static inline int race_token_order(const void *left, const void *right)
{
    const uint64_t *a = (const uint64_t *)left, *b = (const uint64_t *)right;
    return *a < *b ? -1 : *a > *b;
}

static inline void race_begin(struct race *race, const struct graph *graph, const char *path)
{
    struct stat info;
    FILE *file = fopen(path, "rb");
    size_t i;
    int item = 0;
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        FAIL("reading %s: %s", path, strerror(errno));
    }
    EXPECT_INT(info.st_size % (int64_t)sizeof(struct record), 0);
    race->graph = graph;
    race->count = (size_t)info.st_size / sizeof(struct record);
    race->records = (struct record *)malloc((race->count + 1) * sizeof(struct record));
    race->first = (size_t *)malloc(((size_t)graph->items + 1) * sizeof(size_t));
    EXPECT(race->records != NULL && race->first != NULL);
    EXPECT(fread(race->records, sizeof(struct record), race->count, file) == race->count);
    fclose(file);
    for (i = 0; i < race->count; i++) {
        race->records[i].place = (int32_t)i;
    }
    qsort(race->records, race->count, sizeof(struct record), race_order);
    for (i = 0; i < race->count; i++) {
        EXPECT(race->records[i].item >= 0 && race->records[i].item < graph->items);
        while (item <= race->records[i].item) {
            race->first[item++] = i;
        }
    }
    while (item <= graph->items) {
        race->first[item++] = race->count;
    }
}

/* No token was given twice. */
static inline void race_check_claims(struct race *race)
{
    uint64_t *tokens = (uint64_t *)malloc((race->count + 1) * sizeof *tokens);
    size_t i;
    for (i = 0; i < race->count; i++) {
        if (race->records[i].what == CLAIMED) {
            tokens[race->claims++] = race->records[i].token;
        }
    }
    qsort(tokens, race->claims, sizeof *tokens, race_token_order);
    for (i = 1; i < race->claims; i++) {
        if (tokens[i] == tokens[i - 1]) {
            FAIL("the token %" PRIu64 " was given twice", tokens[i]);
        }
    }
    free(tokens);
}

/*
 * When the item began to be completed under the newest token that tried to; 0 if none did. Of several tries under one
 * token it can only be the first: what comes after is a worker that had forgotten that it was done.
 */
static inline int64_t race_completion(const struct race *race, int item)
{
    uint64_t token = 0;
    int64_t began = 0;
    size_t i;
    for (i = race->first[item]; i < race->first[item + 1]; i++) {
        const struct record *record = &race->records[i];
        if (record->what == COMPLETING && record->token != token) {
            token = record->token;
            began = record->time;
        }
    }
    return began;
}

/*
 * The item was completed once, under `token`, which was the newest; nobody claimed it while another held it;
 * what it waits for was being completed before it was claimed.
 */
static inline void race_check_item(struct race *race, int item, uint64_t token)
{
    uint64_t newest = 0, current = 0;
    int64_t held_until = 0;
    int completed = 0, tried = 0, given_up = 0, k;
    size_t i;
    for (i = race->first[item]; i < race->first[item + 1]; i++) {
        const struct record *record = &race->records[i];
        switch (record->what) {
        case CLAIMED:
            race->retaken += current != 0;
            if (current != 0 && !given_up && record->time < held_until) {
                FAIL("item %d was claimed under %" PRIu64 " by process %d while %" PRIu64 " held it for another %" PRId64 " us", item,
                     record->token, record->process, current, (held_until - record->time) / 1000);
            }
            current = newest = record->token;
            given_up = 0;
            held_until = 0;
            for (k = 0; k < 2; k++) {
                int32_t waits_for = race->graph->waits_for[item][k];
                if (waits_for >= 0 && record->time < race_completion(race, waits_for)) {
                    FAIL("item %d was claimed before item %d, which it waits for, was completed", item, waits_for);
                }
            }
            break;
        case HELD_UNTIL:
            /* A heartbeat sets the end anew. */
            held_until = record->time;
            break;
        case GIVING_UP:
            given_up = 1;
            break;
        case COMPLETING:
            tried += record->token == token;
            break;
        case COMPLETED:
            completed++;
            if (record->token != token) {
                FAIL("item %d was completed under %" PRIu64 ", and the store says %" PRIu64, item, record->token, token);
            }
            break;
        default:
            FAIL("the log has a record of kind %d", record->what);
        }
    }
    if (completed > 1) {
        FAIL("item %d was completed %d times under %" PRIu64, item, completed, token);
    }
    if (tried == 0 || token != newest) {
        FAIL("item %d was completed under %" PRIu64 ", which tried %d times; its newest lease was %" PRIu64, item, token, tried, newest);
    }
}

static inline void race_end(struct race *race)
{
    fprintf(stderr, "     %zu claims of %d items, %zu of them of an item that another had before\n", race->claims, race->graph->items,
            race->retaken);
    free(race->records);
    free(race->first);
}

#endif
