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
 * Conventions, which apply to every function
 *
 * 1. Status. A call returns a nexus_status; NEXUS_STATUS_OK is 0. A call that returns any other
 *    status changed nothing, with two exceptions: an IO error with the message "outcome unknown",
 *    and the changes that nexus_gc, a repair or nexus_backup made before it ended early. Each
 *    function lists the statuses to expect, without their prefix. Any call may also return
 *      INVALID_ARGUMENT  NULL for a required argument, text that is not UTF-8, an unknown flag;
 *      CANCELLED         the call was interrupted, or its handle is being closed;
 *      BUSY              timed out after `busy_timeout_ms` waiting for another writer;
 *      CORRUPT           the database is damaged;
 *      VERSION_MISMATCH  a newer version of Nexus has migrated the store meanwhile;
 *      MISUSE            an object that is not open, or a call that is not allowed now;
 *      INTERNAL, PANIC   a defect in Nexus.
 * 2. Errors. The last parameter, `error`, may be NULL. Otherwise the call sets it to NULL, or on
 *    failure to an object that the caller frees with nexus_error_free. No thread and no handle has
 *    a "last error".
 * 3. Input. Strings are NUL-terminated UTF-8. Bytes are a pointer and a length; (NULL, 0) is
 *    allowed. The library borrows all input for the duration of the call and keeps no pointer of
 *    the caller, except the log function and its `user`. An int32_t flag is 0 or 1.
 * 4. Output. A call first sets every output to NULL or 0, and stores a result only if it returns
 *    OK. An output may be NULL only if its description says so.
 * 5. Objects. nexus_fs, reader, writer, batch, buffer, entries, matches, strings, work_list and
 *    error are handles, not addresses. A handle that is NULL, closed, freed, or of another type is
 *    MISUSE (a _free function ignores it), not undefined behaviour. Returned strings (`char *`) and
 *    single entries (`nexus_entry *`) are ordinary memory, and each type has one function that
 *    frees it. nexus_live_objects counts the open objects.
 * 6. Rows. X_len returns the number of rows of a list. X_at returns one row, which is valid until
 *    the list is freed. Later versions add fields at the end of row structs, and `struct_size` is
 *    their size in the library, so never copy or index them.
 * 7. Options. Initialise an options struct with its _INIT macro and set the fields you need. NULL
 *    means the defaults. The library accepts structs of older and newer headers: a missing field
 *    has its default, and a field that the library does not know must be zero.
 * 8. Threads. Every object may be used from any thread, and from several at the same time, except
 *    readers, writers and batches: a second concurrent call on one of those is MISUSE. A progress
 *    or log function runs on the thread that made the call.
 * 9. Lifetime. Readers, writers, batches, lists and derived handles outlive the nexus_fs they were
 *    made from. nexus_interrupt and nexus_close end calls in flight.
 * 10. Forks. If a process forks while a store is open, every call in the child is MISUSE until the
 *    child calls exec.
 * 11. Paths begin with "/", which may be omitted. The first segment names a namespace. A path that
 *    breaks a rule of names is INVALID_PATH. A path that the identity of the handle may not use is
 *    ACCESS_DENIED, whether or not it exists.
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

/** Log level: a full disk, timeouts of waits, misspelt environment variables. */
#define NEXUS_LOG_WARN 2

/** Log level: a store was opened. */
#define NEXUS_LOG_INFO 3

/** Log level: every other failed call. */
#define NEXUS_LOG_DEBUG 4

/** The call succeeded. */
#define NEXUS_STATUS_OK 0

/** An argument is malformed or out of range. */
#define NEXUS_STATUS_INVALID_ARGUMENT 1

/** A path breaks a rule of path names. */
#define NEXUS_STATUS_INVALID_PATH 2

/** The configuration is wrong, or names a store that does not belong to it. */
#define NEXUS_STATUS_INVALID_CONFIG 3

/** No such file, directory, key or id. */
#define NEXUS_STATUS_NOT_FOUND 4

/** The target path already exists. */
#define NEXUS_STATUS_ALREADY_EXISTS 5

/** The path names a file, but the call needs a directory. */
#define NEXUS_STATUS_NOT_A_DIRECTORY 6

/** The path names a directory, but the call needs a file. */
#define NEXUS_STATUS_IS_A_DIRECTORY 7

/** The directory has entries. */
#define NEXUS_STATUS_NOT_EMPTY 8

/** The access policy does not allow the call for the identity of the handle. */
#define NEXUS_STATUS_ACCESS_DENIED 9

/** The namespace or the mount is read-only. */
#define NEXUS_STATUS_READ_ONLY 10

/** A condition is not met. */
#define NEXUS_STATUS_CONFLICT 11

/** The dependencies would form a cycle. */
#define NEXUS_STATUS_CYCLE 12

/** The lease token is no longer valid for the work item. */
#define NEXUS_STATUS_LEASE_LOST 13

/** The backend that holds the content is not configured. */
#define NEXUS_STATUS_NOT_MOUNTED 14

/** Timed out after `busy_timeout_ms` waiting for another writer. */
#define NEXUS_STATUS_BUSY 15

/** The device is full. Reads, deletions and nexus_gc still work. */
#define NEXUS_STATUS_NO_SPACE 16

/** Stored bytes are missing, or did not match their hash in two reads. */
#define NEXUS_STATUS_CORRUPT 17

/** The operating system reported an error. */
#define NEXUS_STATUS_IO 18

/** This build or this system does not support the call. */
#define NEXUS_STATUS_UNSUPPORTED 19

/** The store was written by a newer version. */
#define NEXUS_STATUS_VERSION_MISMATCH 20

/** nexus_interrupt, nexus_close or a progress function ended the call. */
#define NEXUS_STATUS_CANCELLED 21

/** An object that is not open, or a call that is not allowed now. */
#define NEXUS_STATUS_MISUSE 22

/** A defect in Nexus: an internal check failed. */
#define NEXUS_STATUS_INTERNAL 23

/** A defect in Nexus: a panic ended the call. Other objects stay usable. */
#define NEXUS_STATUS_PANIC 24

/** Import: keep an existing file. */
#define NEXUS_IMPORT_SKIP 0

/** Import: replace an existing file. */
#define NEXUS_IMPORT_OVERWRITE 1

/** Import: store the imported file under a free name, "name_imported1" and so on. */
#define NEXUS_IMPORT_REMAP 2

/** Import: keep the newer of the two files. */
#define NEXUS_IMPORT_AUTO 3

/** Import: reject a line that has a work key with a value of the wrong type. */
#define NEXUS_KEYS_REFUSE 0

/** Import: store such a key under "x_" and its name, and report it. */
#define NEXUS_KEYS_RENAME 1

/** Import: reject a line whose content is missing. */
#define NEXUS_MISSING_REFUSE 0

/** Import: skip such a line, and report it as missing. */
#define NEXUS_MISSING_SKIP 1

/** Import: NEXUS_IMPORT_AUTO compares the modification times of the contents. */
#define NEXUS_NEWER_BY_CONTENT 0

/**
 * Import: NEXUS_IMPORT_AUTO compares the latest of modified_at, started_at and completed_at. If
 * these are equal, a line with a different content, different metadata or a different work state
 * counts as newer.
 */
