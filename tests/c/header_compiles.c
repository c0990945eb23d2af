/*
 * What a host may take for granted of the header alone. Compiled as C and as C++ by
 * scripts/check-header, never run.
 */
#include "nexus.h"
#include "nexus.h" /* guarded */

#ifdef __cplusplus
/* The C++ wrapper's namespace must not collide with a name of the header. */
namespace nexus {
class store {};
}
#endif

/* Each initialiser makes a whole struct and says its size. */
static const nexus_write_options write_options = NEXUS_WRITE_OPTIONS_INIT;
static const nexus_list_options list_options = NEXUS_LIST_OPTIONS_INIT;
static const nexus_find_options find_options = NEXUS_FIND_OPTIONS_INIT;
static const nexus_grep_options grep_options = NEXUS_GREP_OPTIONS_INIT;
static const nexus_export_options export_options = NEXUS_EXPORT_OPTIONS_INIT;
static const nexus_import_options import_options = NEXUS_IMPORT_OPTIONS_INIT;

/* The layout is a promise: a struct may grow, but these sizes are those of version 0.1.0. */
typedef char write_options_size[sizeof(nexus_write_options) == 40 ? 1 : -1];
typedef char list_options_size[sizeof(nexus_list_options) == 48 ? 1 : -1];
typedef char find_options_size[sizeof(nexus_find_options) == 32 ? 1 : -1];
typedef char grep_options_size[sizeof(nexus_grep_options) == 48 ? 1 : -1];
typedef char export_options_size[sizeof(nexus_export_options) == 32 ? 1 : -1];
typedef char import_options_size[sizeof(nexus_import_options) == 48 ? 1 : -1];
typedef char entry_size[sizeof(nexus_entry) == 80 ? 1 : -1];
typedef char match_size[sizeof(nexus_match) == 48 ? 1 : -1];
typedef char work_item_size[sizeof(nexus_work_item) == 176 ? 1 : -1];
typedef char status_size[sizeof(nexus_status) == 4 ? 1 : -1];

/* Statuses are constants, and their values are fixed. */
typedef char first_status[NEXUS_STATUS_OK == 0 ? 1 : -1];
typedef char last_status[NEXUS_STATUS_PANIC == 24 ? 1 : -1];

static int32_t stop(void *user, uint64_t done, uint64_t total, const char *what) {
    (void)user;
    (void)what;
    return done < total;
}

nexus_status use(nexus_fs *fs);

nexus_status use(nexus_fs *fs) {
    nexus_progress_fn progress = stop;
    nexus_entries *list = NULL;
    nexus_error *error = NULL;
    nexus_status status = nexus_list(fs, &list_options, &list, &error);
    size_t i;
    for (i = 0; i < nexus_entries_len(list); i++) {
        const nexus_entry *row = nexus_entries_at(list, i);
        status = nexus_write_with(fs, row->path, "", 0, &write_options, NULL, NULL);
    }
    nexus_entries_free(list);
    nexus_error_free(error);
    if (find_options.struct_size + grep_options.struct_size == 0) {
        (void)nexus_export_metadata(fs, "f", &export_options, progress, NULL, NULL, NULL);
        (void)nexus_import_metadata(fs, "f", &import_options, progress, NULL, NULL, NULL);
    }
    return status;
}
