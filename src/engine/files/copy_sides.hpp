// What the two children of a copy do: one finds the source and archives it, the other finds the
// place and extracts. Both run inside a worker; docker's rules for names are here.
#pragma once

#include <string>

#include "engine/files/copy_path.hpp"
#include "engine/files/worker.hpp"
#include "sandbox/image/tree_archive.hpp"

namespace sandbox::engine {

struct SourceWish {
    CopyPath path;
    std::string shown;      // "/etc/hosts" or "c:/etc/hosts", for messages
    std::string container;  // as the user named it; empty: the host
    bool follow_link = false;
    int out_fd = -1;
    image::OwnerBook owners;
    image::OwnerTable table;
};
// Tells {"is_dir", "name"}, waits for go, writes the tar, answers the report.
[[nodiscard]] base::json::Value run_source(const WorkerLink& link, const SourceWish& wish);

struct TargetWish {
    CopyPath path;
    std::string container;  // as the user named it; empty: the host
    bool from_stream = false;
    bool source_is_dir = false;
    std::string source_name;  // first component of the tar's names; "" for contents
    image::ExtractOptions options;
    int in_fd = -1;
};
// Tells {"ready"} when it knows where to, then extracts and answers the report.
[[nodiscard]] base::json::Value run_target(const WorkerLink& link, TargetWish wish);

[[nodiscard]] base::json::Value report_words(const image::FileReport& report);
[[nodiscard]] image::FileReport parse_report(const base::json::Value& words);

}  // namespace sandbox::engine
