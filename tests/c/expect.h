/*
 * What the test programs in this directory stand on: expectations that tell the story when they do
 * not hold, a temporary directory for each test, stores in it, and memory that lasts as long as a test.
 *
 * A program is a list of functions run by RUN, each in a directory of its own. The first expectation
 * that does not hold ends its test, not the program. Include this header before any other.
 *
 *   OK(call)              the call returns OK
 *   FAILS(NOT_FOUND, call) the call returns that status, and its message is not empty
 *   ERR                   the error argument for both: a slot of the calling thread
 */
#ifndef NEXUS_TESTS_EXPECT_H
#define NEXUS_TESTS_EXPECT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <nexus.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* CTest's SKIP_RETURN_CODE. */
#define SKIPPED 77

/* Whether AddressSanitizer watches the program, which it makes slow and large. */
#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#else
#define UNDER_ASAN 0
#endif

/* Content of this size does not fit the default inline limit of 64 KiB. */
#define LARGE ((size_t)200 * 1024)

/* ---- Failing ---------------------------------------------------------------------------------- */

static jmp_buf expect_jump;
static const char *expect_test = "";
static const char *expect_only = NULL;
static int expect_failures = 0;
static int expect_skipped = 0;
/* Set in the thread that runs the tests; elsewhere (other threads, child processes) a failure ends
   the process at once, as there is nothing to go back to. */
static __thread int expect_can_jump = 0;
static __thread nexus_error *expect_slot = NULL;

static inline nexus_error **expect_error_slot(void)
{
    nexus_error_free(expect_slot);
    expect_slot = NULL;
    return &expect_slot;
}
#define ERR expect_error_slot()

/* The message of the last call of this thread that was given ERR; "" after a success. */
static inline const char *message(void)
{
    const char *text = expect_slot ? nexus_error_message(expect_slot) : NULL;
    return text ? text : "";
}

__attribute__((noreturn)) static inline void expect_stop(void)
{
    if (expect_can_jump) {
        longjmp(expect_jump, 1);
    }
    fflush(NULL);
    _exit(1);
}

__attribute__((noreturn, format(printf, 3, 4))) static inline void expect_fail(const char *file, int line,
                                                                               const char *format, ...)
{
    va_list arguments;
    const char *name = strrchr(file, '/');
    fprintf(stderr, "%s:%d: in %s: ", name ? name + 1 : file, line, expect_test);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    expect_stop();
}
#define FAIL(...) expect_fail(__FILE__, __LINE__, __VA_ARGS__)

static inline void expect_status(const char *file, int line, const char *call, nexus_status got,
                                 nexus_status want)
{
    if (got != want) {
        expect_fail(file, line, "%s\n    returned %s, expected %s; message: %s", call, nexus_status_name(got),
                    nexus_status_name(want), message()[0] ? message() : "(none)");
    }
    if (want != NEXUS_STATUS_OK && expect_slot != NULL && nexus_error_status(expect_slot) != want) {
        expect_fail(file, line, "%s\n    returned %s, but its error object says %s", call, nexus_status_name(got),
                    nexus_status_name(nexus_error_status(expect_slot)));
    }
}
#define OK(call) expect_status(__FILE__, __LINE__, #call, (call), NEXUS_STATUS_OK)
#define FAILS(status, call) expect_status(__FILE__, __LINE__, #call, (call), NEXUS_STATUS_##status)

