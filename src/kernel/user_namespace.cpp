#include "sandbox/kernel/user_namespace.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/subprocess.hpp"
#include "subid.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

constexpr size_t kMaxHelperOutputBytes = 64u << 10;

// "/proc/<pid>/<name>": one write, as the kernel demands. user_namespaces(7).
int write_proc(pid_t child, const char* name, const std::string& text) {
    const std::string path = "/proc/" + std::to_string(child) + "/" + name;
    const int fd = raw::openat(AT_FDCWD, path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return fd;
    const base::UniqueFd owner(fd);
    const long rc = raw::write(fd, text.data(), text.size());
    return rc < 0 ? static_cast<int>(rc) : 0;
}

std::string map_text(const std::vector<IdRange>& ranges) {
    std::string text;
    for (const IdRange& range : ranges) {
        text += std::to_string(range.inside.value) + " " + std::to_string(range.outside.value) +
                " " + std::to_string(range.count) + "\n";
    }
    return text;
}

void write_map_directly(pid_t child, const char* name, const std::vector<IdRange>& ranges) {
    const int rc = write_proc(child, name, map_text(ranges));
    if (rc == 0) return;
    // user_namespaces(7): since Linux 5.12 the root of the namespace above may be mapped by those
    // only who have CAP_SETFCAP there.
    const bool powerless = rc == -EPERM && ::geteuid() == 0 &&
                           (effective_capabilities() & std::uint64_t{1} << CAP_SETFCAP) == 0;
    throw base::SysError(-rc, "write " + std::string(name) + " of a new namespace", {},
                         powerless ? "root without CAP_SETFCAP has no id to give: start the outer "
                                     "container with --cap-add SETFCAP, or be another user there"
                                   : std::string());
}

void write_directly(pid_t child, const IdMap& map) {
    if (map.mode == IdMode::single) {
        // user_namespaces(7): without CAP_SETGID in the parent namespace gid_map is refused until
        // setgroups is denied. ENOENT: a kernel from before that rule.
        const int rc = write_proc(child, "setgroups", "deny");
        if (rc < 0 && rc != -ENOENT) throw base::SysError(-rc, "deny setgroups");
    }
    write_map_directly(child, "uid_map", map.uids);
    write_map_directly(child, "gid_map", map.gids);
}

// newuidmap or newgidmap under way. Both are started before either is waited for, and the start
// does not wait for the exec as posix_spawn does: a waiting parent is woken on the helper's
// processor and stays behind it there, and the second helper would begin when the first one is
// done.
class MapHelper {
  public:
    MapHelper(const char* name, pid_t child, const std::vector<IdRange>& ranges) : name_(name) {
        const auto path = try_find_map_helper(name);
        if (!path) {
            throw base::Error("\"" + name_ + "\" is not installed",
                              "install the package uidmap (shadow-utils on Fedora)");
        }
        path_ = *path;
        words_ = {name_, std::to_string(child)};
        for (const IdRange& range : ranges) {
            words_.push_back(std::to_string(range.inside.value));
            words_.push_back(std::to_string(range.outside.value));
            words_.push_back(std::to_string(range.count));
        }
        for (std::string& word : words_) argv_.push_back(word.data());
        argv_.push_back(nullptr);
        output_ = base::make_pipe();
        output_fd_ = output_.write_end.get();
        start();
    }
    MapHelper(const MapHelper&) = delete;
    MapHelper& operator=(const MapHelper&) = delete;
    ~MapHelper() {
        if (pid_ > 0) (void)wait_status();  // it only writes one file: soon over
    }

    void finish() {
        output_.write_end.reset();
        const int status = wait_status();
        if (exec_error_ != 0) throw base::SysError(exec_error_, "execute", base::quote(path_));
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
        const std::string said = base::read_fd(output_.read_end.get(), kMaxHelperOutputBytes);
        std::string line(base::trim(said.substr(0, said.find('\n'))));
        throw base::Error(name_ + " failed: " + (line.empty() ? "no reason given" : line),
                          hint(said));
    }

  private:
    // Runs on stack_, in our memory (no page table is copied, however large we are): only system
    // calls on what the constructor laid out, and no variable whose address is taken: the sanitizer
    // would mark its surroundings in our memory, and the exec never takes that back.
    static int run(void* argument) noexcept {
        auto* const self = static_cast<MapHelper*>(argument);
        int rc = raw::dup3(self->output_fd_, STDERR_FILENO, 0);
        if (rc >= 0) rc = raw::dup3(self->output_fd_, STDOUT_FILENO, 0);
        if (rc >= 0) {
            (void)raw::call(SYS_rt_sigprocmask, SIG_SETMASK, raw::ptr(&self->signals_), 0,
                            kSignalSetBytes);
            rc = static_cast<int>(raw::call(SYS_execve, raw::ptr(self->path_.c_str()),
                                            raw::ptr(self->argv_.data()),
                                            raw::ptr(self->environment_.data())));
        }
        self->exec_error_ = -rc;
        raw::exit_group(127);
    }

    void start() {
        // No handler of ours may run in the child, which has our memory.
        constexpr std::uint64_t kAllSignals = ~std::uint64_t{0};
        (void)raw::call(SYS_rt_sigprocmask, SIG_SETMASK, raw::ptr(&kAllSignals),
                        raw::ptr(&signals_), kSignalSetBytes);
        const int pid = ::clone(run, stack_.data() + stack_.size(), CLONE_VM | SIGCHLD, this);
        const int errnum = errno;
        (void)raw::call(SYS_rt_sigprocmask, SIG_SETMASK, raw::ptr(&signals_), 0, kSignalSetBytes);
        if (pid < 0) throw base::SysError(errnum, "start", base::quote(path_));
        pid_ = pid;
    }

    int wait_status() noexcept {
        int status = 0;
        long rc = 0;
        do {
            rc = raw::call(SYS_wait4, pid_, raw::ptr(&status), 0, 0);
        } while (rc == -EINTR);
        pid_ = -1;
        return rc < 0 ? 1 << 8 : status;
    }

    [[nodiscard]] std::string hint(const std::string& said) const {
        if (said.find("Operation not permitted") != said.npos) {
            return name_ +
                   " lacks its privilege: it must be setuid root or have the file "
                   "capability (reinstall the package uidmap)";
        }
        const std::string file = name_ == "newuidmap" ? "/etc/subuid" : "/etc/subgid";
        return "see the lines of this user in " + file;
    }

    static constexpr long kSignalSetBytes = 8;
    static constexpr size_t kStackBytes = 16u << 10;

    // Until the exec all of this is the child's as well, so it stays where it is.
    std::string name_;
    std::string path_;
    std::vector<std::string> words_;
    std::vector<char*> argv_;
    std::array<char*, 1> environment_{};  // nothing of ours
    base::Pipe output_;
    int output_fd_ = -1;  // finish() may close ours before the child has looked
    std::uint64_t signals_ = 0;
    volatile int exec_error_ = 0;
    pid_t pid_ = -1;
    alignas(16) std::array<char, kStackBytes> stack_;
};

// What run_as_owner's child says: 'c' and an exit code, or 'e' and an Error's fields, NUL between.
std::string encode_error(const base::Error& error) {
    std::string text = "e" + std::to_string(error.code());
    text += '\0' + error.message();
    text += '\0' + error.hint();
    return text;
}

[[noreturn]] void owner_child(const base::Pipe& start, const base::Pipe& answer, int start_write_fd,
                              const std::function<int()>& action) noexcept {
    // Our copy of the parent's end must go, or its death would never be seen.
    (void)raw::close(start_write_fd);
    char byte = 0;
    if (raw::read(start.read_end.get(), &byte, 1) != 1) raw::exit_group(1);
    std::string text;
    try {
        int rc = raw::setresgid(0, 0, 0);
        if (rc == 0) rc = raw::setresuid(0, 0, 0);
        if (rc < 0) throw base::SysError(-rc, "become root of a user namespace");
        text = "c" + std::to_string(action());
    } catch (const base::Error& error) {
        text = encode_error(error);
    } catch (const std::exception& error) {
        text = encode_error(base::Error(error.what()));
    }
    const char* data = text.data();
    size_t left = text.size();
    while (left > 0) {
        const long rc = raw::write(answer.write_end.get(), data, left);
        if (rc <= 0) raw::exit_group(1);
        data += rc;
        left -= static_cast<size_t>(rc);
    }
    raw::exit_group(0);
}

int decode_answer(const std::string& text, const ExitStatus& status) {
    if (text.size() > 1 && text[0] == 'c') return std::atoi(text.c_str() + 1);
    if (text.empty() || text[0] != 'e') {
        throw base::Error(
            "a helper process ended early" +
            (status.signal != 0 ? " by signal " + std::to_string(status.signal) : std::string()));
    }
    const size_t first = text.find('\0');
    const size_t second = first == text.npos ? text.npos : text.find('\0', first + 1);
    if (second == text.npos) throw base::Error("a helper process ended early");
    throw base::Error(text.substr(first + 1, second - first - 1), text.substr(second + 1),
                      std::atoi(text.c_str() + 1));
}

}  // namespace

