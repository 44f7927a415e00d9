#include "registry/credentials.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "registry/credential_helper.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/xdg.hpp"

namespace sandbox::registry {

namespace {

namespace log = base::log;
constexpr size_t kMaxAuthFileBytes = 1u << 20;
constexpr mode_t kOthers = 077;
constexpr const char* kOwnName = "auth.json";

std::string own_dir() {
    return base::config_home() + "/sandbox";
}

struct stat stat_of(int fd, const std::string& path) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) throw base::SysError(errno, "look at", base::quote(path));
    return status;
}

// Opened without following a link, so that what is judged is what is read.
std::optional<base::UniqueFd> try_open_own(const std::string& path) {
    const int rc =
        base::raw::openat(AT_FDCWD, path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (rc == -ENOENT || rc == -ENOTDIR) return std::nullopt;
    if (rc == -ELOOP) {
        throw base::Error("auth file " + base::quote(path) + " is a symbolic link",
                          "put a plain file of your own in its place");
    }
    if (rc < 0) throw base::SysError(-rc, "open auth file", base::quote(path));
    return base::UniqueFd(rc);
}

void repair_mode(int fd, const struct stat& status, mode_t wanted, const std::string& path) {
    if ((status.st_mode & kOthers) == 0) return;
    if (const int rc = base::raw::fchmod(fd, wanted); rc < 0) {
        throw base::SysError(-rc, "make private", base::quote(path));
    }
    log::notice("auth file: other users had access to " + base::quote(path) +
                "; it is now private, but what it held may have been read");
}

}  // namespace

std::string own_auth_path() {
    return own_dir() + "/" + kOwnName;
}

std::optional<AuthFile> try_load_own_auth_file() {
    const std::string path = own_auth_path();
    const auto fd = try_open_own(path);
    if (!fd) return std::nullopt;
    const struct stat status = stat_of(fd->get(), path);
    if (!S_ISREG(status.st_mode)) {
        throw base::Error("auth file " + base::quote(path) + " is no regular file");
    }
    if (status.st_uid != ::geteuid()) {
        throw base::Error("auth file " + base::quote(path) + " belongs to another user",
                          "remove it and log in again");
    }
    repair_mode(fd->get(), status, 0600, path);
    return base::with_context("auth file " + base::quote(path), [&] {
        return AuthFile::parse(base::read_fd(fd->get(), kMaxAuthFileBytes));
    });
}

void save_own_auth_file(const AuthFile& file) {
    const std::string dir = own_dir();
    base::make_dirs(dir, 0700);
    const base::UniqueFd dir_fd = base::open_dir(dir);
    const struct stat status = stat_of(dir_fd.get(), dir);
    if (status.st_uid != ::geteuid()) {
        throw base::Error("directory " + base::quote(dir) + " belongs to another user");
    }
    if ((status.st_mode & kOthers) != 0) {
        if (const int rc = base::raw::fchmod(dir_fd.get(), 0700); rc < 0) {
            throw base::SysError(-rc, "make private", base::quote(dir));
        }
    }
    base::write_file_atomic(dir_fd.get(), kOwnName, file.str(), 0600, base::Durability::synced);
}

std::vector<std::string> foreign_auth_paths(const Environment& environment) {
    std::vector<std::string> paths;
    const auto value = [&](const char* name) { return environment(name).value_or(""); };
    if (!value("REGISTRY_AUTH_FILE").empty()) paths.push_back(value("REGISTRY_AUTH_FILE"));
    if (!value("XDG_RUNTIME_DIR").empty()) {
        paths.push_back(value("XDG_RUNTIME_DIR") + "/containers/auth.json");
    }
    paths.push_back(base::config_home() + "/containers/auth.json");
    if (!value("DOCKER_CONFIG").empty()) {
        paths.push_back(value("DOCKER_CONFIG") + "/config.json");
    } else {
        paths.push_back(base::host_user().home + "/.docker/config.json");
    }
    return paths;
}

