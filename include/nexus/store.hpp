/* An open store. */
#ifndef NEXUS_STORE_HPP
#define NEXUS_STORE_HPP

#include "batch.hpp"
#include "streams.hpp"

#include <chrono>
#include <initializer_list>
#include <string>
#include <vector>

namespace nexus {
inline namespace NEXUS_HPP_NAMESPACE {

namespace detail {

inline result<entries> list(nexus_fs *fs, const list_options &options)
{
    const c_list_options c(options);
    nexus_entries *rows = nullptr;
    return give<entries>(call([&](nexus_error **error) { return nexus_list(fs, &c.options, &rows, error); }, c), rows);
}
inline result<entries> glob(nexus_fs *fs, const text_in &pattern, const find_options &options)
{
    const c_find_options c(options);
    nexus_entries *rows = nullptr;
    return give<entries>(call([&](nexus_error **error) {
        return nexus_glob(fs, pattern.c_str(), &c.options, &rows, error);
    }, pattern, c), rows);
}
inline result<entries> find_by_meta(nexus_fs *fs, const text_in &key, const text_in &value_json,
                                    const find_options &options)
{
    const c_find_options c(options);
    nexus_entries *rows = nullptr;
    return give<entries>(call([&](nexus_error **error) {
        return nexus_find_by_meta(fs, key.c_str(), value_json.c_str(), &c.options, &rows, error);
    }, key, value_json, c), rows);
}

} // namespace detail

/**
 * The entries of a listing, a glob or a search; a range-for fetches them page by page:
 *
 *     for (nexus::entry_view file : fs.each({"/reports"})) …
 *
 * A view is valid until the next iteration. A page that cannot be fetched throws. If the range came
 * from try_each, or exceptions are off, it ends the loop, and failed() returns why. The range can
 * be iterated once. The store may be moved meanwhile; after it is closed, the next page fails
 * (MISUSE).
 */
class listing {
public:
    struct sentinel {};
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = entry_view;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = entry_view;

        explicit iterator(listing &range) noexcept : range_(&range) {}
        entry_view operator*() const noexcept { return range_->page_[range_->at_]; }
        iterator &operator++()
        {
            range_->advance();
            return *this;
        }
        void operator++(int) { range_->advance(); }
        friend bool operator==(const iterator &i, sentinel) noexcept { return i.at_end(); }
        friend bool operator!=(const iterator &i, sentinel) noexcept { return !i.at_end(); }

    private:
        bool at_end() const noexcept { return range_->ended(); }
        listing *range_;
    };

    iterator begin()
    {
        fetch();
        return iterator(*this);
    }
    sentinel end() const noexcept { return {}; }
    /** Why the iteration ended early, if it did. */
    const failure &failed() const noexcept { return failed_; }

private:
    friend class store;
    enum class source { list, glob, meta };

    listing(nexus_fs *fs, source from, bool throws) noexcept : fs_(fs), from_(from), throws_(throws) {}
    bool ended() const noexcept { return at_ >= page_.size(); }
    void fetch()
    {
        result<entries> next = page();
        at_ = 0;
        if (next) {
            page_ = std::move(*next);
            if (page_.empty() && !cursor().empty())
                fetch();
            return;
        }
        page_ = entries();
        if (throws_)
            detail::raise(next.error());
        failed_ = std::move(next).error();
    }
    result<entries> page() const
    {
        /* A page of a thousand rows is a few hundred KiB, and makes the cost of a call small. */
        const std::uint64_t limit = page_size_ != 0 ? page_size_ : 1000;
        switch (from_) {
        case source::list:
            return detail::list(fs_,
                                {given(base_), given(first_), recursive_, include_directories_, limit, cursor()});
        case source::glob:
            return detail::glob(fs_, given(first_), {given(base_), limit, cursor()});
        case source::meta:
            break;
        }
        return detail::find_by_meta(fs_, given(first_), given(second_), {given(base_), limit, cursor()});
    }
    void advance()
    {
        if (++at_ >= page_.size() && !cursor().empty())
            fetch();
    }
    std::string_view cursor() const noexcept { return page_ ? page_.cursor() : given(start_); }
    static std::string_view given(const std::optional<std::string> &text) noexcept
    {
        return text ? std::string_view(*text) : std::string_view();
    }
    static std::optional<std::string> kept(std::string_view text)
    {
        return text.data() != nullptr ? std::optional<std::string>(text) : std::nullopt;
    }

    nexus_fs *fs_; /* not the store: that may be moved or end while this one is walked */
    source from_;
    bool throws_;
    bool recursive_ = true;
    bool include_directories_ = false;
    std::uint64_t page_size_ = 0;
    std::optional<std::string> base_;   /* the directory */
    std::optional<std::string> first_;  /* prefix, pattern or key */
    std::optional<std::string> second_; /* value */
    std::optional<std::string> start_;  /* the cursor to begin at */
    entries page_;
    std::size_t at_ = 0;
    failure failed_;
};

/** A handle: an open store with the identity that uses it. The destructor closes it. */
class store : public detail::owner<nexus_fs, detail::close_store> {
public:
    using owner::owner;

