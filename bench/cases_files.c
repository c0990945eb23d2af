/* Cases on single files: content, entry, metadata. */
#include <pthread.h>
#include <stdio.h>

#include "cases.h"
#include "measure.h"

#define BATCH 1000

void prepare_files(contender *side)
{
    workload *work = side->work;
    for (size_t i = 0; i < work->count; i += BATCH) {
        size_t left = work->count - i;
        side->api->write_batch(side->opened, &work->files[i], left < BATCH ? left : BATCH);
    }
}

void prepare_metadata(contender *side)
{
    prepare_files(side);
    for (size_t i = 0; i < side->work->count; i++) {
        /* Ten groups, so that a page of 100 exists in a workload of 1,000 files. */
        char value[16];
        snprintf(value, sizeof value, "\"%zu\"", i % 10);
        side->api->set_meta(side->opened, &side->work->files[i], "group", value);
    }
}

double run_write(contender *side, size_t *operations)
{
    const workload *work = side->work;
    double started = measure_start();
    for (size_t i = 0; i < work->count; i++) {
        side->api->write(side->opened, &work->files[i]);
    }
    double seconds = measure_stop(started);
    *operations = work->count;
    return (double)work->count / seconds;
}

typedef struct writer {
    pthread_t thread;
    pthread_barrier_t *start;
    const store_api *api;
    store *opened;
    const bench_file *files;
    size_t count;
} writer;

static void *write_part(void *argument)
{
    writer *self = argument;
    pthread_barrier_wait(self->start);
    for (size_t i = 0; i < self->count; i++) {
        self->api->write(self->opened, &self->files[i]);
    }
    return NULL;
}

double run_write_threads(contender *side, size_t *operations)
{
    const workload *work = side->work;
    size_t share = work->count / side->threads;
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, side->threads + 1);
    writer *writers = allocate(side->threads * sizeof *writers);
    for (unsigned i = 0; i < side->threads; i++) {
        writers[i] = (writer){.start = &start, .api = side->api, .count = share,
                              .opened = side->api->join(side->opened),
                              .files = work->files + i * share};
        if (pthread_create(&writers[i].thread, NULL, write_part, &writers[i]) != 0) {
            fail("cannot start thread %u", i);
        }
    }
    double started = measure_start();
    pthread_barrier_wait(&start);
    for (unsigned i = 0; i < side->threads; i++) {
        pthread_join(writers[i].thread, NULL);
    }
    double seconds = measure_stop(started);
    for (unsigned i = 0; i < side->threads; i++) {
        side->api->close(writers[i].opened);
    }
    free(writers);
    pthread_barrier_destroy(&start);
    *operations = share * side->threads;
    return (double)*operations / seconds;
}

double run_write_batches(contender *side, size_t *operations)
{
    double started = measure_start();
    prepare_files(side);
    double seconds = measure_stop(started);
    *operations = side->work->count;
    return (double)side->work->count / seconds;
}

double run_overwrite(contender *side, size_t *operations)
{
    const workload *work = side->work;
    workload_fill(side->work, 100 + side->number);
    double started = measure_start();
    for (size_t i = 0; i < work->count; i++) {
        side->api->overwrite(side->opened, &work->files[work->order[i]]);
    }
    double seconds = measure_stop(started);
    *operations = work->count;
    return (double)work->count / seconds;
}

/* Calls `call` for each file, in random order. */
static double run_each(contender *side, void (*call)(contender *, const bench_file *),
                       size_t *operations)
{
    const workload *work = side->work;
    double started = measure_start();
    for (size_t i = 0; i < work->count; i++) {
        call(side, &work->files[work->order[i]]);
    }
    double seconds = measure_stop(started);
    *operations = work->count;
    return (double)work->count / seconds;
}

static void read_file(contender *side, const bench_file *file)
{
    side->api->read(side->opened, file);
}

static void stat_file(contender *side, const bench_file *file)
{
    side->api->stat(side->opened, file);
}

static void set_file_meta(contender *side, const bench_file *file)
{
    char value[32];
    snprintf(value, sizeof value, "\"run %u\"", (unsigned)side->number);
    side->api->set_meta(side->opened, file, "label", value);
}

static void get_file_meta(contender *side, const bench_file *file)
{
    char value[16];
    snprintf(value, sizeof value, "\"%zu\"", (size_t)(file - side->work->files) % 10);
    side->api->get_meta(side->opened, file, "group", value);
}

double run_read(contender *side, size_t *operations)
{
    return run_each(side, read_file, operations);
}

double run_stat(contender *side, size_t *operations)
{
    return run_each(side, stat_file, operations);
}

double run_set_meta(contender *side, size_t *operations)
{
    return run_each(side, set_file_meta, operations);
}

double run_get_meta(contender *side, size_t *operations)
{
    return run_each(side, get_file_meta, operations);
}

static double mebibytes(const workload *work)
{
    return (double)work->count * (double)work->files[0].size / (1024.0 * 1024.0);
}

double run_large_write(contender *side, size_t *operations)
{
    double files_per_second = run_write(side, operations);
    return files_per_second * mebibytes(side->work) / (double)side->work->count;
}

double run_large_read(contender *side, size_t *operations)
{
    double files_per_second = run_read(side, operations);
    return files_per_second * mebibytes(side->work) / (double)side->work->count;
}