#define EXPECT(condition)                                                                                      \
    do {                                                                                                       \
        if (!(condition)) {                                                                                    \
            expect_fail(__FILE__, __LINE__, "%s does not hold", #condition);                                   \
        }                                                                                                      \
    } while (0)

static inline void expect_int(const char *file, int line, const char *what, int64_t got, int64_t want)
{
    if (got != want) {
        expect_fail(file, line, "%s is %" PRId64 ", expected %" PRId64, what, got, want);
    }
}
#define EXPECT_INT(got, want) expect_int(__FILE__, __LINE__, #got, (int64_t)(got), (int64_t)(want))

static inline void expect_str(const char *file, int line, const char *what, const char *got, const char *want)
{
    if (got == NULL || want == NULL ? got != want : strcmp(got, want) != 0) {
        expect_fail(file, line, "%s is\n      %s\n    expected\n      %s", what, got ? got : "NULL",
                    want ? want : "NULL");
    }
}
#define EXPECT_STR(got, want) expect_str(__FILE__, __LINE__, #got, (got), (want))

static inline void expect_has(const char *file, int line, const char *what, const char *got, const char *part,
                              int wanted)
{
    if ((got != NULL && strstr(got, part) != NULL) != (wanted != 0)) {
        expect_fail(file, line, "%s %s \"%s\":\n      %s", what, wanted ? "does not contain" : "contains", part,
                    got ? got : "NULL");
    }
}
#define EXPECT_HAS(got, part) expect_has(__FILE__, __LINE__, #got, (got), (part), 1)
#define EXPECT_LACKS(got, part) expect_has(__FILE__, __LINE__, #got, (got), (part), 0)

/* ---- Memory of a test ------------------------------------------------------------------------- */

/* Blocks freed when the test ends, in all threads together. */
struct expect_block {
    struct expect_block *next;
};
static struct expect_block *expect_blocks = NULL;

/* `size` bytes, zeroed, until the end of the test. Safe from any thread. */
static inline void *scratch(size_t size)
{
    struct expect_block *block = (struct expect_block *)calloc(1, sizeof(struct expect_block) + size);
    if (block == NULL) {
        FAIL("out of memory for %zu bytes", size);
    }
    do {
        block->next = __atomic_load_n(&expect_blocks, __ATOMIC_RELAXED);
    } while (!__sync_bool_compare_and_swap(&expect_blocks, block->next, block));
    return block + 1;
}

static inline void expect_free_blocks(void)
{
    while (expect_blocks != NULL) {
        struct expect_block *next = expect_blocks->next;
        free(expect_blocks);
        expect_blocks = next;
    }
}

/* printf into memory of the test. */
__attribute__((format(printf, 1, 2))) static inline char *text(const char *format, ...)
{
    va_list arguments;
    int length;
    char *result;
    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    result = (char *)scratch((size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(result, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return result;
}

/* Takes a string that the library handed out: a copy for the rest of the test, the original freed. */
static inline char *keep(char *handed_out)
{
    char *copy = NULL;
    if (handed_out != NULL) {
        copy = text("%s", handed_out);
        nexus_string_free(handed_out);
    }
    return copy;
}

/* `size` bytes that look random, different for each `seed`. */
static inline uint8_t *noise(size_t size, uint64_t seed)
{
    uint8_t *bytes = (uint8_t *)scratch(size);
    uint64_t state = seed * 2654435761u + 88172645463325252u;
    size_t i;
    for (i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = (uint8_t)(state >> 32);
    }
    return bytes;
}

/* ---- Directories ------------------------------------------------------------------------------ */

/* The directory of the running test. */
static char expect_directory[256] = "";

static inline int expect_remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline void remove_tree(const char *directory)
{
    if (nftw(directory, expect_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        fprintf(stderr, "could not remove %s: %s\n", directory, strerror(errno));
    }
}

static inline void expect_make_directory(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(expect_directory, sizeof expect_directory, "%s/nexus-test-XXXXXX", base && base[0] ? base : "/tmp");
    if (mkdtemp(expect_directory) == NULL) {
        FAIL("mkdtemp %s: %s", expect_directory, strerror(errno));
    }
}

/* A path in the directory of the test, on the host's disk. */
static inline char *disk(const char *name)
{
    return text("%s/%s", expect_directory, name);
}

static inline void write_disk(const char *path, const char *content)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(content, 1, strlen(content), file) != strlen(content) || fclose(file) != 0) {
        FAIL("writing %s: %s", path, strerror(errno));
    }
}

static inline char *read_disk(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *content;
    long size;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        FAIL("reading %s: %s", path, strerror(errno));
    }
    rewind(file);
    content = (char *)scratch((size_t)size + 1);
    if (fread(content, 1, (size_t)size, file) != (size_t)size) {
        FAIL("reading %s: %s", path, strerror(errno));
    }
    fclose(file);
    return content;
}

static uint64_t expect_files_seen;

static inline int expect_count_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)path;
    (void)walk;
    expect_files_seen += type == FTW_F && S_ISREG(info->st_mode);
    return 0;
}