    /** Opens the store of `config`, a JSON object; without it, searches for a configuration file. */
    static result<store> try_connect(const text_in &config = nullptr)
    {
        nexus_fs *fs = nullptr;
        return detail::give<store>(detail::call(
            [&](nexus_error **error) { return nexus_connect(config.c_str(), &fs, error); }, config), fs);
    }
    /** Opens a store with the configuration of a YAML file of the host. */
    static result<store> try_connect_file(const text_in &yaml_path)
    {
        nexus_fs *fs = nullptr;
        return detail::give<store>(detail::call(
            [&](nexus_error **error) { return nexus_connect_file(yaml_path.c_str(), &fs, error); }, yaml_path), fs);
    }
    /** Derives a handle with a narrower identity; null keeps the tenant or agent of this one. */
    result<store> try_with_identity(const text_in &tenant, const text_in &agent = nullptr) const
    {
        nexus_fs *narrow = nullptr;
        return detail::give<store>(detail::call([&](nexus_error **error) {
            return nexus_with_identity(get(), tenant.c_str(), agent.c_str(), &narrow, error);
        }, tenant, agent), narrow);
    }
    /**
     * Derives a handle with the same identity, including an admin's. Interrupts of one do not
     * affect the other. It may outlive this one.
     */
    result<store> try_clone() const
    {
        nexus_fs *clone = nullptr;
        return detail::give<store>(
            detail::call([&](nexus_error **error) { return nexus_clone(get(), &clone, error); }), clone);
    }
    /** The effective configuration, as JSON. */
    result<string> try_config() const
    {
        return text([&](char **json, nexus_error **error) { return nexus_config(get(), json, error); });
    }
    /** Interrupts the calls in flight on this handle: they return CANCELLED. */
    result<void> try_interrupt() const
    {
        return detail::give(detail::call([&](nexus_error **error) { return nexus_interrupt(get(), error); }));
    }
    /** Closes it, as the destructor does. */
    result<void> try_close() { return end_by(nexus_close); }

    /* Files */

