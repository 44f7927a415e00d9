// Theory. The keeper is a process with our memory and our descriptors, but with credentials and
// namespaces of its own: root of the new user namespace. When it has made the other ones it waits
// for orders in a word of that memory; on order it makes the container's first process, as a child
// not of its own but of ours (CLONE_PARENT), born in its namespaces. So neither do we enter the
// user namespace, from which there is no way back, nor does the container's process have to be
// there before it is known what it shall do. The keeper's /proc/PID is where the maps are written,
// hence it stays until then.
#include "sandbox/kernel/early_namespace.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <string>
#include <utility>

#include "clone_call.hpp"
#include "map_helper.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/signals_blocked.hpp"
#include "sandbox/kernel/probe.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

// The entry runs on it, too.
constexpr size_t kStackBytes = 512u << 10;

// A word that two processes with one memory wait for.
class Word {
  public:
    void set(std::uint32_t value) noexcept {
        value_.store(value, std::memory_order_release);
        (void)raw::call(SYS_futex, raw::ptr(&value_), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
    }
    [[nodiscard]] std::uint32_t get() const noexcept {
        return value_.load(std::memory_order_acquire);
    }
    // Until it is not `old`, a signal, or the time; null: for ever.
    void wait(std::uint32_t old, const timespec* time = nullptr) noexcept {
        if (get() != old) return;
        (void)raw::call(SYS_futex, raw::ptr(&value_), FUTEX_WAIT | FUTEX_PRIVATE_FLAG,
                        static_cast<long>(old), raw::ptr(time));
    }

  private:
    std::atomic<std::uint32_t> value_{0};
    static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
};

}  // namespace

struct EarlyNamespace::Impl {
    Impl(IdMap its_map, std::uint64_t its_namespaces)
        : map(std::move(its_map)), namespaces(its_namespaces) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl();
    void start();
    void prepare() noexcept;
    void wait_done(std::uint32_t number);
    void stop() noexcept;
    static int keep(void* argument) noexcept;

    IdMap map;
    std::uint64_t namespaces;
    pid_t caller = -1;
    pid_t pid = -1;
    bool stopped = false;
    char* stack = nullptr;
    // Orders: the number goes up with each; `quit` is the last one. The first one is to prepare.
    static constexpr std::uint32_t kQuit = ~std::uint32_t{0};
    static constexpr std::uint32_t kPrepare = 1;
    Word order, done;
    std::uint32_t orders = kPrepare;
    long prepared = 0;  // 0 or -errno
    CloneArguments arguments;
    EarlyNamespace::Entry entry = nullptr;
    const void* argument = nullptr;
    long result = 0;
    std::optional<MapHelper> uids, gids;
};

// In our memory, on its own stack: only system calls on what lies ready. The sanitizer takes that
// stack for a broken one when a function that does not return is called.
__attribute__((no_sanitize("address"))) int EarlyNamespace::Impl::keep(void* argument) noexcept {
    auto* const self = static_cast<Impl*>(argument);
    (void)raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::uint32_t seen = 0;
    // A caller that died before that call would be waited for in vain.
    while (raw::call(SYS_getppid) == self->caller) {
        self->order.wait(seen);
        const std::uint32_t now = self->order.get();
        if (now == kQuit) break;
        if (now == seen) continue;
        seen = now;
        if (now == kPrepare) {
            self->prepare();
            continue;
        }
        const long rc = clone_call(self->arguments);
        if (rc == 0) {
            self->entry(self->argument);
            raw::exit_group(1);
        }
        self->result = rc;
        self->done.set(seen);
    }
    raw::exit_group(0);
}

__attribute__((no_sanitize("address"))) void EarlyNamespace::Impl::prepare() noexcept {
    prepared = raw::call(SYS_unshare, static_cast<long>(namespaces));
    if (prepared == 0 && (namespaces & CLONE_NEWNS) != 0) {
        prepared = raw::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    }
    done.set(kPrepare);
}

