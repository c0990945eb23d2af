/* The test vectors of tests/vectors/, run through the C interface. Their README says what they mean. */
#include "expect.h"

#include <cjson/cJSON.h>

#ifndef VECTORS
#define VECTORS "tests/vectors"
#endif

#define MAX_HANDLES 16

/* ---- JSON -------------------------------------------------------------------------------------- */

static cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* The string under `key`; NULL where there is none. */
static const char *string_at(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(member(object, key));
}

static const char *needed_at(const cJSON *object, const char *key)
{
    const char *found = string_at(object, key);
    if (found == NULL) {
        FAIL("\"%s\" is missing", key);
    }
    return found;
}

static int flag_at(const cJSON *object, const char *key)
{
    return cJSON_IsTrue(member(object, key)) ? 1 : 0;
}

static double number_at(const cJSON *object, const char *key, double otherwise)
{
    const cJSON *found = member(object, key);
    return cJSON_IsNumber(found) ? found->valuedouble : otherwise;
}

/* The text of a JSON value, in memory of the test. */
static char *printed(const cJSON *value)
{
    char *handed_out = cJSON_PrintUnformatted(value);
    char *copy = text("%s", handed_out);
    cJSON_free(handed_out);
    return copy;
}

/* The argument `key` as JSON text: as it is under `key`_text, else the value printed; NULL where it is absent. */
static const char *json_at(const cJSON *object, const char *key)
{
    const char *raw = string_at(object, text("%s_text", key));
    return raw != NULL ? raw : member(object, key) != NULL ? printed(member(object, key)) : NULL;
}

static void add_text(cJSON *row, const char *key, const char *value)
{
    cJSON_AddItemToObject(row, key, value != NULL ? cJSON_CreateString(value) : cJSON_CreateNull());
}

static cJSON *load(const char *file)
{
    cJSON *document = cJSON_Parse(read_disk(text("%s/%s", VECTORS, file)));
    if (document == NULL) {
        FAIL("%s is no JSON", file);
    }
    return document;
}

/* How the vectors compare. */
static int matches(const cJSON *wanted, const cJSON *given)
{
    const cJSON *each;
    int i;
    if (given == NULL) {
        return cJSON_IsNull(wanted);
    }
    if (cJSON_IsArray(wanted)) {
        if (!cJSON_IsArray(given) || cJSON_GetArraySize(wanted) != cJSON_GetArraySize(given)) {
            return 0;
        }
        for (i = 0; i < cJSON_GetArraySize(wanted); i++) {
            if (!matches(cJSON_GetArrayItem(wanted, i), cJSON_GetArrayItem(given, i))) {
                return 0;
            }
        }
        return 1;
    }
    if (cJSON_IsObject(wanted)) {
        if (!cJSON_IsObject(given)) {
            return 0;
        }
        cJSON_ArrayForEach(each, wanted)
        {
            if (!matches(each, member(given, each->string))) {
                return 0;
            }
        }
        return 1;
    }
    if (cJSON_IsString(wanted) && cJSON_IsObject(given)) {
        const char *path = string_at(given, "path");
        path = path != NULL ? path : string_at(given, "virtual_path");
        return path != NULL && strcmp(path, wanted->valuestring) == 0;
    }
    return cJSON_Compare(wanted, given, 1);
}

/* ---- A scenario -------------------------------------------------------------------------------- */

static struct {
    const char *names[MAX_HANDLES];
    nexus_fs *fs[MAX_HANDLES];
    int handles;
    cJSON *saved;
    const char *directory;
} running;

static void add_handle(const char *name, nexus_fs *fs)
{
    EXPECT(running.handles < MAX_HANDLES);
    running.names[running.handles] = name;
    running.fs[running.handles++] = fs;
}

static nexus_fs **handle_of(const char *name)
{
    int i;
    for (i = running.handles - 1; i >= 0; i--) {
        if (strcmp(running.names[i], name) == 0) {
            return &running.fs[i];
        }
    }
    FAIL("there is no handle \"%s\"", name);
}