    result<void> try_write(const path_in &path, const bytes_in &data) const
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_write(get(), path.c_str(), data.data(), data.size(), error);
        }, path));
    }
    result<entry> try_write(const path_in &path, const bytes_in &data, const write_options &options) const
    {
        const detail::c_write_options c(options);
        nexus_entry *made = nullptr;
        return detail::give<entry>(detail::call([&](nexus_error **error) {
            return nexus_write_with(get(), path.c_str(), data.data(), data.size(), &c.options, &made, error);
        }, path, c), made);
    }
    result<void> try_append(const path_in &path, const bytes_in &data) const
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_append(get(), path.c_str(), data.data(), data.size(), error);
        }, path));
    }
    result<entry> try_append(const path_in &path, const bytes_in &data, const write_options &options) const
    {
        const detail::c_write_options c(options);
        nexus_entry *made = nullptr;
        return detail::give<entry>(detail::call([&](nexus_error **error) {
            return nexus_append_with(get(), path.c_str(), data.data(), data.size(), &c.options, &made, error);
        }, path, c), made);
    }
    /** Reads a whole file. */
    result<buffer> try_read(const path_in &path) const
    {
        nexus_buffer *content = nullptr;
        return detail::give<buffer>(detail::call(
            [&](nexus_error **error) { return nexus_read(get(), path.c_str(), &content, error); }, path), content);
    }
    /** Reads a part of a file; returns the number of bytes, fewer than requested only at the end of the file. */
    result<std::size_t> try_read_at(const path_in &path, std::uint64_t offset, bytes_out room) const
    {
        std::size_t count = 0;
        return detail::give<std::size_t>(detail::call([&](nexus_error **error) {
            return nexus_read_at(get(), path.c_str(), offset, room.data(), room.size(), &count, error);
        }, path), count);
    }
    result<entry> try_stat(const path_in &path) const
    {
        nexus_entry *found = nullptr;
        return detail::give<entry>(detail::call(
            [&](nexus_error **error) { return nexus_stat(get(), path.c_str(), &found, error); }, path), found);
    }
    /** Whether a file or directory exists. */
    result<bool> try_exists(const path_in &path) const
    {
        std::int32_t exists = 0;
        failure why = detail::call(
            [&](nexus_error **error) { return nexus_exists(get(), path.c_str(), &exists, error); }, path);
        const bool there = exists != 0;
        return detail::give<bool>(std::move(why), there);
    }
    result<bool> try_is_directory(const path_in &path) const
    {
        std::int32_t directory = 0;
        failure why = detail::call(
            [&](nexus_error **error) { return nexus_is_directory(get(), path.c_str(), &directory, error); }, path);
        const bool there = directory != 0;
        return detail::give<bool>(std::move(why), there);
    }
    /** Deletes a file (nexus_delete). */
    result<void> try_remove(const path_in &path) const
    {
        return detail::give(detail::call(
            [&](nexus_error **error) { return nexus_delete(get(), path.c_str(), error); }, path));
    }
    result<void> try_remove(const path_in &path, const write_options &options) const
    {
        const detail::c_write_options c(options);
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_delete_with(get(), path.c_str(), &c.options, error);
        }, path, c));
    }
    result<void> try_rename(const path_in &from, const path_in &to) const
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_rename(get(), from.c_str(), to.c_str(), error);
        }, from, to));
    }
    result<void> try_rename(const path_in &from, const path_in &to, replace existing,
                            const write_options &options = {}) const
    {
        const detail::c_write_options c(options);
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_rename_with(get(), from.c_str(), to.c_str(), static_cast<std::uint32_t>(existing), &c.options,
                                     error);
        }, from, to, c));
    }
    result<void> try_copy(const path_in &from, const path_in &to) const
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_copy(get(), from.c_str(), to.c_str(), error);
        }, from, to));
    }
    result<void> try_copy(const path_in &from, const path_in &to, replace existing,
                          const write_options &options = {}) const
    {
        const detail::c_write_options c(options);
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_copy_with(get(), from.c_str(), to.c_str(), static_cast<std::uint32_t>(existing), &c.options,
                                   error);
        }, from, to, c));
    }
    result<void> try_mkdir(const path_in &path, mkdir_flags flags = mkdir_flags::none) const
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_mkdir(get(), path.c_str(), static_cast<std::uint32_t>(flags), error);
        }, path));
    }
    /** Removes an empty directory. */
    result<void> try_rmdir(const path_in &path) const { return try_rmdir_with(path, 0); }
    /** Removes a directory with everything in it. */
    result<void> try_remove_all(const path_in &path) const { return try_rmdir_with(path, 1); }

    /* Streams */

    result<reader> try_open_reader(const path_in &path) const
    {
        nexus_reader *opened = nullptr;
        return detail::give<reader>(detail::call(
            [&](nexus_error **error) { return nexus_reader_open(get(), path.c_str(), &opened, error); }, path), opened);
    }
    result<writer> try_open_writer(const path_in &path, const write_options &options = {}) const
    {
        const detail::c_write_options c(options);
        nexus_writer *opened = nullptr;
        return detail::give<writer>(detail::call([&](nexus_error **error) {
            return nexus_writer_open(get(), path.c_str(), &c.options, &opened, error);
        }, path, c), opened);
    }

    /* Finding */

    /** Lists a directory, or the paths with a prefix: one page, or all without a limit. */
    result<entries> try_list(const list_options &options = {}) const { return detail::list(get(), options); }
    /** Finds files by the pattern of their path. */
    result<entries> try_glob(const text_in &pattern, const find_options &options = {}) const
    {
        return detail::glob(get(), pattern, options);
    }
    /** Searches the lines of files with a regular expression. */
    result<matches> try_grep(const text_in &pattern, const grep_options &options = {}) const
    {
        const detail::c_grep_options c(options);
        nexus_matches *rows = nullptr;
        return detail::give<matches>(detail::call([&](nexus_error **error) {
            return nexus_grep(get(), pattern.c_str(), &c.options, &rows, error);
        }, pattern, c), rows);
    }
    /** The etags of many files; a null view for an absent one. */
    result<strings> try_content_ids(const char *const *paths, std::size_t count) const
    {
        nexus_strings *ids = nullptr;
        return detail::give<strings>(detail::call([&](nexus_error **error) {
            return nexus_content_ids(get(), paths, count, &ids, error);
        }), ids);
    }
    result<strings> try_content_ids(std::initializer_list<const char *> paths) const
    {
        return try_content_ids(paths.begin(), paths.size());
    }
    result<strings> try_content_ids(const std::vector<std::string> &paths) const
    {
        std::vector<const char *> all;
        all.reserve(paths.size());
        for (const std::string &path : paths) {
            if (failure why = path_in(path).refusal())
                return why;
            all.push_back(path.c_str());
        }
        return try_content_ids(all.data(), all.size());
    }
    /** As list, fetched page by page during the iteration; `limit` is the size of a page. */
    listing try_each(const list_options &options = {}) const { return listed(options, false); }
    /** As glob, fetched page by page during the iteration. */
    listing try_each_glob(std::string_view pattern, const find_options &options = {}) const
    {
        return found(listing::source::glob, pattern, {}, options, false);
    }
    /** As find_by_meta, fetched page by page during the iteration. */
    listing try_each_with_meta(std::string_view key, std::string_view value_json,
                               const find_options &options = {}) const
    {
        return found(listing::source::meta, key, value_json, options, false);
    }

    /* Metadata */

    result<void> try_set_meta(const path_in &path, const text_in &key, const text_in &value_json) const
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_set_meta(get(), path.c_str(), key.c_str(), value_json.c_str(), error);
        }, path, key, value_json));
    }
    result<void> try_set_meta(const path_in &path, const text_in &key, const text_in &value_json,
                              const write_options &options) const
    {
        const detail::c_write_options c(options);
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_set_meta_with(get(), path.c_str(), key.c_str(), value_json.c_str(), &c.options, error);
        }, path, key, value_json, c));
    }
    result<void> try_set_meta_many(const path_in &path, const text_in &object_json) const
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_set_meta_many(get(), path.c_str(), object_json.c_str(), error);
        }, path, object_json));
    }
    /** One value, as JSON. */
    result<string> try_get_meta(const path_in &path, const text_in &key) const
    {
        return text([&](char **json, nexus_error **error) {
            return nexus_get_meta(get(), path.c_str(), key.c_str(), json, error);
        }, path, key);
    }
    /** All metadata, as a JSON object. */
    result<string> try_list_meta(const path_in &path) const
    {
        return text([&](char **json, nexus_error **error) {
            return nexus_list_meta(get(), path.c_str(), json, error);
        }, path);
    }
    result<void> try_delete_meta(const path_in &path, const text_in &key) const
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_delete_meta(get(), path.c_str(), key.c_str(), error);
        }, path, key));
    }
    result<entries> try_find_by_meta(const text_in &key, const text_in &value_json,
                                     const find_options &options = {}) const
    {
        return detail::find_by_meta(get(), key, value_json, options);
    }
    /** The id of a file, which never changes. */
    result<string> try_path_id(const path_in &path) const
    {
        return text([&](char **id, nexus_error **error) { return nexus_path_id(get(), path.c_str(), id, error); },
                    path);
    }
    /** The current path of the file with an id. */
    result<string> try_path_of_id(const text_in &id) const
    {
        return text([&](char **path, nexus_error **error) { return nexus_path_of_id(get(), id.c_str(), path, error); },
                    id);
    }

    /* Batches */

    result<nexus::batch> try_batch() const
    {
        nexus_batch *begun = nullptr;
        return detail::give<nexus::batch>(
            detail::call([&](nexus_error **error) { return nexus_batch_new(get(), &begun, error); }), begun);
    }

    /* Work items */

    result<work_list> try_ready_work(std::int64_t limit) const { return work(nexus_get_ready_work, limit); }
    result<work_list> try_pending_work(std::int64_t limit) const { return work(nexus_get_pending_work, limit); }
    result<work_list> try_blocked_work(std::int64_t limit) const { return work(nexus_get_blocked_work, limit); }
    result<work_list> try_in_progress_work(std::int64_t limit) const
    {
        return work(nexus_get_in_progress_work, limit);
    }
    result<work_list> try_work_by_priority(std::int64_t limit) const
    {
        return work(nexus_get_work_by_priority, limit);
    }
    /** Claims the first ready items for a worker, under leases. */
    result<work_list> try_work_claim(const text_in &worker_id, const claim_options &options = {}) const
    {
        const detail::c_claim_options c(options);
        nexus_work_list *items = nullptr;
        return detail::give<work_list>(detail::call([&](nexus_error **error) {
            return nexus_work_claim(get(), worker_id.c_str(), &c.options, &items, error);
        }, worker_id, c), items);
    }
    /** Extends a lease: it expires `from_now` from now. */
    result<void> try_work_heartbeat(const path_in &path, std::uint64_t lease, std::chrono::milliseconds from_now) const
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_work_heartbeat(get(), path.c_str(), lease, detail::milliseconds(from_now), error);
        }, path));
    }
    /** Completes an item; the result is JSON, or null. */
    result<void> try_work_complete(const path_in &path, std::uint64_t lease, const text_in &result_json = nullptr) const
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_work_complete(get(), path.c_str(), lease, result_json.c_str(), error);
        }, path, result_json));
    }
    /** Ends an attempt as failed; the item is ready again after `retry_after`, 0: after the back-off. */
    result<void> try_work_fail(const path_in &path, std::uint64_t lease, const text_in &error_text,
                               std::chrono::milliseconds retry_after = {}) const
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_work_fail(get(), path.c_str(), lease, error_text.c_str(), detail::milliseconds(retry_after),
                                   error);
        }, path, error_text));
    }
    /** Releases an item; the attempt does not count. */
    result<void> try_work_release(const path_in &path, std::uint64_t lease) const
    {
        return detail::give(detail::call(
            [&](nexus_error **error) { return nexus_work_release(get(), path.c_str(), lease, error); }, path));
    }
    /** Waits until an item may be claimable; returns false at the timeout. Negative: no timeout. */
    result<bool> try_work_wait(std::chrono::milliseconds timeout, const path_in &prefix = nullptr) const
    {
        std::int32_t available = 0;
        failure why = detail::call([&](nexus_error **error) {
            return nexus_work_wait(get(), prefix.c_str(), timeout.count(), &available, error);
        }, prefix);
        const bool may_claim = available != 0;
        return detail::give<bool>(std::move(why), may_claim);
    }
    /** What a work item waits for, as JSON. */
    result<string> try_work_explain(const path_in &path) const
    {
        return text([&](char **json, nexus_error **error) {
            return nexus_work_explain(get(), path.c_str(), json, error);
        }, path);
    }
    /** Work items counted, as JSON. */
    result<string> try_work_stats(const path_in &prefix = nullptr) const
    {
        return text([&](char **json, nexus_error **error) {
            return nexus_work_stats(get(), prefix.c_str(), json, error);
        }, prefix);
    }

    /* Upkeep */

    /** Writes metadata as JSON lines to a file of the host; returns the number of lines. */
    result<std::uint64_t> try_export_metadata(const text_in &file, const export_options &options = {},
                                              const progress_in &progress = {}) const
    {
        const detail::c_export_options c(options);
        std::uint64_t count = 0;
        failure why = detail::call([&](nexus_error **error) {
            return nexus_export_metadata(get(), file.c_str(), &c.options, progress.function(), progress.user(), &count,
                                         error);
        }, file, c);
        progress.rethrow();
        return detail::give<std::uint64_t>(std::move(why), count);
    }
    /** Imports a file that export_metadata wrote; returns a report as JSON. */
    result<string> try_import_metadata(const text_in &file, const import_options &options = {},
                                       const progress_in &progress = {}) const
    {
        const nexus_import_options c = detail::c_options(options);
        result<string> report = text([&](char **json, nexus_error **error) {
            return nexus_import_metadata(get(), file.c_str(), &c, progress.function(), progress.user(), json, error);
        }, file);
        progress.rethrow();
        return report;
    }
    /** Writes files with metadata and contents to one file of the host; returns a report as JSON. */
    result<string> try_bundle_export(const text_in &file, const export_options &options = {},
                                     const progress_in &progress = {}) const
    {
        const detail::c_export_options c(options);
        result<string> report = text([&](char **json, nexus_error **error) {
            return nexus_bundle_export(get(), file.c_str(), &c.options, progress.function(), progress.user(), json,
                                       error);
        }, file, c);
        progress.rethrow();
        return report;
    }
    /** Imports a bundle that bundle_export wrote; returns a report as JSON. */
    result<string> try_bundle_import(const text_in &file, const import_options &options = {},
                                     const progress_in &progress = {}) const
    {
        const nexus_import_options c = detail::c_options(options);
        result<string> report = text([&](char **json, nexus_error **error) {
            return nexus_bundle_import(get(), file.c_str(), &c, progress.function(), progress.user(), json, error);
        }, file);
        progress.rethrow();
        return report;
    }
    /** Copies the store to a directory of the host; returns a report as JSON. */
    result<string> try_backup(const text_in &target_dir, const progress_in &progress = {}) const
    {
        result<string> report = text([&](char **json, nexus_error **error) {
            return nexus_backup(get(), target_dir.c_str(), progress.function(), progress.user(), json, error);
        }, target_dir);
        progress.rethrow();
        return report;
    }
    /** Checks the store, and repairs it if the flags say so; returns a report of the errors as JSON. */
    result<string> try_verify(verify_flags flags = verify_flags::none, const progress_in &progress = {}) const
    {
        result<string> report = text([&](char **json, nexus_error **error) {
            return nexus_verify(get(), static_cast<std::uint32_t>(flags), progress.function(), progress.user(), json,
                                error);
        });
        progress.rethrow();
        return report;
    }
    /** Removes contents without references; returns a report as JSON. */
    result<string> try_gc(const progress_in &progress = {}) const
    {
        result<string> report = text([&](char **json, nexus_error **error) {
            return nexus_gc(get(), progress.function(), progress.user(), json, error);
        });
        progress.rethrow();
        return report;
    }
    /** Files with the same content, as JSON. */
    result<string> try_find_duplicates(const path_in &prefix = nullptr, const progress_in &progress = {}) const
    {
        result<string> groups = text([&](char **json, nexus_error **error) {
            return nexus_find_duplicates(get(), prefix.c_str(), progress.function(), progress.user(), json, error);
        }, prefix);
        progress.rethrow();
        return groups;
    }
    /** Sizes and counts of the files that this handle may read, as JSON. */
    result<string> try_storage_stats() const
    {
        return text([&](char **json, nexus_error **error) { return nexus_storage_stats(get(), json, error); });
    }
    /** Size and reference count of a content, as JSON. */
    result<string> try_content_info(const text_in &etag) const
    {
        return text([&](char **json, nexus_error **error) {
            return nexus_content_info(get(), etag.c_str(), json, error);
        }, etag);
    }

