/* The library, through its C calls and nothing else. */
#include <stdio.h>
#include <string.h>

#include "measure.h"
#include "nexus_side.h"
#include "options.h"

void nexus_check(nexus_status status, nexus_error *error, const char *what, const char *path)
{
    if (status != NEXUS_STATUS_OK) {
        fail("nexus: %s %s: %s: %s", what, path, nexus_status_name(status),
             error != NULL ? nexus_error_message(error) : "no message");
    }
}

void nexus_reconnect(store *opened, unsigned cache_mb)
{
    char config[4096];
    snprintf(config, sizeof config,
             "{\"data_dir\": \"%s\", \"durability\": \"%s\", \"cache_size_mb\": %u,"
             " \"housekeeping\": %s}",
             opened->dir, opened->level == DURABILITY_FULL ? "full" : "normal", cache_mb,
             bench_settings.housekeeping ? "true" : "false");
    nexus_error *error = NULL;
    if (opened->fs != NULL) {
        nexus_check(nexus_close(opened->fs, &error), error, "close", "");
    }
    nexus_check(nexus_connect(config, &opened->fs, &error), error, "connect", opened->dir);
}

static store *nexus_open(const char *dir, durability level)
{
    store *opened = allocate(sizeof *opened);
    snprintf(opened->dir, sizeof opened->dir, "%s", dir);
    opened->level = level;
    nexus_reconnect(opened, bench_settings.cache_mb);
    return opened;
}

/* A handle may be used from any thread at once. */
static store *nexus_join(store *opened)
{
    store *joined = allocate(sizeof *joined);
    joined->fs = opened->fs;
    joined->joined = 1;
    return joined;
}

static void nexus_done(store *opened)
{
    if (!opened->joined) {
        nexus_error *error = NULL;
        nexus_check(nexus_close(opened->fs, &error), error, "close", "");
    }
    free(opened);
}

static void nexus_put(store *opened, const bench_file *file)
{
    nexus_error *error = NULL;
    nexus_status status = nexus_write(opened->fs, file->path, file->content, file->size, &error);
    nexus_check(status, error, "write", file->path);
}

void nexus_commit(nexus_batch *batch)
{
    nexus_entries *results = NULL;
    nexus_error *error = NULL;
    nexus_check(nexus_batch_commit(batch, &results, &error), error, "commit", "");
    nexus_entries_free(results);
    nexus_batch_free(batch);
}

nexus_batch *nexus_begin(store *opened)
{
    nexus_batch *batch = NULL;
    nexus_error *error = NULL;
    nexus_check(nexus_batch_new(opened->fs, &batch, &error), error, "batch", "");
    return batch;
}

static void nexus_put_batch(store *opened, const bench_file *files, size_t count)
{
    nexus_batch *batch = nexus_begin(opened);
    for (size_t i = 0; i < count; i++) {
        nexus_error *error = NULL;
        nexus_status status = nexus_batch_write(batch, files[i].path, files[i].content,
                                                files[i].size, NULL, &error);
        nexus_check(status, error, "batch write", files[i].path);
    }
    nexus_commit(batch);
}

static void nexus_fill(store *opened, name_entry name, size_t total)
{
    static const unsigned char byte = 'x';
    for (size_t i = 0; i < total;) {
        nexus_batch *batch = nexus_begin(opened);
        for (size_t end = i + 1000; i < total && i < end; i++) {
            char path[BENCH_PATH_MAX];
            name(i, total, path);
            nexus_error *error = NULL;
            nexus_check(nexus_batch_write(batch, path, &byte, 1, NULL, &error), error, "batch write",
                  path);
        }
        nexus_commit(batch);
    }
}

static void nexus_get(store *opened, const bench_file *file)
{
    nexus_buffer *buffer = NULL;
    nexus_error *error = NULL;
    nexus_check(nexus_read(opened->fs, file->path, &buffer, &error), error, "read", file->path);
    size_t size = (size_t)nexus_buffer_len(buffer);
    if (size != file->size || memcmp(nexus_buffer_data(buffer), file->content, size) != 0) {
        fail("nexus: %s has the wrong content", file->path);
    }
    nexus_buffer_free(buffer);
}

