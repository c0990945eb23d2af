/* The baseline: plain SQLite with the schema of baseline.sql. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "options.h"
#include "raw.h"

#define ENTRY_COLUMNS \
    "p.path, p.kind, p.size, p.etag, p.version, p.mime_type, p.path_id, p.backend_name, " \
    "p.created_at, p.modified_at"

static const char *const STATEMENT_TEXTS[RAW_STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [INSERT_CONTENT] = "INSERT INTO content (hash, size, data) VALUES (?1, ?2, ?3)",
    [INSERT_PATH] = "INSERT INTO paths (path, kind, size, etag, version, mime_type, path_id,"
                    " backend_name, created_at, modified_at, content_id)"
                    " VALUES (?1, 1, ?2, ?3, 1, 'application/octet-stream', ?4, 'local', ?5, ?5, ?6)",
    [PUT_METADATA] = "INSERT INTO metadata (path, key, value) VALUES (?1, ?2, ?3)"
                     " ON CONFLICT DO UPDATE SET value = excluded.value",
    [CONTENT_OF_PATH] = "SELECT content_id FROM paths WHERE path = ?1",
    [UPDATE_CONTENT] = "UPDATE content SET hash = ?2, size = ?3, data = ?4 WHERE id = ?1",
    [UPDATE_PATH] = "UPDATE paths SET size = ?2, etag = ?3, version = version + 1,"
                    " modified_at = ?4 WHERE path = ?1",
    [READ] = "SELECT " ENTRY_COLUMNS ", c.hash, c.size, c.data"
             " FROM paths AS p JOIN content AS c ON c.id = p.content_id WHERE p.path = ?1",
    [STAT] = "SELECT " ENTRY_COLUMNS " FROM paths AS p WHERE p.path = ?1",
    [GET_METADATA] = "SELECT value FROM metadata WHERE path = ?1 AND key = ?2",
    [LIST] = "SELECT " ENTRY_COLUMNS " FROM paths AS p WHERE p.path >= ?1 AND p.path < ?2"
             " ORDER BY p.path",
    [ADD_ITEM] = "INSERT INTO queue (path, status, priority, rank, created_at)"
                 " VALUES (?1, 'ready', ?2, ?2, ?3)",
    [CLAIM_ITEM] = "UPDATE queue SET status = 'in_progress', worker_id = ?1, started_at = ?2,"
                   " attempts = attempts + 1, lease = ?3, lease_deadline = ?4"
                   " WHERE path = (SELECT path FROM queue WHERE status = 'ready'"
                   " ORDER BY rank, created_at, path LIMIT 1)"
                   " RETURNING path, priority, created_at, attempts",
    [COMPLETE_ITEM] = "UPDATE queue SET status = 'completed', completed_at = ?3, lease = NULL,"
                      " lease_deadline = NULL WHERE path = ?1 AND lease = ?2",
    [RENAME_PATHS] = "UPDATE paths SET path = ?3 || substr(path, ?4) WHERE path >= ?1 AND path < ?2",
    [RENAME_METADATA] = "UPDATE metadata SET path = ?3 || substr(path, ?4)"
                        " WHERE path >= ?1 AND path < ?2",
    [COPY_PATHS] = "INSERT INTO paths SELECT ?3 || substr(path, ?4), kind, size, etag, 1, mime_type,"
                   " randomblob(16), backend_name, created_at, modified_at, content_id"
                   " FROM paths WHERE path >= ?1 AND path < ?2",
    [COPY_METADATA] = "INSERT INTO metadata SELECT ?3 || substr(path, ?4), key, value"
                      " FROM metadata WHERE path >= ?1 AND path < ?2",
    [REMOVE_CONTENTS] = "DELETE FROM content WHERE id IN"
                        " (SELECT content_id FROM paths WHERE path >= ?1 AND path < ?2)",
    [REMOVE_METADATA] = "DELETE FROM metadata WHERE path >= ?1 AND path < ?2",
    [REMOVE_PATHS] = "DELETE FROM paths WHERE path >= ?1 AND path < ?2",
    [REOPEN_ITEM] = "UPDATE queue SET status = 'ready' WHERE path = ?1",
    [ALL_ITEMS] = "SELECT path, status, priority, created_at, worker_id, started_at, completed_at,"
                  " attempts, lease, lease_deadline FROM queue"
                  " ORDER BY rank, created_at, path LIMIT ?1",
};

void raw_check(const store *raw, int code, const char *what)
{
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
        fail("baseline: %s: %s", what, sqlite3_errmsg(raw->db));
    }
}

static void run_script(store *raw, const char *text)
{
    char *message = NULL;
    if (sqlite3_exec(raw->db, text, NULL, NULL, &message) != SQLITE_OK) {
        fail("baseline: %s: %s", text, message);
    }
}

static void create_schema(store *raw)
{
    FILE *file = fopen(BENCH_BASELINE_SQL, "rb");
    if (file == NULL) {
        fail("cannot open %s", BENCH_BASELINE_SQL);
    }
    char text[8192] = {0};
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    if (size == sizeof text - 1) {
        fail("%s is longer than %zu bytes", BENCH_BASELINE_SQL, size);
    }
    run_script(raw, text);
}

/* A filesystem that cannot do what the comparison rests on must not go unnoticed. */
static void expect_setting(store *raw, const char *pragma, const char *expected)
{
    sqlite3_stmt *row = NULL;
    raw_check(raw, sqlite3_prepare_v2(raw->db, pragma, -1, &row, NULL), pragma);
    raw_check(raw, sqlite3_step(row), pragma);
    const char *value = (const char *)sqlite3_column_text(row, 0);
    if (value == NULL || strcmp(value, expected) != 0) {
        fail("baseline: %s is %s, not %s", pragma, value != NULL ? value : "NULL", expected);
    }
    sqlite3_finalize(row);
}

