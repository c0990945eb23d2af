/*
 * nexus.h - a filesystem for AI agents that a program embeds.
 *
 * Generated from src/capi by scripts/generate-header: change it there.
 *
 *     nexus_fs *fs;
 *     nexus_error *error;
 *     if (nexus_connect("{\"data_dir\": \"./data\"}", &fs, &error) != NEXUS_STATUS_OK) {
 *         fprintf(stderr, "%s\n", nexus_error_message(error));
 *         nexus_error_free(error);
 *         return 1;
 *     }
 *     nexus_write(fs, "/workspace/acme/agent1/notes.txt", "hello", 5, NULL);
 *     nexus_close(fs, NULL);
 *
 * Conventions, which hold for every function
 *
 * 1. Status. A call returns a nexus_status; NEXUS_STATUS_OK is 0. A call that returns anything
 *    else changed nothing, with two exceptions: IO that says "outcome unknown", and what nexus_gc,
 *    a repair and nexus_backup did before they ended early. Each function names the statuses to
 *    expect, without their prefix; besides those, any call may return
 *      INVALID_ARGUMENT  NULL where it is not allowed, text that is not UTF-8, an unknown flag;
 *      CANCELLED         the call was interrupted, or its handle is being closed;
 *      BUSY              others kept the store locked for longer than `busy_timeout_ms`;
 *      CORRUPT           the database is damaged;
 *      VERSION_MISMATCH  a newer version of Nexus has migrated the store meanwhile;
 *      MISUSE            an object that is not open, or a call that is not allowed now;
 *      INTERNAL, PANIC   a defect in Nexus.
 * 2. Errors. The last parameter, `error`, may be NULL. Else it is set to NULL, or on failure to an
 *    object to be freed with nexus_error_free. There is no "last error" of a thread or handle.
 * 3. Input. Strings are NUL-terminated UTF-8, bytes a pointer and a length, where (NULL, 0) is
 *    allowed. All of it is borrowed for the call: the library keeps no pointer of yours, but for
 *    the log function and its `user`. An int32_t flag is 0 or 1.
 * 4. Output. Every output is set to NULL or 0 at once, and stays so unless the call returns OK. It
 *    may be NULL only where its description says so.
 * 5. Objects. nexus_fs, reader, writer, batch, buffer, entries, matches, strings, work_list and
 *    error are handles, not addresses: one that is NULL, closed, freed, or of another type is
 *    MISUSE (a _free function ignores it), not undefined behaviour. Strings (`char *`) and single
 *    entries (`nexus_entry *`) that are handed out are ordinary memory, with one function to free
 *    each. nexus_live_objects counts what is open.
 * 6. Rows. X_len tells how many rows a list has, X_at returns one: valid until the list is freed.
 *    Row structs grow at their end: `struct_size` tells how far, so never copy or index them.
 * 7. Options. Initialise an options struct with its _INIT macro and set what you need; NULL means
 *    the defaults. A program built with an older or newer header is understood: what its struct
 *    lacks has its default, what the library does not know must be zero.
 * 8. Threads. Every object may be used from any thread, and from several at once, but for
 *    readers, writers and batches: a second call on one of those at the same time is MISUSE.
 *    A progress or log function runs on the thread that made the call.
 * 9. Lifetime. Readers, writers, batches, lists and derived handles outlive the nexus_fs they come
 *    from. nexus_interrupt and nexus_close end calls in flight.
 * 10. Forks. In a child forked while a store was open every call is MISUSE until it calls exec.
 * 11. Paths begin with "/", which may be left out; the first segment names a namespace. A path that
 *    breaks a rule of names is INVALID_PATH, one that the handle's identity may not use
 *    ACCESS_DENIED, whether or not there is something.
 */

#ifndef NEXUS_H
#define NEXUS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Initialisers for the options structs: nexus_list_options options = NEXUS_LIST_OPTIONS_INIT;
 */
#define NEXUS_WRITE_OPTIONS_INIT { sizeof(nexus_write_options), 0, NULL, NULL, NULL, 0 }
#define NEXUS_LIST_OPTIONS_INIT { sizeof(nexus_list_options), 1, 0, NULL, NULL, 0, NULL }
#define NEXUS_FIND_OPTIONS_INIT { sizeof(nexus_find_options), NULL, 0, NULL }
#define NEXUS_GREP_OPTIONS_INIT { sizeof(nexus_grep_options), 0, NULL, NULL, 0, 0, 0, 0 }
#define NEXUS_EXPORT_OPTIONS_INIT { sizeof(nexus_export_options), NULL, NULL, 0 }
#define NEXUS_CLAIM_OPTIONS_INIT { sizeof(nexus_claim_options), 1, NULL, 30000 }
#define NEXUS_IMPORT_OPTIONS_INIT { sizeof(nexus_import_options), NEXUS_IMPORT_SKIP, 0, NEXUS_KEYS_REFUSE, NEXUS_MISSING_REFUSE, NEXUS_NEWER_BY_CONTENT, 0, 0, 0 }

/**
 * The version of the binary interface that this header describes, as 0xMMmmpp (256 is 0.1.0): it
 * is compatible with every library of the same MM and an equal or higher mm. While MM is 0, mm
 * must be equal.
 */
#define NEXUS_ABI_VERSION 256

/** Log level: damage, failed input and output, defects. */
#define NEXUS_LOG_ERROR 1

/** Log level: a full disk, waits in vain, misspelt environment variables. */
#define NEXUS_LOG_WARN 2

/** Log level: openings of stores. */
#define NEXUS_LOG_INFO 3

/** Log level: every other call that failed. */
#define NEXUS_LOG_DEBUG 4

/** The call did what it says. */
#define NEXUS_STATUS_OK 0

/** An argument is malformed or out of range. */
#define NEXUS_STATUS_INVALID_ARGUMENT 1

/** A path breaks a rule of path names. */
#define NEXUS_STATUS_INVALID_PATH 2

/** The configuration is wrong, or names a store that does not belong to it. */
#define NEXUS_STATUS_INVALID_CONFIG 3

/** No such file, directory, key or id. */
#define NEXUS_STATUS_NOT_FOUND 4

/** The name is taken. */
#define NEXUS_STATUS_ALREADY_EXISTS 5

/** A file stands where a directory is needed. */
#define NEXUS_STATUS_NOT_A_DIRECTORY 6

/** A directory stands where a file is needed. */
#define NEXUS_STATUS_IS_A_DIRECTORY 7

/** The directory has entries. */
#define NEXUS_STATUS_NOT_EMPTY 8

/** The identity of the handle does not allow it. */
#define NEXUS_STATUS_ACCESS_DENIED 9

/** The namespace or the mount is read-only. */
#define NEXUS_STATUS_READ_ONLY 10

/** A condition does not hold. */
#define NEXUS_STATUS_CONFLICT 11

/** The dependencies would form a cycle. */
#define NEXUS_STATUS_CYCLE 12

/** The lease is no longer held. */
#define NEXUS_STATUS_LEASE_LOST 13

/** The backend that holds the content is not configured. */
#define NEXUS_STATUS_NOT_MOUNTED 14

/** The commit of another was waited for in vain (`busy_timeout_ms`). */
#define NEXUS_STATUS_BUSY 15

/** No room on the device. Reading, deleting and gc work all the same. */
#define NEXUS_STATUS_NO_SPACE 16

/** Stored bytes do not match their hash, as two readings found, or are gone. */
#define NEXUS_STATUS_CORRUPT 17

/** The operating system reported an error. */
#define NEXUS_STATUS_IO 18

/** Not supported by this build or on this system. */
#define NEXUS_STATUS_UNSUPPORTED 19

/** The store was written by a newer version. */
#define NEXUS_STATUS_VERSION_MISMATCH 20

/** Ended by nexus_interrupt, nexus_close or a progress function. */
#define NEXUS_STATUS_CANCELLED 21

/** An object that is not open, or a call that is not allowed now. */
#define NEXUS_STATUS_MISUSE 22

/** A defect in Nexus that it noticed itself. */
#define NEXUS_STATUS_INTERNAL 23

/** A defect in Nexus that broke off the call; other objects stay usable. */
#define NEXUS_STATUS_PANIC 24

/** Import: an existing file stays. */
#define NEXUS_IMPORT_SKIP 0

/** Import: the imported file replaces an existing one. */
#define NEXUS_IMPORT_OVERWRITE 1

/** Import: the imported file gets a free name, "name_imported1" and so on. */
#define NEXUS_IMPORT_REMAP 2

/** Import: the newer one wins. */
#define NEXUS_IMPORT_AUTO 3

/** Import: a work key with a value of the wrong type makes its line a bad one. */
#define NEXUS_KEYS_REFUSE 0

/** Import: such a key is stored as "x_" and its name, and reported. */
#define NEXUS_KEYS_RENAME 1

/** Import: a line whose content is missing is a bad one. */
#define NEXUS_MISSING_REFUSE 0

/** Import: such a line is left out, and reported as missing. */
#define NEXUS_MISSING_SKIP 1

/** Import: NEXUS_IMPORT_AUTO compares the times of the contents. */
#define NEXUS_NEWER_BY_CONTENT 0

/**
 * Import: NEXUS_IMPORT_AUTO compares the latest of modified_at, started_at and completed_at. Where those are the
 * same, a line with another content, other metadata or another state of work counts as newer.
 */
#define NEXUS_NEWER_BY_ALL 1

/** Flag of a rename or copy: an existing target is ALREADY_EXISTS. */
#define NEXUS_NO_REPLACE 1

/** Flag of mkdir: missing parents are made too. */
#define NEXUS_MKDIR_PARENTS 1

/** Flag of mkdir: an existing directory is no error. */
#define NEXUS_MKDIR_EXIST_OK 2

/** `kind` of a row that is about no entry: a batch operation that leaves none. */
#define NEXUS_KIND_NONE 0

/** `kind` of a file. */
#define NEXUS_KIND_FILE 1

/** `kind` of a directory. */
#define NEXUS_KIND_DIRECTORY 2

/** For nexus_verify: every content is read and hashed. */
#define NEXUS_VERIFY_CONTENT 1

/**
 * For nexus_verify: what is found is mended. Nothing that is whole is lost; damaged contents go to
 * quarantine/ in the directory of their backend, and files that cannot be read any more are removed.
 */
