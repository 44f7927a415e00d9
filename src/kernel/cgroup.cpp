#include "sandbox/kernel/cgroup.hpp"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

// Answers 0 or -errno. One write(2) is one request to the kernel.
int write_file(int dir_fd, const char* name, std::string_view text) noexcept {
    const int fd = raw::openat(dir_fd, name, O_WRONLY | O_CLOEXEC | O_TRUNC);
    if (fd < 0) return fd;
    const base::UniqueFd owner(fd);
    const long rc = raw::write(fd, text.data(), text.size());
    return rc < 0 ? static_cast<int>(rc) : 0;
}

std::string read_file(int dir_fd, const char* name) {
    constexpr size_t kMaxBytes = 1u << 20;
    const int fd = raw::openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    const base::UniqueFd owner(fd);
    return base::read_fd(fd, kMaxBytes);
}

// "key value" lines: cpu.stat, memory.stat, cgroup.events.
std::optional<std::uint64_t> try_value(std::string_view text, std::string_view key) {
    for (const std::string& line : base::split(text, '\n')) {
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ') {
            return base::try_parse_u64(base::trim(std::string_view(line).substr(key.size())));
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> try_number(int dir_fd, const char* name) {
    return base::try_parse_u64(base::trim(read_file(dir_fd, name)));
}

// "8:0 rbytes=1 wbytes=2 …" of each device.
std::uint64_t sum_of(std::string_view io_stat, std::string_view key) {
    std::uint64_t sum = 0;
    for (const std::string& line : base::split(io_stat, '\n')) {
        for (const std::string& word : base::split(line, ' ')) {
            if (!word.starts_with(key)) continue;
            sum += base::try_parse_u64(std::string_view(word).substr(key.size())).value_or(0);
        }
    }
    return sum;
}

class Setter {
  public:
    explicit Setter(int dir_fd) : dir_fd_(dir_fd) {}
    void set(const char* words, const char* file, const std::string& value) {
        const int rc = write_file(dir_fd_, file, value);
        if (rc == 0) return;
        unmet_.names.emplace_back(words);
        if (unmet_.why.empty() || rc != -ENOENT) {
            unmet_.why = rc == -ENOENT
                             ? std::string("the controller of ") + file + " is not delegated"
                             : std::string(file) + " refuses " + base::quote(value) + " (" +
                                   std::string(base::errno_name(-rc)) + ")";
        }
    }
    void set(const char* words, const char* file, const std::optional<std::uint64_t>& value) {
        if (value) set(words, file, std::to_string(*value));
    }
    [[nodiscard]] UnmetLimits take() { return std::move(unmet_); }

  private:
    int dir_fd_;
    UnmetLimits unmet_;
};

}  // namespace

bool ResourceLimits::empty() const noexcept {
    return !memory_bytes && !swap_bytes && !memory_reservation_bytes && !pids && !cpu_quota_us &&
           !cpu_weight && cpus.empty() && memory_nodes.empty() && !io_weight;
}

Cgroup::Cgroup(base::UniqueFd dir, base::UniqueFd parent, std::string name)
    : dir_(std::move(dir)), parent_(std::move(parent)), name_(std::move(name)) {}

UnmetLimits Cgroup::set(const ResourceLimits& limits) const {
    Setter setter(fd());
    setter.set("memory", "memory.max", limits.memory_bytes);
    // Kernels without swap accounting have no such file; then there is no swap to bound either.
    if (limits.swap_bytes && base::exists_at(fd(), "memory.swap.max")) {
        setter.set("memory-swap", "memory.swap.max", limits.swap_bytes);
    }
    setter.set("memory-reservation", "memory.low", limits.memory_reservation_bytes);
    setter.set("pids-limit", "pids.max", limits.pids);
    if (limits.cpu_quota_us) {
        setter.set(
            "cpus", "cpu.max",
            std::to_string(*limits.cpu_quota_us) + " " + std::to_string(limits.cpu_period_us));
    }
    if (limits.cpu_weight) {
        setter.set("cpu-shares", "cpu.weight", std::to_string(*limits.cpu_weight));
    }
    if (!limits.cpus.empty()) setter.set("cpuset-cpus", "cpuset.cpus", limits.cpus);
    if (!limits.memory_nodes.empty()) {
        setter.set("cpuset-mems", "cpuset.mems", limits.memory_nodes);
    }
    if (limits.io_weight) {
        setter.set("blkio-weight", "io.weight", "default " + std::to_string(*limits.io_weight));
    }
    // An out of memory kill of half a service is worse than one of all of it: but which of them
    // the kernel chooses is what docker's users know, so memory.oom.group stays off.
    return setter.take();
}

void Cgroup::add(pid_t pid) const {
    const int rc = write_file(fd(), "cgroup.procs", std::to_string(pid));
    if (rc < 0) throw base::SysError(-rc, "move a process into cgroup", base::quote(name_));
}

void Cgroup::freeze(bool frozen) const {
    constexpr std::chrono::seconds kPatience{10};
    constexpr int kStepMs = 100;
    const base::UniqueFd events = base::open_at(fd(), "cgroup.events", O_RDONLY);
    const int rc = write_file(fd(), "cgroup.freeze", frozen ? "1" : "0");
    if (rc < 0) throw base::SysError(-rc, "freeze cgroup", base::quote(name_));
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (try_value(read_file(fd(), "cgroup.events"), "frozen").value_or(0) != (frozen ? 1 : 0)) {
        if (std::chrono::steady_clock::now() > deadline) {
            throw base::Error("cgroup " + base::quote(name_) + " does not " +
                              (frozen ? "freeze" : "thaw"));
        }
        pollfd changed{events.get(), POLLPRI, 0};
        (void)::poll(&changed, 1, kStepMs);
    }
}

bool Cgroup::kill() const noexcept {
    return write_file(fd(), "cgroup.kill", "1") == 0;
}

CgroupUsage Cgroup::usage() const {
    constexpr std::uint64_t kNsPerUs = 1000;
    CgroupUsage usage;
    usage.cpu_ns = try_value(read_file(fd(), "cpu.stat"), "usage_usec").value_or(0) * kNsPerUs;
    usage.memory_bytes = try_number(fd(), "memory.current");
    if (usage.memory_bytes) {
        const std::uint64_t droppable =
            try_value(read_file(fd(), "memory.stat"), "inactive_file").value_or(0);
        *usage.memory_bytes -= std::min(droppable, *usage.memory_bytes);
    }
    usage.memory_limit_bytes = try_number(fd(), "memory.max");
    if (const auto tasks = try_number(fd(), "pids.current")) {
        usage.tasks = *tasks;
    } else {
        const std::string threads = read_file(fd(), "cgroup.threads");
        usage.tasks = static_cast<std::uint64_t>(std::count(threads.begin(), threads.end(), '\n'));
    }
    if (base::exists_at(fd(), "io.stat")) {
        const std::string io = read_file(fd(), "io.stat");
        usage.read_bytes = sum_of(io, "rbytes=");
        usage.written_bytes = sum_of(io, "wbytes=");
    }
    usage.oom_kills = oom_kills();
    return usage;
}

std::uint64_t Cgroup::oom_kills() const {
    return try_value(read_file(fd(), "memory.events"), "oom_kill").value_or(0);
}

bool Cgroup::has_processes() const {
    return try_value(read_file(fd(), "cgroup.events"), "populated").value_or(0) != 0;
}

bool Cgroup::remove() const noexcept {
    const int rc = raw::unlinkat(parent_.get(), name_.c_str(), AT_REMOVEDIR);
    return rc == 0 || rc == -ENOENT;
}

}  // namespace sandbox::kernel