void EarlyNamespace::Impl::start() {
    void* const memory = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) throw base::SysError(errno, "make room for a process");
    stack = static_cast<char*>(memory);
    caller = raw::getpid();
    std::optional<base::SignalsBlocked> blocked(std::in_place);
    const int rc =
        ::clone(keep, stack + kStackBytes, CLONE_VM | CLONE_FILES | CLONE_NEWUSER | SIGCHLD, this);
    const int errnum = errno;
    blocked.reset();
    if (rc < 0) {
        throw NamespacesRefused(errnum, "create namespaces", {}, explain_namespace_failure(errnum));
    }
    pid = rc;
    // These first: where processors are few, the keeper's namespaces would hold them up.
    if (map.mode != IdMode::single) {
        uids.emplace("newuidmap", pid, map.uids);
        gids.emplace("newgidmap", pid, map.gids);
    }
    order.set(kPrepare);
}

void EarlyNamespace::Impl::wait_done(std::uint32_t number) {
    constexpr timespec kLookAgain{0, 100'000'000};
    while (done.get() != number) {
        done.wait(number - 1, &kLookAgain);
        siginfo_t information{};
        const long rc = raw::call(SYS_waitid, P_PID, pid, raw::ptr(&information),
                                  WEXITED | WNOHANG | WNOWAIT, 0);
        if (done.get() == number) return;
        if (rc < 0 || information.si_pid == pid) {
            throw base::Error("a helper process ended early", "out of memory?");
        }
    }
}

void EarlyNamespace::Impl::stop() noexcept {
    if (pid > 0 && !std::exchange(stopped, true)) order.set(kQuit);
}

EarlyNamespace::Impl::~Impl() {
    // The helpers first: they look for the keeper's /proc/PID.
    uids.reset();
    gids.reset();
    stop();
    if (pid > 0) {
        long rc = 0;
        do {
            rc = raw::call(SYS_wait4, pid, 0, 0, 0);
        } while (rc == -EINTR);
    }
    if (stack != nullptr) (void)::munmap(stack, kStackBytes);
}

EarlyNamespace::EarlyNamespace(const IdMap& map, std::uint64_t namespaces)
    : impl_(std::make_unique<Impl>(map, namespaces)) {
    impl_->start();
}

EarlyNamespace::~EarlyNamespace() = default;

bool EarlyNamespace::is_for(const IdMap& map, std::uint64_t namespaces) noexcept {
    Impl& own = *impl_;
    const bool same_ids =
        map.mode == own.map.mode &&
        (map.mode == IdMode::single || (map.uids == own.map.uids && map.gids == own.map.gids));
    if (!same_ids || namespaces != own.namespaces) return false;
    try {
        if (own.orders == Impl::kPrepare) own.wait_done(Impl::kPrepare);
        return own.prepared == 0;
    } catch (const base::Error&) {
        return false;
    }
}

base::UniqueFd EarlyNamespace::open_network() const {
    return base::open_at(AT_FDCWD, "/proc/" + std::to_string(impl_->pid) + "/ns/net",
                         O_RDONLY | O_CLOEXEC);
}

std::optional<ChildProcess> EarlyNamespace::try_clone(std::uint64_t more, int cgroup_fd,
                                                      Entry entry, const void* argument) {
    Impl& own = *impl_;
    int pid_fd = -1;
    own.arguments = make_clone_arguments(more | CLONE_PARENT, cgroup_fd, &pid_fd);
    own.entry = entry;
    own.argument = argument;
    own.order.set(++own.orders);
    own.wait_done(own.orders);
    if (cgroup_fd >= 0 && lacks_clone_into(own.result)) return std::nullopt;
    if (own.result < 0) {
        const int errnum = static_cast<int>(-own.result);
        throw NamespacesRefused(errnum, "create namespaces", {}, explain_namespace_failure(errnum));
    }
    return ChildProcess(static_cast<pid_t>(own.result), base::UniqueFd(pid_fd));
}

void EarlyNamespace::finish_maps(const IdMap& map) {
    if (impl_->uids) {
        impl_->uids->finish();
        impl_->gids->finish();
    } else {
        write_maps(impl_->pid, map);
    }
    impl_->stop();
}

}  // namespace sandbox::kernel
