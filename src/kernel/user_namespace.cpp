#include "sandbox/kernel/user_namespace.hpp"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/subprocess.hpp"
#include "subid.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

constexpr size_t kMaxHelperOutputBytes = 64u << 10;

struct Pipe {
    base::UniqueFd read_end;
    base::UniqueFd write_end;
};

Pipe make_pipe() {
    std::array<int, 2> fds{};
    const long rc = raw::call(SYS_pipe2, raw::ptr(fds.data()), O_CLOEXEC);
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "make a pipe");
    return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

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
    if (rc < 0) throw base::SysError(-rc, "write " + std::string(name) + " of a new namespace");
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

// newuidmap or newgidmap under way.
class MapHelper {
  public:
    MapHelper(const char* name, pid_t child, const std::vector<IdRange>& ranges) : name_(name) {
        const auto path = try_find_map_helper(name);
        if (!path) {
            throw base::Error("\"" + name_ + "\" is not installed",
                              "install the package uidmap (shadow-utils on Fedora)");
        }
        std::vector<std::string> words{name_, std::to_string(child)};
        for (const IdRange& range : ranges) {
            words.push_back(std::to_string(range.inside.value));
            words.push_back(std::to_string(range.outside.value));
            words.push_back(std::to_string(range.count));
        }
        std::vector<char*> argv;
        for (std::string& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        spawn(*path, argv.data());
    }
    MapHelper(const MapHelper&) = delete;
    MapHelper& operator=(const MapHelper&) = delete;
    ~MapHelper() {
        if (pid_ > 0) (void)wait_status();  // it only writes one file: soon over
    }

    void finish() {
        output_.write_end.reset();
        const int status = wait_status();
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
        const std::string said = base::read_fd(output_.read_end.get(), kMaxHelperOutputBytes);
        std::string line(base::trim(said.substr(0, said.find('\n'))));
        throw base::Error(name_ + " failed: " + (line.empty() ? "no reason given" : line),
                          hint(said));
    }

  private:
    // posix_spawn is vfork-like in libc: no page table is copied, however large we are.
    void spawn(const std::string& path, char* const* argv) {
        output_ = make_pipe();
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, output_.write_end.get(), STDERR_FILENO);
        posix_spawn_file_actions_adddup2(&actions, output_.write_end.get(), STDOUT_FILENO);
        std::array<char*, 1> environment{nullptr};
        const int rc =
            posix_spawn(&pid_, path.c_str(), &actions, nullptr, argv, environment.data());
        posix_spawn_file_actions_destroy(&actions);
        if (rc != 0) {
            pid_ = -1;
            throw base::SysError(rc, "execute", base::quote(path));
        }
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

    std::string name_;
    pid_t pid_ = -1;
    Pipe output_;
};

// What run_as_owner's child says: 'c' and an exit code, or 'e' and an Error's fields, NUL between.
std::string encode_error(const base::Error& error) {
    std::string text = "e" + std::to_string(error.code());
    text += '\0' + error.message();
    text += '\0' + error.hint();
    return text;
}

[[noreturn]] void owner_child(const Pipe& start, const Pipe& answer, int start_write_fd,
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

void write_maps(pid_t child, const IdMap& map) {
    if (map.mode == IdMode::single || ::geteuid() == 0) {
        write_directly(child, map);
        return;
    }
    MapHelper uids("newuidmap", child, map.uids);
    MapHelper gids("newgidmap", child, map.gids);
    uids.finish();
    gids.finish();
}

int run_as_owner(const IdMap& map, const std::function<int()>& action) {
    Pipe start = make_pipe();
    Pipe answer = make_pipe();
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