static store *connect(const char *file, durability level, int create)
{
    char cache[64];
    store *raw = allocate(sizeof *raw);
    snprintf(raw->file, sizeof raw->file, "%s", file);
    raw->level = level;
    /* One thread uses a connection: no mutex, as Nexus opens its own. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    raw_check(raw, sqlite3_open_v2(file, &raw->db, flags, NULL), "open");
    /* Without it SQLite prepares joins again whenever their parameters change. */
    raw_check(raw, sqlite3_db_config(raw->db, SQLITE_DBCONFIG_ENABLE_QPSG, 1, (int *)NULL), "QPSG");
    raw_check(raw, sqlite3_busy_timeout(raw->db, 30000), "busy timeout");
    if (create) {
        create_schema(raw);
    }
    snprintf(cache, sizeof cache, "PRAGMA cache_size = %d", -1024 * (int)bench_settings.cache_mb);
    run_script(raw, cache);
    run_script(raw, level == DURABILITY_FULL
                        ? "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000"
                        : "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000");
    expect_setting(raw, "PRAGMA page_size", "4096");
    expect_setting(raw, "PRAGMA journal_mode", "wal");
    expect_setting(raw, "PRAGMA cache_size", strrchr(cache, ' ') + 1);
    expect_setting(raw, "PRAGMA synchronous", level == DURABILITY_FULL ? "2" : "1");
    for (int i = 0; i < RAW_STATEMENTS; i++) {
        raw_check(raw, sqlite3_prepare_v3(raw->db, STATEMENT_TEXTS[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &raw->statements[i], NULL), STATEMENT_TEXTS[i]);
    }
    return raw;
}

static store *raw_open(const char *dir, durability level)
{
    char file[4096];
    snprintf(file, sizeof file, "%s/baseline.db", dir);
    return connect(file, level, access(file, F_OK) != 0);
}

static store *raw_join(store *raw)
{
    return connect(raw->file, raw->level, 0);
}

static void raw_close(store *raw)
{
    for (int i = 0; i < RAW_STATEMENTS; i++) {
        sqlite3_finalize(raw->statements[i]);
    }
    raw_check(raw, sqlite3_close(raw->db), "close");
    free(raw);
}

void raw_run(store *raw, raw_statement which)
{
    sqlite3_stmt *statement = raw->statements[which];
    sqlite3_step(statement);
    raw_check(raw, sqlite3_reset(statement), STATEMENT_TEXTS[which]);
}

static sqlite3_stmt *with_path(store *raw, raw_statement which, const char *path)
{
    sqlite3_stmt *statement = raw->statements[which];
    sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
    return statement;
}

static sqlite3_int64 insert_content(store *raw, const bench_file *file)
{
    sqlite3_stmt *statement = raw->statements[INSERT_CONTENT];
    sqlite3_bind_blob(statement, 1, file->hash, sizeof file->hash, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)file->size);
    sqlite3_bind_blob64(statement, 3, file->content, file->size, SQLITE_STATIC);
    raw_run(raw, INSERT_CONTENT);
    return sqlite3_last_insert_rowid(raw->db);
}