#define NEXUS_VERIFY_REPAIR 2

/** Changes to be made together. */
typedef struct nexus_batch nexus_batch;

/** Bytes that a call handed out. */
typedef struct nexus_buffer nexus_buffer;

/** A list of entries, ordered by the bytes of their paths (the results of a batch: by operation). */
typedef struct nexus_entries nexus_entries;

/**
 * What went wrong in one call. Given out only where the caller asks for it by passing a
 * `nexus_error **`.
 */
typedef struct nexus_error nexus_error;

/** An open store, as one identity sees it. */
typedef struct nexus_fs nexus_fs;

/** A list of lines, ordered by path and line. */
typedef struct nexus_matches nexus_matches;

/** A file being read piece by piece. */
typedef struct nexus_reader nexus_reader;

/** A list of strings, some of which may be absent. */
typedef struct nexus_strings nexus_strings;

/** A list of work items. */
typedef struct nexus_work_list nexus_work_list;

/** A file being written piece by piece. */
typedef struct nexus_writer nexus_writer;

/**
 * What a call returns: one of the NEXUS_STATUS_ constants. Their values never change; new ones
 * are only ever added, so be ready for a value you do not know.
 */
typedef int32_t nexus_status;

/**
 * Receives one line of the log, on the thread of the call that has something to say. It may not
 * close a handle or set the log function (MISUSE), and what it causes to be logged is dropped.
 *
 * @param user     what was passed with the function
 * @param level    one of the NEXUS_LOG_ constants
 * @param message  the line, without a line end; valid during the call of the function
 *
 * It must return: no exception, no longjmp.
 */
typedef void (*nexus_log_fn)(void *user,
                             int32_t level,
                             const char *message);

/**
 * Conditions on a change, and the MIME type of a write. Initialise with
 * NEXUS_WRITE_OPTIONS_INIT. The conditions are checked in the transaction that makes the change;
 * one that does not hold is CONFLICT, a lease that is not held LEASE_LOST.
 */
typedef struct nexus_write_options {
    /** sizeof(nexus_write_options) */
    uint32_t struct_size;
    /** 1: the file must not exist. 0: no condition. */
    int32_t if_none_match;
    /** The file must exist with this etag. NULL: no condition. */
    const char *if_match;
    /**
     * MIME type of a write or append. NULL: an existing file keeps its own, a new one gets one
     * guessed from its name. INVALID_ARGUMENT where a call writes no content.
     */
    const char *mime_type;
    /** The work item that `lease` belongs to; needed where `lease` is not 0. */
    const char *lease_path;
    /** The lease token that must be held on `lease_path`. 0: no condition. */
    uint64_t lease;
} nexus_write_options;

/**
 * What the store knows of one file or directory. Read-only; later versions add fields at the end,
 * so use it through the pointer and never copy or size it yourself.
 */
typedef struct nexus_entry {
    /** Size of this struct in the library that made it. */
    uint32_t struct_size;
    /** One of the NEXUS_KIND_ constants. */
    int32_t kind;
    /** Where it is; NULL only for NEXUS_KIND_NONE. */
    const char *path;
    /** Bytes of content; 0 for a directory. */
    uint64_t size;
    /** SHA-256 of the content, 64 hexadecimal digits; NULL for a directory. */
    const char *etag;
    /** 1 at creation, one more for each change of content; 0 for a directory. */
    uint64_t version;
    /** MIME type; NULL for a directory. */
    const char *mime_type;
    /**
     * Its id, a UUID that stays through renames and overwrites; NULL for a directory that exists
     * only because something is in it.
     */
    const char *path_id;
    /** The backend that holds the content, "local" for the store's own; NULL for a directory. */
    const char *backend_name;
    /** Microseconds since 1970 UTC; 0 for a directory without id. */
    int64_t created_at;
    /** Microseconds since 1970 UTC; 0 for a directory without id. */
    int64_t modified_at;
} nexus_entry;

/** What to list. Initialise with NEXUS_LIST_OPTIONS_INIT. */
typedef struct nexus_list_options {
    /** sizeof(nexus_list_options) */
    uint32_t struct_size;
    /**
     * 1: everything below, files only. 0: direct children, files and directories. With `prefix`
     * always 1.
     */
    int32_t recursive;
    /** 1: in a recursive listing, directories too. 0: files only. */
    int32_t include_directories;
    /** The directory to list. NULL: "/". */
    const char *path;
    /**
     * Instead of a directory: all paths that begin with these bytes, which need not end on a segment:
     * "/data" matches "/database". NULL: all. With `path` as well: INVALID_ARGUMENT.
     */
    const char *prefix;
    /** Most rows to return. 0: all. */
    uint64_t limit;
    /** What nexus_entries_cursor returned for the page before. NULL: from the beginning. */
    const char *cursor;
} nexus_list_options;

/** Where and how much to search. Initialise with NEXUS_FIND_OPTIONS_INIT. */
typedef struct nexus_find_options {
    /** sizeof(nexus_find_options) */
    uint32_t struct_size;
    /** The directory to search. NULL: "/". */
    const char *base;
    /** Most rows to return. 0: all. */
    uint64_t limit;
    /** What nexus_entries_cursor returned for the page before. NULL: from the beginning. */
    const char *cursor;
} nexus_find_options;

/** What to search in contents. Initialise with NEXUS_GREP_OPTIONS_INIT. */
typedef struct nexus_grep_options {
    /** sizeof(nexus_grep_options) */
    uint32_t struct_size;
    /** 1: letters match in either case. 0: as written. */
    int32_t ignore_case;
    /** The directory to search, or the file, which is then searched whatever `file_pattern`. NULL: "/". */
    const char *base;
    /**
     * Only files that match this glob pattern: without a `/`, or with one only at its end, by their name at any
     * depth below `base`; with a `/`, by their path below `base`; with one at the beginning, by their whole path.
     * Each alternative of `{a,b}` is such a pattern. NULL: all.
     */
    const char *file_pattern;
    /** Most rows to return. 0: 1,000. */
    uint64_t max_matches;
    /** Most bytes of content to search. 0: no limit. */
    uint64_t max_bytes;
    /** 1: the pattern is the text to look for. 0: a regular expression. */
    int32_t literal;
    /** Must be 0. */
    int32_t reserved;
} nexus_grep_options;

/**
 * One line that a search found. Read-only; later versions add fields at the end, so use it
 * through the pointer and never copy or size it yourself.
 */
typedef struct nexus_match {
    /** Size of this struct in the library that made it. */
    uint32_t struct_size;
    /** The file. */
    const char *path;
    /** Number of the line, from 1. */
    uint64_t line;
    /** The line without its line end, as UTF-8; NULs and other bytes are replaced by U+FFFD. */
    const char *text;
    /** Where the first match in the line begins, in bytes of `text`. */
    uint64_t match_start;
    /** Where it ends. */
    uint64_t match_end;
} nexus_match;

/** How a worker claims items. Initialise with NEXUS_CLAIM_OPTIONS_INIT. */
typedef struct nexus_claim_options {
    /** sizeof(nexus_claim_options) */
    uint32_t struct_size;
    /** Most items to take, 1 to 10,000. */
    uint32_t max;
    /** Only items whose paths begin with these bytes. NULL: all. */
    const char *prefix;
    /** How long the lease lasts, in milliseconds, 1 to 366 days. */
    uint64_t lease_ms;
} nexus_claim_options;

/**
 * One work item. Read-only; later versions add fields at the end, so use it through the pointer
 * and never copy or size it yourself. Times are microseconds since 1970 UTC.
 */
typedef struct nexus_work_item {
    /** Size of this struct in the library that made it. */
    uint32_t struct_size;
    /** 1 where the item has a priority; 0 where not, which comes after every priority. */
    int32_t has_priority;
    /** The id of the file. */
    const char *path_id;
    /** The tenant segment of the path; NULL where it has none. */
    const char *tenant_id;
    /** Where the file is. */
    const char *virtual_path;
    /** The backend that holds its content. */
    const char *backend_id;
    /** The name of the content there. */
    const char *physical_path;
    /** MIME type. */
    const char *file_type;
    /** Bytes of content. */
    uint64_t size_bytes;
    /** SHA-256 of the content, 64 hexadecimal digits: the etag. */
    const char *content_hash;
    /** When the file came to be. */
    int64_t created_at;
    /** When its content last changed. */
    int64_t updated_at;
    /** ready, pending, blocked, in_progress, completed, failed or cancelled. */
    const char *status;
    /** Lower comes first; 0 without `has_priority`. */
    int64_t priority;
    /** How many dependencies are open. */
    uint64_t blocker_count;
    /** Who works on it, or did when it was completed or failed; NULL where nobody does. */
    const char *worker_id;
    /** When the work began; 0 where it did not. */
    int64_t started_at;
    /** When it may begin; 0: at any time. */
    int64_t not_before;
    /** A JSON array of strings; NULL where there are none. */
    const char *tags;
    /** How often it was claimed. */
    uint64_t attempts;
    /**
     * The token of its lease; 0 where it has none. A query shows it to who may change the item, and in a
     * namespace that nobody owns only to a handle without tenant and agent; else it is 0, too.
     */
    uint64_t lease;
    /** When the lease ends, for display; 0 where it has none. */
    int64_t lease_expires_at;
    /** 1 where the lease has ended, and no worker has claimed the item since. */
    int32_t lease_expired;
} nexus_work_item;

/** What to export. Initialise with NEXUS_EXPORT_OPTIONS_INIT. */
typedef struct nexus_export_options {
    /** sizeof(nexus_export_options) */
    uint32_t struct_size;
    /** Only paths that begin with these bytes. NULL: all. */
    const char *prefix;
    /** Only files in this tenant's parts of the namespaces. NULL: all. */
    const char *tenant_id;
    /** Only files modified later than this, in microseconds since 1970 UTC. 0: all. */
    int64_t modified_after;
} nexus_export_options;

/**
 * Told of the progress of a long call, on the thread that made the call and with no lock held, so
 * it may use the store (but not close the handle of that call).
 *
 * @param user   what was passed with the function
 * @param done   how much is done
 * @param total  how much there is to do; 0 where that is not known
 * @param what   what is being done; valid during the call of the function
 * @return 0 to go on; anything else ends the call with NEXUS_STATUS_CANCELLED
 *
 * It must return: no exception, no longjmp.
 */
