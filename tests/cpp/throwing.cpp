/* The calls that throw: each gives what its try_ twin gives, and an error tells what the failure told. */
#include "check.hpp"

#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace std::string_view_literals;

template <class Call> nexus::error thrown_by(Call call)
{
    try {
        call();
    } catch (const nexus::error &error) {
        return error;
    }
    check::fail(__FILE__, __LINE__, "nothing was thrown");
}

#define THROWS(why, call) EQUAL(int(thrown_by([&] { (void)(call); }).status()), int(nexus::status::why))

nexus::store open(const check::directory &directory)
{
    return nexus::store::connect(directory.config());
}

void errors_carry_status_message_path_and_operation()
{
    check::directory directory;
    nexus::store fs = open(directory);
    const nexus::error missing = thrown_by([&] { fs.read("/missing"); });
    CHECK(missing.status() == nexus::status::not_found);
    EQUAL(missing.path(), "/missing");
    EQUAL(missing.index(), -1);
    CHECK(std::string_view(missing.what()).find("/missing") != std::string_view::npos);
    try {
        fs.batch().write("/a", "x").remove("/missing").commit();
        check::fail(__FILE__, __LINE__, "nothing was thrown");
    } catch (const std::exception &caught) {
        const auto &error = dynamic_cast<const nexus::error &>(caught);
        EQUAL(error.index(), 1);
        CHECK(std::string_view(error.what()).find("operation 1") != std::string_view::npos);
    }
    const nexus::error nul = thrown_by([&] { fs.read("/a\0b"sv); });
    CHECK(nul.status() == nexus::status::invalid_path && std::string_view(nul.what()).find("NUL") != std::string_view::npos);
    CHECK(nul.path().data() == nullptr && nul.index() == -1);
    static_assert(std::is_nothrow_copy_constructible<nexus::error>::value, "as exceptions have to be");
}

void a_result_throws_the_same_error_each_time()
{
    check::directory directory;
    nexus::store fs = open(directory);
    nexus::result<nexus::buffer> missing = fs.try_read("/missing");
    const nexus::result<nexus::buffer> &same = missing;
    const std::string message = missing.error().message();
    const auto tells_all = [&](const nexus::error &error) {
        CHECK(error.status() == nexus::status::not_found);
        EQUAL(error.what(), message);
        EQUAL(error.path(), "/missing");
    };
    tells_all(thrown_by([&] { (void)missing.value(); }));
    tells_all(thrown_by([&] { (void)missing.value(); }));
    tells_all(thrown_by([&] { (void)same.value(); }));
    EQUAL(missing.error().message(), message);
    tells_all(thrown_by([&] { (void)std::move(missing).value(); }));

    const nexus::result<void> gone = fs.try_remove("/missing");
    for (int i = 0; i < 2; i++)
        EQUAL(thrown_by([&] { gone.value(); }).path(), "/missing");
    EQUAL(gone.error().path(), "/missing");
}

void errors_are_made_from_failures_which_they_outlive()
{
    check::directory directory;
    nexus::store fs = open(directory);
    nexus::batch batch = fs.batch();
    batch.write("/a", "x").remove("/missing");
    nexus::failure why = batch.try_commit().error();
    const std::string message = why.message();
    const nexus::error error(std::as_const(why));
    CHECK(why && why.message() == message);
    nexus_error_free(why.release());
    CHECK(error.status() == nexus::status::not_found);
    EQUAL(error.what(), message);
    EQUAL(error.path(), "/missing");
    EQUAL(error.index(), 1);

    const nexus::error found_by_the_wrapper(nexus::failure(nexus::status::busy, "busy"));
    EQUAL(found_by_the_wrapper.what(), "busy"sv);
    CHECK(found_by_the_wrapper.path().data() == nullptr && found_by_the_wrapper.index() == -1);
    nexus::error moved = error;
    const nexus::error last = std::move(moved);
    EQUAL(last.what(), message);
    CHECK(moved.what() != nullptr && moved.path().empty());
}

