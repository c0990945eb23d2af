/* Work items, through the C calls. */
#include <stdio.h>
#include <time.h>

#include "measure.h"
#include "nexus_side.h"
#include "options.h"

#define LEASE_MS 600000

/* A large queue is made with a large cache, because that takes a fraction of the time. */
static void add(store *opened, const queue_plan *plan)
{
    static const unsigned char byte = 'x';
    int large = plan->count >= 100000;
    if (large) {
        nexus_reconnect(opened, 4096);
    }
    size_t *order = queue_order(plan->count);
    for (size_t i = 0; i < plan->count;) {
        nexus_batch *batch = nexus_begin(opened);
        for (size_t end = i + 1000; i < plan->count && i < end; i++) {
            char path[BENCH_PATH_MAX];
            char keys[160];
            char delay[64] = "";
            queue_path(plan, i, path);
            if (plan->not_before != NULL) {
                snprintf(delay, sizeof delay, ", \"not_before\": \"%s\"", plan->not_before);
            }
            snprintf(keys, sizeof keys, "{\"status\": \"ready\", \"priority\": %lld%s}",
                     (long long)plan->first_priority + (long long)order[i], delay);
            nexus_error *error = NULL;
            nexus_check(nexus_batch_write(batch, path, &byte, 1, NULL, &error), error,
                        "batch write", path);
            nexus_check(nexus_batch_set_meta_many(batch, path, keys, &error), error, "set_meta_many",
                        path);
        }
        nexus_commit(batch);
    }
    free(order);
    if (large) {
        nexus_reconnect(opened, bench_settings.cache_mb);
    }
}

static size_t touch_item(const nexus_work_item *item)
{
    return touch_text(item->path_id) + touch_text(item->tenant_id) +
           touch_text(item->virtual_path) + touch_text(item->backend_id) +
           touch_text(item->physical_path) + touch_text(item->file_type) +
           touch_text(item->content_hash) + touch_text(item->status) +
           touch_text(item->worker_id) + touch_text(item->tags) + (size_t)item->size_bytes +
           (size_t)item->created_at + (size_t)item->updated_at + (size_t)item->priority +
           (size_t)item->blocker_count + (size_t)item->started_at + (size_t)item->not_before +
           (size_t)item->attempts + (size_t)item->lease_expires_at;
}

static void claim(store *opened, const char *prefix, size_t count, queue_item *taken)
{
    nexus_claim_options options = NEXUS_CLAIM_OPTIONS_INIT;
    options.max = (uint32_t)count;
    options.prefix = prefix;
    options.lease_ms = LEASE_MS;
    nexus_work_list *items = NULL;
    nexus_error *error = NULL;
    nexus_check(nexus_work_claim(opened->fs, BENCH_WORKER, &options, &items, &error), error,
                "work_claim", prefix != NULL ? prefix : "");
    if (nexus_work_list_len(items) != count) {
        fail("nexus: claimed %zu items, not %zu", nexus_work_list_len(items), count);
    }
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        const nexus_work_item *item = nexus_work_list_at(items, i);
        snprintf(taken[i].path, sizeof taken[i].path, "%s", item->virtual_path);
        taken[i].priority = item->priority;
        taken[i].lease = item->lease;
        sum += touch_item(item);
    }
    consume(sum);
    nexus_work_list_free(items);
}

static void complete(store *opened, const queue_item *items, size_t count)
{
    nexus_error *error = NULL;
    if (count == 1) {
        nexus_check(nexus_work_complete(opened->fs, items->path, items->lease, NULL, &error), error,
                    "work_complete", items->path);
        return;
    }
    nexus_batch *batch = nexus_begin(opened);
    for (size_t i = 0; i < count; i++) {
        nexus_check(nexus_batch_complete_work(batch, items[i].path, items[i].lease, NULL, &error),
                    error, "batch_complete_work", items[i].path);
    }
    nexus_commit(batch);
}