typedef int32_t (*nexus_progress_fn)(void *user,
                                     uint64_t done,
                                     uint64_t total,
                                     const char *what);

/** How to import. Initialise with NEXUS_IMPORT_OPTIONS_INIT. */
typedef struct nexus_import_options {
    /** sizeof(nexus_import_options) */
    uint32_t struct_size;
    /** What to do with a path that exists: one of the NEXUS_IMPORT_ constants. */
    int32_t mode;
    /** 1: report what would be done, and change nothing. */
    int32_t dry_run;
    /**
     * What to do with a work key whose value has the wrong type: NEXUS_KEYS_REFUSE or
     * NEXUS_KEYS_RENAME.
     */
    int32_t invalid_work_keys;
    /**
     * What to do with a line whose content no file has that the handle may read: NEXUS_MISSING_REFUSE or
     * NEXUS_MISSING_SKIP. A bundle without one of its contents is damaged, whatever this says.
     */
    int32_t missing_content;
    /** What NEXUS_IMPORT_AUTO compares: NEXUS_NEWER_BY_CONTENT or NEXUS_NEWER_BY_ALL. */
    int32_t newer_by;
    /** Most lines, those of directories among them. 0: 100,000 and one for each 8 bytes of the file. */
    uint64_t max_lines;
    /** Most bytes of all lines together. 0: 16 MiB and 100 times the size of the file. */
    uint64_t max_bytes;
    /** Most bytes of a bundle when it is unpacked. 0: 64 MiB and 100 times the size of the file. */
    uint64_t max_unpacked;
} nexus_import_options;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* Library ----------------------------------------------------------------------------------- */

/**
 * Returns the version of the library.
 *
 * @return for example "0.1.0"; never NULL; static memory
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const char *nexus_version(void);

/**
 * Returns the version of the library's binary interface.
 *
 * @return NEXUS_ABI_VERSION of the header the library was built with
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
uint32_t nexus_abi_version(void);

/**
 * Counts what this library handed out and was not given back: stores, readers, writers, batches,
 * buffers, lists, errors, single entries and strings. A host that cleans up ends with 0. An object counts until its
 * close has ended, in whatever thread: where none is left, the library uses no file of a store any more.
 *
 * @return the number of open objects
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
uint64_t nexus_live_objects(void);

/**
 * Sets the one log function of the process. There is none at first. It is called by threads that
 * are in a call of this library only. When this returns, the former function is not running and
 * will not be called again.
 *
 * @param callback  the function; NULL for none
 * @param user      passed to it
 * @param level     the least grave level wanted, one of the NEXUS_LOG_ constants; anything where
 *                  `callback` is NULL
 * @param error     receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT for an unknown level; MISUSE within the log function
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_set_log_callback(nexus_log_fn callback,
                                    void *user,
                                    int32_t level,
                                    nexus_error **error);

/**
 * Names a status, for messages and logs.
 *
 * @param status  any value
 * @return the name of its constant, for example "NEXUS_STATUS_NOT_FOUND"; "unknown status" for a
 *         value that is none; never NULL; static memory
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const char *nexus_status_name(nexus_status status);

/**
 * Returns the status that the call returned.
 *
 * @param error  an error; not NULL
 * @return its status; NEXUS_STATUS_MISUSE where `error` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_error_status(const nexus_error *error);

/**
 * Returns what went wrong: one line, for people; programs look at the status.
 *
 * @param error  an error; not NULL
 * @return NUL-terminated UTF-8, valid until the error is freed; never NULL, also where `error`
 *         is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const char *nexus_error_message(const nexus_error *error);

/**
 * Returns the path in the store that the error is about.
 *
 * @param error  an error; not NULL
 * @return NUL-terminated UTF-8, valid until the error is freed; NULL where the error is about no
 *         path, or where `error` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const char *nexus_error_path(const nexus_error *error);

/**
 * Returns which operation of a batch failed.
 *
 * @param error  an error; not NULL
 * @return the operation, counted from 0 in the order they were added; -1 where the error is about
 *         no operation, or where `error` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
int64_t nexus_error_index(const nexus_error *error);

/**
 * Frees an error.
 *
 * @param error  an error; NULL and one that was freed are ignored
 *
 * Threads: any.
 * @since 0.1.0
 */
void nexus_error_free(nexus_error *error);

/**
 * Frees a string that a call handed out as `char *`.
 *
 * @param string  the string; NULL is ignored. It is ordinary memory: freeing it twice, or
 *                something else, is undefined.
 *
 * Threads: any.
 * @since 0.1.0
 */
void nexus_string_free(char *string);

/* Stores ------------------------------------------------------------------------------------ */

/**
 * Opens a store, creating it where there is none. Any number of processes, and of handles in one
 * process, may have a store open at once.
 *
 * Key by key, the explicit configuration goes over the environment, that over a file, and that over the
 * default; tenant_id, agent_id and is_admin come together from the highest that names one of them. In YAML a key
 * without a value is INVALID_CONFIG; null, written out, is none. A URL where a path is wanted (data_dir, db_path,
 * config_file, the root of a mount) is INVALID_CONFIG and names the key that is for it. Booleans in variables are
 * true/false, yes/no, on/off or 1/0 in any case. A malformed variable is INVALID_CONFIG where its value is
 * needed, else a warning of the log function names it. No message has credentials of a URL.
 *
 * What is made on the disk is for its owner alone, whatever the umask. A new store takes only a directory in which nothing
 * is in cas/ and tmp/; a link or a pipe in the place of a file or directory of a store is INVALID_CONFIG.
 *
 * @param config_json  a JSON object with the configuration; NULL looks for a configuration file
 *                     (./nexus.yaml, ./nexus.yml, ~/.nexus/config.yaml) and uses the environment
 * @param fs           receives the handle, to be closed with nexus_close; not NULL
 * @param error        receives what went wrong; may be NULL
 * @return OK; INVALID_CONFIG, VERSION_MISMATCH, BUSY, NO_SPACE, CORRUPT, IO,
 *         UNSUPPORTED
 *
 * Threads: any, at once. After a fork with an open store: MISUSE, as for every other call.
 * @since 0.1.0
 */
nexus_status nexus_connect(const char *config_json,
                           nexus_fs **fs,
                           nexus_error **error);

/**
 * Opens a store as a configuration file says.
 *
 * @param yaml_path  a YAML file of the host, a regular one (or /dev/null); not NULL
 * @param fs         receives the handle, to be closed with nexus_close; not NULL
 * @param error      receives what went wrong; may be NULL
 * @return OK; what nexus_connect returns; INVALID_CONFIG where there is no such file
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_connect_file(const char *yaml_path,
                                nexus_fs **fs,
                                nexus_error **error);

/**
 * Derives a narrower handle, never an admin's, on the same store. It costs next to nothing, and it
 * outlives the handle it came from.
 *
 * @param fs      an open handle
 * @param tenant  the tenant; NULL for that of `fs`
 * @param agent   the agent; NULL for that of `fs`
 * @param narrow  receives the handle, to be closed with nexus_close; not NULL
 * @param error   receives what went wrong; may be NULL
 * @return OK; ACCESS_DENIED where `fs` has another tenant or agent; INVALID_ARGUMENT for a name
 *         that is no path segment
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_with_identity(nexus_fs *fs,
                                 const char *tenant,
                                 const char *agent,
                                 nexus_fs **narrow,
                                 nexus_error **error);

/**
 * Derives a handle with the same identity, an admin's included, on the same store. It has interrupts of its own:
 * nexus_interrupt and nexus_close on one handle end no call on the other. Use one for a call that you want to
 * interrupt alone. It costs as little as nexus_with_identity and reads no configuration and no file, so the data
 * directory may have been moved since. It outlives the handle it came from.
 *
 * @param fs     an open handle
 * @param clone  receives the handle, to be closed with nexus_close; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_clone(nexus_fs *fs,
                         nexus_fs **clone,
                         nexus_error **error);

/**
 * Returns the effective configuration: a JSON object that has an object with `value` and `source` for each
 * key. Secrets are redacted.
 *
 * @param fs     an open handle
 * @param json   receives the text, to be freed with nexus_string_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_config(nexus_fs *fs,
                          char **json,
                          nexus_error **error);

/**
 * Makes the calls in flight on a handle return CANCELLED, those of readers, writers and batches that were
 * opened on it, too. Calls made later work; but a writer of which a write was cut off can only be aborted.
 *
 * @param fs     an open handle
 * @param error  receives what went wrong; may be NULL
 * @return OK
 *
 * Threads: any, at once; that is its use.
 * @since 0.1.0
 */
nexus_status nexus_interrupt(nexus_fs *fs,
                             nexus_error **error);

/**
 * Closes a handle: makes the calls in flight on it return CANCELLED and waits for them. Readers,
 * writers, batches and handles derived from it go on working. The store itself is closed with the
 * last of them all.
 *
 * @param fs     an open handle; it is closed whatever this returns, unless MISUSE
 * @param error  receives what went wrong; may be NULL
 * @return OK; MISUSE where it is not open, or where this is called by a progress function of a
 *         call on it or by the log function
 *
 * Threads: any; of several closings at once, one succeeds.
 * @since 0.1.0
 */
nexus_status nexus_close(nexus_fs *fs,
                         nexus_error **error);

/* Files ------------------------------------------------------------------------------------- */

