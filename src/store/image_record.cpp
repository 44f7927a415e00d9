#include "image_record.hpp"

#include <charconv>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::store {
namespace {

constexpr std::string_view kFirstLine = "sandbox-image 1";
constexpr std::string_view kLastLine = "end";
constexpr size_t kMaxFileName = 240;  // NAME_MAX is 255; the store's staging adds a little

[[noreturn]] void damaged(std::string_view why) {
    throw base::IntegrityError("damaged image record: " + std::string(why),
                               "pull the image again, or `sandbox system check --repair`");
}

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        switch (c) {
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\t':
                out += "\\t";
                break;
            case '\0':
                out += "\\0";
                break;
            default:
                out += c;
        }
    }
}

std::string unescape(std::string_view text) {
    if (text.find('\\') == std::string_view::npos) return std::string(text);
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        if (++i == text.size()) damaged("cut off inside an escape");
        switch (text[i]) {
            case '\\':
                out += '\\';
                break;
            case 'n':
                out += '\n';
                break;
            case 't':
                out += '\t';
                break;
            case '0':
                out += '\0';
                break;
            default:
                damaged("unknown escape");
        }
    }
    return out;
}

void add_line(std::string& out, std::string_view key, std::string_view value) {
    out += key;
    out += ' ';
    append_escaped(out, value);
    out += '\n';
}

template <typename Number>
Number number_of(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) damaged("not a number");
    return number;
}

// Cuts the part before the first tab off `rest`.
std::string_view next_field(std::string_view& rest) {
    const size_t tab = rest.find('\t');
    const std::string_view field = rest.substr(0, tab);
    rest = tab == std::string_view::npos ? std::string_view() : rest.substr(tab + 1);
    return field;
}

// All but the three things that a Digest cannot be without.
struct Draft {
    ImageRecord record;
    bool has_id = false;
    bool has_manifest = false;
};

void read_field(Draft& draft, std::string_view key, std::string_view value) {
    ImageRecord& record = draft.record;
    if (key == "ref") {
        record.reference = oci::Reference::parse(unescape(value));
    } else if (key == "id") {
        record.id = oci::Digest::from_hex(value);
        draft.has_id = true;
    } else if (key == "manifest") {
        record.manifest = oci::Digest::from_hex(value);
        draft.has_manifest = true;
    } else if (key == "index") {
        record.index = oci::Digest::from_hex(value);
    } else if (key == "repo-digest") {
        record.repo_digests.push_back(unescape(value));
    } else if (key == "platform") {
        record.platform.os = unescape(next_field(value));
        record.platform.architecture = unescape(next_field(value));
        record.platform.variant = unescape(next_field(value));
    } else if (key == "created") {
        record.created = number_of<std::int64_t>(value);
    } else if (key == "size") {
        record.size_bytes = number_of<std::uint64_t>(value);
    } else if (key == "pulled") {
        record.pulled_at = number_of<std::int64_t>(value);
    } else if (key == "label") {
        std::string name = unescape(next_field(value));
        record.labels.insert_or_assign(std::move(name), unescape(value));
    } else if (key == "layer") {
        record.layer_blobs.push_back(oci::Digest::from_hex(next_field(value)));
        record.chains.push_back(oci::ChainId{oci::Digest::from_hex(value)});
    }  // a key of a later version: not ours to judge
}

}  // namespace

std::string to_text(const ImageRecord& record) {
    std::string out(kFirstLine);
    out += '\n';
    if (record.reference) add_line(out, "ref", record.reference->str());
    add_line(out, "id", record.id.hex());
    add_line(out, "manifest", record.manifest.hex());
    if (record.index) add_line(out, "index", record.index->hex());
    for (const std::string& name : record.repo_digests) add_line(out, "repo-digest", name);
    out += "platform ";
    append_escaped(out, record.platform.os);
    out += '\t';
    append_escaped(out, record.platform.architecture);
    out += '\t';
    append_escaped(out, record.platform.variant);
    out += '\n';
    add_line(out, "created", std::to_string(record.created));
    add_line(out, "size", std::to_string(record.size_bytes));
    add_line(out, "pulled", std::to_string(record.pulled_at));
    for (const auto& [name, value] : record.labels) {
        out += "label ";
        append_escaped(out, name);
        out += '\t';
        append_escaped(out, value);
        out += '\n';
    }
    for (size_t i = 0; i < record.chains.size(); ++i) {
        out +=
            "layer " + record.layer_blobs.at(i).hex() + '\t' + record.chains[i].digest.hex() + '\n';
    }
    out += kLastLine;
    out += '\n';
    return out;
}

ImageRecord parse_image_record(std::string_view text) {
    Draft draft{ImageRecord{.id = oci::Digest::from_hex(std::string(64, '0')),
                            .manifest = oci::Digest::from_hex(std::string(64, '0'))}};
    bool first = true;
    bool ended = false;
    while (!text.empty() && !ended) {
        const size_t end = text.find('\n');
        if (end == std::string_view::npos) break;  // cut off
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (std::exchange(first, false)) {
            if (line != kFirstLine) damaged("not an image record");
            continue;
        }
        ended = line == kLastLine;
        const size_t blank = line.find(' ');
        if (blank != std::string_view::npos) {
            try {
                read_field(draft, line.substr(0, blank), line.substr(blank + 1));
            } catch (const base::UsageError& error) {  // a reference that is none
                damaged(error.message());
            }
        }
    }
    if (!ended) damaged("cut off");
    if (!draft.has_id || !draft.has_manifest) damaged("no id");
    return std::move(draft.record);
}

std::string file_name_of(const oci::Reference& reference) {
    const std::string text = reference.str();
    std::string name;
    name.reserve(text.size());
    // '+' appears in no reference, and '/' in every one: no name collides with a dangling one.
    for (const char c : text) name += c == '/' ? '+' : c;
    if (name.size() > kMaxFileName) {
        name.resize(kMaxFileName - 65);
        name += '~' + oci::Digest::of(text).hex();
    }
    return name;
}

std::string dangling_file_name(const oci::Digest& id) {
    return "sha256:" + id.hex();
}

}  // namespace sandbox::store
