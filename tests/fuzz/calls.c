/* Random sequences of calls through the C interface: NULL, stale and foreign handles, double frees, wrong orders, random
 * bytes, options of any size; from one thread and from several.
 *
 *     fuzz_calls SECONDS [SEED]      rounds for SECONDS, the first with SEED (default: from the clock)
 *     fuzz_calls --round SEED        that one round
 *
 * A round is told by its seed: an odd one is a single thread, which repeats exactly; in an even one four threads share
 * all handles. No call may crash, return PANIC, INTERNAL or CORRUPT, leave an output set where it failed, or fail
 * without a message. When every handle of a round is freed, nothing may be open.
 *
 * What the interface leaves undefined is not tried: freeing a string or a single entry twice, reading a row of a list
 * that another thread may free, lengths beyond the memory.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <nexus.h>

#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, CALLS = 1500, POOL = 48, OPTION_BYTES = 4096, DATA_BYTES = 300 * 1024 };

typedef struct {
    uint64_t random;
    unsigned number;
    nexus_error *error;
    unsigned char options[OPTION_BYTES];
    char scribble[2][96]; /* random strings */
    unsigned next_scribble;
} fuzzer;

static uint64_t round_seed;
static unsigned char data[DATA_BYTES];
static const char *last_call[THREADS];
static uint64_t calls_made, calls_ok;

/* ---- Telling ----------------------------------------------------------------------------------- */

static void tell_round(void)
{
    char text[512];
    int length = snprintf(text, sizeof text, "\nround %" PRIu64 "; last calls: %s, %s, %s, %s\n", round_seed,
                          last_call[0], last_call[1], last_call[2], last_call[3]);
    if (write(STDERR_FILENO, text, (size_t)length) != length)
        _exit(3);
}

static void on_crash(int number)
{
    tell_round();
    signal(number, SIG_DFL);
    raise(number);
}

__attribute__((noreturn, format(printf, 2, 3))) static void fail(fuzzer *f, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "fuzz_calls: %s: ", f != NULL ? last_call[f->number] : "round");
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    tell_round();
    _exit(1);
}

/* ---- Random values ----------------------------------------------------------------------------- */

static uint64_t next(fuzzer *f)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return f->random * UINT64_C(2685821657736338717);
}

static uint64_t below(fuzzer *f, uint64_t limit)
{
    return (next(f) >> 11) % limit;
}

static int chance(fuzzer *f, unsigned percent)
{
    return below(f, 100) < percent;
}

static uint64_t number(fuzzer *f)
{
    static const uint64_t special[] = {0, 1, 2, 3, 7, 10, 255, 256, 65536, UINT64_C(1) << 31, UINT64_C(1) << 53,
                                       INT64_MAX, UINT64_MAX, UINT64_MAX - 1};
    return chance(f, 80) ? special[below(f, sizeof special / sizeof special[0])] : next(f);
}

static int32_t flag(fuzzer *f)
{
    return chance(f, 90) ? (int32_t)below(f, 2) : (int32_t)next(f);
}

static const char *scribbled(fuzzer *f)
{
    char *text = f->scribble[f->next_scribble++ % 2];
    size_t length = below(f, sizeof f->scribble[0] - 1), i;
    for (i = 0; i < length; i++)
        text[i] = chance(f, 50) ? "/.{}[]\"*?ab,:0\\"[below(f, 15)] : (char)(1 + below(f, 255));
    text[length] = 0;
    return text;
}

#define ONE_OF(f, list) ((list)[below((f), sizeof(list) / sizeof((list)[0]))])

static const char *path(fuzzer *f)
{
    static const char *const paths[] = {
        "/a", "/b", "/c", "/d/a", "/d/b", "/d/e/f", "/d", "/d/e", "/", "", "a", "/a/", "//a", "/../a", "/workspace",
        "/workspace/acme/ann/f", "/workspace/acme", "/workspace/other/x/f", "/shared/acme/f", "/shared/other/f",
        "/system/f", "/archives/acme/f", "/external/f", "/team/acme/f", "/jobs/1", "/jobs/2", "/jobs/3", "/jobs",
        "/\xc3\xa9", "/\xff", "/a\nb", "/%", "/mount/a", "/mount/b", "/mount",
    };
    if (chance(f, 3))
        return NULL;
    return chance(f, 92) ? ONE_OF(f, paths) : scribbled(f);
}

static const char *text(fuzzer *f)
{
    static const char *const texts[] = {
        "*", "**", "**/*", "[a-", "{a,b}", "a", "status", "priority", "depends_on", "k", "", "acme", "other", "ann",
        "text/plain", "(", ".*", "x+", "0000000000000000000000000000000000000000000000000000000000000000", "etag",
        "01234567-89ab-7def-8123-456789abcdef", "worker", "not_before", "tags", "max_attempts", "attempts", "..",
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    };
    if (chance(f, 4))
        return NULL;
    return chance(f, 92) ? ONE_OF(f, texts) : scribbled(f);
}

static const char *json(fuzzer *f)
{
    static const char *const values[] = {
        "1", "\"ready\"", "\"blocked\"", "\"completed\"", "\"pending\"", "\"in_progress\"", "\"failed\"", "null", "{}",
        "[]", "\"/jobs/1\"", "[\"/jobs/2\", \"/jobs/3\"]", "\"/a\"", "{", "", "NaN", "1e999", "[[[[[[[[1]]]]]]]]",
        "{\"status\": \"ready\", \"priority\": 3}", "{\"status\": \"blocked\", \"depends_on\": \"/jobs/1\"}",
        "{\"status\": \"completed\"}", "{\"a\": 1, \"b\": [true, null]}", "\"2026-01-01T00:00:00Z\"", "[\"x\"]",
        "{\"status\": 5}", "\"\\ud800\"", "-0", "\"cancelled\"",
    };
    if (chance(f, 3))
        return NULL;
    return chance(f, 92) ? ONE_OF(f, values) : scribbled(f);
}