/* A configuration with what the runner adds. */
static const char *completed(const cJSON *config)
{
    cJSON *all = cJSON_Duplicate(config, 1);
    const char *result;
    if (member(all, "data_dir") == NULL) {
        cJSON_AddStringToObject(all, "data_dir", running.directory);
    }
    if (member(all, "durability") == NULL) {
        cJSON_AddStringToObject(all, "durability", "normal");
    }
    if (member(all, "housekeeping") == NULL) {
        cJSON_AddFalseToObject(all, "housekeeping");
    }
    result = printed(all);
    cJSON_Delete(all);
    return result;
}

/* Replaces each "$NAME" within a value, which is changed. */
static void substitute(cJSON *value)
{
    cJSON *each;
    if (cJSON_IsString(value) && value->valuestring[0] == '$' && value->valuestring[1] != 0) {
        const cJSON *saved = member(running.saved, value->valuestring + 1);
        if (saved == NULL) {
            FAIL("%s was not saved", value->valuestring);
        }
        if (cJSON_IsNumber(saved)) {
            free(value->valuestring);
            value->valuestring = NULL;
            value->type = cJSON_Number;
            cJSON_SetNumberValue(value, saved->valuedouble);
        } else if (cJSON_SetValuestring(value, saved->valuestring) == NULL) {
            FAIL("no memory");
        }
    }
    cJSON_ArrayForEach(each, value)
    {
        substitute(each);
    }
}

/* ---- Rows -------------------------------------------------------------------------------------- */

static cJSON *row_of_entry(const nexus_entry *entry)
{
    cJSON *row;
    if (entry == NULL || entry->kind == NEXUS_KIND_NONE) {
        return cJSON_CreateNull();
    }
    row = cJSON_CreateObject();
    add_text(row, "path", entry->path);
    add_text(row, "kind", entry->kind == NEXUS_KIND_FILE ? "file" : "directory");
    cJSON_AddNumberToObject(row, "size", (double)entry->size);
    add_text(row, "etag", entry->etag);
    cJSON_AddNumberToObject(row, "version", (double)entry->version);
    add_text(row, "mime_type", entry->mime_type);
    add_text(row, "path_id", entry->path_id);
    add_text(row, "backend_name", entry->backend_name);
    return row;
}

static cJSON *rows_of_entries(nexus_entries *entries)
{
    cJSON *rows = cJSON_CreateArray();
    size_t i;
    for (i = 0; i < nexus_entries_len(entries); i++) {
        cJSON_AddItemToArray(rows, row_of_entry(nexus_entries_at(entries, i)));
    }
    nexus_entries_free(entries);
    return rows;
}

static cJSON *rows_of_matches(nexus_matches *found)
{
    cJSON *rows = cJSON_CreateArray();
    size_t i;
    for (i = 0; i < nexus_matches_len(found); i++) {
        const nexus_match *match = nexus_matches_at(found, i);
        cJSON *row = cJSON_CreateObject();
        add_text(row, "path", match->path);
        cJSON_AddNumberToObject(row, "line", (double)match->line);
        add_text(row, "text", match->text);
        cJSON_AddNumberToObject(row, "match_start", (double)match->match_start);
        cJSON_AddNumberToObject(row, "match_end", (double)match->match_end);
        cJSON_AddItemToArray(rows, row);
    }
    nexus_matches_free(found);
    return rows;
}

static cJSON *rows_of_strings(nexus_strings *strings)
{
    cJSON *rows = cJSON_CreateArray();
    size_t i;
    for (i = 0; i < nexus_strings_len(strings); i++) {
        const char *string = nexus_strings_at(strings, i);
        cJSON_AddItemToArray(rows, string != NULL ? cJSON_CreateString(string) : cJSON_CreateNull());
    }
    nexus_strings_free(strings);
    return rows;
}

static cJSON *rows_of_work(nexus_work_list *items)
{
    char *rows = NULL;
    OK(nexus_work_list_json(items, &rows, ERR));
    nexus_work_list_free(items);
    return cJSON_Parse(keep(rows));
}

