/* The contract of every call: error objects, arguments, options structs, handles, interruption. */
#include "expect.h"

#include <pthread.h>

static void every_status_has_a_name(void)
{
    static const struct {
        nexus_status status;
        const char *name;
    } names[] = {
#define NAMED(name) {NEXUS_STATUS_##name, #name}
        NAMED(OK), NAMED(INVALID_ARGUMENT), NAMED(INVALID_PATH), NAMED(INVALID_CONFIG), NAMED(NOT_FOUND), NAMED(ALREADY_EXISTS),
        NAMED(NOT_A_DIRECTORY), NAMED(IS_A_DIRECTORY), NAMED(NOT_EMPTY), NAMED(ACCESS_DENIED), NAMED(READ_ONLY), NAMED(CONFLICT),
        NAMED(CYCLE), NAMED(LEASE_LOST), NAMED(NOT_MOUNTED), NAMED(BUSY), NAMED(NO_SPACE), NAMED(CORRUPT), NAMED(IO),
        NAMED(UNSUPPORTED), NAMED(VERSION_MISMATCH), NAMED(CANCELLED), NAMED(MISUSE), NAMED(INTERNAL), NAMED(PANIC),
#undef NAMED
    };
    size_t i, k;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        EXPECT_INT(sizeof names[i].status, 4);
        EXPECT_HAS(nexus_status_name(names[i].status), names[i].name);
        for (k = 0; k < i; k++) {
            EXPECT(names[i].status != names[k].status);
            EXPECT(strcmp(nexus_status_name(names[i].status), nexus_status_name(names[k].status)) != 0);
        }
    }
    EXPECT_INT(NEXUS_STATUS_OK, 0);
    EXPECT(nexus_status_name((nexus_status)12345) != NULL);
    EXPECT(nexus_version()[0] != 0);
    EXPECT(nexus_abi_version() > 0);
}

static void an_error_says_what_and_where(void)
{
    nexus_error *error = NULL;
    nexus_buffer *buffer = NULL;
    nexus_fs *fs = open_store("");
    EXPECT_INT(nexus_read(fs, "/missing", &buffer, &error), NEXUS_STATUS_NOT_FOUND);
    EXPECT_INT(nexus_error_status(error), NEXUS_STATUS_NOT_FOUND);
    EXPECT_HAS(nexus_error_message(error), "/missing");
    EXPECT(strchr(nexus_error_message(error), '\n') == NULL);
    EXPECT_LACKS(nexus_error_message(error), expect_directory);
    EXPECT_STR(nexus_error_path(error), "/missing");
    EXPECT_INT(nexus_error_index(error), -1);
    EXPECT_INT(nexus_live_objects(), 2);
    nexus_error_free(error);
    EXPECT_INT(nexus_live_objects(), 1);
    nexus_error_free(NULL);
    /* Nobody asks: nothing to free. */
    EXPECT_INT(nexus_read(fs, "/missing", &buffer, NULL), NEXUS_STATUS_NOT_FOUND);
    EXPECT_INT(nexus_live_objects(), 1);
    /* A success leaves NULL. */
    error = (nexus_error *)fs;
    EXPECT_INT(nexus_write(fs, "/a", NULL, 0, &error), NEXUS_STATUS_OK);
    EXPECT(error == NULL);
    close_store(fs);
}

