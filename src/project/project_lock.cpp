#include "project_lock.hpp"

#include <fcntl.h>

#include <cerrno>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"

namespace sandbox::project {

base::UniqueFd open_projects(const store::Store& store) {
    if (!base::exists_at(store.root_fd(), kProjectsDirectory)) {
        try {
            base::make_dir_at(store.root_fd(), kProjectsDirectory, 0700);
        } catch (const base::SysError& error) {
            if (error.errnum() != EEXIST) throw;  // another command was faster
        }
    }
    return base::open_at(store.root_fd(), kProjectsDirectory, O_RDONLY | O_DIRECTORY);
}

base::FileLock lock_project(const store::Store& store, const std::string& name) {
    const base::UniqueFd directory = open_projects(store);
    return base::FileLock::acquire(directory.get(), name + ".lock", base::LockMode::exclusive,
                                   "waiting for another command on project " + name);
}

}  // namespace sandbox::project