/* ---- Calls ------------------------------------------------------------------------------------- */

static nexus_write_options options_of(const cJSON *step)
{
    nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
    options.if_match = string_at(step, "if_match");
    options.if_none_match = flag_at(step, "if_none_match");
    options.mime_type = string_at(step, "mime_type");
    options.lease_path = string_at(step, "lease_path");
    options.lease = (uint64_t)number_at(step, "lease", 0);
    return options;
}

static uint64_t lease_of(const cJSON *step)
{
    return (uint64_t)number_at(step, "lease", 0);
}

static uint32_t mkdir_flags(const cJSON *step)
{
    return (flag_at(step, "parents") ? NEXUS_MKDIR_PARENTS : 0u)
           | (flag_at(step, "exist_ok") ? NEXUS_MKDIR_EXIST_OK : 0u);
}

static uint32_t relocate_flags(const cJSON *step)
{
    return flag_at(step, "no_replace") ? NEXUS_NO_REPLACE : 0u;
}

static nexus_status add_operation(nexus_batch *batch, const cJSON *operation)
{
    const char *op = needed_at(operation, "op");
    const char *path = string_at(operation, "path");
    const char *key = string_at(operation, "key");
    const char *data = string_at(operation, "data");
    const char *from = string_at(operation, "from");
    const char *to = string_at(operation, "to");
    nexus_write_options options = options_of(operation);
    if (strcmp(op, "write") == 0) {
        return nexus_batch_write(batch, path, data, strlen(data), &options, ERR);
    }
    if (strcmp(op, "append") == 0) {
        return nexus_batch_append(batch, path, data, strlen(data), &options, ERR);
    }
    if (strcmp(op, "delete") == 0) {
        return nexus_batch_delete(batch, path, ERR);
    }
    if (strcmp(op, "rename") == 0) {
        return nexus_batch_rename(batch, from, to, relocate_flags(operation), ERR);
    }
    if (strcmp(op, "copy") == 0) {
        return nexus_batch_copy(batch, from, to, relocate_flags(operation), ERR);
    }
    if (strcmp(op, "mkdir") == 0) {
        return nexus_batch_mkdir(batch, path, mkdir_flags(operation), ERR);
    }
    if (strcmp(op, "set_meta") == 0) {
        return nexus_batch_set_meta(batch, path, key, json_at(operation, "value"), ERR);
    }
    if (strcmp(op, "set_meta_many") == 0) {
        return nexus_batch_set_meta_many(batch, path, json_at(operation, "values"), ERR);
    }
    if (strcmp(op, "delete_meta") == 0) {
        return nexus_batch_delete_meta(batch, path, key, ERR);
    }
    if (strcmp(op, "require_etag") == 0) {
        return nexus_batch_require_etag(batch, path, string_at(operation, "etag"), ERR);
    }
    if (strcmp(op, "require_lease") == 0) {
        return nexus_batch_require_lease(batch, path, lease_of(operation), ERR);
    }
    if (strcmp(op, "complete_work") == 0) {
        return nexus_batch_complete_work(batch, path, lease_of(operation), json_at(operation, "result"), ERR);
    }
    if (strcmp(op, "fail_work") == 0) {
        return nexus_batch_fail_work(batch, path, lease_of(operation), string_at(operation, "error"),
                                     (uint64_t)number_at(operation, "retry_after_ms", 0), ERR);
    }
    if (strcmp(op, "release_work") == 0) {
        return nexus_batch_release_work(batch, path, lease_of(operation), ERR);
    }
    FAIL("the operation \"%s\" is not known", op);
}

