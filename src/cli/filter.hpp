// --filter key=value: different keys must all match, of one key's values any one does. Labels are
// docker's exception: every label=… must match.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::cli {

class Filters {
  public:
    // Throws UsageError on a text without "=", or a key that is not among `known` (names them).
    // A key "label!" (for prune: label!=key) must be listed by itself.
    static Filters parse(const std::vector<std::string>& texts,
                         const std::vector<std::string>& known);

    [[nodiscard]] bool empty() const noexcept { return values_.empty(); }
    [[nodiscard]] bool has(std::string_view key) const noexcept;
    [[nodiscard]] const std::vector<std::string>& values(std::string_view key) const noexcept;

    // True when the key was not given, or `matches(value)` holds for one of its values.
    template <typename Predicate>
    [[nodiscard]] bool any(std::string_view key, Predicate matches) const {
        if (!has(key)) return true;
        for (const std::string& value : values(key)) {
            if (matches(value)) return true;
        }
        return false;
    }
    [[nodiscard]] bool is(std::string_view key, std::string_view text) const;
    // The value is found in the text, or is an extended regular expression that matches somewhere
    // in it (docker's name=). Throws UsageError on a bad expression.
    [[nodiscard]] bool matches_regex(std::string_view key, std::string_view text) const;
    // One of the values begins `text` (docker's id=).
    [[nodiscard]] bool is_prefix(std::string_view key, std::string_view text) const;
    // label=k, label=k=v, and label!=… when known.
    [[nodiscard]] bool matches_labels(const std::map<std::string, std::string>& labels) const;
    // "true", "1", "false", "0". Absent when not given; throws UsageError on other texts.
    [[nodiscard]] std::optional<bool> try_bool(std::string_view key) const;

  private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

}  // namespace sandbox::cli