/**
 * Writes a whole file, replacing what was there at once: a reader sees the old or the new bytes,
 * never a mix. Missing parent directories come to be.
 *
 * @param fs     an open handle
 * @param path   the file; not NULL
 * @param data   the bytes; may be NULL where `len` is 0
 * @param len    how many
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, IS_A_DIRECTORY, NOT_A_DIRECTORY,
 *         NOT_MOUNTED, BUSY, NO_SPACE, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_write(nexus_fs *fs,
                         const char *path,
                         const void *data,
                         size_t len,
                         nexus_error **error);

/**
 * Writes a whole file under conditions.
 *
 * @param fs       an open handle
 * @param path     the file; not NULL
 * @param data     the bytes; may be NULL where `len` is 0
 * @param len      how many
 * @param options  conditions and MIME type; NULL for none
 * @param entry    receives the new entry, to be freed with nexus_entry_free; NULL where it is
 *                 not wanted
 * @param error    receives what went wrong; may be NULL
 * @return OK; what nexus_write returns; INVALID_ARGUMENT, CONFLICT, LEASE_LOST
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_write_with(nexus_fs *fs,
                              const char *path,
                              const void *data,
                              size_t len,
                              const nexus_write_options *options,
                              nexus_entry **entry,
                              nexus_error **error);

/**
 * Appends to a file, or creates it. Costs as much as writing the whole file.
 *
 * @param fs     an open handle
 * @param path   the file; not NULL
 * @param data   the bytes; may be NULL where `len` is 0
 * @param len    how many
 * @param error  receives what went wrong; may be NULL
 * @return OK; what nexus_write returns; CORRUPT
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_append(nexus_fs *fs,
                          const char *path,
                          const void *data,
                          size_t len,
                          nexus_error **error);

/**
 * Appends to a file, or creates it, under conditions.
 *
 * @param fs       an open handle
 * @param path     the file; not NULL
 * @param data     the bytes; may be NULL where `len` is 0
 * @param len      how many
 * @param options  conditions and MIME type; NULL for none
 * @param entry    receives the new entry, to be freed with nexus_entry_free; NULL where it is
 *                 not wanted
 * @param error    receives what went wrong; may be NULL
 * @return OK; what nexus_append returns; INVALID_ARGUMENT, CONFLICT, LEASE_LOST
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_append_with(nexus_fs *fs,
                               const char *path,
                               const void *data,
                               size_t len,
                               const nexus_write_options *options,
                               nexus_entry **entry,
                               nexus_error **error);

/**
 * Reads a whole file, checked against its etag.
 *
 * @param fs      an open handle
 * @param path    the file; not NULL
 * @param buffer  receives the content, to be freed with nexus_buffer_free; not NULL
 * @param error   receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND, IS_A_DIRECTORY, NOT_MOUNTED, CORRUPT, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_read(nexus_fs *fs,
                        const char *path,
                        nexus_buffer **buffer,
                        nexus_error **error);

/**
 * Reads a part of a file, checked like the whole.
 *
 * @param fs        an open handle
 * @param path      the file; not NULL
 * @param offset    where to begin, in bytes
 * @param buf       where the bytes go; may be NULL where `cap` is 0
 * @param cap       how many bytes fit there
 * @param read_out  receives how many were read: fewer than `cap` only where the file ends, 0 at
 *                  its end; not NULL
 * @param error     receives what went wrong; may be NULL
 * @return OK; what nexus_read returns. After an error the bytes at `buf` are undefined
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_read_at(nexus_fs *fs,
                           const char *path,
                           uint64_t offset,
                           void *buf,
                           size_t cap,
                           size_t *read_out,
                           nexus_error **error);

/**
 * Describes a file or directory.
 *
 * @param fs     an open handle
 * @param path   the file or directory; not NULL
 * @param entry  receives the entry, to be freed with nexus_entry_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND (also below a file), IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_stat(nexus_fs *fs,
                        const char *path,
                        nexus_entry **entry,
                        nexus_error **error);

/**
 * Says whether there is a file or directory. What the handle may not see does not exist for it.
 *
 * @param fs      an open handle
 * @param path    the path to look for; not NULL
 * @param exists  receives 1 or 0; not NULL
 * @param error   receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_exists(nexus_fs *fs,
                          const char *path,
                          int32_t *exists,
                          nexus_error **error);

/**
 * Says whether there is a directory. What the handle may not see does not exist for it.
 *
 * @param fs            an open handle
 * @param path          the path to look for; not NULL
 * @param is_directory  receives 1 or 0; not NULL
 * @param error         receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_is_directory(nexus_fs *fs,
                                const char *path,
                                int32_t *is_directory,
                                nexus_error **error);

/**
 * Deletes a file and its metadata.
 *
 * @param fs     an open handle
 * @param path   the file; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND, IS_A_DIRECTORY, BUSY, NO_SPACE,
 *         IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_delete(nexus_fs *fs,
                          const char *path,
                          nexus_error **error);

/**
 * Deletes a file and its metadata under conditions.
 *
 * @param fs       an open handle
 * @param path     the file; not NULL
 * @param options  conditions; NULL for none
 * @param error    receives what went wrong; may be NULL
 * @return OK; what nexus_delete returns; INVALID_ARGUMENT, CONFLICT, LEASE_LOST
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_delete_with(nexus_fs *fs,
                               const char *path,
                               const nexus_write_options *options,
                               nexus_error **error);

/**
 * Renames a file or a directory with everything in it, at once; metadata goes along. A file
 * replaces a file, whose path id stays; a directory needs a target that is absent or an empty
 * directory. Contents that go to another backend are copied before the change is made: others can
 * write meanwhile. A work item under a live lease is replaced only with its token: see
 * nexus_rename_with. Other writers wait while a tree is renamed, about 10 microseconds for each
 * file; an interrupt ends it, and nothing is changed then.
 *
 * @param fs     an open handle
 * @param from   the file or directory; not NULL
 * @param to     its new path; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK, also for a rename onto itself; INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND,
 *         NOT_A_DIRECTORY, IS_A_DIRECTORY, NOT_EMPTY, NOT_MOUNTED, BUSY, CANCELLED, NO_SPACE, IO;
 *         INVALID_ARGUMENT for a directory into itself; CONFLICT where `to` is a work item under a
 *         lease; CORRUPT for a damaged content that has to go to another backend
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_rename(nexus_fs *fs,
                          const char *from,
                          const char *to,
                          nexus_error **error);

/**
 * Renames under conditions.
 *
 * @param fs       an open handle
 * @param from     the file or directory; not NULL
 * @param to       its new path; not NULL
 * @param flags    0 or NEXUS_NO_REPLACE
 * @param options  conditions on `from`; NULL for none; `if_none_match` is INVALID_ARGUMENT. With `to`
 *                 as `lease_path` its lease is no obstacle
 * @param error    receives what went wrong; may be NULL
 * @return OK; what nexus_rename returns; ALREADY_EXISTS, CONFLICT, LEASE_LOST
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_rename_with(nexus_fs *fs,
                               const char *from,
                               const char *to,
                               uint32_t flags,
                               const nexus_write_options *options,
                               nexus_error **error);

/**
 * Copies a file or a directory with everything in it, at once, without copying content within a
 * backend. Metadata is copied, but not the running state of a work item. The copy has new path
 * ids and version 1. Other writers wait, and interrupts are heard, as in nexus_rename.
 *
 * @param fs     an open handle
 * @param from   the file or directory; not NULL
 * @param to     the path of the copy; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; what nexus_rename returns
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_copy(nexus_fs *fs,
                        const char *from,
                        const char *to,
                        nexus_error **error);

/**
 * Copies under conditions.
 *
 * @param fs       an open handle
 * @param from     the file or directory; not NULL
 * @param to       the path of the copy; not NULL
 * @param flags    0 or NEXUS_NO_REPLACE
 * @param options  conditions on `from`; NULL for none; `if_none_match` is INVALID_ARGUMENT. With `to`
 *                 as `lease_path` its lease is no obstacle
 * @param error    receives what went wrong; may be NULL
 * @return OK; what nexus_copy returns; ALREADY_EXISTS, CONFLICT, LEASE_LOST
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_copy_with(nexus_fs *fs,
                             const char *from,
                             const char *to,
                             uint32_t flags,
                             const nexus_write_options *options,
                             nexus_error **error);

/**
 * Makes a directory, which then stays when it is empty. Writing needs none: the directories
 * above a file come to be with it.
 *
 * @param fs     an open handle
 * @param path   the directory; not NULL
 * @param flags  0, or NEXUS_MKDIR_PARENTS and NEXUS_MKDIR_EXIST_OK, or-ed
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, ALREADY_EXISTS, NOT_FOUND for a missing
 *         parent, NOT_A_DIRECTORY, INVALID_ARGUMENT, BUSY, NO_SPACE, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_mkdir(nexus_fs *fs,
                         const char *path,
                         uint32_t flags,
                         nexus_error **error);

/**
 * Removes a directory. Other writers wait, and interrupts are heard, as in nexus_rename.
 *
 * @param fs         an open handle
 * @param path       the directory; not NULL
 * @param recursive  1: with everything in it; 0: only if it is empty
 * @param error      receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND, NOT_A_DIRECTORY, NOT_EMPTY,
 *         INVALID_ARGUMENT, BUSY, CANCELLED, NO_SPACE, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_rmdir(nexus_fs *fs,
                         const char *path,
                         int32_t recursive,
                         nexus_error **error);

/**
 * Returns the bytes of a buffer.
 *
 * @param buffer  an open buffer
 * @return nexus_buffer_len bytes, valid until the buffer is freed, not NULL even where there are
 *         none; NULL where `buffer` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const void *nexus_buffer_data(const nexus_buffer *buffer);

/**
 * Returns how many bytes a buffer has.
 *
 * @param buffer  an open buffer
 * @return the number of bytes; 0 where `buffer` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
size_t nexus_buffer_len(const nexus_buffer *buffer);

/**
 * Frees a buffer and its bytes.
 *
 * @param buffer  the buffer; NULL and one that was freed are ignored
 *
 * Threads: any.
 * @since 0.1.0
 */
void nexus_buffer_free(nexus_buffer *buffer);

/**
 * Frees an entry that a call handed out by itself, as nexus_stat does. Not for the rows of a
 * list.
 *
 * @param entry  the entry; NULL is ignored. It is ordinary memory: freeing it twice, or something
 *               else, is undefined.
 *
 * Threads: any.
 * @since 0.1.0
 */
void nexus_entry_free(nexus_entry *entry);

