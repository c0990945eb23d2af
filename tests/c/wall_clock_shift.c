/*
 * For LD_PRELOAD: a wall clock that a test sets, in its own process alone.
 *
 * Only CLOCK_REALTIME of clock_gettime is shifted. The boot clock, by which leases are measured, is left alone; so are
 * those who ask the kernel without the C library.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

typedef int (*clock_function)(clockid_t, struct timespec *);

static int64_t shift;
static uint64_t shifted;

/* Sets the wall's clock so many seconds ahead of the machine's, or behind it. */
void wall_clock_shift(int64_t seconds);
/* How often somebody has read the shifted clock. */
uint64_t wall_clock_reads(void);

void wall_clock_shift(int64_t seconds)
{
    __atomic_store_n(&shift, seconds, __ATOMIC_SEQ_CST);
}

uint64_t wall_clock_reads(void)
{
    return __atomic_load_n(&shifted, __ATOMIC_SEQ_CST);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static clock_function real;
    int result;
    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "clock_gettime");
        if (found == NULL) {
            abort();
        }
        *(void **)&real = found;
    }
    result = real(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME) {
        time->tv_sec += (time_t)__atomic_load_n(&shift, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&shifted, 1, __ATOMIC_SEQ_CST);
    }
    return result;
}
