// `ready` and `healthcheck`: how one knows that a service works.
#include "sandbox/base/strings.hpp"
#include "service_values.hpp"

namespace sandbox::project {
namespace {

// Compose's forms: ["CMD", …], ["CMD-SHELL", line], ["NONE"], or a line for the shell.
void read_test(Reader& reader, const Node& node, Check& check) {
    if (node.list() == nullptr) {
        check.shell = true;
        check.command = {reader.text(node)};
        return;
    }
    std::vector<std::string> words = reader.words(node);
    const std::string kind = words.empty() ? "" : words[0];
    if (kind == "NONE" && words.size() == 1) {
        check.disabled = true;
        return;
    }
    if (kind == "CMD-SHELL" && words.size() == 2) {
        check.shell = true;
    } else if (kind != "CMD" || words.size() < 2) {
        reader.fail(node.at, "expected [\"CMD\", …], [\"CMD-SHELL\", LINE] or [\"NONE\"]",
                    "\"command\" takes the words without such a mark");
    }
    words.erase(words.begin());
    check.command = std::move(words);
}

void read_command(Reader& reader, const Node& node, Check& check) {
    check.shell = node.list() == nullptr;
    check.command = check.shell ? std::vector{reader.text(node)} : reader.words(node);
    if (check.command.empty() || check.command[0].empty()) {
        reader.fail(node.at, "the command is empty");
    }
}

std::chrono::nanoseconds positive(Reader& reader, const Node& node) {
    const auto value = reader.duration(node);
    if (value < std::chrono::milliseconds(1)) {
        reader.fail(node.at, "expected at least 1 ms");
    }
    return value;
}

// clang-format off
constexpr Key<Check> kCheckKeys[] = {
    {{"command", Kind::text_or_words, "Words to be executed inside, or one line for the shell; 0 is yes."}, read_command},
    {{"test", Kind::text_or_words, "The same in Compose's form: [\"CMD\", …], [\"CMD-SHELL\", LINE] or [\"NONE\"]."}, read_test},
    {{"port", Kind::integer, "Yes as soon as something listens on this port inside."},
     [](Reader& r, const Node& n, Check& c) { c.port = static_cast<std::uint16_t>(r.integer(n, 1, 65535)); }},
    {{"disable", Kind::boolean, "true: not even the image's own check."},
     [](Reader& r, const Node& n, Check& c) { c.disabled = r.boolean(n); }},
    {{"interval", Kind::duration, "From one try to the next."},
     [](Reader& r, const Node& n, Check& c) { c.interval = positive(r, n); }},
    {{"timeout", Kind::duration, "How long one try may take."},
     [](Reader& r, const Node& n, Check& c) { c.timeout = positive(r, n); }},
    {{"retries", Kind::integer, "So many failures in a row mean no."},
     [](Reader& r, const Node& n, Check& c) { c.retries = static_cast<std::uint32_t>(r.integer(n, 1, 1000000)); }},
    {{"start_period", Kind::duration, "Failures do not count so long."},
     [](Reader& r, const Node& n, Check& c) { c.start_period = r.duration(n); }},
    {{"start_interval", Kind::duration, "From one try to the next during the start period."},
     [](Reader& r, const Node& n, Check& c) { c.start_interval = positive(r, n); }},
};
// clang-format on

}  // namespace

const KeyTable& check_keys() {
    return table_of<kCheckKeys>("ready, healthcheck", "How one knows that it works.");
}

Check read_check(Reader& reader, const Node& node, const std::string& owner) {
    Check check;
    read_table(reader, node, "the check of " + owner, kCheckKeys, check_keys(), check);
    if (check.port && !check.command.empty()) {
        reader.fail(node.at, "a check has a command or a port, not both");
    }
    return check;
}

}  // namespace sandbox::project
