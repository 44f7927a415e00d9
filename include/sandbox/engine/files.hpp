// Files of containers, running or not: cp, export, diff, commit. Nothing of the host is ever
// reached through a container's links: see src/engine/files/worker.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/image/tree_archive.hpp"
#include "sandbox/store/image_store.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

// One side of a copy: a path in a container, a path of the host, or "-" (a tar stream).
struct CopyEnd {
    std::optional<std::string> container;  // as the user named it
    std::string path;
    [[nodiscard]] bool is_stream() const noexcept { return !container && path == "-"; }
};
// docker's rule: "NAME:PATH"; what begins with "/" or "." is the host's.
[[nodiscard]] CopyEnd parse_copy_end(const std::string& text);

struct CopyRequest {
    CopyEnd from, to;
    bool archive = false;      // -a: owners go along
    bool follow_link = false;  // -L: a link as the source stands for what it points to
    int stream_fd = -1;        // "-": read from or written to; borrowed
};
// Throws UsageError, NotFoundError, Error with docker's sentences. What could not be copied, with
// all the rest copied, stands in the report's failures.
image::FileReport copy_files(const store::Store& store, const CopyRequest& request);

// The container's root as a tar on `out_fd`, without what is mounted into it.
image::FileReport export_container(const store::Store& store, const std::string& name, int out_fd);

enum class ChangeKind { changed, added, deleted };  // docker's numbers: 0, 1, 2
struct FileChange {
    ChangeKind kind = ChangeKind::changed;
    std::string path;  // absolute
};
// What differs from the image, parents before children.
[[nodiscard]] std::vector<FileChange> diff_container(const store::Store& store,
                                                     const std::string& name);

}  // namespace sandbox::engine
