/* Who owns what, and for how long. This program is compiled with -fno-exceptions too. */
#include "check.hpp"

#include <type_traits>
#include <utility>

namespace {

using namespace std::string_view_literals;

/* ---- What has to compile, and what must not ------------------------------------------------------ */

template <class Owner, class Object>
constexpr bool owns =
    std::is_constructible<Owner, Object *>::value && !std::is_convertible<Object *, Owner>::value
    && std::is_nothrow_move_constructible<Owner>::value && std::is_nothrow_move_assignable<Owner>::value
    && !std::is_copy_constructible<Owner>::value && !std::is_copy_assignable<Owner>::value
    && std::is_constructible<bool, const Owner &>::value && !std::is_convertible<const Owner &, bool>::value
    && std::is_same<decltype(std::declval<const Owner &>().get()), Object *>::value
    && std::is_same<decltype(std::declval<Owner &>().release()), Object *>::value;

static_assert(owns<nexus::store, nexus_fs> && owns<nexus::batch, nexus_batch>);
static_assert(owns<nexus::reader, nexus_reader> && owns<nexus::writer, nexus_writer>);
static_assert(owns<nexus::buffer, nexus_buffer> && owns<nexus::string, char> && owns<nexus::entry, nexus_entry>);
static_assert(owns<nexus::entries, nexus_entries> && owns<nexus::matches, nexus_matches>);
static_assert(owns<nexus::strings, nexus_strings> && owns<nexus::work_list, nexus_work_list>);

/* A view can be had of an entry that stays, not of one that ends with the expression. */
using nexus::entry;
using nexus::entry_view;
template <class Entry>
constexpr bool is_viewed =
    std::is_constructible<entry_view, Entry>::value && std::is_convertible<Entry, entry_view>::value
    && std::is_assignable<entry_view &, Entry>::value;
template <class Entry>
constexpr bool is_refused =
    !std::is_constructible<entry_view, Entry>::value && !std::is_assignable<entry_view &, Entry>::value;
static_assert(is_viewed<entry &> && is_viewed<const entry &> && is_viewed<entry_view> && is_viewed<entry_view &>);
static_assert(is_refused<entry> && is_refused<const entry>);
/* A reference keeps it, or is a parameter, for the time of a call. */
static_assert(std::is_convertible<entry, const entry_view &>::value);
static_assert(std::is_trivially_copyable<entry_view>::value);

template <class Result> using value_of = decltype(std::declval<Result>().value());
template <class Result> using content_of = decltype(*std::declval<Result>());
template <class Result> using error_of = decltype(std::declval<Result>().error());
using result = nexus::result<int>;
static_assert(std::is_same<value_of<result &>, int &>::value && std::is_same<content_of<result &>, int &>::value);
static_assert(std::is_same<value_of<const result &>, const int &>::value);
static_assert(std::is_same<content_of<const result &>, const int &>::value);
static_assert(std::is_same<value_of<result>, int>::value && std::is_same<content_of<result>, int>::value);
static_assert(std::is_same<error_of<result &>, const nexus::failure &>::value);
static_assert(std::is_same<error_of<result>, nexus::failure>::value);
static_assert(std::is_same<error_of<nexus::result<void>>, nexus::failure>::value);
static_assert(std::is_same<value_of<const nexus::result<void> &>, void>::value);
static_assert(std::is_same<value_of<nexus::result<void>>, void>::value);
static_assert(std::is_same<value_of<const nexus::result<nexus::buffer> &>, const nexus::buffer &>::value);

/* ---- What happens -------------------------------------------------------------------------------- */

nexus::store open(const check::directory &directory)
{
    return GOOD(nexus::store::try_connect(directory.config()));
}

std::size_t length_of_path(const entry_view &file)
{
    return file.path().size();
}

void values_are_had_from_results_that_do_not_change()
{
    const nexus::result<std::string> text(std::string("text"));
    EQUAL(text.value(), "text");
    EQUAL(*text, "text");
    EQUAL(text.value_or("other"), "text");
    const nexus::result<std::string> busy(nexus::failure(nexus::status::busy, "busy"));
    EQUAL(busy.value_or("other"), "other");
    EQUAL(busy.error().message(), "busy"sv);
    nexus::result<std::string> given = nexus::result<std::string>(std::string("given"));
    EQUAL(given.value_or("other") + given.value(), "givengiven");
    const nexus::result<void> done;
    done.value();
}

void lists_out_of_results_that_end_can_be_walked()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/a", "x"));
    std::size_t seen = 0;
    for (entry_view file : fs.try_list().value())
        seen += length_of_path(file);
    for (entry_view file : *fs.try_list())
        seen += length_of_path(file);
    EQUAL(seen, 4u);
    const nexus::failure &why = fs.try_read("/missing").error();
    EQUAL(why.path(), "/missing");
    EQUAL(length_of_path(GOOD(fs.try_stat("/a"))), 2u);
    const entry_view &kept = GOOD(fs.try_stat("/a"));
    EQUAL(kept.path(), "/a");
}

