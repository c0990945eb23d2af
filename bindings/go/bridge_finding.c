/* Lists, searches and metadata. */
#include "bridge_parts.h"

#include <stdlib.h>

bridge_entries bridge_list(nexus_fs *fs, const char *path, const char *prefix, int32_t recursive,
                           int32_t include_directories, uint64_t limit, const char *cursor)
{
    nexus_list_options options = NEXUS_LIST_OPTIONS_INIT;
    bridge_entries result;
    options.path = path;
    options.prefix = prefix;
    options.recursive = recursive;
    options.include_directories = include_directories;
    options.limit = limit;
    options.cursor = cursor;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_list(fs, &options, &result.list, &result.outcome.error);
    result.len = nexus_entries_len(result.list);
    result.cursor = nexus_entries_cursor(result.list);
    return result;
}

bridge_entries bridge_glob(nexus_fs *fs, const char *pattern, const char *base, uint64_t limit, const char *cursor)
{
    nexus_find_options options = NEXUS_FIND_OPTIONS_INIT;
    bridge_entries result;
    options.base = base;
    options.limit = limit;
    options.cursor = cursor;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_glob(fs, pattern, &options, &result.list, &result.outcome.error);
    result.len = nexus_entries_len(result.list);
    result.cursor = nexus_entries_cursor(result.list);
    return result;
}

bridge_entries bridge_find_by_meta(nexus_fs *fs, const char *key, const char *value_json, const char *base,
                                   uint64_t limit, const char *cursor)
{
    nexus_find_options options = NEXUS_FIND_OPTIONS_INIT;
    bridge_entries result;
    options.base = base;
    options.limit = limit;
    options.cursor = cursor;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_find_by_meta(fs, key, value_json, &options, &result.list, &result.outcome.error);
    result.len = nexus_entries_len(result.list);
    result.cursor = nexus_entries_cursor(result.list);
    return result;
}

bridge_matches bridge_grep(nexus_fs *fs, const char *pattern, const char *base, const char *file_pattern,
                           int32_t ignore_case, int32_t literal, uint64_t max_matches, uint64_t max_bytes)
{
    nexus_grep_options options = NEXUS_GREP_OPTIONS_INIT;
    bridge_matches result;
    options.base = base;
    options.file_pattern = file_pattern;
    options.ignore_case = ignore_case;
    options.max_matches = max_matches;
    options.max_bytes = max_bytes;
    options.literal = literal;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_grep(fs, pattern, &options, &result.list, &result.outcome.error);
    result.len = nexus_matches_len(result.list);
    result.skipped = nexus_matches_skipped(result.list);
    result.truncated = nexus_matches_truncated(result.list);
    return result;
}

bridge_strings bridge_content_ids(nexus_fs *fs, const char *paths, size_t n)
{
    bridge_strings result;
    const char **each = (const char **)calloc(n == 0 ? 1 : n, sizeof *each);
    size_t i;
    memset(&result, 0, sizeof result);
    if (each == NULL) {
        result.outcome.status = NEXUS_STATUS_INTERNAL;
        return result;
    }
    for (i = 0; i < n; i++) {
        each[i] = paths;
        paths += strlen(paths) + 1;
    }
    result.outcome.status = nexus_content_ids(fs, each, n, &result.list, &result.outcome.error);
    result.len = nexus_strings_len(result.list);
    free(each);
    return result;
}

size_t bridge_entries_rows(const nexus_entries *list, size_t from, bridge_entry *rows, size_t cap)
{
    size_t n = 0;
    const nexus_entry *entry;
    while (n < cap && (entry = nexus_entries_at(list, from + n)) != NULL)
        measure(&rows[n++], entry);
    return n;
}

size_t bridge_matches_rows(const nexus_matches *list, size_t from, const nexus_match **rows, size_t cap)
{
    size_t n = 0;
    while (n < cap && (rows[n] = nexus_matches_at(list, from + n)) != NULL)
        n++;
    return n;
}

size_t bridge_strings_rows(const nexus_strings *list, size_t from, const char **rows, size_t cap)
{
    size_t n = 0;
    size_t len = nexus_strings_len(list); /* a NULL row is an absent string, not the end */
    for (; n < cap && from + n < len; n++)
        rows[n] = nexus_strings_at(list, from + n);
    return n;
}

size_t bridge_work_rows(const nexus_work_list *list, size_t from, const nexus_work_item **rows, size_t cap)
{
    size_t n = 0;
    while (n < cap && (rows[n] = nexus_work_list_at(list, from + n)) != NULL)
        n++;
    return n;
}

bridge_outcome bridge_set_meta(nexus_fs *fs, const char *path, const char *key, const char *value_json)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_set_meta(fs, path, key, value_json, &outcome.error);
    return outcome;
}

bridge_outcome bridge_set_meta_with(nexus_fs *fs, const char *path, const char *key, const char *value_json,
                                    int32_t if_none_match, const char *if_match, const char *lease_path,
                                    uint64_t lease, const char *mime_type)
{
    nexus_write_options options = write_options(if_none_match, if_match, lease_path, lease, mime_type);
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_set_meta_with(fs, path, key, value_json, &options, &outcome.error);
    return outcome;
}

bridge_outcome bridge_set_meta_many(nexus_fs *fs, const char *path, const char *object_json)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_set_meta_many(fs, path, object_json, &outcome.error);
    return outcome;
}

bridge_text bridge_get_meta(nexus_fs *fs, const char *path, const char *key)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_get_meta(fs, path, key, &result.text, &result.outcome.error);
    return result;
}

bridge_text bridge_list_meta(nexus_fs *fs, const char *path)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_list_meta(fs, path, &result.text, &result.outcome.error);
    return result;
}

bridge_outcome bridge_delete_meta(nexus_fs *fs, const char *path, const char *key)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_delete_meta(fs, path, key, &outcome.error);
    return outcome;
}

bridge_text bridge_path_id(nexus_fs *fs, const char *path)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_path_id(fs, path, &result.text, &result.outcome.error);
    return result;
}

bridge_text bridge_path_of_id(nexus_fs *fs, const char *id)
{
    bridge_text result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_path_of_id(fs, id, &result.text, &result.outcome.error);
    return result;
}
