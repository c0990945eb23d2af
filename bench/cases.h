/* The cases, and how one of them is measured. */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include <stddef.h>

#include "store.h"

/* One contender's place in a case. */
typedef struct contender {
    const store_api *api;
    int place; /* 0 is Nexus */
    unsigned threads;
    store *opened;
    int reused; /* the store is one that an earlier run left (--stores) */
    workload *work;
    size_t entries; /* of the large trees */
    char **cursors; /* where pages begin */
    size_t cursor_count;
    int refilled;          /* a short queue, which is filled up again between measurements */
    int has_dependencies;  /* among the items */
    int64_t next_priority; /* of the item that is claimed next */
    uint64_t number; /* of the run, from 1; 0 is the warm-up */
} contender;

typedef enum case_unit { FILES_PER_SECOND, ITEMS_PER_SECOND, CALLS_PER_SECOND, ROWS_PER_SECOND,
                         MIB_PER_SECOND, SECONDS } case_unit;

typedef enum case_target {
    NO_TARGET,     /* for information */
    RATIO_AT_LEAST, /* of the first contender's figure to the second's, the better the higher */
    SECONDS_BELOW  /* of the first contender's figure */
} case_target;

typedef struct bench_case {
    const char *name;
    const char *title;
    case_unit unit;
    case_target target_kind;
    double target;
    durability level;
    int fresh_store; /* each run begins with an empty store; else all share one */
    size_t count;       /* of files, or of entries where `tree` is set */
    size_t quick_count; /* under --quick */
    size_t small_count; /* under --instructions */
    size_t size;        /* of a file's content */
    int tree;           /* `count` says entries, and no files are made for it */
    /* How many cases on the same store, this one included, take items out of it that nothing puts back. */
    size_t drains;
    int second_is_nexus; /* the second contender is Nexus too */
    int alone;           /* there is no second contender */
    unsigned threads[2]; /* 0: one */
    /* Makes what the run needs; not measured. May be NULL. */
    void (*prepare)(contender *side);
    /* The same for the second contender, where it begins with something else. */
    void (*prepare_second)(contender *side);
    /* One run: returns its figure in `unit`, and how many operations were measured. */
    double (*run)(contender *side, size_t *operations);
} bench_case;

extern const bench_case BENCH_CASES[];
extern const size_t BENCH_CASE_COUNT;

/* Runs of the parts, in their own files. */
void prepare_files(contender *side);
void prepare_metadata(contender *side);
double run_write(contender *side, size_t *operations);
double run_write_threads(contender *side, size_t *operations);
double run_write_batches(contender *side, size_t *operations);
double run_overwrite(contender *side, size_t *operations);
double run_read(contender *side, size_t *operations);
double run_stat(contender *side, size_t *operations);
double run_set_meta(contender *side, size_t *operations);
double run_get_meta(contender *side, size_t *operations);
double run_large_write(contender *side, size_t *operations);
double run_large_read(contender *side, size_t *operations);

void prepare_list(contender *side);
void prepare_pages(contender *side);
double run_list(contender *side, size_t *operations);
double run_page_recursive(contender *side, size_t *operations);
double run_page_files(contender *side, size_t *operations);
double run_page_directories(contender *side, size_t *operations);
double run_find(contender *side, size_t *operations);

double run_rename_tree(contender *side, size_t *operations);
double run_copy_tree(contender *side, size_t *operations);
double run_remove_tree(contender *side, size_t *operations);

void prepare_nothing(contender *side);
void prepare_removal(contender *side);
double run_write_beside_removal(contender *side, size_t *operations);

void prepare_queue_short(contender *side);
void prepare_queue_long(contender *side);
void prepare_queue_few(contender *side);
void prepare_queue_delayed(contender *side);
void prepare_queue_expired(contender *side);
size_t items_of_a_run(void);
double run_queue(contender *side, size_t *operations);
double run_queue_tenant(contender *side, size_t *operations);
double run_queue_prefix(contender *side, size_t *operations);
double run_queue_delayed(contender *side, size_t *operations);
double run_queue_expired(contender *side, size_t *operations);
double run_queue_batches(contender *side, size_t *operations);

void prepare_views(contender *side);
void prepare_running(contender *side);
double run_view_of_all(contender *side, size_t *operations);
double run_first_running(contender *side, size_t *operations);
double run_find_item(contender *side, size_t *operations);

double run_ready(contender *side, size_t *operations);
void prepare_dependents(contender *side);
double run_dependents(contender *side, size_t *operations);
void prepare_chain(contender *side);
double run_chain(contender *side, size_t *operations);
double run_chain_backwards(contender *side, size_t *operations);
double run_chain_check(contender *side, size_t *operations);

#endif
