/* Rename, copy and rmdir of trees of many files: an interrupt ends them in the middle, and nothing is changed then. */
#include "queue.h"

#include <pthread.h>

/* Files of a tree; with a cache this small, a part of the change is in the write-ahead log long before its end. */
#define FILES 20000
#define IN_DIRECTORY 250
#define SMALL_CACHE "\"cache_size_mb\": 1, \"housekeeping\": false"
/* An interrupt may come too late, where its thread does not run in time. */
#define ATTEMPTS 10

static const char *file_at(const char *tree, int i)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/d%03d/file-%05d", tree, i / IN_DIRECTORY, i);
    return path;
}

static void add(nexus_batch *batch, const char *path, const char *key, const char *value)
{
    OK(nexus_batch_set_meta(batch, path, key, value, ERR));
}

/* Makes some files items: ready, pending, waiting for the one before, or for its time. */
static void add_item_keys(nexus_batch *batch, const char *tree, int i)
{
    const char *path = file_at(tree, i);
    if (i % 20 == 0) {
        add(batch, path, "status", i % 40 ? "\"ready\"" : "\"pending\"");
    } else if (i % 20 == 1) {
        char *depends_on = text("[\"%s\"]", file_at(tree, i - 1));
        path = file_at(tree, i);
        add(batch, path, "status", "\"blocked\"");
        add(batch, path, "depends_on", depends_on);
    } else if (i % 20 == 2) {
        add(batch, path, "status", "\"ready\"");
        add(batch, path, "not_before", "\"2100-01-01T00:00:00Z\"");
    }
}

/* Makes the tree: contents that two files share, metadata, and perhaps items. */
static void make_tree(nexus_fs *fs, const char *tree, int files, int has_items)
{
    int i = 0;
    while (i < files) {
        nexus_batch *batch = NULL;
        nexus_entries *results = NULL;
        int end = i + 2000 < files ? i + 2000 : files;
        OK(nexus_batch_new(fs, &batch, ERR));
        for (; i < end; i++) {
            char content[32];
            const char *path = file_at(tree, i);
            snprintf(content, sizeof content, "content %d", i / 2);
            OK(nexus_batch_write(batch, path, BYTES(content), NULL, ERR));
            add(batch, path, "owner", i % 3 ? "\"ada\"" : "\"bob\"");
            if (has_items) {
                add_item_keys(batch, tree, i);
            }
        }
        OK(nexus_batch_commit(batch, &results, ERR));
        nexus_entries_free(results);
        nexus_batch_free(batch);
    }
    OK(nexus_write(fs, text("%s/large-1", tree), noise(LARGE, 1), LARGE, ERR));
    OK(nexus_write(fs, text("%s/large-2", tree), noise(LARGE, 1), LARGE, ERR));
}

/* All that the store says of its files. */
static char *all_of(nexus_fs *fs)
{
    static int number = 0;
    const char *file = disk(text("export-%d.jsonl", number++));
    OK(nexus_export_metadata(fs, file, NULL, NULL, NULL, NULL, ERR));
    return read_disk(file);
}

static void expect_sound(nexus_fs *fs)
{
    char *report = NULL;
    OK(nexus_verify(fs, NEXUS_VERIFY_CONTENT, NULL, NULL, &report, ERR));
    report = keep(report);
    if (json_int(report, "error_count") != 0) {
        FAIL("the store is not sound: %s", report);
    }
}

/* Interrupts a handle once, as soon as something is written to the write-ahead log. */
struct watcher {
    nexus_fs *fs;
    const char *log;
    struct timespec before;
    int32_t stop;
    pthread_t thread;
};

static struct timespec last_write(const char *log)
{
    struct stat info;
    EXPECT_INT(stat(log, &info), 0);
    return info.st_mtim;
}

static void *interrupt_at_a_write(void *user)
{
    struct watcher *watcher = (struct watcher *)user;
    while (!__atomic_load_n(&watcher->stop, __ATOMIC_ACQUIRE)) {
        struct timespec now = last_write(watcher->log);
        if (now.tv_sec != watcher->before.tv_sec || now.tv_nsec != watcher->before.tv_nsec) {
            nexus_interrupt(watcher->fs, NULL);
            return NULL;
        }
    }
    return NULL;
}

