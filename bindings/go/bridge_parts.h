/* What the files of the bridge share. */
#ifndef NEXUS_GO_BRIDGE_PARTS_H
#define NEXUS_GO_BRIDGE_PARTS_H

#include "bridge.h"

#include <string.h>

static inline uint32_t length(const char *text)
{
    return text != NULL ? (uint32_t)strlen(text) : 0;
}

static inline void measure(bridge_entry *row, const nexus_entry *entry)
{
    row->entry = entry;
    row->path = length(entry->path);
    row->etag = length(entry->etag);
    row->mime_type = length(entry->mime_type);
    row->path_id = length(entry->path_id);
    row->backend_name = length(entry->backend_name);
}

static inline nexus_write_options write_options(int32_t if_none_match, const char *if_match, const char *lease_path,
                                                uint64_t lease, const char *mime_type)
{
    nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
    options.if_none_match = if_none_match;
    options.if_match = if_match;
    options.mime_type = mime_type;
    options.lease_path = lease_path;
    options.lease = lease;
    return options;
}

#endif
