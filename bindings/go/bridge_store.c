/* The library, stores and upkeep; what calls back into Go. */
#include "bridge_parts.h"

/* In Go. */
int32_t nexusGoProgress(uintptr_t observer, uint64_t done, uint64_t total, char *what);
void nexusGoLog(int32_t level, char *message);

static int32_t tell_go(void *user, uint64_t done, uint64_t total, const char *what)
{
    return nexusGoProgress((uintptr_t)user, done, total, (char *)what);
}

static void log_to_go(void *user, int32_t level, const char *message)
{
    (void)user;
    nexusGoLog(level, (char *)message);
}

bridge_error bridge_error_parts(const nexus_error *error)
{
    bridge_error parts;
    parts.message = nexus_error_message(error);
    parts.path = nexus_error_path(error);
    parts.index = nexus_error_index(error);
    return parts;
}

bridge_outcome bridge_set_log(int32_t on, int32_t level)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_set_log_callback(on ? log_to_go : NULL, NULL, level, &outcome.error);
    return outcome;
}

bridge_fs bridge_connect(const char *config_json)
{
    bridge_fs result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_connect(config_json, &result.fs, &result.outcome.error);
    return result;
}

bridge_fs bridge_connect_file(const char *yaml_path)
{
    bridge_fs result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_connect_file(yaml_path, &result.fs, &result.outcome.error);
    return result;
}

bridge_fs bridge_with_identity(nexus_fs *fs, const char *tenant, const char *agent)
{
    bridge_fs result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_with_identity(fs, tenant, agent, &result.fs, &result.outcome.error);
    return result;
}

bridge_fs bridge_clone(nexus_fs *fs)
{
    bridge_fs result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_clone(fs, &result.fs, &result.outcome.error);
    return result;
}

bridge_text bridge_config(nexus_fs *fs)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_config(fs, &result.text, &result.outcome.error);
    return result;
}

bridge_outcome bridge_interrupt(nexus_fs *fs)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_interrupt(fs, &outcome.error);
    return outcome;
}

bridge_outcome bridge_close(nexus_fs *fs)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_close(fs, &outcome.error);
    return outcome;
}

bridge_number bridge_export_metadata(nexus_fs *fs, const char *file, const char *prefix, const char *tenant_id,
                                     int64_t modified_after, uintptr_t observer)
{
    nexus_export_options options = NEXUS_EXPORT_OPTIONS_INIT;
    bridge_number result;
    options.prefix = prefix;
    options.tenant_id = tenant_id;
    options.modified_after = modified_after;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_export_metadata(fs, file, &options, observer != 0 ? tell_go : NULL, (void *)observer,
                                                  &result.number, &result.outcome.error);
    return result;
}

bridge_text bridge_import_metadata(nexus_fs *fs, const char *file, const nexus_import_options *options, uintptr_t observer)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_import_metadata(fs, file, options, observer != 0 ? tell_go : NULL, (void *)observer,
                                                  &result.text, &result.outcome.error);
    return result;
}

bridge_text bridge_gc(nexus_fs *fs, uintptr_t observer)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_gc(fs, observer != 0 ? tell_go : NULL, (void *)observer, &result.text, &result.outcome.error);
    return result;
}

bridge_text bridge_bundle_export(nexus_fs *fs, const char *file, const char *prefix, const char *tenant_id,
                                 int64_t modified_after, uintptr_t observer)
{
    nexus_export_options options = NEXUS_EXPORT_OPTIONS_INIT;
    bridge_text result;
    options.prefix = prefix;
    options.tenant_id = tenant_id;
    options.modified_after = modified_after;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_bundle_export(fs, file, &options, observer != 0 ? tell_go : NULL, (void *)observer,
        &result.text, &result.outcome.error);
    return result;
}

bridge_text bridge_bundle_import(nexus_fs *fs, const char *file, const nexus_import_options *options, uintptr_t observer)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_bundle_import(fs, file, options, observer != 0 ? tell_go : NULL, (void *)observer,
        &result.text, &result.outcome.error);
    return result;
}

bridge_text bridge_backup(nexus_fs *fs, const char *target_dir, uintptr_t observer)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_backup(fs, target_dir, observer != 0 ? tell_go : NULL, (void *)observer,
        &result.text, &result.outcome.error);
    return result;
}

bridge_text bridge_verify(nexus_fs *fs, uint32_t flags, uintptr_t observer)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_verify(fs, flags, observer != 0 ? tell_go : NULL, (void *)observer,
        &result.text, &result.outcome.error);
    return result;
}

bridge_text bridge_find_duplicates(nexus_fs *fs, const char *prefix, uintptr_t observer)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_find_duplicates(fs, prefix, observer != 0 ? tell_go : NULL, (void *)observer,
        &result.text, &result.outcome.error);
    return result;
}

bridge_text bridge_storage_stats(nexus_fs *fs)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_storage_stats(fs, &result.text, &result.outcome.error);
    return result;
}

bridge_text bridge_content_info(nexus_fs *fs, const char *etag)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_content_info(fs, etag, &result.text, &result.outcome.error);
    return result;
}
