/* The files that a case writes and reads: the same for both sides, and the same in each run. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

/* Longest path that the benchmark makes, with its NUL. */
#define BENCH_PATH_MAX 64

typedef struct bench_file {
    char path[BENCH_PATH_MAX];
    unsigned char *content; /* into the workload's one block */
    size_t size;
    /* What only the baseline needs: Nexus makes its own inside the call. */
    unsigned char hash[32];
    unsigned char path_id[16];
    int64_t time;
} bench_file;

typedef struct workload {
    bench_file *files; /* in an order that is not that of the paths */
    size_t count;
    size_t *order; /* another order, to read in */
    unsigned char *contents;
} workload;

/* `count` files of `size` bytes, /bench/dNN/file-NNNNN, with the contents of seed 1. */
workload *workload_new(size_t count, size_t size);

/* Gives every file new random content, distinct from that of every other seed. */
void workload_fill(workload *work, uint64_t seed);

void workload_free(workload *work);

/* Next value of the generator whose state is `*state`. */
uint64_t random_next(uint64_t *state);

/* Brings `count` elements of `items` into a random order that `seed` decides. */
void shuffle_indexes(size_t *items, size_t count, uint64_t seed);

#endif
