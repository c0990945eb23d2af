/* What the cases ask of a store, so that each case is written once and runs on both sides. A call
 * that fails ends the program. */
#ifndef BENCH_STORE_H
#define BENCH_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "queue.h"
#include "workload.h"

typedef enum durability { DURABILITY_NORMAL, DURABILITY_FULL } durability;

/* Names the i-th entry of a large tree. */
typedef void (*name_entry)(size_t i, size_t total, char path[BENCH_PATH_MAX]);

typedef struct store_api {
    const char *name;

    /* Opens or creates the store in the existing directory `dir`. */
    store *(*open)(const char *dir, durability level);
    /* What another thread works with: a connection of its own, or the same handle. */
    store *(*join)(store *opened);
    void (*close)(store *opened);

    /* Creates a file in a transaction of its own. */
    void (*write)(store *opened, const bench_file *file);
    /* Replaces its content, also in a transaction of its own. */
    void (*overwrite)(store *opened, const bench_file *file);
    /* Creates `count` files in one transaction. */
    void (*write_batch)(store *opened, const bench_file *files, size_t count);
    /* Creates `total` entries that share one small content, 1,000 in a transaction. */
    void (*fill)(store *opened, name_entry name, size_t total);

    /* Reads into memory of the caller's own and compares with `file`. */
    void (*read)(store *opened, const bench_file *file);
    /* Looks at every field of the entry. */
    void (*stat)(store *opened, const bench_file *file);
    /* `value` is JSON text. */
    void (*set_meta)(store *opened, const bench_file *file, const char *key, const char *value);
    void (*get_meta)(store *opened, const bench_file *file, const char *key, const char *value);

    /* Renames, copies or removes a directory with all that is in it, in one transaction. */
    void (*rename_tree)(store *opened, const char *from, const char *to);
    void (*copy_tree)(store *opened, const char *from, const char *to);
    void (*remove_tree)(store *opened, const char *path);

    /* Looks at every field of at most `limit` entries (0: all) of `directory`, from `cursor` (NULL:
     * the first) on; returns how many. `*next`, if asked for, is to be freed; NULL at the end. */
    size_t (*list)(store *opened, const char *directory, int recursive, const char *cursor,
                   size_t limit, char **next);
    /* The same for files by a metadata value; NULL where a side has no index for it. */
    size_t (*find)(store *opened, const char *key, const char *value, size_t limit);

    const queue_api *queue;
} store_api;

extern const store_api raw_store;
extern const store_api nexus_store;

#endif
