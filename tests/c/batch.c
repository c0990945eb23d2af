/* Batches: any mix of changes, in order, in one transaction, all or nothing. */
#include "expect.h"

static nexus_batch *new_batch(nexus_fs *fs)
{
    nexus_batch *batch = NULL;
    OK(nexus_batch_new(fs, &batch, ERR));
    return batch;
}

#define batch_put(batch, path, content) OK(nexus_batch_write((batch), (path), BYTES(content), NULL, ERR))

static void operations_see_the_earlier_ones(void)
{
    nexus_entries *results = NULL;
    nexus_fs *fs = open_store("");
    nexus_batch *batch = new_batch(fs);
    put(fs, "/old", "old");
    batch_put(batch, "/a", "one");
    OK(nexus_batch_append(batch, "/a", BYTES(" two"), NULL, ERR));
    OK(nexus_batch_set_meta(batch, "/a", "k", "1", ERR));
    OK(nexus_batch_copy(batch, "/a", "/b", 0, ERR));
    OK(nexus_batch_rename(batch, "/a", "/c", 0, ERR));
    OK(nexus_batch_set_meta_many(batch, "/c", "{\"k\": 2, \"l\": 3}", ERR));
    OK(nexus_batch_delete_meta(batch, "/c", "l", ERR));
    OK(nexus_batch_mkdir(batch, "/dir/sub", NEXUS_MKDIR_PARENTS, ERR));
    OK(nexus_batch_delete(batch, "/old", ERR));
    batch_put(batch, "/old/now/a/directory", "x");
    OK(nexus_batch_commit(batch, &results, ERR));
    EXPECT_INT(nexus_entries_len(results), 10);
    nexus_entries_free(results);
    nexus_batch_free(batch);
    EXPECT_STR(listed(fs, NULL), "/b /c /old/now/a/directory");
    EXPECT_STR(get(fs, "/b"), "one two");
    EXPECT_STR(get(fs, "/c"), "one two");
    EXPECT_STR(meta(fs, "/b", "k"), "1");
    EXPECT_STR(meta(fs, "/c", "k"), "2");
    EXPECT_INT(is_directory(fs, "/dir/sub"), 1);
    EXPECT_INT(reference_count(fs, look(fs, "/b").etag), 2);
    close_store(fs);
}

static void results_come_one_for_each_operation(void)
{
    nexus_entries *results = NULL;
    const nexus_entry *row;
    nexus_fs *fs = open_store("");
    nexus_batch *batch = new_batch(fs);
    put(fs, "/gone", "x");
    batch_put(batch, "/a", "one");
    OK(nexus_batch_delete(batch, "/gone", ERR));
    OK(nexus_batch_require_etag(batch, "/missing", NULL, ERR));
    batch_put(batch, "/a", "two");
    OK(nexus_batch_commit(batch, &results, ERR));
    EXPECT_INT(nexus_entries_len(results), 4);
    EXPECT_STR(entry_of(nexus_entries_at(results, 0)).path, "/a");
    EXPECT_INT(entry_of(nexus_entries_at(results, 0)).version, 1);
    row = nexus_entries_at(results, 1);
    EXPECT(row != NULL && row->kind == NEXUS_KIND_NONE && row->path == NULL);
    row = nexus_entries_at(results, 2);
    EXPECT(row != NULL && row->kind == NEXUS_KIND_NONE && row->path == NULL);
    EXPECT_INT(entry_of(nexus_entries_at(results, 3)).version, 2);
    EXPECT_INT(entry_of(nexus_entries_at(results, 3)).size, 3);
    nexus_entries_free(results);
    nexus_batch_free(batch);
    close_store(fs);
}

