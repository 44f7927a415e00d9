#include "sandbox/engine/top.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <optional>
#include <set>

#include "engine/container_events.hpp"
#include "engine/exec/exec_base.hpp"
#include "engine/exec/process_stat.hpp"
#include "engine/identity/identity_table.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/subprocess.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {
namespace {

constexpr size_t kMaxProcBytes = 1u << 20;

// Whoever owns the container's user namespace may look at all who live in it. Our init is not
// among them: it belongs to the host's.
std::vector<std::string> pids_in(int proc_fd, const struct stat& pid_namespace) {
    std::vector<std::string> pids;
    for (const std::string& entry : base::list_dir(proc_fd)) {
        if (entry.empty() || entry.front() < '0' || entry.front() > '9') continue;
        struct stat theirs {};
        if (::fstatat(proc_fd, (entry + "/ns/pid").c_str(), &theirs, 0) != 0) continue;
        if (theirs.st_dev == pid_namespace.st_dev && theirs.st_ino == pid_namespace.st_ino) {
            pids.push_back(entry);
        }
    }
    return pids;
}

std::optional<std::string> try_read(int proc_fd, const std::string& path) {
    try {
        return base::try_read_file_at(proc_fd, path, kMaxProcBytes);
    } catch (const base::Error&) {  // it has ended
        return std::nullopt;
    }
}

std::string user_inside(int proc_fd, const std::string& pid, const ExecSpec& spec) {
    const auto number = base::try_parse_u64(pid);
    if (spec.emulated && number) {
        const auto user = IdentityTable::try_user_of(static_cast<pid_t>(*number));
        if (user) return std::to_string(*user);
    }
    const kernel::IdMap& ids = spec.ids;
    struct stat info {};
    if (::fstatat(proc_fd, pid.c_str(), &info, 0) != 0) return "?";
    for (const kernel::IdRange& range : ids.uids) {
        const std::uint32_t first = range.outside.value;
        if (info.st_uid >= first && info.st_uid - first < range.count) {
            return std::to_string(range.inside.value + (info.st_uid - first));
        }
    }
    return std::to_string(info.st_uid);
}

std::string command_of(int proc_fd, const std::string& pid, const ProcessStat& stat) {
    std::string words = try_read(proc_fd, pid + "/cmdline").value_or("");
    while (!words.empty() && words.back() == '\0') words.pop_back();
    if (words.empty()) return "[" + stat.name + "]";
    std::replace(words.begin(), words.end(), '\0', ' ');
    return words;
}

std::vector<std::string> make_row(const std::string& user, const std::string& pid,
                                  const ProcessStat& stat, const std::string& command) {
    const long ticks = std::max(1L, ::sysconf(_SC_CLK_TCK));
    timespec uptime{};
    (void)::clock_gettime(CLOCK_BOOTTIME, &uptime);
    const auto tick_rate = static_cast<std::uint64_t>(ticks);
    const std::uint64_t age =
        static_cast<std::uint64_t>(uptime.tv_sec) -
        std::min(static_cast<std::uint64_t>(uptime.tv_sec), stat.start_ticks / tick_rate);
    const std::uint64_t used = stat.cpu_ticks / tick_rate;
    return {user,
            pid,
            std::to_string(stat.parent),
            std::to_string(age == 0 ? 0 : std::min<std::uint64_t>(99, 100 * used / age)),
            format_start(base::now().seconds - static_cast<std::int64_t>(age)),
            terminal_name(stat.terminal),
            format_cpu_time(used),
            command};
}

ProcessTable own_table(int proc_fd, const std::vector<std::string>& pids, const ExecSpec& spec) {
    ProcessTable table;
    table.titles = {"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"};
    for (const std::string& pid : pids) {
        const auto text = try_read(proc_fd, pid + "/stat");
        const auto stat = text ? try_parse_stat(*text) : std::nullopt;
        if (!stat) continue;
        table.rows.push_back(
            make_row(user_inside(proc_fd, pid, spec), pid, *stat, command_of(proc_fd, pid, *stat)));
    }
    return table;
}

}  // namespace

ProcessTable list_processes(const store::Store& store, const std::string& name,
                            const std::vector<std::string>& ps_options) {
    const store::ContainerEntry entry = store::ContainerStore(store).find(name);
    auto client = ControlClient::try_connect(store, entry.id);
    if (!client) throw base::Error("container " + base::quote(name) + " is not running");
    const ExecBase known = fetch_exec_base(*client);
    tell_container(store, entry.id, entry.record, "top");
    struct stat pid_namespace {};
    if (::fstat(known.namespaces.pid.get(), &pid_namespace) != 0) {
        throw base::SysError(errno, "look at the container's namespace");
    }
    const base::UniqueFd proc = base::open_dir("/proc");
    std::vector<std::string> pids = pids_in(proc.get(), pid_namespace);
    std::sort(pids.begin(), pids.end(), [](const std::string& a, const std::string& b) {
        return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    if (ps_options.empty()) return own_table(proc.get(), pids, known.spec);
    const auto program = base::try_find_program("ps");
    if (!program) {
        throw base::Error("there is no ps on this host", "without options it is not needed");
    }
    std::vector<std::string> argv{*program};
    argv.insert(argv.end(), ps_options.begin(), ps_options.end());
    const base::SubprocessResult result = base::run_subprocess(argv);
    if (result.exit_code != 0) {
        throw base::Error("ps: " + std::string(base::trim(result.err)),
                          "the options are those of the host's ps(1)");
    }
    return filter_ps(result.out, {pids.begin(), pids.end()});
}

}  // namespace sandbox::engine
