/* What the command line asked for. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stddef.h>

typedef enum bench_sides { SIDE_BOTH, SIDE_NEXUS, SIDE_RAW } bench_sides;

typedef struct settings {
    const char *dir;  /* where the stores are made and, at the end, deleted */
    const char *json; /* result file, or NULL */
    unsigned runs;    /* of each side, beside the warm-up */
    int quick;
    int strict;
    int housekeeping; /* of the Nexus store */
    int instructions; /* one run of one case on one side, for valgrind */
    unsigned cache_mb; /* of each store */
    size_t count;     /* of files or entries, in place of the cases' own; 0: theirs */
    int keep_stores;  /* and use those that are there */
    int prepare_only; /* with `instructions`: make the store, and count nothing */
    int pages;        /* with `instructions`: count pages instead */
    bench_sides sides;
    const char *cases[32]; /* empty: all */
    size_t case_count;
} settings;

extern settings bench_settings;

#endif
