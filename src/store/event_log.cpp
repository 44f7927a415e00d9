#include "sandbox/store/event_log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::store {
namespace {

namespace json = base::json;
namespace raw = base::raw;
using base::UniqueFd;

constexpr const char* kDir = "events";
constexpr const char* kFile = "events/log";
constexpr const char* kOlder = "events/log.1";
constexpr off_t kMaxBytes = 4 << 20;
constexpr size_t kMaxLineBytes = 64u << 10;
constexpr int kAppendFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;

json::Value to_document(const Event& event) {
    std::map<std::string, std::string> attributes = event.attributes;
    if (!event.image.empty()) attributes["image"] = event.image;
    if (!event.name.empty()) attributes["name"] = event.name;
    json::Object document;
    // docker's older names, which scripts still use, beside the newer ones.
    if (event.type == "container" || event.type == "image") {
        document["status"] = event.action;
        document["id"] = event.id;
        if (!event.image.empty()) document["from"] = event.image;
    }
    document["Type"] = event.type;
    document["Action"] = event.action;
    document["Actor"] = json::Object{{"ID", event.id}, {"Attributes", attributes}};
    document["scope"] = "local";
    const base::Timestamp time = event.time.seconds != 0 ? event.time : base::now();
    document["time"] = time.seconds;
    document["timeNano"] = time.seconds * 1'000'000'000 + time.nanoseconds;
    return json::Value(std::move(document));
}

bool is_file(int dir_fd, const char* name, int fd) noexcept {
    struct stat named {};
    struct stat mine {};
    return ::fstatat(dir_fd, name, &named, 0) == 0 && ::fstat(fd, &mine) == 0 &&
           named.st_ino == mine.st_ino && named.st_dev == mine.st_dev;
}

UniqueFd open_for_append(int root_fd) noexcept {
    int fd = raw::openat(root_fd, kFile, kAppendFlags, 0600);
    if (fd == -ENOENT) {
        (void)raw::mkdirat(root_fd, kDir, 0700);
        fd = raw::openat(root_fd, kFile, kAppendFlags, 0600);
    }
    return UniqueFd(fd < 0 ? -1 : fd);
}

// Whoever writes into the file that was moved meanwhile writes into the older one: nothing is lost.
UniqueFd rotate(int root_fd, UniqueFd fd) noexcept {
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return fd;  // somebody else does it
    if (is_file(root_fd, kFile, fd.get())) (void)raw::renameat2(root_fd, kFile, root_fd, kOlder);
    UniqueFd next = open_for_append(root_fd);
    return next ? std::move(next) : std::move(fd);
}

}  // namespace

Event container_event(std::string action, const json::Value& record) {
    Event event{.type = "container",
                .action = std::move(action),
                .id = record.string_or("id"),
                .name = record.string_or("name"),
                .image = record.string_or("image")};
    event.attributes = record["labels"].string_members();
    return event;
}

Event image_event(std::string action, std::string id, std::string name) {
    return {
        .type = "image", .action = std::move(action), .id = std::move(id), .name = std::move(name)};
}

Event prune_event(std::string type, std::optional<std::uint64_t> reclaimed_bytes) {
    Event event{.type = std::move(type), .action = "prune", .id = {}};
    if (reclaimed_bytes) event.attributes["reclaimed"] = std::to_string(*reclaimed_bytes);
    return event;
}

void append_event(const Store& store, const Event& event) noexcept {
    try {
        std::string line = json::dump(to_document(event), 0, json::Escape::plain);
        line += '\n';
        if (line.size() > kMaxLineBytes) {
            Event shorter = event;
            shorter.attributes.clear();
            shorter.action = shorter.action.substr(0, 1024);
            line = json::dump(to_document(shorter), 0, json::Escape::plain) + "\n";
        }
        UniqueFd fd = open_for_append(store.root_fd());
        struct stat info {};
        if (!fd || ::fstat(fd.get(), &info) != 0) return;
        if (info.st_size > kMaxBytes) fd = rotate(store.root_fd(), std::move(fd));
        (void)raw::write(fd.get(), line.data(), line.size());
    } catch (const std::exception&) {  // no memory, or text that is none
    }
}

