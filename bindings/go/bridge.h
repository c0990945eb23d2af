/* The calls of nexus.h in the form that costs Go least: options as single arguments, outputs in a struct that is
 * returned, rows of a list many at a time. So a call needs no memory of C for its arguments and no Go memory for its
 * outputs, and Go pointers are passed only as arguments, never inside of structs. */
#ifndef NEXUS_GO_BRIDGE_H
#define NEXUS_GO_BRIDGE_H

#include <nexus.h>

/* How a call went; `error` is to be freed with nexus_error_free. */
typedef struct {
    nexus_error *error;
    nexus_status status;
} bridge_outcome;

typedef struct {
    const char *message;
    const char *path;
    int64_t index;
} bridge_error;

typedef struct {
    bridge_outcome outcome;
    nexus_fs *fs;
} bridge_fs;

/* A row and the lengths of its texts, so that Go need not count. */
typedef struct {
    const nexus_entry *entry;
    uint32_t path;
    uint32_t etag;
    uint32_t mime_type;
    uint32_t path_id;
    uint32_t backend_name;
} bridge_entry;

/* `row.entry` is to be freed with nexus_entry_free. */
typedef struct {
    bridge_outcome outcome;
    bridge_entry row;
} bridge_one_entry;

typedef struct {
    bridge_outcome outcome;
    nexus_entries *list;
    const char *cursor;
    size_t len;
} bridge_entries;

typedef struct {
    bridge_outcome outcome;
    nexus_matches *list;
    size_t len;
    uint64_t skipped;
    int32_t truncated;
} bridge_matches;

typedef struct {
    bridge_outcome outcome;
    nexus_strings *list;
    size_t len;
} bridge_strings;

typedef struct {
    bridge_outcome outcome;
    nexus_work_list *list;
    size_t len;
} bridge_work;

typedef struct {
    bridge_outcome outcome;
    nexus_buffer *buffer;
    const void *data;
    size_t len;
} bridge_buffer;

/* To be freed with nexus_string_free. */
typedef struct {
    bridge_outcome outcome;
    char *text;
} bridge_text;

typedef struct {
    bridge_outcome outcome;
    uint64_t number;
} bridge_number;

typedef struct {
    bridge_outcome outcome;
    nexus_reader *reader;
    uint64_t size;
} bridge_reader;

typedef struct {
    bridge_outcome outcome;
    nexus_writer *writer;
} bridge_writer;

typedef struct {
    bridge_outcome outcome;
    nexus_batch *batch;
} bridge_batch;

/* Library */
bridge_error bridge_error_parts(const nexus_error *error);
bridge_outcome bridge_set_log(int32_t on, int32_t level);

/* Stores */
bridge_fs bridge_connect(const char *config_json);
bridge_fs bridge_connect_file(const char *yaml_path);
bridge_fs bridge_with_identity(nexus_fs *fs, const char *tenant, const char *agent);
bridge_fs bridge_clone(nexus_fs *fs);
bridge_text bridge_config(nexus_fs *fs);
bridge_outcome bridge_interrupt(nexus_fs *fs);
bridge_outcome bridge_close(nexus_fs *fs);

/* Files. Conditions: if_none_match, if_match, lease_path, lease. */
bridge_outcome bridge_write(nexus_fs *fs, const char *path, const unsigned char *data, size_t len);
bridge_one_entry bridge_write_with(nexus_fs *fs, const char *path, const unsigned char *data, size_t len, int32_t if_none_match,
                                   const char *if_match, const char *lease_path, uint64_t lease,
                                   const char *mime_type);
bridge_outcome bridge_append(nexus_fs *fs, const char *path, const unsigned char *data, size_t len);
bridge_one_entry bridge_append_with(nexus_fs *fs, const char *path, const unsigned char *data, size_t len,
                                    int32_t if_none_match, const char *if_match, const char *lease_path,
                                    uint64_t lease, const char *mime_type);
bridge_buffer bridge_read(nexus_fs *fs, const char *path);
bridge_number bridge_read_at(nexus_fs *fs, const char *path, uint64_t offset, unsigned char *buf, size_t cap);
bridge_one_entry bridge_stat(nexus_fs *fs, const char *path);
bridge_number bridge_exists(nexus_fs *fs, const char *path);
bridge_number bridge_is_directory(nexus_fs *fs, const char *path);
bridge_outcome bridge_delete(nexus_fs *fs, const char *path);
bridge_outcome bridge_delete_with(nexus_fs *fs, const char *path, int32_t if_none_match, const char *if_match,
                                  const char *lease_path, uint64_t lease, const char *mime_type);