void listings_go_on_when_their_store_is_moved_and_fail_when_it_is_closed()
{
    check::directory directory;
    nexus::store fs = open(directory);
    for (const char *path : {"/1", "/2", "/3"})
        GOOD(fs.try_write(path, "x"));
    nexus::list_options single;
    single.limit = 1;
    nexus::listing files = fs.try_each(single);
    nexus::store home = std::move(fs);
    std::string seen;
    for (entry_view file : files) {
        seen += file.path();
        nexus::store next = std::move(home);
        home = std::move(next);
    }
    EQUAL(seen, "/1/2/3");
    CHECK(!files.failed());

    nexus::listing cut_off = home.try_each_glob("*", {{}, 1});
    seen.clear();
    for (entry_view file : cut_off) {
        seen += file.path();
        GOOD(home.try_close());
    }
    EQUAL(seen, "/1");
    CHECK(cut_off.failed().status() == nexus::status::misuse);

    nexus::listing orphan = open(directory).try_each_with_meta("k", "1");
    for (entry_view file : orphan)
        check::fail(__FILE__, __LINE__, std::string(file.path()));
    CHECK(orphan.failed().status() == nexus::status::misuse);
}

void a_store_that_cannot_be_closed_now_is_still_owned()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/a", "x"));
    bool tried = false;
    auto closes = [&](std::uint64_t, std::uint64_t, std::string_view) {
        REFUSED(misuse, fs.try_close());
        return tried = true;
    };
    GOOD(fs.try_verify(nexus::verify_flags::content, closes));
    CHECK(tried && fs);
    EQUAL(GOOD(fs.try_read("/a")).text(), "x");
    GOOD(fs.try_close());
    CHECK(!fs);
    REFUSED(misuse, fs.try_close());
}

void streams_that_refuse_to_end_are_still_owned()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/a", "x"));
    /* Handles that were closed behind their owners refuse, as those in use do. */
    nexus::reader reader = GOOD(fs.try_open_reader("/a"));
    nexus_reader *const read = reader.get();
    EQUAL(nexus_reader_close(read, nullptr), NEXUS_STATUS_OK);
    REFUSED(misuse, reader.try_close());
    CHECK(reader.get() == read);
    nexus::writer writer = GOOD(fs.try_open_writer("/b"));
    nexus_writer *const written = writer.get();
    EQUAL(nexus_writer_abort(written, nullptr), NEXUS_STATUS_OK);
    REFUSED(misuse, writer.try_abort());
    CHECK(writer.get() == written);

    reader = GOOD(fs.try_open_reader("/a"));
    GOOD(reader.try_close());
    writer = GOOD(fs.try_open_writer("/b"));
    GOOD(writer.try_abort());
    CHECK(!reader && !writer);
}

void entries_are_given_away_and_taken_over()
{
    check::directory directory;
    nexus::store fs = open(directory);
    GOOD(fs.try_write("/a", "x"));
    entry found = GOOD(fs.try_stat("/a"));
    CHECK(found && found.get() == found.row());
    entry again(found.release());
    CHECK(!found && found.get() == nullptr && found.row() == nullptr && found.release() == nullptr);
    EQUAL(again.path(), "/a");
    found = std::move(again);
    CHECK(!again && again.row() == nullptr);
    EQUAL(found.path(), "/a");
    entry &same = found;
    found = std::move(same);
    EQUAL(found.path(), "/a");
    nexus_entry_free(found.release());
}

void a_match_ends_with_the_text()
{
    const auto matched = [](const char *text, std::uint64_t start, std::uint64_t end) {
        nexus_match row = {};
        row.struct_size = sizeof row;
        row.text = text;
        row.match_start = start;
        row.match_end = end;
        return std::string(nexus::match_view(&row).matched());
    };
    EQUAL(matched("0123456", 2, 4), "23");
    EQUAL(matched("0123456", 5, 7), "56");
    EQUAL(matched("0123456", 5, 8), "56");
    EQUAL(matched("0123456", 7, 7), "");
    EQUAL(matched("0123456", 8, 9), "");
    EQUAL(matched("0123456", 0, UINT64_MAX), "0123456");
    EQUAL(matched("0123456", UINT64_MAX - 1, UINT64_MAX), "");
    EQUAL(matched("0123456", 4, 2), "");
    EQUAL(matched(nullptr, 1, 2), "");
}

} // namespace

int main()
{
    RUN(values_are_had_from_results_that_do_not_change);
    RUN(lists_out_of_results_that_end_can_be_walked);
    RUN(listings_go_on_when_their_store_is_moved_and_fail_when_it_is_closed);
    RUN(a_store_that_cannot_be_closed_now_is_still_owned);
    RUN(streams_that_refuse_to_end_are_still_owned);
    RUN(entries_are_given_away_and_taken_over);
    RUN(a_match_ends_with_the_text);
    return 0;
}
