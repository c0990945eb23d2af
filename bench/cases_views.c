/* Cases on the views of work items, and on finding items by a typed key. */
#include <stdio.h>

#include "cases.h"
#include "measure.h"

#define CALLS 100
#define FEW_RUNNING 10
#define JOBS "/shared/own/jobs"

void prepare_views(contender *side)
{
    if (!side->reused) {
        queue_plan plan = {.directory = JOBS, .count = side->entries};
        side->api->queue->add(side->opened, &plan);
    }
}

/* Rows a second of all items by priority. */
double run_view_of_all(contender *side, size_t *operations)
{
    double started = measure_start();
    size_t got = side->api->queue->by_priority(side->opened, side->entries);
    double seconds = measure_stop(started);
    if (got != side->entries) {
        fail("%s: %zu items, not %zu", side->api->name, got, side->entries);
    }
    *operations = got;
    return (double)got / seconds;
}

/* All items are given out, for ten minutes. */
void prepare_running(contender *side)
{
    prepare_views(side);
    queue_item *taken = allocate(side->entries * sizeof *taken);
    for (size_t i = 0; i < side->entries && !side->reused; i += 1000) {
        size_t some = side->entries - i < 1000 ? side->entries - i : 1000;
        side->api->queue->claim(side->opened, NULL, some, &taken[i]);
    }
    free(taken);
}

static double median_of_calls(contender *side, size_t (*call)(contender *side, size_t i),
                              size_t expected, size_t *operations)
{
    double *samples = allocate(CALLS * sizeof *samples);
    double whole = measure_start();
    for (size_t i = 0; i < CALLS; i++) {
        double started = now();
        size_t got = call(side, i);
        samples[i] = now() - started;
        if (got != expected) {
            fail("%s: %zu items, not %zu", side->api->name, got, expected);
        }
    }
    measure_stop(whole);
    double middle = median(samples, CALLS);
    free(samples);
    *operations = CALLS;
    return middle;
}

static size_t first_running(contender *side, size_t i)
{
    (void)i;
    return side->api->queue->in_progress(side->opened, FEW_RUNNING);
}

/* Median seconds for the items that were given out last. */
double run_first_running(contender *side, size_t *operations)
{
    return median_of_calls(side, first_running, FEW_RUNNING, operations);
}

static size_t of_priority(contender *side, size_t i)
{
    char value[32];
    snprintf(value, sizeof value, "%zu", i * 7919 % side->entries);
    return side->api->find(side->opened, "priority", value, 10);
}

/* Median seconds to find the one item of a priority. */
double run_find_item(contender *side, size_t *operations)
{
    return median_of_calls(side, of_priority, 1, operations);
}