static nexus_status run_batch(nexus_fs *fs, const cJSON *step, cJSON **given)
{
    nexus_batch *batch = NULL;
    nexus_entries *results = NULL;
    const cJSON *operation;
    nexus_status status = nexus_batch_new(fs, &batch, ERR);
    cJSON_ArrayForEach(operation, member(step, "operations"))
    {
        if (status == NEXUS_STATUS_OK) {
            status = add_operation(batch, operation);
        }
    }
    if (status == NEXUS_STATUS_OK) {
        status = nexus_batch_commit(batch, &results, ERR);
    }
    if (status == NEXUS_STATUS_OK) {
        *given = rows_of_entries(results);
    }
    nexus_batch_free(batch);
    return status;
}

static nexus_status query_work(nexus_fs *fs, const cJSON *step, cJSON **given)
{
    static const struct {
        const char *name;
        nexus_status (*query)(nexus_fs *, int64_t, nexus_work_list **, nexus_error **);
    } views[] = {
        {"ready_work", nexus_get_ready_work},
        {"pending_work", nexus_get_pending_work},
        {"blocked_work", nexus_get_blocked_work},
        {"in_progress_work", nexus_get_in_progress_work},
        {"work_by_priority", nexus_get_work_by_priority},
    };
    const char *call = needed_at(step, "call");
    nexus_work_list *items = NULL;
    size_t i;
    for (i = 0; i < sizeof views / sizeof views[0]; i++) {
        if (strcmp(call, views[i].name) == 0) {
            nexus_status status = views[i].query(fs, (int64_t)number_at(step, "limit", 100), &items, ERR);
            if (status == NEXUS_STATUS_OK) {
                *given = rows_of_work(items);
            }
            return status;
        }
    }
    FAIL("the call \"%s\" is not known", call);
}

static nexus_status claim(nexus_fs *fs, const cJSON *step, cJSON **given)
{
    nexus_claim_options options = NEXUS_CLAIM_OPTIONS_INIT;
    nexus_work_list *items = NULL;
    nexus_status status;
    options.prefix = string_at(step, "prefix");
    options.max = (uint32_t)number_at(step, "max", options.max);
    options.lease_ms = (uint64_t)number_at(step, "lease_ms", (double)options.lease_ms);
    status = nexus_work_claim(fs, needed_at(step, "worker"), &options, &items, ERR);
    if (status == NEXUS_STATUS_OK) {
        *given = rows_of_work(items);
    }
    return status;
}

static nexus_status find(nexus_fs *fs, const cJSON *step, cJSON **given)
{
    const char *call = needed_at(step, "call");
    nexus_find_options options = NEXUS_FIND_OPTIONS_INIT;
    nexus_entries *found = NULL;
    nexus_status status;
    options.base = string_at(step, "base");
    options.limit = (uint64_t)number_at(step, "limit", 0);
    if (strcmp(call, "glob") == 0) {
        status = nexus_glob(fs, needed_at(step, "pattern"), &options, &found, ERR);
    } else {
        status = nexus_find_by_meta(fs, needed_at(step, "key"), json_at(step, "value"), &options, &found, ERR);
    }
    if (status == NEXUS_STATUS_OK) {
        *given = rows_of_entries(found);
    }
    return status;
}

static nexus_status list(nexus_fs *fs, const cJSON *step, cJSON **given)
{
    nexus_list_options options = NEXUS_LIST_OPTIONS_INIT;
    nexus_entries *found = NULL;
    nexus_status status;
    options.path = string_at(step, "path");
    options.prefix = string_at(step, "prefix");
    options.recursive = member(step, "recursive") == NULL || flag_at(step, "recursive");
    options.include_directories = flag_at(step, "include_directories");
    options.limit = (uint64_t)number_at(step, "limit", 0);
    options.cursor = string_at(step, "cursor");
    status = nexus_list(fs, &options, &found, ERR);
    if (status == NEXUS_STATUS_OK) {
        *given = rows_of_entries(found);
    }
    return status;
}