static void a_failure_names_its_operation_and_leaves_everything(void)
{
    uint8_t *large = noise(LARGE, 1);
    nexus_entries *results = NULL;
    nexus_fs *fs = open_store("");
    nexus_batch *batch = new_batch(fs);
    put(fs, "/keep", "kept");
    OK(nexus_batch_write(batch, "/large", large, LARGE, NULL, ERR));
    batch_put(batch, "/keep", "changed");
    OK(nexus_batch_mkdir(batch, "/dir", 0, ERR));
    OK(nexus_batch_delete(batch, "/missing", ERR));
    batch_put(batch, "/later", "x");
    FAILS(NOT_FOUND, nexus_batch_commit(batch, &results, ERR));
    EXPECT(results == NULL);
    EXPECT_INT(nexus_error_index(expect_slot), 3);
    EXPECT_STR(nexus_error_path(expect_slot), "/missing");
    EXPECT_STR(listed(fs, NULL), "/keep");
    EXPECT_STR(get(fs, "/keep"), "kept");
    EXPECT_INT(look(fs, "/keep").version, 1);
    EXPECT_INT(is_directory(fs, "/dir"), 0);
    nexus_batch_free(batch);
    EXPECT_INT(files_below(disk("store/cas")), 0);
    EXPECT_INT(files_below(disk("store/tmp")), 0);
    close_store(fs);
}

static void an_error_outside_a_batch_has_no_index(void)
{
    nexus_fs *fs = open_store("");
    FAILS(NOT_FOUND, nexus_delete(fs, "/missing", ERR));
    EXPECT_INT(nexus_error_index(expect_slot), -1);
    close_store(fs);
}

static void a_failed_commit_may_be_tried_again(void)
{
    uint8_t *large = noise(LARGE, 2);
    nexus_fs *fs = open_store("");
    nexus_batch *batch = new_batch(fs);
    OK(nexus_batch_write(batch, "/large", large, LARGE, NULL, ERR));
    OK(nexus_batch_delete(batch, "/late", ERR));
    FAILS(NOT_FOUND, nexus_batch_commit(batch, NULL, ERR));
    FAILS(NOT_FOUND, nexus_batch_commit(batch, NULL, ERR));
    EXPECT_INT(nexus_error_index(expect_slot), 1);
    put(fs, "/late", "x");
    OK(nexus_batch_commit(batch, NULL, ERR));
    EXPECT_CONTENT(fs, "/large", large, LARGE);
    EXPECT_INT(exists(fs, "/late"), 0);
    EXPECT_INT(reference_count(fs, look(fs, "/large").etag), 1);
    nexus_batch_free(batch);
    close_store(fs);
}

