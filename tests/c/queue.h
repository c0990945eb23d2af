/* Work items of a test, and claiming them. Nothing here waits for time but for what time itself has to do. */
#ifndef NEXUS_TESTS_QUEUE_H
#define NEXUS_TESTS_QUEUE_H

#include "expect.h"

/* What a worker was given. */
typedef struct {
    char *path;
    uint64_t token;
} lease;

/* Creates a work item whose content is its path. */
static inline void item_at(const char *file, int line, nexus_fs *fs, const char *path, const char *keys)
{
    nexus_batch *batch = NULL;
    nexus_status status;
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_write(batch, path, BYTES(path), NULL, ERR));
    OK(nexus_batch_set_meta_many(batch, path, keys, ERR));
    status = nexus_batch_commit(batch, NULL, ERR);
    nexus_batch_free(batch);
    expect_status(file, line, text("making the item %s, %s", path, keys), status, NEXUS_STATUS_OK);
}
#define item(fs, path, keys) item_at(__FILE__, __LINE__, (fs), (path), (keys))
#define READY "{\"status\": \"ready\"}"

static inline nexus_claim_options claiming(const char *prefix, uint32_t max, uint64_t lease_ms)
{
    nexus_claim_options options = NEXUS_CLAIM_OPTIONS_INIT;
    options.prefix = prefix;
    options.max = max;
    options.lease_ms = lease_ms;
    return options;
}

/* Claims up to `max` items; returns how many, with their leases in `taken`. */
static inline size_t claim_many(nexus_fs *fs, const char *prefix, uint32_t max, uint64_t lease_ms, lease *taken)
{
    nexus_claim_options options = claiming(prefix, max, lease_ms);
    nexus_work_list *items = NULL;
    size_t count, i;
    OK(nexus_work_claim(fs, "worker", &options, &items, ERR));
    count = nexus_work_list_len(items);
    for (i = 0; i < count; i++) {
        const nexus_work_item *row = nexus_work_list_at(items, i);
        taken[i].path = text("%s", row->virtual_path);
        taken[i].token = row->lease;
    }
    nexus_work_list_free(items);
    return count;
}

/* Claims the next item below `prefix`, which must be there. */
static inline lease claim_at(const char *file, int line, nexus_fs *fs, const char *prefix, uint64_t lease_ms)
{
    lease taken = {NULL, 0};
    if (claim_many(fs, prefix, 1, lease_ms, &taken) == 0) {
        expect_fail(file, line, "there is nothing to claim below %s", prefix ? prefix : "/");
    }
    return taken;
}
#define claim(fs, prefix, lease_ms) claim_at(__FILE__, __LINE__, (fs), (prefix), (lease_ms))

/* The paths that a claim gives, in its order. */
static inline char *claimed(nexus_fs *fs, const char *prefix, uint32_t max)
{
    lease *taken = (lease *)scratch(max * sizeof *taken);
    size_t count = claim_many(fs, prefix, max, 60000, taken), i;
    char *all = text("%s", "");
    for (i = 0; i < count; i++) {
        all = text("%s%s%s", all, i ? " " : "", taken[i].path);
    }
    return all;
}

static inline int wait_at(const char *file, int line, nexus_fs *fs, const char *prefix, int64_t timeout_ms)
{
    int32_t available = -1;
    expect_status(file, line, "nexus_work_wait", nexus_work_wait(fs, prefix, timeout_ms, &available, ERR), NEXUS_STATUS_OK);
    return available;
}
#define work_wait(fs, prefix, timeout_ms) wait_at(__FILE__, __LINE__, (fs), (prefix), (timeout_ms))

/* Claims the item below `prefix` for a moment, and returns when its lease has expired. */
static inline lease zombie_at(const char *file, int line, nexus_fs *fs, const char *prefix)
{
    lease taken = claim_at(file, line, fs, prefix, 1);
    if (!wait_at(file, line, fs, prefix, 60000)) {
        expect_fail(file, line, "the lease of %s, of 1 ms, has not ended after a minute", taken.path);
    }
    return taken;
}
#define zombie(fs, prefix) zombie_at(__FILE__, __LINE__, (fs), (prefix))

static inline char *status_of(nexus_fs *fs, const char *path)
{
    return meta_at(__FILE__, __LINE__, fs, path, "status");
}

static inline void expect_no_meta(nexus_fs *fs, const char *path, const char *key)
{
    char *value = NULL;
    FAILS(NOT_FOUND, nexus_get_meta(fs, path, key, &value, ERR));
}

static inline char *explain(nexus_fs *fs, const char *path)
{
    char *explanation = NULL;
    OK(nexus_work_explain(fs, path, &explanation, ERR));
    return keep(explanation);
}

#endif