static void insert_path(store *raw, const char *path, const bench_file *file, sqlite3_int64 content)
{
    sqlite3_stmt *statement = with_path(raw, INSERT_PATH, path);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)file->size);
    sqlite3_bind_blob(statement, 3, file->hash, sizeof file->hash, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 4, file->path_id, sizeof file->path_id, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 5, file->time);
    sqlite3_bind_int64(statement, 6, content);
    raw_run(raw, INSERT_PATH);
}

static void put_metadata(store *raw, const char *path, const char *key, const char *value)
{
    sqlite3_stmt *statement = with_path(raw, PUT_METADATA, path);
    sqlite3_bind_text(statement, 2, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, value, -1, SQLITE_STATIC);
    raw_run(raw, PUT_METADATA);
}

static void insert_file(store *raw, const bench_file *file)
{
    insert_path(raw, file->path, file, insert_content(raw, file));
    put_metadata(raw, file->path, "source", "\"bench\"");
}

static void raw_write(store *raw, const bench_file *file)
{
    raw_run(raw, BEGIN);
    insert_file(raw, file);
    raw_run(raw, COMMIT);
}

static void raw_overwrite(store *raw, const bench_file *file)
{
    raw_run(raw, BEGIN);
    sqlite3_stmt *find = with_path(raw, CONTENT_OF_PATH, file->path);
    if (sqlite3_step(find) != SQLITE_ROW) {
        fail("baseline: %s is missing", file->path);
    }
    sqlite3_int64 content = sqlite3_column_int64(find, 0);
    raw_check(raw, sqlite3_reset(find), "find content");

    sqlite3_stmt *statement = raw->statements[UPDATE_CONTENT];
    sqlite3_bind_int64(statement, 1, content);
    sqlite3_bind_blob(statement, 2, file->hash, sizeof file->hash, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)file->size);
    sqlite3_bind_blob64(statement, 4, file->content, file->size, SQLITE_STATIC);
    raw_run(raw, UPDATE_CONTENT);

    statement = with_path(raw, UPDATE_PATH, file->path);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)file->size);
    sqlite3_bind_blob(statement, 3, file->hash, sizeof file->hash, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, file->time + 1);
    raw_run(raw, UPDATE_PATH);
    put_metadata(raw, file->path, "source", "\"again\"");
    raw_run(raw, COMMIT);
}

static void raw_write_batch(store *raw, const bench_file *files, size_t count)
{
    raw_run(raw, BEGIN);
    for (size_t i = 0; i < count; i++) {
        insert_file(raw, &files[i]);
    }
    raw_run(raw, COMMIT);
}

