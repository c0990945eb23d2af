/* The test vectors of tests/vectors/, run through nexus.hpp. Their README says what they mean. */
#include "check.hpp"

#include <cjson/cJSON.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#ifndef VECTORS
#define VECTORS "tests/vectors"
#endif

namespace {

/* ---- JSON -------------------------------------------------------------------------------------- */

struct delete_json {
    void operator()(cJSON *value) const { cJSON_Delete(value); }
};
using json = std::unique_ptr<cJSON, delete_json>;

std::string printed(const cJSON *value)
{
    std::unique_ptr<char, void (*)(void *)> text(cJSON_PrintUnformatted(value), cJSON_free);
    return text ? text.get() : "nothing";
}

json parsed(const std::string &text)
{
    json value(cJSON_Parse(text.c_str()));
    if (!value)
        check::fail(__FILE__, __LINE__, "no JSON: " + text);
    return value;
}

json load(const std::string &file)
{
    std::ifstream in(std::string(VECTORS) + "/" + file);
    return parsed(std::string(std::istreambuf_iterator<char>(in), {}));
}

json of(std::string_view text)
{
    return json(text.data() == nullptr ? cJSON_CreateNull() : cJSON_CreateString(std::string(text).c_str()));
}
json of(const nexus::string &text)
{
    return of(text.view());
}
json of(bool value)
{
    return json(cJSON_CreateBool(value));
}
json of(nexus::entry_view entry)
{
    if (entry.kind() == nexus::kind::none)
        return json(cJSON_CreateNull());
    json row(cJSON_CreateObject());
    const auto add = [&](const char *key, json value) { cJSON_AddItemToObject(row.get(), key, value.release()); };
    add("path", of(entry.path()));
    add("kind", of(entry.is_file() ? "file" : std::string_view("directory")));
    add("size", json(cJSON_CreateNumber(double(entry.size()))));
    add("etag", of(entry.etag()));
    add("version", json(cJSON_CreateNumber(double(entry.version()))));
    add("mime_type", of(entry.mime_type()));
    add("path_id", of(entry.path_id()));
    add("backend_name", of(entry.backend_name()));
    return row;
}
json of(const nexus::entry &entry)
{
    return of(static_cast<const nexus::entry_view &>(entry));
}
json of(nexus::match_view match)
{
    json row(cJSON_CreateObject());
    cJSON_AddItemToObject(row.get(), "path", of(match.path()).release());
    cJSON_AddItemToObject(row.get(), "text", of(match.text()).release());
    cJSON_AddNumberToObject(row.get(), "line", double(match.line()));
    cJSON_AddNumberToObject(row.get(), "match_start", double(match.match_start()));
    cJSON_AddNumberToObject(row.get(), "match_end", double(match.match_end()));
    return row;
}
json of(const nexus::work_list &items)
{
    return parsed(GOOD(items.try_json()).str());
}
template <class List> json rows(const List &list)
{
    json all(cJSON_CreateArray());
    for (auto &&row : list)
        cJSON_AddItemToArray(all.get(), of(row).release());
    return all;
}
json of(const nexus::entries &list)
{
    return rows(list);
}
json of(const nexus::matches &list)
{
    return rows(list);
}
json of(const nexus::strings &list)
{
    return rows(list);
}
json of(const nexus::buffer &content)
{
    return of(content.text());
}

/* How the vectors compare. */
bool matches(const cJSON *wanted, const cJSON *given)
{
    if (given == nullptr)
        return cJSON_IsNull(wanted);
    if (cJSON_IsArray(wanted)) {
        bool same = cJSON_IsArray(given) && cJSON_GetArraySize(wanted) == cJSON_GetArraySize(given);
        for (int i = 0; same && i < cJSON_GetArraySize(wanted); i++)
            same = matches(cJSON_GetArrayItem(wanted, i), cJSON_GetArrayItem(given, i));
        return same;
    }
    if (cJSON_IsObject(wanted)) {
        bool same = cJSON_IsObject(given);
        for (const cJSON *each = wanted->child; same && each != nullptr; each = each->next)
            same = matches(each, cJSON_GetObjectItemCaseSensitive(given, each->string));
        return same;
    }
    if (cJSON_IsString(wanted) && cJSON_IsObject(given)) {
        const cJSON *path = cJSON_GetObjectItemCaseSensitive(given, "path");
        if (path == nullptr)
            path = cJSON_GetObjectItemCaseSensitive(given, "virtual_path");
        return cJSON_Compare(wanted, path, true);
    }
    return cJSON_Compare(wanted, given, true);
}

/* ---- A step: its arguments, and what it gives --------------------------------------------------- */

/* What a call gave, or the failure; `plain` text is text, other text is JSON. */
struct given {
    json value;
    nexus::failure why;