/* Regular files below a directory on disk; 0 where there is none. */
static inline uint64_t files_below(const char *directory)
{
    expect_files_seen = 0;
    nftw(directory, expect_count_one, 16, FTW_PHYS);
    return expect_files_seen;
}

/* ---- Running ---------------------------------------------------------------------------------- */

/* A process that must not outlive a failed test. */
static pid_t expect_helper = 0;

static inline void expect_run(const char *name, void (*test)(void))
{
    volatile int failed = 0;
    /* What a failed test before left open is not this one's. */
    const uint64_t open_before = nexus_live_objects();
    if (expect_only != NULL && strcmp(expect_only, name) != 0) {
        return;
    }
    expect_test = name;
    expect_can_jump = 1;
    if (setjmp(expect_jump) == 0) {
        expect_make_directory();
        test();
        (void)expect_error_slot();
        if (nexus_live_objects() != open_before) {
            FAIL("%" PRIu64 " objects are still open", nexus_live_objects() - open_before);
        }
    } else {
        failed = 1;
        expect_failures++;
        if (expect_helper != 0) {
            kill(expect_helper, SIGKILL);
            waitpid(expect_helper, NULL, 0);
        }
    }
    expect_helper = 0;
    (void)expect_error_slot();
    expect_free_blocks();
    remove_tree(expect_directory);
    fprintf(stderr, "%s %s\n", failed ? "FAIL" : "ok  ", name);
}
#define RUN(test) expect_run(#test, test)

/* The program's exit status. */
static inline int finish(void)
{
    if (expect_failures == 0 && nexus_live_objects() != 0) {
        fprintf(stderr, "%" PRIu64 " objects are still open at the end\n", nexus_live_objects());
        return 1;
    }
    if (expect_failures != 0) {
        fprintf(stderr, "%d tests failed\n", expect_failures);
        return 1;
    }
    return expect_skipped ? SKIPPED : 0;
}

/* Every program takes the name of one test as an optional argument. The environment configures nothing. */
static inline void begin(int argc, char **argv)
{
    char **variable = environ;
    while (*variable != NULL) {
        if (strncmp(*variable, "NEXUS_", 6) == 0) {
            unsetenv(text("%.*s", (int)strcspn(*variable, "="), *variable));
            variable = environ;
        } else {
            variable++;
        }
    }
    expect_free_blocks();
    expect_only = argc > 1 ? argv[1] : NULL;
    setvbuf(stderr, NULL, _IOLBF, 0);
}

/* Whether the memory of this program is watched, by which all takes twenty times as long. */
static inline int under_valgrind(void)
{
    return getenv("UNDER_VALGRIND") != NULL;
}

/* ---- Stores ----------------------------------------------------------------------------------- */

/* The store of the test, opened with further JSON members (`"tenant_id": "acme"`) or "". */
static inline nexus_fs *open_store(const char *members)
{
    nexus_fs *fs = NULL;
    const char *config = text("{\"data_dir\": \"%s/store\"%s%s}", expect_directory, members[0] ? ", " : "", members);
    expect_status(__FILE__, __LINE__, config, nexus_connect(config, &fs, ERR), NEXUS_STATUS_OK);
    return fs;
}

