#include "engine/attach/detach_keys.hpp"

#include <optional>

#include "engine/flags/flag_error.hpp"
#include "sandbox/engine/attach.hpp"

namespace sandbox::engine {
namespace {

std::optional<char> try_key(const std::string& word) {
    if (word.size() == 1) return word[0];
    constexpr std::string_view kControl = "ctrl-";
    if (word.size() != kControl.size() + 1 || !word.starts_with(kControl)) return std::nullopt;
    const char key = word.back();
    if (key >= 'a' && key <= 'z') return static_cast<char>(key - 'a' + 1);
    // ascii(7): "@" and what stands around the capital letters, less 64.
    if (key == '@' || (key >= '[' && key <= '_')) return static_cast<char>(key - '@');
    return std::nullopt;
}

}  // namespace

std::string parse_detach_keys(std::string_view text) {
    std::string keys;
    if (text.empty()) return keys;
    for (const std::string& word : base::split(text, ',')) {
        const auto key = try_key(word);
        if (!key) {
            throw_bad_flag("--detach-keys", text, "unknown key " + base::quote(word),
                           "characters, or ctrl- and one of a-z @ [ \\ ] ^ _, with commas between");
        }
        keys += *key;
    }
    return keys;
}

std::string DetachScanner::feed(std::string_view typed) {
    std::string passed;
    if (keys_.empty()) return std::string(typed);
    for (const char key : typed) {
        if (detached_) break;
        if (key == keys_[matched_]) {
            detached_ = ++matched_ == keys_.size();
            continue;
        }
        // The longest start of the keys that what was held back, and this one, end with.
        std::string held = keys_.substr(0, matched_) + key;
        size_t kept = held.size() - 1;
        while (kept > 0 && held.compare(held.size() - kept, kept, keys_, 0, kept) != 0) --kept;
        if (kept == 0 && key == keys_[0]) kept = 1;
        passed += held.substr(0, held.size() - kept);
        matched_ = kept;
    }
    return passed;
}

void check_detach_keys(const std::string& keys) {
    (void)parse_detach_keys(keys);
}

}  // namespace sandbox::engine
