/* Statuses, failures, what is thrown, and results. */
#ifndef NEXUS_ERROR_HPP
#define NEXUS_ERROR_HPP

#include "../nexus.h"

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
#define NEXUS_HPP_EXCEPTIONS 1
#else
#define NEXUS_HPP_EXCEPTIONS 0
#endif

/* A program may link parts that are compiled with exceptions and parts that are not: their inline functions differ. */
#if NEXUS_HPP_EXCEPTIONS
#define NEXUS_HPP_NAMESPACE with_exceptions
#else
#define NEXUS_HPP_NAMESPACE without_exceptions
#endif

namespace nexus {
inline namespace NEXUS_HPP_NAMESPACE {

/** The statuses of nexus.h. A newer library may return a status without a name here. */
enum class status : nexus_status {
    ok = NEXUS_STATUS_OK,
    invalid_argument = NEXUS_STATUS_INVALID_ARGUMENT,
    invalid_path = NEXUS_STATUS_INVALID_PATH,
    invalid_config = NEXUS_STATUS_INVALID_CONFIG,
    not_found = NEXUS_STATUS_NOT_FOUND,
    already_exists = NEXUS_STATUS_ALREADY_EXISTS,
    not_a_directory = NEXUS_STATUS_NOT_A_DIRECTORY,
    is_a_directory = NEXUS_STATUS_IS_A_DIRECTORY,
    not_empty = NEXUS_STATUS_NOT_EMPTY,
    access_denied = NEXUS_STATUS_ACCESS_DENIED,
    read_only = NEXUS_STATUS_READ_ONLY,
    conflict = NEXUS_STATUS_CONFLICT,
    cycle = NEXUS_STATUS_CYCLE,
    lease_lost = NEXUS_STATUS_LEASE_LOST,
    not_mounted = NEXUS_STATUS_NOT_MOUNTED,
    busy = NEXUS_STATUS_BUSY,
    no_space = NEXUS_STATUS_NO_SPACE,
    corrupt = NEXUS_STATUS_CORRUPT,
    io = NEXUS_STATUS_IO,
    unsupported = NEXUS_STATUS_UNSUPPORTED,
    version_mismatch = NEXUS_STATUS_VERSION_MISMATCH,
    cancelled = NEXUS_STATUS_CANCELLED,
    misuse = NEXUS_STATUS_MISUSE,
    internal = NEXUS_STATUS_INTERNAL,
    panic = NEXUS_STATUS_PANIC
};

/** The name of a status, for example "NEXUS_STATUS_NOT_FOUND". */
inline const char *status_name(status code) noexcept
{
    return nexus_status_name(static_cast<nexus_status>(code));
}

namespace detail {

/* A view of a C string; one that points nowhere for NULL. */
inline std::string_view view(const char *text) noexcept
{
    return text == nullptr ? std::string_view() : std::string_view(text);
}

} // namespace detail

/** Why a call failed. Owns the error object of the library. */
class failure {
public:
    failure() noexcept = default;
    failure(nexus::status code, nexus_error *error) noexcept : status_(code), error_(error) {}
    /** Takes ownership of an error object that a C call returned; null for no failure. */
    explicit failure(nexus_error *error) noexcept
        : status_(error != nullptr ? static_cast<nexus::status>(nexus_error_status(error)) : nexus::status::ok),
          error_(error)
    {
    }
    /** A failure that the wrapper itself detected; `message` is static. */
    failure(nexus::status code, const char *message) noexcept : status_(code), message_(message) {}

    nexus::status status() const noexcept { return status_; }
    /** True if there is a failure. */
    explicit operator bool() const noexcept { return status_ != nexus::status::ok; }
    /** One line, for people. */
    const char *message() const noexcept
    {
        return error_ ? nexus_error_message(error_.get()) : message_ != nullptr ? message_ : status_name(status_);
    }
    /** The path in the store that the failure is about; a null view if it is about none. */
    std::string_view path() const noexcept { return detail::view(error_ ? nexus_error_path(error_.get()) : nullptr); }
    /** The index of the failed operation of a batch, from 0; -1 if it is about none. */
    std::int64_t index() const noexcept { return error_ ? nexus_error_index(error_.get()) : -1; }
    /** The error object, for C; null if the wrapper itself detected the failure. */
    const nexus_error *get() const noexcept { return error_.get(); }
    /** Gives up ownership of the error object; free it with nexus_error_free. */
    nexus_error *release() noexcept { return error_.release(); }

private:
    struct free_error {
        void operator()(nexus_error *error) const noexcept { nexus_error_free(error); }
    };
    nexus::status status_ = nexus::status::ok;
    const char *message_ = nullptr;
    std::unique_ptr<nexus_error, free_error> error_;
};

/** An exception with the contents of a failure, which it does not need any more; copies share the texts. */
class error : public std::exception {
public:
    explicit error(const failure &why)
        : status_(why.status()), index_(why.index()),
          message_(why.get() == nullptr ? why.message() : status_name(why.status())),
          texts_(why.get() == nullptr ? nullptr : std::make_shared<const texts>(why))
    {
    }
    nexus::status status() const noexcept { return status_; }
    const char *what() const noexcept override { return texts_ ? texts_->message.c_str() : message_; }
    /** As failure::path. */
    std::string_view path() const noexcept
    {
        return texts_ && texts_->path ? std::string_view(*texts_->path) : std::string_view();
    }
    /** As failure::index. */
    std::int64_t index() const noexcept { return index_; }

private:
    struct texts {
        explicit texts(const failure &why) : message(why.message())
        {
            if (why.path().data() != nullptr)
                path.emplace(why.path());
        }
        std::string message;
        std::optional<std::string> path;
    };
    nexus::status status_;
    std::int64_t index_;
    const char *message_; /* static; what there is to tell without texts */
    std::shared_ptr<const texts> texts_;
};

namespace detail {

[[noreturn]] inline void raise(const failure &why)
{
#if NEXUS_HPP_EXCEPTIONS
    throw error(why);
#else
    (void)why;
    std::abort();
#endif
}

} // namespace detail

/** The value of a call, or its failure. A temporary returns its value by value, so a range-for over it is safe. */
template <class T> class [[nodiscard]] result {
public:
    result(T value) : value_(std::move(value)) {}
    result(failure why) noexcept : why_(std::move(why)) {}

    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }
    nexus::status status() const noexcept { return why_.status(); }
    /** The failure; one with status ok if the call succeeded. */
    const failure &error() const & noexcept { return why_; }
    failure error() && noexcept { return std::move(why_); }

    /** The value. Without one, throws nexus::error and keeps error(); aborts if exceptions are off. */
    T &value() &
    {
        require();
        return *value_;
    }
    const T &value() const &
    {
        require();
        return *value_;
    }
    T value() &&
    {
        require();
        return std::move(*value_);
    }
    T value_or(T otherwise) const & { return value_ ? *value_ : std::move(otherwise); }
    T value_or(T otherwise) && { return value_ ? std::move(*value_) : std::move(otherwise); }

    /** The value, which must exist. */
    T &operator*() & noexcept { return *value_; }
    const T &operator*() const & noexcept { return *value_; }
    T operator*() && noexcept(std::is_nothrow_move_constructible<T>::value) { return std::move(*value_); }
    T *operator->() noexcept { return &*value_; }
    const T *operator->() const noexcept { return &*value_; }

private:
    void require() const
    {
        if (!value_)
            detail::raise(why_);
    }
    std::optional<T> value_;
    failure why_;
};

/** Success of a call, or its failure. */
template <> class [[nodiscard]] result<void> {
public:
    result() noexcept = default;
    result(failure why) noexcept : why_(std::move(why)) {}

    bool has_value() const noexcept { return !why_; }
    explicit operator bool() const noexcept { return has_value(); }
    nexus::status status() const noexcept { return why_.status(); }
    const failure &error() const & noexcept { return why_; }
    failure error() && noexcept { return std::move(why_); }
    /** If the call failed, throws nexus::error and keeps error(); aborts if exceptions are off. */
    void value() const
    {
        if (why_)
            detail::raise(why_);
    }

private:
    failure why_;
};

} // inline namespace
} // namespace nexus

#endif