bridge_outcome bridge_rename(nexus_fs *fs, const char *from, const char *to);
bridge_outcome bridge_rename_with(nexus_fs *fs, const char *from, const char *to, uint32_t flags,
                                  int32_t if_none_match, const char *if_match, const char *lease_path,
                                  uint64_t lease, const char *mime_type);
bridge_outcome bridge_copy(nexus_fs *fs, const char *from, const char *to);
bridge_outcome bridge_copy_with(nexus_fs *fs, const char *from, const char *to, uint32_t flags, int32_t if_none_match,
                                const char *if_match, const char *lease_path, uint64_t lease,
                                const char *mime_type);
bridge_outcome bridge_mkdir(nexus_fs *fs, const char *path, uint32_t flags);
bridge_outcome bridge_rmdir(nexus_fs *fs, const char *path, int32_t recursive);

/* Streams */
bridge_reader bridge_reader_open(nexus_fs *fs, const char *path);
bridge_number bridge_reader_read(nexus_reader *reader, unsigned char *buf, size_t cap);
bridge_outcome bridge_reader_seek(nexus_reader *reader, uint64_t offset);
bridge_outcome bridge_reader_close(nexus_reader *reader);
bridge_writer bridge_writer_open(nexus_fs *fs, const char *path, int32_t if_none_match, const char *if_match,
                                 const char *lease_path, uint64_t lease, const char *mime_type);
bridge_outcome bridge_writer_write(nexus_writer *writer, const unsigned char *data, size_t len);
bridge_one_entry bridge_writer_commit(nexus_writer *writer);
bridge_outcome bridge_writer_abort(nexus_writer *writer);

/* Finding */
bridge_entries bridge_list(nexus_fs *fs, const char *path, const char *prefix, int32_t recursive,
                           int32_t include_directories, uint64_t limit, const char *cursor);
bridge_entries bridge_glob(nexus_fs *fs, const char *pattern, const char *base, uint64_t limit, const char *cursor);
bridge_entries bridge_find_by_meta(nexus_fs *fs, const char *key, const char *value_json, const char *base,
                                   uint64_t limit, const char *cursor);
bridge_matches bridge_grep(nexus_fs *fs, const char *pattern, const char *base, const char *file_pattern,
                           int32_t ignore_case, int32_t literal, uint64_t max_matches, uint64_t max_bytes);
/* `paths` holds `n` NUL-terminated texts behind each other. */
bridge_strings bridge_content_ids(nexus_fs *fs, const char *paths, size_t n);

/* Rows `from` and following: at most `cap`; returns how many. Valid until the list is freed. */
size_t bridge_entries_rows(const nexus_entries *list, size_t from, bridge_entry *rows, size_t cap);
size_t bridge_matches_rows(const nexus_matches *list, size_t from, const nexus_match **rows, size_t cap);
size_t bridge_strings_rows(const nexus_strings *list, size_t from, const char **rows, size_t cap);
size_t bridge_work_rows(const nexus_work_list *list, size_t from, const nexus_work_item **rows, size_t cap);

/* Metadata */
bridge_outcome bridge_set_meta(nexus_fs *fs, const char *path, const char *key, const char *value_json);
bridge_outcome bridge_set_meta_with(nexus_fs *fs, const char *path, const char *key, const char *value_json,
                                    int32_t if_none_match, const char *if_match, const char *lease_path,
                                    uint64_t lease, const char *mime_type);
bridge_outcome bridge_set_meta_many(nexus_fs *fs, const char *path, const char *object_json);
bridge_text bridge_get_meta(nexus_fs *fs, const char *path, const char *key);
bridge_text bridge_list_meta(nexus_fs *fs, const char *path);
bridge_outcome bridge_delete_meta(nexus_fs *fs, const char *path, const char *key);
bridge_text bridge_path_id(nexus_fs *fs, const char *path);
bridge_text bridge_path_of_id(nexus_fs *fs, const char *id);

/* Batches */
bridge_batch bridge_batch_new(nexus_fs *fs);
bridge_outcome bridge_batch_write(nexus_batch *batch, const char *path, const unsigned char *data, size_t len,
                                  int32_t if_none_match, const char *if_match, const char *lease_path,
                                  uint64_t lease, const char *mime_type);
