#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/exec.hpp"
#include "sandbox/engine/files.hpp"
#include "sandbox/project/file_watch.hpp"

namespace sandbox::project {
namespace {

// Where `path` lies inside; a watched file's target is its name, or the directory that it goes to.
std::string target_of(const Watch& watch, const std::string& path) {
    std::string target = watch.target;
    if (path == watch.path) {
        return target.ends_with("/") ? target + path.substr(path.rfind('/') + 1) : target;
    }
    while (target.ends_with("/")) target.pop_back();
    return target + path.substr(watch.path.size());
}

// As root of the container: files that come with cp are root's too.
void do_inside(const store::Store& store, const std::string& container,
               std::vector<std::string> command, const std::vector<std::string>& paths) {
    if (paths.empty()) return;
    engine::ExecRequest request;
    request.container = container;
    request.command = std::move(command);
    const std::string program = request.command.front();
    request.command.insert(request.command.end(), paths.begin(), paths.end());
    request.user = "0";
    request.tty = false;
    const int code = engine::exec_in_container(store, request);
    if (code == 0) return;
    throw base::Error(program + " " + base::join(paths, " ") + " inside has ended with " +
                      std::to_string(code));
}

void copy_inside(const store::Store& store, const std::string& container, const std::string& path,
                 std::string target) {
    engine::CopyRequest request;
    request.from = {std::nullopt, path};
    request.to = {container, std::move(target)};
    const image::FileReport report = engine::copy_files(store, request);
    if (!report.failures.empty()) throw base::Error(report.failures.front());
}

// As compose does it: into a directory that need not be there yet.
void copy_or_make_room(const store::Store& store, const std::string& container,
                       const std::string& path, const std::string& target) {
    try {
        copy_inside(store, container, path, target);
        return;
    } catch (const base::Error&) {
        // Again when there is a place for it.
    }
    do_inside(store, container, {"mkdir", "-p", "--"},
              {target.substr(0, std::max<size_t>(target.rfind('/'), 1))});
    copy_inside(store, container, path, target);
}

}  // namespace

void sync_into(const store::Store& store, const std::string& container_id,
               const WatchChange& change) {
    std::vector<std::string> gone, directories;
    std::vector<std::pair<std::string, std::string>> files;  // and where they go
    for (const std::string& path : change.paths) {
        const std::string target = target_of(*change.watch, path);
        struct stat status {};
        if (::fstatat(AT_FDCWD, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
            gone.push_back(target);
        } else if (S_ISDIR(status.st_mode)) {
            directories.push_back(target);  // what is in it and counts has changed as well
        } else {
            files.emplace_back(path, target);
        }
    }
    do_inside(store, container_id, {"rm", "-rf", "--"}, gone);
    do_inside(store, container_id, {"mkdir", "-p", "--"}, directories);
    std::optional<base::Error> failure;
    for (const auto& [path, target] : files) {
        try {
            copy_or_make_room(store, container_id, path, target);
        } catch (const base::Error& error) {
            if (!failure) failure = error;
        }
    }
    if (failure) throw base::Error(*failure);
}

}  // namespace sandbox::project