struct EventReader::Impl {
    int root_fd = -1;
    UniqueFd fd, notify;
    std::int64_t offset = 0;
    bool older = false;
    std::string buffer;
    size_t begin = 0;

    void open_current() {
        const int opened = raw::openat(root_fd, kFile, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        fd.reset(opened < 0 ? -1 : opened);
        offset = 0;
        older = false;
    }
    // More text; false at the end for now.
    bool fill() {
        if (!fd) open_current();
        if (!fd) return false;
        constexpr size_t kBlock = 64u << 10;
        buffer.erase(0, std::exchange(begin, 0));
        if (buffer.size() > 2 * kMaxLineBytes) buffer.clear();  // no lines of ours
        const size_t kept = buffer.size();
        buffer.resize(kept + kBlock);
        const long count = raw::pread(fd.get(), buffer.data() + kept, kBlock, offset);
        buffer.resize(kept + static_cast<size_t>(count > 0 ? count : 0));
        if (count > 0) {
            offset += count;
            return true;
        }
        if (!older && is_file(root_fd, kFile, fd.get())) return false;
        if (!older && !base::exists_at(root_fd, kFile)) return false;
        buffer.clear();
        open_current();
        return fd.valid();
    }
};

EventReader::EventReader(const Store& store, bool from_end) : impl_(std::make_unique<Impl>()) {
    impl_->root_fd = store.root_fd();
    base::make_dir_at(impl_->root_fd, kDir, 0700);
    if (from_end) {
        impl_->open_current();
        struct stat info {};
        if (impl_->fd && ::fstat(impl_->fd.get(), &info) == 0) impl_->offset = info.st_size;
        return;
    }
    const int opened = raw::openat(impl_->root_fd, kOlder, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (opened >= 0) {
        impl_->fd.reset(opened);
        impl_->older = true;
    }
}
EventReader::EventReader(EventReader&&) noexcept = default;
EventReader::~EventReader() = default;

std::optional<json::Value> EventReader::try_next() {
    Impl& impl = *impl_;
    for (;;) {
        const std::string_view rest = std::string_view(impl.buffer).substr(impl.begin);
        const size_t newline = rest.find('\n');
        if (newline == std::string_view::npos) {
            if (!impl.fill()) return std::nullopt;
            continue;
        }
        const std::string_view line = rest.substr(0, newline);
        impl.begin += newline + 1;
        try {
            json::Value document = json::parse(line, {.max_bytes = kMaxLineBytes});
            if (document["timeNano"].try_i64()) return document;
        } catch (const base::IntegrityError&) {
        }
    }
}

bool EventReader::wait(int timeout_ms, int output_fd) {
    constexpr int kLookAgainMs = 1000;  // where inotify has no instance left
    Impl& impl = *impl_;
    if (!impl.notify) {
        const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (fd >= 0) {
            impl.notify.reset(fd);
            const std::string path = "/proc/self/fd/" + std::to_string(impl.root_fd) + "/" + kDir;
            (void)::inotify_add_watch(fd, path.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
            return true;  // something may have come before the watch
        }
    }
    if (timeout_ms < 0 || timeout_ms > kLookAgainMs) timeout_ms = kLookAgainMs;
    std::array<pollfd, 2> fds{{{impl.notify.get(), POLLIN, 0}, {output_fd, 0, 0}}};
    (void)::poll(fds.data(), fds.size(), timeout_ms);
    if ((fds[1].revents & POLLERR) != 0) return false;
    std::array<char, 4096> events{};
    if ((fds[0].revents & POLLIN) != 0) {
        while (raw::read(impl.notify.get(), events.data(), events.size()) > 0) {
        }
    }
    return true;
}

}  // namespace sandbox::store