static size_t length(fuzzer *f)
{
    static const size_t lengths[] = {0, 1, 5, 100, 65535, 65536, 65537, DATA_BYTES};
    return chance(f, 85) ? below(f, 64) : ONE_OF(f, lengths);
}

/* Bytes of `len`; now and then NULL, whatever the length. */
static const void *bytes(fuzzer *f, size_t len)
{
    return chance(f, 3) ? NULL : data + below(f, DATA_BYTES - len + 1);
}

/* A token: those of a store are counted from 1. */
static uint64_t lease(fuzzer *f)
{
    return chance(f, 80) ? 1 + below(f, 60) : number(f);
}

static const char *host_file(fuzzer *f)
{
    static const char *const files[] = {"export-1", "export-2", "missing/file", ".", "", "noise"};
    return chance(f, 3) ? NULL : ONE_OF(f, files);
}

/* ---- Options ----------------------------------------------------------------------------------- */

/* Any size that may be read: what stands there, or more than any struct may have. */
static void resize(fuzzer *f, size_t real)
{
    uint32_t size = (uint32_t)real;
    if (chance(f, 25))
        size = chance(f, 80) ? (uint32_t)below(f, OPTION_BYTES + 1) : (uint32_t)(OPTION_BYTES + 1 + below(f, 1u << 30));
    if (chance(f, 10))
        memset(f->options + real, (int)below(f, 256), OPTION_BYTES - real);
    memcpy(f->options, &size, sizeof size);
}

#define OPTIONS(type, initial, body)                                                                                   \
    static const type *a_##type(fuzzer *f)                                                                             \
    {                                                                                                                  \
        type o = initial;                                                                                              \
        if (chance(f, 25))                                                                                             \
            return NULL;                                                                                               \
        body memset(f->options, 0, OPTION_BYTES);                                                                      \
        memcpy(f->options, &o, sizeof o);                                                                              \
        resize(f, sizeof o);                                                                                           \
        return (const type *)(const void *)f->options;                                                                 \
    }

OPTIONS(nexus_write_options, NEXUS_WRITE_OPTIONS_INIT, {
    if (chance(f, 20))
        o.if_match = text(f);
    if (chance(f, 20))
        o.if_none_match = flag(f);
    if (chance(f, 20))
        o.mime_type = text(f);
    if (chance(f, 10)) {
        o.lease_path = path(f);
        o.lease = number(f);
    }
})
OPTIONS(nexus_list_options, NEXUS_LIST_OPTIONS_INIT, {
    if (chance(f, 50))
        o.path = path(f);
    if (chance(f, 20))
        o.prefix = path(f);
    o.recursive = flag(f);
    o.include_directories = flag(f);
    o.limit = chance(f, 50) ? below(f, 5) : number(f);
    if (chance(f, 5))
        o.cursor = text(f);
})
OPTIONS(nexus_find_options, NEXUS_FIND_OPTIONS_INIT, {
    if (chance(f, 40))
        o.base = path(f);
    o.limit = chance(f, 50) ? below(f, 5) : number(f);
    if (chance(f, 5))
        o.cursor = text(f);
})
OPTIONS(nexus_grep_options, NEXUS_GREP_OPTIONS_INIT, {
    o.ignore_case = flag(f);
    if (chance(f, 40))
        o.base = path(f);
    if (chance(f, 20))
        o.file_pattern = text(f);
    o.max_matches = number(f);
    o.max_bytes = number(f);
})
OPTIONS(nexus_export_options, NEXUS_EXPORT_OPTIONS_INIT, {
    if (chance(f, 30))
        o.prefix = path(f);
    if (chance(f, 20))
        o.tenant_id = text(f);
    if (chance(f, 20))
        o.modified_after = (int64_t)number(f);
})
OPTIONS(nexus_import_options, NEXUS_IMPORT_OPTIONS_INIT, {
    o.mode = (int32_t)below(f, 5);
    o.dry_run = flag(f);
    o.invalid_work_keys = flag(f);
    o.missing_content = flag(f);
    o.newer_by = flag(f);
    o.max_lines = chance(f, 20) ? number(f) : 0;
    o.max_bytes = chance(f, 20) ? number(f) : 0;
    o.max_unpacked = chance(f, 20) ? number(f) : 0;
})

OPTIONS(nexus_claim_options, NEXUS_CLAIM_OPTIONS_INIT, {
    if (chance(f, 30))
        o.prefix = path(f);
    o.max = chance(f, 80) ? (uint32_t)below(f, 5) : (uint32_t)number(f);
    o.lease_ms = chance(f, 50) ? 1 + below(f, 20) : number(f);
})

/* ---- Handles ----------------------------------------------------------------------------------- */

/* Handles of each kind that a round got, shared by its threads; those that were freed stay for a while. */
enum kind { STORE, BUFFER, ENTRIES, MATCHES, STRINGS, WORK, READER, WRITER, BATCH, ERRORS, KINDS };
static void *pool[KINDS][POOL];
/* Readers, writers and batches that lost their place: another thread may be using one, and then it cannot be closed. */
static struct {
    enum kind kind;
    void *handle;
} displaced[THREADS * CALLS];
static unsigned displaced_count;