static void reopen(store *opened, const queue_item *items, size_t count)
{
    nexus_batch *batch = nexus_begin(opened);
    for (size_t i = 0; i < count; i++) {
        nexus_error *error = NULL;
        nexus_check(nexus_batch_set_meta(batch, items[i].path, "status", "\"ready\"", &error),
                    error, "batch_set_meta", items[i].path);
    }
    nexus_commit(batch);
}

/* The leases are cut short only when all items are held: an expired one would be claimed again. */
static void expire(store *opened, size_t count)
{
    queue_item *taken = allocate(count * sizeof *taken);
    for (size_t i = 0; i < count;) {
        size_t some = count - i < 1000 ? count - i : 1000;
        claim(opened, NULL, some, &taken[i]);
        i += some;
    }
    for (size_t i = 0; i < count; i++) {
        nexus_error *error = NULL;
        nexus_check(nexus_work_heartbeat(opened->fs, taken[i].path, taken[i].lease, 1, &error),
                    error, "work_heartbeat", taken[i].path);
    }
    free(taken);
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static void set_keys(store *opened, queue_keys keys, size_t first, size_t end)
{
    for (size_t i = first; i < end;) {
        nexus_batch *batch = nexus_begin(opened);
        for (size_t last = i + 1000; i < end && i < last; i++) {
            char path[BENCH_PATH_MAX];
            char json[BENCH_KEYS_MAX];
            nexus_error *error = NULL;
            keys(i, path, json);
            nexus_check(nexus_batch_set_meta_many(batch, path, json, &error), error,
                        "batch_set_meta_many", path);
        }
        nexus_commit(batch);
    }
}

static void set_keys_of_one(store *opened, queue_keys keys, size_t i)
{
    char path[BENCH_PATH_MAX];
    char json[BENCH_KEYS_MAX];
    nexus_error *error = NULL;
    keys(i, path, json);
    nexus_check(nexus_set_meta_many(opened->fs, path, json, &error), error, "set_meta_many", path);
}

static void expect_cycle(store *opened, queue_keys keys, size_t i)
{
    char path[BENCH_PATH_MAX];
    char json[BENCH_KEYS_MAX];
    nexus_error *error = NULL;
    keys(i, path, json);
    nexus_status status = nexus_set_meta_many(opened->fs, path, json, &error);
    if (status != NEXUS_STATUS_CYCLE) {
        fail("nexus: %s of %s is %s, not CYCLE", json, path, nexus_status_name(status));
    }
    nexus_error_free(error);
}

typedef nexus_status (*view_call)(nexus_fs *fs, int64_t limit, nexus_work_list **items,
                                  nexus_error **error);

static size_t view(store *opened, size_t limit, view_call call, const char *name)
{
    nexus_work_list *items = NULL;
    nexus_error *error = NULL;
    nexus_check(call(opened->fs, (int64_t)limit, &items, &error), error, name, "");
    size_t count = nexus_work_list_len(items);
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += touch_item(nexus_work_list_at(items, i));
    }
    consume(sum);
    nexus_work_list_free(items);
    return count;
}

static size_t ready(store *opened, size_t limit)
{
    return view(opened, limit, nexus_get_ready_work, "get_ready_work");
}

static size_t by_priority(store *opened, size_t limit)
{
    return view(opened, limit, nexus_get_work_by_priority, "get_work_by_priority");
}

static size_t in_progress(store *opened, size_t limit)
{
    return view(opened, limit, nexus_get_in_progress_work, "get_in_progress_work");
}

static store *as_tenant(store *opened, const char *tenant)
{
    store *narrow = allocate(sizeof *narrow);
    nexus_error *error = NULL;
    nexus_check(nexus_with_identity(opened->fs, tenant, NULL, &narrow->fs, &error), error,
                "with_identity", tenant);
    return narrow;
}

const queue_api nexus_queue = {
    .add = add,
    .claim = claim,
    .complete = complete,
    .reopen = reopen,
    .expire = expire,
    .set_keys = set_keys,
    .set_keys_of_one = set_keys_of_one,
    .expect_cycle = expect_cycle,
    .ready = ready,
    .by_priority = by_priority,
    .in_progress = in_progress,
    .as_tenant = as_tenant,
};
