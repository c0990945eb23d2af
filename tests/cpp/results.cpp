/* The calls that return results. This program is compiled with -fno-exceptions too. */
#include "check.hpp"

#include <array>
#include <fstream>
#include <utility>
#include <vector>

#if defined(__has_include) && __cplusplus >= 202002L
#include <ranges>
#endif
#if defined(__cpp_lib_span) || (defined(__has_include) && __cplusplus >= 202002L)
#include <span>
#endif

namespace {

using namespace std::string_view_literals;

std::string paths(const nexus::entries &list)
{
    std::string all;
    for (nexus::entry_view row : list)
        all += std::string(all.empty() ? "" : " ") + std::string(row.path());
    return all;
}

std::string paths(const nexus::work_list &list)
{
    std::string all;
    for (nexus::work_item_view item : list)
        all += std::string(all.empty() ? "" : " ") + std::string(item.path());
    return all;
}

nexus::store open(const check::directory &directory, std::string_view more = "")
{
    return GOOD(nexus::store::try_connect(directory.config(more)));
}

void files_are_written_read_and_described()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/a", "hello"));
    EQUAL(GOOD(fs.try_read("/a")).text(), "hello");
    GOOD(fs.try_append("/a", ", world"sv));
    nexus::write_options options;
    options.mime_type = "text/x-note";
    nexus::entry made = GOOD(fs.try_append("/a", std::string("!"), options));
    EQUAL(made.version(), 3u);
    EQUAL(made.mime_type(), "text/x-note");
    nexus::entry found = GOOD(fs.try_stat("/a"));
    CHECK(found.is_file() && !found.is_directory() && found.kind() == nexus::kind::file);
    EQUAL(found.path(), "/a");
    EQUAL(found.size(), 13u);
    EQUAL(found.etag().size(), 64u);
    EQUAL(found.path_id().size(), 36u);
    EQUAL(found.backend_name(), "local");
    CHECK(found.created_at() <= found.modified_at() && found.created_at() > nexus::time_point());
    char room[5];
    EQUAL(GOOD(fs.try_read_at("/a", 7, room)), 5u);
    EQUAL(std::string_view(room, 5), "world");
    CHECK(GOOD(fs.try_exists("/a")));
    CHECK(!GOOD(fs.try_is_directory("/a")));
    GOOD(fs.try_mkdir("/d/e", nexus::mkdir_flags::parents));
    GOOD(fs.try_mkdir("/d/e", nexus::mkdir_flags::parents | nexus::mkdir_flags::exist_ok));
    CHECK(GOOD(fs.try_is_directory("/d/e")));
    REFUSED(not_empty, fs.try_rmdir("/d"));
    GOOD(fs.try_rmdir("/d/e"));
    GOOD(fs.try_write("/d/f", "x"));
    GOOD(fs.try_remove_all("/d"));
    GOOD(fs.try_copy("/a", "/b"));
    REFUSED(already_exists, fs.try_copy("/a", "/b", nexus::replace::refused));
    REFUSED(already_exists, fs.try_rename("/a", "/b", nexus::replace::refused));
    GOOD(fs.try_rename("/a", "/c"));
    GOOD(fs.try_remove("/b"));
    nexus::write_options stale;
    const std::string no_such_etag(64, '0');
    stale.if_match = no_such_etag;
    REFUSED(conflict, fs.try_remove("/c", stale));
    REFUSED(conflict, fs.try_write("/c", "x", stale));
    REFUSED(conflict, fs.try_rename("/c", "/d", nexus::replace::allowed, stale));
    REFUSED(conflict, fs.try_set_meta("/c", "k", "1", stale));
    nexus::write_options fresh;
    fresh.if_none_match = true;
    EQUAL(GOOD(fs.try_write("/new", "x", fresh)).version(), 1u);
    GOOD(fs.try_close());
    REFUSED(misuse, fs.try_read("/c"));
}

