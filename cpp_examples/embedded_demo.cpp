/* A tour of Nexus in eight parts: files, metadata, persistence, routing and directories, mounts, namespaces,
 * isolation, deduplication.
 *
 *     embedded_demo [DATA_DIR]
 *
 * Without DATA_DIR the store lives in a temporary directory and goes at the end; a DATA_DIR should be new or empty.
 */
#include "json_text.hpp"
#include "refused.hpp"
#include "scratch.hpp"

#include <optional>

using nexus::status;

namespace {

std::string data_dir_json;   // the data directory, as a JSON string
std::string mount_root_json; // another directory, for part 5

// Opens the store with a config of `data_dir` and what `more` adds, such as ", \"tenant_id\": \"acme\"".
nexus::store open_store(std::string_view more = "")
{
    return nexus::store::connect("{\"data_dir\": " + data_dir_json + std::string(more) + "}");
}

void print_file(const nexus::store &fs, std::string_view path)
{
    std::cout << "  " << path << " holds \"" << fs.read(path).text() << "\"\n";
}

void print_entries(std::string_view title, const nexus::entries &entries)
{
    std::cout << "  " << title << ":" << (entries.empty() ? " nothing" : "") << '\n';
    for (nexus::entry_view entry : entries) {
        if (entry.is_directory())
            std::cout << "    " << entry.path() << "/\n";
        else
            std::cout << "    " << entry.path() << "  " << entry.size() << " bytes\n";
    }
}

void print_children(const nexus::store &fs, std::string_view path)
{
    nexus::list_options options;
    options.path = path;
    options.recursive = false;
    print_entries(path, fs.list(options));
}

void print_exists(const nexus::store &fs, std::string_view path)
{
    std::cout << "  " << path << (fs.exists(path) ? " exists\n" : " does not exist\n");
}

// --------------------------------------------------------------------------------------------------------------------

void part_1_files()
{
    const nexus::store fs = open_store();
    std::cout << "\nPart 1: files\n";

    // A write makes the parents, and replaces what was there as a whole.
    fs.write("/documents/report.txt", "All is well");
    fs.write("/images/logo.svg", "<svg/>");
    print_file(fs, "/documents/report.txt");

    fs.append("/documents/report.txt", ", still");
    print_file(fs, "/documents/report.txt");

    char start[7];
    const std::size_t got = fs.read_at("/documents/report.txt", 4, start);
    std::cout << "  " << got << " bytes from offset 4: \"" << std::string_view(start, got) << "\"\n";

    // Conditions are checked in the transaction that writes: of two writers with one etag, one wins.
    const nexus::entry seen = fs.stat("/documents/report.txt");
    nexus::write_options unchanged;
    unchanged.if_match = seen.etag();
    fs.write("/documents/report.txt", "Mine", unchanged);
    refused(status::conflict, [&] { fs.write("/documents/report.txt", "Yours", unchanged); });

    print_entries("all files", fs.list());
    nexus::list_options images;
    images.prefix = "/images";
    print_entries("prefix /images", fs.list(images));

    fs.remove("/images/logo.svg");
    print_exists(fs, "/images/logo.svg");
    refused(status::not_found, [&] { fs.remove("/images/logo.svg"); });
}

void part_2_metadata()
{
    const nexus::store fs = open_store();
    std::cout << "\nPart 2: metadata\n";

    // What the store keeps of every file.
    const nexus::entry entry = fs.stat("/documents/report.txt");
    std::cout << "  size " << entry.size() << ", version " << entry.version() << ", " << entry.mime_type() << '\n'
              << "  etag " << entry.etag() << '\n'
              << "  changed after it was made: " << (entry.modified_at() >= entry.created_at() ? "yes" : "no") << '\n';

    // What you add: any JSON, under any key.
    fs.set_meta("/documents/report.txt", "author", R"("ada")");
    fs.set_meta_many("/documents/report.txt", R"({"pages": 3, "review": {"by": "bob", "ok": true}})");
    std::cout << "  review: " << fs.get_meta("/documents/report.txt", "review") << '\n';
    print_entries("written by ada", fs.find_by_meta("author", R"("ada")"));

    // The path id stays with the file through renames and overwrites.
    const nexus::string id = fs.path_id("/documents/report.txt");
    fs.rename("/documents/report.txt", "/documents/final.txt");
    std::cout << "  " << id << " is now " << fs.path_of_id(id) << '\n';
}

void part_3_persistence()
{
    std::cout << "\nPart 3: persistence\n";
    {
        const nexus::store fs = open_store();
        fs.write("/state/counter", "41");
    }
    std::cout << "  closed; open objects: " << nexus::live_objects() << '\n';

    const nexus::store fs = open_store();
    std::cout << "  opened again\n";
    print_file(fs, "/state/counter");
    std::cout << "  /documents/final.txt is still by " << fs.get_meta("/documents/final.txt", "author") << '\n';
}

void part_4_routing_and_directories()
{
    const nexus::store fs = open_store();
    std::cout << "\nPart 4: routing and directories\n";

    // However it is spelt, a file has one name; and no path leads out of the store.
    fs.write("project//src/./main.c", "int main(void) { return 0; }");
    print_file(fs, "/project/src/main.c");
    refused(status::invalid_path, [&] { fs.write("/project/../etc/passwd", "x"); });
    refused(status::not_a_directory, [&] { fs.write("/project/src/main.c/below", "x"); });

    // A directory exists because it was made, or because something is in it.
    fs.mkdir("/project/build/objects", nexus::mkdir_flags::parents);
    std::cout << "  /project/src is" << (fs.is_directory("/project/src") ? "" : " not") << " a directory\n";
    fs.write("/project/notes.md", "# Notes\n\nTODO: write them\n");
    print_children(fs, "/project");

    print_entries("/project/**/*.{c,md}", fs.glob("/project/**/*.{c,md}"));
    for (nexus::match_view match : fs.grep("TODO|FIXME"))
        std::cout << "  " << match.path() << ':' << match.line() << ": " << match.text() << '\n';

    // A tree moves or is copied at once, and no content is moved.
    fs.copy("/project", "/backup/monday");
    fs.rename("/project/src", "/project/source");
    print_entries("all files", fs.list());

    refused(status::not_empty, [&] { fs.rmdir("/project"); });
    fs.remove_all("/project");
    print_exists(fs, "/project");
    fs.remove_all("/backup");
}

void part_5_mounts()
{
    std::cout << "\nPart 5: mounts\n";

    // The content below /models goes to another directory: another disk, say. Metadata stays in the one database.
    const std::string mount = R"("name": "bulk", "path": "/models", "backend": "local", "root": )" + mount_root_json;
    {
        const nexus::store fs = open_store(", \"mounts\": [{" + mount + "}]");
        fs.write("/models/classifier.bin", "weights");
        fs.write("/models-of-thought.txt", "not below /models");
        for (const char *path : {"/models/classifier.bin", "/models-of-thought.txt"})
            std::cout << "  " << path << " lives in \"" << fs.stat(path).backend_name() << "\"\n";

        // A rename from one backend to the other copies the content first; it still happens at once.
        fs.rename("/models-of-thought.txt", "/models/thought.txt");
        print_children(fs, "/models");
    }
    {
        // Without the mount the files are known, but their bytes are elsewhere.
        const nexus::store fs = open_store();
        print_children(fs, "/models");
        refused(status::not_mounted, [&] { fs.read("/models/classifier.bin"); });
    }
    const nexus::store fs = open_store(", \"mounts\": [{" + mount + ", \"readonly\": true}]");
    print_file(fs, "/models/classifier.bin");
    refused(status::read_only, [&] { fs.write("/models/classifier.bin", "x"); });
}

void part_6_tenants_agents_namespaces()
{
    std::cout << "\nPart 6: tenants, agents and namespaces\n";

    // The first segment of a path is its namespace. Five are built in; a config declares more, and they bind everyone
    // who opens the store from then on.
    const nexus::store acme = open_store(R"(, "tenant_id": "acme", "agent_id": "agent1", "namespaces": [
        {"name": "analytics", "requires_tenant": true},
        {"name": "audit", "admin_only": true, "requires_tenant": false}])");

