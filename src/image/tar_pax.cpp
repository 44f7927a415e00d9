// pax records: "LENGTH KEY=VALUE\n", LENGTH counting all of it.
#include <algorithm>
#include <limits>

#include "image/tar_header.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";
constexpr std::string_view kSparsePrefix = "GNU.sparse.";

std::uint64_t number(std::string_view key, std::string_view value) {
    const auto parsed = base::try_parse_u64(value);
    if (!parsed || *parsed > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        bad_tar("the pax record " + base::quote(key) + " is " + base::quote(value.substr(0, 64)));
    return *parsed;
}

std::string text(std::string_view key, std::string_view value) {
    if (value.find('\0') != value.npos)
        bad_tar("the pax record " + base::quote(key) + " holds a zero byte");
    return std::string(value);
}

// "-5.25" is six seconds before the epoch and three quarters. What is beyond 64 bits is clamped.
std::pair<std::int64_t, std::uint32_t> time(std::string_view value) {
    const std::string_view whole_text = value;
    const bool negative = value.starts_with('-');
    if (negative) value.remove_prefix(1);
    const size_t dot = value.find('.');
    const std::string_view whole = value.substr(0, dot);
    const std::string_view part = dot == value.npos ? std::string_view{} : value.substr(dot + 1);
    const auto digits = [](std::string_view t) {
        return std::all_of(t.begin(), t.end(), [](char c) { return c >= '0' && c <= '9'; });
    };
    if (whole.empty() || !digits(whole) || !digits(part))
        bad_tar("a time is " + base::quote(whole_text.substr(0, 64)));
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;
    const std::uint64_t seconds = std::min(base::try_parse_u64(whole).value_or(kMost), kMost);
    std::uint32_t nanoseconds = 0;
    for (size_t i = 0; i < 9; ++i)
        nanoseconds =
            nanoseconds * 10 + (i < part.size() ? static_cast<std::uint32_t>(part[i] - '0') : 0);
    if (!negative) return {static_cast<std::int64_t>(seconds), nanoseconds};
    if (nanoseconds == 0) return {-static_cast<std::int64_t>(seconds), 0};
    return {-static_cast<std::int64_t>(seconds) - 1, 1'000'000'000 - nanoseconds};
}

// Version 0.1: "offset,size,offset,size,…".
SparseMap parse_map(std::string_view key, std::string_view value) {
    SparseMap map;
    const std::vector<std::string> words = base::split(value, ',');
    if (words.size() % 2 != 0) bad_tar("a sparse map is cut");
    for (size_t i = 0; i + 1 < words.size(); i += 2)
        map.push_back({number(key, words[i]), number(key, words[i + 1])});
    return map;
}

void apply_sparse(std::string_view key, std::string_view value, PaxRecords& records) {
    records.sparse = true;
    const std::string_view name = key.substr(kSparsePrefix.size());
    if (name == "major") {
        records.sparse_major = number(key, value);
    } else if (name == "name") {
        records.sparse_name = text(key, value);
    } else if (name == "size" || name == "realsize") {
        records.sparse_real_bytes = number(key, value);
    } else if (name == "map") {
        records.sparse_map = parse_map(key, value);
    } else if (name == "offset") {
        records.sparse_map.push_back({number(key, value), 0});
    } else if (name == "numbytes") {
        if (records.sparse_map.empty()) bad_tar("a sparse map is out of order");
        records.sparse_map.back().size_bytes = number(key, value);
    }
}

void apply(std::string_view key, std::string_view value, PaxRecords& records) {
    if (key.starts_with(kXattrPrefix) && key.size() > kXattrPrefix.size()) {
        records.xattrs.push_back({text(key, key.substr(kXattrPrefix.size())), std::string(value)});
        return;
    }
    if (value.empty()) return;  // pax(1): takes back what a global header said, and those we skip
    if (key.starts_with(kSparsePrefix)) {
        apply_sparse(key, value, records);
    } else if (key == "path") {
        records.path = text(key, value);
    } else if (key == "linkpath") {
        records.link_path = text(key, value);
    } else if (key == "size") {
        records.size_bytes = number(key, value);
    } else if (key == "uid") {
        records.uid = number(key, value);
    } else if (key == "gid") {
        records.gid = number(key, value);
    } else if (key == "mtime") {
        records.mtime = time(value);
    }
}

}  // namespace

void parse_pax_records(std::string_view records_text, PaxRecords& records) {
    while (!records_text.empty()) {
        const size_t blank = records_text.find(' ');
        const auto length = blank == records_text.npos
                                ? std::nullopt
                                : base::try_parse_u64(records_text.substr(0, blank));
        if (!length || *length > records_text.size() || *length < blank + 3)
            bad_tar("a pax record's length is wrong");
        const std::string_view record = records_text.substr(0, static_cast<size_t>(*length));
        records_text.remove_prefix(record.size());
        const size_t equals = record.find('=', blank + 1);
        if (equals == record.npos || record.back() != '\n' || equals == blank + 1)
            bad_tar("a pax record is malformed");
        apply(record.substr(blank + 1, equals - blank - 1),
              record.substr(equals + 1, record.size() - equals - 2), records);
    }
}

}  // namespace sandbox::image
