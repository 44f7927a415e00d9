#include "engine/identity/trapped_process.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
constexpr std::uint64_t kPage = 4096;  // the smallest there is

using LinkName = std::array<char, 48>;

LinkName link_name(pid_t pid, const char* name) noexcept {
    LinkName text{};
    (void)std::snprintf(text.data(), text.size(), "%d/%s", pid, name);
    return text;
}

}  // namespace

int TrappedProcess::read(std::uint64_t address, void* data, size_t size) const noexcept {
    const iovec here{data, size};
    const iovec there{reinterpret_cast<void*>(address), size};
    const long rc =
        raw::call(SYS_process_vm_readv, call_.pid, raw::ptr(&here), 1, raw::ptr(&there), 1, 0);
    return rc == static_cast<long>(size) ? 0 : -EFAULT;
}

// Not by pid: the memory that is opened stays that of the process which is seen to wait then.
int TrappedProcess::write(std::uint64_t address, const void* data, size_t size) const noexcept {
    const base::UniqueFd memory(
        raw::openat(proc_fd_, link_name(call_.pid, "mem").data(), O_WRONLY | O_CLOEXEC));
    if (!memory || !is_waiting()) return -EFAULT;
    const long rc = raw::pwrite(memory.get(), data, size, static_cast<std::int64_t>(address));
    return rc == static_cast<long>(size) ? 0 : -EFAULT;
}

int TrappedProcess::read_path(std::uint64_t address, std::string& path) const {
    std::array<char, PATH_MAX> buffer;
    size_t filled = 0;
    // Page by page: what lies behind the last one may not be readable.
    while (filled < buffer.size()) {
        const std::uint64_t from = address + filled;
        const size_t chunk = std::min<size_t>(kPage - from % kPage, buffer.size() - filled);
        const int rc = read(from, buffer.data() + filled, chunk);
        if (rc < 0) return rc;
        if (const void* end = std::memchr(buffer.data() + filled, '\0', chunk)) {
            path.assign(buffer.data(),
                        static_cast<size_t>(static_cast<const char*>(end) - buffer.data()));
            return 0;
        }
        filled += chunk;
    }
    return -ENAMETOOLONG;
}

base::UniqueFd TrappedProcess::open_link(const char* name) const noexcept {
    const int fd = raw::openat(proc_fd_, link_name(call_.pid, name).data(), O_PATH | O_CLOEXEC);
    return base::UniqueFd(fd < 0 ? -1 : fd);
}

std::string TrappedProcess::path_from_own(int fd, const std::string& path) const {
    std::string text = std::to_string(call_.pid);
    if (fd == AT_FDCWD) {
        text += "/cwd";
    } else {
        text += "/fd/" + std::to_string(fd);
    }
    if (!path.empty()) text += "/" + path;
    return text;
}

namespace {

// The last number of a line of /proc/PID/status; absent: no such line.
std::optional<std::uint64_t> last_number(std::string_view status, std::string_view name) {
    const size_t at = status.find(name);
    if (at == status.npos) return std::nullopt;
    const size_t end = status.find('\n', at + 1);
    const std::string_view line = status.substr(at, end == status.npos ? end : end - at);
    return base::try_parse_u64(line.substr(line.find_last_of(":\t ") + 1));
}

}  // namespace

std::string TrappedProcess::status() const {
    const base::UniqueFd file(
        raw::openat(proc_fd_, link_name(call_.pid, "status").data(), O_RDONLY | O_CLOEXEC));
    std::string text(4096, '\0');
    const long size = file.get() < 0 ? 0 : raw::read(file.get(), text.data(), text.size());
    text.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return text;
}

// proc_pid_status(5): NStgid and NSpid, from our namespace to the innermost one.
bool TrappedProcess::is_own_pid(int pid) const {
    const std::string text = status();
    const auto own = static_cast<std::uint64_t>(pid);
    return last_number(text, "\nNStgid:") == own || last_number(text, "\nNSpid:") == own;
}

mode_t TrappedProcess::creation_mask() const {
    constexpr mode_t kClosed = 077;
    const std::string text = status();
    constexpr std::string_view kName = "\nUmask:\t";
    const size_t at = text.find(kName);
    if (at == text.npos) return kClosed;
    mode_t mask = 0;
    for (size_t i = at + kName.size(); i < text.size() && text[i] >= '0' && text[i] <= '7'; ++i) {
        mask = mask * 8 + static_cast<mode_t>(text[i] - '0');
    }
    return mask & 0777;
}

// pidfd_open(2): of others it answers EINVAL, since Linux 6.15 ENOENT.
bool TrappedProcess::is_first_thread() const noexcept {
    const base::UniqueFd fd(raw::pidfd_open(call_.pid, 0));
    return fd.get() >= 0;
}

pid_t TrappedProcess::leader() const {
    const auto number = last_number(status(), "\nTgid:");
    return number && *number <= INT_MAX ? static_cast<pid_t>(*number) : -1;
}

// proc_pid_stat(5): field 28; the second one, a name, may have any characters in it.
std::uint64_t TrappedProcess::stack_start() const noexcept {
    const base::UniqueFd file(
        raw::openat(proc_fd_, link_name(call_.pid, "stat").data(), O_RDONLY | O_CLOEXEC));
    if (!file) return 0;
    std::array<char, 2048> text;
    const long size = raw::read(file.get(), text.data(), text.size());
    if (size <= 0) return 0;
    std::string_view rest(text.data(), static_cast<size_t>(size));
    constexpr int kFieldsBehindName = 28 - 2;
    size_t at = rest.rfind(')');
    for (int field = 0; field < kFieldsBehindName && at != rest.npos; ++field) {
        at = rest.find(' ', at + 1);
    }
    if (at == rest.npos) return 0;
    rest.remove_prefix(at + 1);
    return base::try_parse_u64(rest.substr(0, rest.find(' '))).value_or(0);
}

int TrappedProcess::look_at_link(const char* name, struct stat& info) const noexcept {
    return static_cast<int>(raw::call(
        SYS_newfstatat, proc_fd_, raw::ptr(link_name(call_.pid, name).data()), raw::ptr(&info), 0));
}

int TrappedProcess::program(struct stat& info) const noexcept {
    return look_at_link("exe", info);
}

int TrappedProcess::user_namespace(struct stat& info) const noexcept {
    return look_at_link("ns/user", info);
}

}  // namespace sandbox::engine