static void raw_fill(store *raw, name_entry name, size_t total)
{
    static unsigned char byte = 'x';
    bench_file shared = {.content = &byte, .size = 1, .time = INT64_C(1700000000000000)};
    sqlite3_int64 content = insert_content(raw, &shared);
    uint64_t state = 3;
    for (size_t i = 0; i < total;) {
        raw_run(raw, BEGIN);
        for (size_t end = i + 1000; i < total && i < end; i++) {
            char path[BENCH_PATH_MAX];
            name(i, total, path);
            uint64_t id = random_next(&state);
            memcpy(shared.path_id, &id, sizeof id);
            insert_path(raw, path, &shared, content);
        }
        raw_run(raw, COMMIT);
    }
}

static size_t touch_column_text(sqlite3_stmt *row, int column)
{
    return touch_text((const char *)sqlite3_column_text(row, column));
}

static size_t touch_column_bytes(sqlite3_stmt *row, int column)
{
    const void *bytes = sqlite3_column_blob(row, column);
    return touch_bytes(bytes, (size_t)sqlite3_column_bytes(row, column));
}

/* Looks at every column of ENTRY_COLUMNS. */
static size_t touch_entry(sqlite3_stmt *row)
{
    size_t sum = touch_column_text(row, 0) + touch_column_bytes(row, 3) +
                 touch_column_text(row, 5) + touch_column_bytes(row, 6) + touch_column_text(row, 7);
    static const int numbers[] = {1, 2, 4, 8, 9};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sum += (size_t)sqlite3_column_int64(row, numbers[i]);
    }
    return sum;
}

static void raw_read(store *raw, const bench_file *file)
{
    sqlite3_stmt *row = with_path(raw, READ, file->path);
    if (sqlite3_step(row) != SQLITE_ROW) {
        fail("baseline: %s is missing", file->path);
    }
    size_t sum = touch_entry(row) + touch_column_bytes(row, 10);
    sum += (size_t)sqlite3_column_int64(row, 11);
    const void *data = sqlite3_column_blob(row, 12);
    size_t size = (size_t)sqlite3_column_bytes(row, 12);
    void *copy = malloc(size);
    if (copy == NULL) {
        fail("no memory for %zu bytes", size);
    }
    memcpy(copy, data, size);
    raw_check(raw, sqlite3_reset(row), "read");
    if (size != file->size || memcmp(copy, file->content, size) != 0) {
        fail("baseline: %s has the wrong content", file->path);
    }
    free(copy);
    consume(sum);
}

static void raw_stat(store *raw, const bench_file *file)
{
    sqlite3_stmt *row = with_path(raw, STAT, file->path);
    if (sqlite3_step(row) != SQLITE_ROW) {
        fail("baseline: %s is missing", file->path);
    }
    consume(touch_entry(row));
    raw_check(raw, sqlite3_reset(row), "stat");
}

static void raw_set_meta(store *raw, const bench_file *file, const char *key, const char *value)
{
    raw_run(raw, BEGIN);
    put_metadata(raw, file->path, key, value);
    raw_run(raw, COMMIT);
}

static void raw_get_meta(store *raw, const bench_file *file, const char *key, const char *value)
{
    sqlite3_stmt *row = with_path(raw, GET_METADATA, file->path);
    sqlite3_bind_text(row, 2, key, -1, SQLITE_STATIC);
    if (sqlite3_step(row) != SQLITE_ROW) {
        fail("baseline: %s has no %s", file->path, key);
    }
    char *copy = strdup((const char *)sqlite3_column_text(row, 0));
    raw_check(raw, sqlite3_reset(row), "get metadata");
    if (copy == NULL || strcmp(copy, value) != 0) {
        fail("baseline: %s of %s is not %s", key, file->path, value);
    }
    free(copy);
}