void bytes_come_from_and_go_to_what_the_host_has()
{
    check::directory directory;
    nexus::store fs = open(directory);
    const std::vector<unsigned char> bytes = {0, 1, 2, 255};
    GOOD(fs.try_write("/bytes", bytes));
    nexus::buffer content = GOOD(fs.try_read("/bytes"));
    EQUAL(content.size(), 4u);
    CHECK(content.data()[3] == std::byte(255) && content.bytes()[0] == std::byte(0));
    std::size_t sum = 0;
    for (std::byte each : content)
        sum += std::to_integer<std::size_t>(each);
    EQUAL(sum, 258u);
    const std::array<std::uint16_t, 2> words = {0x0101, 0x0202};
    GOOD(fs.try_write("/words", words));
    EQUAL(GOOD(fs.try_stat("/words")).size(), 4u);
    GOOD(fs.try_write("/copy", content));
    EQUAL(GOOD(fs.try_stat("/copy")).etag(), GOOD(fs.try_stat("/bytes")).etag());
    GOOD(fs.try_write("/empty", nexus::bytes_in(nullptr, 0)));
    CHECK(GOOD(fs.try_read("/empty")).empty());
    std::vector<unsigned char> room(2);
    EQUAL(GOOD(fs.try_read_at("/bytes", 2, room)), 2u);
    EQUAL(int(room[1]), 255);
#if defined(__cpp_lib_span)
    std::span<const std::byte> span = content.bytes();
    EQUAL(span.size(), 4u);
    GOOD(fs.try_write("/span", span.first(2)));
    EQUAL(GOOD(fs.try_stat("/span")).size(), 2u);
    std::array<std::byte, 4> target{};
    EQUAL(GOOD(fs.try_read_at("/bytes", 0, std::span<std::byte>(target))), 4u);
#endif
}

void views_are_ended_with_a_nul_whatever_their_length()
{
    check::directory directory;
    nexus::store fs = open(directory);
    /* One byte on each side of what fits on the stack, and one that is much longer. */
    for (std::size_t length : {1u, 254u, 255u, 256u, 257u, 4000u}) {
        std::string path = "/";
        while (path.size() < length)
            path += path.size() % 200 == 0 ? '/' : 'p';
        const std::string longer = path + "JUNK";
        const std::string_view view = std::string_view(longer).substr(0, path.size());
        GOOD(fs.try_mkdir(view == "/" ? "/x"sv : view,
                          nexus::mkdir_flags::parents_exist_ok));
        CHECK(GOOD(fs.try_exists(view)));
        EQUAL(GOOD(fs.try_stat(view)).path(), path);
    }
}

void a_nul_within_is_refused_and_never_cut_off()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/a", "x"));
    const std::string text("/a\0b", 4);
    REFUSED(invalid_path, fs.try_read(text));
    REFUSED(invalid_path, fs.try_read(std::string_view(text)));
    REFUSED(invalid_path, fs.try_read(std::string(300, 'x') + text));
    REFUSED(invalid_path, fs.try_remove("/a\0"sv));
    REFUSED(invalid_path, fs.try_rename("/a", text));
    REFUSED(invalid_argument, fs.try_get_meta("/a", "k\0"sv));
    REFUSED(invalid_argument, fs.try_glob("*\0"sv));
    REFUSED(invalid_argument, nexus::store::try_connect("{}\0"sv));
    nexus::list_options options;
    options.prefix = text;
    REFUSED(invalid_path, fs.try_list(options));
    nexus::write_options conditions;
    conditions.lease_path = text;
    conditions.lease = 1;
    REFUSED(invalid_path, fs.try_write("/a", "y", conditions));
    REFUSED(invalid_path, fs.try_content_ids(std::vector<std::string>{"/a", text}));
    EQUAL(GOOD(fs.try_read("/a")).text(), "x");
}

void null_is_refused_where_something_is_needed()
{
    check::directory directory;
    nexus::store fs = open(directory);
    REFUSED(invalid_argument, fs.try_read(nullptr));
    REFUSED(invalid_argument, fs.try_read(std::string_view()));
    REFUSED(invalid_argument, fs.try_write("/a", nexus::bytes_in(nullptr, 1)));
}

void failures_tell_status_message_path_and_operation()
{
    check::directory directory;
    nexus::store fs = open(directory);
    nexus::result<nexus::buffer> missing = fs.try_read("/missing");
    CHECK(!missing && !missing.has_value() && missing.status() == nexus::status::not_found);
    EQUAL(missing.error().path(), "/missing");
    EQUAL(missing.error().index(), -1);
    CHECK(missing.error().get() != nullptr);
    EQUAL(nexus_error_status(missing.error().get()), NEXUS_STATUS_NOT_FOUND);
    nexus::failure taken = std::move(missing).error();
    CHECK(bool(taken));
    const nexus::failure again(taken.release());
    CHECK(again.status() == nexus::status::not_found && !taken.get());

    nexus::batch batch = GOOD(fs.try_batch());
    GOOD(batch.try_write("/a", "x"));
    GOOD(batch.try_remove("/missing"));
    nexus::result<void> failed = batch.try_commit();
    EQUAL(failed.error().index(), 1);
    EQUAL(std::string_view(nexus::status_name(failed.status())), "NEXUS_STATUS_NOT_FOUND");
    CHECK(nexus::result<int>(5).value_or(7) == 5);
    CHECK(nexus::result<int>(nexus::failure(nexus::status::busy, "busy")).value_or(7) == 7);
}

