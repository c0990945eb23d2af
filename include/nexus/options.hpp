/* Options of calls, flags, and progress. */
#ifndef NEXUS_OPTIONS_HPP
#define NEXUS_OPTIONS_HPP

#include "rows.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace nexus {
inline namespace NEXUS_HPP_NAMESPACE {

/** nexus_write_options. A null view means no condition. */
struct write_options {
    std::string_view if_match = {};
    bool if_none_match = false;
    std::string_view mime_type = {};
    std::string_view lease_path = {};
    std::uint64_t lease = 0;
};

/** nexus_list_options. */
struct list_options {
    std::string_view path = {};
    std::string_view prefix = {};
    bool recursive = true;
    bool include_directories = false;
    std::uint64_t limit = 0;
    std::string_view cursor = {};
};

/** nexus_find_options. */
struct find_options {
    std::string_view base = {};
    std::uint64_t limit = 0;
    std::string_view cursor = {};
};

/** nexus_grep_options. */
struct grep_options {
    std::string_view base = {};
    std::string_view file_pattern = {};
    bool ignore_case = false;
    std::uint64_t max_matches = 0;
    std::uint64_t max_bytes = 0;
    bool literal = false;
};

/** nexus_export_options. */
struct export_options {
    std::string_view prefix = {};
    std::string_view tenant_id = {};
    /* That of 1970: all. */
    time_point modified_after = {};
};

/** How to import a path that exists. */
enum class import_mode : std::int32_t {
    skip = NEXUS_IMPORT_SKIP,
    overwrite = NEXUS_IMPORT_OVERWRITE,
    remap = NEXUS_IMPORT_REMAP,
    automatic = NEXUS_IMPORT_AUTO
};

/** How to import a work key whose value has the wrong type. */
enum class invalid_keys : std::int32_t { refuse = NEXUS_KEYS_REFUSE, rename = NEXUS_KEYS_RENAME };

/** How to import a line whose content is missing. */
enum class missing_content : std::int32_t { refuse = NEXUS_MISSING_REFUSE, skip = NEXUS_MISSING_SKIP };

/** What import_mode::automatic compares. */
enum class newer_by : std::int32_t { content = NEXUS_NEWER_BY_CONTENT, all = NEXUS_NEWER_BY_ALL };

/** nexus_import_options. */
struct import_options {
    import_mode mode = import_mode::skip;
    bool dry_run = false;
    invalid_keys invalid_work_keys = invalid_keys::refuse;
    nexus::missing_content missing_content = nexus::missing_content::refuse;
    nexus::newer_by newer_by = nexus::newer_by::content;
    /* 0: by the size of the file. */
    std::uint64_t max_lines = 0;
    std::uint64_t max_bytes = 0;
    std::uint64_t max_unpacked = 0;
};

/** nexus_claim_options. */
struct claim_options {
    std::string_view prefix = {};
    std::uint32_t max = 1;
    std::chrono::milliseconds lease = std::chrono::seconds(30);
};

/** Flags of mkdir. */
enum class mkdir_flags : std::uint32_t {
    none = 0,
    parents = NEXUS_MKDIR_PARENTS,
    exist_ok = NEXUS_MKDIR_EXIST_OK,
    parents_exist_ok = NEXUS_MKDIR_PARENTS | NEXUS_MKDIR_EXIST_OK
};

/** Flags of verify. */
enum class verify_flags : std::uint32_t {
    none = 0,
    content = NEXUS_VERIFY_CONTENT,
    repair = NEXUS_VERIFY_REPAIR,
    content_repair = NEXUS_VERIFY_CONTENT | NEXUS_VERIFY_REPAIR
};

constexpr mkdir_flags operator|(mkdir_flags a, mkdir_flags b) noexcept
{
    return static_cast<mkdir_flags>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
constexpr verify_flags operator|(verify_flags a, verify_flags b) noexcept
{
    return static_cast<verify_flags>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}

/** What a rename or copy does with an existing target. */
enum class replace : std::uint32_t { allowed = 0, refused = NEXUS_NO_REPLACE };

/**
 * Receives the progress of a long call: a function object `bool(done, total, what)`. If it returns
 * false, the call ends with CANCELLED. An exception that it throws ends the call and is rethrown.
 * It is used during the call only.
 */
class progress_in {
public:
    progress_in() noexcept = default;
    template <class F, class = std::enable_if_t<
                           std::is_class<std::remove_reference_t<F>>::value
                           && std::is_invocable_r<bool, F &, std::uint64_t, std::uint64_t, std::string_view>::value>>
    progress_in(F &&function) noexcept
        : function_(const_cast<void *>(static_cast<const void *>(std::addressof(function)))),
          invoke_([](void *f, std::uint64_t done, std::uint64_t total, std::string_view what) -> bool {
              return (*static_cast<std::remove_reference_t<F> *>(f))(done, total, what);
          })
    {
    }
    nexus_progress_fn function() const noexcept { return function_ != nullptr ? &progress_in::told : nullptr; }
    void *user() const noexcept { return const_cast<progress_in *>(this); }
    /** Rethrows the exception of the callable, once. */
    void rethrow() const
    {
#if NEXUS_HPP_EXCEPTIONS
        if (thrown_)
            std::rethrow_exception(std::exchange(thrown_, nullptr));
#endif
    }

private:
    static std::int32_t told(void *user, std::uint64_t done, std::uint64_t total, const char *what) noexcept
    {
        const progress_in &self = *static_cast<const progress_in *>(user);
#if NEXUS_HPP_EXCEPTIONS
        try {
            return self.invoke_(self.function_, done, total, detail::view(what)) ? 0 : 1;
        } catch (...) {
            self.thrown_ = std::current_exception();
            return 1;
        }
#else
        return self.invoke_(self.function_, done, total, detail::view(what)) ? 0 : 1;
#endif
    }
    void *function_ = nullptr;
    bool (*invoke_)(void *, std::uint64_t, std::uint64_t, std::string_view) = nullptr;
    mutable std::exception_ptr thrown_;
};

namespace detail {

/* The options as C has them, with the copies of their texts. */
struct c_write_options {
    explicit c_write_options(const write_options &from) noexcept
        : if_match(from.if_match), mime_type(from.mime_type), lease_path(from.lease_path)
    {
        options.if_match = if_match.c_str();
        options.if_none_match = from.if_none_match;
        options.mime_type = mime_type.c_str();
        options.lease_path = lease_path.c_str();
        options.lease = from.lease;
    }
    failure refusal() const noexcept { return first_refusal(if_match, mime_type, lease_path); }
    text_in if_match;
    text_in mime_type;
    path_in lease_path;
    nexus_write_options options = NEXUS_WRITE_OPTIONS_INIT;
};

struct c_list_options {
    explicit c_list_options(const list_options &from) noexcept
        : path(from.path), prefix(from.prefix), cursor(from.cursor)
    {
        options.path = path.c_str();
        options.prefix = prefix.c_str();
        options.recursive = from.recursive;
        options.include_directories = from.include_directories;
        options.limit = from.limit;
        options.cursor = cursor.c_str();
    }
    failure refusal() const noexcept { return first_refusal(path, prefix, cursor); }
    path_in path;
    path_in prefix;
    text_in cursor;
    nexus_list_options options = NEXUS_LIST_OPTIONS_INIT;
};

struct c_find_options {
    explicit c_find_options(const find_options &from) noexcept : base(from.base), cursor(from.cursor)
    {
        options.base = base.c_str();
        options.limit = from.limit;
        options.cursor = cursor.c_str();
    }
    failure refusal() const noexcept { return first_refusal(base, cursor); }
    path_in base;
    text_in cursor;
    nexus_find_options options = NEXUS_FIND_OPTIONS_INIT;
};

struct c_grep_options {
    explicit c_grep_options(const grep_options &from) noexcept : base(from.base), file_pattern(from.file_pattern)
    {
        options.base = base.c_str();
        options.file_pattern = file_pattern.c_str();
        options.ignore_case = from.ignore_case;
        options.max_matches = from.max_matches;
        options.max_bytes = from.max_bytes;
        options.literal = from.literal;
    }
    failure refusal() const noexcept { return first_refusal(base, file_pattern); }
    path_in base;
    text_in file_pattern;
    nexus_grep_options options = NEXUS_GREP_OPTIONS_INIT;
};

struct c_export_options {
    explicit c_export_options(const export_options &from) noexcept : prefix(from.prefix), tenant_id(from.tenant_id)
    {
        options.prefix = prefix.c_str();
        options.tenant_id = tenant_id.c_str();
        options.modified_after = from.modified_after.time_since_epoch().count();
    }
    failure refusal() const noexcept { return first_refusal(prefix, tenant_id); }
    path_in prefix;
    text_in tenant_id;
    nexus_export_options options = NEXUS_EXPORT_OPTIONS_INIT;
};

/* A length of time as the library takes it; one below 0 becomes too long, and so is refused. */
inline std::uint64_t milliseconds(std::chrono::milliseconds time) noexcept
{
    return static_cast<std::uint64_t>(time.count());
}

struct c_claim_options {
    explicit c_claim_options(const claim_options &from) noexcept : prefix(from.prefix)
    {
        options.prefix = prefix.c_str();
        options.max = from.max;
        options.lease_ms = milliseconds(from.lease);
    }
    failure refusal() const noexcept { return prefix.refusal(); }
    path_in prefix;
    nexus_claim_options options = NEXUS_CLAIM_OPTIONS_INIT;
};

inline nexus_import_options c_options(const import_options &from) noexcept
{
    nexus_import_options options = NEXUS_IMPORT_OPTIONS_INIT;
    options.mode = static_cast<std::int32_t>(from.mode);
    options.dry_run = from.dry_run;
    options.invalid_work_keys = static_cast<std::int32_t>(from.invalid_work_keys);
    options.missing_content = static_cast<std::int32_t>(from.missing_content);
    options.newer_by = static_cast<std::int32_t>(from.newer_by);
    options.max_lines = from.max_lines;
    options.max_bytes = from.max_bytes;
    options.max_unpacked = from.max_unpacked;
    return options;
}

} // namespace detail

} // inline namespace
} // namespace nexus

#endif