/* Runs a statement on all below `from`; `to`, if there is one, is the new name of that. */
static void run_on_tree(store *raw, raw_statement which, const char *from, const char *to)
{
    char start[BENCH_PATH_MAX + 2];
    char end[BENCH_PATH_MAX + 2];
    snprintf(start, sizeof start, "%s/", from);
    snprintf(end, sizeof end, "%s0", from); /* '0' follows '/' */
    sqlite3_stmt *statement = with_path(raw, which, start);
    sqlite3_bind_text(statement, 2, end, -1, SQLITE_STATIC);
    if (to != NULL) {
        sqlite3_bind_text(statement, 3, to, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 4, (sqlite3_int64)strlen(from) + 1);
    }
    raw_run(raw, which);
}

static void raw_rename_tree(store *raw, const char *from, const char *to)
{
    raw_run(raw, BEGIN);
    run_on_tree(raw, RENAME_PATHS, from, to);
    run_on_tree(raw, RENAME_METADATA, from, to);
    raw_run(raw, COMMIT);
}

static void raw_copy_tree(store *raw, const char *from, const char *to)
{
    raw_run(raw, BEGIN);
    run_on_tree(raw, COPY_PATHS, from, to);
    run_on_tree(raw, COPY_METADATA, from, to);
    raw_run(raw, COMMIT);
}

/* No other tree shares its contents. */
static void raw_remove_tree(store *raw, const char *path)
{
    raw_run(raw, BEGIN);
    run_on_tree(raw, REMOVE_CONTENTS, path, NULL);
    run_on_tree(raw, REMOVE_METADATA, path, NULL);
    run_on_tree(raw, REMOVE_PATHS, path, NULL);
    raw_run(raw, COMMIT);
}

/* One scan of the range; direct children are found by seeking past each sub-directory. `cursor` is
 * the least path that may follow. */
static size_t raw_list(store *raw, const char *directory, int recursive, const char *cursor,
                       size_t limit, char **next)
{
    size_t base = strlen(directory) + 1;
    char from[BENCH_PATH_MAX + 2];
    char last[BENCH_PATH_MAX + 2] = "";
    char end[BENCH_PATH_MAX + 2];
    if (cursor != NULL) {
        snprintf(from, sizeof from, "%s", cursor);
    } else {
        snprintf(from, sizeof from, "%s/", directory);
    }
    snprintf(end, sizeof end, "%s0", directory); /* '0' follows '/' */

    sqlite3_stmt *row = with_path(raw, LIST, from);
    sqlite3_bind_text(row, 2, end, -1, SQLITE_STATIC);
    size_t count = 0;
    size_t sum = 0;
    int more;
    while ((more = sqlite3_step(row) == SQLITE_ROW) && (limit == 0 || count < limit)) {
        const char *path = (const char *)sqlite3_column_text(row, 0);
        const char *slash = recursive ? NULL : strchr(path + base, '/');
        count++;
        if (slash == NULL) {
            sum += touch_entry(row);
            if (next != NULL && count == limit) {
                /* No path holds a control character, so this is the next possible one. */
                snprintf(last, sizeof last, "%s\001", path);
            }
            continue;
        }
        int length = (int)(slash - path);
        snprintf(last, sizeof last, "%.*s0", length, path);
        sum += touch_bytes(last, (size_t)length);
        raw_check(raw, sqlite3_reset(row), "list");
        memcpy(from, last, sizeof from);
        with_path(raw, LIST, from);
    }
    raw_check(raw, sqlite3_reset(row), "list");
    consume(sum);
    if (next != NULL) {
        *next = more ? strdup(last) : NULL;
    }
    return count;
}

const store_api raw_store = {
    .name = "raw",
    .open = raw_open,
    .join = raw_join,
    .close = raw_close,
    .write = raw_write,
    .overwrite = raw_overwrite,
    .write_batch = raw_write_batch,
    .fill = raw_fill,
    .read = raw_read,
    .stat = raw_stat,
    .set_meta = raw_set_meta,
    .get_meta = raw_get_meta,
    .rename_tree = raw_rename_tree,
    .copy_tree = raw_copy_tree,
    .remove_tree = raw_remove_tree,
    .list = raw_list,
    .find = NULL,
    .queue = &raw_queue,
};