void owners_move_and_free_once()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/a", "x"));
    nexus::store other = std::move(fs);
    CHECK(!fs && other);
    REFUSED(misuse, fs.try_exists("/a"));
    nexus::entry first = GOOD(other.try_stat("/a"));
    nexus::entry second = GOOD(other.try_stat("/a"));
    second = std::move(first);
    EQUAL(second.path(), "/a");
    nexus::buffer content = GOOD(other.try_read("/a"));
    content = GOOD(other.try_read("/a"));
    nexus::buffer &same = content;
    content = std::move(same);
    EQUAL(content.text(), "x");
    nexus::string id = GOOD(other.try_path_id("/a"));
    nexus_string_free(GOOD(other.try_path_id("/a")).release());
    EQUAL(id.view().size(), 36u);
    /* Children outlive their store. */
    nexus::reader reader = GOOD(other.try_open_reader("/a"));
    nexus::store narrow = GOOD(other.try_with_identity("acme", nullptr));
    GOOD(other.try_close());
    CHECK(GOOD(narrow.try_exists("/a")));
    EQUAL(GOOD(reader.try_size()), 1u);
    nexus::store closed = nexus::store(narrow.release());
    CHECK(!narrow);
}

void streams_read_and_write_piece_by_piece()
{
    check::directory directory;
    nexus::store fs = open(directory);
    nexus::write_options fresh;
    fresh.if_none_match = true;
    nexus::writer writer = GOOD(fs.try_open_writer("/a", fresh));
    GOOD(writer.try_write("0123"));
    GOOD(writer.try_write("456789"sv));
    CHECK(!GOOD(fs.try_exists("/a")));
    EQUAL(GOOD(writer.try_commit()).size(), 10u);
    CHECK(!writer);
    nexus::reader reader = GOOD(fs.try_open_reader("/a"));
    std::array<char, 4> piece{};
    EQUAL(GOOD(reader.try_read(piece)), 4u);
    GOOD(reader.try_seek(8));
    EQUAL(GOOD(reader.try_read(piece)), 2u);
    EQUAL(std::string_view(piece.data(), 2), "89");
    EQUAL(GOOD(reader.try_read(piece)), 0u);
    GOOD(reader.try_close());
    REFUSED(misuse, reader.try_read(piece));
    {
        nexus::writer forgotten = GOOD(fs.try_open_writer("/b"));
        GOOD(forgotten.try_write("x"));
    }
    nexus::writer aborted = GOOD(fs.try_open_writer("/b"));
    GOOD(aborted.try_abort());
    CHECK(!GOOD(fs.try_exists("/b")));
    nexus::writer late = GOOD(fs.try_open_writer("/a", fresh));
    REFUSED(conflict, late.try_commit());
}

void lists_are_ranges_and_pages_follow_by_themselves()
{
    check::directory directory;
    nexus::store fs = open(directory);
    for (int i = 0; i < 25; i++) {
        const std::string path = "/n/" + std::to_string(100 + i);
        GOOD(fs.try_write(path, "x"));
        GOOD(fs.try_set_meta(path, "odd", i % 2 != 0 ? "true" : "false"));
    }
    nexus::list_options options;
    options.path = "/n";
    options.limit = 10;
    nexus::entries page = GOOD(fs.try_list(options));
    EQUAL(page.size(), 10u);
    EQUAL(page[0].path(), "/n/100");
    CHECK(!page.cursor().empty() && !page.empty());
    for (std::uint64_t size : {1u, 7u, 24u, 25u, 26u, 0u}) {
        std::size_t count = 0;
        options.limit = size;
        nexus::listing files = fs.try_each(options);
        for (nexus::entry_view file : files)
            EQUAL(file.path(), "/n/" + std::to_string(100 + count++));
        EQUAL(count, 25u);
        CHECK(!files.failed());
    }
    std::size_t odd = 0, globbed = 0, rest = 0;
    for (nexus::entry_view file : fs.try_each_with_meta("odd", "true", {"/n", 5}))
        odd += file.is_file();
    EQUAL(odd, 12u);
    for (nexus::entry_view file : fs.try_each_glob("n/1*", {{}, 3}))
        globbed += file.is_file();
    EQUAL(globbed, 25u);
    nexus::list_options from = options;
    from.cursor = page.cursor();
    for (nexus::entry_view file : fs.try_each(from))
        rest += file.is_file();
    EQUAL(rest, 15u);
    for (nexus::entry_view file : fs.try_each({"/empty-is-missing"}))
        check::fail(__FILE__, __LINE__, std::string(file.path()));
    nexus::listing missing = fs.try_each({"/missing"});
    for (nexus::entry_view file : missing)
        check::fail(__FILE__, __LINE__, std::string(file.path()));
    CHECK(missing.failed().status() == nexus::status::not_found);
    EQUAL(paths(GOOD(fs.try_find_by_meta("odd", "true", {"/n", 2}))), "/n/101 /n/103");
    EQUAL(paths(GOOD(fs.try_glob("n/10[01]"))), "/n/100 /n/101");
}