static void null_arguments_are_refused(void)
{
    nexus_buffer *buffer = NULL;
    nexus_entry *row = NULL;
    nexus_entries *page = NULL;
    nexus_reader *reader = NULL;
    nexus_batch *batch = NULL;
    char *string = NULL;
    int32_t flag = 0;
    size_t got = 0;
    uint8_t byte = 0;
    const char *none = NULL;
    nexus_strings *ids = NULL;
    nexus_fs *fs = open_store(""), *other = NULL;
    put(fs, "/a", "x");
    FAILS(INVALID_ARGUMENT, nexus_write(fs, NULL, BYTES("x"), ERR));
    FAILS(INVALID_ARGUMENT, nexus_write(fs, "/b", NULL, 1, ERR));
    FAILS(INVALID_ARGUMENT, nexus_append(fs, "/b", NULL, 1, ERR));
    FAILS(INVALID_ARGUMENT, nexus_read(fs, NULL, &buffer, ERR));
    FAILS(INVALID_ARGUMENT, nexus_read(fs, "/a", NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_read_at(fs, "/a", 0, NULL, 1, &got, ERR));
    FAILS(INVALID_ARGUMENT, nexus_read_at(fs, "/a", 0, &byte, 1, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_stat(fs, NULL, &row, ERR));
    FAILS(INVALID_ARGUMENT, nexus_stat(fs, "/a", NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_exists(fs, NULL, &flag, ERR));
    FAILS(INVALID_ARGUMENT, nexus_exists(fs, "/a", NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_delete(fs, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_rename(fs, NULL, "/b", ERR));
    FAILS(INVALID_ARGUMENT, nexus_rename(fs, "/a", NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_copy(fs, "/a", NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_mkdir(fs, NULL, 0, ERR));
    FAILS(INVALID_ARGUMENT, nexus_rmdir(fs, NULL, 0, ERR));
    FAILS(INVALID_ARGUMENT, nexus_reader_open(fs, NULL, &reader, ERR));
    FAILS(INVALID_ARGUMENT, nexus_reader_open(fs, "/a", NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_list(fs, NULL, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_glob(fs, NULL, NULL, &page, ERR));
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/a", NULL, "1", ERR));
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/a", "k", NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_get_meta(fs, "/a", NULL, &string, ERR));
    FAILS(INVALID_ARGUMENT, nexus_get_meta(fs, "/a", "k", NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_find_by_meta(fs, NULL, "1", NULL, &page, ERR));
    FAILS(INVALID_ARGUMENT, nexus_content_ids(fs, NULL, 1, &ids, ERR));
    FAILS(INVALID_ARGUMENT, nexus_content_ids(fs, &none, 1, &ids, ERR));
    FAILS(INVALID_ARGUMENT, nexus_path_of_id(fs, NULL, &string, ERR));
    FAILS(INVALID_ARGUMENT, nexus_content_info(fs, NULL, &string, ERR));
    FAILS(INVALID_ARGUMENT, nexus_batch_new(fs, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_config(fs, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_connect("{}", NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_connect_file(NULL, &other, ERR));
    FAILS(INVALID_ARGUMENT, nexus_with_identity(fs, "a", NULL, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_clone(fs, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_export_metadata(fs, NULL, NULL, NULL, NULL, NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_import_metadata(fs, NULL, NULL, NULL, NULL, &string, ERR));
    OK(nexus_batch_new(fs, &batch, ERR));
    FAILS(INVALID_ARGUMENT, nexus_batch_write(batch, NULL, BYTES("x"), NULL, ERR));
    FAILS(INVALID_ARGUMENT, nexus_batch_write(batch, "/b", NULL, 1, NULL, ERR));
    nexus_batch_free(batch);
    FAILS(INVALID_ARGUMENT, nexus_set_meta(fs, "/a", "\xff", "1", ERR));
    EXPECT_STR(listed(fs, NULL), "/a");
    close_store(fs);
}

static void outputs_are_cleared_on_failure(void)
{
    /* Never dereferenced by the library, only overwritten. */
    nexus_buffer *buffer;
    nexus_entry *row;
    nexus_entries *page;
    nexus_reader *reader;
    nexus_fs *other;
    char *string;
    int32_t flag = 7;
    nexus_fs *fs = open_store("");
    buffer = (nexus_buffer *)fs;
    row = (nexus_entry *)fs;
    page = (nexus_entries *)fs;
    reader = (nexus_reader *)fs;
    string = (char *)fs;
    other = fs;
    FAILS(NOT_FOUND, nexus_read(fs, "/missing", &buffer, ERR));
    EXPECT(buffer == NULL);
    FAILS(NOT_FOUND, nexus_stat(fs, "/missing", &row, ERR));
    EXPECT(row == NULL);
    FAILS(INVALID_ARGUMENT, nexus_glob(fs, "[", NULL, &page, ERR));
    EXPECT(page == NULL);
    FAILS(NOT_FOUND, nexus_reader_open(fs, "/missing", &reader, ERR));
    EXPECT(reader == NULL);
    FAILS(NOT_FOUND, nexus_path_id(fs, "/missing", &string, ERR));
    EXPECT(string == NULL);
    FAILS(INVALID_PATH, nexus_exists(fs, "/..", &flag, ERR));
    EXPECT_INT(flag, 0);
    FAILS(INVALID_CONFIG, nexus_connect("nonsense", &other, ERR));
    EXPECT(other == NULL);
    close_store(fs);
}

struct longer_options {
    nexus_list_options known;
    uint8_t more[16];
};

static void options_structs_may_grow(void)
{
    struct longer_options longer;
    nexus_list_options options = NEXUS_LIST_OPTIONS_INIT;
    nexus_entries *page = NULL;
    nexus_fs *fs = open_store("");
    EXPECT_INT(options.struct_size, sizeof options);
    EXPECT_INT(options.recursive, 1);
    put(fs, "/dir/a", "x");
    memset(&longer, 0, sizeof longer);
    longer.known = options;
    longer.known.path = "/dir";
    longer.known.struct_size = sizeof longer;
    OK(nexus_list(fs, &longer.known, &page, ERR));
    EXPECT_STR(paths_of(page), "/dir/a");
    longer.more[15] = 1;
    FAILS(INVALID_ARGUMENT, nexus_list(fs, &longer.known, &page, ERR));
    EXPECT_HAS(message(), "nexus_list_options");
    /* Only the size itself: everything is a default, and what lies behind is not read. */
    memset(&options, 0xff, sizeof options);
    options.struct_size = sizeof options.struct_size;
    OK(nexus_list(fs, &options, &page, ERR));
    EXPECT_STR(paths_of(page), "/dir/a");
    options.struct_size = 0;
    FAILS(INVALID_ARGUMENT, nexus_list(fs, &options, &page, ERR));
    options.struct_size = 3;
    FAILS(INVALID_ARGUMENT, nexus_list(fs, &options, &page, ERR));
    close_store(fs);
}

static void what_is_no_open_handle_is_misuse(void)
{
    int on_the_stack = 0;
    nexus_buffer *buffer = NULL;
    nexus_entries *page = NULL;
    nexus_reader *reader = NULL;
    nexus_writer *writer = NULL;
    nexus_batch *batch = NULL;
    char *string = NULL;
    uint64_t size = 0;
    size_t i;
    nexus_fs *closed = open_store(""), *fs = open_store("");
    nexus_fs *bad[5];
    put(fs, "/a", "x");
    OK(nexus_reader_open(fs, "/a", &reader, ERR));
    close_store(closed);
    bad[0] = NULL;
    bad[1] = closed;
    bad[2] = (nexus_fs *)(void *)&on_the_stack;
    bad[3] = (nexus_fs *)(uintptr_t)1;
    bad[4] = (nexus_fs *)(void *)reader;
    for (i = 0; i < 5; i++) {
        nexus_fs *derived = NULL;
        FAILS(MISUSE, nexus_write(bad[i], "/b", BYTES("x"), ERR));
        FAILS(MISUSE, nexus_read(bad[i], "/a", &buffer, ERR));
        FAILS(MISUSE, nexus_list(bad[i], NULL, &page, ERR));
        FAILS(MISUSE, nexus_config(bad[i], &string, ERR));
        FAILS(MISUSE, nexus_batch_new(bad[i], &batch, ERR));
        FAILS(MISUSE, nexus_writer_open(bad[i], "/b", NULL, &writer, ERR));
        FAILS(MISUSE, nexus_with_identity(bad[i], "a", NULL, &derived, ERR));
        derived = fs;
        FAILS(MISUSE, nexus_clone(bad[i], &derived, ERR));
        EXPECT(derived == NULL);
        FAILS(MISUSE, nexus_interrupt(bad[i], ERR));
        FAILS(MISUSE, nexus_gc(bad[i], NULL, NULL, &string, ERR));
        FAILS(MISUSE, nexus_close(bad[i], ERR));
    }
    FAILS(MISUSE, nexus_reader_size((nexus_reader *)(void *)fs, &size, ERR));
    FAILS(MISUSE, nexus_batch_commit((nexus_batch *)(void *)fs, NULL, ERR));
    OK(nexus_reader_close(reader, ERR));
    FAILS(MISUSE, nexus_reader_size(reader, &size, ERR));
    close_store(fs);
}

static void freeing_twice_or_the_wrong_thing_does_nothing(void)
{
    int on_the_stack = 0;
    nexus_buffer *buffer = NULL;
    nexus_entries *page = NULL;
    nexus_batch *batch = NULL;
    nexus_error *error = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    OK(nexus_read(fs, "/a", &buffer, ERR));
    nexus_buffer_free(buffer);
    nexus_buffer_free(buffer);
    EXPECT(nexus_buffer_data(buffer) == NULL);
    EXPECT_INT(nexus_buffer_len(buffer), 0);
    OK(nexus_list(fs, NULL, &page, ERR));
    nexus_entries_free(page);
    nexus_entries_free(page);
    EXPECT_INT(nexus_entries_len(page), 0);
    EXPECT(nexus_entries_at(page, 0) == NULL);
    EXPECT(nexus_entries_cursor(page) == NULL);
    OK(nexus_batch_new(fs, &batch, ERR));
    nexus_batch_free(batch);
    nexus_batch_free(batch);
    EXPECT_INT(nexus_delete(fs, "/missing", &error), NEXUS_STATUS_NOT_FOUND);
    nexus_error_free(error);
    nexus_error_free(error);
    nexus_buffer_free(NULL);
    nexus_buffer_free((nexus_buffer *)(void *)&on_the_stack);
    nexus_buffer_free((nexus_buffer *)(void *)fs);
    nexus_entries_free((nexus_entries *)(void *)fs);
    nexus_entry_free(NULL);
    nexus_string_free(NULL);
    EXPECT_STR(get(fs, "/a"), "x");
    EXPECT_INT(nexus_live_objects(), 1);
    close_store(fs);
}

static void a_handle_is_closed_once(void)
{
    nexus_fs *fs = open_store("");
    close_store(fs);
    FAILS(MISUSE, nexus_close(fs, ERR));
    FAILS(MISUSE, nexus_close(NULL, ERR));
    EXPECT_INT(nexus_close(fs, NULL), NEXUS_STATUS_MISUSE);
}

/* ---- Calls in flight --------------------------------------------------------------------------- */

static const char *const MANY = "/many/%04d";

static nexus_fs *store_with_many_files(void)
{
    nexus_batch *batch = NULL;
    int i;
    nexus_fs *fs = open_store("");
    OK(nexus_batch_new(fs, &batch, ERR));
    for (i = 0; i < 3000; i++) {
        OK(nexus_batch_write(batch, text(MANY, i), BYTES("x"), NULL, ERR));
    }
    OK(nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    return fs;
}

static int32_t interrupt_it(void *user, uint64_t done, uint64_t total, const char *what)
{
    (void)done;
    (void)total;
    (void)what;
    return nexus_interrupt((nexus_fs *)user, NULL) == NEXUS_STATUS_OK ? 0 : 1;
}

static int32_t go_on(void *user, uint64_t done, uint64_t total, const char *what)
{
    (void)done;
    (void)total;
    (void)what;
    ++*(int *)user;
    return 0;
}

static int32_t stop(void *user, uint64_t done, uint64_t total, const char *what)
{
    (void)user;
    (void)done;
    (void)total;
    return what != NULL;
}

static void an_interrupted_call_is_cancelled_and_the_handle_goes_on(void)
{
    uint64_t count = 99;
    int calls = 0;
    nexus_fs *fs = store_with_many_files(), *other = open_store("");
    FAILS(CANCELLED, nexus_export_metadata(fs, disk("out"), NULL, interrupt_it, fs, &count, ERR));
    EXPECT_INT(count, 0);
    EXPECT(access(disk("out"), F_OK) != 0);
    FAILS(CANCELLED, nexus_export_metadata(fs, disk("out"), NULL, stop, NULL, &count, ERR));
    /* With nothing in flight an interrupt hits nothing; another handle's calls are its own. */
    OK(nexus_interrupt(fs, ERR));
    OK(nexus_export_metadata(fs, disk("out"), NULL, interrupt_it, other, &count, ERR));
    EXPECT_INT(count, 3000);
    OK(nexus_export_metadata(fs, disk("out"), NULL, go_on, &calls, &count, ERR));
    EXPECT(calls > 0);
    close_store(fs);
    close_store(other);
}

struct in_flight {
    nexus_fs *fs;
    const char *file;
    int entered[2];
    int leave[2];
    int told;
    nexus_status status;
};

/* Tells the main thread that the call is under way, waits once for its word, then goes on. */
static int32_t wait_for_main(void *user, uint64_t done, uint64_t total, const char *what)
{
    struct in_flight *flight = (struct in_flight *)user;
    char byte = 'x';
    (void)done;
    (void)total;
    (void)what;
    if (!flight->told) {
        flight->told = 1;
        if (write(flight->entered[1], &byte, 1) != 1 || read(flight->leave[0], &byte, 1) != 1) {
            FAIL("pipe: %s", strerror(errno));
        }
    }
    return 0;
}

static void *export_in_thread(void *user)
{
    struct in_flight *flight = (struct in_flight *)user;
    flight->status = nexus_export_metadata(flight->fs, flight->file, NULL, wait_for_main, flight, NULL, NULL);
    /* A call that never came to its callback must not leave the main thread waiting. */
    close(flight->entered[1]);
    return NULL;
}

static void *leave_in_thread(void *user)
{
    struct in_flight *flight = (struct in_flight *)user;
    char byte = 'x';
    if (write(flight->leave[1], &byte, 1) != 1) {
        FAIL("pipe: %s", strerror(errno));
    }
    return NULL;
}

static void another_thread_can_interrupt(void)
{
    struct in_flight flight;
    pthread_t thread;
    char byte;
    memset(&flight, 0, sizeof flight);
    flight.fs = store_with_many_files();
    flight.file = disk("out");
    EXPECT(pipe(flight.entered) == 0 && pipe(flight.leave) == 0);
    EXPECT_INT(pthread_create(&thread, NULL, export_in_thread, &flight), 0);
    EXPECT_INT(read(flight.entered[0], &byte, 1), 1);
    OK(nexus_interrupt(flight.fs, ERR));
    leave_in_thread(&flight);
    pthread_join(thread, NULL);
    EXPECT_INT(flight.status, NEXUS_STATUS_CANCELLED);
    EXPECT_STR(get(flight.fs, "/many/0000"), "x");
    close_store(flight.fs);
    close(flight.entered[0]), close(flight.leave[0]), close(flight.leave[1]);
}

static void close_waits_for_calls_in_flight(void)
{
    struct in_flight flight;
    pthread_t thread, waker;
    char byte;
    memset(&flight, 0, sizeof flight);
    flight.fs = store_with_many_files();
    flight.file = disk("out");
    flight.status = -1;
    EXPECT(pipe(flight.entered) == 0 && pipe(flight.leave) == 0);
    EXPECT_INT(pthread_create(&thread, NULL, export_in_thread, &flight), 0);
    EXPECT_INT(read(flight.entered[0], &byte, 1), 1);
    /* The call stands in its callback and leaves only after another thread's word. */
    EXPECT_INT(pthread_create(&waker, NULL, leave_in_thread, &flight), 0);
    close_store(flight.fs);
    /* Once close has returned the call has left the store: its file is whole or not there. */
    pthread_join(waker, NULL);
    pthread_join(thread, NULL);
    if (flight.status == NEXUS_STATUS_CANCELLED) {
        EXPECT(access(flight.file, F_OK) != 0);
    } else {
        EXPECT_INT(flight.status, NEXUS_STATUS_OK);
    }
    EXPECT_INT(nexus_write(flight.fs, "/late", NULL, 0, NULL), NEXUS_STATUS_MISUSE);
    close(flight.entered[0]), close(flight.leave[0]), close(flight.leave[1]);
}

static void children_outlive_the_handle(void)
{
    nexus_entries *page = NULL;
    nexus_batch *batch = NULL;
    nexus_writer *writer = NULL;
    nexus_fs *fs = open_store(""), *derived = NULL;
    put(fs, "/a", "x");
    OK(nexus_list(fs, NULL, &page, ERR));
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_writer_open(fs, "/streamed", NULL, &writer, ERR));
    OK(nexus_with_identity(fs, "acme", NULL, &derived, ERR));
    close_store(fs);
    EXPECT_STR(paths_of(page), "/a");
    put(derived, "/b", "y");
    OK(nexus_batch_write(batch, "/c", BYTES("z"), NULL, ERR));
    OK(nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    OK(nexus_writer_write(writer, BYTES("s"), ERR));
    OK(nexus_writer_commit(writer, NULL, ERR));
    EXPECT_STR(listed(derived, NULL), "/a /b /c /streamed");
    close_store(derived);
}

struct heard {
    int openings, failures;
};

static void hear(void *user, int32_t level, const char *line)
{
    struct heard *heard = (struct heard *)user;
    heard->openings += level == NEXUS_LOG_INFO && strstr(line, "opened") != NULL;
    heard->failures += level == NEXUS_LOG_DEBUG && strstr(line, "/missing") != NULL;
    EXPECT_LACKS(line, expect_directory);
}

static void the_log_tells_of_openings_and_failures(void)
{
    struct heard heard = {0, 0};
    nexus_buffer *buffer = NULL;
    nexus_fs *fs;
    EXPECT_INT(nexus_set_log_callback(hear, &heard, NEXUS_LOG_INFO, NULL), NEXUS_STATUS_OK);
    fs = open_store("");
    EXPECT_INT(nexus_read(fs, "/missing", &buffer, NULL), NEXUS_STATUS_NOT_FOUND);
    EXPECT_INT(heard.openings, 1);
    EXPECT_INT(heard.failures, 0);
    EXPECT_INT(nexus_set_log_callback(hear, &heard, NEXUS_LOG_DEBUG, NULL), NEXUS_STATUS_OK);
    EXPECT_INT(nexus_read(fs, "/missing", &buffer, NULL), NEXUS_STATUS_NOT_FOUND);
    EXPECT_INT(heard.failures, 1);
    EXPECT_INT(nexus_set_log_callback(NULL, NULL, 0, NULL), NEXUS_STATUS_OK);
    EXPECT_INT(nexus_read(fs, "/missing", &buffer, NULL), NEXUS_STATUS_NOT_FOUND);
    EXPECT_INT(heard.failures, 1);
    close_store(fs);
}

static void hear_warning(void *user, int32_t level, const char *line)
{
    *(int *)user += level == NEXUS_LOG_WARN && strstr(line, "NEXUS_TENNANT_ID") != NULL &&
                    strstr(line, "NEXUS_TENANT_ID") != NULL;
}

static void the_log_tells_of_a_misspelt_variable(void)
{
    int warnings = 0;
    nexus_fs *fs;
    EXPECT_INT(nexus_set_log_callback(hear_warning, &warnings, NEXUS_LOG_WARN, NULL), NEXUS_STATUS_OK);
    EXPECT(setenv("NEXUS_TENNANT_ID", "acme", 1) == 0);
    fs = open_store("");
    EXPECT_INT(warnings, 1);
    EXPECT(unsetenv("NEXUS_TENNANT_ID") == 0);
    EXPECT_INT(nexus_set_log_callback(NULL, NULL, 0, NULL), NEXUS_STATUS_OK);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(every_status_has_a_name);
    RUN(an_error_says_what_and_where);
    RUN(null_arguments_are_refused);
    RUN(outputs_are_cleared_on_failure);
    RUN(options_structs_may_grow);
    RUN(what_is_no_open_handle_is_misuse);
    RUN(freeing_twice_or_the_wrong_thing_does_nothing);
    RUN(a_handle_is_closed_once);
    RUN(an_interrupted_call_is_cancelled_and_the_handle_goes_on);
    RUN(another_thread_can_interrupt);
    RUN(close_waits_for_calls_in_flight);
    RUN(children_outlive_the_handle);
    RUN(the_log_tells_of_openings_and_failures);
    RUN(the_log_tells_of_a_misspelt_variable);
    return finish();
}
