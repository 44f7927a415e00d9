// Values out of nodes: types checked, ${…} put in, errors with their place. One per project.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "document.hpp"
#include "interpolate.hpp"

namespace sandbox::project {

class Reader {
  public:
    // They must live as long as the reader, and have a scope each.
    explicit Reader(const Documents& documents) : documents_(documents) {}

    [[noreturn]] void fail(const Place& at, const std::string& message,
                           std::string hint = {}) const {
        documents_.fail(at, message, std::move(hint));
    }
    // An Error that leaves `action` gets the place in front and the line below.
    template <typename F>
    decltype(auto) at(const Place& place, F&& action) const {
        try {
            return std::forward<F>(action)();
        } catch (const base::UsageError& error) {
            if (!error.detail().empty()) throw;  // it has its place already
            throw documents_.error(place, error.message(), error.hint());
        }
    }
    [[noreturn]] void fail_type(const Node& node, std::string_view wanted) const;
    [[nodiscard]] const Documents& documents() const noexcept { return documents_; }
    // Of the file that has `place`.
    [[nodiscard]] const Variables& variables(const Place& place) const {
        return documents_.scope(place).variables;
    }
    [[nodiscard]] const std::vector<std::string>& notices() const noexcept { return notices_; }
    void note(std::string text) { notices_.push_back(std::move(text)); }

    [[nodiscard]] const Table& members(const Node& node, std::string_view owner) const;
    [[nodiscard]] std::string text(const Node& node);
    [[nodiscard]] std::string scalar(const Node& node);  // text, number, true/false
    [[nodiscard]] bool boolean(const Node& node);
    [[nodiscard]] std::int64_t integer(const Node& node, std::int64_t least, std::int64_t most);
    // A number as it is, or octal digits as a text.
    [[nodiscard]] std::uint32_t file_mode(const Node& node);
    // "90s", "1m30s", or whole seconds.
    [[nodiscard]] std::chrono::nanoseconds duration(const Node& node);
    // "64m" as text, or bytes; checked, answered as `run` takes it.
    [[nodiscard]] std::string size(const Node& node);
    [[nodiscard]] std::vector<std::string> words(const Node& node);  // a text is a list of one
    [[nodiscard]] std::vector<std::string> command(const Node& node);
    // In the order of the file; a list entry without "=" and a null value have no value.
    struct Pair {
        std::string name;
        std::optional<std::string> value;
        Place at;
    };
    [[nodiscard]] std::vector<Pair> pairs(const Node& node);
    [[nodiscard]] std::string path(const Node& node);  // absolute, from its file's directory
    // "./x", "~/x", "/x", as said at `place`.
    [[nodiscard]] std::string resolve(const std::string& typed, const Place& place) const;
    [[nodiscard]] std::vector<std::string> paths(const Node& node);  // a text is a list of one
    [[nodiscard]] std::string choice(const Node& node, std::string_view choices);

  private:
    const Documents& documents_;
    std::vector<std::string> notices_;
};

// A line of words as a shell would split it: quotes and backslashes, nothing else.
// Throws UsageError without a place.
[[nodiscard]] std::vector<std::string> split_words(std::string_view line);

}  // namespace sandbox::project
