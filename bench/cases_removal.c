/* Small writes beside the removal of a large tree whose contents are files: how long others wait for it. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cases.h"
#include "measure.h"
#include "nexus_side.h"

/* Files of one transaction, and bytes of a file's content. */
#define IN_BATCH 500
#define FILE_SIZE 600
/* Writes last at least that long, in seconds, with pauses of that many nanoseconds. */
#define WINDOW 1.0
#define PAUSE 200000

typedef struct removal {
    pthread_t thread;
    nexus_fs *fs;
    int32_t done;
} removal;

/* Opens the store a second time: with a handle that keeps no content in the database. */
static nexus_fs *connect_without_inline(const store *opened)
{
    char config[4096];
    nexus_fs *fs = NULL;
    nexus_error *error = NULL;
    snprintf(config, sizeof config, "{\"data_dir\": \"%s\", \"durability\": \"normal\", \"inline_max_bytes\": 0}",
             opened->dir);
    nexus_check(nexus_connect(config, &fs, &error), error, "connect", opened->dir);
    return fs;
}

void prepare_removal(contender *side)
{
    nexus_fs *fs = connect_without_inline(side->opened);
    unsigned char content[FILE_SIZE];
    memset(content, 'x', sizeof content);
    nexus_error *error = NULL;
    for (size_t i = 0; i < side->work->count;) {
        nexus_batch *batch = NULL;
        nexus_check(nexus_batch_new(fs, &batch, &error), error, "batch", "");
        for (size_t end = i + IN_BATCH; i < end && i < side->work->count; i++) {
            char path[BENCH_PATH_MAX];
            snprintf(path, sizeof path, "/removed/d%03zu/file-%zu", i / IN_BATCH, i);
            memcpy(content, &i, sizeof i);
            nexus_check(nexus_batch_write(batch, path, content, sizeof content, NULL, &error), error, "write", path);
        }
        nexus_commit(batch);
    }
    nexus_check(nexus_close(fs, &error), error, "close", "");
}

void prepare_nothing(contender *side)
{
    (void)side;
}

static void *remove_tree(void *user)
{
    removal *self = (removal *)user;
    nexus_error *error = NULL;
    nexus_check(nexus_rmdir(self->fs, "/removed", 1, &error), error, "rmdir", "/removed");
    __atomic_store_n(&self->done, 1, __ATOMIC_RELEASE);
    return NULL;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The time that 99 of 100 writes stay below. The second contender removes nothing. */
double run_write_beside_removal(contender *side, size_t *operations)
{
    removal removing = {.fs = connect_without_inline(side->opened), .done = side->place};
    size_t room = 1024, count = 0;
    double *samples = allocate(room * sizeof *samples);
    nexus_error *error = NULL;
    double began = measure_start();
    if (side->place == 0 && pthread_create(&removing.thread, NULL, remove_tree, &removing) != 0) {
        fail("cannot start the thread that removes");
    }
    while (!__atomic_load_n(&removing.done, __ATOMIC_ACQUIRE) || now() - began < WINDOW) {
        char path[BENCH_PATH_MAX];
        snprintf(path, sizeof path, "/beside/%zu", count);
        double started = now();
        nexus_check(nexus_write(side->opened->fs, path, path, 10, &error), error, "write", path);
        if (count == room) {
            room *= 2;
            double *larger = allocate(room * sizeof *larger);
            memcpy(larger, samples, count * sizeof *samples);
            free(samples);
            samples = larger;
        }
        samples[count++] = now() - started;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
    }
    measure_stop(began);
    if (side->place == 0) {
        pthread_join(removing.thread, NULL);
    }
    nexus_check(nexus_close(removing.fs, &error), error, "close", "");
    qsort(samples, count, sizeof *samples, ascending);
    double figure = samples[count - 1 - count / 100];
    free(samples);
    *operations = count;
    return figure;
}