    given() = default;
    given(nexus::result<void> result) : why(std::move(result).error()) {}
    template <class T> given(nexus::result<T> result)
    {
        if (result)
            value = of(*result);
        else
            why = std::move(result).error();
    }
};

given as_json(nexus::result<nexus::string> result)
{
    given answer;
    if (result)
        answer.value = parsed(result->str());
    else
        answer.why = std::move(result).error();
    return answer;
}

class arguments {
public:
    explicit arguments(const cJSON *step) : step_(step) {}

    const cJSON *at(const char *key) const { return cJSON_GetObjectItemCaseSensitive(step_, key); }
    bool has(const char *key) const { return at(key) != nullptr; }
    /* Points nowhere where it is absent. */
    std::string_view text(const char *key) const
    {
        const char *found = cJSON_GetStringValue(at(key));
        return found != nullptr ? std::string_view(found) : std::string_view();
    }
    std::string_view path() const { return text("path"); }
    bool flag(const char *key, bool otherwise = false) const { return has(key) ? cJSON_IsTrue(at(key)) != 0 : otherwise; }
    double number(const char *key, double otherwise = 0) const { return has(key) ? at(key)->valuedouble : otherwise; }
    std::uint64_t count(const char *key) const { return static_cast<std::uint64_t>(number(key)); }
    std::string json_text(const char *key) const
    {
        const std::string raw = std::string(key) + "_text";
        return has(raw.c_str()) ? std::string(text(raw.c_str())) : printed(at(key));
    }
    /* As json_text; points nowhere where it is absent. */
    std::string_view json_or_none(const char *key) const
    {
        const bool given = has(key) || has((std::string(key) + "_text").c_str());
        return given ? std::string_view(kept_ = json_text(key)) : std::string_view();
    }
    std::chrono::milliseconds milliseconds(const char *key, double otherwise = 0) const
    {
        return std::chrono::milliseconds(static_cast<std::int64_t>(number(key, otherwise)));
    }
    nexus::write_options conditions() const
    {
        return {text("if_match"), flag("if_none_match"), text("mime_type"), text("lease_path"), count("lease")};
    }
    nexus::find_options find() const { return {text("base"), count("limit"), {}}; }
    nexus::replace existing() const { return flag("no_replace") ? nexus::replace::refused : nexus::replace::allowed; }
    nexus::mkdir_flags mkdir() const
    {
        return static_cast<nexus::mkdir_flags>((flag("parents") ? NEXUS_MKDIR_PARENTS : 0)
                                               | (flag("exist_ok") ? NEXUS_MKDIR_EXIST_OK : 0));
    }

private:
    const cJSON *step_;
    mutable std::string kept_;
};

nexus::result<void> add(nexus::batch &batch, const arguments &a)
{
    const std::string_view op = a.text("op");
    if (op == "write")
        return batch.try_write(a.path(), a.text("data"), a.conditions());
    if (op == "append")
        return batch.try_append(a.path(), a.text("data"), a.conditions());
    if (op == "delete")
        return batch.try_remove(a.path());
    if (op == "rename")
        return batch.try_rename(a.text("from"), a.text("to"), a.existing());
    if (op == "copy")
        return batch.try_copy(a.text("from"), a.text("to"), a.existing());
    if (op == "mkdir")
        return batch.try_mkdir(a.path(), a.mkdir());
    if (op == "set_meta")
        return batch.try_set_meta(a.path(), a.text("key"), a.json_text("value"));
    if (op == "set_meta_many")
        return batch.try_set_meta_many(a.path(), a.json_text("values"));
    if (op == "delete_meta")
        return batch.try_delete_meta(a.path(), a.text("key"));
    if (op == "require_etag")
        return a.has("etag") ? batch.try_require_etag(a.path(), a.text("etag")) : batch.try_require_absent(a.path());
    if (op == "require_lease")
        return batch.try_require_lease(a.path(), a.count("lease"));
    if (op == "complete_work")
        return batch.try_complete_work(a.path(), a.count("lease"), a.json_or_none("result"));
    if (op == "fail_work")
        return batch.try_fail_work(a.path(), a.count("lease"), a.text("error"), a.milliseconds("retry_after_ms"));
    if (op == "release_work")
        return batch.try_release_work(a.path(), a.count("lease"));
    check::fail(__FILE__, __LINE__, "the operation \"" + std::string(op) + "\" is not known");
}

given run_batch(const nexus::store &fs, const arguments &a)
{
    nexus::batch batch = GOOD(fs.try_batch());
    for (const cJSON *each = a.at("operations")->child; each != nullptr; each = each->next) {
        nexus::result<void> added = add(batch, arguments(each));
        if (!added)
            return added;
    }
    return batch.try_commit_entries();
}

given read_part(const nexus::store &fs, const arguments &a)
{
    std::string room(static_cast<std::size_t>(a.number("length")), '\0');
    nexus::result<std::size_t> count = fs.try_read_at(a.path(), a.count("offset"), room);
    given answer;
    if (count)
        answer.value = of(std::string_view(room).substr(0, *count));
    else
        answer.why = std::move(count).error();
    return answer;
}

using call = std::function<given(const nexus::store &, const arguments &)>;
using store = nexus::store;
using args = arguments;

const std::map<std::string_view, call> calls = {
    {"write", [](const store &fs, const args &a) { return fs.try_write(a.path(), a.text("data"), a.conditions()); }},
    {"append", [](const store &fs, const args &a) { return fs.try_append(a.path(), a.text("data"), a.conditions()); }},
    {"read", [](const store &fs, const args &a) { return fs.try_read(a.path()); }},
    {"read_at", read_part},
    {"stat", [](const store &fs, const args &a) { return fs.try_stat(a.path()); }},
    {"exists", [](const store &fs, const args &a) { return fs.try_exists(a.path()); }},
    {"is_directory", [](const store &fs, const args &a) { return fs.try_is_directory(a.path()); }},
    {"delete", [](const store &fs, const args &a) { return fs.try_remove(a.path(), a.conditions()); }},
    {"rename", [](const store &fs, const args &a) {
         return fs.try_rename(a.text("from"), a.text("to"), a.existing(), a.conditions());
     }},
    {"copy", [](const store &fs, const args &a) {
         return fs.try_copy(a.text("from"), a.text("to"), a.existing(), a.conditions());
     }},
    {"mkdir", [](const store &fs, const args &a) { return fs.try_mkdir(a.path(), a.mkdir()); }},
    {"rmdir", [](const store &fs, const args &a) {
         return a.flag("recursive") ? fs.try_remove_all(a.path()) : fs.try_rmdir(a.path());
     }},
    {"list", [](const store &fs, const args &a) {
         return fs.try_list({a.text("path"), a.text("prefix"), a.flag("recursive", true),
                             a.flag("include_directories"), a.count("limit"), a.text("cursor")});
     }},
    {"glob", [](const store &fs, const args &a) { return fs.try_glob(a.text("pattern"), a.find()); }},
    {"grep", [](const store &fs, const args &a) {
         return fs.try_grep(a.text("pattern"), {a.text("base"), a.text("file_pattern"), a.flag("ignore_case"),
                                                a.count("max_matches"), 0, a.flag("literal")});
     }},
    {"content_ids", [](const store &fs, const args &a) {
         std::vector<std::string> paths;
         for (const cJSON *each = a.at("paths")->child; each != nullptr; each = each->next)
             paths.push_back(each->valuestring);
         return fs.try_content_ids(paths);
     }},
    {"set_meta", [](const store &fs, const args &a) {
         return fs.try_set_meta(a.path(), a.text("key"), a.json_text("value"), a.conditions());
     }},
    {"set_meta_many", [](const store &fs, const args &a) {
         return fs.try_set_meta_many(a.path(), a.json_text("values"));
     }},
    {"get_meta", [](const store &fs, const args &a) { return as_json(fs.try_get_meta(a.path(), a.text("key"))); }},
    {"list_meta", [](const store &fs, const args &a) { return as_json(fs.try_list_meta(a.path())); }},
    {"delete_meta", [](const store &fs, const args &a) { return fs.try_delete_meta(a.path(), a.text("key")); }},
    {"find_by_meta", [](const store &fs, const args &a) {
         return fs.try_find_by_meta(a.text("key"), a.json_text("value"), a.find());
     }},
    {"path_id", [](const store &fs, const args &a) { return fs.try_path_id(a.path()); }},
    {"path_of_id", [](const store &fs, const args &a) { return fs.try_path_of_id(a.text("id")); }},
    {"batch", run_batch},
    {"ready_work", [](const store &fs, const args &a) {
         return fs.try_ready_work(static_cast<std::int64_t>(a.number("limit", 100)));
     }},
    {"pending_work", [](const store &fs, const args &a) {
         return fs.try_pending_work(static_cast<std::int64_t>(a.number("limit", 100)));
     }},
    {"blocked_work", [](const store &fs, const args &a) {
         return fs.try_blocked_work(static_cast<std::int64_t>(a.number("limit", 100)));
     }},
    {"in_progress_work", [](const store &fs, const args &a) {
         return fs.try_in_progress_work(static_cast<std::int64_t>(a.number("limit", 100)));
     }},
    {"work_by_priority", [](const store &fs, const args &a) {
         return fs.try_work_by_priority(static_cast<std::int64_t>(a.number("limit", 100)));
     }},
    {"work_claim", [](const store &fs, const args &a) {
         return fs.try_work_claim(a.text("worker"), {a.text("prefix"), static_cast<std::uint32_t>(a.number("max", 1)),
                                                     a.milliseconds("lease_ms", 30000)});
     }},
    {"work_heartbeat", [](const store &fs, const args &a) {
         return fs.try_work_heartbeat(a.path(), a.count("lease"), a.milliseconds("lease_ms"));
     }},
    {"work_complete", [](const store &fs, const args &a) {
         return fs.try_work_complete(a.path(), a.count("lease"), a.json_or_none("result"));
     }},
    {"work_fail", [](const store &fs, const args &a) {
         return fs.try_work_fail(a.path(), a.count("lease"), a.text("error"), a.milliseconds("retry_after_ms"));
     }},
    {"work_release", [](const store &fs, const args &a) {
         return fs.try_work_release(a.path(), a.count("lease"));
     }},
    {"work_explain", [](const store &fs, const args &a) { return as_json(fs.try_work_explain(a.path())); }},
    {"work_stats", [](const store &fs, const args &a) { return as_json(fs.try_work_stats(a.text("prefix"))); }},
    {"gc", [](const store &fs, const args &) { return as_json(fs.try_gc()); }},
    {"storage_stats", [](const store &fs, const args &) { return as_json(fs.try_storage_stats()); }},
    {"content_info", [](const store &fs, const args &a) { return as_json(fs.try_content_info(a.text("etag"))); }},
};

/* ---- A scenario -------------------------------------------------------------------------------- */

class scenario {
public:
    void run(const std::string &file, const cJSON *what)
    {
        const arguments about(what);
        const json none = parsed(R"([{"name": "main", "config": {}}])");
        const cJSON *handles = about.has("handles") ? about.at("handles") : none.get();
        std::string first;
        for (const cJSON *each = handles->child; each != nullptr; each = each->next) {
            const std::string name(arguments(each).text("name"));
            handles_[name] = GOOD(nexus::store::try_connect(completed(arguments(each).at("config"))));
            if (first.empty())
                first = name;
        }
        if (about.has("files"))
            for (const cJSON *each = about.at("files")->child; each != nullptr; each = each->next)
                GOOD(handles_[first].try_write(each->valuestring, each->valuestring));
        int number = 0;
        for (cJSON *each = about.at("steps")->child; each != nullptr; each = each->next)
            run_step(first, each,
                     file + ": \"" + std::string(about.text("name")) + "\": step " + std::to_string(number++) + ": "
                         + printed(each));
    }

private:
    std::string completed(const cJSON *config) const
    {
        json all(cJSON_Duplicate(config, true));
        const arguments has(all.get());
        if (!has.has("data_dir"))
            cJSON_AddStringToObject(all.get(), "data_dir", (directory_ / "store").c_str());
        if (!has.has("durability"))
            cJSON_AddStringToObject(all.get(), "durability", "normal");
        if (!has.has("housekeeping"))
            cJSON_AddFalseToObject(all.get(), "housekeeping");
        return printed(all.get());
    }

