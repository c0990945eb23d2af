/* Takes directory trees of the host into a store, in batches, and reads all of it back.
 *
 *     ingest_tree [options] DIRECTORY...
 *
 * Files shorter than a piece (1 MiB) go in batches, one transaction each; longer ones through a streaming writer, so
 * that memory stays bounded whatever the trees hold. Symbolic links, special files, and names that Nexus refuses are
 * skipped and counted. Then every file is read back and compared, byte by byte, with the file on the host.
 */
#include "json_text.hpp"

#include <nexus.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <stdexcept>
#include <vector>

namespace {

namespace host = std::filesystem;

constexpr std::size_t piece_bytes = 1 << 20;
constexpr std::size_t batch_bytes = 16 << 20; // a batch holds its bytes in memory until it is committed

struct settings {
    std::string data_dir = "./nexus-data";
    std::string tenant;
    std::string prefix;
    std::string durability = "full";
    std::size_t batch_files = 1000;
    std::vector<host::path> trees;
};

void warn(const host::path &path, std::string_view why)
{
    std::cerr << path.string() << ": " << why << '\n';
}

// Files and bytes of one pass over the trees.
struct tally {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();

    void print(std::string_view verb) const
    {
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count() + 1e-9;
        std::cout << verb << ' ' << files << " files, " << bytes << " bytes, in " << std::fixed << std::setprecision(2)
                  << seconds << " s: " << std::setprecision(0) << double(files) / seconds << " files/s, "
                  << std::setprecision(1) << double(bytes) / (1 << 20) / seconds << " MiB/s\n";
    }
};

// A file of the host, read in pieces.
class host_file {
public:
    explicit host_file(const host::path &path) : in_(path, std::ios::binary), piece_(piece_bytes)
    {
        if (!in_)
            throw host::filesystem_error("cannot be opened", path, std::make_error_code(std::errc::io_error));
    }
    // The next piece, shorter than piece_bytes only where the file ends.
    std::string_view next()
    {
        in_.read(piece_.data(), static_cast<std::streamsize>(piece_.size()));
        if (in_.bad())
            throw std::runtime_error("cannot be read");
        return {piece_.data(), static_cast<std::size_t>(in_.gcount())};
    }

private:
    std::ifstream in_;
    std::vector<char> piece_;
};

/* ---- taking in --------------------------------------------------------------------------------------------------- */

class ingest {
public:
    ingest(const nexus::store &fs, std::size_t batch_files) : fs_(fs), batch_files_(batch_files), batch_(fs.batch()) {}

    void file(const host::path &from, const std::string &to)
    {
        try {
            host_file in(from);
            const std::string_view first = in.next();
            if (first.size() < piece_bytes)
                small(to, first);
            else
                large(to, first, in);
        } catch (const nexus::error &error) {
            // A name that Nexus does not take is counted and left out; any other error ends the program.
            if (error.status() != nexus::status::invalid_path)
                throw;
            warn(from, error.what());
            refused_++;
        } catch (const std::runtime_error &error) {
            warn(from, error.what());
            unreadable_++;
        }
    }
    void other(const host::directory_entry &entry) { ++(entry.is_symlink() ? links_ : special_); }

    void finish()
    {
        commit();
        done_.print("written  ");
        std::cout << "skipped   " << links_ << " symbolic links, " << special_ << " special files, " << refused_
                  << " refused names, " << unreadable_ << " unreadable\n";
    }
    std::uint64_t files() const { return done_.files; }

private:
    void small(const std::string &to, std::string_view content)
    {
        batch_.write(to, content);
        held_files_++;
        held_bytes_ += content.size();
        count(content.size());
        if (held_files_ >= batch_files_ || held_bytes_ >= batch_bytes)
            commit();
    }
    // The file appears in the store at the commit; a writer that is not committed leaves nothing.
    void large(const std::string &to, std::string_view piece, host_file &in)
    {
        nexus::writer writer = fs_.open_writer(to);
        std::uint64_t size = 0;
        for (; !piece.empty(); piece = in.next()) {
            writer.write(piece);
            size += piece.size();
        }
        writer.commit();
        count(size);
    }
    void commit()
    {
        batch_.commit();
        batch_ = fs_.batch();
        held_files_ = held_bytes_ = 0;
    }
    void count(std::uint64_t bytes)
    {
        done_.files++;
        done_.bytes += bytes;
    }

    const nexus::store &fs_;
    const std::size_t batch_files_;
    nexus::batch batch_;
    std::size_t held_files_ = 0;
    std::size_t held_bytes_ = 0;
    std::uint64_t links_ = 0;
    std::uint64_t special_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t unreadable_ = 0;
    tally done_;
};

/* ---- reading back ------------------------------------------------------------------------------------------------ */

class comparison {
public:
    explicit comparison(const nexus::store &fs) : fs_(fs), stored_(piece_bytes) {}

    void file(const host::path &from, const std::string &to)
    {
        nexus::result<nexus::entry> before = fs_.try_stat(to);
        // The first pass left such a name out, and has said so; a file made since then is missing here.
        if (before.status() == nexus::status::invalid_path)
            return;
        if (before.status() == nexus::status::not_found) {
            warn(from, "is not in the store");
            different_++;
            return;
        }
        nexus::reader reader = fs_.open_reader(to);
        if (reader.size() != before.value().size() || !same_bytes(reader, from)) {
            warn(from, "differs from what the store holds");
            different_++;
        }
        // Reading leaves the content, and so the etag, as it was.
        if (fs_.stat(to).etag() != before->etag())
            throw std::logic_error(to + " has another etag");
        done_.files++;
    }
    void other(const host::directory_entry &) {}