void every_call_that_may_throw_gives_what_it_promises()
{
    check::directory directory;
    nexus::store fs = open(directory);
    fs.write("/a", "hello");
    fs.append("/a", "!");
    EQUAL(fs.write("/b", "x", {}).version(), 1u);
    EQUAL(fs.append("/b", "y", {}).version(), 2u);
    EQUAL(fs.read("/a").text(), "hello!");
    char room[3];
    EQUAL(fs.read_at("/a", 1, room), 3u);
    EQUAL(fs.stat("/a").size(), 6u);
    CHECK(fs.exists("/a") && !fs.is_directory("/a"));
    fs.mkdir("/d/e", nexus::mkdir_flags::parents);
    fs.rmdir("/d/e");
    fs.remove_all("/d");
    fs.copy("/a", "/c");
    THROWS(already_exists, fs.copy("/a", "/c", nexus::replace::refused));
    fs.rename("/c", "/d");
    THROWS(already_exists, fs.rename("/a", "/d", nexus::replace::refused));
    fs.remove("/d");
    nexus::write_options fresh;
    fresh.if_none_match = true;
    THROWS(invalid_argument, fs.rename("/a", "/x", nexus::replace::allowed, fresh));
    THROWS(conflict, fs.remove("/a", {std::string(64, '0')}));

    nexus::writer writer = fs.open_writer("/w");
    writer.write("written");
    EQUAL(writer.commit().size(), 7u);
    fs.open_writer("/never").abort();
    nexus::reader reader = fs.open_reader("/w");
    EQUAL(reader.size(), 7u);
    reader.seek(5);
    EQUAL(reader.read(room), 2u);
    reader.close();

    EQUAL(fs.list().size(), 3u);
    EQUAL(fs.glob("*").size(), 3u);
    EQUAL(fs.grep("hello").size(), 1u);
    EQUAL(fs.content_ids({"/a", "/x"}).size(), 2u);
    EQUAL(fs.content_ids(std::vector<std::string>{"/a"}).size(), 1u);
    const char *const one[] = {"/a"};
    EQUAL(fs.content_ids(one, 1).size(), 1u);
    fs.set_meta("/a", "k", "1");
    fs.set_meta("/a", "k", "2", {});
    fs.set_meta_many("/a", "{\"l\": 3}");
    EQUAL(fs.get_meta("/a", "k"), "2"sv);
    CHECK(fs.list_meta("/a").view().find("\"l\"") != std::string_view::npos);
    EQUAL(fs.find_by_meta("k", "2").size(), 1u);
    std::size_t walked = 0;
    for (nexus::entry_view file : fs.each({}))
        walked += file.is_file();
    for (nexus::entry_view file : fs.each_glob("*", {{}, 2}))
        walked += file.is_file();
    for (nexus::entry_view file : fs.each_with_meta("k", "2"))
        walked += file.is_file();
    EQUAL(walked, 7u);
    fs.delete_meta("/a", "k");
    EQUAL(fs.path_of_id(fs.path_id("/a")), "/a"sv);

    fs.batch()
        .require_absent("/n")
        .write("/n", "1")
        .write("/n", "1", {})
        .append("/n", "2")
        .append("/n", "3", {})
        .set_meta("/n", "status", "\"ready\"")
        .set_meta_many("/n", "{\"x\": 1}")
        .delete_meta("/n", "x")
        .copy("/n", "/m")
        .rename("/m", "/o")
        .mkdir("/dir")
        .remove("/o")
        .commit();
    nexus::batch rest = fs.batch();
    rest.require_etag("/n", fs.stat("/n").etag());
    EQUAL(rest.commit_entries().size(), 1u);
    THROWS(lease_lost, fs.batch().require_lease("/n", 5).commit());

    EQUAL(fs.ready_work(5).size(), 1u);
    CHECK(!fs.ready_work(5).json().view().empty());
    EQUAL(fs.pending_work(5).size() + fs.blocked_work(5).size() + fs.in_progress_work(5).size(), 0u);
    EQUAL(fs.work_by_priority(5).size(), 1u);
    CHECK(!fs.work_explain("/n").view().empty() && !fs.work_stats().view().empty());

    CHECK(fs.work_wait(std::chrono::seconds(0)));
    const auto claimed = [&] { return fs.work_claim("w")[0].lease(); };
    fs.work_release("/n", claimed());
    fs.batch().release_work("/n", claimed()).commit();
    const std::uint64_t lease = claimed();
    fs.work_heartbeat("/n", lease, std::chrono::seconds(5));
    fs.work_fail("/n", lease, "no", std::chrono::hours(1));
    fs.set_meta("/n", "not_before", R"("2001-01-01T00:00:00Z")");
    fs.batch().fail_work("/n", claimed(), "no", std::chrono::hours(1)).commit();
    fs.set_meta("/n", "not_before", R"("2001-01-01T00:00:00Z")");
    fs.batch().complete_work("/n", claimed()).commit();
    THROWS(lease_lost, fs.work_complete("/n", 1));

    const std::string file = directory / "export.jsonl";
    EQUAL(fs.export_metadata(file), 4u);
    CHECK(!fs.import_metadata(file).view().empty());
    CHECK(!fs.gc().view().empty() && !fs.storage_stats().view().empty());
    CHECK(!fs.bundle_export(directory / "bundle").view().empty());
    CHECK(!fs.bundle_import(directory / "bundle").view().empty());
    CHECK(!fs.backup(directory / "copy").view().empty());
    THROWS(invalid_argument, fs.backup(directory / "store"));
    CHECK(!fs.verify(nexus::verify_flags::content_repair).view().empty() && !fs.find_duplicates().view().empty());
    CHECK(!fs.content_info(fs.stat("/a").etag()).view().empty());
    CHECK(!fs.config().view().empty());
    std::ostringstream shown;
    shown << fs.path_id("/a");
    EQUAL(shown.str().size(), 36u);
    nexus::set_log_callback(nullptr, nullptr, nexus::log_level::error);
    nexus::store narrow = fs.with_identity("acme");
    narrow.interrupt();
    nexus::store clone = fs.clone();
    fs.close();
    CHECK(clone.exists("/a"));
    THROWS(misuse, fs.clone());
    THROWS(misuse, fs.list());
    THROWS(invalid_config, nexus::store::connect("{"));
    THROWS(invalid_config, nexus::store::connect_file(directory / "missing.yaml"));
}