    /* A copy in which each "$NAME" is replaced. */
    json substituted(const cJSON *value) const
    {
        if (cJSON_IsString(value) && value->valuestring[0] == '$' && value->valuestring[1] != 0) {
            const auto saved = saved_.find(value->valuestring + 1);
            if (saved == saved_.end())
                check::fail(__FILE__, __LINE__, std::string(value->valuestring) + " was not saved");
            return json(cJSON_Duplicate(saved->second.get(), true));
        }
        if (!cJSON_IsArray(value) && !cJSON_IsObject(value))
            return json(cJSON_Duplicate(value, true));
        json all(cJSON_IsArray(value) ? cJSON_CreateArray() : cJSON_CreateObject());
        for (const cJSON *each = value->child; each != nullptr; each = each->next) {
            if (cJSON_IsArray(value))
                cJSON_AddItemToArray(all.get(), substituted(each).release());
            else
                cJSON_AddItemToObject(all.get(), each->string, substituted(each).release());
        }
        return all;
    }

    given make(const std::string &as, const arguments &a)
    {
        const std::string_view name = a.text("call");
        if (name == "connect" || name == "with_identity") {
            nexus::result<nexus::store> opened =
                name == "with_identity" ? handles_[as].try_with_identity(a.text("tenant"), a.text("agent"))
                : a.has("config_text")  ? nexus::store::try_connect(a.text("config_text"))
                                        : nexus::store::try_connect(completed(a.at("config")));
            if (!opened)
                return nexus::result<void>(std::move(opened).error());
            handles_[std::string(a.text("handle"))] = std::move(*opened);
            return {};
        }
        if (name == "close")
            return handles_[as].try_close();
        const auto found = calls.find(name);
        if (found == calls.end())
            check::fail(__FILE__, __LINE__, "the call \"" + std::string(name) + "\" is not known");
        return found->second(handles_[as], a);
    }

