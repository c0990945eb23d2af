/* Cases on whole trees: renaming, copying and removing one, in one transaction each. */
#include "cases.h"
#include "measure.h"

/* Seconds for each file of the tree. */
static double finish_tree(contender *side, double started, size_t *operations)
{
    *operations = side->work->count;
    return measure_stop(started) / (double)side->work->count;
}

/* There and back, by turns. */
double run_rename_tree(contender *side, size_t *operations)
{
    static const char *const names[] = {"/bench", "/moved"};
    size_t from = side->number % 2;
    double started = measure_start();
    side->api->rename_tree(side->opened, names[from], names[1 - from]);
    return finish_tree(side, started, operations);
}

double run_copy_tree(contender *side, size_t *operations)
{
    double started = measure_start();
    side->api->copy_tree(side->opened, "/bench", "/copied");
    return finish_tree(side, started, operations);
}

double run_remove_tree(contender *side, size_t *operations)
{
    double started = measure_start();
    side->api->remove_tree(side->opened, "/bench");
    return finish_tree(side, started, operations);
}
