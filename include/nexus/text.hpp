/* Text and bytes: how they go into a call, and who owns those that come out. */
#ifndef NEXUS_TEXT_HPP
#define NEXUS_TEXT_HPP

#include "error.hpp"

#include <cstddef>
#include <cstring>
#include <iterator>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace nexus {
inline namespace NEXUS_HPP_NAMESPACE {

class string;

/** Text for the library. It lives for one call only: do not create one, pass its source. */
class text_in {
public:
    text_in(std::nullptr_t) noexcept : text_(nullptr) {}
    text_in(const char *text) noexcept : text_(text) {}
    text_in(const std::string &text) noexcept : text_(text.c_str()), has_nul_(std::strlen(text_) != text.size()) {}
    inline text_in(const string &text) noexcept;
    text_in(std::string_view text) noexcept : text_(nullptr)
    {
        if (text.data() == nullptr)
            return;
        char *copy = buffer_;
        if (text.size() >= sizeof buffer_) {
            heap_.reset(new (std::nothrow) char[text.size() + 1]);
            copy = heap_.get();
            no_memory_ = copy == nullptr;
        }
        if (copy == nullptr)
            return;
        has_nul_ = !text.empty() && std::memchr(text.data(), 0, text.size()) != nullptr;
        if (!text.empty())
            std::memcpy(copy, text.data(), text.size());
        copy[text.size()] = 0;
        text_ = copy;
    }
    text_in(const text_in &) = delete;
    text_in &operator=(const text_in &) = delete;

    /** NUL-terminated; null if it was made from a null view. */
    const char *c_str() const noexcept { return text_; }
    /** Why it cannot be passed to the library, if so. */
    failure refusal() const noexcept { return refusal(status::invalid_argument, "a text has a NUL in it"); }

protected:
    failure refusal(status code, const char *message) const noexcept
    {
        if (no_memory_)
            return failure(status::internal, "out of memory");
        return has_nul_ ? failure(code, message) : failure();
    }

private:
    const char *text_;
    std::unique_ptr<char[]> heap_;
    bool has_nul_ = false;
    bool no_memory_ = false;
    char buffer_[256];
};

/** A path for the library: like text_in, but an error in it is INVALID_PATH. */
class path_in : public text_in {
public:
    using text_in::text_in;
    failure refusal() const noexcept
    {
        return text_in::refusal(status::invalid_path, "a NUL byte is not allowed in a path");
    }
};

/** Some bytes in memory, read-only. Converts to std::span<const std::byte>. */
class byte_view {
public:
    using value_type = std::byte;
    using iterator = const std::byte *;

    constexpr byte_view() noexcept = default;
    byte_view(const void *data, std::size_t size) noexcept : data_(static_cast<const std::byte *>(data)), size_(size) {}

    const std::byte *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const std::byte *begin() const noexcept { return data_; }
    const std::byte *end() const noexcept { return data_ + size_; }
    const std::byte &operator[](std::size_t index) const noexcept { return data_[index]; }
    /** The same bytes as text. */
    std::string_view text() const noexcept { return {reinterpret_cast<const char *>(data_), size_}; }

private:
    const std::byte *data_ = nullptr;
    std::size_t size_ = 0;
};

namespace detail {

template <class C>
using element = std::remove_pointer_t<decltype(std::declval<C &>().data())>;

template <class C>
using enable_for_container =
    std::enable_if_t<std::is_trivially_copyable<element<C>>::value
                     && std::is_convertible<decltype(std::declval<C &>().size()), std::size_t>::value>;

} // namespace detail

/** Bytes for the library: text without its NUL, a pointer and a length, or a container of trivial elements. */
class bytes_in : public byte_view {
public:
    using byte_view::byte_view;
    bytes_in(const char *text) noexcept : byte_view(text, text == nullptr ? 0 : std::strlen(text)) {}
    template <class C, class = detail::enable_for_container<const C>>
    bytes_in(const C &container) noexcept
        : byte_view(container.data(), container.size() * sizeof(detail::element<const C>))
    {
    }
};

/** Memory that the library writes to: a pointer and a length, or a container of trivial elements. */
class bytes_out {
public:
    bytes_out(void *data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <class C, class = detail::enable_for_container<C>,
              class = std::enable_if_t<!std::is_const<detail::element<C>>::value>>
    bytes_out(C &&container) noexcept
        : data_(container.data()), size_(container.size() * sizeof(detail::element<C>))
    {
    }
    template <class T, std::size_t N, class = std::enable_if_t<std::is_trivially_copyable<T>::value>>
    bytes_out(T (&array)[N]) noexcept : data_(array), size_(sizeof array)
    {
    }
    void *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }

private:
    void *data_;
    std::size_t size_;
};

namespace detail {

/* Why the first of the texts (or options) that cannot be passed on cannot be. */
template <class... Texts> failure first_refusal(const Texts &...texts) noexcept
{
    failure refused;
    ((refused ? void() : void(refused = texts.refusal())), ...);
    return refused;
}

/* Refuses what cannot be passed on; else makes the call. */
template <class Call, class... Texts> failure call(Call &&make, const Texts &...texts)
{
    if (failure refused = first_refusal(texts...))
        return refused;
    nexus_error *error = nullptr;
    const nexus_status code = make(&error);
    return failure(static_cast<status>(code), error);
}

/* `value` is what the call that makes `why` sets: an lvalue, as arguments are evaluated in any order. */
template <class T, class Value> result<T> give(failure &&why, Value &value)
{
    if (why)
        return result<T>(std::move(why));
    return result<T>(T(value));
}

inline result<void> give(failure &&why)
{
    return result<void>(std::move(why));
}

/* Owns one object of the library. Objects are handles: as keys they are compared and copied, never dereferenced. */
template <class Object, void (*Free)(Object *)> class owner {
public:
    owner() noexcept = default;
    explicit owner(Object *object) noexcept : object_(object) {}
    owner(owner &&other) noexcept : object_(other.release()) {}
    owner &operator=(owner &&other) noexcept
    {
        if (this != &other)
            reset(other.release());
        return *this;
    }
    owner(const owner &) = delete;
    owner &operator=(const owner &) = delete;
    ~owner() { reset(nullptr); }

    /** The object, for C. */
    Object *get() const noexcept { return object_; }
    /** Gives up ownership of the object. */
    Object *release() noexcept { return std::exchange(object_, nullptr); }
    explicit operator bool() const noexcept { return object_ != nullptr; }

protected:
    /* Ends the object by a call that leaves it open only where it returns MISUSE: then it is still owned. */
    result<void> end_by(nexus_status (*ending)(Object *, nexus_error **))
    {
        failure why = call([&](nexus_error **error) { return ending(object_, error); });
        if (why.status() != status::misuse)
            (void)release();
        return give(std::move(why));
    }
    void reset(Object *object) noexcept
    {
        if (object_ != nullptr)
            Free(object_);
        object_ = object;
    }

private:
    Object *object_ = nullptr;
};

inline void close_store(nexus_fs *fs) noexcept
{
    (void)nexus_close(fs, nullptr);
}
inline void close_reader(nexus_reader *reader) noexcept
{
    (void)nexus_reader_close(reader, nullptr);
}
inline void abort_writer(nexus_writer *writer) noexcept
{
    (void)nexus_writer_abort(writer, nullptr);
}

/* Walks a list by index; what it points at is made on the way. */
template <class List> class list_iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = typename List::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = value_type;

    list_iterator() noexcept = default;
    list_iterator(const List &list, std::size_t index) noexcept : list_(&list), index_(index) {}
    value_type operator*() const noexcept { return (*list_)[index_]; }
    list_iterator &operator++() noexcept
    {
        ++index_;
        return *this;
    }
    list_iterator operator++(int) noexcept
    {
        list_iterator before = *this;
        ++index_;
        return before;
    }
    friend bool operator==(const list_iterator &a, const list_iterator &b) noexcept { return a.index_ == b.index_; }
    friend bool operator!=(const list_iterator &a, const list_iterator &b) noexcept { return a.index_ != b.index_; }

private:
    const List *list_ = nullptr;
    std::size_t index_ = 0;
};

} // namespace detail

