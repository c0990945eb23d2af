/* What calls tell of files and work items: views of rows, and the lists that own them. */
#ifndef NEXUS_ROWS_HPP
#define NEXUS_ROWS_HPP

#include "text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace nexus {
inline namespace NEXUS_HPP_NAMESPACE {

/** Microseconds since 1970 UTC. */
using time_point = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

namespace detail {

inline time_point time(std::int64_t microseconds) noexcept
{
    return time_point(std::chrono::microseconds(microseconds));
}

} // namespace detail

/** The kind of an entry. */
enum class kind : std::int32_t { none = NEXUS_KIND_NONE, file = NEXUS_KIND_FILE, directory = NEXUS_KIND_DIRECTORY };

class entry;

/** One file or directory, as nexus_entry describes it. A string that is NULL there is a null view here. */
class entry_view {
public:
    explicit entry_view(const nexus_entry *row) noexcept : row_(row) {}
    /* Of an entry that ends with the expression nothing is left to view. */
    entry_view(const entry &&) = delete;
    entry_view &operator=(const entry &&) = delete;

    nexus::kind kind() const noexcept { return static_cast<nexus::kind>(row_->kind); }
    bool is_file() const noexcept { return row_->kind == NEXUS_KIND_FILE; }
    bool is_directory() const noexcept { return row_->kind == NEXUS_KIND_DIRECTORY; }
    std::string_view path() const noexcept { return detail::view(row_->path); }
    std::uint64_t size() const noexcept { return row_->size; }
    std::string_view etag() const noexcept { return detail::view(row_->etag); }
    std::uint64_t version() const noexcept { return row_->version; }
    std::string_view mime_type() const noexcept { return detail::view(row_->mime_type); }
    std::string_view path_id() const noexcept { return detail::view(row_->path_id); }
    std::string_view backend_name() const noexcept { return detail::view(row_->backend_name); }
    time_point created_at() const noexcept { return detail::time(row_->created_at); }
    time_point modified_at() const noexcept { return detail::time(row_->modified_at); }
    /** The row, for C. */
    const nexus_entry *row() const noexcept { return row_; }

protected:
    const nexus_entry *row_;
};

/** A single entry. An object that was moved from or released must not be read. */
class entry : private detail::owner<nexus_entry, nexus_entry_free>, public entry_view {
public:
    explicit entry(nexus_entry *row) noexcept : owner(row), entry_view(row) {}
    entry(entry &&other) noexcept : owner(std::move(other)), entry_view(std::exchange(other.row_, nullptr)) {}
    entry &operator=(entry &&other) noexcept
    {
        owner::operator=(std::move(other));
        row_ = std::exchange(other.row_, nullptr);
        return *this;
    }
    using owner::get;
    using owner::operator bool;
    /** Gives up ownership of the entry. */
    nexus_entry *release() noexcept
    {
        row_ = nullptr;
        return owner::release();
    }
};

/** One line that grep found, as nexus_match describes it. */
class match_view {
public:
    explicit match_view(const nexus_match *row) noexcept : row_(row) {}

    std::string_view path() const noexcept { return detail::view(row_->path); }
    /** From 1. */
    std::uint64_t line() const noexcept { return row_->line; }
    /** The line without its line end. */
    std::string_view text() const noexcept { return detail::view(row_->text); }
    /** The first match within the line, up to the end of the text. */
    std::string_view matched() const noexcept
    {
        const std::string_view line = text();
        const std::uint64_t end = std::min<std::uint64_t>(row_->match_end, line.size());
        const std::uint64_t start = std::min<std::uint64_t>(row_->match_start, end);
        return line.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start));
    }
    std::uint64_t match_start() const noexcept { return row_->match_start; }
    std::uint64_t match_end() const noexcept { return row_->match_end; }
    /** The row, for C. */
    const nexus_match *row() const noexcept { return row_; }

private:
    const nexus_match *row_;
};

/** One work item, as nexus_work_item describes it. A string that is NULL there is a null view here. */
class work_item_view {
public:
    explicit work_item_view(const nexus_work_item *row) noexcept : row_(row) {}