#define NEXUS_NEWER_BY_ALL 1

/** Flag of a rename or copy: return ALREADY_EXISTS if the target exists. */
#define NEXUS_NO_REPLACE 1

/** Flag of mkdir: create missing parents, too. */
#define NEXUS_MKDIR_PARENTS 1

/** Flag of mkdir: return OK if the directory exists. */
#define NEXUS_MKDIR_EXIST_OK 2

/** `kind` of a row without an entry: the batch operation left none. */
#define NEXUS_KIND_NONE 0

/** `kind` of a file. */
#define NEXUS_KIND_FILE 1

/** `kind` of a directory. */
#define NEXUS_KIND_DIRECTORY 2

/** Flag of nexus_verify: read and hash every content. */
#define NEXUS_VERIFY_CONTENT 1

/**
 * Flag of nexus_verify: repair the damage that the check finds. Undamaged data is never lost.
 * Repair moves damaged contents to quarantine/ in the directory of their backend, and removes
 * files that cannot be read any more.
 */
#define NEXUS_VERIFY_REPAIR 2

/** Changes that one transaction makes: all of them, or none. */
typedef struct nexus_batch nexus_batch;

/** Bytes that a call returned. */
typedef struct nexus_buffer nexus_buffer;

/** A list of entries, ordered by the bytes of their paths (the results of a batch: by operation). */
typedef struct nexus_entries nexus_entries;

/** Describes why one call failed. A call returns it only if the caller passes a `nexus_error **`. */
typedef struct nexus_error nexus_error;

/** A handle: an open store with the identity that uses it. */
typedef struct nexus_fs nexus_fs;

/** A list of matching lines, ordered by path and line. */
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
 * The status that a call returns: one of the NEXUS_STATUS_ constants. Their values never change.
 * Later versions may add constants, so handle values that you do not know.
 */
typedef int32_t nexus_status;

/**
 * Receives one line of the log, on the thread of the call that logs it. It may not close a handle
 * or set the log function (MISUSE). Lines that its own calls would log are dropped.
 *
 * @param user     what was passed with the function
 * @param level    one of the NEXUS_LOG_ constants
 * @param message  the line, without a line end; valid during the call of the function
 *
 * It must return normally: no exception, no longjmp.
 */
typedef void (*nexus_log_fn)(void *user,
                             int32_t level,
                             const char *message);

/**
 * Conditions on a change, and the MIME type of a write. Initialise with NEXUS_WRITE_OPTIONS_INIT.
 * The transaction that makes the change checks the conditions. It returns CONFLICT if one is not
 * met, and LEASE_LOST if the lease token is not valid.
 */
typedef struct nexus_write_options {
    /** sizeof(nexus_write_options) */
    uint32_t struct_size;
    /** 1: the file must not exist. 0: no condition. */
    int32_t if_none_match;
    /** The file must exist with this etag. NULL: no condition. */
    const char *if_match;
    /**
     * MIME type of a write or append. NULL: an existing file keeps its MIME type, and the library
     * guesses that of a new file from its name. A call that writes no content returns
     * INVALID_ARGUMENT if this is set.
     */
    const char *mime_type;
    /** The work item that `lease` belongs to; required unless `lease` is 0. */
    const char *lease_path;
    /** The lease token that must be valid for `lease_path`. 0: no condition. */
    uint64_t lease;
} nexus_write_options;

/**
 * Describes one file or directory. Read-only. Later versions add fields at the end, so use it
 * through the pointer and never copy or size it yourself.
 */
typedef struct nexus_entry {
    /** Size of this struct in the library that made it. */
    uint32_t struct_size;
    /** One of the NEXUS_KIND_ constants. */
    int32_t kind;
    /** Its virtual path; NULL only for NEXUS_KIND_NONE. */
    const char *path;
    /** Bytes of content; 0 for a directory. */
    uint64_t size;
    /** SHA-256 of the content, 64 hexadecimal digits; NULL for a directory. */
    const char *etag;
    /** 1 at creation; each change of content adds 1. 0 for a directory. */
    uint64_t version;
    /** MIME type; NULL for a directory. */
    const char *mime_type;
    /**
     * Its id, a UUID that renames and overwrites keep. NULL for an implicit directory, which
     * exists only because it has entries.
     */
    const char *path_id;
    /** The backend that holds the content, "local" for the store's own; NULL for a directory. */
    const char *backend_name;
    /** Microseconds since 1970 UTC; 0 for a directory without id. */
    int64_t created_at;
    /** Microseconds since 1970 UTC; 0 for a directory without id. */
    int64_t modified_at;
} nexus_entry;

/** Options of nexus_list. Initialise with NEXUS_LIST_OPTIONS_INIT. */
typedef struct nexus_list_options {
    /** sizeof(nexus_list_options) */
    uint32_t struct_size;
    /**
     * 1: all files below the directory. 0: its direct children, files and directories. `prefix`
     * implies 1.
     */
    int32_t recursive;
    /** 1: a recursive listing includes directories. 0: it has files only. */
    int32_t include_directories;
    /** The directory to list. NULL: "/". */
    const char *path;
    /**
     * List all paths that begin with these bytes, instead of a directory. The prefix need not end
     * at a segment: "/data" matches "/database". NULL: no prefix. INVALID_ARGUMENT if `path` is
     * set, too.
     */
    const char *prefix;
    /** Most rows to return. 0: all. */
    uint64_t limit;
    /**
     * The cursor that nexus_entries_cursor returned for the previous page. NULL: begin at the
     * first row.
     */
    const char *cursor;
} nexus_list_options;

/** Options of nexus_glob and nexus_find_by_meta. Initialise with NEXUS_FIND_OPTIONS_INIT. */
typedef struct nexus_find_options {
    /** sizeof(nexus_find_options) */
    uint32_t struct_size;
    /** The directory to search. NULL: "/". */
    const char *base;
    /** Most rows to return. 0: all. */
    uint64_t limit;
    /**
     * The cursor that nexus_entries_cursor returned for the previous page. NULL: begin at the
     * first row.
     */
    const char *cursor;
} nexus_find_options;

/** Options of nexus_grep. Initialise with NEXUS_GREP_OPTIONS_INIT. */
typedef struct nexus_grep_options {
    /** sizeof(nexus_grep_options) */
    uint32_t struct_size;
    /** 1: ignore the case of letters. 0: match it. */
    int32_t ignore_case;
    /** The directory or file to search. `file_pattern` does not apply if it is a file. NULL: "/". */
    const char *base;
    /**
     * Search only files that match this glob pattern. A pattern without `/`, or with one only at
     * its end, matches file names at any depth below `base`. A pattern with a `/` matches paths
     * below `base`; one that begins with `/` matches whole paths. Each alternative of `{a,b}` is
     * such a pattern. NULL: all files.
     */
    const char *file_pattern;
    /** Most rows to return. 0: 1,000. */
    uint64_t max_matches;
    /** Most bytes of content to search. 0: no limit. */
    uint64_t max_bytes;
    /** 1: the pattern is literal text. 0: it is a regular expression. */
    int32_t literal;
    /** Must be 0. */
    int32_t reserved;
} nexus_grep_options;

/**
 * One line that nexus_grep found. Read-only. Later versions add fields at the end, so use it
 * through the pointer and never copy or size it yourself.
 */