static void *taken(enum kind kind, uint64_t slot)
{
    return __atomic_load_n(&pool[kind][slot], __ATOMIC_RELAXED);
}

/* A handle to use as one of `kind`: mostly such a one, open or stale; else NULL, another's, or noise. */
static void *some(fuzzer *f, enum kind kind)
{
    uint64_t what = below(f, 100);
    if (what < 3)
        return NULL;
    if (what < 6)
        return (void *)(uintptr_t)next(f);
    if (what < 10)
        kind = (enum kind)below(f, KINDS);
    /* The first handles are used more, so that something is open where it is needed. */
    return taken(kind, below(f, chance(f, 88) ? 4 : POOL));
}

/* Frees whatever it is, if it is anything. */
static void release(enum kind kind, void *handle)
{
    switch (kind) {
    case STORE: nexus_close((nexus_fs *)handle, NULL); break;
    case BUFFER: nexus_buffer_free((nexus_buffer *)handle); break;
    case ENTRIES: nexus_entries_free((nexus_entries *)handle); break;
    case MATCHES: nexus_matches_free((nexus_matches *)handle); break;
    case STRINGS: nexus_strings_free((nexus_strings *)handle); break;
    case WORK: nexus_work_list_free((nexus_work_list *)handle); break;
    case READER: nexus_reader_close((nexus_reader *)handle, NULL); break;
    case WRITER: nexus_writer_abort((nexus_writer *)handle, NULL); break;
    case BATCH: nexus_batch_free((nexus_batch *)handle); break;
    case ERRORS: nexus_error_free((nexus_error *)handle); break;
    case KINDS: break;
    }
}

/* Puts a new handle in the pool; the one whose place it takes is freed, perhaps for the second time. */
static void got(fuzzer *f, enum kind kind, void *handle)
{
    void *before;
    if (handle == NULL)
        return;
    before = __atomic_exchange_n(&pool[kind][below(f, chance(f, 50) ? 4 : POOL)], handle, __ATOMIC_RELAXED);
    if (kind == READER || kind == WRITER || kind == BATCH) {
        unsigned at = __atomic_fetch_add(&displaced_count, 1, __ATOMIC_RELAXED);
        displaced[at].kind = kind;
        displaced[at].handle = before;
    }
    release(kind, before);
}

static void release_all(void)
{
    int kind, slot;
    while (displaced_count > 0) {
        displaced_count--;
        release(displaced[displaced_count].kind, displaced[displaced_count].handle);
    }
    for (kind = 0; kind < KINDS; kind++) {
        for (slot = 0; slot < POOL; slot++) {
            release((enum kind)kind, pool[kind][slot]);
            release((enum kind)kind, pool[kind][slot]);
            pool[kind][slot] = NULL;
        }
    }
}

/* ---- Checks ------------------------------------------------------------------------------------ */

/* The error argument: a place, or now and then none. */
static nexus_error **place(fuzzer *f)
{
    f->error = NULL;
    return chance(f, 80) ? &f->error : NULL;
}

/* What holds for every call that returns a status; `output` is set only where it is OK. */
static int went_well(fuzzer *f, nexus_status status, const void *output)
{
    __atomic_add_fetch(&calls_made, 1, __ATOMIC_RELAXED);
    if (status == NEXUS_STATUS_OK) {
        __atomic_add_fetch(&calls_ok, 1, __ATOMIC_RELAXED);
        if (f->error != NULL)
            fail(f, "OK with an error");
        return 1;
    }
    if (status < 0 || status > NEXUS_STATUS_PANIC || status == NEXUS_STATUS_PANIC || status == NEXUS_STATUS_INTERNAL
        || status == NEXUS_STATUS_CORRUPT)
        fail(f, "%s: %s", nexus_status_name(status), nexus_error_message(f->error));
    if (output != NULL)
        fail(f, "%s, but its output is set", nexus_status_name(status));
    if (f->error != NULL) {
        if (nexus_error_status(f->error) != status || nexus_error_message(f->error)[0] == 0)
            fail(f, "%s, but its error says %s: %s", nexus_status_name(status),
                 nexus_status_name(nexus_error_status(f->error)), nexus_error_message(f->error));
        if (chance(f, 2))
            got(f, ERRORS, f->error);
        else
            nexus_error_free(f->error);
        f->error = NULL;
    }
    return 0;
}

static void plain(fuzzer *f, nexus_status status)
{
    went_well(f, status, NULL);
}

static void opened(fuzzer *f, nexus_status status, enum kind kind, void *handle)
{
    if (went_well(f, status, handle)) {
        if (handle == NULL)
            fail(f, "OK without an object");
        got(f, kind, handle);
    }
}

static void string_out(fuzzer *f, nexus_status status, char *string)
{
    if (went_well(f, status, string) && string != NULL && strlen(string) > ((size_t)1 << 30))
        fail(f, "a string without an end");
    nexus_string_free(string);
}

static void entry_out(fuzzer *f, nexus_status status, nexus_entry *entry)
{
    if (went_well(f, status, entry) && entry != NULL && (entry->struct_size != sizeof *entry || entry->path == NULL))
        fail(f, "an entry that is none");
    nexus_entry_free(entry);
}

