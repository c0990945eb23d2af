/* A directory for the time of a run: made in $TMPDIR (or /tmp), removed with all it holds. */
#ifndef NEXUS_EXAMPLES_SCRATCH_HPP
#define NEXUS_EXAMPLES_SCRATCH_HPP

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

class scratch_directory {
public:
    scratch_directory()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "nexus-example-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error("cannot make a temporary directory");
        path_ = pattern;
    }
    ~scratch_directory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    scratch_directory(const scratch_directory &) = delete;
    scratch_directory &operator=(const scratch_directory &) = delete;

    std::string operator/(const char *name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

#endif