#if defined(__cpp_lib_ranges)
static_assert(std::ranges::input_range<nexus::listing>);
static_assert(std::ranges::input_range<const nexus::entries> && std::ranges::sized_range<const nexus::entries>);
static_assert(std::ranges::input_range<const nexus::matches> && std::ranges::sized_range<const nexus::matches>);
static_assert(std::ranges::input_range<const nexus::strings> && std::ranges::sized_range<const nexus::strings>);
static_assert(std::ranges::input_range<const nexus::work_list> && std::ranges::sized_range<const nexus::work_list>);

void the_views_of_the_standard_library_work_on_lists_and_pages()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/a", "one"));
    GOOD(fs.try_write("/b", "three"));
    GOOD(fs.try_write("/c", "seven"));
    const auto longer = std::views::filter([](nexus::entry_view file) { return file.size() > 3; });
    const auto names = std::views::transform([](nexus::entry_view file) { return file.path(); });
    std::string all;
    const nexus::entries list = GOOD(fs.try_list());
    for (std::string_view name : list | longer | names)
        all += name;
    nexus::list_options options;
    options.limit = 2;
    nexus::listing pages = fs.try_each(options);
    for (std::string_view name : pages | longer | names)
        all += name;
    EQUAL(all, "/b/c/b/c");
}
#endif

void contents_are_searched_and_named()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/a", "one\ntwo needle\n"));
    GOOD(fs.try_write("/b", "needle\nNEEDLE\n"));
    GOOD(fs.try_write("/c", "\0\1needle"sv));
    nexus::grep_options options;
    options.ignore_case = true;
    nexus::matches found = GOOD(fs.try_grep("needle", options));
    EQUAL(found.size(), 3u);
    EQUAL(found.skipped(), 1u);
    CHECK(!found.truncated() && !found.empty());
    std::string all;
    for (nexus::match_view match : found)
        all += std::string(match.path()) + std::to_string(match.line()) + std::string(match.matched()) + " ";
    EQUAL(all, "/a2needle /b1needle /b2NEEDLE ");
    EQUAL(found[0].text(), "two needle");
    EQUAL(found[0].match_start(), 4u);
    EQUAL(found[0].match_end(), 10u);
    options.max_matches = 1;
    CHECK(GOOD(fs.try_grep("needle", options)).truncated());
    nexus::strings ids = GOOD(fs.try_content_ids({"/a", "/missing"}));
    EQUAL(ids.size(), 2u);
    EQUAL(ids[0], GOOD(fs.try_stat("/a")).etag());
    CHECK(ids[1].data() == nullptr);
    std::size_t absent = 0;
    for (std::string_view id : GOOD(fs.try_content_ids(std::vector<std::string>{"/x", "/b"})))
        absent += id.data() == nullptr;
    EQUAL(absent, 1u);
    CHECK(GOOD(fs.try_content_info(ids[0])).view().find("ref_count") != std::string_view::npos);
    CHECK(GOOD(fs.try_storage_stats()).view().find("files") != std::string_view::npos);
}

void metadata_is_set_found_and_deleted()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/a", "x"));
    GOOD(fs.try_set_meta("/a", "k", "{\"n\": 1}"));
    GOOD(fs.try_set_meta_many("/a", R"({"l": [1, 2], "m": null})"));
    EQUAL(GOOD(fs.try_get_meta("/a", "l")), "[1, 2]"sv);
    CHECK(GOOD(fs.try_list_meta("/a")).view().find("\"m\"") != std::string_view::npos);
    GOOD(fs.try_delete_meta("/a", "m"));
    REFUSED(not_found, fs.try_get_meta("/a", "m"));
    nexus::string id = GOOD(fs.try_path_id("/a"));
    EQUAL(GOOD(fs.try_path_of_id(id)), "/a"sv);
    EQUAL(GOOD(fs.try_path_of_id(id)).str(), "/a");
}

