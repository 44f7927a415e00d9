#include "engine/identity/identity_server.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <utility>

#include "engine/identity/compat_calls.hpp"
#include "engine/identity/identity_wire.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::engine {
namespace {

constexpr int kSettleMs = 50;
constexpr int kQuietMs = 500;

// The limit is ours: programs see one without end, and change nothing by changing it.
TrapReply answer_limit(const TrappedProcess& process) {
    const bool with_pid = process.call().number == SYS_prlimit64;
    constexpr std::array<std::uint64_t, 2> kEndless{RLIM64_INFINITY, RLIM64_INFINITY};
    std::uint64_t to = 0;
    if (with_pid) to = process.argument(3);
#ifdef SYS_getrlimit
    if (process.call().number == SYS_getrlimit) to = process.argument(1);
#endif
    return TrapReply::result(to == 0 ? 0 : process.write(to, kEndless.data(), sizeof kEndless));
}

bool is_limit_call(int number) noexcept {
#ifdef SYS_getrlimit
    if (number == SYS_getrlimit || number == SYS_setrlimit) return true;
#endif
    return number == SYS_prlimit64;
}

}  // namespace

IdentityServer::IdentityServer(ServerStart start)
    : proc_(std::move(start.proc)),
      user_namespace_(start.user_namespace),
      root_(start.root),
      table_(std::move(start.root)),
      owners_(std::move(start.table), std::move(start.image_table)),
      processes_(table_, std::move(start.pid_namespace)),
      identities_(table_, owners_),
      files_(table_, identities_, owners_, processes_),
      creations_(table_, identities_, owners_),
      peers_(table_, processes_) {
    table_.collect_with(proc_.get());
    for (const std::uint64_t mount : start.unmarked) owners_.leave_alone(mount);
}

void IdentityServer::add_listener(base::UniqueFd fd, Identity first) {
    listeners_.push_back({kernel::SeccompListener(std::move(fd)), std::move(first)});
}

// user_namespaces(7): there it has all capabilities and other ids, and never comes back from it.
bool IdentityServer::is_in_namespace_below(const TrappedProcess& process) const noexcept {
    struct stat info {};
    return user_namespace_ && process.user_namespace(info) == 0 &&
           (info.st_ino != user_namespace_->st_ino || info.st_dev != user_namespace_->st_dev);
}

TrapReply IdentityServer::answer(Listener& listener, const TrappedProcess& process) {
    if (process.pid() <= 0) return TrapReply::kernel();
    // Our own code, on its way to the program: it gives up capabilities, and means it.
    if (!std::exchange(listener.begun, true)) {
        const int rc = identities_.begin(process, listener.first);
        return rc < 0 ? TrapReply::result(rc) : TrapReply::kernel();
    }
    creations_.settle(process.pid());
    if (is_in_namespace_below(process)) return TrapReply::kernel();
    if (auto reply = identities_.try_answer(process)) return *reply;
    if (auto reply = files_.try_answer(process)) return *reply;
    if (auto reply = creations_.try_answer(process)) return *reply;
    if (auto reply = peers_.try_answer(process)) return *reply;
    if (is_limit_call(process.call().number)) return answer_limit(process);
    return TrapReply::kernel();
}

void IdentityServer::serve(Listener& listener) {
    const std::optional<kernel::TrappedCall> call = listener.end.receive();
    if (!call) return;
    TrapReply reply = TrapReply::result(-ENOMEM);
    try {
        if (call->is_native()) {
            reply = answer(listener, TrappedProcess(proc_.get(), listener.end, *call));
        } else if (const auto native = to_native(*call)) {
            reply = answer(listener, TrappedProcess(proc_.get(), listener.end, native->call));
            if (native->narrow) reply = to_narrow(reply);
        } else {
            reply = TrapReply::kernel();
        }
    } catch (const std::exception&) {  // out of memory: the call fails, and we go on
    }
    if (reply.go_on) {
        listener.end.let_go_on(*call);
    } else {
        listener.end.answer(*call, reply.value);
    }
}

bool IdentityServer::take_listener(int control_fd) {
    std::optional<NewListener> added = receive_listener(control_fd);
    if (!added) return false;
    Identity first = root_;
    first.who = std::move(added->first);
    add_listener(std::move(added->fd), std::move(first));
    return true;
}

// Answers like poll(2), -errno. Who has had nothing to answer for a while gives memory back first.
int IdentityServer::wait_for(std::vector<pollfd>& wait) noexcept {
    const bool settled = creations_.is_settled();
    if (settled && std::exchange(resting_, false)) return idle_.poll(wait.data(), wait.size());
    const int rc = ::poll(wait.data(), wait.size(), settled ? kQuietMs : kSettleMs);
    if (rc < 0) return -errno;
    resting_ = settled && rc == 0;
    return rc;
}

void IdentityServer::run(int control_fd) {
    std::vector<pollfd> wait;
    for (;;) {
        wait.assign(1, {control_fd, POLLIN, 0});
        for (const Listener& listener : listeners_) wait.push_back({listener.end.fd(), POLLIN, 0});
        // Whoever looks at the files from outside sees owners, too.
        const int rc = wait_for(wait);
        if (rc == 0) creations_.settle(0);
        if (rc < 0 && rc != -EINTR) throw base::SysError(-rc, "wait for trapped calls");
        if (rc <= 0) continue;
        // From the last one on, since those that nobody uses any more go.
        for (size_t i = wait.size() - 1; i > 0; --i) {
            const size_t index = i - 1;
            if ((wait[i].revents & POLLIN) != 0) {
                serve(listeners_[index]);
            } else if ((wait[i].revents & (POLLHUP | POLLERR)) != 0) {
                listeners_.erase(listeners_.begin() + static_cast<std::ptrdiff_t>(index));
            }
        }
        if (wait[0].revents != 0 && !take_listener(control_fd)) break;
    }
    creations_.settle(0);
}

}  // namespace sandbox::engine