static void watch(struct watcher *watcher, nexus_fs *fs)
{
    watcher->fs = fs;
    watcher->log = disk("store/metadata.db-wal");
    watcher->before = last_write(watcher->log);
    watcher->stop = 0;
    EXPECT_INT(pthread_create(&watcher->thread, NULL, interrupt_at_a_write, watcher), 0);
}

static void unwatch(struct watcher *watcher)
{
    __atomic_store_n(&watcher->stop, 1, __ATOMIC_RELEASE);
    EXPECT_INT(pthread_join(watcher->thread, NULL), 0);
}

typedef nexus_status (*change)(nexus_fs *fs, nexus_error **error);

static nexus_status rename_tree(nexus_fs *fs, nexus_error **error)
{
    return nexus_rename(fs, "/tree", "/far/moved", error);
}

static nexus_status copy_tree(nexus_fs *fs, nexus_error **error)
{
    return nexus_copy(fs, "/tree", "/far/moved", error);
}

static nexus_status remove_tree_of(nexus_fs *fs, nexus_error **error)
{
    return nexus_rmdir(fs, "/tree", 1, error);
}

static nexus_status change_in_batch(nexus_fs *fs, nexus_error **error)
{
    nexus_batch *batch = NULL;
    nexus_status status;
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_write(batch, "/beside/new", BYTES("new"), NULL, ERR));
    OK(nexus_batch_rename(batch, "/tree", "/beside/tree", 0, ERR));
    OK(nexus_batch_copy(batch, "/beside/tree", "/far/moved", 0, ERR));
    status = nexus_batch_commit(batch, NULL, error);
    nexus_batch_free(batch);
    return status;
}

/* Puts the tree back that `change` moved, copied or removed. */
static void restore(nexus_fs *fs)
{
    if (!exists(fs, "/tree")) {
        const char *where = exists(fs, "/far/moved") ? "/far/moved" : "/spare";
        if (strcmp(where, "/spare") == 0) {
            OK(nexus_copy(fs, "/spare", "/tree", ERR));
        } else {
            OK(nexus_rename(fs, where, "/tree", ERR));
        }
    }
    if (exists(fs, "/far")) {
        OK(nexus_rmdir(fs, "/far", 1, ERR));
    }
    if (exists(fs, "/beside")) {
        OK(nexus_rmdir(fs, "/beside", 1, ERR));
    }
}

static void an_interrupt_ends_it_and_nothing_changed(change change, int needs_spare, int has_items)
{
    struct watcher watcher;
    nexus_fs *fs = open_store(SMALL_CACHE);
    nexus_fs *other = open_store(SMALL_CACHE);
    nexus_status status = NEXUS_STATUS_OK;
    char *before = NULL;
    lease leased = {NULL, 0};
    make_tree(fs, "/tree", FILES, has_items);
    put(fs, "/still", "here");
    if (has_items) {
        leased = claim(fs, "/tree", 3600 * 1000);
    }
    if (needs_spare) {
        OK(nexus_copy(fs, "/tree", "/spare", ERR));
    }
    for (int i = 0; i < ATTEMPTS && status == NEXUS_STATUS_OK; i++) {
        restore(fs);
        before = all_of(fs);
        watch(&watcher, fs);
        status = change(fs, ERR);
        unwatch(&watcher);
    }
    EXPECT_INT(status, NEXUS_STATUS_CANCELLED);
    EXPECT_STR(all_of(fs), before);
    EXPECT_INT(exists(fs, "/far"), 0);
    EXPECT_INT(exists(fs, "/beside"), 0);
    EXPECT_INT(files_below(disk("store/cas")), 1);
    EXPECT_INT(reference_count(fs, look(fs, "/tree/large-1").etag), needs_spare ? 4 : 2);
    expect_sound(fs);
    /* Both handles go on. */
    put(other, "/after", "written");
    EXPECT_STR(get(fs, "/after"), "written");
    if (has_items) {
        OK(nexus_work_heartbeat(fs, leased.path, leased.token, 1000, ERR));
    }
    OK(change(fs, ERR));
    expect_sound(fs);
    close_store(other);
    close_store(fs);
}

static void an_interrupted_rename_changes_nothing(void)
{
    an_interrupt_ends_it_and_nothing_changed(rename_tree, 0, 0);
}

