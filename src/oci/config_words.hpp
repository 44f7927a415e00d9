// The words of a Dockerfile instruction: quotes, backslashes, variables.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::oci {

// Absent: not set.
using FindVariable = std::function<std::optional<std::string>(const std::string& name)>;

// Split at blanks that are not quoted; quotes and backslashes are kept.
[[nodiscard]] std::vector<std::string> split_words(std::string_view text);
// Quotes and backslashes taken away, $NAME, ${NAME}, ${NAME:-word} and ${NAME:+word} replaced
// (not within single quotes). Throws UsageError for a "${" without its end.
[[nodiscard]] std::string expand_word(std::string_view word, const FindVariable& find);

}  // namespace sandbox::oci