void batches_change_all_or_nothing()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/old", "old"));
    const nexus::entry old = GOOD(fs.try_stat("/old"));
    nexus::batch batch = GOOD(fs.try_batch());
    nexus::write_options fresh;
    fresh.if_none_match = true;
    GOOD(batch.try_require_etag("/old", old.etag()));
    GOOD(batch.try_require_absent("/new"));
    GOOD(batch.try_write("/new", "n", fresh));
    GOOD(batch.try_append("/new", "ew"));
    GOOD(batch.try_append("/new", "!", {}));
    GOOD(batch.try_write("/gone", "x"));
    GOOD(batch.try_remove("/gone"));
    GOOD(batch.try_copy("/new", "/copy"));
    GOOD(batch.try_rename("/old", "/older", nexus::replace::refused));
    GOOD(batch.try_mkdir("/d"));
    GOOD(batch.try_set_meta("/new", "a", "1"));
    GOOD(batch.try_set_meta_many("/new", "{\"b\": 2}"));
    GOOD(batch.try_delete_meta("/new", "a"));
    nexus::entries rows = GOOD(batch.try_commit_entries());
    EQUAL(rows.size(), 13u);
    CHECK(rows[0].kind() == nexus::kind::none && rows[9].is_directory());
    REFUSED(misuse, batch.try_commit());
    EQUAL(paths(GOOD(fs.try_list())), "/copy /new /older");
    EQUAL(GOOD(fs.try_read("/copy")).text(), "new!");
    nexus::batch leased = GOOD(fs.try_batch());
    GOOD(leased.try_require_lease("/new", 1));
    REFUSED(lease_lost, leased.try_commit());
    nexus::batch forgotten = GOOD(fs.try_batch());
    GOOD(forgotten.try_write("/forgotten", "x"));
}

void work_is_queried_and_explained()
{
    check::directory directory;
    nexus::store fs = open(directory);
    for (const char *path : {"/1", "/2", "/3", "/4"})
        GOOD(fs.try_write(path, path));
    GOOD(fs.try_set_meta_many("/1", R"({"status": "ready", "priority": 5, "tags": ["x"]})"));
    GOOD(fs.try_set_meta_many("/2", R"({"status": "blocked", "depends_on": "/1"})"));
    GOOD(fs.try_set_meta_many("/3", R"({"status": "pending"})"));
    GOOD(fs.try_set_meta_many("/4", R"({"status": "in_progress", "worker_id": "w", "started_at": "2026-01-01T00:00:00Z"})"));
    nexus::work_list ready = GOOD(fs.try_ready_work(10));
    EQUAL(paths(ready), "/1");
    EQUAL(ready[0].status(), "ready");
    CHECK(ready[0].priority() == 5 && !ready[0].started_at() && !ready[0].not_before());
    EQUAL(ready[0].tags(), "[\"x\"]");
    EQUAL(ready[0].size(), 2u);
    EQUAL(ready[0].content_hash().size(), 64u);
    EQUAL(ready[0].path_id().size(), 36u);
    EQUAL(ready[0].backend_id(), "local");
    CHECK(!ready[0].physical_path().empty() && !ready[0].file_type().empty());
    CHECK(ready[0].tenant_id().data() == nullptr && ready[0].lease() == 0 && ready[0].attempts() == 0);
    CHECK(!ready[0].lease_expires_at() && ready[0].created_at() <= ready[0].updated_at());
    CHECK(GOOD(ready.try_json()).view().find("\"/1\"") != std::string_view::npos);
    nexus::work_list blocked = GOOD(fs.try_blocked_work(10));
    EQUAL(paths(blocked), "/2");
    EQUAL(blocked[0].blocker_count(), 1u);
    CHECK(!blocked[0].priority());
    EQUAL(paths(GOOD(fs.try_pending_work(10))), "/3");
    nexus::work_list running = GOOD(fs.try_in_progress_work(10));
    EQUAL(running[0].worker_id(), "w");
    CHECK(running[0].started_at() == nexus::time_point(std::chrono::seconds(1767225600)));
    EQUAL(GOOD(fs.try_work_by_priority(10)).size(), 4u);
    REFUSED(invalid_argument, fs.try_ready_work(-1));
    CHECK(GOOD(fs.try_work_explain("/2")).view().find("/1") != std::string_view::npos);
    CHECK(GOOD(fs.try_work_stats()).view().find("by_status") != std::string_view::npos);
    CHECK(GOOD(fs.try_work_stats("/none")).view().find("\"ready\":0") != std::string_view::npos);
}