static nexus_status grep(nexus_fs *fs, const cJSON *step, cJSON **given)
{
    nexus_grep_options options = NEXUS_GREP_OPTIONS_INIT;
    nexus_matches *found = NULL;
    nexus_status status;
    options.base = string_at(step, "base");
    options.file_pattern = string_at(step, "file_pattern");
    options.ignore_case = flag_at(step, "ignore_case");
    options.literal = flag_at(step, "literal");
    options.max_matches = (uint64_t)number_at(step, "max_matches", 0);
    status = nexus_grep(fs, needed_at(step, "pattern"), &options, &found, ERR);
    if (status == NEXUS_STATUS_OK) {
        *given = rows_of_matches(found);
    }
    return status;
}

static nexus_status content_ids(nexus_fs *fs, const cJSON *step, cJSON **given)
{
    const cJSON *paths = member(step, "paths");
    int i, count = cJSON_GetArraySize(paths);
    const char **all = (const char **)scratch(sizeof(char *) * (size_t)count);
    nexus_strings *ids = NULL;
    nexus_status status;
    for (i = 0; i < count; i++) {
        all[i] = cJSON_GetStringValue(cJSON_GetArrayItem(paths, i));
    }
    status = nexus_content_ids(fs, all, (size_t)count, &ids, ERR);
    if (status == NEXUS_STATUS_OK) {
        *given = rows_of_strings(ids);
    }
    return status;
}

static nexus_status read_part(nexus_fs *fs, const cJSON *step, cJSON **given)
{
    size_t length = (size_t)number_at(step, "length", 0), read = 0;
    char *bytes = (char *)scratch(length + 1);
    nexus_status status = nexus_read_at(fs, needed_at(step, "path"), (uint64_t)number_at(step, "offset", 0), bytes,
                                        length, &read, ERR);
    if (status == NEXUS_STATUS_OK) {
        bytes[read] = 0;
        *given = cJSON_CreateString(bytes);
    }
    return status;
}

static nexus_status read_whole(nexus_fs *fs, const cJSON *step, cJSON **given)
{
    nexus_buffer *buffer = NULL;
    nexus_status status = nexus_read(fs, needed_at(step, "path"), &buffer, ERR);
    if (status == NEXUS_STATUS_OK) {
        *given = cJSON_CreateString(text("%.*s", (int)nexus_buffer_len(buffer), (const char *)nexus_buffer_data(buffer)));
        nexus_buffer_free(buffer);
    }
    return status;
}

/* Calls that give one string: JSON, or (`plain`) an id or a path. */
static nexus_status ask(nexus_fs *fs, const cJSON *step, cJSON **given)
{
    const char *call = needed_at(step, "call");
    const char *path = string_at(step, "path");
    char *answer = NULL;
    int plain = 0;
    nexus_status status;
    if (strcmp(call, "get_meta") == 0) {
        status = nexus_get_meta(fs, path, needed_at(step, "key"), &answer, ERR);
    } else if (strcmp(call, "list_meta") == 0) {
        status = nexus_list_meta(fs, path, &answer, ERR);
    } else if (strcmp(call, "path_id") == 0) {
        plain = 1;
        status = nexus_path_id(fs, path, &answer, ERR);
    } else if (strcmp(call, "path_of_id") == 0) {
        plain = 1;
        status = nexus_path_of_id(fs, needed_at(step, "id"), &answer, ERR);
    } else if (strcmp(call, "work_explain") == 0) {
        status = nexus_work_explain(fs, path, &answer, ERR);
    } else if (strcmp(call, "work_stats") == 0) {
        status = nexus_work_stats(fs, string_at(step, "prefix"), &answer, ERR);
    } else if (strcmp(call, "gc") == 0) {
        status = nexus_gc(fs, NULL, NULL, &answer, ERR);
    } else if (strcmp(call, "storage_stats") == 0) {
        status = nexus_storage_stats(fs, &answer, ERR);
    } else if (strcmp(call, "content_info") == 0) {
        status = nexus_content_info(fs, needed_at(step, "etag"), &answer, ERR);
    } else {
        return query_work(fs, step, given);
    }
    if (status == NEXUS_STATUS_OK) {
        *given = plain ? cJSON_CreateString(answer) : cJSON_Parse(answer);
        nexus_string_free(answer);
    }
    return status;
}

