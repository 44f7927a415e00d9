// The streams of one program as a supervisor serves them, without a container around: for measuring
// what logging costs.
//   [LOG_FORM=text] log_hub DIRECTORY PROGRAM [ARGUMENT...]
// Logs below DIRECTORY, and prints this process's greatest resident size in KiB.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "engine/supervisor/output.hpp"
#include "sandbox/base/fs.hpp"

namespace {

int run(char** argv) {
    using namespace sandbox;
    const base::UniqueFd dir = base::open_dir(argv[1]);
    store::LogOptions options;
    const char* const form = std::getenv("LOG_FORM");
    if (form == nullptr || std::string_view(form) != "text") options.form = store::LogForm::chunks;
    store::LogWriter log(dir.get(), options);
    base::PollLoop loop;
    engine::PayloadPipes pipes = engine::make_payload_pipes(false);
    const pid_t child = ::fork();
    if (child == 0) {
        for (int fd = 0; fd < 3; ++fd) ::dup2(pipes.payload[static_cast<size_t>(fd)].get(), fd);
        ::execv(argv[2], argv + 2);
        ::_exit(127);
    }
    pipes.payload = {};
    engine::OutputHub hub(loop, &log, std::move(pipes.ours));
    const base::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    loop.add_fd(pidfd.get(), EPOLLIN, [&](std::uint32_t) { hub.finish({}, [&] { loop.stop(); }); });
    loop.run();
    int status = 0;
    ::waitpid(child, &status, 0);
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    std::printf("%ld\n", usage.ru_maxrss);
    return status == 0 && log.lost().bytes == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    try {
        return run(argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