/**
 * Returns how many rows a list has.
 *
 * @param list  an open list
 * @return the number of rows; 0 where `list` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
size_t nexus_entries_len(const nexus_entries *list);

/**
 * Returns one row of a list.
 *
 * @param list   an open list
 * @param index  which row, from 0
 * @return the row, valid until the list is freed; NULL where `index` is out of range or `list` is
 *         NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const nexus_entry *nexus_entries_at(const nexus_entries *list,
                                           size_t index);

/**
 * Returns where the next page begins.
 *
 * @param list  an open list
 * @return what to pass as `cursor` for the next page, valid until the list is freed; NULL at the
 *         end, and where `list` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const char *nexus_entries_cursor(const nexus_entries *list);

/**
 * Frees a list and its rows.
 *
 * @param list  the list; NULL and one that was freed are ignored
 *
 * Threads: any.
 * @since 0.1.0
 */
void nexus_entries_free(nexus_entries *list);

/* Streams ----------------------------------------------------------------------------------- */

/**
 * Opens a file for reading piece by piece. The reader sees the content it opened, whatever
 * happens to the file.
 *
 * @param fs      an open handle
 * @param path    the file; not NULL
 * @param reader  receives the reader, to be closed with nexus_reader_close; not NULL
 * @param error   receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND, IS_A_DIRECTORY, NOT_MOUNTED, CORRUPT, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_reader_open(nexus_fs *fs,
                               const char *path,
                               nexus_reader **reader,
                               nexus_error **error);

/**
 * Returns the size of the content.
 *
 * @param reader  an open reader
 * @param size    receives the number of bytes; not NULL
 * @param error   receives what went wrong; may be NULL
 * @return OK
 *
 * Threads: one at a time for one reader: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_reader_size(nexus_reader *reader,
                               uint64_t *size,
                               nexus_error **error);

/**
 * Reads on from where the reader stands.
 *
 * @param reader    an open reader
 * @param buf       where the bytes go; may be NULL where `cap` is 0
 * @param cap       how many bytes fit there
 * @param read_out  receives how many were read: 0 at the end; not NULL
 * @param error     receives what went wrong; may be NULL
 * @return OK; CORRUPT, IO. After an error the bytes at `buf` are undefined
 *
 * Threads: one at a time for one reader: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_reader_read(nexus_reader *reader,
                               void *buf,
                               size_t cap,
                               size_t *read_out,
                               nexus_error **error);

/**
 * Moves a reader.
 *
 * @param reader  an open reader
 * @param offset  where to, in bytes from the beginning; behind the end, reads give 0 bytes
 * @param error   receives what went wrong; may be NULL
 * @return OK
 *
 * Threads: one at a time for one reader: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_reader_seek(nexus_reader *reader,
                               uint64_t offset,
                               nexus_error **error);

/**
 * Closes a reader.
 *
 * @param reader  an open reader
 * @param error   receives what went wrong; may be NULL
 * @return OK; MISUSE where it is not open, or in use by another thread
 *
 * Threads: one at a time for one reader: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_reader_close(nexus_reader *reader,
                                nexus_error **error);

/**
 * Begins a file that is written piece by piece, in bounded memory. It appears, or replaces the
 * one there is, at the commit.
 *
 * @param fs       an open handle
 * @param path     the file; not NULL
 * @param options  conditions, which are checked at the commit, and MIME type; NULL for none
 * @param writer   receives the writer, to be ended with nexus_writer_commit or
 *                 nexus_writer_abort; not NULL
 * @param error    receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, IS_A_DIRECTORY, NOT_A_DIRECTORY,
 *         NOT_MOUNTED, INVALID_ARGUMENT, NO_SPACE, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_writer_open(nexus_fs *fs,
                               const char *path,
                               const nexus_write_options *options,
                               nexus_writer **writer,
                               nexus_error **error);

/**
 * Writes on. After an error what was written is not whole, and nexus_writer_abort is what is left to
 * do.
 *
 * @param writer  an open writer
 * @param data    the bytes; may be NULL where `len` is 0
 * @param len     how many
 * @param error   receives what went wrong; may be NULL
 * @return OK; NO_SPACE, IO; MISUSE after a failed write or commit
 *
 * Threads: one at a time for one writer: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_writer_write(nexus_writer *writer,
                                const void *data,
                                size_t len,
                                nexus_error **error);

/**
 * Makes what was written the content of the file. OK ends the writer. After an error nothing was
 * changed, and nexus_writer_abort is what is left to do.
 *
 * @param writer  an open writer
 * @param entry   receives the new entry, to be freed with nexus_entry_free; NULL where it is not
 *                wanted
 * @param error   receives what went wrong; may be NULL
 * @return OK; CONFLICT, LEASE_LOST, INVALID_PATH, ACCESS_DENIED, READ_ONLY, IS_A_DIRECTORY,
 *         NOT_A_DIRECTORY, BUSY, NO_SPACE, IO; MISUSE after a failed write or commit
 *
 * Threads: one at a time for one writer: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_writer_commit(nexus_writer *writer,
                                 nexus_entry **entry,
                                 nexus_error **error);

/**
 * Ends a writer and forgets what was written.
 *
 * @param writer  an open writer
 * @param error   receives what went wrong; may be NULL
 * @return OK; MISUSE where it is not open, or in use by another thread
 *
 * Threads: one at a time for one writer: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_writer_abort(nexus_writer *writer,
                                nexus_error **error);

/* Finding ----------------------------------------------------------------------------------- */

/**
 * Lists a directory, or the paths with a prefix. It costs what it returns.
 *
 * @param fs       an open handle
 * @param options  what to list; NULL: every file the handle may see
 * @param entries  receives the rows, to be freed with nexus_entries_free; not NULL
 * @param error    receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, NOT_FOUND for a missing directory,
 *         NOT_A_DIRECTORY, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_list(nexus_fs *fs,
                        const nexus_list_options *options,
                        nexus_entries **entries,
                        nexus_error **error);

/**
 * Finds files by the pattern of their whole path below the base: `*` and `?` stay inside a segment,
 * `**` crosses, `[a-z]`, `[!a-z]`, `{a,b}`. So `*.py` finds only what is directly in the base; with `**`
 * as a segment of its own before it, it finds names at any depth.
 *
 * @param fs       an open handle
 * @param pattern  the pattern, below the base; not NULL
 * @param options  where and how much to search; NULL for everywhere, all
 * @param entries  receives the rows, to be freed with nexus_entries_free; not NULL
 * @param error    receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, NOT_FOUND for a missing base,
 *         NOT_A_DIRECTORY for a base that is a file, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_glob(nexus_fs *fs,
                        const char *pattern,
                        const nexus_find_options *options,
                        nexus_entries **entries,
                        nexus_error **error);

/**
 * Searches the lines of files for a regular expression or a text, in time linear in their size. Binary
 * files are passed over and counted. Of a line of more than 256 KiB only that much is searched, and
 * the lines found have at most 64 MiB together. A byte-order mark in front of a file (U+FEFF in UTF-8)
 * is no part of its first line.
 *
 * An expression has at most 64 KiB, 100 levels of groups and, with its repetitions written out, 2,048
 * characters and choices, where of texts that are alternatives only the longest counts. Look-around and
 * back-references are refused.
 *
 * @param fs       an open handle
 * @param pattern  the regular expression, or the text with `literal`; not NULL
 * @param options  where and how much to search; NULL for the defaults
 * @param matches  receives the rows, to be freed with nexus_matches_free; not NULL
 * @param error    receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, NOT_FOUND for a missing base,
 *         NOT_MOUNTED, CORRUPT, CANCELLED, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_grep(nexus_fs *fs,
                        const char *pattern,
                        const nexus_grep_options *options,
                        nexus_matches **matches,
                        nexus_error **error);

/**
 * Returns the etags of many files at once.
 *
 * @param fs     an open handle
 * @param paths  `n` paths, none of them NULL; may be NULL where `n` is 0
 * @param n      how many
 * @param ids    receives `n` rows in the same order, to be freed with nexus_strings_free: the
 *               etag, or NULL where there is no such file or the handle may not read it; not
 *               NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_content_ids(nexus_fs *fs,
                               const char *const *paths,
                               size_t n,
                               nexus_strings **ids,
                               nexus_error **error);

/**
 * Returns how many rows a list has.
 *
 * @param list  an open list
 * @return the number of rows; 0 where `list` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
size_t nexus_matches_len(const nexus_matches *list);

/**
 * Returns one row of a list.
 *
 * @param list   an open list
 * @param index  which row, from 0
 * @return the row, valid until the list is freed; NULL where `index` is out of range or `list` is
 *         NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const nexus_match *nexus_matches_at(const nexus_matches *list,
                                           size_t index);

/**
 * Returns how many binary files a search passed over.
 *
 * @param list  an open list
 * @return the number of files; 0 where `list` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
uint64_t nexus_matches_skipped(const nexus_matches *list);

/**
 * Returns whether `max_matches`, `max_bytes`, or the 64 MiB that lines may have together, ended a
 * search early.
 *
 * @param list  an open list
 * @return 1 or 0; 0 where `list` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
int32_t nexus_matches_truncated(const nexus_matches *list);

/**
 * Frees a list and its rows.
 *
 * @param list  the list; NULL and one that was freed are ignored
 *
 * Threads: any.
 * @since 0.1.0
 */
void nexus_matches_free(nexus_matches *list);

/**
 * Returns how many rows a list has.
 *
 * @param list  an open list
 * @return the number of rows, absent ones included; 0 where `list` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
size_t nexus_strings_len(const nexus_strings *list);

/**
 * Returns one row of a list.
 *
 * @param list   an open list
 * @param index  which row, from 0
 * @return the string, valid until the list is freed; NULL where it is absent, `index` is out of
 *         range, or `list` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const char *nexus_strings_at(const nexus_strings *list,
                             size_t index);

/**
 * Frees a list and its strings.
 *
 * @param list  the list; NULL and one that was freed are ignored
 *
 * Threads: any.
 * @since 0.1.0
 */
void nexus_strings_free(nexus_strings *list);

/* Metadata ---------------------------------------------------------------------------------- */

