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

/* Items that are no worker's turn to see come before those that are. */
#define AFTER_THE_CROWD INT64_C(1000000000)
#define OWN "/shared/own/jobs"
#define CROWD "/shared/crowd/jobs"
#define FEW "/shared/crowd/few"
#define FEW_ITEMS 10

void prepare_queue_short(contender *side)
{
    side->refilled = 1;
    if (!side->reused) {
        add(side, OWN, bench_settings.count > 0 ? bench_settings.count : SHORT_QUEUE, 0);
    }
}

void prepare_queue_few(contender *side)
{
    side->refilled = 1;
    if (!side->reused) {
        add(side, FEW, FEW_ITEMS, 0);
    }
}

void prepare_queue_long(contender *side)
{
    if (!side->reused) {
        add(side, CROWD, side->entries, 0);
        add(side, OWN, SHORT_QUEUE, AFTER_THE_CROWD);
        add(side, FEW, FEW_ITEMS, 2 * AFTER_THE_CROWD);
    }
}

void prepare_queue_delayed(contender *side)
{
    side->refilled = 1;
    if (!side->reused) {
        queue_plan plan = {.directory = CROWD, .count = side->entries,
                           .not_before = "2999-01-01T00:00:00Z"};
        side->api->queue->add(side->opened, &plan);
        add(side, OWN, SHORT_QUEUE, AFTER_THE_CROWD);
    }
}

void prepare_queue_expired(contender *side)
{
    if (!side->reused) {
        add(side, OWN, SHORT_QUEUE, AFTER_THE_CROWD);
        add(side, CROWD, side->entries, 0);
        side->api->queue->expire(side->opened, side->entries);
    }
}

/* How a worker takes items. */
typedef struct drain_plan {
    const char *prefix;
    size_t segment;         /* items that are claimed before a short queue is filled up again */
    size_t at_once;         /* items in a transaction */
    int64_t first_priority; /* of a short queue */
    int in_any_order;       /* else in that of the priorities */
} drain_plan;

static void check_order(contender *side, const drain_plan *plan, const queue_item *taken)
{
    if (!side->refilled && side->reused && side->next_priority == 0) {
        side->next_priority = taken[0].priority; /* an earlier run drained some */
    }
    int64_t expected = side->refilled ? plan->first_priority : side->next_priority;
    for (size_t i = 0; i < plan->segment; i++) {
        int64_t priority = taken[i].priority;
        if (plan->in_any_order ? priority >= AFTER_THE_CROWD
                               : priority != expected + (int64_t)i) {
            fail("%s: claimed priority %lld, not %lld", side->api->name, (long long)priority,
                 (long long)expected + (long long)i);
        }
    }
}

/* How many items a run claims at most. */
size_t items_of_a_run(void)
{
    return bench_settings.instructions ? 2 * SEGMENT : bench_settings.quick ? 2000 : 10000;
}

/* Claims and completes; returns items a second. A short queue is filled up again every now and then,
 * out of the measurement; a long one is drained a little. */
static double drain(contender *side, store *worker, const drain_plan *plan, size_t *operations)
{
    const queue_api *queue = side->api->queue;
    size_t total = items_of_a_run();
    size_t done = 0;
    double seconds = 0;
    queue_item *taken = allocate(plan->segment * sizeof *taken);
    while (done < total) {
        double started = measure_start();
        for (size_t i = 0; i < plan->segment; i += plan->at_once) {
            queue->claim(worker, plan->prefix, plan->at_once, &taken[i]);
            queue->complete(worker, &taken[i], plan->at_once);
        }
        seconds += measure_stop(started);
        check_order(side, plan, taken);
        if (side->refilled) {
            queue->reopen(side->opened, taken, plan->segment);
        }
        side->next_priority += (int64_t)plan->segment;
        done += plan->segment;
    }
    free(taken);
    *operations = done;
    return (double)done / seconds;
}

/* Prints how many pages a claim and a completion read and write; see page_counter.c. */
static double count_pages(contender *side, size_t *operations)
{
    page_counts claims = {0};
    page_counts completions = {0};
    for (size_t i = 0; i < SEGMENT; i++) {
        queue_item taken;
        page_counts before = pages_so_far();
        side->api->queue->claim(side->opened, NULL, 1, &taken);
        page_counts between = pages_so_far();
        side->api->queue->complete(side->opened, &taken, 1);
        page_counts after = pages_so_far();
        claims.reads += between.reads - before.reads;
        claims.writes += between.writes - before.writes;
        completions.reads += after.reads - between.reads;
        completions.writes += after.writes - between.writes;
    }
    printf("%.1f %.1f %.1f %.1f\n", (double)claims.reads / SEGMENT,
           (double)claims.writes / SEGMENT, (double)completions.reads / SEGMENT,
           (double)completions.writes / SEGMENT);
    *operations = SEGMENT;
    return 0;
}

double run_queue(contender *side, size_t *operations)
{
    if (bench_settings.pages) {
        return count_pages(side, operations);
    }
    drain_plan plan = {.segment = SEGMENT, .at_once = 1};
    return drain(side, side->opened, &plan, operations);
}

/* With 32 items in a transaction on the first side, and one on the second. */
double run_queue_batches(contender *side, size_t *operations)
{
    drain_plan plan = {.segment = 96, .at_once = side->place == 0 ? 32 : 1};
    return drain(side, side->opened, &plan, operations);
}

/* The items with priorities from AFTER_THE_CROWD on are all that this worker may take, or can; the
 * baseline's table holds nothing else, and counts from 0. */
static double drain_own(contender *side, drain_plan plan, store *worker, size_t *operations)
{
    int refilled = side->refilled;
    side->refilled = 1;
    double rate = drain(side, worker, &plan, operations);
    side->refilled = refilled;
    return rate;
}

double run_queue_tenant(contender *side, size_t *operations)
{
    drain_plan plan = {.segment = SEGMENT, .at_once = 1,
                       .first_priority = side->place == 0 ? AFTER_THE_CROWD : 0};
    store *worker = side->api->queue->as_tenant(side->opened, "own");
    double rate = drain_own(side, plan, worker, operations);
    if (worker != side->opened) {
        side->api->close(worker);
    }
    return rate;
}

double run_queue_prefix(contender *side, size_t *operations)
{
    drain_plan plan = {.prefix = FEW "/", .segment = FEW_ITEMS, .at_once = 1,
                       .first_priority = side->place == 0 ? 2 * AFTER_THE_CROWD : 0};
    return drain_own(side, plan, side->opened, operations);
}

double run_queue_delayed(contender *side, size_t *operations)
{
    drain_plan plan = {.segment = SEGMENT, .at_once = 1,
                       .first_priority = side->place == 0 ? AFTER_THE_CROWD : 0};
    return drain_own(side, plan, side->opened, operations);
}

double run_queue_expired(contender *side, size_t *operations)
{
    drain_plan plan = {.segment = SEGMENT, .at_once = 1, .in_any_order = 1};
    return drain(side, side->opened, &plan, operations);
}