#if NEXUS_HPP_EXCEPTIONS
    static store connect(const text_in &config = nullptr) { return try_connect(config).value(); }
    static store connect_file(const text_in &yaml_path) { return try_connect_file(yaml_path).value(); }
    store with_identity(const text_in &tenant, const text_in &agent = nullptr) const
    {
        return try_with_identity(tenant, agent).value();
    }
    store clone() const { return try_clone().value(); }
    string config() const { return try_config().value(); }
    void interrupt() const { try_interrupt().value(); }
    void close() { try_close().value(); }
    void write(const path_in &path, const bytes_in &data) const { try_write(path, data).value(); }
    entry write(const path_in &path, const bytes_in &data, const write_options &options) const
    {
        return try_write(path, data, options).value();
    }
    void append(const path_in &path, const bytes_in &data) const { try_append(path, data).value(); }
    entry append(const path_in &path, const bytes_in &data, const write_options &options) const
    {
        return try_append(path, data, options).value();
    }
    buffer read(const path_in &path) const { return try_read(path).value(); }
    std::size_t read_at(const path_in &path, std::uint64_t offset, bytes_out room) const
    {
        return try_read_at(path, offset, room).value();
    }
    entry stat(const path_in &path) const { return try_stat(path).value(); }
    bool exists(const path_in &path) const { return try_exists(path).value(); }
    bool is_directory(const path_in &path) const { return try_is_directory(path).value(); }
    void remove(const path_in &path) const { try_remove(path).value(); }
    void remove(const path_in &path, const write_options &options) const { try_remove(path, options).value(); }
    void rename(const path_in &from, const path_in &to) const { try_rename(from, to).value(); }
    void rename(const path_in &from, const path_in &to, replace existing, const write_options &options = {}) const
    {
        try_rename(from, to, existing, options).value();
    }
    void copy(const path_in &from, const path_in &to) const { try_copy(from, to).value(); }
    void copy(const path_in &from, const path_in &to, replace existing, const write_options &options = {}) const
    {
        try_copy(from, to, existing, options).value();
    }
    void mkdir(const path_in &path, mkdir_flags flags = mkdir_flags::none) const { try_mkdir(path, flags).value(); }
    void rmdir(const path_in &path) const { try_rmdir(path).value(); }
    void remove_all(const path_in &path) const { try_remove_all(path).value(); }
    reader open_reader(const path_in &path) const { return try_open_reader(path).value(); }
    writer open_writer(const path_in &path, const write_options &options = {}) const
    {
        return try_open_writer(path, options).value();
    }
    entries list(const list_options &options = {}) const { return try_list(options).value(); }
    entries glob(const text_in &pattern, const find_options &options = {}) const
    {
        return try_glob(pattern, options).value();
    }
    matches grep(const text_in &pattern, const grep_options &options = {}) const
    {
        return try_grep(pattern, options).value();
    }
    strings content_ids(const char *const *paths, std::size_t count) const
    {
        return try_content_ids(paths, count).value();
    }
    strings content_ids(std::initializer_list<const char *> paths) const { return try_content_ids(paths).value(); }
    strings content_ids(const std::vector<std::string> &paths) const { return try_content_ids(paths).value(); }
    listing each(const list_options &options = {}) const { return listed(options, true); }
    listing each_glob(std::string_view pattern, const find_options &options = {}) const
    {
        return found(listing::source::glob, pattern, {}, options, true);
    }
    listing each_with_meta(std::string_view key, std::string_view value_json, const find_options &options = {}) const
    {
        return found(listing::source::meta, key, value_json, options, true);
    }
    void set_meta(const path_in &path, const text_in &key, const text_in &value_json) const
    {
        try_set_meta(path, key, value_json).value();
    }
    void set_meta(const path_in &path, const text_in &key, const text_in &value_json,
                  const write_options &options) const
    {
        try_set_meta(path, key, value_json, options).value();
    }
    void set_meta_many(const path_in &path, const text_in &object_json) const
    {
        try_set_meta_many(path, object_json).value();
    }
    string get_meta(const path_in &path, const text_in &key) const { return try_get_meta(path, key).value(); }
    string list_meta(const path_in &path) const { return try_list_meta(path).value(); }
    void delete_meta(const path_in &path, const text_in &key) const { try_delete_meta(path, key).value(); }
    entries find_by_meta(const text_in &key, const text_in &value_json, const find_options &options = {}) const
    {
        return try_find_by_meta(key, value_json, options).value();
    }
    string path_id(const path_in &path) const { return try_path_id(path).value(); }
    string path_of_id(const text_in &id) const { return try_path_of_id(id).value(); }
    nexus::batch batch() const { return try_batch().value(); }
    work_list ready_work(std::int64_t limit) const { return try_ready_work(limit).value(); }
    work_list pending_work(std::int64_t limit) const { return try_pending_work(limit).value(); }
    work_list blocked_work(std::int64_t limit) const { return try_blocked_work(limit).value(); }
    work_list in_progress_work(std::int64_t limit) const { return try_in_progress_work(limit).value(); }
    work_list work_by_priority(std::int64_t limit) const { return try_work_by_priority(limit).value(); }
    work_list work_claim(const text_in &worker_id, const claim_options &options = {}) const
    {
        return try_work_claim(worker_id, options).value();
    }
    void work_heartbeat(const path_in &path, std::uint64_t lease, std::chrono::milliseconds from_now) const
    {
        try_work_heartbeat(path, lease, from_now).value();
    }
    void work_complete(const path_in &path, std::uint64_t lease, const text_in &result_json = nullptr) const
    {
        try_work_complete(path, lease, result_json).value();
    }
    void work_fail(const path_in &path, std::uint64_t lease, const text_in &error_text,
                   std::chrono::milliseconds retry_after = {}) const
    {
        try_work_fail(path, lease, error_text, retry_after).value();
    }
    void work_release(const path_in &path, std::uint64_t lease) const { try_work_release(path, lease).value(); }
    bool work_wait(std::chrono::milliseconds timeout, const path_in &prefix = nullptr) const
    {
        return try_work_wait(timeout, prefix).value();
    }
    string work_explain(const path_in &path) const { return try_work_explain(path).value(); }
    string work_stats(const path_in &prefix = nullptr) const { return try_work_stats(prefix).value(); }
    std::uint64_t export_metadata(const text_in &file, const export_options &options = {},
                                  const progress_in &progress = {}) const
    {
        return try_export_metadata(file, options, progress).value();
    }
    string import_metadata(const text_in &file, const import_options &options = {},
                           const progress_in &progress = {}) const
    {
        return try_import_metadata(file, options, progress).value();
    }
    string bundle_export(const text_in &file, const export_options &options = {},
                         const progress_in &progress = {}) const
    {
        return try_bundle_export(file, options, progress).value();
    }
    string bundle_import(const text_in &file, const import_options &options = {},
                         const progress_in &progress = {}) const
    {
        return try_bundle_import(file, options, progress).value();
    }
    string backup(const text_in &target_dir, const progress_in &progress = {}) const
    {
        return try_backup(target_dir, progress).value();
    }
    string verify(verify_flags flags = verify_flags::none, const progress_in &progress = {}) const
    {
        return try_verify(flags, progress).value();
    }
    string gc(const progress_in &progress = {}) const { return try_gc(progress).value(); }
    string find_duplicates(const path_in &prefix = nullptr, const progress_in &progress = {}) const
    {
        return try_find_duplicates(prefix, progress).value();
    }
    string storage_stats() const { return try_storage_stats().value(); }
    string content_info(const text_in &etag) const { return try_content_info(etag).value(); }
