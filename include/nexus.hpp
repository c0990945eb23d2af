/*
 * nexus.hpp - Nexus for C++17 and later: nexus.h with owners, views, ranges, exceptions or results.
 *
 *     auto fs = nexus::store::connect(R"({"data_dir": "./data"})");
 *     fs.write("/workspace/acme/agent1/notes.txt", "hello");
 *     for (nexus::entry_view file : fs.each({"/workspace"}))
 *         std::cout << file.path() << ' ' << file.size() << '\n';
 *
 * nexus.h documents what each call does, and its statuses; this comment has what C++ adds.
 *
 * 1. Owners (store, reader, writer, batch, buffer, entry, string, and the lists) can be moved and not copied; their
 *    destructors free what they own. A view (entry_view, match_view, work_item_view, std::string_view, byte_view) is
 *    valid as long as the owner it came from. An owner that was moved from is empty: calls on it are MISUSE.
 * 2. Errors. Every call `f` that may fail exists twice: `f` throws nexus::error; `try_f` returns a nexus::result and
 *    throws nothing of its own. If exceptions are off (-fno-exceptions), only `try_f` exists.
 * 3. Text in. A parameter of type text_in or path_in takes a std::string_view, a std::string or a `const char *`. The
 *    library needs NUL-terminated text: the last two are passed unchanged; a std::string_view is copied, on the stack
 *    up to 255 bytes, else to the heap. A NUL within is an error (INVALID_PATH or INVALID_ARGUMENT).
 *    A null view (std::string_view()) means NULL: "not given".
 * 4. Bytes in and out. bytes_in takes text, a pointer and a length, or a container of trivial elements; byte_view, the
 *    same type in every version of C++, converts to std::span<const std::byte>.
 * 5. Allocation. The wrapper allocates nothing but long copies of views (3), the strings of a paged listing, and what a
 *    thrown error needs.
 * 6. Threads are as in nexus.h: any object from any thread, a reader, writer or batch by one at a time. Moving, closing
 *    or destroying an owner while another thread uses it is a data race, as for every C++ object.
 */
#ifndef NEXUS_HPP
#define NEXUS_HPP

#include "nexus.h"

#include "nexus/batch.hpp"
#include "nexus/error.hpp"
#include "nexus/library.hpp"
#include "nexus/options.hpp"
#include "nexus/rows.hpp"
#include "nexus/store.hpp"
#include "nexus/streams.hpp"
#include "nexus/text.hpp"

#endif