/* Rows are looked at while only this thread knows the list. */
static void entries_out(fuzzer *f, nexus_status status, nexus_entries *list)
{
    size_t i;
    if (status == NEXUS_STATUS_OK) {
        for (i = 0; i < nexus_entries_len(list); i++) {
            const nexus_entry *row = nexus_entries_at(list, i);
            if (row == NULL || (row->path == NULL) != (row->kind == NEXUS_KIND_NONE))
                fail(f, "a row that is none");
        }
        if (nexus_entries_at(list, i) != NULL || nexus_entries_at(list, (size_t)next(f) | ((size_t)1 << 40)) != NULL)
            fail(f, "a row behind the end");
    }
    opened(f, status, ENTRIES, list);
}

static int32_t progress(void *user, uint64_t done, uint64_t total, const char *what)
{
    fuzzer *f = (fuzzer *)user;
    int32_t there = 0;
    (void)done;
    (void)total;
    if (what == NULL)
        fail(f, "progress without what");
    /* Two threads that close each other's handle from here would wait for each other. */
    if (round_seed % 2 != 0 && chance(f, 5))
        nexus_close((nexus_fs *)some(f, STORE), NULL);
    if (chance(f, 10))
        nexus_exists((nexus_fs *)some(f, STORE), path(f), &there, NULL);
    return chance(f, 90) ? 0 : (int32_t)next(f);
}

static void log_line(void *user, int32_t level, const char *message)
{
    (void)user;
    (void)level;
    if (message == NULL)
        abort();
}

/* ---- Calls ------------------------------------------------------------------------------------- */

static const char *config(fuzzer *f)
{
    static const char *const configs[] = {
        "{\"data_dir\": \"one\", \"durability\": \"normal\"}",
        "{\"data_dir\": \"one\", \"durability\": \"normal\", \"tenant_id\": \"acme\", \"agent_id\": \"ann\"}",
        "{\"data_dir\": \"one\", \"durability\": \"normal\", \"is_admin\": true, \"allow_readonly_writes\": true}",
        "{\"data_dir\": \"one\", \"durability\": \"normal\", \"mounts\": [{\"name\": \"m\", \"path\": \"/mount\", "
        "\"backend\": \"local\", \"root\": \"mounted\"}]}",
        "{\"data_dir\": \"two\", \"durability\": \"normal\", \"inline_max_bytes\": 16, \"housekeeping\": false}",
        "{\"data_dir\": \"two\", \"durability\": \"normal\", \"strict_namespaces\": true, \"cache_size_mb\": 0}",
        "{\"data_dir\": \"two\", \"namespaces\": [{\"name\": \"team\"}], \"busy_timeout_ms\": 0}",
        "{\"data_dir\": \"two\", \"db_path\": \"one/metadata.db\"}",
        "{\"data_dir\": 5}", "{\"mode\": \"distributed\"}", "{}x", "", "[]", "{\"data_dir\": \"noise\"}",
    };
    return chance(f, 92) ? ONE_OF(f, configs) : scribbled(f);
}

#define FS ((nexus_fs *)some(f, STORE))

static void library_calls(fuzzer *f)
{
    int what = (int)below(f, 10);
    if (what == 0) {
        last_call[f->number] = "nexus_set_log_callback";
        plain(f, nexus_set_log_callback(chance(f, 50) ? log_line : NULL, f, (int32_t)below(f, 6), place(f)));
    } else if (what == 1) {
        last_call[f->number] = "nexus_status_name";
        if (nexus_status_name((nexus_status)next(f)) == NULL || nexus_version() == NULL
            || nexus_abi_version() != NEXUS_ABI_VERSION)
            fail(f, "no name");
        (void)nexus_live_objects();
    } else if (what < 5) {
        /* An error that another thread may free: its status and index are copied, its texts are not looked at. */
        nexus_error *error = (nexus_error *)some(f, ERRORS);
        last_call[f->number] = "nexus_error_…";
        (void)nexus_error_status(error);
        (void)nexus_error_index(error);
        if (nexus_error_message(error) == NULL)
            fail(f, "an error without a message");
        (void)nexus_error_path(error);
    } else {
        enum kind kind = (enum kind)below(f, KINDS);
        last_call[f->number] = "a release";
        if (kind != STORE || chance(f, 10))
            release(kind, some(f, kind));
    }
}

static void store_calls(fuzzer *f)
{
    nexus_fs *fs = NULL;
    char *string = NULL;
    nexus_status status;
    switch (below(f, 12)) {
    case 0:
    case 1:
        last_call[f->number] = "nexus_connect";
        status = nexus_connect(chance(f, 1) ? NULL : config(f), &fs, place(f));
        opened(f, status, STORE, fs);
        break;
    case 2:
        last_call[f->number] = "nexus_connect_file";
        status = nexus_connect_file(host_file(f), &fs, place(f));
        opened(f, status, STORE, fs);
        break;
    case 3:
        last_call[f->number] = "nexus_clone";
        status = nexus_clone(FS, &fs, place(f));
        opened(f, status, STORE, fs);
        break;
    case 4:
        last_call[f->number] = "nexus_with_identity";
        status = nexus_with_identity(FS, text(f), text(f), &fs, place(f));
        opened(f, status, STORE, fs);
        break;
    case 5:
        last_call[f->number] = "nexus_config";
        status = nexus_config(FS, &string, place(f));
        string_out(f, status, string);
        break;
    case 6:
        last_call[f->number] = "nexus_interrupt";
        plain(f, nexus_interrupt(FS, place(f)));
        break;
    case 7:
        last_call[f->number] = "nexus_close";
        if (chance(f, 25))
            plain(f, nexus_close(FS, place(f)));
        break;
    case 8:
        last_call[f->number] = "outputs that are NULL";
        plain(f, nexus_connect(config(f), NULL, place(f)));
        plain(f, nexus_read(FS, path(f), NULL, place(f)));
        plain(f, nexus_exists(FS, path(f), NULL, place(f)));
        plain(f, nexus_list(FS, NULL, NULL, place(f)));
        plain(f, nexus_get_meta(FS, path(f), text(f), NULL, place(f)));
        break;
    default:
        library_calls(f);
    }
}