    void run_step(const std::string &first, const cJSON *raw, const std::string &story)
    {
        const json step = substituted(raw);
        const arguments a(step.get());
        const given answer = make(a.has("as") ? std::string(a.text("as")) : first, a);
        const std::string wanted = "NEXUS_STATUS_" + (a.has("status") ? std::string(a.text("status")) : "OK");
        const auto fail = [&](const std::string &what) { check::fail(__FILE__, __LINE__, story + "\n    " + what); };
        if (wanted != nexus::status_name(answer.why.status()))
            fail("gave " + std::string(nexus::status_name(answer.why.status())) + ": " + answer.why.message());
        if (answer.why) {
            if (std::string_view(answer.why.message()).find(a.text("message")) == std::string_view::npos)
                fail("says " + std::string(answer.why.message()));
            if (a.has("index") && answer.why.index() != static_cast<std::int64_t>(a.number("index")))
                fail("names operation " + std::to_string(answer.why.index()));
        } else if (a.has("returns") && !matches(a.at("returns"), answer.value.get())) {
            fail("gave " + printed(answer.value.get()));
        }
        if (a.has("save")) {
            const cJSON *kept = answer.value.get();
            if (cJSON_IsObject(kept))
                kept = cJSON_GetObjectItemCaseSensitive(kept, "etag");
            else if (cJSON_IsArray(kept))
                kept = cJSON_GetObjectItemCaseSensitive(kept->child, "lease");
            saved_[std::string(a.text("save"))] = json(cJSON_Duplicate(kept, true));
        }
    }