static inline nexus_status try_open(const char *members)
{
    nexus_fs *fs = NULL;
    const char *config = text("{\"data_dir\": \"%s/store\"%s%s}", expect_directory, members[0] ? ", " : "", members);
    nexus_status status = nexus_connect(config, &fs, ERR);
    if (status == NEXUS_STATUS_OK) {
        nexus_close(fs, NULL);
    } else {
        EXPECT(fs == NULL);
    }
    return status;
}

static inline void close_store(nexus_fs *fs)
{
    OK(nexus_close(fs, ERR));
}

/* A handle for one tenant and agent (NULL: not bound), opened from a config of its own. */
static inline nexus_fs *open_as(const char *tenant, const char *agent)
{
    const char *members = "";
    if (tenant != NULL && agent != NULL) {
        members = text("\"tenant_id\": \"%s\", \"agent_id\": \"%s\"", tenant, agent);
    } else if (tenant != NULL) {
        members = text("\"tenant_id\": \"%s\"", tenant);
    }
    return open_store(members);
}

/* ---- Short forms of calls that must succeed ---------------------------------------------------- */

#define BYTES(literal) (const uint8_t *)(literal), strlen(literal)

#define put(fs, path, content) OK(nexus_write((fs), (path), BYTES(content), ERR))

/* The content of a file as a string, its size in `*size` unless NULL. */
static inline char *get_bytes(const char *file, int line, nexus_fs *fs, const char *path, size_t *size)
{
    nexus_buffer *buffer = NULL;
    char *copy;
    size_t length;
    expect_status(file, line, text("nexus_read(\"%s\")", path), nexus_read(fs, path, &buffer, ERR), NEXUS_STATUS_OK);
    length = nexus_buffer_len(buffer);
    copy = (char *)scratch(length + 1);
    if (length != 0) {
        memcpy(copy, nexus_buffer_data(buffer), length);
    }
    nexus_buffer_free(buffer);
    if (size != NULL) {
        *size = length;
    }
    return copy;
}
#define get(fs, path) get_bytes(__FILE__, __LINE__, (fs), (path), NULL)

static inline void expect_content(const char *file, int line, nexus_fs *fs, const char *path, const void *want,
                                  size_t size)
{
    size_t length = 0;
    const char *got = get_bytes(file, line, fs, path, &length);
    size_t i = 0;
    while (i < length && i < size && got[i] == ((const char *)want)[i]) {
        i++;
    }
    if (length != size || i != size) {
        expect_fail(file, line, "%s has %zu bytes, expected %zu; the first difference is at %zu", path, length, size,
                    i);
    }
}
#define EXPECT_CONTENT(fs, path, want, size) expect_content(__FILE__, __LINE__, (fs), (path), (want), (size))

/* An entry with its strings copied, so that it needs no free. */
typedef struct {
    const char *path;
    int kind;
    uint64_t size;
    const char *etag;
    uint64_t version;
    const char *mime_type;
    const char *path_id;
    const char *backend_name;
    int64_t created_at;
    int64_t modified_at;
} entry;

static inline char *expect_copy(const char *string)
{
    return string == NULL ? NULL : text("%s", string);
}

static inline entry entry_of(const nexus_entry *row)
{
    entry e;
    memset(&e, 0, sizeof e);
    if (row == NULL) {
        FAIL("an entry is missing (NULL)");
    }
    EXPECT_INT(row->struct_size, sizeof(nexus_entry));
    e.path = expect_copy(row->path);
    e.kind = (int)row->kind;
    e.size = row->size;
    e.etag = expect_copy(row->etag);
    e.version = row->version;
    e.mime_type = expect_copy(row->mime_type);
    e.path_id = expect_copy(row->path_id);
    e.backend_name = expect_copy(row->backend_name);
    e.created_at = row->created_at;
    e.modified_at = row->modified_at;
    return e;
}

static inline entry take_entry(nexus_entry *row)
{
    entry e = entry_of(row);
    nexus_entry_free(row);
    return e;
}