/* Calls on a file or directory that give an entry, a flag, or nothing. */
static nexus_status call_on(nexus_fs *fs, const cJSON *step, cJSON **given)
{
    const char *call = needed_at(step, "call");
    const char *path = string_at(step, "path");
    const char *data = string_at(step, "data");
    const char *from = string_at(step, "from");
    const char *to = string_at(step, "to");
    nexus_write_options options = options_of(step);
    nexus_entry *entry = NULL;
    int32_t answer = -1;
    nexus_status status;
    if (strcmp(call, "write") == 0) {
        status = nexus_write_with(fs, path, data, strlen(data), &options, &entry, ERR);
    } else if (strcmp(call, "append") == 0) {
        status = nexus_append_with(fs, path, data, strlen(data), &options, &entry, ERR);
    } else if (strcmp(call, "stat") == 0) {
        status = nexus_stat(fs, path, &entry, ERR);
    } else if (strcmp(call, "exists") == 0) {
        status = nexus_exists(fs, path, &answer, ERR);
    } else if (strcmp(call, "is_directory") == 0) {
        status = nexus_is_directory(fs, path, &answer, ERR);
    } else if (strcmp(call, "delete") == 0) {
        status = nexus_delete_with(fs, path, &options, ERR);
    } else if (strcmp(call, "rename") == 0) {
        status = nexus_rename_with(fs, from, to, relocate_flags(step), &options, ERR);
    } else if (strcmp(call, "copy") == 0) {
        status = nexus_copy_with(fs, from, to, relocate_flags(step), &options, ERR);
    } else if (strcmp(call, "mkdir") == 0) {
        status = nexus_mkdir(fs, path, mkdir_flags(step), ERR);
    } else if (strcmp(call, "rmdir") == 0) {
        status = nexus_rmdir(fs, path, flag_at(step, "recursive"), ERR);
    } else if (strcmp(call, "set_meta") == 0) {
        status = nexus_set_meta_with(fs, path, string_at(step, "key"), json_at(step, "value"), &options, ERR);
    } else if (strcmp(call, "set_meta_many") == 0) {
        status = nexus_set_meta_many(fs, path, json_at(step, "values"), ERR);
    } else if (strcmp(call, "delete_meta") == 0) {
        status = nexus_delete_meta(fs, path, string_at(step, "key"), ERR);
    } else if (strcmp(call, "read") == 0) {
        status = read_whole(fs, step, given);
    } else if (strcmp(call, "read_at") == 0) {
        status = read_part(fs, step, given);
    } else if (strcmp(call, "list") == 0) {
        status = list(fs, step, given);
    } else if (strcmp(call, "glob") == 0 || strcmp(call, "find_by_meta") == 0) {
        status = find(fs, step, given);
    } else if (strcmp(call, "grep") == 0) {
        status = grep(fs, step, given);
    } else if (strcmp(call, "content_ids") == 0) {
        status = content_ids(fs, step, given);
    } else if (strcmp(call, "work_claim") == 0) {
        status = claim(fs, step, given);
    } else if (strcmp(call, "work_heartbeat") == 0) {
        status = nexus_work_heartbeat(fs, path, lease_of(step), (uint64_t)number_at(step, "lease_ms", 0), ERR);
    } else if (strcmp(call, "work_complete") == 0) {
        status = nexus_work_complete(fs, path, lease_of(step), json_at(step, "result"), ERR);
    } else if (strcmp(call, "work_fail") == 0) {
        status = nexus_work_fail(fs, path, lease_of(step), string_at(step, "error"),
                                 (uint64_t)number_at(step, "retry_after_ms", 0), ERR);
    } else if (strcmp(call, "work_release") == 0) {
        status = nexus_work_release(fs, path, lease_of(step), ERR);
    } else if (strcmp(call, "batch") == 0) {
        status = run_batch(fs, step, given);
    } else {
        status = ask(fs, step, given);
    }
    if (entry != NULL) {
        *given = row_of_entry(entry);
        nexus_entry_free(entry);
    } else if (answer >= 0 && status == NEXUS_STATUS_OK) {
        *given = cJSON_CreateBool(answer);
    }
    return status;
}