void work_is_claimed_under_leases()
{
    check::directory directory;
    nexus::store fs = open(directory);
    for (const char *path : {"/1", "/2", "/3", "/4"}) {
        GOOD(fs.try_write(path, path));
        GOOD(fs.try_set_meta(path, "status", "\"ready\""));
    }
    CHECK(GOOD(fs.try_work_wait(std::chrono::seconds(0))));
    CHECK(!GOOD(fs.try_work_wait(std::chrono::milliseconds(1), "/none")));
    nexus::work_list mine = GOOD(fs.try_work_claim("w", {{}, 3, std::chrono::minutes(5)}));
    EQUAL(paths(mine), "/1 /2 /3");
    CHECK(mine[0].lease() != 0 && mine[0].attempts() == 1 && mine[0].lease_expires_at() && !mine[0].lease_expired());
    EQUAL(mine[0].worker_id(), "w");
    GOOD(fs.try_work_heartbeat("/1", mine[0].lease(), std::chrono::seconds(60)));
    REFUSED(lease_lost, fs.try_work_heartbeat("/1", mine[1].lease(), std::chrono::seconds(60)));
    REFUSED(invalid_argument, fs.try_work_heartbeat("/1", mine[0].lease(), std::chrono::milliseconds(-1)));
    GOOD(fs.try_work_complete("/1", mine[0].lease(), "{\"n\": 1}"));
    EQUAL(GOOD(fs.try_get_meta("/1", "result")), "{\"n\": 1}"sv);
    GOOD(fs.try_work_fail("/2", mine[1].lease(), "broken", std::chrono::hours(1)));
    EQUAL(GOOD(fs.try_get_meta("/2", "last_error")), "\"broken\""sv);
    GOOD(fs.try_work_release("/3", mine[2].lease()));
    REFUSED(lease_lost, fs.try_work_complete("/3", mine[2].lease()));
    nexus::write_options held;
    held.lease_path = "/3";
    held.lease = mine[2].lease();
    REFUSED(lease_lost, fs.try_write("/out", "x", held));
    nexus::work_list rest = GOOD(fs.try_work_claim("w", {"/3"}));
    held.lease = rest[0].lease();
    GOOD(fs.try_write("/out", "x", held));
    nexus::batch batch = GOOD(fs.try_batch());
    GOOD(batch.try_write("/result", "x"));
    GOOD(batch.try_complete_work("/3", rest[0].lease()));
    GOOD(batch.try_commit());
    rest = GOOD(fs.try_work_claim("w"));
    EQUAL(paths(rest), "/4");
    batch = GOOD(fs.try_batch());
    GOOD(batch.try_release_work("/4", rest[0].lease()));
    GOOD(batch.try_commit());
    rest = GOOD(fs.try_work_claim("w"));
    batch = GOOD(fs.try_batch());
    GOOD(batch.try_fail_work("/4", rest[0].lease(), "no", std::chrono::hours(1)));
    GOOD(batch.try_commit());
    CHECK(GOOD(fs.try_work_claim("w")).empty());
    REFUSED(invalid_argument, fs.try_work_claim("w", {{}, 0}));
}

void upkeep_reports_and_is_cancelled()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/a", "x"));
    GOOD(fs.try_write("/b/c", "y"));
    const std::string file = directory / "export.jsonl";
    std::uint64_t told = 0;
    auto count = [&](std::uint64_t done, std::uint64_t, std::string_view what) {
        told = done;
        return !what.empty();
    };
    nexus::export_options part;
    part.prefix = "/b";
    EQUAL(GOOD(fs.try_export_metadata(file, part, count)), 1u);
    EQUAL(told, 1u);
    nexus::export_options recent;
    recent.modified_after = GOOD(fs.try_stat("/b/c")).modified_at() - std::chrono::microseconds(1);
    EQUAL(GOOD(fs.try_export_metadata(file, recent)), 1u);
    recent.modified_after += std::chrono::hours(1);
    EQUAL(GOOD(fs.try_export_metadata(file, recent)), 0u);
    EQUAL(GOOD(fs.try_export_metadata(file)), 2u);
    auto stop = [](std::uint64_t, std::uint64_t, std::string_view) { return false; };
    REFUSED(cancelled, fs.try_export_metadata(file, {}, stop));
    GOOD(fs.try_remove("/a"));
    GOOD(fs.try_write("/keeps-the-content", "x"));
    nexus::import_options dry;
    dry.dry_run = true;
    CHECK(GOOD(fs.try_import_metadata(file, dry)).view().find("\"created\":1") != std::string_view::npos);
    CHECK(!GOOD(fs.try_exists("/a")));
    nexus::import_options over;
    over.mode = nexus::import_mode::overwrite;
    over.invalid_work_keys = nexus::invalid_keys::rename;
    GOOD(fs.try_import_metadata(file, over, count));
    EQUAL(GOOD(fs.try_read("/a")).text(), "x");
    over.max_lines = 1;
    REFUSED(invalid_argument, fs.try_import_metadata(file, over));
    over.max_lines = 0;
    over.mode = nexus::import_mode::automatic;
    over.newer_by = nexus::newer_by::all;
    over.missing_content = nexus::missing_content::skip;
    GOOD(fs.try_remove("/a"));
    GOOD(fs.try_remove("/b/c"));
    GOOD(fs.try_remove("/keeps-the-content"));
    CHECK(GOOD(fs.try_import_metadata(file, over)).view().find("\"missing\":[{") != std::string_view::npos);
    CHECK(GOOD(fs.try_gc()).view().front() == '{');
    CHECK(GOOD(fs.try_gc(count)).view().front() == '{');
}

