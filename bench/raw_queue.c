/* The queue that a careful host would make of one SQLite table; see baseline.sql. */
#include <stdio.h>

#include "measure.h"
#include "raw.h"

#define CREATED_AT INT64_C(1700000000000000)
#define LEASE INT64_C(600000000)

static void add(store *raw, const queue_plan *plan)
{
    size_t *order = queue_order(plan->count);
    for (size_t i = 0; i < plan->count;) {
        raw_run(raw, BEGIN);
        for (size_t end = i + 1000; i < plan->count && i < end; i++) {
            char path[BENCH_PATH_MAX];
            queue_path(plan, i, path);
            sqlite3_stmt *statement = raw->statements[ADD_ITEM];
            sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
            sqlite3_bind_int64(statement, 2, plan->first_priority + (int64_t)order[i]);
            sqlite3_bind_int64(statement, 3, CREATED_AT + (int64_t)i);
            raw_run(raw, ADD_ITEM);
        }
        raw_run(raw, COMMIT);
    }
    free(order);
}

static void claim_one(store *raw, queue_item *taken)
{
    sqlite3_stmt *row = raw->statements[CLAIM_ITEM];
    taken->lease = (uint64_t)++raw->newest_lease;
    sqlite3_bind_text(row, 1, BENCH_WORKER, -1, SQLITE_STATIC);
    sqlite3_bind_int64(row, 2, CREATED_AT);
    sqlite3_bind_int64(row, 3, (sqlite3_int64)taken->lease);
    sqlite3_bind_int64(row, 4, CREATED_AT + LEASE);
    if (sqlite3_step(row) != SQLITE_ROW) {
        fail("baseline: nothing to claim: %s", sqlite3_errmsg(raw->db));
    }
    const char *path = (const char *)sqlite3_column_text(row, 0);
    snprintf(taken->path, sizeof taken->path, "%s", path != NULL ? path : "");
    taken->priority = sqlite3_column_int64(row, 1);
    consume((size_t)sqlite3_column_int64(row, 2) + (size_t)sqlite3_column_int64(row, 3));
    if (sqlite3_step(row) != SQLITE_DONE) {
        fail("baseline: claim: %s", sqlite3_errmsg(raw->db));
    }
    raw_check(raw, sqlite3_reset(row), "claim");
}

/* The statement is a transaction of its own where one item is claimed. */
static void claim(store *raw, const char *prefix, size_t count, queue_item *taken)
{
    (void)prefix;
    if (count > 1) {
        raw_run(raw, BEGIN);
    }
    for (size_t i = 0; i < count; i++) {
        claim_one(raw, &taken[i]);
    }
    if (count > 1) {
        raw_run(raw, COMMIT);
    }
}

static void complete(store *raw, const queue_item *items, size_t count)
{
    if (count > 1) {
        raw_run(raw, BEGIN);
    }
    for (size_t i = 0; i < count; i++) {
        sqlite3_stmt *statement = raw->statements[COMPLETE_ITEM];
        sqlite3_bind_text(statement, 1, items[i].path, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)items[i].lease);
        sqlite3_bind_int64(statement, 3, CREATED_AT);
        raw_run(raw, COMPLETE_ITEM);
        if (sqlite3_changes(raw->db) != 1) {
            fail("baseline: %s was not completed", items[i].path);
        }
    }
    if (count > 1) {
        raw_run(raw, COMMIT);
    }
}

static void reopen(store *raw, const queue_item *items, size_t count)
{
    raw_run(raw, BEGIN);
    for (size_t i = 0; i < count; i++) {
        sqlite3_bind_text(raw->statements[REOPEN_ITEM], 1, items[i].path, -1, SQLITE_STATIC);
        raw_run(raw, REOPEN_ITEM);
    }
    raw_run(raw, COMMIT);
}

static size_t by_priority(store *raw, size_t limit)
{
    sqlite3_stmt *row = raw->statements[ALL_ITEMS];
    size_t count = 0;
    size_t sum = 0;
    sqlite3_bind_int64(row, 1, (sqlite3_int64)limit);
    while (sqlite3_step(row) == SQLITE_ROW) {
        for (int column = 0; column < 10; column++) {
            const unsigned char *text = NULL;
            if (column == 0 || column == 1 || column == 4) {
                text = sqlite3_column_text(row, column);
            }
            sum += text != NULL ? text[0] : (size_t)sqlite3_column_int64(row, column);
        }
        count++;
    }
    consume(sum);
    raw_check(raw, sqlite3_reset(row), "items by priority");
    return count;
}

/* The table has no tenants: it holds what the worker may take. */
static store *as_tenant(store *raw, const char *tenant)
{
    (void)tenant;
    return raw;
}

const queue_api raw_queue = {
    .add = add,
    .claim = claim,
    .complete = complete,
    .reopen = reopen,
    .as_tenant = as_tenant,
    .by_priority = by_priority,
};