static void file_calls(fuzzer *f)
{
    size_t len = length(f), count = 77;
    const void *content = bytes(f, len);
    nexus_entry *entry = NULL;
    nexus_buffer *buffer = NULL;
    int32_t answer = 77;
    unsigned char room[256];
    nexus_status status;
    switch (below(f, 20)) {
    case 0:
    case 1:
    case 2:
        last_call[f->number] = "nexus_write";
        plain(f, nexus_write(FS, path(f), content, len, place(f)));
        break;
    case 3:
        last_call[f->number] = "nexus_write_with";
        status = nexus_write_with(FS, path(f), content, len, a_nexus_write_options(f), &entry, place(f));
        entry_out(f, status, entry);
        break;
    case 4:
        last_call[f->number] = "nexus_append";
        plain(f, nexus_append(FS, path(f), content, len, place(f)));
        break;
    case 5:
        last_call[f->number] = "nexus_append_with";
        status = nexus_append_with(FS, path(f), content, len, a_nexus_write_options(f), &entry, place(f));
        entry_out(f, status, entry);
        break;
    case 6:
        last_call[f->number] = "nexus_read";
        status = nexus_read(FS, path(f), &buffer, place(f));
        opened(f, status, BUFFER, buffer);
        break;
    case 7: {
        size_t cap = below(f, sizeof room + 1);
        last_call[f->number] = "nexus_read_at";
        status = nexus_read_at(FS, path(f), number(f), chance(f, 3) ? NULL : room, cap, &count, place(f));
        if (went_well(f, status, NULL) ? count > cap : count != 0)
            fail(f, "read %zu of %zu bytes", count, cap);
        break;
    }
    case 8:
        last_call[f->number] = "nexus_stat";
        status = nexus_stat(FS, path(f), &entry, place(f));
        entry_out(f, status, entry);
        break;
    case 9:
        last_call[f->number] = "nexus_exists";
        status = nexus_exists(FS, path(f), &answer, place(f));
        if (went_well(f, status, NULL) ? (answer | 1) != 1 : answer != 0)
            fail(f, "answers %d", (int)answer);
        break;
    case 10:
        last_call[f->number] = "nexus_is_directory";
        status = nexus_is_directory(FS, path(f), &answer, place(f));
        if (went_well(f, status, NULL) ? (answer | 1) != 1 : answer != 0)
            fail(f, "answers %d", (int)answer);
        break;
    case 11:
        last_call[f->number] = "nexus_delete";
        plain(f, nexus_delete(FS, path(f), place(f)));
        break;
    case 12:
        last_call[f->number] = "nexus_delete_with";
        plain(f, nexus_delete_with(FS, path(f), a_nexus_write_options(f), place(f)));
        break;
    case 13:
        last_call[f->number] = "nexus_rename";
        plain(f, nexus_rename(FS, path(f), path(f), place(f)));
        break;
    case 14:
        last_call[f->number] = "nexus_rename_with";
        plain(f, nexus_rename_with(FS, path(f), path(f), (uint32_t)flag(f), a_nexus_write_options(f), place(f)));
        break;
    case 15:
        last_call[f->number] = "nexus_copy";
        plain(f, nexus_copy(FS, path(f), path(f), place(f)));
        break;
    case 16:
        last_call[f->number] = "nexus_copy_with";
        plain(f, nexus_copy_with(FS, path(f), path(f), (uint32_t)flag(f), a_nexus_write_options(f), place(f)));
        break;
    case 17:
        last_call[f->number] = "nexus_mkdir";
        plain(f, nexus_mkdir(FS, path(f), (uint32_t)below(f, 6), place(f)));
        break;
    case 18:
        last_call[f->number] = "nexus_rmdir";
        plain(f, nexus_rmdir(FS, path(f), flag(f), place(f)));
        break;
    default:
        last_call[f->number] = "nexus_buffer_…";
        (void)nexus_buffer_len((const nexus_buffer *)some(f, BUFFER));
        (void)nexus_buffer_data((const nexus_buffer *)some(f, BUFFER));
    }
}