static nexus_status call(const char *as, const cJSON *step, cJSON **given)
{
    const char *name = needed_at(step, "call");
    nexus_fs *fs = NULL;
    nexus_status status;
    if (strcmp(name, "connect") == 0) {
        const char *config = string_at(step, "config_text");
        status = nexus_connect(config != NULL ? config : completed(member(step, "config")), &fs, ERR);
    } else if (strcmp(name, "with_identity") == 0) {
        status = nexus_with_identity(*handle_of(as), string_at(step, "tenant"), string_at(step, "agent"), &fs, ERR);
    } else if (strcmp(name, "close") == 0) {
        status = nexus_close(*handle_of(as), ERR);
        *handle_of(as) = NULL;
    } else {
        return call_on(*handle_of(as), step, given);
    }
    if (fs != NULL) {
        add_handle(needed_at(step, "handle"), fs);
    }
    return status;
}

/* What `save` keeps of what a call gave. */
static void save(const char *name, const cJSON *given)
{
    const cJSON *kept = cJSON_IsObject(given) ? member(given, "etag") : given;
    if (cJSON_IsArray(given)) {
        kept = member(cJSON_GetArrayItem(given, 0), "lease");
    }
    EXPECT(kept != NULL);
    cJSON_DeleteItemFromObjectCaseSensitive(running.saved, name);
    cJSON_AddItemToObject(running.saved, name, cJSON_Duplicate(kept, 1));
}

static void run_step(const char *first, cJSON *step, const char *story)
{
    const char *wanted = string_at(step, "status");
    const char *as = string_at(step, "as");
    cJSON *given = NULL;
    nexus_status status;
    substitute(step);
    status = call(as != NULL ? as : first, step, &given);
    wanted = text("NEXUS_STATUS_%s", wanted != NULL ? wanted : "OK");
    if (strcmp(nexus_status_name(status), wanted) != 0) {
        FAIL("%s\n    returned %s, expected %s; message: %s", story, nexus_status_name(status), wanted, message());
    }
    if (status != NEXUS_STATUS_OK) {
        const cJSON *index = member(step, "index");
        const char *part = string_at(step, "message");
        if (part != NULL && strstr(message(), part) == NULL) {
            FAIL("%s\n    says %s", story, message());
        }
        if (index != NULL && nexus_error_index(expect_slot) != (int64_t)index->valuedouble) {
            FAIL("%s\n    names operation %" PRId64, story, nexus_error_index(expect_slot));
        }
    } else if (member(step, "returns") != NULL && !matches(member(step, "returns"), given)) {
        FAIL("%s\n    gave %s", story, given != NULL ? printed(given) : "nothing");
    }
    if (string_at(step, "save") != NULL) {
        save(string_at(step, "save"), given);
    }
    cJSON_Delete(given);
}

static void run_scenario(const char *file, const cJSON *scenario, int number)
{
    const char *name = needed_at(scenario, "name");
    const char *first = "main";
    cJSON *step;
    const cJSON *each;
    int i = 0;
    memset(&running, 0, sizeof running);
    running.saved = cJSON_CreateObject();
    running.directory = disk(text("store-%d", number));
    if (member(scenario, "handles") == NULL) {
        cJSON *none = cJSON_CreateObject();
        nexus_fs *fs = NULL;
        OK(nexus_connect(completed(none), &fs, ERR));
        add_handle(first, fs);
        cJSON_Delete(none);
    }
    cJSON_ArrayForEach(each, member(scenario, "handles"))
    {
        nexus_fs *fs = NULL;
        OK(nexus_connect(completed(member(each, "config")), &fs, ERR));
        add_handle(needed_at(each, "name"), fs);
        first = running.names[0];
    }
    cJSON_ArrayForEach(each, member(scenario, "files"))
    {
        put(*handle_of(first), each->valuestring, each->valuestring);
    }
    cJSON_ArrayForEach(step, member(scenario, "steps"))
    {
        run_step(first, step, text("%s: \"%s\": step %d: %s", file, name, i++, printed(step)));
    }
    for (i = 0; i < running.handles; i++) {
        if (running.fs[i] != NULL) {
            close_store(running.fs[i]);
        }
    }
    cJSON_Delete(running.saved);
}