std::optional<AuthFile> try_load_foreign_auth_file(const std::string& path) {
    const int rc = base::raw::openat(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (rc == -ENOENT || rc == -ENOTDIR) return std::nullopt;
    const auto ignore = [&](const std::string& why) {
        log::warning_once(path, "logins in " + base::quote(path) + " are not used: " + why);
        return std::nullopt;
    };
    if (rc < 0) return ignore(base::errno_text(-rc));
    const base::UniqueFd fd(rc);
    const struct stat status = stat_of(fd.get(), path);
    if (!S_ISREG(status.st_mode)) return ignore("it is no regular file");
    if (status.st_uid != ::geteuid() && status.st_uid != 0) {
        return ignore("it belongs to another user");
    }
    try {
        AuthFile file = AuthFile::parse(base::read_fd(fd.get(), kMaxAuthFileBytes));
        if ((status.st_mode & kOthers) != 0 && file.holds_secrets()) {
            return ignore("other users can read it (chmod 600 cures that)");
        }
        return file;
    } catch (const base::Error& error) {  // malformed or too large: somebody else's to mend
        return ignore(error.message());
    }
}

void Credentials::load() {
    if (loaded_) return;
    if (auto own = try_load_own_auth_file()) {
        sources_.push_back({own_auth_path(), std::move(*own)});
    }
    for (const std::string& path : foreign_auth_paths(environment_)) {
        if (auto file = try_load_foreign_auth_file(path)) {
            sources_.push_back({path, std::move(*file)});
        }
    }
    loaded_ = true;
}

std::optional<Credential> Credentials::try_find(const std::string& registry,
                                                const std::string& repository) {
    load();
    for (const Source& source : sources_) {
        if (auto found = try_find_in(source, canonical_registry(registry), repository)) {
            log::debug("using the login for " + base::quote(registry) + " from " +
                       base::quote(source.path));
            return found;
        }
    }
    return std::nullopt;
}

std::optional<Credential> Credentials::try_find_in(const Source& source,
                                                   const std::string& registry,
                                                   const std::string& repository) {
    const std::string helper = source.file.helper_for(registry);
    if (!helper.empty()) {
        auto [it, fresh] = helper_answers_.try_emplace(helper + " " + registry);
        if (fresh) {
            const HelperAnswer answer = ask_helper(helper, registry);
            const std::string program = base::quote("docker-credential-" + helper);
            switch (answer.kind) {
                case HelperAnswer::Kind::found:
                    it->second = answer.credential;
                    break;
                case HelperAnswer::Kind::not_found:
                    break;
                case HelperAnswer::Kind::helper_missing:
                    log::warning_once("helper " + helper, "credential helper " + program + " of " +
                                                              base::quote(source.path) +
                                                              " is not there; going on without it");
                    break;
                case HelperAnswer::Kind::helper_failed:
                    log::warning_once("helper " + helper, "credential helper " + program +
                                                              " failed (" + answer.reason +
                                                              "); going on without it");
                    break;
            }
        }
        if (it->second) return it->second;
    }
    try {
        return source.file.try_find(registry, repository);
    } catch (const base::IntegrityError& error) {  // one bad entry: as if it were not there
        log::warning_once(source.path, base::quote(source.path) + ": " + error.message());
        return std::nullopt;
    }
}

void Credentials::store(const std::string& registry, const Credential& credential) {
    AuthFile file = try_load_own_auth_file().value_or(AuthFile{});
    const std::string helper = file.helper_for(registry);
    if (!helper.empty()) {
        store_with_helper(helper, canonical_registry(registry), credential);
    } else {
        file.set(registry, credential);
        save_own_auth_file(file);
    }
    loaded_ = false;
    sources_.clear();
    helper_answers_.clear();
}

bool Credentials::remove(const std::string& registry) {
    auto file = try_load_own_auth_file();
    if (!file) return false;
    const std::string helper = file->helper_for(registry);
    bool removed = false;
    if (!helper.empty() &&
        ask_helper(helper, canonical_registry(registry)).kind == HelperAnswer::Kind::found) {
        erase_with_helper(helper, canonical_registry(registry));
        removed = true;
    }
    if (file->remove(registry)) {
        save_own_auth_file(*file);
        removed = true;
    }
    loaded_ = false;
    sources_.clear();
    helper_answers_.clear();
    return removed;
}

bool Credentials::remove_all() {
    auto file = try_load_own_auth_file();
    if (!file || file->registries().empty()) return false;
    file->remove_all();
    save_own_auth_file(*file);
    loaded_ = false;
    sources_.clear();
    return true;
}

}  // namespace sandbox::registry