bool tells(const nexus::string &report, std::string_view member)
{
    if (report.view().find(member) != std::string_view::npos)
        return true;
    std::fprintf(stderr, "%.*s\n", static_cast<int>(report.view().size()), report.view().data());
    return false;
}

void stores_are_copied_bundled_and_compared()
{
    check::directory directory;
    check::directory other;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/a", "same"));
    GOOD(fs.try_write("/b/c", "same"));
    GOOD(fs.try_write("/b/d", "different"));
    std::uint64_t calls = 0;
    auto count = [&](std::uint64_t, std::uint64_t, std::string_view) { return ++calls != 0; };
    auto stop = [](std::uint64_t, std::uint64_t, std::string_view) { return false; };
    auto told = [&] { return std::exchange(calls, 0) != 0; };

    CHECK(tells(GOOD(fs.try_find_duplicates(nullptr, count)), "\"group_count\":1"));
    CHECK(told());
    CHECK(tells(GOOD(fs.try_find_duplicates("/b/")), "\"group_count\":0"));
    REFUSED(cancelled, fs.try_find_duplicates(nullptr, stop));
    REFUSED(invalid_path, fs.try_find_duplicates("/b\0"sv));

    const std::string bundle = directory / "part.bundle";
    nexus::export_options part;
    part.prefix = "/b/";
    REFUSED(cancelled, fs.try_bundle_export(bundle, part, stop));
    CHECK(!std::filesystem::exists(bundle));
    CHECK(tells(GOOD(fs.try_bundle_export(bundle, part, count)), "\"files\":2"));
    CHECK(told());
    part.prefix = "/b\0"sv;
    REFUSED(invalid_path, fs.try_bundle_export(bundle, part));
    REFUSED(invalid_argument, fs.try_bundle_export(nullptr));
    nexus::store second = open(other);
    nexus::import_options dry;
    dry.dry_run = true;
    CHECK(tells(GOOD(second.try_bundle_import(bundle, dry)), "\"created\":2"));
    CHECK(!GOOD(second.try_exists("/b/c")));
    REFUSED(cancelled, second.try_bundle_import(bundle, {}, stop));
    CHECK(tells(GOOD(second.try_bundle_import(bundle, {}, count)), "\"created\":2"));
    CHECK(told());
    EQUAL(GOOD(second.try_read("/b/c")).text(), "same");
    CHECK(!GOOD(second.try_exists("/a")));

    const std::string copy = directory / "copy";
    REFUSED(cancelled, fs.try_backup(copy, stop));
    REFUSED(invalid_argument, fs.try_backup(nullptr));
    CHECK(tells(GOOD(fs.try_backup(copy, count)), "\"files\":3"));
    CHECK(told());
    CHECK(tells(GOOD(fs.try_backup(copy)), "\"copied_contents\":0"));
    nexus::store copied = GOOD(nexus::store::try_connect("{\"data_dir\": \"" + copy + "\"}"));
    EQUAL(GOOD(copied.try_read("/b/d")).text(), "different");
}

/* Changes the bytes of a content of a store, and leaves their number. */
void damage_content(const std::string &store, std::string_view etag)
{
    const std::string hash(etag);
    const std::filesystem::path file = std::filesystem::path(store) / "cas" / hash.substr(0, 2) / hash;
    CHECK(std::filesystem::is_regular_file(file));
    const std::uintmax_t size = std::filesystem::file_size(file);
    std::filesystem::permissions(file, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    stream << std::string(static_cast<std::size_t>(size), '#');
    CHECK(!stream.flush().fail());
}

void stores_are_verified_and_mended()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/whole", "whole"));
    /* Not so small that it is kept in the row. */
    GOOD(fs.try_write("/damaged", std::string(300000, 'd')));
    std::uint64_t calls = 0;
    auto count = [&](std::uint64_t, std::uint64_t, std::string_view) { return ++calls != 0; };
    auto stop = [](std::uint64_t, std::uint64_t, std::string_view) { return false; };
    CHECK(tells(GOOD(fs.try_verify(nexus::verify_flags::content, count)), "\"error_count\":0"));
    CHECK(calls != 0);
    REFUSED(cancelled, fs.try_verify(nexus::verify_flags::content, stop));
    REFUSED(invalid_argument, fs.try_verify(nexus::verify_flags(99)));

    damage_content(directory / "store", GOOD(fs.try_stat("/damaged")).etag());
    CHECK(tells(GOOD(fs.try_verify()), "\"error_count\":0"));
    CHECK(tells(GOOD(fs.try_verify(nexus::verify_flags::content)), "\"error_count\":1"));
    CHECK(GOOD(fs.try_exists("/damaged")));
    nexus::string report = GOOD(fs.try_verify(nexus::verify_flags::content_repair));
    CHECK(tells(report, "\"lost_count\":1") && tells(report, "\"remaining_count\":0"));
    CHECK(!GOOD(fs.try_exists("/damaged")));
    EQUAL(GOOD(fs.try_read("/whole")).text(), "whole");
    CHECK(tells(GOOD(fs.try_verify(nexus::verify_flags::content)), "\"error_count\":0"));
}