/**
 * Sets one metadata key of a file, or of a directory that was made. The keys of work items (status, priority,
 * depends_on, worker_id, started_at, completed_at, not_before, tags, max_attempts) have types, and are for files only.
 * A directory that exists only because something is in it has no metadata: IS_A_DIRECTORY; nexus_mkdir with
 * NEXUS_MKDIR_EXIST_OK makes it one that was made. Metadata of directories follows a rename, is copied by a copy, and
 * is part of a bundle, but not of nexus_export_metadata.
 *
 * @param fs          an open handle
 * @param path        the file or directory; not NULL
 * @param key         the key, 1 to 255 bytes; not NULL
 * @param value_json  the value, a JSON text; not NULL
 * @param error       receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND, IS_A_DIRECTORY, BUSY, NO_SPACE,
 *         IO; INVALID_ARGUMENT for a bad key or value; NOT_FOUND, CYCLE for dependencies;
 *         CONFLICT for a work key under another's lease
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_set_meta(nexus_fs *fs,
                            const char *path,
                            const char *key,
                            const char *value_json,
                            nexus_error **error);

/**
 * Sets one metadata key under conditions; see nexus_set_meta.
 *
 * @param fs          an open handle
 * @param path        the file or directory; not NULL
 * @param key         the key, 1 to 255 bytes; not NULL
 * @param value_json  the value, a JSON text; not NULL
 * @param options     conditions; NULL for none
 * @param error       receives what went wrong; may be NULL
 * @return OK; what nexus_set_meta returns; CONFLICT, LEASE_LOST
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_set_meta_with(nexus_fs *fs,
                                 const char *path,
                                 const char *key,
                                 const char *value_json,
                                 const nexus_write_options *options,
                                 nexus_error **error);

/**
 * Sets several metadata keys at once; others stay. See nexus_set_meta.
 *
 * @param fs           an open handle
 * @param path         the file or directory; not NULL
 * @param object_json  a JSON object; not NULL
 * @param error        receives what went wrong; may be NULL
 * @return OK; what nexus_set_meta returns
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_set_meta_many(nexus_fs *fs,
                                 const char *path,
                                 const char *object_json,
                                 nexus_error **error);

/**
 * Returns one metadata key of a file, or of a directory that was made.
 *
 * @param fs     an open handle
 * @param path   the file or directory; not NULL
 * @param key    the key, 1 to 255 bytes; not NULL
 * @param json   receives the value as JSON, to be freed with nexus_string_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND for an absent file or key, IS_A_DIRECTORY,
 *         IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_get_meta(nexus_fs *fs,
                            const char *path,
                            const char *key,
                            char **json,
                            nexus_error **error);

/**
 * Returns all metadata of a file, or of a directory that was made.
 *
 * @param fs           an open handle
 * @param path         the file or directory; not NULL
 * @param object_json  receives a JSON object, to be freed with nexus_string_free; not NULL
 * @param error        receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND, IS_A_DIRECTORY, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_list_meta(nexus_fs *fs,
                             const char *path,
                             char **object_json,
                             nexus_error **error);

/**
 * Deletes one metadata key of a file, or of a directory that was made.
 *
 * @param fs     an open handle
 * @param path   the file or directory; not NULL
 * @param key    the key, 1 to 255 bytes; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND for an absent file or key,
 *         INVALID_ARGUMENT for a key that only the library writes, IS_A_DIRECTORY, CONFLICT for a work key under a lease, BUSY, NO_SPACE, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_delete_meta(nexus_fs *fs,
                               const char *path,
                               const char *key,
                               nexus_error **error);

/**
 * Finds the files, and the directories that were made, that have a metadata key with a value. Uses an index,
 * but for the status `completed`, for worker_id, times, max_attempts and an empty depends_on: those read the work keys of
 * all files in the range.
 *
 * @param fs          an open handle
 * @param key         the key, 1 to 255 bytes; not NULL
 * @param value_json  the value, a JSON text; not NULL
 * @param options     where and how much to search; NULL for everywhere, all
 * @param entries     receives the rows, to be freed with nexus_entries_free; not NULL
 * @param error       receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, NOT_FOUND for a missing base,
 *         NOT_A_DIRECTORY for a base that is a file, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_find_by_meta(nexus_fs *fs,
                                const char *key,
                                const char *value_json,
                                const nexus_find_options *options,
                                nexus_entries **entries,
                                nexus_error **error);

/**
 * Returns the id of a file or of a directory that was made: a UUID for its life, through renames
 * and overwrites.
 *
 * @param fs     an open handle
 * @param path   the file or directory; not NULL
 * @param id     receives 36 characters, to be freed with nexus_string_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_path_id(nexus_fs *fs,
                           const char *path,
                           char **id,
                           nexus_error **error);

/**
 * Returns where the file or directory with an id is now.
 *
 * @param fs     an open handle
 * @param id     36 characters; not NULL
 * @param path   receives the path, to be freed with nexus_string_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, NOT_FOUND (also for what the handle may not see), IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_path_of_id(nexus_fs *fs,
                              const char *id,
                              char **path,
                              nexus_error **error);

/* Batches ----------------------------------------------------------------------------------- */

/**
 * Begins a batch: changes to be made together, all or nothing. A call that fails to add an operation
 * leaves the batch as it was: the commit then makes the others.
 *
 * @param fs     an open handle
 * @param batch  receives the batch, to be freed with nexus_batch_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_batch_new(nexus_fs *fs,
                             nexus_batch **batch,
                             nexus_error **error);

/**
 * Adds a write; see nexus_write_with.
 *
 * @param batch    an open batch
 * @param path     the file; not NULL
 * @param data     the bytes, which are copied; may be NULL where `len` is 0
 * @param len      how many
 * @param options  conditions and MIME type; NULL for none
 * @param error    receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; ACCESS_DENIED, READ_ONLY, IS_A_DIRECTORY for the path;
 *         NOT_MOUNTED, NO_SPACE, IO for the bytes; whether the rest can be done is found at the commit
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_write(nexus_batch *batch,
                               const char *path,
                               const void *data,
                               size_t len,
                               const nexus_write_options *options,
                               nexus_error **error);

/**
 * Adds an append; see nexus_append_with.
 *
 * @param batch    an open batch
 * @param path     the file; not NULL
 * @param data     the bytes, which are copied; may be NULL where `len` is 0
 * @param len      how many
 * @param options  conditions and MIME type; NULL for none
 * @param error    receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_append(nexus_batch *batch,
                                const char *path,
                                const void *data,
                                size_t len,
                                const nexus_write_options *options,
                                nexus_error **error);

/**
 * Adds a deletion; see nexus_delete.
 *
 * @param batch  an open batch
 * @param path   the file; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_delete(nexus_batch *batch,
                                const char *path,
                                nexus_error **error);

/**
 * Adds a rename; see nexus_rename.
 *
 * @param batch  an open batch
 * @param from   the file or directory; not NULL
 * @param to     its new path; not NULL
 * @param flags  0 or NEXUS_NO_REPLACE
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_rename(nexus_batch *batch,
                                const char *from,
                                const char *to,
                                uint32_t flags,
                                nexus_error **error);

/**
 * Adds a copy; see nexus_copy.
 *
 * @param batch  an open batch
 * @param from   the file or directory; not NULL
 * @param to     the path of the copy; not NULL
 * @param flags  0 or NEXUS_NO_REPLACE
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_copy(nexus_batch *batch,
                              const char *from,
                              const char *to,
                              uint32_t flags,
                              nexus_error **error);

/**
 * Adds the making of a directory; see nexus_mkdir.
 *
 * @param batch  an open batch
 * @param path   the directory; not NULL
 * @param flags  0, or NEXUS_MKDIR_PARENTS and NEXUS_MKDIR_EXIST_OK, or-ed
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_mkdir(nexus_batch *batch,
                               const char *path,
                               uint32_t flags,
                               nexus_error **error);

/**
 * Adds the setting of one metadata key; see nexus_set_meta.
 *
 * @param batch       an open batch
 * @param path        the file; not NULL
 * @param key         the key, 1 to 255 bytes; not NULL
 * @param value_json  the value, a JSON text; not NULL
 * @param error       receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_set_meta(nexus_batch *batch,
                                  const char *path,
                                  const char *key,
                                  const char *value_json,
                                  nexus_error **error);

/**
 * Adds the setting of several metadata keys; see nexus_set_meta_many.
 *
 * @param batch        an open batch
 * @param path         the file; not NULL
 * @param object_json  a JSON object; not NULL
 * @param error        receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_set_meta_many(nexus_batch *batch,
                                       const char *path,
                                       const char *object_json,
                                       nexus_error **error);

/**
 * Adds the deletion of one metadata key; see nexus_delete_meta.
 *
 * @param batch  an open batch
 * @param path   the file; not NULL
 * @param key    the key, 1 to 255 bytes; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_delete_meta(nexus_batch *batch,
                                     const char *path,
                                     const char *key,
                                     nexus_error **error);

/**
 * Adds nexus_work_complete: so the files that a worker writes are there exactly if the item is
 * completed.
 *
 * @param batch  an open batch
 * @param path         the work item; not NULL
 * @param lease        its lease token
 * @param result_json  what came of it; NULL: nothing
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit: LEASE_LOST where the lease is not held
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_complete_work(nexus_batch *batch,
                                       const char *path,
                                       uint64_t lease,
                                       const char *result_json,
                                       nexus_error **error);

/**
 * Adds nexus_work_fail.
 *
 * @param batch  an open batch
 * @param path            the work item; not NULL
 * @param lease           its lease token
 * @param error_text      why; NULL: ""
 * @param retry_after_ms  when it is ready again; 0: after min(2^(attempts - 1) s, 1 h)
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit: LEASE_LOST where the lease is not held
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_fail_work(nexus_batch *batch,
                                   const char *path,
                                   uint64_t lease,
                                   const char *error_text,
                                   uint64_t retry_after_ms,
                                   nexus_error **error);

/**
 * Adds nexus_work_release.
 *
 * @param batch  an open batch
 * @param path   the work item; not NULL
 * @param lease  its lease token
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit: LEASE_LOST where the lease is not held
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_release_work(nexus_batch *batch,
                                      const char *path,
                                      uint64_t lease,
                                      nexus_error **error);

/**
 * Adds a condition: at this point of the batch the file has this etag, or is absent. The commit
 * returns CONFLICT where it does not hold.
 *
 * @param batch  an open batch
 * @param path   the file; not NULL
 * @param etag   64 hexadecimal digits; NULL: there is no such file
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_require_etag(nexus_batch *batch,
                                      const char *path,
                                      const char *etag,
                                      nexus_error **error);

/**
 * Adds a condition: the lease of a work item is held. The commit returns LEASE_LOST where it
 * does not hold.
 *
 * @param batch  an open batch
 * @param path   the work item; not NULL
 * @param lease  its lease token, from 1
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; whether the operation can be done is found at the
 *         commit
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_require_lease(nexus_batch *batch,
                                       const char *path,
                                       uint64_t lease,
                                       nexus_error **error);

/**
 * Makes all changes of a batch in one transaction, in the order they were added; each sees the
 * earlier ones. On failure nothing is changed, nexus_error_index tells the operation, and the
 * commit may be tried again. After OK the batch is spent: only nexus_batch_free is left to do.
 *
 * @param batch    an open batch
 * @param results  receives one row for each operation, in order, to be freed with
 *                 nexus_entries_free: the entry it left, or NEXUS_KIND_NONE; NULL where it is
 *                 not wanted
 * @param error    receives what went wrong; may be NULL
 * @return OK; what the single calls return; BUSY, NO_SPACE, IO; MISUSE for a spent batch
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_commit(nexus_batch *batch,
                                nexus_entries **results,
                                nexus_error **error);

/**
 * Frees a batch. What was not committed is forgotten.
 *
 * @param batch  the batch; NULL and one that was freed are ignored
 *
 * Threads: any, but not while another call uses the batch.
 * @since 0.1.0
 */
