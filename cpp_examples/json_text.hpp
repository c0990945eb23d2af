/* The little JSON that these programs need: a string quoted, a number out of a report. A larger program has a JSON
 * library for this. */
#ifndef NEXUS_EXAMPLES_JSON_TEXT_HPP
#define NEXUS_EXAMPLES_JSON_TEXT_HPP

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/* `text` (UTF-8) as a JSON string with its quotes. */
inline std::string json_quote(std::string_view text)
{
    std::string quoted = "\"";
    for (char c : text) {
        if (static_cast<unsigned char>(c) < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
            quoted += escape;
            continue;
        }
        if (c == '"' || c == '\\')
            quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

/* The number under the first `key` in `json`, or 0 where it does not occur. */
inline unsigned long long json_number(std::string_view json, std::string_view key)
{
    const std::string quoted = json_quote(key);
    std::size_t at = json.find(quoted);
    if (at == std::string_view::npos)
        return 0;
    at = json.find_first_not_of(" \t\r\n:", at + quoted.size());
    return std::strtoull(std::string(json.substr(at)).c_str(), nullptr, 10);
}

#endif