static void stream_calls(fuzzer *f)
{
    size_t len = length(f), count = 77;
    uint64_t size = 77;
    nexus_reader *reader = NULL;
    nexus_writer *writer = NULL;
    nexus_entry *entry = NULL;
    unsigned char room[512];
    nexus_status status;
    switch (below(f, 9)) {
    case 0:
        last_call[f->number] = "nexus_reader_open";
        status = nexus_reader_open(FS, path(f), &reader, place(f));
        opened(f, status, READER, reader);
        break;
    case 1:
        last_call[f->number] = "nexus_reader_size";
        status = nexus_reader_size((nexus_reader *)some(f, READER), &size, place(f));
        if (!went_well(f, status, NULL) && size != 0)
            fail(f, "an output that is not blank");
        break;
    case 2: {
        size_t cap = below(f, sizeof room + 1);
        last_call[f->number] = "nexus_reader_read";
        status = nexus_reader_read((nexus_reader *)some(f, READER), room, cap, &count, place(f));
        if (went_well(f, status, NULL) ? count > cap : count != 0)
            fail(f, "read %zu of %zu bytes", count, cap);
        break;
    }
    case 3:
        last_call[f->number] = "nexus_reader_seek";
        plain(f, nexus_reader_seek((nexus_reader *)some(f, READER), number(f), place(f)));
        break;
    case 4:
        last_call[f->number] = "nexus_reader_close";
        plain(f, nexus_reader_close((nexus_reader *)some(f, READER), place(f)));
        break;
    case 5:
        last_call[f->number] = "nexus_writer_open";
        status = nexus_writer_open(FS, path(f), a_nexus_write_options(f), &writer, place(f));
        opened(f, status, WRITER, writer);
        break;
    case 6:
        last_call[f->number] = "nexus_writer_write";
        plain(f, nexus_writer_write((nexus_writer *)some(f, WRITER), bytes(f, len), len, place(f)));
        break;
    case 7:
        last_call[f->number] = "nexus_writer_commit";
        status = nexus_writer_commit((nexus_writer *)some(f, WRITER), &entry, place(f));
        entry_out(f, status, entry);
        break;
    default:
        last_call[f->number] = "nexus_writer_abort";
        plain(f, nexus_writer_abort((nexus_writer *)some(f, WRITER), place(f)));
    }
}

static void finding_calls(fuzzer *f)
{
    nexus_entries *entries = NULL;
    nexus_matches *matches = NULL;
    nexus_strings *strings = NULL;
    const char *paths[5];
    size_t i, count = below(f, 6);
    nexus_status status;
    switch (below(f, 8)) {
    case 0:
    case 1:
        last_call[f->number] = "nexus_list";
        status = nexus_list(FS, a_nexus_list_options(f), &entries, place(f));
        entries_out(f, status, entries);
        break;
    case 2:
        last_call[f->number] = "nexus_glob";
        status = nexus_glob(FS, text(f), a_nexus_find_options(f), &entries, place(f));
        entries_out(f, status, entries);
        break;
    case 3:
        last_call[f->number] = "nexus_grep";
        status = nexus_grep(FS, text(f), a_nexus_grep_options(f), &matches, place(f));
        opened(f, status, MATCHES, matches);
        break;
    case 4:
        last_call[f->number] = "nexus_content_ids";
        for (i = 0; i < 5; i++)
            paths[i] = path(f);
        status = nexus_content_ids(FS, chance(f, 3) ? NULL : paths, count, &strings, place(f));
        opened(f, status, STRINGS, strings);
        break;
    case 5:
        last_call[f->number] = "nexus_find_by_meta";
        status = nexus_find_by_meta(FS, text(f), json(f), a_nexus_find_options(f), &entries, place(f));
        entries_out(f, status, entries);
        break;
    default:
        /* Lists that may be stale, or be freed meanwhile: the addresses are not followed. */
        last_call[f->number] = "accessors";
        (void)nexus_entries_len((const nexus_entries *)some(f, ENTRIES));
        (void)nexus_entries_at((const nexus_entries *)some(f, ENTRIES), (size_t)number(f));
        (void)nexus_entries_cursor((const nexus_entries *)some(f, ENTRIES));
        (void)nexus_matches_len((const nexus_matches *)some(f, MATCHES));
        (void)nexus_matches_at((const nexus_matches *)some(f, MATCHES), (size_t)number(f));
        (void)nexus_matches_skipped((const nexus_matches *)some(f, MATCHES));
        (void)nexus_matches_truncated((const nexus_matches *)some(f, MATCHES));
        (void)nexus_strings_len((const nexus_strings *)some(f, STRINGS));
        (void)nexus_strings_at((const nexus_strings *)some(f, STRINGS), (size_t)number(f));
        (void)nexus_work_list_len((const nexus_work_list *)some(f, WORK));
        (void)nexus_work_list_at((const nexus_work_list *)some(f, WORK), (size_t)number(f));
    }
}

static void metadata_calls(fuzzer *f)
{
    char *string = NULL;
    nexus_status status;
    switch (below(f, 10)) {
    case 0:
    case 1:
        last_call[f->number] = "nexus_set_meta";
        plain(f, nexus_set_meta(FS, path(f), text(f), json(f), place(f)));
        break;
    case 2:
        last_call[f->number] = "nexus_set_meta_with";
        plain(f, nexus_set_meta_with(FS, path(f), text(f), json(f), a_nexus_write_options(f), place(f)));
        break;
    case 3:
    case 4:
        last_call[f->number] = "nexus_set_meta_many";
        plain(f, nexus_set_meta_many(FS, path(f), json(f), place(f)));
        break;
    case 5:
        last_call[f->number] = "nexus_get_meta";
        status = nexus_get_meta(FS, path(f), text(f), &string, place(f));
        string_out(f, status, string);
        break;
    case 6:
        last_call[f->number] = "nexus_list_meta";
        status = nexus_list_meta(FS, path(f), &string, place(f));
        string_out(f, status, string);
        break;
    case 7:
        last_call[f->number] = "nexus_delete_meta";
        plain(f, nexus_delete_meta(FS, path(f), text(f), place(f)));
        break;
    case 8:
        last_call[f->number] = "nexus_path_id";
        status = nexus_path_id(FS, path(f), &string, place(f));
        if (status == NEXUS_STATUS_OK && chance(f, 50)) {
            char *where = NULL;
            nexus_path_of_id(FS, string, &where, NULL);
            nexus_string_free(where);
        }
        string_out(f, status, string);
        break;
    default:
        last_call[f->number] = "nexus_path_of_id";
        status = nexus_path_of_id(FS, text(f), &string, place(f));
        string_out(f, status, string);
    }
}