    acme.write("/workspace/acme/agent1/plan.md", "1. Look around");
    acme.write("/shared/acme/team.json", R"({"project": "orbit"})");
    acme.write("/external/public.txt", "for everyone");
    acme.write("/analytics/acme/daily.json", R"({"revenue": 50000})");
    print_entries("agent1 of acme sees", acme.list());

    refused(status::access_denied, [&] { acme.write("/workspace/acme/agent2/plan.md", "x"); });
    refused(status::access_denied, [&] { acme.write("/analytics/techinc/daily.json", "x"); });
    refused(status::access_denied, [&] { acme.write("/audit/access.log", "x"); });
    refused(status::access_denied, [&] { acme.write("/system/settings", "x"); });
    refused(status::read_only, [&] { acme.write("/archives/acme/2025.tar", "x"); });

    // An admin passes the bounds of tenants; what is read-only stays so, unless the config says otherwise.
    const nexus::store admin = open_store(R"(, "is_admin": true, "allow_readonly_writes": true)");
    admin.write("/audit/access.log", "acme wrote a report");
    admin.write("/archives/acme/2025.tar", "old things");
    print_file(acme, "/archives/acme/2025.tar");

    const nexus::store strict =
        open_store(R"(, "tenant_id": "acme", "agent_id": "agent1", "strict_namespaces": true)");
    refused(status::access_denied, [&] { strict.write("/documents/memo.txt", "x"); });
}

