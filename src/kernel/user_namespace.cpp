#include "sandbox/kernel/user_namespace.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "map_helper.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "subid.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

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