static void an_interrupted_rename_of_items_changes_nothing(void)
{
    an_interrupt_ends_it_and_nothing_changed(rename_tree, 0, 1);
}

static void an_interrupted_copy_changes_nothing(void)
{
    an_interrupt_ends_it_and_nothing_changed(copy_tree, 0, 1);
}

static void an_interrupted_rmdir_changes_nothing(void)
{
    an_interrupt_ends_it_and_nothing_changed(remove_tree_of, 1, 0);
}

static void an_interrupted_batch_changes_nothing(void)
{
    an_interrupt_ends_it_and_nothing_changed(change_in_batch, 0, 1);
}

static void all_that_is_in_a_tree_moves_with_it(void)
{
    enum { SOME = 3000 };
    nexus_fs *fs = open_store("");
    lease leased, next;
    char *ids[3];
    make_tree(fs, "/tree", SOME, 1);
    leased = claim(fs, "/tree", 3600 * 1000);
    EXPECT_STR(leased.path, "/tree/d000/file-00020");
    for (int i = 0; i < 3; i++) {
        ids[i] = id_of(fs, file_at("/tree", i * 1000));
    }
    OK(nexus_rename(fs, "/tree", "/there/it/is", ERR));
    EXPECT_INT(exists(fs, "/tree"), 0);
    for (int i = 0; i < 3; i++) {
        EXPECT_STR(id_of(fs, file_at("/there/it/is", i * 1000)), ids[i]);
    }
    EXPECT_STR(meta(fs, file_at("/there/it/is", 2999), "owner"), "\"ada\"");
    EXPECT_STR(meta(fs, file_at("/there/it/is", 2982), "not_before"), "\"2100-01-01T00:00:00Z\"");
    /* The lease goes on, and what waits for the item is ready with its end. */
    EXPECT_STR(status_of(fs, file_at("/there/it/is", 21)), "\"blocked\"");
    OK(nexus_work_complete(fs, file_at("/there/it/is", 20), leased.token, NULL, ERR));
    EXPECT_STR(status_of(fs, file_at("/there/it/is", 21)), "\"ready\"");
    /* Claims find the items of the first and of the last directory, and nothing where they were. */
    next = claim(fs, "/there", 1000);
    EXPECT_STR(next.path, "/there/it/is/d000/file-00021");
    next = claim(fs, "/there/it/is/d011", 1000);
    EXPECT_STR(next.path, "/there/it/is/d011/file-02780");
    EXPECT_STR(claimed(fs, "/tree", 1), "");
    expect_sound(fs);
    /* A copy is ready to be worked on, too. */
    OK(nexus_copy(fs, "/there", "/copied", ERR));
    EXPECT_STR(meta(fs, file_at("/copied/it/is", 2999), "owner"), "\"ada\"");
    next = claim(fs, "/copied/it/is/d011", 1000);
    EXPECT_STR(next.path, "/copied/it/is/d011/file-02780");
    expect_sound(fs);
    OK(nexus_rmdir(fs, "/there", 1, ERR));
    EXPECT_INT(reference_count(fs, look(fs, "/copied/it/is/large-1").etag), 2);
    OK(nexus_rmdir(fs, "/copied", 1, ERR));
    EXPECT_INT(files_below(disk("store/cas")), 0);
    EXPECT_STR(below(fs, "/"), "");
    expect_sound(fs);
    close_store(fs);
}

static void a_tree_of_a_tenant_moves_within_its_part(void)
{
    nexus_fs *fs = open_store("");
    nexus_fs *acme = open_as("acme", "ada");
    nexus_fs *other = open_as("other", "eve");
    make_tree(acme, "/workspace/acme/ada/tree", 3000, 1);
    make_tree(other, "/workspace/other/eve/tree", 1500, 1);
    FAILS(ACCESS_DENIED, nexus_rename(other, "/workspace/acme/ada/tree", "/workspace/other/eve/mine", ERR));
    FAILS(ACCESS_DENIED, nexus_rename(acme, "/workspace/acme/ada/tree", "/workspace/other/eve/mine", ERR));
    OK(nexus_rename(acme, "/workspace/acme/ada/tree", "/workspace/acme/ada/moved", ERR));
    EXPECT_STR(claim(acme, "", 1000).path, "/workspace/acme/ada/moved/d000/file-00020");
    EXPECT_STR(claim(other, "", 1000).path, "/workspace/other/eve/tree/d000/file-00020");
    /* Across the parts of tenants, as only an unbound handle may: each finds what is in its own. */
    OK(nexus_rename(fs, "/workspace/acme/ada", "/workspace/other/bob", ERR));
    EXPECT_STR(claimed(acme, "", 1), "");
    EXPECT_STR(claim(fs, "/workspace/other/bob", 1000).path, "/workspace/other/bob/moved/d000/file-00060");
    expect_sound(fs);
    close_store(other);
    close_store(acme);
    close_store(fs);
}