void part_7_isolation()
{
    std::cout << "\nPart 7: isolation end to end\n";

    // A host that serves many agents opens the store once and narrows a handle for each of them.
    const nexus::store host = open_store();
    const nexus::store acme1 = host.with_identity("acme", "agent1");
    const nexus::store acme2 = host.with_identity("acme", "agent2");
    const nexus::store techinc = host.with_identity("techinc", "agent1");

    acme1.write("/workspace/acme/agent1/secret.txt", "the formula");
    acme2.write("/workspace/acme/agent2/draft.txt", "a draft");
    techinc.write("/workspace/techinc/agent1/secret.txt", "another formula");

    // Another tenant can neither read a file nor tell whether there is one.
    refused(status::access_denied, [&] { techinc.read("/workspace/acme/agent1/secret.txt"); });
    refused(status::access_denied, [&] { techinc.read("/workspace/acme/agent1/no-such-file"); });
    print_exists(techinc, "/workspace/acme/agent1/secret.txt");
    print_entries("techinc finds /workspace/**/secret.txt", techinc.glob("/workspace/**/secret.txt"));

    // A hash is no key: of content that it may not read, a handle learns nothing.
    const nexus::entry secret = acme1.stat("/workspace/acme/agent1/secret.txt");
    refused(status::not_found, [&] { techinc.content_info(secret.etag()); });

    // Nor can it remove what it does not see from above.
    refused(status::access_denied, [&] { techinc.remove_all("/workspace"); });

    // Agents of one tenant work apart in /workspace and together in /shared.
    refused(status::access_denied, [&] { acme2.read("/workspace/acme/agent1/secret.txt"); });
    acme1.write("/shared/acme/handover.txt", "over to you");
    print_file(acme2, "/shared/acme/handover.txt");

    // A handle can be narrowed, never widened.
    refused(status::access_denied, [&] { techinc.with_identity("acme"); });
}

void print_reference_count(const nexus::store &fs, std::string_view etag)
{
    const nexus::string info = fs.content_info(etag);
    std::cout << "  stored once, " << json_number(info, "size") << " bytes, reference count "
              << json_number(info, "ref_count") << '\n';
}

void part_8_deduplication()
{
    const std::string_view data = "This is important data";
    const nexus::store fs = open_store();
    std::cout << "\nPart 8: deduplication\n";

    fs.write("/reports/a.txt", data);
    fs.write("/reports/b.txt", data);
    fs.copy("/reports/b.txt", "/reports/c.txt");
    const nexus::entry first = fs.stat("/reports/a.txt");
    print_reference_count(fs, first.etag());

    // The same bytes again are no further reference; other bytes give one back.
    fs.write("/reports/a.txt", data);
    print_reference_count(fs, first.etag());
    fs.write("/reports/c.txt", "Something else");
    print_reference_count(fs, first.etag());

    // Content goes with the last file that holds it.
    fs.remove("/reports/a.txt");
    print_reference_count(fs, first.etag());
    print_file(fs, "/reports/b.txt");
    fs.remove("/reports/b.txt");
    refused(status::not_found, [&] { fs.content_info(first.etag()); });
}

} // namespace

int main(int argc, char **argv)
try {
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        std::cerr << "usage: " << argv[0] << " [DATA_DIR]\n";
        return 2;
    }
    std::optional<scratch_directory> scratch;
    const std::string data_dir = argc == 2 ? argv[1] : scratch.emplace() / "store";
    std::filesystem::create_directory(data_dir + "-bulk");
    data_dir_json = json_quote(data_dir);
    mount_root_json = json_quote(data_dir + "-bulk");

    std::cout << "Nexus " << nexus::version() << '\n';
    part_1_files();
    part_2_metadata();
    part_3_persistence();
    part_4_routing_and_directories();
    part_5_mounts();
    part_6_tenants_agents_namespaces();
    part_7_isolation();
    part_8_deduplication();

    // Nothing is left open: every handle, list, entry and error went with its owner.
    if (nexus::live_objects() != 0)
        throw std::logic_error("something is still open");
    std::cout << "\nDone; every object was freed.\n";
    return 0;
} catch (const std::exception &error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
}
