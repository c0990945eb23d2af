/* Clock, medians, and what must never be reached. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Seconds on a clock that only runs forward. */
double now(void);

/* Begins the part of a run that counts; returns the time. Under valgrind, instructions are counted
 * from here on, in all threads. */
double measure_start(void);

/* Ends it; returns the seconds since `started`. */
double measure_stop(double started);

/* Pages of 4 KiB that the process read and wrote so far: only where page_counter.c is preloaded. */
typedef struct page_counts {
    uint64_t reads;
    uint64_t writes;
} page_counts;

page_counts pages_so_far(void);

/* Median of `count` samples, which may come in any order. */
double median(const double *samples, size_t count);

/* Ends the program with a message: a benchmark in which a call failed has measured nothing. */
#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 1, 2)))
#endif
void fail(const char *format, ...);

/* Zeroed memory, or the end of the program. */
void *allocate(size_t size);

/* Keeps the compiler from dropping reads whose result nobody needs. */
void consume(size_t value);

/* What a reader of a row does at least: looks at the whole string, or at both ends of some bytes. */
size_t touch_text(const char *text);
size_t touch_bytes(const void *bytes, size_t size);

#endif
