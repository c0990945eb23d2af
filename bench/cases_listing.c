/* Cases on many entries: listings and pages. */
#include <stdio.h>
#include <string.h>

#include "cases.h"
#include "measure.h"

#define PAGE 100
#define CURSORS_MAX 256

/* 1,000 files in each directory. */
static void name_in_directories(size_t i, size_t total, char path[BENCH_PATH_MAX])
{
    (void)total;
    snprintf(path, BENCH_PATH_MAX, "/bench/d%04zu/file-%07zu", i / 1000, i);
}

/* Half of the entries in one directory, half in directories of 100 below another. */
static void name_in_two_trees(size_t i, size_t total, char path[BENCH_PATH_MAX])
{
    size_t half = total / 2;
    if (i < half) {
        snprintf(path, BENCH_PATH_MAX, "/bench/flat/file-%07zu", i);
    } else {
        size_t below = i - half;
        snprintf(path, BENCH_PATH_MAX, "/bench/tree/d%05zu/file-%07zu", below / 100, i);
    }
}

void prepare_list(contender *side)
{
    side->api->fill(side->opened, name_in_directories, side->entries);
}

double run_list(contender *side, size_t *operations)
{
    double started = measure_start();
    size_t rows = side->api->list(side->opened, "/bench", 1, NULL, 0, NULL);
    double seconds = measure_stop(started);
    if (rows != side->entries) {
        fail("%s: listed %zu of %zu entries", side->api->name, rows, side->entries);
    }
    *operations = rows;
    return (double)rows / seconds;
}

void prepare_pages(contender *side)
{
    side->api->fill(side->opened, name_in_two_trees, side->entries);
}

/* Cursors all over the directory, in random order: what a page costs must not depend on where it
 * begins, nor on whether its neighbour was just read. */
static void collect_cursors(contender *side, const char *directory, int recursive, size_t rows)
{
    size_t stride = rows / 100 > PAGE ? rows / 100 : PAGE;
    char *cursors[CURSORS_MAX];
    size_t order[CURSORS_MAX];
    size_t count = 0;
    size_t seen = 0;
    char *cursor = NULL;
    do {
        char *next = NULL;
        seen += side->api->list(side->opened, directory, recursive, cursor, stride, &next);
        cursor = next;
        if (cursor != NULL && count < CURSORS_MAX && seen + PAGE <= rows) {
            cursors[count] = cursor;
            order[count] = count;
            count++;
        }
    } while (cursor != NULL && count < CURSORS_MAX);
    if (count == 0 || (count < CURSORS_MAX && seen != rows)) {
        fail("%s: paged over %zu of %zu entries of %s", side->api->name, seen, rows, directory);
    }
    shuffle_indexes(order, count, 9);
    side->cursors = allocate(count * sizeof *side->cursors);
    side->cursor_count = count;
    for (size_t i = 0; i < count; i++) {
        side->cursors[i] = cursors[order[i]];
    }
}

/* Median seconds of one page of 100. */
static double run_pages(contender *side, const char *directory, int recursive, size_t rows,
                        size_t *operations)
{
    if (side->cursors == NULL) {
        collect_cursors(side, directory, recursive, rows);
    }
    double *samples = allocate(side->cursor_count * sizeof *samples);
    double whole = measure_start();
    for (size_t i = 0; i < side->cursor_count; i++) {
        double started = now();
        size_t got = side->api->list(side->opened, directory, recursive, side->cursors[i], PAGE,
                                     NULL);
        samples[i] = now() - started;
        if (got != PAGE) {
            fail("%s: a page of %s has %zu entries", side->api->name, directory, got);
        }
    }
    measure_stop(whole);
    double middle = median(samples, side->cursor_count);
    free(samples);
    *operations = side->cursor_count;
    return middle;
}

double run_page_recursive(contender *side, size_t *operations)
{
    return run_pages(side, "/bench", 1, side->entries, operations);
}

double run_page_files(contender *side, size_t *operations)
{
    return run_pages(side, "/bench/flat", 0, side->entries / 2, operations);
}

double run_page_directories(contender *side, size_t *operations)
{
    return run_pages(side, "/bench/tree", 0, side->entries / 2 / 100, operations);
}

double run_find(contender *side, size_t *operations)
{
    const size_t calls = 100;
    double *samples = allocate(calls * sizeof *samples);
    double whole = measure_start();
    for (size_t i = 0; i < calls; i++) {
        char value[16];
        snprintf(value, sizeof value, "\"%zu\"", i % 10);
        double started = now();
        size_t got = side->api->find(side->opened, "group", value, PAGE);
        samples[i] = now() - started;
        if (got != PAGE) {
            fail("%s: found %zu files in group %s, not %d", side->api->name, got, value, PAGE);
        }
    }
    measure_stop(whole);
    double middle = median(samples, calls);
    free(samples);
    *operations = calls;
    return middle;
}
