/* What the cases on work items ask of a store. A call that fails ends the program. */
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "workload.h"

#define BENCH_WORKER "worker-1"

typedef struct store store;

/* Items to add: <directory>/item-NNNNNNN. Their priorities are all different, from `first_priority`
 * on, and shuffled against the order in which the items are added. */
typedef struct queue_plan {
    const char *directory;
    size_t count;
    int64_t first_priority;
    const char *not_before; /* RFC 3339, or NULL */
} queue_plan;

typedef struct queue_item {
    char path[BENCH_PATH_MAX];
    int64_t priority;
    uint64_t lease;
} queue_item;

/* Longest JSON of keys that the benchmark sets, with its NUL. */
#define BENCH_KEYS_MAX 160

/* Names the i-th item to be changed, and the keys that it gets, as JSON. */
typedef void (*queue_keys)(size_t i, char path[BENCH_PATH_MAX], char json[BENCH_KEYS_MAX]);

typedef struct queue_api {
    /* Adds items that wait to be claimed, 1,000 in a transaction. */
    void (*add)(store *opened, const queue_plan *plan);
    /* Claims the first `count` items in one transaction, for ten minutes. The baseline has no
     * `prefix` (NULL: none). */
    void (*claim)(store *opened, const char *prefix, size_t count, queue_item *taken);
    /* Completes them in one transaction, each under its lease. */
    void (*complete)(store *opened, const queue_item *items, size_t count);
    /* Lets completed items wait again, in one transaction. */
    void (*reopen)(store *opened, const queue_item *items, size_t count);
    /* What a worker of `tenant` works with: `opened` itself, or a handle to be closed. */
    store *(*as_tenant)(store *opened, const char *tenant);
    /* Looks at every field of the first `limit` items, in the order of claims; returns how many. */
    size_t (*by_priority)(store *opened, size_t limit);

    /* The baseline has none of the following. */

    /* Claims the first `count` items, and returns when their leases have ended. */
    void (*expire)(store *opened, size_t count);
    /* Changes the items `first` to `end` - 1, 1,000 in a transaction. */
    void (*set_keys)(store *opened, queue_keys keys, size_t first, size_t end);
    /* Changes the i-th in a transaction of its own. */
    void (*set_keys_of_one)(store *opened, queue_keys keys, size_t i);
    /* The same, where it must be refused because it would close a cycle. */
    void (*expect_cycle)(store *opened, queue_keys keys, size_t i);
    /* Looks at every field of the first `limit` items that can be claimed; returns how many. */
    size_t (*ready)(store *opened, size_t limit);
    /* The same for those that were given out last. */
    size_t (*in_progress)(store *opened, size_t limit);
} queue_api;

/* The order of priorities in a plan of `count` items; to be freed. */
size_t *queue_order(size_t count);

/* The path of the i-th item that a plan adds. */
void queue_path(const queue_plan *plan, size_t i, char path[BENCH_PATH_MAX]);

#endif