static void batch_calls(fuzzer *f)
{
    nexus_batch *batch = (nexus_batch *)some(f, BATCH);
    size_t len = length(f);
    nexus_batch *made = NULL;
    nexus_entries *rows = NULL;
    nexus_status status;
    last_call[f->number] = "nexus_batch_…";
    switch (below(f, 20)) {
    case 0:
    case 1:
        status = nexus_batch_new(FS, &made, place(f));
        opened(f, status, BATCH, made);
        break;
    case 2: plain(f, nexus_batch_write(batch, path(f), bytes(f, len), len, a_nexus_write_options(f), place(f))); break;
    case 3: plain(f, nexus_batch_append(batch, path(f), bytes(f, len), len, a_nexus_write_options(f), place(f))); break;
    case 4: plain(f, nexus_batch_delete(batch, path(f), place(f))); break;
    case 5: plain(f, nexus_batch_rename(batch, path(f), path(f), (uint32_t)flag(f), place(f))); break;
    case 6: plain(f, nexus_batch_copy(batch, path(f), path(f), (uint32_t)flag(f), place(f))); break;
    case 7: plain(f, nexus_batch_mkdir(batch, path(f), (uint32_t)below(f, 6), place(f))); break;
    case 8: plain(f, nexus_batch_set_meta(batch, path(f), text(f), json(f), place(f))); break;
    case 9: plain(f, nexus_batch_set_meta_many(batch, path(f), json(f), place(f))); break;
    case 10: plain(f, nexus_batch_delete_meta(batch, path(f), text(f), place(f))); break;
    case 11: plain(f, nexus_batch_require_etag(batch, path(f), text(f), place(f))); break;
    case 12: plain(f, nexus_batch_require_lease(batch, path(f), number(f), place(f))); break;
    case 13: plain(f, nexus_batch_complete_work(batch, path(f), lease(f), json(f), place(f))); break;
    case 14: plain(f, nexus_batch_fail_work(batch, path(f), lease(f), text(f), number(f), place(f))); break;
    case 15: plain(f, nexus_batch_release_work(batch, path(f), lease(f), place(f))); break;
    case 16: nexus_batch_free(batch); break;
    default:
        last_call[f->number] = "nexus_batch_commit";
        if (chance(f, 50)) {
            plain(f, nexus_batch_commit(batch, NULL, place(f)));
        } else {
            status = nexus_batch_commit(batch, &rows, place(f));
            entries_out(f, status, rows);
        }
    }
}

static void work_calls(fuzzer *f)
{
    static nexus_status (*const queries[])(nexus_fs *, int64_t, nexus_work_list **, nexus_error **) = {
        nexus_get_ready_work, nexus_get_pending_work, nexus_get_blocked_work, nexus_get_in_progress_work,
        nexus_get_work_by_priority,
    };
    nexus_work_list *items = NULL;
    char *string = NULL;
    int32_t answer = 77;
    nexus_status status;
    switch (below(f, 14)) {
    case 6:
    case 7:
    case 8:
        last_call[f->number] = "nexus_work_claim";
        status = nexus_work_claim(FS, text(f), a_nexus_claim_options(f), &items, place(f));
        opened(f, status, WORK, items);
        break;
    case 9:
        last_call[f->number] = "nexus_work_heartbeat";
        plain(f, nexus_work_heartbeat(FS, path(f), lease(f), number(f), place(f)));
        break;
    case 10:
        last_call[f->number] = "nexus_work_complete";
        plain(f, nexus_work_complete(FS, path(f), lease(f), json(f), place(f)));
        break;
    case 11:
        last_call[f->number] = "nexus_work_fail";
        plain(f, nexus_work_fail(FS, path(f), lease(f), text(f), number(f), place(f)));
        break;
    case 12:
        last_call[f->number] = "nexus_work_release";
        plain(f, nexus_work_release(FS, path(f), lease(f), place(f)));
        break;
    case 13:
        last_call[f->number] = "nexus_work_wait";
        status = nexus_work_wait(FS, path(f), (int64_t)below(f, 3), &answer, place(f));
        if (went_well(f, status, NULL) ? (answer | 1) != 1 : answer != 0)
            fail(f, "answers %d", (int)answer);
        break;
    case 0:
    case 1:
    case 2:
        last_call[f->number] = "nexus_get_…_work";
        status = ONE_OF(f, queries)(FS, (int64_t)number(f), &items, place(f));
        opened(f, status, WORK, items);
        break;
    case 3:
        last_call[f->number] = "nexus_work_explain";
        status = nexus_work_explain(FS, path(f), &string, place(f));
        string_out(f, status, string);
        break;
    case 4:
        last_call[f->number] = "nexus_work_stats";
        status = nexus_work_stats(FS, path(f), &string, place(f));
        string_out(f, status, string);
        break;
    default:
        last_call[f->number] = "nexus_work_list_json";
        status = nexus_work_list_json((const nexus_work_list *)some(f, WORK), &string, place(f));
        string_out(f, status, string);
    }
}

