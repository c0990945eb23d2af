/* Four ways to configure a store: JSON, YAML files, several tenants, an admin.
 *
 *     config_demo [DIRECTORY]
 *
 * DIRECTORY holds config-basic.yaml and config-multi-tenant.yaml; without it they are looked for in c_examples/ and in
 * the working directory. The store lives in a temporary directory and goes at the end.
 */
#include "json_text.hpp"
#include "refused.hpp"
#include "scratch.hpp"

using nexus::status;

namespace {

nexus::store connect_json(const std::string &data_dir, std::string_view more)
{
    return nexus::store::connect("{\"data_dir\": " + json_quote(data_dir) + std::string(more) + "}");
}

void write_text(const nexus::store &fs, std::string_view path, std::string_view text)
{
    fs.write(path, text);
    std::cout << "  wrote " << path << '\n';
}

// Prints `"key":{"value":...,"source":...}` from the effective configuration.
void print_setting(const nexus::store &fs, std::string_view key)
{
    const nexus::string config = fs.config();
    const std::string_view from = config.view().substr(config.view().find(json_quote(key)));
    std::cout << "  " << from.substr(0, from.find('}')) << "}\n";
}

void demo_1_json(const std::string &data_dir)
{
    std::cout << "\n1. JSON, in the program\n";
    const nexus::store fs = connect_json(data_dir, R"(, "durability": "normal", "cache_size_mb": 32)");
    write_text(fs, "/documents/hello.txt", "hello");
    // What holds in the end, and where it comes from.
    for (const char *key : {"durability", "cache_size_mb", "inline_max_bytes"})
        print_setting(fs, key);

    // No key is accepted and then ignored.
    refused(status::invalid_config, [] { nexus::store::connect(R"({"tenant": "acme"})"); });
    refused(status::invalid_config, [] { nexus::store::connect(R"({"cache_size_mb": "big"})"); });
}

void demo_2_yaml(const std::string &basic)
{
    std::cout << "\n2. YAML: config-basic.yaml\n";
    const nexus::store fs = nexus::store::connect_file(basic);
    print_setting(fs, "durability");
    write_text(fs, "/documents/from-yaml.txt", "hello");
}

void demo_3_multi_tenant(const std::string &multi_tenant)
{
    std::cout << "\n3. Several tenants: config-multi-tenant.yaml\n";
    // The file takes its identity from ${TENANT_ID}; without the variable nothing opens.
    unsetenv("TENANT_ID");
    refused(status::invalid_config, [&] { nexus::store::connect_file(multi_tenant); });

    setenv("TENANT_ID", "acme", 1);
    const nexus::store acme = nexus::store::connect_file(multi_tenant);
    setenv("TENANT_ID", "techinc", 1);
    const nexus::store techinc = nexus::store::connect_file(multi_tenant);
    print_setting(techinc, "tenant_id");

    write_text(acme, "/ml_models/acme/classifier.bin", "weights");
    write_text(techinc, "/ml_models/techinc/classifier.bin", "other weights");
    refused(status::access_denied, [&] { techinc.read("/ml_models/acme/classifier.bin"); });
    refused(status::access_denied, [&] { acme.write("/catalogue/offers.json", "x"); });
    refused(status::access_denied, [&] { acme.write("/documents/hello.txt", "x"); });
}

void demo_4_admin(const std::string &data_dir)
{
    std::cout << "\n4. An admin\n";
    const nexus::store admin = connect_json(data_dir, R"(, "is_admin": true)");
    write_text(admin, "/catalogue/offers.json", "[]");
    for (nexus::entry_view file : admin.each_glob("/ml_models/**"))
        std::cout << "  sees " << file.path() << '\n';
    // /system and /archives are read-only for admins too, unless the config allows it.
    refused(status::read_only, [&] { admin.write("/system/motd", "x"); });

    write_text(connect_json(data_dir, R"(, "is_admin": true, "allow_readonly_writes": true)"), "/system/motd",
               "welcome");
}

} // namespace

int main(int argc, char **argv)
try {
    const std::filesystem::path directory =
        argc == 2 ? argv[1] : std::filesystem::exists("c_examples/config-basic.yaml") ? "c_examples" : ".";
    if (argc > 2 || directory.string()[0] == '-') {
        std::cerr << "usage: " << argv[0] << " [DIRECTORY]\n";
        return 2;
    }
    const scratch_directory scratch;
    const std::string data_dir = scratch / "store";
    setenv("NEXUS_DATA_DIR", data_dir.c_str(), 1); // both files say data_dir: ${NEXUS_DATA_DIR:-./nexus-data}

    demo_1_json(data_dir);
    demo_2_yaml(directory / "config-basic.yaml");
    demo_3_multi_tenant(directory / "config-multi-tenant.yaml");
    demo_4_admin(data_dir);

    std::cout << "\nThe two YAML files are yours to copy.\n";
    return 0;
} catch (const std::exception &error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
}
