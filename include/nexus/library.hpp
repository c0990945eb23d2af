/* The library as a whole: versions, what is open, the log. */
#ifndef NEXUS_LIBRARY_HPP
#define NEXUS_LIBRARY_HPP

#include "error.hpp"
#include "text.hpp"

namespace nexus {
inline namespace NEXUS_HPP_NAMESPACE {

/** The version of the library, for example "0.1.0". */
inline const char *version() noexcept
{
    return nexus_version();
}

/** The version of the library's binary interface, to be compared with NEXUS_ABI_VERSION. */
inline std::uint32_t abi_version() noexcept
{
    return nexus_abi_version();
}

/** The number of objects that the caller has not closed or freed yet. */
inline std::uint64_t live_objects() noexcept
{
    return nexus_live_objects();
}

/** Log levels. */
enum class log_level : std::int32_t {
    error = NEXUS_LOG_ERROR,
    warn = NEXUS_LOG_WARN,
    info = NEXUS_LOG_INFO,
    debug = NEXUS_LOG_DEBUG
};

/** Sets the one log function of the process; null for none. It must not throw. */
inline result<void> try_set_log_callback(nexus_log_fn function, void *user, log_level level)
{
    return detail::give(detail::call([&](nexus_error **error) {
        return nexus_set_log_callback(function, user, static_cast<std::int32_t>(level), error);
    }));
}

#if NEXUS_HPP_EXCEPTIONS
inline void set_log_callback(nexus_log_fn function, void *user, log_level level)
{
    try_set_log_callback(function, user, level).value();
}
#endif

} // inline namespace
} // namespace nexus

#endif
