/* Files as work items: a small pipeline whose dependencies resolve step by step.
 *
 *     work_items [DATA_DIR]
 *
 * A file with the metadata key `status` is a work item. `depends_on` names the items that must be completed first;
 * an item that is `blocked` becomes `ready` by itself when the last of them is, in the same transaction.
 */
#include "json_text.hpp"
#include "refused.hpp"
#include "scratch.hpp"

#include <iomanip>
#include <optional>

using nexus::status;

namespace {

const std::string jobs = "/shared/acme/jobs/";

// Makes the job and sets its work metadata, both or neither.
void add_job(const nexus::store &fs, const std::string &name, std::string_view content, std::string_view metadata)
{
    fs.batch().write(jobs + name, content).set_meta_many(jobs + name, metadata).commit();
}

void print_view(std::string_view title, const nexus::work_list &items)
{
    std::cout << "  " << std::left << std::setw(12) << title << (items.empty() ? "-" : "");
    const char *separator = "";
    for (nexus::work_item_view item : items) {
        std::cout << separator << item.path();
        if (item.blocker_count() > 0)
            std::cout << " (waits for " << item.blocker_count() << ")";
        if (!item.worker_id().empty())
            std::cout << " (by " << item.worker_id() << ")";
        separator = ", ";
    }
    std::cout << '\n';
}

void print_views(std::string_view title, const nexus::store &fs)
{
    std::cout << '\n' << title << '\n';
    print_view("ready", fs.ready_work(10));
    print_view("blocked", fs.blocked_work(10));
    print_view("pending", fs.pending_work(10));
    print_view("in progress", fs.in_progress_work(10));
}

void explain(const nexus::store &fs, const std::string &name)
{
    std::cout << "  " << jobs << name << ": " << fs.work_explain(jobs + name) << '\n';
}

void set_status(const nexus::store &fs, const std::string &name, std::string_view value)
{
    fs.set_meta(jobs + name, "status", json_quote(value));
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
    const nexus::store fs =
        nexus::store::connect("{\"data_dir\": " + json_quote(data_dir) + ", \"tenant_id\": \"acme\"}");

    // fetch -> clean -> train -> report, where train also needs the labels. Lower priorities come first.
    add_job(fs, "fetch", "get the data", R"({"status": "ready", "priority": 1})");
    add_job(fs, "label", "ask the experts", R"({"status": "ready", "priority": 5})");
    add_job(fs, "clean", "drop the noise", R"({"status": "blocked", "depends_on": "/shared/acme/jobs/fetch"})");
    add_job(fs, "train", "fit the model",
            R"({"status": "blocked", "depends_on": ["/shared/acme/jobs/clean", "/shared/acme/jobs/label"]})");
    add_job(fs, "report", "write it up", R"({"status": "blocked", "depends_on": "/shared/acme/jobs/train"})");
    // Blocked without a dependency: held until someone sets it free. Pending: not yet released. Delayed: not due.
    add_job(fs, "publish", "tell the world", R"({"status": "blocked"})");
    add_job(fs, "retro", "look back", R"({"status": "pending"})");
    add_job(fs, "renew", "renew the licence", R"({"status": "ready", "not_before": "2999-01-01T00:00:00Z"})");
    print_views("At first", fs);
    explain(fs, "train");

    // A dependency that would close a circle is refused, and nothing of the change is stored.
    refused(status::cycle, [&] { fs.set_meta(jobs + "fetch", "depends_on", R"("/shared/acme/jobs/report")"); });
    refused(status::invalid_argument, [&] { fs.set_meta(jobs + "fetch", "priority", R"("high")"); });

    fs.set_meta_many(jobs + "fetch", R"({"status": "in_progress", "worker_id": "worker-1"})");
    print_views("worker-1 fetches", fs);

    set_status(fs, "fetch", "completed");
    print_views("fetch is completed: clean is ready by itself", fs);

    set_status(fs, "clean", "completed");
    print_views("clean is completed: train still waits for label", fs);
    explain(fs, "train");

    // A failed dependency is not a satisfied one.
    set_status(fs, "label", "failed");
    print_views("label has failed: train does not start", fs);
    explain(fs, "train");

    for (const char *name : {"label", "train", "report"})
        set_status(fs, name, "completed");
    print_views("label was mended, train and report are completed", fs);

    set_status(fs, "publish", "ready");
    set_status(fs, "retro", "ready");
    print_views("publish and retro are set free by hand", fs);

    std::cout << "\nStatistics: " << fs.work_stats("/shared/acme/jobs") << '\n';
    return 0;
} catch (const std::exception &error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
}
