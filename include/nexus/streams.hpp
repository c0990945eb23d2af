/* Files read and written piece by piece. */
#ifndef NEXUS_STREAMS_HPP
#define NEXUS_STREAMS_HPP

#include "options.hpp"
#include "rows.hpp"

namespace nexus {
inline namespace NEXUS_HPP_NAMESPACE {

/** A file being read piece by piece. */
class reader : public detail::owner<nexus_reader, detail::close_reader> {
public:
    using owner::owner;

    /** Size of the content, in bytes. */
    result<std::uint64_t> try_size() const
    {
        std::uint64_t size = 0;
        return detail::give<std::uint64_t>(
            detail::call([&](nexus_error **error) { return nexus_reader_size(get(), &size, error); }), size);
    }
    /** Reads the next bytes; returns their number, 0 at the end. */
    result<std::size_t> try_read(bytes_out room)
    {
        std::size_t count = 0;
        return detail::give<std::size_t>(detail::call([&](nexus_error **error) {
            return nexus_reader_read(get(), room.data(), room.size(), &count, error);
        }), count);
    }
    /** Sets the position to `offset` bytes from the beginning. */
    result<void> try_seek(std::uint64_t offset)
    {
        return detail::give(
            detail::call([&](nexus_error **error) { return nexus_reader_seek(get(), offset, error); }));
    }
    /** Closes it, as the destructor does. */
    result<void> try_close() { return end_by(nexus_reader_close); }
#if NEXUS_HPP_EXCEPTIONS
    std::uint64_t size() const { return try_size().value(); }
    std::size_t read(bytes_out room) { return try_read(room).value(); }
    void seek(std::uint64_t offset) { try_seek(offset).value(); }
    void close() { try_close().value(); }
#endif
};

/** A file being written piece by piece. One that is not committed is aborted by its destructor. */
class writer : public detail::owner<nexus_writer, detail::abort_writer> {
public:
    using owner::owner;

    result<void> try_write(const bytes_in &data)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_writer_write(get(), data.data(), data.size(), error);
        }));
    }
    /** Makes the written bytes the content of the file. */
    result<entry> try_commit()
    {
        nexus_entry *made = nullptr;
        failure why = detail::call([&](nexus_error **error) { return nexus_writer_commit(get(), &made, error); });
        if (!why)
            (void)release();
        return detail::give<entry>(std::move(why), made);
    }
    /** Discards the written bytes. */
    result<void> try_abort() { return end_by(nexus_writer_abort); }
#if NEXUS_HPP_EXCEPTIONS
    void write(const bytes_in &data) { try_write(data).value(); }
    entry commit() { return try_commit().value(); }
    void abort() { try_abort().value(); }
#endif
};

} // inline namespace
} // namespace nexus

#endif