bridge_outcome bridge_batch_append(nexus_batch *batch, const char *path, const unsigned char *data, size_t len,
                                   int32_t if_none_match, const char *if_match, const char *lease_path,
                                   uint64_t lease, const char *mime_type);
bridge_outcome bridge_batch_delete(nexus_batch *batch, const char *path);
bridge_outcome bridge_batch_rename(nexus_batch *batch, const char *from, const char *to, uint32_t flags);
bridge_outcome bridge_batch_copy(nexus_batch *batch, const char *from, const char *to, uint32_t flags);
bridge_outcome bridge_batch_mkdir(nexus_batch *batch, const char *path, uint32_t flags);
bridge_outcome bridge_batch_set_meta(nexus_batch *batch, const char *path, const char *key, const char *value_json);
bridge_outcome bridge_batch_set_meta_many(nexus_batch *batch, const char *path, const char *object_json);
bridge_outcome bridge_batch_delete_meta(nexus_batch *batch, const char *path, const char *key);
bridge_outcome bridge_batch_require_etag(nexus_batch *batch, const char *path, const char *etag);
bridge_outcome bridge_batch_require_lease(nexus_batch *batch, const char *path, uint64_t lease);
bridge_outcome bridge_batch_complete_work(nexus_batch *batch, const char *path, uint64_t lease,
                                          const char *result_json);
bridge_outcome bridge_batch_fail_work(nexus_batch *batch, const char *path, uint64_t lease, const char *error_text,
                                      uint64_t retry_after_ms);
bridge_outcome bridge_batch_release_work(nexus_batch *batch, const char *path, uint64_t lease);
bridge_entries bridge_batch_commit(nexus_batch *batch);

/* Work items */
bridge_work bridge_ready_work(nexus_fs *fs, int64_t limit);
bridge_work bridge_pending_work(nexus_fs *fs, int64_t limit);
bridge_work bridge_blocked_work(nexus_fs *fs, int64_t limit);
bridge_work bridge_in_progress_work(nexus_fs *fs, int64_t limit);
bridge_work bridge_work_by_priority(nexus_fs *fs, int64_t limit);
bridge_work bridge_work_claim(nexus_fs *fs, const char *worker_id, const char *prefix, uint32_t max, uint64_t lease_ms);
bridge_outcome bridge_work_heartbeat(nexus_fs *fs, const char *path, uint64_t lease, uint64_t lease_ms);
bridge_outcome bridge_work_complete(nexus_fs *fs, const char *path, uint64_t lease, const char *result_json);
bridge_outcome bridge_work_fail(nexus_fs *fs, const char *path, uint64_t lease, const char *error_text,
                                uint64_t retry_after_ms);
bridge_outcome bridge_work_release(nexus_fs *fs, const char *path, uint64_t lease);
bridge_number bridge_work_wait(nexus_fs *fs, const char *prefix, int64_t timeout_ms);
bridge_text bridge_work_json(const nexus_work_list *list);
bridge_text bridge_work_explain(nexus_fs *fs, const char *path);
bridge_text bridge_work_stats(nexus_fs *fs, const char *prefix);

/* Upkeep. `observer`: what bridge.c passes to Go's progress function; 0 for none. */
bridge_number bridge_export_metadata(nexus_fs *fs, const char *file, const char *prefix, const char *tenant_id,
                                     int64_t modified_after, uintptr_t observer);
bridge_text bridge_import_metadata(nexus_fs *fs, const char *file, const nexus_import_options *options, uintptr_t observer);
bridge_text bridge_gc(nexus_fs *fs, uintptr_t observer);
bridge_text bridge_bundle_export(nexus_fs *fs, const char *file, const char *prefix, const char *tenant_id,
                                 int64_t modified_after, uintptr_t observer);
bridge_text bridge_bundle_import(nexus_fs *fs, const char *file, const nexus_import_options *options, uintptr_t observer);
bridge_text bridge_backup(nexus_fs *fs, const char *target_dir, uintptr_t observer);
bridge_text bridge_verify(nexus_fs *fs, uint32_t flags, uintptr_t observer);
bridge_text bridge_find_duplicates(nexus_fs *fs, const char *prefix, uintptr_t observer);
bridge_text bridge_storage_stats(nexus_fs *fs);
bridge_text bridge_content_info(nexus_fs *fs, const char *etag);

#endif