/** Text that the library returned: JSON, an id, a path. */
class string : public detail::owner<char, nexus_string_free> {
public:
    using owner::owner;
    /** NUL-terminated; never null. */
    const char *c_str() const noexcept { return get() == nullptr ? "" : get(); }
    std::string_view view() const noexcept { return c_str(); }
    operator std::string_view() const noexcept { return view(); }
    /** A copy. */
    std::string str() const { return std::string(view()); }
    template <class Stream> friend auto operator<<(Stream &out, const string &text) -> decltype(out << std::string_view())
    {
        return out << text.view();
    }
};

inline text_in::text_in(const string &text) noexcept : text_(text.c_str()) {}

/** The content of a file. */
class buffer : public detail::owner<nexus_buffer, nexus_buffer_free> {
public:
    using owner::owner;
    const std::byte *data() const noexcept { return static_cast<const std::byte *>(nexus_buffer_data(get())); }
    std::size_t size() const noexcept { return nexus_buffer_len(get()); }
    bool empty() const noexcept { return size() == 0; }
    const std::byte *begin() const noexcept { return data(); }
    const std::byte *end() const noexcept { return data() + size(); }
    byte_view bytes() const noexcept { return {data(), size()}; }
    /** The same bytes as text. */
    std::string_view text() const noexcept { return bytes().text(); }
};

} // inline namespace
} // namespace nexus

#endif
