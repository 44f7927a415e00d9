#include "image/notices.hpp"

#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

std::string_view text_of(NoticeKind kind) {
    switch (kind) {
        case NoticeKind::device:
            return "device nodes are left out";
        case NoticeKind::socket:
            return "sockets are left out";
        case NoticeKind::owner_outside_map:
            return "owners outside of the id map are recorded, the files belong to 0";
        case NoticeKind::setuid_dropped:
            return "setuid and setgid bits of files with owners outside of the id map are dropped";
        case NoticeKind::overlay_xattr:
            return "extended attributes that would steer overlayfs are dropped";
        case NoticeKind::xattr_dropped:
            return "extended attributes of the host are dropped";
        case NoticeKind::xattr_refused:
            return "extended attributes that the file system refuses are dropped";
        case NoticeKind::file_capability:
            return "malformed file capabilities are dropped";
        case NoticeKind::aufs_metadata:
            return "aufs metadata is left out";
        case NoticeKind::count:
            break;
    }
    return {};
}

}  // namespace

void Notices::add(NoticeKind kind, std::string_view path, std::string_view detail) {
    Counter& counter = counters_[static_cast<size_t>(kind)];
    if (counter.count++ != 0) return;
    counter.first = base::quote(path.substr(0, 256));
    if (!detail.empty()) (counter.first += ' ') += detail;
}

std::vector<std::string> Notices::lines() const {
    std::vector<std::string> lines;
    for (size_t i = 0; i < counters_.size(); ++i) {
        const Counter& counter = counters_[i];
        if (counter.count == 0) continue;
        std::string line(text_of(static_cast<NoticeKind>(i)));
        line += ": " + counter.first;
        if (counter.count > 1) line += " and " + std::to_string(counter.count - 1) + " more";
        lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace sandbox::image