static void contents_of_a_tree_cross_the_border_of_a_mount(void)
{
    nexus_fs *fs = open_store(text("\"mounts\": [{\"name\": \"mnt\", \"path\": \"/mnt\", \"backend\": \"local\", \"root\": \"%s\"}]",
                                disk("mounted")));
    make_tree(fs, "/tree", 2500, 0);
    OK(nexus_rename(fs, "/tree", "/mnt/tree", ERR));
    EXPECT_STR(get(fs, file_at("/mnt/tree", 2400)), "content 1200");
    EXPECT_INT(files_below(disk("store/cas")), 0);
    EXPECT_INT(files_below(disk("mounted/cas")), 1251);
    OK(nexus_copy(fs, "/mnt/tree", "/back", ERR));
    OK(nexus_rmdir(fs, "/mnt/tree", 1, ERR));
    EXPECT_STR(get(fs, file_at("/back", 2400)), "content 1200");
    EXPECT_INT(files_below(disk("mounted/cas")), 0);
    expect_sound(fs);
    close_store(fs);
}

struct neighbour {
    pthread_t thread;
    nexus_fs *fs;
    int number;
    int32_t *stop;
    int written;
};

static void *write_beside(void *user)
{
    struct neighbour *self = (struct neighbour *)user;
    while (!__atomic_load_n(self->stop, __ATOMIC_ACQUIRE)) {
        char path[64];
        snprintf(path, sizeof path, "/beside/%d/%d", self->number, self->written++);
        OK(nexus_write(self->fs, path, BYTES("beside"), ERR));
    }
    return NULL;
}

/* Those who share the commits of a tree's change keep their own outcomes, and so does the change. */
static void writers_beside_a_tree_keep_their_outcomes(void)
{
    enum { NEIGHBOURS = 4, ROUNDS = 10 };
    struct neighbour neighbours[NEIGHBOURS];
    int32_t stop = 0;
    nexus_fs *fs = open_store("");
    nexus_fs *beside = open_store("");
    make_tree(fs, "/tree", 3000, 1);
    for (int i = 0; i < NEIGHBOURS; i++) {
        neighbours[i].fs = beside;
        neighbours[i].number = i;
        neighbours[i].stop = &stop;
        neighbours[i].written = 0;
        EXPECT_INT(pthread_create(&neighbours[i].thread, NULL, write_beside, &neighbours[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        OK(nexus_rename(fs, "/tree", "/moved", ERR));
        OK(nexus_copy(fs, "/moved", "/tree", ERR));
        FAILS(NOT_EMPTY, nexus_rename(fs, "/moved", "/tree", ERR));
        OK(nexus_rmdir(fs, "/moved", 1, ERR));
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < NEIGHBOURS; i++) {
        EXPECT_INT(pthread_join(neighbours[i].thread, NULL), 0);
        for (int number = 0; number < neighbours[i].written; number++) {
            EXPECT_STR(get(fs, text("/beside/%d/%d", i, number)), "beside");
        }
    }
    EXPECT_STR(get(fs, file_at("/tree", 2999)), "content 1499");
    expect_sound(fs);
    close_store(beside);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(an_interrupted_rename_changes_nothing);
    RUN(an_interrupted_rename_of_items_changes_nothing);
    RUN(an_interrupted_copy_changes_nothing);
    RUN(an_interrupted_rmdir_changes_nothing);
    RUN(an_interrupted_batch_changes_nothing);
    RUN(all_that_is_in_a_tree_moves_with_it);
    RUN(a_tree_of_a_tenant_moves_within_its_part);
    RUN(contents_of_a_tree_cross_the_border_of_a_mount);
    RUN(writers_beside_a_tree_keep_their_outcomes);
    return finish();
}
