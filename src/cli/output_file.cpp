#include "cli/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "sandbox/base/fs.hpp"
#include "sandbox/base/temp_dir.hpp"

namespace sandbox::cli {

void write_to_file(const std::string& path, mode_t mode, const std::function<void(int fd)>& write) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
        const base::UniqueFd fd = base::open_at(AT_FDCWD, path, O_WRONLY);
        write(fd.get());
        return;
    }
    const size_t slash = path.rfind('/');
    const base::UniqueFd dir =
        base::open_dir(slash == std::string::npos ? "." : path.substr(0, slash + 1));
    base::StagedFile file(dir.get(), mode);
    write(file.fd());
    file.commit(dir.get(), slash == std::string::npos ? path : path.substr(slash + 1));
}

}  // namespace sandbox::cli