void nexus_batch_free(nexus_batch *batch);

/* Work items -------------------------------------------------------------------------------- */

/**
 * Returns the work items that can be claimed: status ready, no open dependency, due. By
 * priority, lower first, then by creation.
 *
 * @param fs     an open handle
 * @param limit  most rows to return; 0: none
 * @param items  receives the rows, to be freed with nexus_work_list_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT for a negative limit, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_get_ready_work(nexus_fs *fs,
                                  int64_t limit,
                                  nexus_work_list **items,
                                  nexus_error **error);

/**
 * Returns the work items of status pending that no dependency holds up. By priority, then by
 * creation.
 *
 * @param fs     an open handle
 * @param limit  most rows to return; 0: none
 * @param items  receives the rows, to be freed with nexus_work_list_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT for a negative limit, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_get_pending_work(nexus_fs *fs,
                                    int64_t limit,
                                    nexus_work_list **items,
                                    nexus_error **error);

/**
 * Returns the work items that are held up: status ready, pending or blocked with an open
 * dependency, or blocked by hand. By the number of open dependencies, most first, then by
 * priority and creation.
 *
 * @param fs     an open handle
 * @param limit  most rows to return; 0: none
 * @param items  receives the rows, to be freed with nexus_work_list_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT for a negative limit, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_get_blocked_work(nexus_fs *fs,
                                    int64_t limit,
                                    nexus_work_list **items,
                                    nexus_error **error);

/**
 * Returns the work items of status in_progress, the latest started first.
 *
 * @param fs     an open handle
 * @param limit  most rows to return; 0: none
 * @param items  receives the rows, to be freed with nexus_work_list_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT for a negative limit, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_get_in_progress_work(nexus_fs *fs,
                                        int64_t limit,
                                        nexus_work_list **items,
                                        nexus_error **error);

/**
 * Returns every work item, of any status. By priority, then by creation.
 *
 * @param fs     an open handle
 * @param limit  most rows to return; 0: none
 * @param items  receives the rows, to be freed with nexus_work_list_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT for a negative limit, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_get_work_by_priority(nexus_fs *fs,
                                        int64_t limit,
                                        nexus_work_list **items,
                                        nexus_error **error);

/**
 * Says what a work item waits for. For a file that is no work item, `status` is null and `claimable`
 * false.
 *
 * @param fs     an open handle
 * @param path   the work item; not NULL
 * @param json   receives a JSON object, to be freed with nexus_string_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND, IS_A_DIRECTORY, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_work_explain(nexus_fs *fs,
                                const char *path,
                                char **json,
                                nexus_error **error);

/**
 * Counts work items: `by_status` sums to their number; `views` (ready, delayed, blocked,
 * pending, in_progress) are disjoint.
 *
 * @param fs      an open handle
 * @param prefix  only paths that begin with these bytes; NULL: all
 * @param json    receives a JSON object, to be freed with nexus_string_free; not NULL
 * @param error   receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_work_stats(nexus_fs *fs,
                              const char *prefix,
                              char **json,
                              nexus_error **error);

/**
 * Gives a worker the first ready work items that the handle may change: by priority, lower first,
 * then by creation. Each is given to this worker alone, whatever other threads and processes claim
 * at the same time: its status becomes in_progress, an attempt is counted, and a lease begins,
 * whose token (`lease` in the row) the worker needs to finish the item. An item whose lease has
 * ended counts as ready, after a failed attempt.
 *
 * @param fs         an open handle
 * @param worker_id  who claims: 1 to 255 bytes; not NULL
 * @param options    prefix, number of items and length of the lease; NULL: one item, for 30 s
 * @param items      receives the rows, to be freed with nexus_work_list_free; none where nothing
 *                   can be claimed; not NULL
 * @param error      receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT for an option out of its bounds, INVALID_PATH, BUSY, NO_SPACE, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_work_claim(nexus_fs *fs,
                              const char *worker_id,
                              const nexus_claim_options *options,
                              nexus_work_list **items,
                              nexus_error **error);

/**
 * Lets the lease of a work item last `lease_ms` from now on.
 *
 * @param fs        an open handle
 * @param path      the work item; not NULL
 * @param lease     its lease token
 * @param lease_ms  milliseconds, 1 to 366 days
 * @param error  receives what went wrong; may be NULL
 * @return OK; LEASE_LOST where the token is not the newest of the item, has expired, or the item is gone;
 *         INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, READ_ONLY, BUSY, NO_SPACE, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_work_heartbeat(nexus_fs *fs,
                                  const char *path,
                                  uint64_t lease,
                                  uint64_t lease_ms,
                                  nexus_error **error);

/**
 * Completes a work item and ends its lease. Items that wait for nothing else become ready in the same
 * transaction. To store files in that transaction too, use nexus_batch_complete_work.
 *
 * @param fs           an open handle
 * @param path         the work item; not NULL
 * @param lease        its lease token
 * @param result_json  what came of it, kept as its metadata `result`; NULL: nothing
 * @param error  receives what went wrong; may be NULL
 * @return OK; LEASE_LOST where the token is not the newest of the item, has expired, or the item is gone;
 *         INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, READ_ONLY, BUSY, NO_SPACE, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_work_complete(nexus_fs *fs,
                                 const char *path,
                                 uint64_t lease,
                                 const char *result_json,
                                 nexus_error **error);

/**
 * Gives up an attempt at a work item and ends its lease. The item is ready again after a while; with
 * its `max_attempts` used up it is failed.
 *
 * @param fs              an open handle
 * @param path            the work item; not NULL
 * @param lease           its lease token
 * @param error_text      why, kept as its metadata `last_error`: at most 64 KiB; NULL: ""
 * @param retry_after_ms  when it is ready again, at most 366 days; 0: after
 *                        min(2^(attempts - 1) s, 1 h)
 * @param error  receives what went wrong; may be NULL
 * @return OK; LEASE_LOST where the token is not the newest of the item, has expired, or the item is gone;
 *         INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, READ_ONLY, BUSY, NO_SPACE, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_work_fail(nexus_fs *fs,
                             const char *path,
                             uint64_t lease,
                             const char *error_text,
                             uint64_t retry_after_ms,
                             nexus_error **error);

/**
 * Gives a work item back as if it had not been claimed: it is ready again, and the attempt does not
 * count. It can be claimed at once, unless its `not_before` was set ahead meanwhile.
 *
 * @param fs     an open handle
 * @param path   the work item; not NULL
 * @param lease  its lease token
 * @param error  receives what went wrong; may be NULL
 * @return OK; LEASE_LOST where the token is not the newest of the item, has expired, or the item is gone;
 *         INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, READ_ONLY, BUSY, NO_SPACE, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_work_release(nexus_fs *fs,
                                const char *path,
                                uint64_t lease,
                                nexus_error **error);

/**
 * Waits until something may be claimable for this handle: because of a change, of any process, or
 * because an item has fallen due or a lease has ended. Another worker may be faster, so claim and
 * wait by turns. Returns at once where something is claimable already. Costs next to nothing while
 * it waits.
 *
 * @param fs          an open handle
 * @param prefix      only items whose paths begin with these bytes; NULL: all
 * @param timeout_ms  how long to wait; 0: not at all; negative: for ever
 * @param available   receives 1 where something may be claimable, 0 where the time is up; not NULL
 * @param error       receives what went wrong; may be NULL
 * @return OK, also when the time is up; CANCELLED by nexus_interrupt or nexus_close; INVALID_PATH, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_work_wait(nexus_fs *fs,
                             const char *prefix,
                             int64_t timeout_ms,
                             int32_t *available,
                             nexus_error **error);

/**
 * Returns how many rows a list has.
 *
 * @param list  an open list
 * @return the number of rows; 0 where `list` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
size_t nexus_work_list_len(const nexus_work_list *list);

/**
 * Returns one row of a list.
 *
 * @param list   an open list
 * @param index  which row, from 0
 * @return the row, valid until the list is freed; NULL where `index` is out of range or `list` is
 *         NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const nexus_work_item *nexus_work_list_at(const nexus_work_list *list,
                                                 size_t index);

/**
 * Returns a whole list as JSON: an array of objects with the members of nexus_work_item, but for
 * struct_size and has_priority. Times are RFC 3339 in UTC, `lease_expired` is true or false; what is
 * absent is null.
 *
 * @param list   an open list
 * @param json   receives the text, to be freed with nexus_string_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_work_list_json(const nexus_work_list *list,
                                  char **json,
                                  nexus_error **error);

/**
 * Frees a list and its rows.
 *
 * @param list  the list; NULL and one that was freed are ignored
 *
 * Threads: any.
 * @since 0.1.0
 */
void nexus_work_list_free(nexus_work_list *list);

/* Upkeep ------------------------------------------------------------------------------------ */

