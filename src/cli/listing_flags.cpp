#include "cli/listing_flags.hpp"

#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

bool has_flag(const Command& command, std::string_view key) {
    for (const Flag& flag : command.flags) {
        if (key_of(flag) == key) return true;
    }
    return false;
}

}  // namespace

ListFlags list_flags(const Invocation& in) {
    const Command& command = in.command();
    ListFlags flags;
    if (has_flag(command, "format")) flags.format = in.value_or("format", "");
    if (has_flag(command, "no-trunc")) flags.no_trunc = in.toggle("no-trunc");
    if (has_flag(command, "quiet")) flags.quiet = in.toggle("quiet");
    if (has_flag(command, "noheading")) flags.no_heading = in.toggle("noheading");
    if (has_flag(command, "sort")) flags.sort = in.value_or("sort", "");
    return flags;
}

std::string since(std::int64_t seconds) {
    if (seconds <= 0) return "N/A";
    return base::format_age(base::now().seconds - seconds) + " ago";
}

std::string go_time(std::int64_t seconds) {
    if (seconds <= 0) return "N/A";
    // "2026-11-24T11:02:03Z" → "2026-11-24 11:02:03 +0000 UTC"
    std::string text = base::format_rfc3339(seconds);
    text[10] = ' ';
    text.pop_back();
    return text + " +0000 UTC";
}

std::string shortened(std::string_view text, size_t width) {
    const auto begins_character = [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    };
    size_t characters = 0;
    size_t cut = 0;  // where the last character that may be shown begins
    for (size_t i = 0; i < text.size(); ++i) {
        if (!begins_character(text[i])) continue;
        if (++characters == width) cut = i;
        if (characters > width) return std::string(text.substr(0, cut)) + "…";
    }
    return std::string(text);
}

std::string labels_text(const base::json::Value& labels) {
    std::string text;
    if (const base::json::Object* object = labels.as_object()) {
        for (const base::json::Object::Member& label : *object) {
            if (!text.empty()) text += ',';
            const std::string* value = label.second.as_string();
            text += label.first + "=" + (value != nullptr ? *value : "");
        }
    }
    return text;
}

}  // namespace sandbox::cli
