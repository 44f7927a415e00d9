#include "engine/files/copy_sides.hpp"

#include <fcntl.h>

#include <cerrno>

#include "engine/container_record.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;
namespace raw = base::raw;
using base::Error;
using base::SysError;
using base::UniqueFd;

Error not_found(const std::string& path, const std::string& container) {
    if (container.empty()) {
        return base::NotFoundError("stat " + base::quote(path) + ": no such file or directory");
    }
    return base::NotFoundError("could not find the file " + base::quote(path) + " in container " +
                               base::quote(container) + ": no such file or directory");
}

bool is_missing(const SysError& error) {
    return error.errnum() == ENOENT || error.errnum() == ENOTDIR;
}

Located find_source(const SourceWish& wish) {
    const bool follow = wish.follow_link || wish.path.asserts_directory();
    try {
        Located source = locate(wish.path.text, follow, wish.container.empty());
        if (source.exists) return source;
    } catch (const SysError& error) {
        if (!is_missing(error)) throw;
    }
    throw not_found(wish.path.typed, wish.container);
}

Located find_target(const TargetWish& wish) {
    try {
        return locate(wish.path.text, true, wish.container.empty());
    } catch (const SysError& error) {
        if (!is_missing(error)) throw;
        const std::string dir = wish.path.text.substr(0, wish.path.text.rfind('/'));
        if (!wish.container.empty()) throw not_found(dir.empty() ? "/" : dir, wish.container);
        throw Error("invalid output path: directory " + base::quote(dir) + " does not exist",
                    "make it first: no such file or directory");
    }
}

// Answers the directory that the tar's names are below, and sets how they are renamed: docker's
// table of what is copied onto what.
UniqueFd choose_directory(TargetWish& wish, const Located& target) {
    const auto open_dir = [](int parent_fd, const char* name) {
        const int rc = raw::openat(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (rc < 0) throw SysError(-rc, "open the target directory");
        return UniqueFd(rc);
    };
    if (target.is_dir()) return open_dir(target.parent.get(), target.name.c_str());
    const std::string shown =
        wish.container.empty() ? wish.path.typed : wish.container + ":" + wish.path.typed;
    if (wish.from_stream) {
        throw Error("destination " + base::quote(shown) + " must be a directory",
                    "a tar stream is extracted into a directory that exists");
    }
    if (target.exists) {
        if (wish.path.asserts_directory()) throw Error(base::quote(shown) + ": not a directory");
        if (wish.source_is_dir) {
            throw Error("cannot copy directory " + base::quote(wish.source_name) + " to the file " +
                        base::quote(shown));
        }
        if (!S_ISREG(target.info.st_mode)) {
            throw Error("destination " + base::quote(shown) +
                        " must be a directory or a regular file");
        }
    } else if (!wish.source_is_dir && wish.path.asserts_directory()) {
        throw Error("no such directory: " + base::quote(shown),
                    "make it first, or leave the final slash out");
    }
    wish.options.rename_from = wish.source_name;
    wish.options.rename_to = target.name;
    return open_dir(target.parent.get(), ".");
}

[[noreturn]] void explain_read_only(int target_fd, const SysError& error) {
    struct stat root {
    }, target{};
    if (::stat("/", &root) == 0 && ::fstat(target_fd, &target) == 0) {
        throw Error(root.st_dev == target.st_dev ? "container rootfs is marked read-only"
                                                 : "mounted volume is marked read-only");
    }
    throw error;
}

}  // namespace

json::Value report_words(const image::FileReport& report) {
    return json::Object{{"bytes", report.bytes},
                        {"entries", report.entries},
                        {"notices", report.notices},
                        {"failures", report.failures}};
}

image::FileReport parse_report(const json::Value& words) {
    image::FileReport report;
    report.bytes = words["bytes"].try_u64().value_or(0);
    report.entries = words["entries"].try_u64().value_or(0);
    report.notices = words["notices"].strings();
    report.failures = words["failures"].strings();
    return report;
}

json::Value run_source(const WorkerLink& link, const SourceWish& wish) {
    const Located source = find_source(wish);
    if (wish.path.asserts_directory() && !source.is_dir()) {
        throw Error(base::quote(wish.shown) + ": not a directory");
    }
    const bool whole = wish.path.contents || wish.path.text == "/";
    link.tell(json::Object{{"is_dir", source.is_dir()},
                           {"name", whole ? std::string() : wish.path.name()}});
    link.wait_go();
    // The host's files are read with the caller's own rights.
    image::confine_file_work(wish.container.empty() ? 0 : image::kFileCapabilities,
                             {link.fd(), wish.out_fd, source.parent.get()});
    image::ArchiveOptions options;
    options.owners = &wish.owners;
    options.table = &wish.table;
    image::TreeArchive archive(wish.out_fd, options);
    archive.add(source.parent.get(), source.name, wish.path.contents ? "./" : wish.path.name(),
                wish.path.text.substr(1));
    return report_words(archive.finish());
}

json::Value run_target(const WorkerLink& link, TargetWish wish) {
    UniqueFd directory = choose_directory(wish, find_target(wish));
    link.tell(json::Object{{"ready", true}});
    kernel::CapabilitySet capabilities = image::kFileCapabilities;
    if (wish.container.empty()) {
        // From here on the target directory is all there is. Root keeps what it takes to write
        // where others own; anybody else is as before.
        if (const int rc = raw::fchdir(directory.get()); rc < 0) {
            throw SysError(-rc, "enter", base::quote(wish.path.typed));
        }
        image::pivot_into_tree();
        directory = base::open_dir("/");
        if (::geteuid() != 0) capabilities = 0;
    }
    image::confine_file_work(capabilities, {link.fd(), wish.in_fd, directory.get()});
    try {
        return report_words(image::extract_tree(wish.in_fd, directory.get(), wish.options));
    } catch (const SysError& error) {
        if (error.errnum() != EROFS || wish.container.empty()) throw;
        explain_read_only(directory.get(), error);
    }
}

}  // namespace sandbox::engine
