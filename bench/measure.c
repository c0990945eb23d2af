#include "measure.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#if defined(__has_include)
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#endif
#endif
#ifndef CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_START_INSTRUMENTATION ((void)0)
#define CALLGRIND_STOP_INSTRUMENTATION ((void)0)
#endif

double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

double measure_start(void)
{
    CALLGRIND_START_INSTRUMENTATION;
    return now();
}

double measure_stop(double started)
{
    double seconds = now() - started;
    CALLGRIND_STOP_INSTRUMENTATION;
    return seconds;
}

page_counts pages_so_far(void)
{
    void (*counter)(uint64_t *, uint64_t *);
    page_counts counts = {0};
    *(void **)&counter = dlsym(RTLD_DEFAULT, "bench_pages");
    if (counter == NULL) {
        fail("pages are not counted: the counter is not preloaded");
    }
    counter(&counts.reads, &counts.writes);
    return counts;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

double median(const double *samples, size_t count)
{
    if (count == 0) {
        fail("median of no samples");
    }
    double *sorted = allocate(count * sizeof *sorted);
    memcpy(sorted, samples, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_doubles);
    double middle = count % 2 == 1 ? sorted[count / 2]
                                   : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    free(sorted);
    return middle;
}

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("nexus_bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

void *allocate(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);
    if (memory == NULL) {
        fail("no memory for %zu bytes", size);
    }
    return memory;
}

/* Visible elsewhere, so that the store to it counts as an effect. */
volatile size_t bench_sink;

void consume(size_t value)
{
    bench_sink = value;
}

size_t touch_text(const char *text)
{
    return text != NULL ? strlen(text) + (unsigned char)text[0] : 0;
}

size_t touch_bytes(const void *bytes, size_t size)
{
    const unsigned char *data = bytes;
    return size > 0 ? size + data[0] + data[size - 1] : 0;
}