std::optional<std::string> try_find_map_helper(const std::string& name) {
    // Where every distribution has it; a search of PATH costs more than this.
    std::string usual = "/usr/bin/" + name;
    if (::access(usual.c_str(), X_OK) == 0) return usual;
    return base::try_find_program(name);
}

void write_maps(pid_t child, const IdMap& map, const std::function<void()>& meanwhile) {
    if (map.mode == IdMode::single || ::geteuid() == 0) {
        write_directly(child, map);
        if (meanwhile) meanwhile();
        return;
    }
    MapHelper uids("newuidmap", child, map.uids);
    MapHelper gids("newgidmap", child, map.gids);
    if (meanwhile) meanwhile();
    uids.finish();
    gids.finish();
}

int run_as_owner(const IdMap& map, const std::function<int()>& action) {
    base::Pipe start = base::make_pipe();
    base::Pipe answer = base::make_pipe();
    ChildProcess child = ChildProcess::clone(CLONE_NEWUSER | CLONE_NEWNS);
    if (child.is_child()) owner_child(start, answer, start.write_end.get(), action);
    start.read_end.reset();
    answer.write_end.reset();
    write_maps(child.pid(), map);
    base::write_all(start.write_end.get(), "m");
    const std::string text = base::read_fd(answer.read_end.get(), 1u << 20);
    const ExitStatus status = child.wait();
    return decode_answer(text, status);
}

void remove_tree(int dir_fd, const std::string& name) {
    if (base::remove_tree_at(dir_fd, name)) return;
    const int left =
        run_as_owner(host_id_map(), [&] { return base::remove_tree_at(dir_fd, name) ? 0 : 1; });
    if (left != 0) {
        throw base::Error("remove \"" + name + "\": parts of it belong to another user",
                          "they were made under another id range; remove them as root");
    }
}

}  // namespace sandbox::kernel