#endif

private:
    template <class Call, class... Texts> static result<string> text(Call &&make, const Texts &...texts)
    {
        char *given = nullptr;
        failure why = detail::call([&](nexus_error **error) { return make(&given, error); }, texts...);
        return detail::give<string>(std::move(why), given);
    }
    template <class Query> result<work_list> work(Query query, std::int64_t limit) const
    {
        nexus_work_list *items = nullptr;
        return detail::give<work_list>(
            detail::call([&](nexus_error **error) { return query(get(), limit, &items, error); }), items);
    }
    result<void> try_rmdir_with(const path_in &path, std::int32_t recursive) const
    {
        return detail::give(detail::call(
            [&](nexus_error **error) { return nexus_rmdir(get(), path.c_str(), recursive, error); }, path));
    }
    listing listed(const list_options &options, bool throws) const
    {
        listing range(get(), listing::source::list, throws);
        range.base_ = listing::kept(options.path);
        range.first_ = listing::kept(options.prefix);
        range.recursive_ = options.recursive;
        range.include_directories_ = options.include_directories;
        range.page_size_ = options.limit;
        range.start_ = listing::kept(options.cursor);
        return range;
    }
    listing found(listing::source from, std::string_view first, std::string_view second, const find_options &options,
                  bool throws) const
    {
        listing range(get(), from, throws);
        range.base_ = listing::kept(options.base);
        range.first_ = listing::kept(first);
        range.second_ = listing::kept(second);
        range.page_size_ = options.limit;
        range.start_ = listing::kept(options.cursor);
        return range;
    }
};

} // inline namespace
} // namespace nexus

#endif
