/*
 * What the C++ tests stand on: checks that tell the story, a temporary directory, and the functions of a program run one
 * by one. Works without exceptions too: a check that does not hold ends the program.
 */
#ifndef NEXUS_TESTS_CHECK_HPP
#define NEXUS_TESTS_CHECK_HPP

#include <nexus.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <unistd.h>

namespace check {

inline const char *running = "";

[[noreturn]] inline void fail(const char *file, int line, const std::string &story)
{
    std::fprintf(stderr, "%s:%d: in %s: %s\n", file, line, running, story.c_str());
    std::_Exit(1);
}

inline void holds(const char *file, int line, bool condition, const char *text)
{
    if (!condition)
        fail(file, line, std::string(text) + " does not hold");
}

template <class A, class B> void equal(const char *file, int line, const A &got, const B &wanted, const char *text)
{
    if (!(got == wanted)) {
        std::ostringstream story;
        story << text << " is\n      " << got << "\n    expected\n      " << wanted;
        fail(file, line, story.str());
    }
}

/* The result of a call that must go well. */
template <class T> T good(const char *file, int line, nexus::result<T> given, const char *call)
{
    if (!given)
        fail(file, line, std::string(call) + "\n    failed: " + given.error().message());
    if constexpr (!std::is_void<T>::value)
        return std::move(*given);
}

template <class T>
void refused(const char *file, int line, const nexus::result<T> &given, nexus::status wanted, const char *call)
{
    if (given.status() != wanted)
        fail(file, line, std::string(call) + "\n    gave " + nexus::status_name(given.status()) + ", expected "
                             + nexus::status_name(wanted));
    if (std::string_view(given.error().message()).empty())
        fail(file, line, std::string(call) + "\n    has no message");
}

/* A directory that goes with the object. */
class directory {
public:
    directory()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "nexus-test-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr)
            fail(__FILE__, __LINE__, "mkdtemp " + pattern);
        path_ = pattern;
    }
    ~directory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    directory(const directory &) = delete;
    directory &operator=(const directory &) = delete;
    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
    /* A configuration of a store here, with further members. */
    std::string config(std::string_view more = "") const
    {
        return "{\"data_dir\": \"" + *this / "store" + "\", \"durability\": \"normal\"" + std::string(more) + "}";
    }

private:
    std::string path_;
};

/* Runs one test, which must free all that the library handed out. */
template <class Test> void run(const char *name, Test test)
{
    running = name;
    test();
    if (nexus::live_objects() != 0)
        fail(__FILE__, __LINE__, std::to_string(nexus::live_objects()) + " objects are still open");
    std::fprintf(stderr, "ok   %s\n", name);
}

} // namespace check

#define CHECK(condition) check::holds(__FILE__, __LINE__, (condition), #condition)
#define EQUAL(got, wanted) check::equal(__FILE__, __LINE__, (got), (wanted), #got)
#define GOOD(call) check::good(__FILE__, __LINE__, (call), #call)
#define REFUSED(why, call) check::refused(__FILE__, __LINE__, (call), nexus::status::why, #call)
#define RUN(test) check::run(#test, test)

#endif
