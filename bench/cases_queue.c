/* Cases on work items: what a claim and a completion cost. */
#include <stdio.h>

#include "cases.h"
#include "measure.h"
#include "options.h"

#define SHORT_QUEUE 1000
#define SEGMENT 100

size_t *queue_order(size_t count)
{
    size_t *order = allocate(count * sizeof *order);
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    shuffle_indexes(order, count, 11);
    return order;
}

void queue_path(const queue_plan *plan, size_t i, char path[BENCH_PATH_MAX])
{
    snprintf(path, BENCH_PATH_MAX, "%s/item-%07zu", plan->directory, i);
}

static void add(contender *side, const char *directory, size_t count, int64_t first_priority)
{
    queue_plan plan = {.directory = directory, .count = count, .first_priority = first_priority};
    side->api->queue->add(side->opened, &plan);
}

void prepare_queue_short(contender *side)
{
    add(side, "/shared/own/jobs", SHORT_QUEUE, 0);
    side->refilled = 1;
}

void prepare_queue_long(contender *side)
{
    add(side, "/shared/crowd/jobs", side->entries, 0);
}

/* Claims and completes; returns items a second. A short queue is filled up again every now and then,
 * out of the measurement; a long one is drained a little. Either way the items come in the order of
 * their priorities. */
static double drain(contender *side, const char *prefix, size_t segment, size_t *operations)
{
    const queue_api *queue = side->api->queue;
    size_t total = bench_settings.instructions ? 2 * SEGMENT : bench_settings.quick ? 500 : 2000;
    size_t done = 0;
    double seconds = 0;
    queue_item *taken = allocate(segment * sizeof *taken);
    while (done < total) {
        int64_t expected = side->refilled ? 0 : side->next_priority;
        double started = measure_start();
        for (size_t i = 0; i < segment; i++) {
            queue->claim(side->opened, prefix, 1, &taken[i]);
            queue->complete(side->opened, &taken[i], 1);
        }
        seconds += measure_stop(started);
        for (size_t i = 0; i < segment; i++) {
            if (taken[i].priority != expected + (int64_t)i) {
                fail("%s: claimed priority %lld, not %lld", side->api->name,
                     (long long)taken[i].priority, (long long)expected + (long long)i);
            }
        }
        if (side->refilled) {
            queue->reopen(side->opened, taken, segment);
        }
        side->next_priority += (int64_t)segment;
        done += segment;
    }
    free(taken);
    *operations = done;
    return (double)done / seconds;
}

double run_queue(contender *side, size_t *operations)
{
    return drain(side, NULL, SEGMENT, operations);
}