static void a_committed_batch_is_spent(void)
{
    nexus_fs *fs = open_store("");
    nexus_batch *batch = new_batch(fs);
    batch_put(batch, "/a", "x");
    OK(nexus_batch_commit(batch, NULL, ERR));
    OK(nexus_delete(fs, "/a", ERR));
    FAILS(MISUSE, nexus_batch_commit(batch, NULL, ERR));
    FAILS(MISUSE, nexus_batch_write(batch, "/b", BYTES("x"), NULL, ERR));
    nexus_batch_free(batch);
    EXPECT_STR(listed(fs, NULL), "");
    batch = new_batch(fs);
    OK(nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    close_store(fs);
}

static void an_uncommitted_batch_does_nothing(void)
{
    nexus_fs *fs = open_store("");
    nexus_batch *batch = new_batch(fs);
    OK(nexus_batch_write(batch, "/a", noise(LARGE, 3), LARGE, NULL, ERR));
    nexus_batch_free(batch);
    EXPECT_STR(listed(fs, NULL), "");
    EXPECT_INT(files_below(disk("store/tmp")), 0);
    close_store(fs);
}

static void bytes_are_copied_when_added(void)
{
    char buffer[6] = "first";
    nexus_fs *fs = open_store("");
    nexus_batch *batch = new_batch(fs);
    OK(nexus_batch_write(batch, "/a", (uint8_t *)buffer, 5, NULL, ERR));
    memcpy(buffer, "other", 5);
    OK(nexus_batch_write(batch, "/b", (uint8_t *)buffer, 5, NULL, ERR));
    OK(nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    EXPECT_STR(get(fs, "/a"), "first");
    EXPECT_STR(get(fs, "/b"), "other");
    close_store(fs);
}

static void conditions_are_judged_in_the_committing_transaction(void)
{
    const char *etag;
    nexus_fs *fs = open_store("");
    nexus_batch *batch = new_batch(fs);
    put(fs, "/a", "one");
    etag = look(fs, "/a").etag;
    OK(nexus_batch_require_etag(batch, "/a", etag, ERR));
    OK(nexus_batch_require_etag(batch, "/new", NULL, ERR));
    batch_put(batch, "/new", "x");
    put(fs, "/a", "two");
    FAILS(CONFLICT, nexus_batch_commit(batch, NULL, ERR));
    EXPECT_INT(nexus_error_index(expect_slot), 0);
    put(fs, "/a", "one");
    put(fs, "/new", "taken");
    FAILS(CONFLICT, nexus_batch_commit(batch, NULL, ERR));
    EXPECT_INT(nexus_error_index(expect_slot), 1);
    OK(nexus_delete(fs, "/new", ERR));
    OK(nexus_batch_commit(batch, NULL, ERR));
    EXPECT_STR(get(fs, "/new"), "x");
    nexus_batch_free(batch);
    close_store(fs);
}

static void a_lease_that_nobody_holds_is_lost(void)
{
    nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
    nexus_fs *fs = open_store("");
    nexus_batch *batch = new_batch(fs);
    put(fs, "/job", "x");
    set_meta(fs, "/job", "status", "\"ready\"");
    batch_put(batch, "/out", "x");
    OK(nexus_batch_require_lease(batch, "/job", 7, ERR));
    FAILS(LEASE_LOST, nexus_batch_commit(batch, NULL, ERR));
    EXPECT_INT(nexus_error_index(expect_slot), 1);
    nexus_batch_free(batch);
    options.lease_path = "/job";
    options.lease = 7;
    FAILS(LEASE_LOST, nexus_write_with(fs, "/out", BYTES("x"), &options, NULL, ERR));
    FAILS(LEASE_LOST, nexus_delete_with(fs, "/job", &options, ERR));
    FAILS(LEASE_LOST, nexus_set_meta_with(fs, "/job", "k", "1", &options, ERR));
    FAILS(LEASE_LOST, nexus_rename_with(fs, "/job", "/job2", 0, &options, ERR));
    EXPECT_STR(listed(fs, NULL), "/job");
    close_store(fs);
}

static void forty_thousand_operations_fit_in_one_batch(void)
{
    /* A quarter of them runs the same code, for valgrind. */
    const int count = under_valgrind() ? 10000 : 40000;
    nexus_entries *results = NULL;
    char path[32], content[32];
    const char *last = text("/many/%05d", count - 1);
    int i;
    nexus_fs *fs = open_store("");
    nexus_batch *batch = new_batch(fs);
    for (i = 0; i < count; i++) {
        snprintf(path, sizeof path, "/many/%05d", i);
        snprintf(content, sizeof content, "content %d", i % 100);
        OK(nexus_batch_write(batch, path, BYTES(content), NULL, ERR));
    }
    OK(nexus_batch_commit(batch, &results, ERR));
    EXPECT_INT(nexus_entries_len(results), count);
    EXPECT_STR(nexus_entries_at(results, (size_t)count - 1)->path, last);
    EXPECT_INT(reference_count(fs, expect_copy(nexus_entries_at(results, 0)->etag)), count / 100);
    nexus_entries_free(results);
    nexus_batch_free(batch);
    EXPECT_STR(get(fs, last), "content 99");
    /* One failure at the very end undoes all the rest. */
    batch = new_batch(fs);
    for (i = 0; i < count; i++) {
        snprintf(path, sizeof path, "/many/%05d", i);
        OK(nexus_batch_delete(batch, path, ERR));
    }
    OK(nexus_batch_delete(batch, "/missing", ERR));
    FAILS(NOT_FOUND, nexus_batch_commit(batch, NULL, ERR));
    EXPECT_INT(nexus_error_index(expect_slot), count);
    nexus_batch_free(batch);
    OK(nexus_list(fs, NULL, &results, ERR));
    EXPECT_INT(nexus_entries_len(results), count);
    nexus_entries_free(results);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(operations_see_the_earlier_ones);
    RUN(results_come_one_for_each_operation);
    RUN(a_failure_names_its_operation_and_leaves_everything);
    RUN(an_error_outside_a_batch_has_no_index);
    RUN(a_failed_commit_may_be_tried_again);
    RUN(a_committed_batch_is_spent);
    RUN(an_uncommitted_batch_does_nothing);
    RUN(bytes_are_copied_when_added);
    RUN(conditions_are_judged_in_the_committing_transaction);
    RUN(a_lease_that_nobody_holds_is_lost);
    RUN(forty_thousand_operations_fit_in_one_batch);
    return finish();
}
