/* Changes to be made together. */
#ifndef NEXUS_BATCH_HPP
#define NEXUS_BATCH_HPP

#include "options.hpp"
#include "rows.hpp"

#include <chrono>

namespace nexus {
inline namespace NEXUS_HPP_NAMESPACE {

/** Changes that one transaction makes, all or none. Calls that throw can be chained. */
class batch : public detail::owner<nexus_batch, nexus_batch_free> {
public:
    using owner::owner;

    result<void> try_write(const path_in &path, const bytes_in &data)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_write(get(), path.c_str(), data.data(), data.size(), nullptr, error);
        }, path));
    }
    result<void> try_write(const path_in &path, const bytes_in &data, const write_options &options)
    {
        const detail::c_write_options c(options);
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_write(get(), path.c_str(), data.data(), data.size(), &c.options, error);
        }, path, c));
    }
    result<void> try_append(const path_in &path, const bytes_in &data)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_append(get(), path.c_str(), data.data(), data.size(), nullptr, error);
        }, path));
    }
    result<void> try_append(const path_in &path, const bytes_in &data, const write_options &options)
    {
        const detail::c_write_options c(options);
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_append(get(), path.c_str(), data.data(), data.size(), &c.options, error);
        }, path, c));
    }
    /** Adds a deletion. */
    result<void> try_remove(const path_in &path)
    {
        return detail::give(detail::call(
            [&](nexus_error **error) { return nexus_batch_delete(get(), path.c_str(), error); }, path));
    }
    result<void> try_rename(const path_in &from, const path_in &to, replace existing = replace::allowed)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_rename(get(), from.c_str(), to.c_str(), static_cast<std::uint32_t>(existing), error);
        }, from, to));
    }
    result<void> try_copy(const path_in &from, const path_in &to, replace existing = replace::allowed)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_copy(get(), from.c_str(), to.c_str(), static_cast<std::uint32_t>(existing), error);
        }, from, to));
    }
    result<void> try_mkdir(const path_in &path, mkdir_flags flags = mkdir_flags::none)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_mkdir(get(), path.c_str(), static_cast<std::uint32_t>(flags), error);
        }, path));
    }
    result<void> try_set_meta(const path_in &path, const text_in &key, const text_in &value_json)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_set_meta(get(), path.c_str(), key.c_str(), value_json.c_str(), error);
        }, path, key, value_json));
    }
    result<void> try_set_meta_many(const path_in &path, const text_in &object_json)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_set_meta_many(get(), path.c_str(), object_json.c_str(), error);
        }, path, object_json));
    }
    result<void> try_delete_meta(const path_in &path, const text_in &key)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_delete_meta(get(), path.c_str(), key.c_str(), error);
        }, path, key));
    }
    /** Adds a condition: the file has this etag. */
    result<void> try_require_etag(const path_in &path, const text_in &etag)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_require_etag(get(), path.c_str(), etag.c_str(), error);
        }, path, etag));
    }
    /** Adds a condition: the file does not exist. */
    result<void> try_require_absent(const path_in &path) { return try_require_etag(path, nullptr); }
    /** Adds a condition: the lease token of this work item is valid. */
    result<void> try_require_lease(const path_in &path, std::uint64_t lease)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_require_lease(get(), path.c_str(), lease, error);
        }, path));
    }
    /** Adds the completion of a work item; the result is JSON, or null. */
    result<void> try_complete_work(const path_in &path, std::uint64_t lease, const text_in &result_json = nullptr)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_complete_work(get(), path.c_str(), lease, result_json.c_str(), error);
        }, path, result_json));
    }
    /** Adds the failure of an attempt; see store::try_work_fail. */
    result<void> try_fail_work(const path_in &path, std::uint64_t lease, const text_in &error_text,
                               std::chrono::milliseconds retry_after = {})
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_fail_work(get(), path.c_str(), lease, error_text.c_str(),
                                         detail::milliseconds(retry_after), error);
        }, path, error_text));
    }
    /** Adds the release of a work item. */
    result<void> try_release_work(const path_in &path, std::uint64_t lease)
    {
        return detail::give(detail::call([&](nexus_error **error) {
            return nexus_batch_release_work(get(), path.c_str(), lease, error);
        }, path));
    }
    /** Makes the changes. */
    result<void> try_commit()
    {
        return detail::give(
            detail::call([&](nexus_error **error) { return nexus_batch_commit(get(), nullptr, error); }));
    }
    /** Makes the changes, and returns one row for each: the entry it left, or kind::none. */
    result<entries> try_commit_entries()
    {
        nexus_entries *rows = nullptr;
        return detail::give<entries>(
            detail::call([&](nexus_error **error) { return nexus_batch_commit(get(), &rows, error); }), rows);
    }
#if NEXUS_HPP_EXCEPTIONS
    batch &write(const path_in &path, const bytes_in &data) { return then(try_write(path, data)); }
    batch &write(const path_in &path, const bytes_in &data, const write_options &options)
    {
        return then(try_write(path, data, options));
    }
    batch &append(const path_in &path, const bytes_in &data) { return then(try_append(path, data)); }
    batch &append(const path_in &path, const bytes_in &data, const write_options &options)
    {
        return then(try_append(path, data, options));
    }
    batch &remove(const path_in &path) { return then(try_remove(path)); }
    batch &rename(const path_in &from, const path_in &to, replace existing = replace::allowed)
    {
        return then(try_rename(from, to, existing));
    }
    batch &copy(const path_in &from, const path_in &to, replace existing = replace::allowed)
    {
        return then(try_copy(from, to, existing));
    }
    batch &mkdir(const path_in &path, mkdir_flags flags = mkdir_flags::none) { return then(try_mkdir(path, flags)); }
    batch &set_meta(const path_in &path, const text_in &key, const text_in &value_json)
    {
        return then(try_set_meta(path, key, value_json));
    }
    batch &set_meta_many(const path_in &path, const text_in &object_json)
    {
        return then(try_set_meta_many(path, object_json));
    }
    batch &delete_meta(const path_in &path, const text_in &key) { return then(try_delete_meta(path, key)); }
    batch &require_etag(const path_in &path, const text_in &etag) { return then(try_require_etag(path, etag)); }
    batch &require_absent(const path_in &path) { return then(try_require_absent(path)); }
    batch &require_lease(const path_in &path, std::uint64_t lease) { return then(try_require_lease(path, lease)); }
    batch &complete_work(const path_in &path, std::uint64_t lease, const text_in &result_json = nullptr)
    {
        return then(try_complete_work(path, lease, result_json));
    }
    batch &fail_work(const path_in &path, std::uint64_t lease, const text_in &error_text,
                     std::chrono::milliseconds retry_after = {})
    {
        return then(try_fail_work(path, lease, error_text, retry_after));
    }
    batch &release_work(const path_in &path, std::uint64_t lease) { return then(try_release_work(path, lease)); }
    void commit() { try_commit().value(); }
    entries commit_entries() { return try_commit_entries().value(); }

private:
    batch &then(result<void> added)
    {
        added.value();
        return *this;
    }
#endif
};

} // inline namespace
} // namespace nexus

#endif