    std::string_view path_id() const noexcept { return detail::view(row_->path_id); }
    std::string_view tenant_id() const noexcept { return detail::view(row_->tenant_id); }
    std::string_view path() const noexcept { return detail::view(row_->virtual_path); }
    std::string_view backend_id() const noexcept { return detail::view(row_->backend_id); }
    std::string_view physical_path() const noexcept { return detail::view(row_->physical_path); }
    std::string_view file_type() const noexcept { return detail::view(row_->file_type); }
    std::uint64_t size() const noexcept { return row_->size_bytes; }
    std::string_view content_hash() const noexcept { return detail::view(row_->content_hash); }
    time_point created_at() const noexcept { return detail::time(row_->created_at); }
    time_point updated_at() const noexcept { return detail::time(row_->updated_at); }
    /** "ready", "pending", "blocked", "in_progress", "completed", "failed" or "cancelled". */
    std::string_view status() const noexcept { return detail::view(row_->status); }
    std::optional<std::int64_t> priority() const noexcept
    {
        return row_->has_priority != 0 ? std::optional<std::int64_t>(row_->priority) : std::nullopt;
    }
    std::uint64_t blocker_count() const noexcept { return row_->blocker_count; }
    std::string_view worker_id() const noexcept { return detail::view(row_->worker_id); }
    std::optional<time_point> started_at() const noexcept { return moment(row_->started_at); }
    std::optional<time_point> not_before() const noexcept { return moment(row_->not_before); }
    /** A JSON array of strings. */
    std::string_view tags() const noexcept { return detail::view(row_->tags); }
    std::uint64_t attempts() const noexcept { return row_->attempts; }
    /** Its lease token; 0 if it has no lease. */
    std::uint64_t lease() const noexcept { return row_->lease; }
    std::optional<time_point> lease_expires_at() const noexcept { return moment(row_->lease_expires_at); }
    /** Whether the lease has expired, so that the item can be claimed. */
    bool lease_expired() const noexcept { return row_->lease_expired != 0; }
    /** The row, for C. */
    const nexus_work_item *row() const noexcept { return row_; }

private:
    static std::optional<time_point> moment(std::int64_t microseconds) noexcept
    {
        return microseconds != 0 ? std::optional<time_point>(detail::time(microseconds)) : std::nullopt;
    }
    const nexus_work_item *row_;
};

/** A list of entries. */
class entries : public detail::owner<nexus_entries, nexus_entries_free> {
public:
    using value_type = entry_view;
    using iterator = detail::list_iterator<entries>;
    using owner::owner;

    std::size_t size() const noexcept { return nexus_entries_len(get()); }
    bool empty() const noexcept { return size() == 0; }
    /** The row at `index`, which is less than size(). */
    entry_view operator[](std::size_t index) const noexcept { return entry_view(nexus_entries_at(get(), index)); }
    iterator begin() const noexcept { return {*this, 0}; }
    iterator end() const noexcept { return {*this, size()}; }
    /** The cursor of the next page; a null view at the end. */
    std::string_view cursor() const noexcept { return detail::view(nexus_entries_cursor(get())); }
};

/** A list of lines that grep found. */
class matches : public detail::owner<nexus_matches, nexus_matches_free> {
public:
    using value_type = match_view;
    using iterator = detail::list_iterator<matches>;
    using owner::owner;

    std::size_t size() const noexcept { return nexus_matches_len(get()); }
    bool empty() const noexcept { return size() == 0; }
    match_view operator[](std::size_t index) const noexcept { return match_view(nexus_matches_at(get(), index)); }
    iterator begin() const noexcept { return {*this, 0}; }
    iterator end() const noexcept { return {*this, size()}; }
    /** The number of binary files skipped. */
    std::uint64_t skipped() const noexcept { return nexus_matches_skipped(get()); }
    /** Whether a limit ended the search early. */
    bool truncated() const noexcept { return nexus_matches_truncated(get()) != 0; }
};

/** A list of strings, some of which may be absent: those are null views. */
class strings : public detail::owner<nexus_strings, nexus_strings_free> {
public:
    using value_type = std::string_view;
    using iterator = detail::list_iterator<strings>;
    using owner::owner;

    std::size_t size() const noexcept { return nexus_strings_len(get()); }
    bool empty() const noexcept { return size() == 0; }
    std::string_view operator[](std::size_t index) const noexcept
    {
        return detail::view(nexus_strings_at(get(), index));
    }
    iterator begin() const noexcept { return {*this, 0}; }
    iterator end() const noexcept { return {*this, size()}; }
};

/** A list of work items. */
class work_list : public detail::owner<nexus_work_list, nexus_work_list_free> {
public:
    using value_type = work_item_view;
    using iterator = detail::list_iterator<work_list>;
    using owner::owner;

    std::size_t size() const noexcept { return nexus_work_list_len(get()); }
    bool empty() const noexcept { return size() == 0; }
    work_item_view operator[](std::size_t index) const noexcept
    {
        return work_item_view(nexus_work_list_at(get(), index));
    }
    iterator begin() const noexcept { return {*this, 0}; }
    iterator end() const noexcept { return {*this, size()}; }
    /** The whole list as a JSON array. */
    result<string> try_json() const
    {
        char *text = nullptr;
        return detail::give<string>(
            detail::call([&](nexus_error **error) { return nexus_work_list_json(get(), &text, error); }), text);
    }
#if NEXUS_HPP_EXCEPTIONS
    string json() const { return try_json().value(); }
#endif
};

} // inline namespace
} // namespace nexus

#endif