    check::directory directory_;
    std::map<std::string, nexus::store> handles_;
    std::map<std::string, json> saved_;
};

void run_file(const std::string &file)
{
    const json document = load(file);
    int count = 0;
    for (const cJSON *each = arguments(document.get()).at("scenarios")->child; each != nullptr; each = each->next) {
        scenario().run(file, each);
        count++;
    }
    CHECK(count > 0);
}

void access_is_decided_as_the_vectors_say()
{
    run_file("access.json");
}
void globs_find_what_the_vectors_say()
{
    run_file("globs.json");
}
void work_items_behave_as_the_vectors_say()
{
    run_file("work.json");
}
void bad_input_fails_as_the_vectors_say()
{
    run_file("errors.json");
}

/* ---- Paths ------------------------------------------------------------------------------------- */

std::string spelled(const cJSON *input)
{
    if (cJSON_IsString(input))
        return input->valuestring;
    std::string all;
    for (const cJSON *pair = input->child; pair != nullptr; pair = pair->next)
        for (int i = 0; i < pair->child->next->valueint; i++)
            all += pair->child->valuestring;
    return all;
}

/* cJSON ends a string at a NUL: it is put in place of U+FFFF, which stood for it while the text was parsed. */
std::string with_nul(std::string text)
{
    for (std::size_t at; (at = text.find("\xef\xbf\xbf")) != std::string::npos;)
        text.replace(at, 3, std::string(1, '\0'));
    return text;
}

std::string bytes_of(std::string_view hex)
{
    std::string all;
    for (; !hex.empty(); hex.remove_prefix(2))
        all += static_cast<char>(std::stoi(std::string(hex.substr(0, 2)), nullptr, 16));
    return all;
}

void paths_are_normalised_or_refused_as_the_vectors_say()
{
    std::ifstream in(VECTORS "/paths.json");
    std::string text(std::istreambuf_iterator<char>(in), {});
    for (std::size_t at; (at = text.find("\\u0000")) != std::string::npos;)
        text.replace(at, 6, "\\uffff");
    const json document = parsed(text);
    check::directory directory;
    nexus::store fs = GOOD(nexus::store::try_connect(directory.config()));
    int count = 0;
    for (const cJSON *each = arguments(document.get()).at("cases")->child; each != nullptr; each = each->next, count++) {
        const arguments a(each);
        const std::string input = a.has("input_hex") ? bytes_of(a.text("input_hex")) : with_nul(spelled(a.at("input")));
        if (a.has("normalised")) {
            const std::string normalised = spelled(a.at("normalised"));
            if (normalised != "/")
                GOOD(fs.try_write(input, "x"));
            EQUAL(GOOD(fs.try_stat(input)).path(), normalised);
            EQUAL(GOOD(fs.try_stat(normalised)).path(), normalised);
            if (normalised != "/")
                GOOD(fs.try_remove(normalised));
            continue;
        }
        const nexus::failure refusals[] = {fs.try_write(input, "x").error(), fs.try_stat(input).error(),
                                           fs.try_exists(input).error(), fs.try_exists(std::string_view(input)).error()};
        for (const nexus::failure &why : refusals) {
            EQUAL(nexus::status_name(why.status()), "NEXUS_STATUS_" + std::string(a.text("status")));
            if (std::string_view(why.message()).find(a.text("reason")) == std::string_view::npos)
                check::fail(__FILE__, __LINE__, std::string(a.text("name")) + ": " + why.message());
        }
    }
    CHECK(count > 0);
}

} // namespace

int main()
{
    RUN(paths_are_normalised_or_refused_as_the_vectors_say);
    RUN(access_is_decided_as_the_vectors_say);
    RUN(globs_find_what_the_vectors_say);
    RUN(work_items_behave_as_the_vectors_say);
    RUN(bad_input_fails_as_the_vectors_say);
    return 0;
}
