#include "workload.h"

#include <stdio.h>
#include <string.h>

#include "measure.h"

/* SplitMix64: any seed is a good one, and eight bytes cost a nanosecond. */
uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void random_bytes(uint64_t *state, unsigned char *out, size_t size)
{
    while (size > 0) {
        uint64_t value = random_next(state);
        size_t part = size < sizeof value ? size : sizeof value;
        memcpy(out, &value, part);
        out += part;
        size -= part;
    }
}

void shuffle_indexes(size_t *items, size_t count, uint64_t seed)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)(random_next(&seed) % i);
        size_t kept = items[i - 1];
        items[i - 1] = items[j];
        items[j] = kept;
    }
}

workload *workload_new(size_t count, size_t size)
{
    workload *work = allocate(sizeof *work);
    work->count = count;
    work->files = allocate(count * sizeof *work->files);
    work->order = allocate(count * sizeof *work->order);
    work->contents = allocate(count * size);

    for (size_t i = 0; i < count; i++) {
        work->order[i] = i;
    }
    shuffle_indexes(work->order, count, 7);
    for (size_t i = 0; i < count; i++) {
        bench_file *file = &work->files[i];
        size_t name = work->order[i];
        snprintf(file->path, sizeof file->path, "/bench/d%02zu/file-%05zu", name % 100, name);
        file->content = work->contents + i * size;
        file->size = size;
        file->time = INT64_C(1700000000000000) + (int64_t)i;
    }
    shuffle_indexes(work->order, count, 8);
    workload_fill(work, 1);
    return work;
}

void workload_fill(workload *work, uint64_t seed)
{
    /* A wide gap between seeds: the generator only adds a constant to its state. */
    uint64_t state = seed * UINT64_C(0xd1342543de82ef95);
    for (size_t i = 0; i < work->count; i++) {
        bench_file *file = &work->files[i];
        random_bytes(&state, file->content, file->size);
        random_bytes(&state, file->hash, sizeof file->hash);
        random_bytes(&state, file->path_id, sizeof file->path_id);
    }
}

void workload_free(workload *work)
{
    if (work != NULL) {
        free(work->contents);
        free(work->order);
        free(work->files);
        free(work);
    }
}