static void upkeep_calls(fuzzer *f)
{
    nexus_progress_fn told = chance(f, 60) ? progress : NULL;
    char *report = NULL;
    uint64_t count = 77;
    nexus_status status;
    switch (below(f, 5)) {
    case 0:
        last_call[f->number] = "nexus_export_metadata";
        status = nexus_export_metadata(FS, host_file(f), a_nexus_export_options(f), told, f, &count, place(f));
        if (!went_well(f, status, NULL) && count != 0)
            fail(f, "an output that is not blank");
        break;
    case 1:
        last_call[f->number] = "nexus_import_metadata";
        status = nexus_import_metadata(FS, host_file(f), a_nexus_import_options(f), told, f, &report, place(f));
        string_out(f, status, report);
        break;
    case 2:
        last_call[f->number] = "nexus_gc";
        status = nexus_gc(FS, told, f, &report, place(f));
        string_out(f, status, report);
        break;
    case 3:
        last_call[f->number] = "nexus_storage_stats";
        status = nexus_storage_stats(FS, &report, place(f));
        string_out(f, status, report);
        break;
    default:
        last_call[f->number] = "nexus_content_info";
        status = nexus_content_info(FS, text(f), &report, place(f));
        string_out(f, status, report);
    }
}

/* ---- Rounds ------------------------------------------------------------------------------------ */

static void *run_thread(void *argument)
{
    fuzzer *f = (fuzzer *)argument;
    int i;
    for (i = 0; i < CALLS; i++) {
        switch (below(f, 16)) {
        case 0: store_calls(f); break;
        case 1:
        case 2:
        case 3:
        case 4: file_calls(f); break;
        case 5:
        case 6: stream_calls(f); break;
        case 7:
        case 8: finding_calls(f); break;
        case 9:
        case 10: metadata_calls(f); break;
        case 11:
        case 12: batch_calls(f); break;
        case 13:
        case 14: work_calls(f); break;
        default: upkeep_calls(f);
        }
    }
    return NULL;
}

static int remove_one(const char *name, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(name);
}

static void make_round(uint64_t seed)
{
    static fuzzer fuzzers[THREADS];
    char directory[] = "/tmp/nexus-fuzz-XXXXXX";
    pthread_t threads[THREADS];
    int count = seed % 2 != 0 ? 1 : THREADS, i;
    FILE *noise;

    round_seed = seed;
    if (mkdtemp(directory) == NULL || chdir(directory) != 0 || mkdir("mounted", 0700) != 0 || setenv("HOME", directory, 1))
        fail(NULL, "no directory");
    noise = fopen("noise", "wb");
    if (noise == NULL || fwrite(data, 1, 5000, noise) != 5000 || fclose(noise) != 0)
        fail(NULL, "no file");
    for (i = 0; i < count; i++) {
        fuzzer *f = &fuzzers[i];
        memset(f, 0, sizeof *f);
        f->number = (unsigned)i;
        f->random = (seed * 8 + (uint64_t)i + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
        last_call[i] = "nexus_connect";
        if (i == 0) {
            int first;
            for (first = 0; first < 4; first++) {
                static const char *const open[] = {
                    "{\"data_dir\": \"one\", \"durability\": \"normal\"}",
                    "{\"data_dir\": \"two\", \"durability\": \"normal\", \"inline_max_bytes\": 16}",
                };
                nexus_fs *fs = NULL;
                nexus_status status = nexus_connect(open[first % 2], &fs, place(f));
                opened(f, status, STORE, fs);
            }
        }
    }
    for (i = 1; i < count; i++)
        if (pthread_create(&threads[i], NULL, run_thread, &fuzzers[i]) != 0)
            fail(NULL, "no thread");
    run_thread(&fuzzers[0]);
    for (i = 1; i < count; i++)
        pthread_join(threads[i], NULL);
    nexus_set_log_callback(NULL, NULL, 0, NULL);
    release_all();
    if (nexus_live_objects() != 0)
        fail(NULL, "%" PRIu64 " objects are still open", nexus_live_objects());
    if (chdir("/") != 0)
        fail(NULL, "no root");
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
    struct timespec now;
    uint64_t seed, i, rounds = 0;
    time_t end;
    clock_gettime(CLOCK_REALTIME, &now);
    seed = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (i = 0; i < DATA_BYTES; i++)
        data[i] = (unsigned char)(i * 2654435761u >> 13);
    for (i = 0; i < THREADS; i++)
        last_call[i] = "-";
#ifndef __SANITIZE_ADDRESS__
    signal(SIGSEGV, on_crash);
    signal(SIGBUS, on_crash);
#endif
    signal(SIGABRT, on_crash);
    if (argc == 3 && strcmp(argv[1], "--round") == 0) {
        make_round(strtoull(argv[2], NULL, 10));
        printf("%" PRIu64 " calls, %" PRIu64 " of them OK\n", calls_made, calls_ok);
        return 0;
    }
    if (argc < 2 || argc > 3 || strtol(argv[1], NULL, 10) <= 0) {
        fprintf(stderr, "usage: %s SECONDS [SEED] | --round SEED\n", argv[0]);
        return 2;
    }
    if (argc == 3)
        seed = strtoull(argv[2], NULL, 10);
    end = now.tv_sec + strtol(argv[1], NULL, 10);
    do {
        make_round(seed + rounds++);
        clock_gettime(CLOCK_REALTIME, &now);
    } while (now.tv_sec < end);
    printf("%" PRIu64 " rounds from seed %" PRIu64 ": %" PRIu64 " calls, %" PRIu64 " of them OK\n", rounds, seed,
           calls_made, calls_ok);
    return 0;
}
