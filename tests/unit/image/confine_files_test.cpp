// What a child that works on files can still do once it is locked up.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "sandbox/base/raw.hpp"
#include "sandbox/image/tree_archive.hpp"
#include "sandbox/kernel/process.hpp"
#include "unit/base/scratch_dir.hpp"

using namespace sandbox;
namespace raw = base::raw;

namespace {

enum Verdict {
    all_well = 0,
    failed = 1,
    kept_fd_lost = 2,
    other_fd_left = 3,
    no_file_work = 4,
    may_do = 10
};

int judge(int kept_fd, int other_fd) {
    if (raw::fcntl(kept_fd, F_GETFD) < 0) return kept_fd_lost;
    if (raw::fcntl(other_fd, F_GETFD) != -EBADF) return other_fd_left;
    if (raw::mkdirat(kept_fd, "made", 0755) != 0) return no_file_work;
    const int file = raw::openat(kept_fd, "made/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0 || raw::write(file, "x", 1) != 1) return no_file_work;
    const char* const argv[] = {"/bin/true", nullptr};
    const long forbidden[] = {
        raw::call(SYS_socket, AF_UNIX, SOCK_STREAM, 0),
        raw::call(SYS_execve, raw::ptr("/bin/true"), raw::ptr(argv), 0),
        raw::mount("none", "/tmp", "tmpfs", 0, nullptr),
        raw::call(SYS_unshare, 0x10000000),
        raw::call(SYS_clone, 17, 0, 0, 0, 0),
        raw::call(SYS_ptrace, 16, 1, 0, 0),
        raw::kill(raw::getppid(), 0),
        raw::call(SYS_setresuid, 0, 0, 0),
        raw::call(SYS_chroot, raw::ptr("/")),
    };
    int which = may_do;
    for (const long rc : forbidden) {
        if (rc != -EPERM) return which;
        ++which;
    }
    return all_well;
}

}  // namespace

TEST_CASE("a locked-up worker has its own descriptors, files, and nothing else") {
    const test::ScratchDir scratch;
    const int kept = ::open(scratch.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int other = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(kept >= 0);
    REQUIRE(other >= 0);
    kernel::ChildProcess child = kernel::ChildProcess::clone(0);
    if (child.is_child()) {
        int verdict = failed;
        try {
            image::confine_file_work(0, {kept});
            verdict = judge(kept, other);
        } catch (const std::exception&) {
        }
        raw::exit_group(verdict);
    }
    const kernel::ExitStatus status = child.wait();
    CHECK(status.signal == 0);
    CHECK(status.code == all_well);
    (void)::close(kept);
    (void)::close(other);
}