static size_t touch_entry(const nexus_entry *entry)
{
    return touch_text(entry->path) + touch_text(entry->etag) + touch_text(entry->mime_type) +
           touch_text(entry->path_id) + touch_text(entry->backend_name) + (size_t)entry->kind +
           (size_t)entry->size + (size_t)entry->version + (size_t)entry->created_at +
           (size_t)entry->modified_at;
}

static void nexus_look(store *opened, const bench_file *file)
{
    nexus_entry *entry = NULL;
    nexus_error *error = NULL;
    nexus_check(nexus_stat(opened->fs, file->path, &entry, &error), error, "stat", file->path);
    consume(touch_entry(entry));
    nexus_entry_free(entry);
}

static void nexus_put_meta(store *opened, const bench_file *file, const char *key,
                           const char *value)
{
    nexus_error *error = NULL;
    nexus_check(nexus_set_meta(opened->fs, file->path, key, value, &error), error, "set_meta",
          file->path);
}

static void nexus_look_meta(store *opened, const bench_file *file, const char *key,
                            const char *value)
{
    char *text = NULL;
    nexus_error *error = NULL;
    nexus_check(nexus_get_meta(opened->fs, file->path, key, &text, &error), error, "get_meta",
          file->path);
    if (strcmp(text, value) != 0) {
        fail("nexus: %s of %s is %s, not %s", key, file->path, text, value);
    }
    nexus_string_free(text);
}

/* Looks at every row, hands out the cursor if asked, and frees the list. */
static size_t take_entries(nexus_entries *entries, char **next)
{
    size_t count = (size_t)nexus_entries_len(entries);
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += touch_entry(nexus_entries_at(entries, i));
    }
    consume(sum);
    if (next != NULL) {
        const char *cursor = nexus_entries_cursor(entries);
        *next = cursor != NULL ? strdup(cursor) : NULL;
    }
    nexus_entries_free(entries);
    return count;
}

static size_t nexus_page(store *opened, const char *directory, int recursive, const char *cursor,
                         size_t limit, char **next)
{
    nexus_list_options options = NEXUS_LIST_OPTIONS_INIT;
    options.path = directory;
    options.recursive = recursive;
    options.limit = limit;
    options.cursor = cursor;
    nexus_entries *entries = NULL;
    nexus_error *error = NULL;
    nexus_check(nexus_list(opened->fs, &options, &entries, &error), error, "list", directory);
    return take_entries(entries, next);
}

static size_t nexus_find(store *opened, const char *key, const char *value, size_t limit)
{
    nexus_find_options options = NEXUS_FIND_OPTIONS_INIT;
    options.limit = limit;
    nexus_entries *entries = NULL;
    nexus_error *error = NULL;
    nexus_check(nexus_find_by_meta(opened->fs, key, value, &options, &entries, &error), error,
          "find_by_meta", key);
    return take_entries(entries, NULL);
}

static void nexus_move_tree(store *opened, const char *from, const char *to)
{
    nexus_error *error = NULL;
    nexus_check(nexus_rename(opened->fs, from, to, &error), error, "rename", from);
}

static void nexus_copy_tree(store *opened, const char *from, const char *to)
{
    nexus_error *error = NULL;
    nexus_check(nexus_copy(opened->fs, from, to, &error), error, "copy", from);
}

static void nexus_remove_tree(store *opened, const char *path)
{
    nexus_error *error = NULL;
    nexus_check(nexus_rmdir(opened->fs, path, 1, &error), error, "rmdir", path);
}

const store_api nexus_store = {
    .name = "nexus",
    .open = nexus_open,
    .join = nexus_join,
    .close = nexus_done,
    .write = nexus_put,
    .overwrite = nexus_put,
    .write_batch = nexus_put_batch,
    .fill = nexus_fill,
    .read = nexus_get,
    .stat = nexus_look,
    .set_meta = nexus_put_meta,
    .get_meta = nexus_look_meta,
    .rename_tree = nexus_move_tree,
    .copy_tree = nexus_copy_tree,
    .remove_tree = nexus_remove_tree,
    .list = nexus_page,
    .find = nexus_find,
    .queue = &nexus_queue,
};
