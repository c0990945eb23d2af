/* Work items, through the C calls. */
#include <stdio.h>
#include <string.h>

#include "measure.h"
#include "nexus_side.h"

#define LEASE_MS 600000

static void add(store *opened, const queue_plan *plan)
{
    static const unsigned char byte = 'x';
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

const queue_api nexus_queue = {
    .add = add,
    .claim = claim,
    .complete = complete,
    .reopen = reopen,
};
