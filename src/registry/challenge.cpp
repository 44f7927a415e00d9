#include "registry/challenge.hpp"

#include <algorithm>

#include "sandbox/base/strings.hpp"

namespace sandbox::registry {

namespace {

constexpr size_t kMaxHeaderBytes = 16 * 1024;
constexpr size_t kMaxChallenges = 16;
constexpr size_t kMaxParameters = 32;

bool is_token_char(char c) noexcept {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
    return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

class Cursor {
  public:
    explicit Cursor(std::string_view text) noexcept : text_(text) {}
    [[nodiscard]] bool at_end() const noexcept { return at_ >= text_.size(); }
    [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }
    [[nodiscard]] size_t position() const noexcept { return at_; }
    void seek(size_t position) noexcept { at_ = position; }
    bool skip(char c) noexcept {
        if (at_end() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    bool skip_blanks() noexcept {
        const size_t before = at_;
        while (peek() == ' ' || peek() == '\t') ++at_;
        return at_ != before;
    }
    void skip_blanks_and_commas() noexcept {
        while (skip_blanks() || skip(',')) {
        }
    }
    void skip_to_comma() noexcept {
        while (!at_end() && peek() != ',') ++at_;
    }
    std::string_view token() noexcept {
        const size_t start = at_;
        while (!at_end() && is_token_char(text_[at_])) ++at_;
        return text_.substr(start, at_ - start);
    }
    // After the opening quote. Absent without a closing one; the cursor is then at the end.
    std::optional<std::string> quoted() {
        std::string out;
        while (!at_end()) {
            char c = text_[at_++];
            if (c == '"') return out;
            if (c == '\\' && !at_end()) c = text_[at_++];
            out += c;
        }
        return std::nullopt;
    }

  private:
    std::string_view text_;
    size_t at_ = 0;
};

enum class ParameterResult { parsed, not_a_parameter, malformed };

ParameterResult read_parameter(Cursor& cursor, Challenge& challenge) {
    const size_t start = cursor.position();
    const std::string name = base::to_lower(cursor.token());
    cursor.skip_blanks();
    if (name.empty() || !cursor.skip('=')) {
        cursor.seek(start);
        return ParameterResult::not_a_parameter;
    }
    cursor.skip_blanks();
    std::string value;
    if (cursor.skip('"')) {
        auto text = cursor.quoted();
        if (!text) return ParameterResult::malformed;
        value = std::move(*text);
    } else {
        value = cursor.token();
    }
    cursor.skip_blanks();
    if (!cursor.at_end() && cursor.peek() != ',') {
        cursor.skip_to_comma();  // token68 or garbage: nothing that we use
        return ParameterResult::parsed;
    }
    if (challenge.parameter(name).empty() && challenge.parameters.size() < kMaxParameters) {
        challenge.parameters.emplace_back(name, std::move(value));
    }
    return ParameterResult::parsed;
}

}  // namespace

std::string Challenge::parameter(std::string_view name) const {
    for (const auto& [key, value] : parameters) {
        if (key == name) return value;
    }
    return {};
}

std::vector<Challenge> parse_challenges(std::string_view header) {
    std::vector<Challenge> all;
    Cursor cursor(header.substr(0, kMaxHeaderBytes));
    while (true) {
        cursor.skip_blanks_and_commas();
        if (cursor.at_end()) return all;
        if (!all.empty()) {
            const ParameterResult result = read_parameter(cursor, all.back());
            if (result == ParameterResult::parsed) continue;
            if (result == ParameterResult::malformed) return all;
        }
        const std::string scheme = base::to_lower(cursor.token());
        const bool separated = cursor.at_end() || cursor.peek() == ',' || cursor.skip_blanks();
        if (scheme.empty() || !separated) {
            cursor.skip_to_comma();
            continue;
        }
        if (all.size() == kMaxChallenges) return all;
        all.push_back({scheme, {}});
    }
}

std::optional<Challenge> try_choose_challenge(const std::vector<Challenge>& all) {
    for (const Challenge& challenge : all) {
        if (challenge.scheme == "bearer" && !challenge.parameter("realm").empty()) return challenge;
    }
    for (const Challenge& challenge : all) {
        if (challenge.scheme == "basic") return challenge;
    }
    return std::nullopt;
}

}  // namespace sandbox::registry
