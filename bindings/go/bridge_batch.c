/* Batches and work items. */
#include "bridge_parts.h"

bridge_batch bridge_batch_new(nexus_fs *fs)
{
    bridge_batch result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_batch_new(fs, &result.batch, &result.outcome.error);
    return result;
}

bridge_outcome bridge_batch_write(nexus_batch *batch, const char *path, const unsigned char *data, size_t len,
                                  int32_t if_none_match, const char *if_match, const char *lease_path,
                                  uint64_t lease, const char *mime_type)
{
    nexus_write_options options = write_options(if_none_match, if_match, lease_path, lease, mime_type);
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_write(batch, path, data, len, &options, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_append(nexus_batch *batch, const char *path, const unsigned char *data, size_t len,
                                   int32_t if_none_match, const char *if_match, const char *lease_path,
                                   uint64_t lease, const char *mime_type)
{
    nexus_write_options options = write_options(if_none_match, if_match, lease_path, lease, mime_type);
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_append(batch, path, data, len, &options, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_delete(nexus_batch *batch, const char *path)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_delete(batch, path, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_rename(nexus_batch *batch, const char *from, const char *to, uint32_t flags)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_rename(batch, from, to, flags, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_copy(nexus_batch *batch, const char *from, const char *to, uint32_t flags)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_copy(batch, from, to, flags, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_mkdir(nexus_batch *batch, const char *path, uint32_t flags)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_mkdir(batch, path, flags, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_set_meta(nexus_batch *batch, const char *path, const char *key, const char *value_json)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_set_meta(batch, path, key, value_json, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_set_meta_many(nexus_batch *batch, const char *path, const char *object_json)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_set_meta_many(batch, path, object_json, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_delete_meta(nexus_batch *batch, const char *path, const char *key)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_delete_meta(batch, path, key, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_require_etag(nexus_batch *batch, const char *path, const char *etag)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_require_etag(batch, path, etag, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_require_lease(nexus_batch *batch, const char *path, uint64_t lease)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_require_lease(batch, path, lease, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_complete_work(nexus_batch *batch, const char *path, uint64_t lease,
                                          const char *result_json)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_complete_work(batch, path, lease, result_json, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_fail_work(nexus_batch *batch, const char *path, uint64_t lease, const char *error_text,
                                      uint64_t retry_after_ms)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_fail_work(batch, path, lease, error_text, retry_after_ms, &outcome.error);
    return outcome;
}

bridge_outcome bridge_batch_release_work(nexus_batch *batch, const char *path, uint64_t lease)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_batch_release_work(batch, path, lease, &outcome.error);
    return outcome;
}

bridge_entries bridge_batch_commit(nexus_batch *batch)
{
    bridge_entries result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_batch_commit(batch, &result.list, &result.outcome.error);
    result.len = nexus_entries_len(result.list);
    return result;
}

bridge_work bridge_ready_work(nexus_fs *fs, int64_t limit)
{
    bridge_work result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_get_ready_work(fs, limit, &result.list, &result.outcome.error);
    result.len = nexus_work_list_len(result.list);
    return result;
}

bridge_work bridge_pending_work(nexus_fs *fs, int64_t limit)
{
    bridge_work result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_get_pending_work(fs, limit, &result.list, &result.outcome.error);
    result.len = nexus_work_list_len(result.list);
    return result;
}

bridge_work bridge_blocked_work(nexus_fs *fs, int64_t limit)
{
    bridge_work result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_get_blocked_work(fs, limit, &result.list, &result.outcome.error);
    result.len = nexus_work_list_len(result.list);
    return result;
}

bridge_work bridge_in_progress_work(nexus_fs *fs, int64_t limit)
{
    bridge_work result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_get_in_progress_work(fs, limit, &result.list, &result.outcome.error);
    result.len = nexus_work_list_len(result.list);
    return result;
}

bridge_work bridge_work_by_priority(nexus_fs *fs, int64_t limit)
{
    bridge_work result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_get_work_by_priority(fs, limit, &result.list, &result.outcome.error);
    result.len = nexus_work_list_len(result.list);
    return result;
}

bridge_work bridge_work_claim(nexus_fs *fs, const char *worker_id, const char *prefix, uint32_t max, uint64_t lease_ms)
{
    nexus_claim_options options = NEXUS_CLAIM_OPTIONS_INIT;
    bridge_work result;
    options.prefix = prefix;
    if (max != 0)
        options.max = max;
    if (lease_ms != 0)
        options.lease_ms = lease_ms;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_work_claim(fs, worker_id, &options, &result.list, &result.outcome.error);
    result.len = nexus_work_list_len(result.list);
    return result;
}

bridge_outcome bridge_work_heartbeat(nexus_fs *fs, const char *path, uint64_t lease, uint64_t lease_ms)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_work_heartbeat(fs, path, lease, lease_ms, &outcome.error);
    return outcome;
}

bridge_outcome bridge_work_complete(nexus_fs *fs, const char *path, uint64_t lease, const char *result_json)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_work_complete(fs, path, lease, result_json, &outcome.error);
    return outcome;
}

bridge_outcome bridge_work_fail(nexus_fs *fs, const char *path, uint64_t lease, const char *error_text,
                                uint64_t retry_after_ms)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_work_fail(fs, path, lease, error_text, retry_after_ms, &outcome.error);
    return outcome;
}

bridge_outcome bridge_work_release(nexus_fs *fs, const char *path, uint64_t lease)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_work_release(fs, path, lease, &outcome.error);
    return outcome;
}

bridge_number bridge_work_wait(nexus_fs *fs, const char *prefix, int64_t timeout_ms)
{
    bridge_number result;
    int32_t available = 0;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_work_wait(fs, prefix, timeout_ms, &available, &result.outcome.error);
    result.number = (uint64_t)available;
    return result;
}

bridge_text bridge_work_json(const nexus_work_list *list)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_work_list_json(list, &result.text, &result.outcome.error);
    return result;
}

bridge_text bridge_work_explain(nexus_fs *fs, const char *path)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_work_explain(fs, path, &result.text, &result.outcome.error);
    return result;
}

bridge_text bridge_work_stats(nexus_fs *fs, const char *prefix)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_work_stats(fs, prefix, &result.text, &result.outcome.error);
    return result;
}