/**
 * Writes the metadata of files as JSON lines sorted by path: path, backend_name, physical_path,
 * size, etag, mime_type, created_at, modified_at, version, path_id, custom_metadata. The file
 * appears whole or not at all.
 *
 * @param fs        an open handle
 * @param file      a file of the host, which is replaced; not NULL
 * @param options   what to export; NULL for all the handle may read
 * @param progress  told of the progress, and may cancel; may be NULL
 * @param user      passed to `progress`
 * @param count     receives the number of lines; NULL where it is not wanted
 * @param error     receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH, UNSUPPORTED for a file with more than 256 MiB of
 *         metadata, NO_SPACE, IO, CANCELLED
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_export_metadata(nexus_fs *fs,
                                   const char *file,
                                   const nexus_export_options *options,
                                   nexus_progress_fn progress,
                                   void *user,
                                   uint64_t *count,
                                   nexus_error **error);

/**
 * Reads what nexus_export_metadata wrote, in one transaction: a bad line leaves everything as it
 * was. The content must be in the store and readable by this handle. Numbers and times have the
 * bounds of the calls that write them: attempts 0 to 2^53 - 1, version 1 to 2^53, years 0 to 9999. A
 * work item under a live lease is not replaced: such a line is a bad one, unless it makes the item
 * cancelled. Lines are kept on the disk, in the store's tmp, until the import ends.
 *
 * @param fs        an open handle
 * @param file      a plain file of the host; not NULL
 * @param options   how to import; NULL for the defaults
 * @param progress  told of the progress, and may cancel; may be NULL
 * @param user      passed to `progress`
 * @param report    receives a JSON object: created, updated, skipped, remapped, collisions, each
 *                  with path, existing_etag, imported_etag, resolution and message; renamed_keys,
 *                  each with path, key and renamed_to; lost_dependencies, each with path and
 *                  depends_on: ids of items that are not there; missing, each with path and etag:
 *                  lines that were left out, and that count as skipped. The last three lists hold up
 *                  to 64 MiB; what does not fit is counted as unlisted. To be freed with
 *                  nexus_string_free; NULL where it is not wanted
 * @param error     receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT for lines that cannot be read, and for more than the options allow; where lines cannot be imported, what
 *         the first of them fails with: INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND,
 *         IS_A_DIRECTORY, NOT_A_DIRECTORY, CYCLE, CONFLICT; BUSY, NO_SPACE, IO, CANCELLED
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_import_metadata(nexus_fs *fs,
                                   const char *file,
                                   const nexus_import_options *options,
                                   nexus_progress_fn progress,
                                   void *user,
                                   char **report,
                                   nexus_error **error);

/**
 * Writes files with their metadata, their contents and the directories that were made into one
 * file, a bundle: how a store, or a part of one, moves. It appears whole or not at all; as long as the
 * store does not change, its bytes are the same each time.
 *
 * @param fs        an open handle
 * @param file      a file of the host, which is replaced; not NULL
 * @param options   what to export; NULL for all the handle may read
 * @param progress  told of the progress, and may cancel; may be NULL
 * @param user      passed to `progress`
 * @param report    receives a JSON object, to be freed with nexus_string_free: files, directories,
 *                  contents, content_bytes, sha256; NULL where it is not wanted
 * @param error     receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, CORRUPT for a damaged content, UNSUPPORTED for a file with more than
 *         256 MiB of metadata, NOT_MOUNTED, NO_SPACE, IO, CANCELLED
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_bundle_export(nexus_fs *fs,
                                 const char *file,
                                 const nexus_export_options *options,
                                 nexus_progress_fn progress,
                                 void *user,
                                 char **report,
                                 nexus_error **error);

/**
 * Brings what nexus_bundle_export wrote into the store, in one transaction. The bundle is read to
 * its end and checked, every content by its hash, before anything of it can be seen. A bundle says at
 * its beginning what it holds: one beyond the bounds of the options is refused before it is unpacked.
 *
 * @param fs        an open handle
 * @param file      a plain file of the host; not NULL
 * @param options   how to import; NULL for the defaults
 * @param progress  told of the progress, and may cancel; may be NULL
 * @param user      passed to `progress`
 * @param report    receives a JSON object as from nexus_import_metadata, with the number of
 *                  directories that were made, to be freed with nexus_string_free; NULL where it is
 *                  not wanted
 * @param error     receives what went wrong; may be NULL
 * @return OK; CORRUPT for a bundle that was changed or cut off, or holds more than it says; UNSUPPORTED for one of a newer format;
 *         INVALID_ARGUMENT for another file; for bad lines what nexus_import_metadata returns
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_bundle_import(nexus_fs *fs,
                                 const char *file,
                                 const nexus_import_options *options,
                                 nexus_progress_fn progress,
                                 void *user,
                                 char **report,
                                 nexus_error **error);

/**
 * Copies the store to a directory while others use it. Everything acknowledged before the call is in
 * the copy, which is a store of its own: it opens as a `data_dir`. The contents of mounts are copied
 * to `mounts/NAME` in it. A directory with an earlier copy of this store is brought up to date:
 * contents that it has are read, and copied again where they are damaged. Until the end it holds the
 * earlier one. A copy that ends early leaves contents in the directory, which the next one goes on
 * from. Needs an admin's handle, or one without tenant and agent.
 *
 * @param fs          an open handle, with every mount that holds contents
 * @param target_dir  a directory of the host: missing, empty, or an earlier copy; not NULL
 * @param progress    told of the progress, and may cancel; may be NULL
 * @param user        passed to `progress`
 * @param report      receives a JSON object, to be freed with nexus_string_free: files,
 *                    copied_contents, copied_bytes, unchanged_contents, removed_contents; damaged, the
 *                    contents that were not copied because they are damaged in the store (the first
 *                    1,000), each with path, hash and message; damaged_count; mounts, each with name
 *                    and directory; NULL where it is not wanted
 * @param error       receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT for a directory that is anything else, CONFLICT for an earlier copy that
 *         is in use as a store, ACCESS_DENIED, NOT_MOUNTED, BUSY, NO_SPACE, IO, CANCELLED
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_backup(nexus_fs *fs,
                          const char *target_dir,
                          nexus_progress_fn progress,
                          void *user,
                          char **report,
                          nexus_error **error);

/**
 * Removes content that no file has any more, and what broken-off writes left behind. If it ends
 * early, what was removed stays so. Gives back what a reader that stayed for long made of the
 * write-ahead log. Works with no byte free, as nexus_delete and nexus_rmdir do. Needs an admin's
 * handle, or one without tenant and agent. Holds no lock for long.
 *
 * @param fs        an open handle
 * @param progress  told of the progress, and may cancel; may be NULL
 * @param user      passed to `progress`
 * @param report    receives a JSON object, to be freed with nexus_string_free; NULL where it is
 *                  not wanted
 * @param error     receives what went wrong; may be NULL
 * @return OK; ACCESS_DENIED, BUSY, IO, CANCELLED
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_gc(nexus_fs *fs,
                      nexus_progress_fn progress,
                      void *user,
                      char **report,
                      nexus_error **error);

/**
 * Checks the store while others go on using it: rows against each other, indexes (from which
 * reference counts are read), edges of work items, that every content is there and as long as it
 * should be, and with NEXUS_VERIFY_CONTENT every byte of it. Needs an admin's handle, or one without
 * tenant and agent. Holds no lock for long. Errors that it finds are in the report: the call returns
 * OK.
 *
 * With NEXUS_VERIFY_REPAIR, `progress` is told of each step ("repair: ...") before the first is taken, and
 * may cancel then: what was mended before stays so.
 *
 * @param fs        an open handle
 * @param flags     0, or NEXUS_VERIFY_CONTENT and NEXUS_VERIFY_REPAIR, or-ed
 * @param progress  told of the progress, and may cancel; may be NULL
 * @param user      passed to `progress`
 * @param report    receives a JSON object, to be freed with nexus_string_free: error_count; errors
 *                  (the first 1,000), each with kind, message and, where they apply, path and hash;
 *                  reclaimable, what nexus_gc would remove: orphan_files, temporary_files,
 *                  doomed_files, bytes; checked, what was looked at; not_checked, backends that this
 *                  handle does not have. With NEXUS_VERIFY_REPAIR also repaired (steps) and
 *                  repaired_count; lost, what was removed, each with path, etag, size, backend,
 *                  metadata, reason and quarantined (where its bytes are), lost_count and lost_list
 *                  (a file with all of them); failed_steps, which damage kept from being taken, each
 *                  with step and message; remaining and remaining_count, what is still wrong;
 *                  NULL where it is not wanted
 * @param error     receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, ACCESS_DENIED, BUSY, NO_SPACE for a repair, IO, CANCELLED
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_verify(nexus_fs *fs,
                          uint32_t flags,
                          nexus_progress_fn progress,
                          void *user,
                          char **report,
                          nexus_error **error);

/**
 * Finds files that have the same content, among those that this handle may read.
 *
 * @param fs        an open handle
 * @param prefix    only paths that begin with this raw string; NULL for all
 * @param progress  told of the progress, and may cancel; may be NULL
 * @param user      passed to `progress`
 * @param json      receives a JSON object, to be freed with nexus_string_free: groups, the first
 *                  1,000 by wasted_bytes, each with etag, size, count, wasted_bytes and the first
 *                  100 paths; group_count, duplicate_files and wasted_bytes of all; not NULL
 * @param error     receives what went wrong; may be NULL
 * @return OK; IO, CANCELLED
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_find_duplicates(nexus_fs *fs,
                                   const char *prefix,
                                   nexus_progress_fn progress,
                                   void *user,
                                   char **json,
                                   nexus_error **error);

/**
 * Measures what this handle may read: logical and physical bytes, files, distinct contents,
 * savings, for each tenant.
 *
 * @param fs     an open handle
 * @param json   receives a JSON object, to be freed with nexus_string_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; IO, CANCELLED
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_storage_stats(nexus_fs *fs,
                                 char **json,
                                 nexus_error **error);

/**
 * Describes a content: `size`, and `ref_count`, the number of files with it that this handle may
 * read.
 *
 * @param fs     an open handle
 * @param etag   64 hexadecimal digits; not NULL
 * @param json   receives a JSON object, to be freed with nexus_string_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, NOT_FOUND where no file with it may be read, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_content_info(nexus_fs *fs,
                                const char *etag,
                                char **json,
                                nexus_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* NEXUS_H */
