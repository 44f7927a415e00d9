#include "map_helper.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/signals_blocked.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/subprocess.hpp"
#include "subid.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

constexpr size_t kMaxHelperOutputBytes = 64u << 10;

// Not to the end of file: the helper has ended, but a container's first process, which waits for
// its maps, has a copy of the pipe's other end when it was made before.
std::string read_what_is_there(int fd) {
    (void)raw::fcntl(fd, F_SETFL, O_NONBLOCK);
    std::string text(kMaxHelperOutputBytes, '\0');
    const long got = raw::read(fd, text.data(), text.size());
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
}

}  // namespace

std::optional<std::string> try_find_map_helper(const std::string& name) {
    // Where every distribution has it; a search of PATH costs more than this.
    std::string usual = "/usr/bin/" + name;
    if (::access(usual.c_str(), X_OK) == 0) return usual;
    return base::try_find_program(name);
}

MapHelper::MapHelper(const char* name, pid_t child, const std::vector<IdRange>& ranges)
    : name_(name) {
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
MapHelper::~MapHelper() {
    if (pid_ > 0) (void)wait_status();
}

void MapHelper::finish() {
    output_.write_end.reset();
    const int status = wait_status();
    if (exec_error_ != 0) throw base::SysError(exec_error_, "execute", base::quote(path_));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    const std::string said = read_what_is_there(output_.read_end.get());
    std::string line(base::trim(said.substr(0, said.find('\n'))));
    throw base::Error(name_ + " failed: " + (line.empty() ? "no reason given" : line), hint(said));
}

// Runs on stack_, in our memory (no page table is copied, however large we are): only system
// calls on what the constructor laid out, and no variable whose address is taken: the sanitizer
// would mark its surroundings in our memory, and the exec never takes that back.
int MapHelper::run(void* argument) noexcept {
    auto* const self = static_cast<MapHelper*>(argument);
    int rc = raw::dup3(self->output_fd_, STDERR_FILENO, 0);
    if (rc >= 0) rc = raw::dup3(self->output_fd_, STDOUT_FILENO, 0);
    if (rc >= 0) {
        base::SignalsBlocked::set(self->signals_, nullptr);
        rc = static_cast<int>(raw::call(SYS_execve, raw::ptr(self->path_.c_str()),
                                        raw::ptr(self->argv_.data()),
                                        raw::ptr(self->environment_.data())));
    }
    self->exec_error_ = -rc;
    raw::exit_group(127);
}

void MapHelper::start() {
    const base::SignalsBlocked blocked;
    signals_ = blocked.former();
    const int pid = ::clone(run, stack_.data() + stack_.size(), CLONE_VM | SIGCHLD, this);
    const int errnum = errno;
    if (pid < 0) throw base::SysError(errnum, "start", base::quote(path_));
    pid_ = pid;
}

int MapHelper::wait_status() noexcept {
    int status = 0;
    long rc = 0;
    do {
        rc = raw::call(SYS_wait4, pid_, raw::ptr(&status), 0, 0);
    } while (rc == -EINTR);
    pid_ = -1;
    return rc < 0 ? 1 << 8 : status;
}

std::string MapHelper::hint(const std::string& said) const {
    if (said.find("Operation not permitted") != said.npos) {
        return name_ +
               " lacks its privilege: it must be setuid root or have the file "
               "capability (reinstall the package uidmap)";
    }
    const std::string file = name_ == "newuidmap" ? "/etc/subuid" : "/etc/subgid";
    return "see the lines of this user in " + file;
}

}  // namespace sandbox::kernel
