#include "sandbox/base/subprocess.hpp"
#include "sandbox/base/pipe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/scope_exit.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::base {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr size_t kMaxOutputBytes = 1u << 20;

void set_nonblocking(int fd) {
    if (const int rc = raw::fcntl(fd, F_SETFL, O_NONBLOCK); rc < 0) {
        throw SysError(-rc, "set a pipe to non-blocking");
    }
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

bool is_executable(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
           ::access(path.c_str(), X_OK) == 0;
}

// A write to a helper that reads no further must be an EPIPE, not our death. Blocked, not ignored:
// an ignored signal would be inherited by the helper.
class SigpipeBlock {
  public:
    SigpipeBlock() {
        ::sigemptyset(&sigpipe_);
        ::sigaddset(&sigpipe_, SIGPIPE);
        (void)::pthread_sigmask(SIG_BLOCK, &sigpipe_, &former_);
    }
    SigpipeBlock(const SigpipeBlock&) = delete;
    SigpipeBlock& operator=(const SigpipeBlock&) = delete;
    ~SigpipeBlock() {
        if (::sigismember(&former_, SIGPIPE) == 1) return;
        const timespec at_once{};
        while (::sigtimedwait(&sigpipe_, nullptr, &at_once) > 0) {
        }
        (void)::pthread_sigmask(SIG_SETMASK, &former_, nullptr);
    }

  private:
    sigset_t sigpipe_{};
    sigset_t former_{};
};

struct Streams {
    UniqueFd in;  // we write
    UniqueFd out;
    UniqueFd err;
};

// The child gets an empty signal mask and default dispositions, whatever we have set for ourselves.
pid_t spawn(const std::string& program, const std::vector<std::string>& argv,
            const SubprocessOptions& options, Streams& streams) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    Pipe err = make_pipe();
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (const int rc = ::posix_spawn_file_actions_init(&actions); rc != 0) {
        throw SysError(rc, "prepare a program");
    }
    const ScopeExit drop_actions([&]() noexcept { ::posix_spawn_file_actions_destroy(&actions); });
    if (const int rc = ::posix_spawnattr_init(&attributes); rc != 0) {
        throw SysError(rc, "prepare a program");
    }
    const ScopeExit drop_attributes([&]() noexcept { ::posix_spawnattr_destroy(&attributes); });

    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    int rc =
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (rc == 0) rc = ::posix_spawnattr_setsigmask(&attributes, &none);
    if (rc == 0) rc = ::posix_spawnattr_setsigdefault(&attributes, &all);
    if (rc == 0) rc = ::posix_spawn_file_actions_adddup2(&actions, in.read_end.get(), 0);
    if (rc == 0) rc = ::posix_spawn_file_actions_adddup2(&actions, out.write_end.get(), 1);
    if (rc == 0) rc = ::posix_spawn_file_actions_adddup2(&actions, err.write_end.get(), 2);
    // Also those that our own caller left open.
    if (rc == 0) rc = ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (rc != 0) throw SysError(rc, "prepare a program");

    const std::vector<char*> arguments = pointers_to(argv);
    std::vector<char*> environment;
    if (options.env) environment = pointers_to(*options.env);
    pid_t pid = -1;
    rc = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, arguments.data(),
                       options.env ? environment.data() : ::environ);
    if (rc != 0) throw SysError(rc, "run", quote(argv[0]));
    streams = {std::move(in.write_end), std::move(out.read_end), std::move(err.read_end)};
    return pid;
}

// Reads what is there. The end, or an error, closes the descriptor.
void drain(UniqueFd& fd, std::string& text) {
    std::array<char, 16u << 10> buffer;
    while (fd.valid()) {
        const long rc = raw::read(fd.get(), buffer.data(), buffer.size());
        if (rc == -EINTR) continue;
        if (rc == -EAGAIN) return;
        if (rc <= 0) {
            fd.reset();
            return;
        }
        const size_t room = kMaxOutputBytes - text.size();
        text.append(buffer.data(), std::min(static_cast<size_t>(rc), room));
    }
}