static void run_file(const char *file)
{
    cJSON *document = load(file);
    const cJSON *scenario;
    int number = 0;
    cJSON_ArrayForEach(scenario, member(document, "scenarios"))
    {
        run_scenario(file, scenario, number++);
    }
    EXPECT(number > 0);
    cJSON_Delete(document);
}

static void access_is_decided_as_the_vectors_say(void)
{
    run_file("access.json");
}

static void globs_find_what_the_vectors_say(void)
{
    run_file("globs.json");
}

static void work_items_behave_as_the_vectors_say(void)
{
    run_file("work.json");
}

static void bad_input_fails_as_the_vectors_say(void)
{
    run_file("errors.json");
}

/* ---- Paths ------------------------------------------------------------------------------------- */

/* A string; pairs of a text and how often it stands there; or, in `hex`, bytes. */
static const char *spelled(const cJSON *input, const char *hex)
{
    char *all = text("%s", "");
    const cJSON *pair;
    int i;
    if (hex != NULL) {
        unsigned byte;
        for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
            all = text("%s%c", all, (int)byte);
        }
        return all;
    }
    if (cJSON_IsString(input)) {
        return input->valuestring;
    }
    cJSON_ArrayForEach(pair, input)
    {
        for (i = 0; i < cJSON_GetArrayItem(pair, 1)->valueint; i++) {
            all = text("%s%s", all, cJSON_GetArrayItem(pair, 0)->valuestring);
        }
    }
    return all;
}

static void expect_refused(const cJSON *each, nexus_status status)
{
    const char *wanted = text("NEXUS_STATUS_%s", needed_at(each, "status"));
    if (strcmp(nexus_status_name(status), wanted) != 0 || strstr(message(), needed_at(each, "reason")) == NULL) {
        FAIL("%s: returned %s: %s", needed_at(each, "name"), nexus_status_name(status), message());
    }
}

static void paths_are_normalised_or_refused_as_the_vectors_say(void)
{
    cJSON *document = load("paths.json");
    nexus_fs *fs = open_store("\"durability\": \"normal\"");
    const cJSON *each;
    int32_t there = 0;
    int cases = 0;
    cJSON_ArrayForEach(each, member(document, "cases"))
    {
        const char *input, *normalised;
        nexus_entry *entry = NULL;
        if (flag_at(each, "nul")) {
            continue;
        }
        cases++;
        input = spelled(member(each, "input"), string_at(each, "input_hex"));
        if (member(each, "status") != NULL) {
            expect_refused(each, nexus_write(fs, input, "x", 1, ERR));
            expect_refused(each, nexus_stat(fs, input, &entry, ERR));
            expect_refused(each, nexus_exists(fs, input, &there, ERR));
            continue;
        }
        normalised = spelled(member(each, "normalised"), NULL);
        if (strcmp(normalised, "/") != 0) {
            put(fs, input, "x");
        }
        EXPECT_STR(look(fs, input).path, normalised);
        EXPECT_STR(look(fs, normalised).path, normalised);
        if (strcmp(normalised, "/") != 0) {
            OK(nexus_delete(fs, normalised, ERR));
        }
    }
    EXPECT(cases > 0);
    close_store(fs);
    cJSON_Delete(document);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(paths_are_normalised_or_refused_as_the_vectors_say);
    RUN(access_is_decided_as_the_vectors_say);
    RUN(globs_find_what_the_vectors_say);
    RUN(work_items_behave_as_the_vectors_say);
    RUN(bad_input_fails_as_the_vectors_say);
    return finish();
}
