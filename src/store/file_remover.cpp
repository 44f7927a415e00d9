#include "store/file_remover.hpp"

#include <cerrno>
#include <exception>

#include "sandbox/base/raw.hpp"

namespace sandbox::store {
namespace {

namespace raw = base::raw;

// A process costs about as much as removing half a megabyte.
constexpr std::uint64_t kBigBytes = 4u << 20;

bool remove_here(int dir_fd, const std::string& name) noexcept {
    const int rc = raw::unlinkat(dir_fd, name.c_str());
    return rc == 0 || rc == -ENOENT;
}

}  // namespace

bool FileRemover::remove(int dir_fd, const std::string& name, std::uint64_t size_bytes) noexcept {
    finish();
    if (size_bytes < kBigBytes) return remove_here(dir_fd, name);
    try {
        name_ = name;
        dir_fd_ = dir_fd;
        child_ = kernel::ChildProcess::clone(0);
    } catch (const std::exception&) {  // no memory, or no process is left to this user
        return remove_here(dir_fd, name);
    }
    if (child_.is_child()) raw::exit_group(remove_here(dir_fd, name_) ? 0 : 1);
    return true;
}

void FileRemover::finish() noexcept {
    if (child_.pid() <= 0) return;
    try {
        const kernel::ExitStatus status = child_.wait();
        if (status.shell_code() == 0) return;
    } catch (const std::exception&) {
        child_.release();  // it is not there any more
    }
    (void)remove_here(dir_fd_, name_);  // where that fails, too, a piece more is there
}

}  // namespace sandbox::store