static inline entry stat_at(const char *file, int line, nexus_fs *fs, const char *path)
{
    nexus_entry *row = NULL;
    expect_status(file, line, text("nexus_stat(\"%s\")", path), nexus_stat(fs, path, &row, ERR), NEXUS_STATUS_OK);
    return take_entry(row);
}
#define look(fs, path) stat_at(__FILE__, __LINE__, (fs), (path))

static inline int exists(nexus_fs *fs, const char *path)
{
    int32_t there = -1;
    OK(nexus_exists(fs, path, &there, ERR));
    return there;
}

static inline int is_directory(nexus_fs *fs, const char *path)
{
    int32_t directory = -1;
    OK(nexus_is_directory(fs, path, &directory, ERR));
    return directory;
}

/* The paths of a page joined by spaces, directories with a final '/'. Frees the page. */
static inline char *paths_of(nexus_entries *page)
{
    size_t count = nexus_entries_len(page), i, room = 1;
    char *joined, *end;
    for (i = 0; i < count; i++) {
        const nexus_entry *row = nexus_entries_at(page, i);
        room += (row == NULL || row->path == NULL ? 1 : strlen(row->path)) + 2;
    }
    joined = end = (char *)scratch(room);
    for (i = 0; i < count; i++) {
        const nexus_entry *row = nexus_entries_at(page, i);
        int root = row != NULL && row->path != NULL && strcmp(row->path, "/") == 0;
        end += sprintf(end, "%s%s%s", i ? " " : "", row != NULL && row->path != NULL ? row->path : "-",
                       row != NULL && row->kind == NEXUS_KIND_DIRECTORY && !root ? "/" : "");
    }
    nexus_entries_free(page);
    return joined;
}

static inline char *list_at(const char *file, int line, nexus_fs *fs, const nexus_list_options *options)
{
    nexus_entries *page = NULL;
    expect_status(file, line, "nexus_list", nexus_list(fs, options, &page, ERR), NEXUS_STATUS_OK);
    return paths_of(page);
}
/* Everything that `options` list, NULL for all files. */
#define listed(fs, options) list_at(__FILE__, __LINE__, (fs), (options))

static inline nexus_list_options listing(const char *path, const char *prefix, int recursive)
{
    nexus_list_options options = NEXUS_LIST_OPTIONS_INIT;
    options.path = path;
    options.prefix = prefix;
    options.recursive = recursive;
    return options;
}

static inline char *children_at(const char *file, int line, nexus_fs *fs, const char *path)
{
    nexus_list_options options = listing(path, NULL, 0);
    return list_at(file, line, fs, &options);
}
#define children(fs, path) children_at(__FILE__, __LINE__, (fs), (path))

static inline char *below_at(const char *file, int line, nexus_fs *fs, const char *path)
{
    nexus_list_options options = listing(path, NULL, 1);
    return list_at(file, line, fs, &options);
}
#define below(fs, path) below_at(__FILE__, __LINE__, (fs), (path))

static inline char *glob_at(const char *file, int line, nexus_fs *fs, const char *pattern)
{
    nexus_entries *page = NULL;
    expect_status(file, line, text("nexus_glob(\"%s\")", pattern), nexus_glob(fs, pattern, NULL, &page, ERR),
                  NEXUS_STATUS_OK);
    return paths_of(page);
}
#define globbed(fs, pattern) glob_at(__FILE__, __LINE__, (fs), (pattern))

static inline char *id_at(const char *file, int line, nexus_fs *fs, const char *path)
{
    char *id = NULL;
    expect_status(file, line, text("nexus_path_id(\"%s\")", path), nexus_path_id(fs, path, &id, ERR),
                  NEXUS_STATUS_OK);
    return keep(id);
}
#define id_of(fs, path) id_at(__FILE__, __LINE__, (fs), (path))

