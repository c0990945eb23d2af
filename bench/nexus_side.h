/* The handle of the Nexus side, for the files that work with it. */
#ifndef BENCH_NEXUS_SIDE_H
#define BENCH_NEXUS_SIDE_H

#include <nexus.h>

#include "store.h"

struct store {
    nexus_fs *fs;
    int joined; /* whether another owns the handle */
    char dir[3072];
    durability level;
};

extern const queue_api nexus_queue;

/* Ends the program where a call failed. */
void nexus_check(nexus_status status, nexus_error *error, const char *what, const char *path);

/* Opens the store anew, with a cache of that size. */
void nexus_reconnect(store *opened, unsigned cache_mb);

/* A batch, and its end. */
nexus_batch *nexus_begin(store *opened);
void nexus_commit(nexus_batch *batch);

#endif
