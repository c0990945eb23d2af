/* Files and streams. */
#include "bridge_parts.h"

bridge_outcome bridge_write(nexus_fs *fs, const char *path, const unsigned char *data, size_t len)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_write(fs, path, data, len, &outcome.error);
    return outcome;
}

bridge_one_entry bridge_write_with(nexus_fs *fs, const char *path, const unsigned char *data, size_t len, int32_t if_none_match,
                                   const char *if_match, const char *lease_path, uint64_t lease,
                                   const char *mime_type)
{
    nexus_write_options options = write_options(if_none_match, if_match, lease_path, lease, mime_type);
    bridge_one_entry result;
    nexus_entry *entry = NULL;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_write_with(fs, path, data, len, &options, &entry, &result.outcome.error);
    if (entry != NULL)
        measure(&result.row, entry);
    return result;
}

bridge_outcome bridge_append(nexus_fs *fs, const char *path, const unsigned char *data, size_t len)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_append(fs, path, data, len, &outcome.error);
    return outcome;
}

bridge_one_entry bridge_append_with(nexus_fs *fs, const char *path, const unsigned char *data, size_t len,
                                    int32_t if_none_match, const char *if_match, const char *lease_path,
                                    uint64_t lease, const char *mime_type)
{
    nexus_write_options options = write_options(if_none_match, if_match, lease_path, lease, mime_type);
    bridge_one_entry result;
    nexus_entry *entry = NULL;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_append_with(fs, path, data, len, &options, &entry, &result.outcome.error);
    if (entry != NULL)
        measure(&result.row, entry);
    return result;
}

bridge_buffer bridge_read(nexus_fs *fs, const char *path)
{
    bridge_buffer result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_read(fs, path, &result.buffer, &result.outcome.error);
    result.data = nexus_buffer_data(result.buffer);
    result.len = nexus_buffer_len(result.buffer);
    return result;
}

bridge_number bridge_read_at(nexus_fs *fs, const char *path, uint64_t offset, unsigned char *buf, size_t cap)
{
    bridge_number result;
    size_t got = 0;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_read_at(fs, path, offset, buf, cap, &got, &result.outcome.error);
    result.number = got;
    return result;
}

bridge_one_entry bridge_stat(nexus_fs *fs, const char *path)
{
    bridge_one_entry result;
    nexus_entry *entry = NULL;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_stat(fs, path, &entry, &result.outcome.error);
    if (entry != NULL)
        measure(&result.row, entry);
    return result;
}

bridge_number bridge_exists(nexus_fs *fs, const char *path)
{
    bridge_number result;
    int32_t exists = 0;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_exists(fs, path, &exists, &result.outcome.error);
    result.number = (uint64_t)exists;
    return result;
}

bridge_number bridge_is_directory(nexus_fs *fs, const char *path)
{
    bridge_number result;
    int32_t is_directory = 0;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_is_directory(fs, path, &is_directory, &result.outcome.error);
    result.number = (uint64_t)is_directory;
    return result;
}

bridge_outcome bridge_delete(nexus_fs *fs, const char *path)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_delete(fs, path, &outcome.error);
    return outcome;
}

bridge_outcome bridge_delete_with(nexus_fs *fs, const char *path, int32_t if_none_match, const char *if_match,
                                  const char *lease_path, uint64_t lease, const char *mime_type)
{
    nexus_write_options options = write_options(if_none_match, if_match, lease_path, lease, mime_type);
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_delete_with(fs, path, &options, &outcome.error);
    return outcome;
}

bridge_outcome bridge_rename(nexus_fs *fs, const char *from, const char *to)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_rename(fs, from, to, &outcome.error);
    return outcome;
}

bridge_outcome bridge_rename_with(nexus_fs *fs, const char *from, const char *to, uint32_t flags,
                                  int32_t if_none_match, const char *if_match, const char *lease_path,
                                  uint64_t lease, const char *mime_type)
{
    nexus_write_options options = write_options(if_none_match, if_match, lease_path, lease, mime_type);
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_rename_with(fs, from, to, flags, &options, &outcome.error);
    return outcome;
}

bridge_outcome bridge_copy(nexus_fs *fs, const char *from, const char *to)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_copy(fs, from, to, &outcome.error);
    return outcome;
}

bridge_outcome bridge_copy_with(nexus_fs *fs, const char *from, const char *to, uint32_t flags, int32_t if_none_match,
                                const char *if_match, const char *lease_path, uint64_t lease,
                                const char *mime_type)
{
    nexus_write_options options = write_options(if_none_match, if_match, lease_path, lease, mime_type);
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_copy_with(fs, from, to, flags, &options, &outcome.error);
    return outcome;
}

bridge_outcome bridge_mkdir(nexus_fs *fs, const char *path, uint32_t flags)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_mkdir(fs, path, flags, &outcome.error);
    return outcome;
}

bridge_outcome bridge_rmdir(nexus_fs *fs, const char *path, int32_t recursive)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_rmdir(fs, path, recursive, &outcome.error);
    return outcome;
}

bridge_reader bridge_reader_open(nexus_fs *fs, const char *path)
{
    bridge_reader result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_reader_open(fs, path, &result.reader, &result.outcome.error);
    if (result.reader != NULL)
        result.outcome.status = nexus_reader_size(result.reader, &result.size, &result.outcome.error);
    return result;
}

bridge_number bridge_reader_read(nexus_reader *reader, unsigned char *buf, size_t cap)
{
    bridge_number result;
    size_t got = 0;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_reader_read(reader, buf, cap, &got, &result.outcome.error);
    result.number = got;
    return result;
}

bridge_outcome bridge_reader_seek(nexus_reader *reader, uint64_t offset)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_reader_seek(reader, offset, &outcome.error);
    return outcome;
}

bridge_outcome bridge_reader_close(nexus_reader *reader)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_reader_close(reader, &outcome.error);
    return outcome;
}

bridge_writer bridge_writer_open(nexus_fs *fs, const char *path, int32_t if_none_match, const char *if_match,
                                 const char *lease_path, uint64_t lease, const char *mime_type)
{
    nexus_write_options options = write_options(if_none_match, if_match, lease_path, lease, mime_type);
    bridge_writer result;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_writer_open(fs, path, &options, &result.writer, &result.outcome.error);
    return result;
}

bridge_outcome bridge_writer_write(nexus_writer *writer, const unsigned char *data, size_t len)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_writer_write(writer, data, len, &outcome.error);
    return outcome;
}

bridge_one_entry bridge_writer_commit(nexus_writer *writer)
{
    bridge_one_entry result;
    nexus_entry *entry = NULL;
    memset(&result, 0, sizeof result);
    result.outcome.status = nexus_writer_commit(writer, &entry, &result.outcome.error);
    if (entry != NULL)
        measure(&result.row, entry);
    return result;
}

bridge_outcome bridge_writer_abort(nexus_writer *writer)
{
    bridge_outcome outcome = {NULL, NEXUS_STATUS_OK};
    outcome.status = nexus_writer_abort(writer, &outcome.error);
    return outcome;
}