void feed(UniqueFd& fd, std::string_view& input) {
    while (fd.valid() && !input.empty()) {
        const long rc = raw::write(fd.get(), input.data(), input.size());
        if (rc == -EINTR) continue;
        if (rc == -EAGAIN) return;
        if (rc < 0) break;  // EPIPE: the helper has read enough
        input.remove_prefix(static_cast<size_t>(rc));
    }
    fd.reset();
}

// False when `deadline` came first.
bool communicate(int pid_fd, Streams& streams, std::string_view input, SubprocessResult& result,
                 Clock::time_point deadline) {
    const SigpipeBlock sigpipe_block;
    feed(streams.in, input);
    for (;;) {
        std::array<pollfd, 4> waits{{{pid_fd, POLLIN, 0},
                                     {streams.in.get(), POLLOUT, 0},
                                     {streams.out.get(), POLLIN, 0},
                                     {streams.err.get(), POLLIN, 0}}};
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
        if (left <= milliseconds{0}) return false;
        constexpr milliseconds kLongestWait{3'600'000};
        const int rc = ::poll(waits.data(), waits.size(),
                              static_cast<int>(std::min(left, kLongestWait).count()));
        if (rc < 0 && errno != EINTR) throw SysError(errno, "wait for a program");
        if (rc <= 0) continue;
        if (waits[1].revents != 0) feed(streams.in, input);
        drain(streams.out, result.out);
        drain(streams.err, result.err);
        // Not the end of the pipes: a daemon that it left behind may hold them for ever.
        if (waits[0].revents != 0) return true;
    }
}

int reap(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) throw SysError(errno, "wait for a program");
    }
    return WIFSIGNALED(status) ? exit_code::kSignalBase + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

SubprocessResult run_subprocess(const std::vector<std::string>& argv,
                                const SubprocessOptions& options) {
    if (argv.empty()) throw Error("run a program: no name given");
    std::optional<std::string> program = argv[0];
    if (argv[0].find('/') == std::string::npos) program = try_find_program(argv[0]);
    if (!program) throw SysError(ENOENT, "run", quote(argv[0]));

    Streams streams;
    const pid_t pid = spawn(*program, argv, options, streams);
    ScopeExit kill_and_reap([pid]() noexcept {
        (void)raw::kill(pid, SIGKILL);
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
    });
    const int pid_fd = raw::pidfd_open(pid, 0);
    if (pid_fd < 0) throw SysError(-pid_fd, "open a process descriptor");
    const UniqueFd pid_fd_owner(pid_fd);
    for (const int fd : {streams.in.get(), streams.out.get(), streams.err.get()}) {
        set_nonblocking(fd);
    }

    SubprocessResult result;
    if (!communicate(pid_fd, streams, options.input, result, Clock::now() + options.timeout)) {
        throw Error(quote(argv[0]) + " did not end within " +
                    std::to_string(options.timeout.count()) + " ms");
    }
    kill_and_reap.dismiss();
    result.exit_code = reap(pid);
    return result;
}

std::optional<std::string> try_find_program(const std::string& program) {
    if (program.empty() || program.find('/') != std::string::npos) return std::nullopt;
    const char* path = std::getenv("PATH");
    std::vector<std::string> dirs = split(path != nullptr ? path : "/usr/bin:/bin", ':');
    // Users' PATHs often lack these, and newuidmap's friends live there.
    dirs.insert(dirs.end(), {"/usr/sbin", "/sbin"});
    for (const std::string& dir : dirs) {
        // A relative entry would run what lies in the current directory.
        if (dir.empty() || dir.front() != '/') continue;
        std::string candidate = dir;
        candidate.append("/").append(program);
        if (is_executable(candidate)) return candidate;
    }
    return std::nullopt;
}

}  // namespace sandbox::base