    void finish() const
    {
        done_.print("read back");
        std::cout << "compared  " << done_.files << " files: " << different_ << " different\n";
    }
    std::uint64_t files() const { return done_.files; }
    std::uint64_t different() const { return different_; }

private:
    // The library checks the bytes against their hash as it reads.
    bool same_bytes(nexus::reader &reader, const host::path &from)
    {
        host_file in(from);
        for (;;) {
            const std::string_view expected = in.next();
            if (expected != next_stored(reader))
                return false;
            if (expected.empty())
                return true;
            done_.bytes += expected.size();
        }
    }
    std::string_view next_stored(nexus::reader &reader)
    {
        std::size_t filled = 0;
        while (filled < stored_.size()) {
            const std::size_t got = reader.read({stored_.data() + filled, stored_.size() - filled});
            if (got == 0)
                break;
            filled += got;
        }
        return {stored_.data(), filled};
    }

    const nexus::store &fs_;
    std::vector<char> stored_;
    std::uint64_t different_ = 0;
    tally done_;
};

/* ---- the program ------------------------------------------------------------------------------------------------- */

// Shows `visitor` all that the trees hold; each tree goes below the prefix under its own name.
template <class Visitor> void walk(const settings &chosen, Visitor &visitor)
{
    const std::string prefix = !chosen.prefix.empty()   ? chosen.prefix
                               : !chosen.tenant.empty() ? "/shared/" + chosen.tenant + "/ingest"
                                                        : "/ingest";
    for (const host::path &tree : chosen.trees) {
        for (const host::directory_entry &entry : host::recursive_directory_iterator(tree)) {
            if (entry.is_regular_file() && !entry.is_symlink())
                visitor.file(entry.path(), prefix + "/" + tree.filename().string() + "/"
                                               + entry.path().lexically_relative(tree).string());
            else if (entry.is_symlink() || !entry.is_directory())
                visitor.other(entry);
        }
    }
}

// What this handle may read of the store, after all that was ever written to it.
void print_store(const nexus::store &fs)
{
    const nexus::string stats = fs.storage_stats();
    std::cout << "store     " << json_number(stats, "files") << " files, " << json_number(stats, "distinct_contents")
              << " distinct contents, " << json_number(stats, "logical_bytes") - json_number(stats, "physical_bytes")
              << " bytes saved by storing each once\n";
}

void usage(std::ostream &out, const char *program)
{
    out << "usage: " << program
        << " [options] DIRECTORY...\n"
           "  --data-dir DIR     where the store is or will be (./nexus-data)\n"
           "  --tenant NAME      work as this tenant\n"
           "  --prefix PATH      put the trees below PATH (/ingest, or /shared/NAME/ingest with --tenant)\n"
           "  --batch N          files in a batch (1000)\n"
           "  --durability WHAT  full or normal (full)\n";
}

// The settings; none where the arguments are wrong.
std::optional<settings> parse(const std::vector<std::string> &arguments)
{
    settings chosen;
    for (std::size_t i = 0; i < arguments.size(); i++) {
        const std::string &name = arguments[i];
        if (name.compare(0, 2, "--") != 0) {
            chosen.trees.push_back(host::canonical(name));
            continue;
        }
        if (++i == arguments.size())
            return std::nullopt;
        const std::string &value = arguments[i];
        if (name == "--data-dir")
            chosen.data_dir = value;
        else if (name == "--tenant")
            chosen.tenant = value;
        else if (name == "--prefix")
            chosen.prefix = value;
        else if (name == "--durability")
            chosen.durability = value;
        else if (name == "--batch")
            chosen.batch_files = std::strtoul(value.c_str(), nullptr, 10);
        else
            return std::nullopt;
    }
    for (std::size_t i = 0; i < chosen.trees.size(); i++)
        for (std::size_t j = 0; j < i; j++)
            if (chosen.trees[i].filename() == chosen.trees[j].filename())
                throw std::runtime_error(chosen.trees[j].string() + " and " + chosen.trees[i].string()
                                         + " would go to the same place");
    return chosen.trees.empty() || chosen.batch_files == 0 ? std::nullopt : std::optional<settings>(chosen);
}

} // namespace

int main(int argc, char **argv)
try {
    const std::optional<settings> chosen = parse({argv + 1, argv + argc});
    if (!chosen) {
        usage(std::cerr, argv[0]);
        return 2;
    }
    const nexus::store fs = nexus::store::connect(
        "{\"data_dir\": " + json_quote(chosen->data_dir) + ", \"durability\": " + json_quote(chosen->durability)
        + ", \"tenant_id\": " + (chosen->tenant.empty() ? "null" : json_quote(chosen->tenant)) + "}");

    ingest taking(fs, chosen->batch_files);
    walk(*chosen, taking);
    taking.finish();
    print_store(fs);

    comparison comparing(fs);
    walk(*chosen, comparing);
    comparing.finish();
    return comparing.different() == 0 && comparing.files() == taking.files() ? 0 : 1;
} catch (const std::exception &error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
}
