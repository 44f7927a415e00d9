#include "net/namespace_entry.hpp"

#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "net/confine.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/idle_memory.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/signals_blocked.hpp"
#include "sandbox/kernel/probe.hpp"
#include "sandbox/kernel/process.hpp"

namespace sandbox::net {
namespace {

namespace raw = base::raw;
using base::SysError;
using base::UniqueFd;

constexpr size_t kMostDescriptors = 250;  // SCM_MAX_FD is 253
constexpr char kDone = 'd';
constexpr char kFailed = 'f';

bool same_file(int a_fd, int b_fd) {
    struct stat a {
    }, b{};
    return ::fstat(a_fd, &a) == 0 && ::fstat(b_fd, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

void report_failure(int socket_fd, const std::string& text) {
    const std::string message = kFailed + text;
    (void)raw::write(socket_fd, message.data(), message.size());  // nobody else to tell
}

// Runs in the child. Answers when all is sent.
bool run_action(int socket_fd, int netns_fd, const InsideAction& action, Descriptors& made) {
    try {
        if (netns_fd >= 0) enter_namespace(netns_fd);
        made = action();
        std::vector<int> fds;
        for (const UniqueFd& fd : made) fds.push_back(fd.get());
        send_message(socket_fd, std::string(1, kDone), fds);
        return true;
    } catch (const base::Error& error) {
        report_failure(socket_fd, error.message() + '\n' + error.hint());
    } catch (const std::exception& error) {
        report_failure(socket_fd, error.what());
    }
    return false;
}

struct Line {
    UniqueFd ours, theirs;
};
Line make_line() {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
        throw SysError(errno, "make a socket pair");
    }
    return {UniqueFd(pair[0]), UniqueFd(pair[1])};
}

Descriptors receive_made(int socket_fd) {
    Message got = receive_message(socket_fd);
    if (got.tag() == kFailed) {
        const size_t end = got.text.find('\n');
        throw base::Error(got.text.substr(1, end == got.text.npos ? end : end - 1),
                          end == got.text.npos ? "" : got.text.substr(end + 1));
    }
    if (got.tag() != kDone) {
        throw base::Error("the helper in the network namespace died", "run sandbox doctor");
    }
    return std::move(got.fds);
}

Descriptors run(std::uint64_t namespaces, int netns_fd, const InsideAction& action) {
    Line line = make_line();
    kernel::ChildProcess child = kernel::ChildProcess::clone(namespaces);
    if (child.is_child()) {
        Descriptors made;
        raw::exit_group(run_action(line.theirs.get(), netns_fd, action, made) ? 0 : 1);
    }
    line.theirs.reset();
    Descriptors made = receive_made(line.ours.get());
    child.wait();
    return made;
}

[[noreturn]] void run_keeper(Line line, const InsideAction& action) {
    line.ours.reset();
    Descriptors made;
    const InsideAction in_new_namespace = [&action] {
        if (const long rc = raw::call(SYS_unshare, CLONE_NEWNET); rc < 0) {
            const int errnum = static_cast<int>(-rc);
            throw SysError(errnum, "create namespaces", {},
                           kernel::explain_namespace_failure(errnum));
        }
        return action();
    };
    try {
        if (!run_action(line.theirs.get(), -1, in_new_namespace, made)) raw::exit_group(1);
        std::vector<int> kept{line.theirs.get()};
        for (const UniqueFd& fd : made) kept.push_back(fd.get());
        keep_descriptors(std::move(kept));
        (void)raw::prctl(PR_SET_NAME, reinterpret_cast<unsigned long>("sandbox-keep"));
        const std::vector<base::MemoryRange> droppable = base::droppable_ranges();
        confine_keeper();
        base::wait_and_exit(line.theirs.get(), droppable);
    } catch (const std::exception&) {
        // It is only a comfort.
    }
    raw::exit_group(0);
}

// Keepers that end by themselves, in their own time. Those of a process that lives long are reaped
// with its next one; nobody waits for the last ones.
void leave(kernel::ChildProcess process) {
    static std::vector<pid_t> leaving;
    std::erase_if(leaving, [](pid_t pid) {
        int status = 0;
        return ::waitpid(pid, &status, WNOHANG) != 0;
    });
    if (process.pid() <= 0) return;
    leaving.push_back(process.pid());
    process.release();
}

}  // namespace

void enter_namespace(int netns_fd) {
    const int owner = ::ioctl(netns_fd, NS_GET_USERNS);
    if (owner < 0) throw SysError(errno, "find the owner of the network namespace");
    const UniqueFd owner_fd(owner);
    const UniqueFd own(raw::openat(AT_FDCWD, "/proc/self/ns/user", O_RDONLY | O_CLOEXEC));
    // setns(2): entering the user namespace that one is in already is refused with EINVAL.
    if (!own || !same_file(own.get(), owner_fd.get())) {
        if (::setns(owner_fd.get(), CLONE_NEWUSER) != 0) {
            throw SysError(errno, "enter the user namespace of the network");
        }
    }
    if (::setns(netns_fd, CLONE_NEWNET) != 0) {
        throw SysError(errno, "enter the network namespace");
    }
}

Descriptors make_inside(int netns_fd, const InsideAction& action) {
    return run(0, netns_fd, action);
}

Descriptors make_in_new_namespace(const InsideAction& action) {
    return run(CLONE_NEWUSER | CLONE_NEWNET, -1, action);
}

InsideKeeper InsideKeeper::start(const InsideAction& action) {
    Line line = make_line();
    InsideKeeper keeper;
    // A terminal's signals are for the container: it ends with its line.
    const base::SignalsBlocked blocked;
    // The network namespace takes longer than all others together: the caller does not wait for it.
    keeper.process_ = kernel::ChildProcess::clone(CLONE_NEWUSER);
    if (keeper.process_.is_child()) run_keeper(std::move(line), action);
    keeper.line_ = std::move(line.ours);
    return keeper;
}

InsideKeeper& InsideKeeper::operator=(InsideKeeper&& other) noexcept {
    InsideKeeper former(std::move(*this));
    process_ = std::move(other.process_);
    line_ = std::move(other.line_);
    return *this;
}

InsideKeeper::~InsideKeeper() {
    line_.reset();
    if (process_.pid() > 0) leave(std::move(process_));
}

Descriptors InsideKeeper::take() {
    return receive_made(line_.get());
}

UniqueFd open_own_netns() {
    return base::open_at(AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

int try_set_net_sysctl(const char* name, const char* value) {
    const std::string path = std::string("/proc/sys/net/") + name;
    const int opened = raw::openat(AT_FDCWD, path.c_str(), O_WRONLY | O_CLOEXEC);
    // EROFS: inside another container, whose /proc/sys cannot be written.
    if (opened == -ENOENT || opened == -EROFS) return 0;
    if (opened < 0) return opened;
    const UniqueFd fd(opened);
    const long rc = raw::write(fd.get(), value, std::strlen(value));
    return rc < 0 ? static_cast<int>(rc) : 0;
}

void set_net_sysctl(const char* name, const char* value) {
    if (const int rc = try_set_net_sysctl(name, value); rc < 0) {
        throw SysError(-rc, "set", std::string("net/") + name);
    }
}

void send_message(int socket_fd, std::string_view text, const std::vector<int>& fds) {
    iovec payload{const_cast<char*>(text.data()), text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors)> control{};
    msghdr message{};
    message.msg_iov = &payload;
    message.msg_iovlen = 1;
    if (fds.size() > kMostDescriptors) throw SysError(EMSGSIZE, "pass descriptors");
    if (!fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
        cmsghdr* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
        std::memcpy(CMSG_DATA(head), fds.data(), sizeof(int) * fds.size());
    }
    ssize_t rc = 0;
    do {
        rc = ::sendmsg(socket_fd, &message, MSG_NOSIGNAL);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) throw SysError(errno, "pass a message");
}

Message receive_message(int socket_fd) {
    ssize_t got = 0;
    char first = 0;
    do {
        got = ::recv(socket_fd, &first, 1, MSG_PEEK | MSG_TRUNC);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno != ECONNRESET) throw SysError(errno, "receive a message");
    Message result;
    if (got <= 0) return result;
    result.text.resize(static_cast<size_t>(got));
    iovec payload{result.text.data(), result.text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors)> control{};
    msghdr message{};
    message.msg_iov = &payload;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    do {
        got = ::recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0) throw SysError(errno, "receive a message");
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
            result.fds.emplace_back(fd);
        }
    }
    return result;
}

}  // namespace sandbox::net