typedef struct nexus_match {
    /** Size of this struct in the library that made it. */
    uint32_t struct_size;
    /** The file. */
    const char *path;
    /** Line number, from 1. */
    uint64_t line;
    /** The line without its line end, as UTF-8. U+FFFD replaces NULs and bytes that are not UTF-8. */
    const char *text;
    /** Start of the first match in the line, as a byte offset in `text`. */
    uint64_t match_start;
    /** End of that match, as a byte offset in `text`. */
    uint64_t match_end;
} nexus_match;

/** Options of nexus_work_claim. Initialise with NEXUS_CLAIM_OPTIONS_INIT. */
typedef struct nexus_claim_options {
    /** sizeof(nexus_claim_options) */
    uint32_t struct_size;
    /** Most items to claim, 1 to 10,000. */
    uint32_t max;
    /** Claim only items whose paths begin with these bytes. NULL: all items. */
    const char *prefix;
    /** Duration of the lease in milliseconds, 1 to 366 days. */
    uint64_t lease_ms;
} nexus_claim_options;

/**
 * One work item. Read-only. Later versions add fields at the end, so use it through the pointer
 * and never copy or size it yourself. Times are microseconds since 1970 UTC.
 */
typedef struct nexus_work_item {
    /** Size of this struct in the library that made it. */
    uint32_t struct_size;
    /** 1 if the item has a priority, else 0. Items without one come after all others. */
    int32_t has_priority;
    /** The id of the file. */
    const char *path_id;
    /** The tenant segment of the path; NULL if it has none. */
    const char *tenant_id;
    /** The virtual path of the file. */
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
    /** When the file was created. */
    int64_t created_at;
    /** When its content last changed. */
    int64_t updated_at;
    /** ready, pending, blocked, in_progress, completed, failed or cancelled. */
    const char *status;
    /** Lower comes first. 0 if `has_priority` is 0. */
    int64_t priority;
    /** Number of open dependencies. */
    uint64_t blocker_count;
    /** The worker that holds the item, or that completed or failed it; NULL if there is none. */
    const char *worker_id;
    /** When work on the item began; 0 if it has not begun. */
    int64_t started_at;
    /** The item cannot be claimed before this time; 0: no limit. */
    int64_t not_before;
    /** A JSON array of strings; NULL if there are none. */
    const char *tags;
    /** Number of claims so far. */
    uint64_t attempts;
    /**
     * Its lease token; 0 if it has no lease. A query returns the token only to a handle that may
     * change the item, and in a namespace without owners only to a handle without tenant and
     * agent. To other handles it returns 0.
     */
    uint64_t lease;
    /** When the lease expires, for display; 0 if the item has no lease. */
    int64_t lease_expires_at;
    /** 1 if the lease has expired and no worker has claimed the item since. */
    int32_t lease_expired;
} nexus_work_item;

/**
 * Options of nexus_export_metadata and nexus_bundle_export. Initialise with
 * NEXUS_EXPORT_OPTIONS_INIT.
 */
typedef struct nexus_export_options {
    /** sizeof(nexus_export_options) */
    uint32_t struct_size;
    /** Export only paths that begin with these bytes. NULL: all paths. */
    const char *prefix;
    /** Export only files in the directories of this tenant, in every namespace. NULL: all files. */
    const char *tenant_id;
    /** Export only files modified after this time, in microseconds since 1970 UTC. 0: all files. */
    int64_t modified_after;
} nexus_export_options;

/**
 * Receives the progress of a long call, on the thread that made the call. The library holds no
 * lock meanwhile, so the function may use the store. It may not close the handle of that call.
 *
 * @param user   what was passed with the function
 * @param done   amount done so far
 * @param total  total amount; 0 if it is not known
 * @param what   names the current step; valid during the call of the function
 * @return 0 to go on; anything else ends the call with NEXUS_STATUS_CANCELLED
 *
 * It must return normally: no exception, no longjmp.
 */
typedef int32_t (*nexus_progress_fn)(void *user,
                                     uint64_t done,
                                     uint64_t total,
                                     const char *what);

/**
 * Options of nexus_import_metadata and nexus_bundle_import. Initialise with
 * NEXUS_IMPORT_OPTIONS_INIT.
 */