#define set_meta(fs, path, key, value) OK(nexus_set_meta((fs), (path), (key), (value), ERR))

static inline char *meta_at(const char *file, int line, nexus_fs *fs, const char *path, const char *key)
{
    char *json = NULL;
    expect_status(file, line, text("nexus_get_meta(\"%s\", \"%s\")", path, key),
                  nexus_get_meta(fs, path, key, &json, ERR), NEXUS_STATUS_OK);
    return keep(json);
}
#define meta(fs, path, key) meta_at(__FILE__, __LINE__, (fs), (path), (key))

/* ---- JSON -------------------------------------------------------------------------------------- */

static inline const char *json_skip_space(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') {
        p++;
    }
    return p;
}

/* The end of the value that begins at `p`. Trusts that it is well formed. */
static inline const char *json_skip_value(const char *p)
{
    int depth = 0;
    p = json_skip_space(p);
    do {
        if (*p == '"') {
            for (p++; *p != '"' && *p != 0; p++) {
                p += *p == '\\' && p[1] != 0;
            }
            p += *p == '"';
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (*p == '}' || *p == ']') {
            depth--;
            p++;
        } else if (depth > 0 && (*p == ',' || *p == ':' || *p <= ' ')) {
            p++;
        } else {
            while (*p != 0 && strchr(",:]} \t\r\n", *p) == NULL) {
                p++;
            }
        }
    } while (depth > 0 && *p != 0);
    return p;
}

/* The value at a place such as `collisions[0].path`, as JSON text, or NULL. */
static inline char *json(const char *document, const char *place)
{
    const char *p = json_skip_space(document);
    while (*place != 0) {
        if (*place == '[') {
            long index = strtol(place + 1, (char **)&place, 10);
            place++;
            if (*p != '[') {
                return NULL;
            }
            p = json_skip_space(p + 1);
            for (; index > 0 && *p != ']' && *p != 0; index--) {
                p = json_skip_space(json_skip_value(p));
                p = json_skip_space(p + (*p == ','));
            }
            if (*p == ']' || *p == 0) {
                return NULL;
            }
        } else {
            size_t length = strcspn(place, ".[");
            int found = 0;
            if (*p != '{') {
                return NULL;
            }
            p = json_skip_space(p + 1);
            while (*p == '"' && !found) {
                const char *end = json_skip_value(p);
                found = (size_t)(end - p) == length + 2 && strncmp(p + 1, place, length) == 0;
                p = json_skip_space(end);
                p = json_skip_space(p + (*p == ':'));
                if (!found) {
                    p = json_skip_space(json_skip_value(p));
                    p = json_skip_space(p + (*p == ','));
                }
            }
            if (!found) {
                return NULL;
            }
            place += length;
        }
        place += *place == '.';
    }
    return text("%.*s", (int)(json_skip_value(p) - p), p);
}

/* The number there; -1 if there is none. */
static inline int64_t json_int(const char *document, const char *place)
{
    const char *value = json(document, place);
    return value == NULL || strchr("-0123456789", value[0]) == NULL ? -1 : strtoll(value, NULL, 10);
}

/* How many elements the array there has; -1 if it is no array. */
static inline int json_len(const char *document, const char *place)
{
    const char *value = json(document, place);
    int count = 0;
    if (value == NULL || value[0] != '[') {
        return -1;
    }
    while (json(value, text("[%d]", count)) != NULL) {
        count++;
    }
    return count;
}

/* How many paths that this handle may read hold the content; 0 for a content it knows nothing of. */
static inline int64_t reference_count(nexus_fs *fs, const char *etag)
{
    char *info = NULL;
    nexus_status status = nexus_content_info(fs, etag, &info, ERR);
    if (status == NEXUS_STATUS_NOT_FOUND) {
        return 0;
    }
    expect_status(__FILE__, __LINE__, "nexus_content_info", status, NEXUS_STATUS_OK);
    return json_int(keep(info), "ref_count");
}

#endif
