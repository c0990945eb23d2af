/* The connection of the baseline, for the files that work with it. */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include <sqlite3.h>

#include "store.h"

typedef enum raw_statement {
    BEGIN,
    COMMIT,
    INSERT_CONTENT,
    INSERT_PATH,
    PUT_METADATA,
    CONTENT_OF_PATH,
    UPDATE_CONTENT,
    UPDATE_PATH,
    READ,
    STAT,
    GET_METADATA,
    LIST,
    ADD_ITEM,
    CLAIM_ITEM,
    COMPLETE_ITEM,
    REOPEN_ITEM,
    ALL_ITEMS,
    RENAME_PATHS,
    RENAME_METADATA,
    COPY_PATHS,
    COPY_METADATA,
    REMOVE_CONTENTS,
    REMOVE_METADATA,
    REMOVE_PATHS,
    RAW_STATEMENTS
} raw_statement;

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[RAW_STATEMENTS];
    char file[4096];
    durability level;
    int64_t newest_lease;
};

extern const queue_api raw_queue;

/* Ends the program where `code` is an error. */
void raw_check(const store *raw, int code, const char *what);

/* Runs a statement that returns no row. */
void raw_run(store *raw, raw_statement which);

#endif
