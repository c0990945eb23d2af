/* Cases on work items with dependencies. */
#include <stdio.h>

#include "cases.h"
#include "measure.h"

#define READY 10
#define READY_CALLS 1000
#define HUB "/shared/own/hub"
#define JOBS "/shared/own/jobs"
#define CROWD "/shared/crowd/jobs"

static void name_in(const char *directory, size_t i, char path[BENCH_PATH_MAX])
{
    queue_plan plan = {.directory = directory};
    queue_path(&plan, i, path);
}

static void depend(char json[BENCH_KEYS_MAX], const char *directory, size_t blocker,
                   const char *more)
{
    char path[BENCH_PATH_MAX];
    name_in(directory, blocker, path);
    snprintf(json, BENCH_KEYS_MAX, "{\"depends_on\": \"%s\"%s}", path, more);
}

static void add(contender *side, const char *directory, size_t count)
{
    queue_plan plan = {.directory = directory, .count = count};
    side->api->queue->add(side->opened, &plan);
}

/* Of each ten items, three wait for the last. */
static void wait_in_crowd(size_t i, char path[BENCH_PATH_MAX], char json[BENCH_KEYS_MAX])
{
    size_t ten = i / 3 * 10;
    name_in(CROWD, ten + i % 3, path);
    depend(json, CROWD, ten + 9, "");
}

/* Median seconds of one call. */
double run_ready(contender *side, size_t *operations)
{
    const queue_api *queue = side->api->queue;
    if (!side->has_dependencies) {
        queue->set_keys(side->opened, wait_in_crowd, 0, side->entries / 10 * 3);
        side->has_dependencies = 1;
    }
    double *samples = allocate(READY_CALLS * sizeof *samples);
    double whole = measure_start();
    for (size_t i = 0; i < READY_CALLS; i++) {
        double started = now();
        size_t got = queue->ready(side->opened, READY);
        samples[i] = now() - started;
        if (got != READY) {
            fail("%s: %zu items are ready, not %d", side->api->name, got, READY);
        }
    }
    measure_stop(whole);
    double middle = median(samples, READY_CALLS);
    free(samples);
    *operations = READY_CALLS;
    return middle;
}

static void wait_for_hub(size_t i, char path[BENCH_PATH_MAX], char json[BENCH_KEYS_MAX])
{
    name_in(JOBS, i, path);
    depend(json, HUB, 0, ", \"status\": \"blocked\"");
}

void prepare_dependents(contender *side)
{
    if (!side->reused) {
        add(side, HUB, 1);
        add(side, JOBS, side->entries);
    }
}

/* Seconds that it takes to complete the item that all others wait for. */
double run_dependents(contender *side, size_t *operations)
{
    const queue_api *queue = side->api->queue;
    queue_item hub;
    queue->set_keys(side->opened, wait_for_hub, 0, side->entries);
    queue->claim(side->opened, HUB "/", 1, &hub);
    double started = measure_start();
    queue->complete(side->opened, &hub, 1);
    double seconds = measure_stop(started);
    if (queue->ready(side->opened, 2 * side->entries) != side->entries) {
        fail("%s: not every dependent is ready", side->api->name);
    }
    queue->reopen(side->opened, &hub, 1);
    *operations = 1;
    return seconds;
}

static void wait_for_nothing(size_t i, char path[BENCH_PATH_MAX], char json[BENCH_KEYS_MAX])
{
    name_in(JOBS, i, path);
    snprintf(json, BENCH_KEYS_MAX, "{\"depends_on\": []}");
}

/* Item i + 1 waits for item i. */
static void wait_for_previous(size_t i, char path[BENCH_PATH_MAX], char json[BENCH_KEYS_MAX])
{
    name_in(JOBS, i + 1, path);
    depend(json, JOBS, i, "");
}

void prepare_chain(contender *side)
{
    if (!side->reused) {
        add(side, JOBS, side->entries);
    }
}

/* Seconds for all edges, each set in a transaction of its own. */
static double build_chain(contender *side, int from_the_end, size_t *operations)
{
    const queue_api *queue = side->api->queue;
    size_t edges = side->entries - 1;
    queue->set_keys(side->opened, wait_for_nothing, 0, side->entries);
    double started = measure_start();
    for (size_t i = 0; i < edges; i++) {
        queue->set_keys_of_one(side->opened, wait_for_previous, from_the_end ? edges - 1 - i : i);
    }
    *operations = edges;
    return measure_stop(started);
}

double run_chain(contender *side, size_t *operations)
{
    return build_chain(side, 0, operations);
}

double run_chain_backwards(contender *side, size_t *operations)
{
    return build_chain(side, 1, operations);
}

/* The first item of a chain waits for its last. */
static size_t chain_end;

static void close_chain(size_t i, char path[BENCH_PATH_MAX], char json[BENCH_KEYS_MAX])
{
    name_in(JOBS, i, path);
    depend(json, JOBS, chain_end, "");
}

/* Median seconds until the edge that would close the chain is refused. */
double run_chain_check(contender *side, size_t *operations)
{
    enum { CALLS = 20 };
    const queue_api *queue = side->api->queue;
    if (!side->has_dependencies) {
        queue->set_keys(side->opened, wait_for_previous, 0, side->entries - 1);
        side->has_dependencies = 1;
    }
    chain_end = side->entries - 1;
    double samples[CALLS];
    double whole = measure_start();
    for (size_t i = 0; i < CALLS; i++) {
        double started = now();
        queue->expect_cycle(side->opened, close_chain, 0);
        samples[i] = now() - started;
    }
    measure_stop(whole);
    *operations = CALLS;
    return median(samples, CALLS);
}