void a_page_that_cannot_be_fetched_throws()
{
    check::directory directory;
    nexus::store fs = open(directory);
    THROWS(not_found, [&] {
        for (nexus::entry_view file : fs.each({"/missing"}))
            CHECK(file.is_file());
    }());
    fs.write("/a", "x");
    fs.write("/b", "x");
    std::size_t seen = 0;
    THROWS(misuse, [&] {
        for (nexus::entry_view file : fs.each({{}, {}, true, false, 1})) {
            seen += file.is_file();
            fs.close();
        }
    }());
    EQUAL(seen, 1u);
}

void what_a_progress_function_throws_comes_through()
{
    check::directory directory;
    nexus::store fs = open(directory);
    fs.write("/a", "x");
    auto thrower = [](std::uint64_t, std::uint64_t, std::string_view) -> bool { throw std::runtime_error("stop"); };
    int caught = 0;
    try {
        fs.export_metadata(directory / "file", {}, thrower);
    } catch (const std::runtime_error &error) {
        caught += error.what() == "stop"sv;
    }
    try {
        fs.gc(thrower);
    } catch (const std::runtime_error &) {
        caught++;
    }
    try {
        (void)fs.try_gc(thrower);
    } catch (const std::runtime_error &) {
        caught++;
    }
    EQUAL(caught, 3);
    const auto comes_through = [&](auto &&call) {
        try {
            call();
        } catch (const std::runtime_error &error) {
            return error.what() == "stop"sv;
        }
        return false;
    };
    fs.bundle_export(directory / "bundle");
    CHECK(comes_through([&] { fs.bundle_export(directory / "file", {}, thrower); }));
    CHECK(comes_through([&] { fs.bundle_import(directory / "bundle", {}, thrower); }));
    CHECK(comes_through([&] { fs.backup(directory / "copy", thrower); }));
    CHECK(comes_through([&] { fs.verify(nexus::verify_flags::content, thrower); }));
    CHECK(comes_through([&] { fs.find_duplicates(nullptr, thrower); }));
    CHECK(!std::filesystem::exists(directory / "file"));
    CHECK(fs.exists("/a"));
}

void a_progress_that_is_used_again_throws_nothing_old()
{
    check::directory directory;
    nexus::store fs = open(directory);
    fs.write("/a", "x");
    bool first = true;
    auto throws_once = [&](std::uint64_t, std::uint64_t, std::string_view) {
        if (std::exchange(first, false))
            throw std::runtime_error("stop");
        return true;
    };
    const nexus::progress_in progress(throws_once);
    int caught = 0;
    for (int i = 0; i < 3; i++) {
        try {
            fs.verify(nexus::verify_flags::content, progress);
        } catch (const std::runtime_error &) {
            caught++;
        }
    }
    EQUAL(caught, 1);
}

} // namespace

int main()
{
    RUN(errors_carry_status_message_path_and_operation);
    RUN(a_result_throws_the_same_error_each_time);
    RUN(errors_are_made_from_failures_which_they_outlive);
    RUN(every_call_that_may_throw_gives_what_it_promises);
    RUN(a_page_that_cannot_be_fetched_throws);
    RUN(what_a_progress_function_throws_comes_through);
    RUN(a_progress_that_is_used_again_throws_nothing_old);
    return 0;
}
