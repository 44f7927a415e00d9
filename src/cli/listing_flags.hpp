// The flags that every listing has, and what they say.
#pragma once

#include "cli/command.hpp"
#include "cli/listing.hpp"

namespace sandbox::cli {

inline constexpr Flag kFormatFlag = {"--format", FlagKind::value, "FORMAT",
                                     "table, json, or a template"};
inline constexpr Flag kInspectFormatFlag = {"-f,--format", FlagKind::value, "FORMAT",
                                            "json, or a template"};
inline constexpr Flag kQuietFlag = {"-q,--quiet", FlagKind::toggle, "", "only the names or ids"};
inline constexpr Flag kNoTruncFlag = {"--no-trunc", FlagKind::toggle, "",
                                      "show ids and texts whole"};
inline constexpr Flag kNoHeadingFlag = {"-n,--noheading", FlagKind::toggle, "",
                                        "no line of headings"};
inline constexpr Flag kSortFlag = {"--sort", FlagKind::value, "FIELD", "sort by that field"};
inline constexpr Flag kFilterFlag = {"-f,--filter", FlagKind::list, "NAME=VALUE",
                                     "only what matches"};

// Those of them that the verb's table has.
[[nodiscard]] ListFlags list_flags(const Invocation& in);
// "2 hours ago"; "N/A" for a time that is not known.
[[nodiscard]] std::string since(std::int64_t seconds);
// "2026-11-24 11:02:03 +0000 UTC", as docker writes it.
[[nodiscard]] std::string go_time(std::int64_t seconds);
// At most `width` characters, the last one "…" where something is left out, as docker does.
[[nodiscard]] std::string shortened(std::string_view text, size_t width);
// "a=1,b=2" of an object of strings.
[[nodiscard]] std::string labels_text(const base::json::Value& labels);

}  // namespace sandbox::cli
