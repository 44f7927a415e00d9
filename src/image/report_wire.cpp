#include "image/report_wire.hpp"

#include <cstring>

namespace sandbox::image {
namespace {

using base::Error;
using base::IntegrityError;

enum class Tag : char { report = 'r', integrity = 'i', failure = 'f' };

void put(std::string& out, std::uint64_t number) {
    out.append(reinterpret_cast<const char*>(&number), sizeof number);
}
void put(std::string& out, std::string_view text) {
    put(out, static_cast<std::uint64_t>(text.size()));
    out += text;
}
void put(std::string& out, const std::vector<std::string>& list) {
    put(out, static_cast<std::uint64_t>(list.size()));
    for (const std::string& text : list) put(out, std::string_view(text));
}

class Parser {
  public:
    explicit Parser(std::string_view rest) : rest_(rest) {}

    [[nodiscard]] std::uint64_t number() {
        std::uint64_t value = 0;
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return value;
    }
    [[nodiscard]] std::string text() { return std::string(take(number())); }
    [[nodiscard]] std::vector<std::string> list() {
        std::vector<std::string> result;
        for (std::uint64_t left = number(); left > 0; --left) result.push_back(text());
        return result;
    }
    void end() const {
        if (!rest_.empty()) malformed();
    }

  private:
    [[noreturn]] static void malformed() { throw Error("the unpacking child sent a bad report"); }
    std::string_view take(std::uint64_t size) {
        if (size > rest_.size()) malformed();
        const std::string_view piece = rest_.substr(0, static_cast<size_t>(size));
        rest_.remove_prefix(static_cast<size_t>(size));
        return piece;
    }
    std::string_view rest_;
};

}  // namespace

std::string encode_report(const ChildReport& report) {
    std::string out(1, static_cast<char>(Tag::report));
    put(out, std::string_view(report.blob_hex));
    put(out, std::string_view(report.diff_hex));
    put(out, report.blob_bytes);
    put(out, report.unpacked_bytes);
    put(out, report.entries);
    put(out, report.implied_dirs);
    put(out, report.notices);
    put(out, report.differences);
    return out;
}

std::string encode_failure(const std::exception& failure) {
    const auto* error = dynamic_cast<const Error*>(&failure);
    const bool integrity = dynamic_cast<const IntegrityError*>(&failure) != nullptr;
    std::string out(1, static_cast<char>(integrity ? Tag::integrity : Tag::failure));
    put(out, std::string_view(failure.what()));
    put(out, std::string_view(error != nullptr ? error->hint() : std::string{}));
    return out;
}

ChildReport decode_report(std::string_view message) {
    if (message.empty()) throw Error("the unpacking child died without a word");
    const Tag tag = static_cast<Tag>(message.front());
    Parser parser(message.substr(1));
    if (tag == Tag::integrity || tag == Tag::failure) {
        std::string text = parser.text();
        std::string hint = parser.text();
        if (tag == Tag::integrity) throw IntegrityError(std::move(text), std::move(hint));
        throw Error(std::move(text), std::move(hint));
    }
    if (tag != Tag::report) throw Error("the unpacking child sent a bad report");
    ChildReport report;
    report.blob_hex = parser.text();
    report.diff_hex = parser.text();
    report.blob_bytes = parser.number();
    report.unpacked_bytes = parser.number();
    report.entries = parser.number();
    report.implied_dirs = parser.list();
    report.notices = parser.list();
    report.differences = parser.list();
    parser.end();
    return report;
}

}  // namespace sandbox::image