typedef struct nexus_import_options {
    /** sizeof(nexus_import_options) */
    uint32_t struct_size;
    /** How to import a path that exists: one of the NEXUS_IMPORT_ constants. */
    int32_t mode;
    /** 1: report the changes without making them. */
    int32_t dry_run;
    /**
     * How to import a work key whose value has the wrong type: NEXUS_KEYS_REFUSE or
     * NEXUS_KEYS_RENAME.
     */
    int32_t invalid_work_keys;
    /**
     * How to import a line whose content is missing: no file that the handle may read has it.
     * NEXUS_MISSING_REFUSE or NEXUS_MISSING_SKIP. A bundle that lacks one of its contents is
     * damaged in either case.
     */
    int32_t missing_content;
    /** What NEXUS_IMPORT_AUTO compares: NEXUS_NEWER_BY_CONTENT or NEXUS_NEWER_BY_ALL. */
    int32_t newer_by;
    /**
     * Most lines, including those of directories. 0: 100,000 plus one for each 8 bytes of the
     * file.
     */
    uint64_t max_lines;
    /** Most bytes of all lines together. 0: 16 MiB plus 100 times the size of the file. */
    uint64_t max_bytes;
    /** Most bytes of an unpacked bundle. 0: 64 MiB plus 100 times the size of the file. */
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
 * Returns the number of objects that the caller has not closed or freed yet: stores, readers,
 * writers, batches, buffers, lists, errors, single entries and strings. A host that frees
 * everything ends with 0. An object counts until its close has returned, in any thread. If the
 * number is 0, the library uses no file of a store any more.
 *
 * @return the number of open objects
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
uint64_t nexus_live_objects(void);

/**
 * Sets the log function of the process. A process has at most one, and initially none. Only
 * threads inside a call of this library call it. When nexus_set_log_callback returns, the previous
 * function is not running and will not be called again.
 *
 * @param callback  the function; NULL for none
 * @param user      passed to it
 * @param level     the least severe level to log, one of the NEXUS_LOG_ constants; ignored if
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
 * Returns the name of a status, for messages and logs.
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
 * @return its status; NEXUS_STATUS_MISUSE if `error` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_error_status(const nexus_error *error);

/**
 * Returns the message of an error: one line for people. Programs should use the status.
 *
 * @param error  an error; not NULL
 * @return NUL-terminated UTF-8, valid until the error is freed; never NULL, even if `error` is
 *         NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const char *nexus_error_message(const nexus_error *error);

/**
 * Returns the path in the store that the error is about.
 *
 * @param error  an error; not NULL
 * @return NUL-terminated UTF-8, valid until the error is freed; NULL if the error is about no
 *         path, or if `error` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const char *nexus_error_path(const nexus_error *error);

/**
 * Returns the index of the batch operation that failed.
 *
 * @param error  an error; not NULL
 * @return the index of the operation, from 0, in the order of the additions; -1 if the error is
 *         about no operation, or if `error` is NULL or freed
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
 * Frees a string that a call returned as `char *`.
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
 * Opens a store, and creates it if it does not exist. Any number of processes, and of handles in
 * one process, may have a store open at the same time.
 *
 * Each key takes its value from the first source that sets it: `config_json`, the environment, a
 * configuration file, the default. tenant_id, agent_id and is_admin all come from the first source
 * that sets any of them. In YAML, a key without a value is INVALID_CONFIG; an explicit null means
 * no value. A URL for a key that needs a path (data_dir, db_path, config_file, the root of a
 * mount) is INVALID_CONFIG, and the message names the right key. Booleans in environment variables
 * are true/false, yes/no, on/off or 1/0 in any case. A malformed variable is INVALID_CONFIG if its
 * value is needed; otherwise the library logs a warning that names it. No message contains the
 * credentials of a URL.
 *
 * Only the owner can access the files that a store creates, whatever the umask. The library
 * creates a store only in a directory whose cas/ and tmp/ are empty or missing. A symbolic link or
 * a pipe instead of a file or directory of the store is INVALID_CONFIG.
 *
 * @param config_json  a JSON object with the configuration; NULL: read the environment and the
 *                     first configuration file found (./nexus.yaml, ./nexus.yml,
 *                     ~/.nexus/config.yaml)
 * @param fs           receives the handle; close it with nexus_close; not NULL
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
 * Opens a store with the configuration of a file.
 *
 * @param yaml_path  a YAML file of the host, a regular one (or /dev/null); not NULL
 * @param fs         receives the handle; close it with nexus_close; not NULL
 * @param error      receives what went wrong; may be NULL
 * @return OK; what nexus_connect returns; INVALID_CONFIG if the file does not exist
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_connect_file(const char *yaml_path,
                                nexus_fs **fs,
                                nexus_error **error);

/**
 * Derives a handle on the same store with a narrower identity, never an admin's. The call is
 * cheap: it reads no file. The new handle outlives `fs`.
 *
 * @param fs      an open handle
 * @param tenant  the tenant; NULL for that of `fs`
 * @param agent   the agent; NULL for that of `fs`
 * @param narrow  receives the handle; close it with nexus_close; not NULL
 * @param error   receives what went wrong; may be NULL
 * @return OK; ACCESS_DENIED if `fs` has another tenant or agent; INVALID_ARGUMENT for a name
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
 * Derives a handle on the same store with the same identity, including an admin's. nexus_interrupt
 * and nexus_close on one handle do not end calls on the other, so use a clone for a call that must
 * be interrupted separately. The call is as cheap as nexus_with_identity. It reads no
 * configuration and no file, so it works even if the data directory has been moved. The new handle
 * outlives `fs`.
 *
 * @param fs     an open handle
 * @param clone  receives the handle; close it with nexus_close; not NULL
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
 * Returns the effective configuration: a JSON object with an object of `value` and `source` for
 * each key. Secrets are redacted.
 *
 * @param fs     an open handle
 * @param json   receives the text; free it with nexus_string_free; not NULL
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
 * Interrupts the calls in flight on a handle, and on the readers, writers and batches opened on
 * it: they return CANCELLED. Later calls work. A writer whose write was interrupted can only be
 * aborted.
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
 * Closes a handle. It interrupts the calls in flight on the handle, which return CANCELLED, and
 * waits for them. Readers, writers, batches and handles derived from it stay usable. The last of
 * them to be closed closes the store.
 *
 * @param fs     an open handle; the call closes it, whatever it returns except MISUSE
 * @param error  receives what went wrong; may be NULL
 * @return OK; MISUSE if the handle is not open, or if a progress function of a call on it, or the
 *         log function, calls nexus_close
 *
 * Threads: any; of several concurrent nexus_close calls, one succeeds.
 * @since 0.1.0
 */
nexus_status nexus_close(nexus_fs *fs,
                         nexus_error **error);

/* Files ------------------------------------------------------------------------------------- */

/**
 * Writes a whole file and replaces an existing one atomically: a reader sees the old or the new
 * bytes, never a mix. The call creates missing parent directories.
 *
 * @param fs     an open handle
 * @param path   the file; not NULL
 * @param data   the bytes; may be NULL if `len` is 0
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
 * @param data     the bytes; may be NULL if `len` is 0
 * @param len      how many
 * @param options  conditions and MIME type; NULL for none
 * @param entry    receives the new entry; free it with nexus_entry_free; may be NULL
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
 * Appends to a file, or creates it. The cost is that of writing the whole file.
 *
 * @param fs     an open handle
 * @param path   the file; not NULL
 * @param data   the bytes; may be NULL if `len` is 0
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
 * @param data     the bytes; may be NULL if `len` is 0
 * @param len      how many
 * @param options  conditions and MIME type; NULL for none
 * @param entry    receives the new entry; free it with nexus_entry_free; may be NULL
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
 * Reads a whole file and checks it against its etag.
 *
 * @param fs      an open handle
 * @param path    the file; not NULL
 * @param buffer  receives the content; free it with nexus_buffer_free; not NULL
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
 * Reads a part of a file. The call verifies the bytes like nexus_read.
 *
 * @param fs        an open handle
 * @param path      the file; not NULL
 * @param offset    first byte to read, from 0
 * @param buf       where the bytes go; may be NULL if `cap` is 0
 * @param cap       size of `buf` in bytes
 * @param read_out  receives the number of bytes read: fewer than `cap` only at the end of the
 *                  file, 0 at or after it; not NULL
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
 * Returns the entry of a file or directory.
 *
 * @param fs     an open handle
 * @param path   the file or directory; not NULL
 * @param entry  receives the entry; free it with nexus_entry_free; not NULL
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
 * Returns whether a file or directory exists. A path that the handle may not see does not exist
 * for it.
 *
 * @param fs      an open handle
 * @param path    the path; not NULL
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
 * Returns whether a directory exists. A path that the handle may not see does not exist for it.
 *
 * @param fs            an open handle
 * @param path          the path; not NULL
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
 * Renames a file, or a directory with everything in it, atomically. Metadata moves along. A file
 * may replace a file; the target keeps its path id. A directory needs a target that does not exist
 * or is an empty directory. Contents that move to another backend are copied before the
 * transaction, so other writers do not wait for the copy. Replacing a work item under a live lease
 * requires its lease token: see nexus_rename_with. Other writers wait while a tree is renamed,
 * about 10 microseconds for each file. An interrupt ends the call without a change.
 *
 * @param fs     an open handle
 * @param from   the file or directory; not NULL
 * @param to     its new path; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK, even if both paths are the same; INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND,
 *         NOT_A_DIRECTORY, IS_A_DIRECTORY, NOT_EMPTY, NOT_MOUNTED, BUSY, CANCELLED, NO_SPACE, IO;
 *         INVALID_ARGUMENT if a directory would move into itself; CONFLICT if `to` is a work item
 *         under a lease; CORRUPT if a content that must move to another backend is damaged
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
 * @param options  conditions on `from`; NULL for none; `if_none_match` is INVALID_ARGUMENT. If
 *                 `lease_path` is `to` and `lease` is its token, the call may replace the leased
 *                 work item
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
 * Copies a file, or a directory with everything in it, atomically. Within a backend it copies no
 * content bytes. It copies metadata, but not the running state of a work item. The copy has new
 * path ids and version 1. Other writers wait, and interrupts work, as for nexus_rename.
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
 * @param options  conditions on `from`; NULL for none; `if_none_match` is INVALID_ARGUMENT. If
 *                 `lease_path` is `to` and `lease` is its token, the call may replace the leased
 *                 work item
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
 * Creates a directory, which exists even while it is empty. A write does not need one: it creates
 * the directories above the file.
 *
 * @param fs     an open handle
 * @param path   the directory; not NULL
 * @param flags  bitwise OR of NEXUS_MKDIR_PARENTS and NEXUS_MKDIR_EXIST_OK, or 0
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
 * Removes a directory. Other writers wait, and interrupts work, as for nexus_rename.
 *
 * @param fs         an open handle
 * @param path       the directory; not NULL
 * @param recursive  1: remove everything in it, too; 0: remove it only if it is empty
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
 * @return nexus_buffer_len bytes, valid until the buffer is freed, and not NULL even for 0 bytes;
 *         NULL if `buffer` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const void *nexus_buffer_data(const nexus_buffer *buffer);

/**
 * Returns the number of bytes of a buffer.
 *
 * @param buffer  an open buffer
 * @return the number of bytes; 0 if `buffer` is NULL or freed
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
 * Frees an entry that a call returned singly, as nexus_stat does. Do not pass rows of a list.
 *
 * @param entry  the entry; NULL is ignored. It is ordinary memory: freeing it twice, or something
 *               else, is undefined.
 *
 * Threads: any.
 * @since 0.1.0
 */
void nexus_entry_free(nexus_entry *entry);

/**
 * Returns the number of rows of a list.
 *
 * @param list  an open list
 * @return the number of rows; 0 if `list` is NULL or freed
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
 * @return the row, valid until the list is freed; NULL if `index` is out of range or `list` is
 *         NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const nexus_entry *nexus_entries_at(const nexus_entries *list,
                                           size_t index);

/**
 * Returns the cursor of the next page.
 *
 * @param list  an open list
 * @return the value of `cursor` for the next page, valid until the list is freed; NULL if there is
 *         no next page, or if `list` is NULL or freed
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
 * Opens a file for reading piece by piece. The reader reads the content that the file had when it
 * was opened, even if the file changes or is deleted meanwhile.
 *
 * @param fs      an open handle
 * @param path    the file; not NULL
 * @param reader  receives the reader; close it with nexus_reader_close; not NULL
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
 * Reads the next bytes from the position of the reader.
 *
 * @param reader    an open reader
 * @param buf       where the bytes go; may be NULL if `cap` is 0
 * @param cap       size of `buf` in bytes
 * @param read_out  receives the number of bytes read: 0 at the end; not NULL
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
 * Sets the position of a reader.
 *
 * @param reader  an open reader
 * @param offset  the new position in bytes from the beginning; reads after the end return 0 bytes
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
 * @return OK; MISUSE if it is not open, or if another thread is using it
 *
 * Threads: one at a time for one reader: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_reader_close(nexus_reader *reader,
                                nexus_error **error);

/**
 * Begins to write a file piece by piece, in bounded memory. The commit creates the file, or
 * replaces the existing one.
 *
 * @param fs       an open handle
 * @param path     the file; not NULL
 * @param options  conditions, which the commit checks, and MIME type; NULL for none
 * @param writer   receives the writer; end it with nexus_writer_commit or nexus_writer_abort; not
 *                 NULL
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
 * Writes the next bytes. After an error the written content is incomplete, and only
 * nexus_writer_abort may follow.
 *
 * @param writer  an open writer
 * @param data    the bytes; may be NULL if `len` is 0
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
 * Makes the written bytes the content of the file. OK ends the writer. An error leaves the file
 * unchanged, and only nexus_writer_abort may follow.
 *
 * @param writer  an open writer
 * @param entry   receives the new entry; free it with nexus_entry_free; may be NULL
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
 * Ends a writer and discards the written bytes.
 *
 * @param writer  an open writer
 * @param error   receives what went wrong; may be NULL
 * @return OK; MISUSE if it is not open, or if another thread is using it
 *
 * Threads: one at a time for one writer: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_writer_abort(nexus_writer *writer,
                                nexus_error **error);

/* Finding ----------------------------------------------------------------------------------- */

/**
 * Lists a directory, or the paths with a prefix. The cost is proportional to the number of rows
 * returned.
 *
 * @param fs       an open handle
 * @param options  what to list; NULL: every file that the handle may see
 * @param entries  receives the rows; free them with nexus_entries_free; not NULL
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
 * Finds files whose whole path below the base matches a pattern: `*` and `?` match within a
 * segment, `**` matches across segments, and `[a-z]`, `[!a-z]` and `{a,b}` have their usual
 * meaning. So `*.py` finds only files directly in the base. With a segment `**` before it, it
 * finds names at any depth.
 *
 * @param fs       an open handle
 * @param pattern  the pattern, below the base; not NULL
 * @param options  where and how much to search; NULL: all paths, no limit
 * @param entries  receives the rows; free them with nexus_entries_free; not NULL
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
 * Searches the lines of files for a regular expression or a literal text, in time linear in their
 * size. It skips and counts binary files. It searches only the first 256 KiB of a line, and
 * returns at most 64 MiB of lines. A byte-order mark at the start of a file (U+FEFF in UTF-8) does
 * not belong to its first line.
 *
 * An expression has at most 64 KiB and 100 levels of groups. With its repetitions expanded, it has
 * at most 2,048 characters and choices; of alternatives that are plain texts, only the longest
 * counts. An expression with look-around or back-references is INVALID_ARGUMENT.
 *
 * @param fs       an open handle
 * @param pattern  the regular expression, or the text with `literal`; not NULL
 * @param options  where and how much to search; NULL for the defaults
 * @param matches  receives the rows; free them with nexus_matches_free; not NULL
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
 * Returns the etags of many files in one call.
 *
 * @param fs     an open handle
 * @param paths  `n` paths, none of them NULL; may be NULL if `n` is 0
 * @param n      how many
 * @param ids    receives `n` rows in the same order: the etag, or NULL if the file does not exist
 *               or the handle may not read it; free them with nexus_strings_free; not NULL
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
 * Returns the number of rows of a list.
 *
 * @param list  an open list
 * @return the number of rows; 0 if `list` is NULL or freed
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
 * @return the row, valid until the list is freed; NULL if `index` is out of range or `list` is
 *         NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const nexus_match *nexus_matches_at(const nexus_matches *list,
                                           size_t index);

/**
 * Returns the number of binary files that a search skipped.
 *
 * @param list  an open list
 * @return the number of files; 0 if `list` is NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
uint64_t nexus_matches_skipped(const nexus_matches *list);

/**
 * Returns whether a search ended early, at `max_matches`, at `max_bytes`, or at 64 MiB of lines.
 *
 * @param list  an open list
 * @return 1 or 0; 0 if `list` is NULL or freed
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
 * Returns the number of rows of a list.
 *
 * @param list  an open list
 * @return the number of rows, absent ones included; 0 if `list` is NULL or freed
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
 * @return the string, valid until the list is freed; NULL if the row is absent, `index` is out of
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
 * Sets one metadata key of a file, or of an explicit directory. The keys of work items (status,
 * priority, depends_on, worker_id, started_at, completed_at, not_before, tags, max_attempts) have
 * types, and only files may have them. An implicit directory, which exists only because it has
 * entries, has no metadata: the call returns IS_A_DIRECTORY. nexus_mkdir with NEXUS_MKDIR_EXIST_OK
 * makes it explicit. A rename moves the metadata of a directory, a copy copies it, and a bundle
 * contains it; nexus_export_metadata omits it.
 *
 * @param fs          an open handle
 * @param path        the file or directory; not NULL
 * @param key         the key, 1 to 255 bytes; not NULL
 * @param value_json  the value, a JSON text; not NULL
 * @param error       receives what went wrong; may be NULL
 * @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND, IS_A_DIRECTORY, BUSY, NO_SPACE,
 *         IO; INVALID_ARGUMENT for a bad key or value; NOT_FOUND, CYCLE for dependencies; CONFLICT
 *         for a work key of an item under another worker's lease
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
 * Sets several metadata keys in one transaction, and keeps all other keys. See nexus_set_meta.
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
 * Returns one metadata key of a file, or of an explicit directory.
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
 * Returns all metadata of a file, or of an explicit directory.
 *
 * @param fs           an open handle
 * @param path         the file or directory; not NULL
 * @param object_json  receives a JSON object; free it with nexus_string_free; not NULL
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
 * Deletes one metadata key of a file, or of an explicit directory.
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
 * Finds the files and explicit directories whose metadata key has a given value. An index answers
 * the search, except for the status `completed`, worker_id, times, max_attempts and an empty
 * depends_on: these scan the work keys of all files in the range.
 *
 * @param fs          an open handle
 * @param key         the key, 1 to 255 bytes; not NULL
 * @param value_json  the value, a JSON text; not NULL
 * @param options     where and how much to search; NULL: all paths, no limit
 * @param entries     receives the rows; free them with nexus_entries_free; not NULL
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
 * Returns the id of a file or of an explicit directory: a UUID that never changes, and that
 * renames and overwrites keep.
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
 * Returns the current path of the file or directory with an id.
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
 * Creates a batch: changes that one transaction makes, all or none. A call that fails to add an
 * operation leaves the batch unchanged, and the commit makes the other changes.
 *
 * @param fs     an open handle
 * @param batch  receives the batch; free it with nexus_batch_free; not NULL
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
 * @param data     the bytes, which are copied; may be NULL if `len` is 0
 * @param len      how many
 * @param options  conditions and MIME type; NULL for none
 * @param error    receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; ACCESS_DENIED, READ_ONLY, IS_A_DIRECTORY for the
 *         path; NOT_MOUNTED, NO_SPACE, IO for the bytes; the commit reports all other failures
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
 * @param data     the bytes, which are copied; may be NULL if `len` is 0
 * @param len      how many
 * @param options  conditions and MIME type; NULL for none
 * @param error    receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
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
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
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
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
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
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
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
 * Adds the creation of a directory; see nexus_mkdir.
 *
 * @param batch  an open batch
 * @param path   the directory; not NULL
 * @param flags  0, or NEXUS_MKDIR_PARENTS and NEXUS_MKDIR_EXIST_OK, or-ed
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_mkdir(nexus_batch *batch,
                               const char *path,
                               uint32_t flags,
                               nexus_error **error);

/**
 * Adds a change of one metadata key; see nexus_set_meta.
 *
 * @param batch       an open batch
 * @param path        the file; not NULL
 * @param key         the key, 1 to 255 bytes; not NULL
 * @param value_json  the value, a JSON text; not NULL
 * @param error       receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
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
 * Adds a change of several metadata keys; see nexus_set_meta_many.
 *
 * @param batch        an open batch
 * @param path         the file; not NULL
 * @param object_json  a JSON object; not NULL
 * @param error        receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
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
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_delete_meta(nexus_batch *batch,
                                     const char *path,
                                     const char *key,
                                     nexus_error **error);

/**
 * Adds nexus_work_complete. The batch then stores the files that the worker wrote if and only if
 * it completes the item.
 *
 * @param batch  an open batch
 * @param path         the work item; not NULL
 * @param lease        its lease token
 * @param result_json  the result; NULL: none
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is
 *         possible: LEASE_LOST if the lease token is not valid
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
 * @param error_text      the reason; NULL: ""
 * @param retry_after_ms  delay until it is ready again; 0: min(2^(attempts - 1) s, 1 h)
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is
 *         possible: LEASE_LOST if the lease token is not valid
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
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is
 *         possible: LEASE_LOST if the lease token is not valid
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_release_work(nexus_batch *batch,
                                      const char *path,
                                      uint64_t lease,
                                      nexus_error **error);

/**
 * Adds a condition: at this point of the batch, the file has this etag, or does not exist. The
 * commit returns CONFLICT if the condition is not met.
 *
 * @param batch  an open batch
 * @param path   the file; not NULL
 * @param etag   64 hexadecimal digits; NULL: the file must not exist
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_require_etag(nexus_batch *batch,
                                      const char *path,
                                      const char *etag,
                                      nexus_error **error);

/**
 * Adds a condition: the lease token of a work item is valid. The commit returns LEASE_LOST if it
 * is not.
 *
 * @param batch  an open batch
 * @param path   the work item; not NULL
 * @param lease  its lease token, from 1
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_require_lease(nexus_batch *batch,
                                       const char *path,
                                       uint64_t lease,
                                       nexus_error **error);

/**
 * Makes all changes of a batch in one transaction, in the order of their additions; each operation
 * sees the earlier ones. A failed commit changes nothing, nexus_error_index returns the failed
 * operation, and the caller may retry. After OK, only nexus_batch_free may follow.
 *
 * @param batch    an open batch
 * @param results  receives one row for each operation, in order: the entry it left, or
 *                 NEXUS_KIND_NONE; free them with nexus_entries_free; may be NULL
 * @param error    receives what went wrong; may be NULL
 * @return OK; what the single calls return; BUSY, NO_SPACE, IO; MISUSE for a committed batch
 *
 * Threads: one at a time for one batch: a second call at once is MISUSE.
 * @since 0.1.0
 */
nexus_status nexus_batch_commit(nexus_batch *batch,
                                nexus_entries **results,
                                nexus_error **error);

/**
 * Frees a batch. Uncommitted changes are discarded.
 *
 * @param batch  the batch; NULL and one that was freed are ignored
 *
 * Threads: any, but not while another call uses the batch.
 * @since 0.1.0
 */
void nexus_batch_free(nexus_batch *batch);

/* Work items -------------------------------------------------------------------------------- */

/**
 * Returns the work items that can be claimed: status ready, no open dependency, and `not_before`
 * reached. Ordered by priority, lower first, then by creation.
 *
 * @param fs     an open handle
 * @param limit  most rows to return; 0: none
 * @param items  receives the rows; free them with nexus_work_list_free; not NULL
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
 * Returns the work items with status pending and no open dependency. Ordered by priority, then by
 * creation.
 *
 * @param fs     an open handle
 * @param limit  most rows to return; 0: none
 * @param items  receives the rows; free them with nexus_work_list_free; not NULL
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
 * Returns the blocked work items: those with status ready, pending or blocked and an open
 * dependency, and those that were set to blocked. Ordered by the number of open dependencies, most
 * first, then by priority and creation.
 *
 * @param fs     an open handle
 * @param limit  most rows to return; 0: none
 * @param items  receives the rows; free them with nexus_work_list_free; not NULL
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
 * Returns the work items with status in_progress, those started last first.
 *
 * @param fs     an open handle
 * @param limit  most rows to return; 0: none
 * @param items  receives the rows; free them with nexus_work_list_free; not NULL
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
 * Returns the work items of every status. Ordered by priority, then by creation.
 *
 * @param fs     an open handle
 * @param limit  most rows to return; 0: none
 * @param items  receives the rows; free them with nexus_work_list_free; not NULL
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
 * Explains what a work item waits for. For a file that is not a work item, `status` is null and
 * `claimable` is false.
 *
 * @param fs     an open handle
 * @param path   the work item; not NULL
 * @param json   receives a JSON object; free it with nexus_string_free; not NULL
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
 * Counts work items. The counts of `by_status` add up to their number. The `views` (ready,
 * delayed, blocked, pending, in_progress) are disjoint.
 *
 * @param fs      an open handle
 * @param prefix  count only items whose paths begin with these bytes; NULL: all items
 * @param json    receives a JSON object; free it with nexus_string_free; not NULL
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
 * Claims the first ready work items that the handle may change, ordered by priority, lower first,
 * then by creation. Only one worker gets an item, even if other threads and processes claim at the
 * same time. The claim sets the status to in_progress, counts an attempt and starts a lease. The
 * worker needs the lease token (`lease` in the row) to finish the item. An item whose lease has
 * expired is ready again; that attempt has failed.
 *
 * @param fs         an open handle
 * @param worker_id  who claims: 1 to 255 bytes; not NULL
 * @param options    prefix, number of items and duration of the lease; NULL: one item, for 30 s
 * @param items      receives the rows, none if no item can be claimed; free them with
 *                   nexus_work_list_free; not NULL
 * @param error      receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT for an option out of range, INVALID_PATH, BUSY, NO_SPACE, IO
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
 * Extends the lease of a work item: it expires `lease_ms` from now.
 *
 * @param fs        an open handle
 * @param path      the work item; not NULL
 * @param lease     its lease token
 * @param lease_ms  milliseconds, 1 to 366 days
 * @param error  receives what went wrong; may be NULL
 * @return OK; LEASE_LOST if the token is not the newest of the item, the lease has expired, or the
 *         item does not exist any more; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, READ_ONLY,
 *         BUSY, NO_SPACE, IO
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
 * Completes a work item and ends its lease. The same transaction makes the items ready that depend
 * on nothing else. Use nexus_batch_complete_work to store files in that transaction, too.
 *
 * @param fs           an open handle
 * @param path         the work item; not NULL
 * @param lease        its lease token
 * @param result_json  the result, stored as its metadata key `result`; NULL: none
 * @param error  receives what went wrong; may be NULL
 * @return OK; LEASE_LOST if the token is not the newest of the item, the lease has expired, or the
 *         item does not exist any more; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, READ_ONLY,
 *         BUSY, NO_SPACE, IO
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
 * Ends an attempt at a work item as failed, and ends its lease. The item is ready again after a
 * delay. If it has used up its `max_attempts`, its status becomes failed.
 *
 * @param fs              an open handle
 * @param path            the work item; not NULL
 * @param lease           its lease token
 * @param error_text      the reason, stored as its metadata key `last_error`: at most 64 KiB;
 *                        NULL: ""
 * @param retry_after_ms  delay until it is ready again, at most 366 days; 0: min(2^(attempts - 1)
 *                        s, 1 h)
 * @param error  receives what went wrong; may be NULL
 * @return OK; LEASE_LOST if the token is not the newest of the item, the lease has expired, or the
 *         item does not exist any more; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, READ_ONLY,
 *         BUSY, NO_SPACE, IO
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
 * Releases a work item as if it had not been claimed: it is ready again, and the attempt does not
 * count. It can be claimed at once, unless its `not_before` was set to a later time meanwhile.
 *
 * @param fs     an open handle
 * @param path   the work item; not NULL
 * @param lease  its lease token
 * @param error  receives what went wrong; may be NULL
 * @return OK; LEASE_LOST if the token is not the newest of the item, the lease has expired, or the
 *         item does not exist any more; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, READ_ONLY,
 *         BUSY, NO_SPACE, IO
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
nexus_status nexus_work_release(nexus_fs *fs,
                                const char *path,
                                uint64_t lease,
                                nexus_error **error);

/**
 * Waits until an item may be claimable for this handle: because any process has changed the store,
 * a `not_before` has been reached, or a lease has expired. Another worker may claim the item
 * first, so alternate between claims and waits. Returns at once if an item is claimable already.
 * The wait uses almost no CPU.
 *
 * @param fs          an open handle
 * @param prefix      wait only for items whose paths begin with these bytes; NULL: all items
 * @param timeout_ms  how long to wait, in milliseconds; 0: do not wait; negative: no timeout
 * @param available   receives 1 if an item may be claimable, 0 at the timeout; not NULL
 * @param error       receives what went wrong; may be NULL
 * @return OK, also at the timeout; CANCELLED by nexus_interrupt or nexus_close; INVALID_PATH, IO
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
 * Returns the number of rows of a list.
 *
 * @param list  an open list
 * @return the number of rows; 0 if `list` is NULL or freed
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
 * @return the row, valid until the list is freed; NULL if `index` is out of range or `list` is
 *         NULL or freed
 *
 * Threads: any, at once.
 * @since 0.1.0
 */
const nexus_work_item *nexus_work_list_at(const nexus_work_list *list,
                                                 size_t index);

/**
 * Returns a whole list as JSON: an array of objects with the members of nexus_work_item, except
 * struct_size and has_priority. Times are RFC 3339 in UTC, `lease_expired` is true or false, and
 * missing values are null.
 *
 * @param list   an open list
 * @param json   receives the text; free it with nexus_string_free; not NULL
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
 * Writes the metadata of files as JSON lines, sorted by path: path, backend_name, physical_path,
 * size, etag, mime_type, created_at, modified_at, version, path_id, custom_metadata. The call
 * creates or replaces the file atomically.
 *
 * @param fs        an open handle
 * @param file      a file of the host, which is replaced; not NULL
 * @param options   what to export; NULL: all that the handle may read
 * @param progress  receives the progress, and may cancel the call; may be NULL
 * @param user      passed to `progress`
 * @param count     receives the number of lines; may be NULL
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
 * Imports a file that nexus_export_metadata wrote, in one transaction: one rejected line, and the
 * import changes nothing. The contents must be in the store, and this handle must be able to read
 * them. Numbers and times have the bounds of the calls that write them: attempts 0 to 2^53 - 1,
 * version 1 to 2^53, years 0 to 9999. The import rejects a line that would replace a work item
 * under a live lease, unless the line makes the item cancelled. It keeps the lines on the disk, in
 * tmp/ of the store, until it ends.
 *
 * @param fs        an open handle
 * @param file      a regular file of the host; not NULL
 * @param options   how to import; NULL for the defaults
 * @param progress  receives the progress, and may cancel the call; may be NULL
 * @param user      passed to `progress`
 * @param report    receives a JSON object: created, updated, skipped, remapped, collisions, each
 *                  with path, existing_etag, imported_etag, resolution and message; renamed_keys,
 *                  each with path, key and renamed_to; lost_dependencies, each with path and
 *                  depends_on: ids of items that do not exist; missing, each with path and etag:
 *                  lines that were omitted, and that count as skipped. The last three lists have
 *                  up to 64 MiB together; unlisted counts the rows beyond that. Free it with
 *                  nexus_string_free; may be NULL
 * @param error     receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT for lines that cannot be parsed, and for more than the options
 *         allow; the status of the first line that cannot be imported: INVALID_PATH,
 *         ACCESS_DENIED, READ_ONLY, NOT_FOUND, IS_A_DIRECTORY, NOT_A_DIRECTORY, CYCLE, CONFLICT;
 *         BUSY, NO_SPACE, IO, CANCELLED
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
 * Writes files with their metadata and contents, and the explicit directories, into one file, a
 * bundle. A bundle moves a store, or a part of it. The call creates or replaces the file
 * atomically. Exports of an unchanged store have the same bytes.
 *
 * @param fs        an open handle
 * @param file      a file of the host, which is replaced; not NULL
 * @param options   what to export; NULL: all that the handle may read
 * @param progress  receives the progress, and may cancel the call; may be NULL
 * @param user      passed to `progress`
 * @param report    receives a JSON object: files, directories, contents, content_bytes, sha256;
 *                  free it with nexus_string_free; may be NULL
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
 * Imports a bundle that nexus_bundle_export wrote, in one transaction. The call reads the bundle
 * to its end, and checks every content against its hash, before any of it becomes visible. The
 * header of a bundle declares its sizes: the call rejects a bundle beyond the bounds of the
 * options before it unpacks it.
 *
 * @param fs        an open handle
 * @param file      a regular file of the host; not NULL
 * @param options   how to import; NULL for the defaults
 * @param progress  receives the progress, and may cancel the call; may be NULL
 * @param user      passed to `progress`
 * @param report    receives a JSON object as from nexus_import_metadata, with the number of
 *                  directories created; free it with nexus_string_free; may be NULL
 * @param error     receives what went wrong; may be NULL
 * @return OK; CORRUPT for a bundle that was changed or truncated, or that has more than its header
 *         declares; UNSUPPORTED for a newer format; INVALID_ARGUMENT for a file that is no bundle;
 *         what nexus_import_metadata returns for rejected lines
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
 * Copies the store to a directory while other processes use the store. The copy has every commit
 * acknowledged before the call. It is a complete store, which opens as a `data_dir`. The call
 * copies the contents of mounts to `mounts/NAME` in it. If the directory has an earlier copy of
 * this store, the call updates it: it reads the contents that the copy has, and copies damaged
 * ones again. The directory holds the earlier copy until the call ends. A call that ends early
 * leaves contents in the directory, and the next call reuses them. Requires an admin's handle, or
 * one without tenant and agent.
 *
 * @param fs          an open handle, with every mount that has contents
 * @param target_dir  a directory of the host: missing, empty, or with an earlier copy; not NULL
 * @param progress    receives the progress, and may cancel the call; may be NULL
 * @param user        passed to `progress`
 * @param report      receives a JSON object: files, copied_contents, copied_bytes,
 *                    unchanged_contents, removed_contents; damaged, the contents that were not
 *                    copied because they are damaged in the store (the first 1,000), each with
 *                    path, hash and message; damaged_count; mounts, each with name and directory;
 *                    free it with nexus_string_free; may be NULL
 * @param error       receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT for any other directory, CONFLICT for an earlier copy that is in
 *         use as a store, ACCESS_DENIED, NOT_MOUNTED, BUSY, NO_SPACE, IO, CANCELLED
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
 * Removes contents without references, and the remains of interrupted writes. If the call ends
 * early, contents removed so far stay removed. It truncates a WAL that grew during a long read. It
 * works on a full disk, as nexus_delete and nexus_rmdir do. It holds no lock for long. Requires an
 * admin's handle, or one without tenant and agent.
 *
 * @param fs        an open handle
 * @param progress  receives the progress, and may cancel the call; may be NULL
 * @param user      passed to `progress`
 * @param report    receives a JSON object; free it with nexus_string_free; may be NULL
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
 * Checks the store while other processes use it. It compares rows with each other, checks the
 * indexes (which give the reference counts) and the edges of work items, and checks that every
 * content exists with the right size. With NEXUS_VERIFY_CONTENT it also reads and hashes every
 * content. It holds no lock for long. The report lists the errors found, and the call still
 * returns OK. Requires an admin's handle, or one without tenant and agent.
 *
 * With NEXUS_VERIFY_REPAIR, `progress` receives each step ("repair: ...") before the first one
 * runs, and may cancel then. Earlier repairs stay.
 *
 * @param fs        an open handle
 * @param flags     bitwise OR of NEXUS_VERIFY_CONTENT and NEXUS_VERIFY_REPAIR, or 0
 * @param progress  receives the progress, and may cancel the call; may be NULL
 * @param user      passed to `progress`
 * @param report    receives a JSON object: error_count; errors (the first 1,000), each with kind,
 *                  message and, if they apply, path and hash; reclaimable, what nexus_gc would
 *                  remove: orphan_files, temporary_files, doomed_files (contents pending
 *                  deletion), bytes; checked, the numbers of objects checked; not_checked,
 *                  backends that this handle does not mount. With NEXUS_VERIFY_REPAIR also
 *                  repaired (steps) and repaired_count; lost, the removed files, each with path,
 *                  etag, size, backend, metadata, reason and quarantined (the location of its
 *                  bytes), lost_count and lost_list (a file that lists all of them); failed_steps,
 *                  which damage prevented, each with step and message; remaining and
 *                  remaining_count, the errors that are left. Free it with nexus_string_free; may
 *                  be NULL
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
 * Finds files with the same content, among those that this handle may read.
 *
 * @param fs        an open handle
 * @param prefix    search count only items whose paths begin with these bytes; NULL: all items
 *                  paths
 * @param progress  receives the progress, and may cancel the call; may be NULL
 * @param user      passed to `progress`
 * @param json      receives a JSON object: groups, the first 1,000 by wasted_bytes, each with
 *                  etag, size, count, wasted_bytes and the first 100 paths; group_count,
 *                  duplicate_files and wasted_bytes of all groups; free it with nexus_string_free;
 *                  not NULL
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
 * Measures the files that this handle may read: logical and physical bytes, files, distinct
 * contents and savings, for each tenant.
 *
 * @param fs     an open handle
 * @param json   receives a JSON object; free it with nexus_string_free; not NULL
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
 * Returns the `size` of a content and its `ref_count`: the number of files with this content that
 * this handle may read.
 *
 * @param fs     an open handle
 * @param etag   64 hexadecimal digits; not NULL
 * @param json   receives a JSON object; free it with nexus_string_free; not NULL
 * @param error  receives what went wrong; may be NULL
 * @return OK; INVALID_ARGUMENT, NOT_FOUND if the handle may read no file with it, IO
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