void stores_are_configured_narrowed_and_interrupted()
{
    check::directory directory;
    nexus::store fs = open(directory, R"(, "tenant_id": "acme")");
    CHECK(GOOD(fs.try_config()).view().find("acme") != std::string_view::npos);
    nexus::store narrow = GOOD(fs.try_with_identity(nullptr, "ann"));
    REFUSED(access_denied, narrow.try_read("/workspace/acme/bob/f"));
    REFUSED(access_denied, fs.try_with_identity("other"));
    GOOD(fs.try_interrupt());
    CHECK(!GOOD(fs.try_exists("/a")));
    REFUSED(invalid_config, nexus::store::try_connect_file(directory / "missing.yaml"));
    REFUSED(invalid_config, nexus::store::try_connect("{\"data_dri\": 5}"));
}

void a_clone_keeps_the_identity_and_has_interrupts_of_its_own()
{
    check::directory directory;
    nexus::store admin = open(directory, R"(, "is_admin": true, "allow_readonly_writes": true)");
    nexus::store clone = GOOD(admin.try_clone());
    GOOD(clone.try_write("/system/motd", "an admin's"));
    auto interrupt = [](const nexus::store &fs) {
        return [&fs](std::uint64_t, std::uint64_t, std::string_view) { return static_cast<bool>(fs.try_interrupt()); };
    };
    GOOD(clone.try_verify(nexus::verify_flags::content, interrupt(admin)));
    GOOD(admin.try_verify(nexus::verify_flags::content, interrupt(clone)));
    REFUSED(cancelled, clone.try_verify(nexus::verify_flags::content, interrupt(clone)));

    std::filesystem::rename(directory / "store", directory / "moved");
    nexus::store other = GOOD(clone.try_clone());
    GOOD(admin.try_close());
    GOOD(clone.try_close());
    EQUAL(GOOD(other.try_read("/system/motd")).text(), "an admin's");
    REFUSED(misuse, admin.try_clone());
}

void the_library_tells_of_itself()
{
    CHECK(nexus::abi_version() == NEXUS_ABI_VERSION);
    CHECK(!std::string_view(nexus::version()).empty());
    auto ignore = [](void *, std::int32_t, const char *) {};
    GOOD(nexus::try_set_log_callback(ignore, nullptr, nexus::log_level::debug));
    REFUSED(invalid_argument, nexus::try_set_log_callback(ignore, nullptr, nexus::log_level(99)));
    GOOD(nexus::try_set_log_callback(nullptr, nullptr, nexus::log_level::error));
}

} // namespace

int main()
{
    RUN(files_are_written_read_and_described);
    RUN(bytes_come_from_and_go_to_what_the_host_has);
    RUN(views_are_ended_with_a_nul_whatever_their_length);
    RUN(a_nul_within_is_refused_and_never_cut_off);
    RUN(null_is_refused_where_something_is_needed);
    RUN(failures_tell_status_message_path_and_operation);
    RUN(owners_move_and_free_once);
    RUN(streams_read_and_write_piece_by_piece);
    RUN(lists_are_ranges_and_pages_follow_by_themselves);
#if defined(__cpp_lib_ranges)
    RUN(the_views_of_the_standard_library_work_on_lists_and_pages);
#endif
    RUN(contents_are_searched_and_named);
    RUN(metadata_is_set_found_and_deleted);
    RUN(batches_change_all_or_nothing);
    RUN(work_is_queried_and_explained);
    RUN(work_is_claimed_under_leases);
    RUN(upkeep_reports_and_is_cancelled);
    RUN(stores_are_copied_bundled_and_compared);
    RUN(stores_are_verified_and_mended);
    RUN(stores_are_configured_narrowed_and_interrupted);
    RUN(a_clone_keeps_the_identity_and_has_interrupts_of_its_own);
    RUN(the_library_tells_of_itself);
    return 0;
}
