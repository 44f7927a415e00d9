#include "sandbox/base/xdg.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::base {
namespace {

constexpr size_t kMaxPasswdBytes = 16u << 20;

// The line "name:password:uid:gid:comment:home:shell" of `uid`, when there is one.
std::optional<std::vector<std::string>> try_passwd_line(uid_t uid) {
    const auto text = try_read_file_at(AT_FDCWD, "/etc/passwd", kMaxPasswdBytes);
    if (!text) return std::nullopt;
    std::string_view rest = *text;
    while (!rest.empty()) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        auto fields = split(rest.substr(0, end), ':');
        if (fields.size() >= 6 && try_parse_u64(fields[2]) == std::uint64_t{uid}) return fields;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return std::nullopt;
}

bool is_absolute(const std::optional<std::string>& path) {
    return path && path->front() == '/';
}

std::string home_dir() {
    auto home = try_env("HOME");
    return is_absolute(home) ? *std::move(home) : host_user().home;
}

// The base directory specification: a relative path in a variable is to be ignored.
std::string base_dir(const char* variable, std::string_view below_home) {
    auto dir = try_env(variable);
    if (is_absolute(dir)) return *std::move(dir);
    return home_dir().append("/").append(below_home);
}

enum class DirState { ours, missing, not_ours };
DirState private_dir_state(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
        return errno == ENOENT ? DirState::missing : DirState::not_ours;
    }
    const bool ours =
        S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() && (info.st_mode & 07777) == 0700;
    return ours ? DirState::ours : DirState::not_ours;
}

}  // namespace

std::optional<std::string> try_env(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
}

HostUser host_user() {
    HostUser user;
    user.uid = ::getuid();
    user.gid = ::getgid();
    user.name = std::to_string(user.uid);
    user.home = "/";
    const auto line = try_passwd_line(user.uid);
    if (line) {
        user.name = (*line)[0];
        if (!(*line)[5].empty() && (*line)[5].front() == '/') user.home = (*line)[5];
    }
    auto home = try_env("HOME");
    if (is_absolute(home)) user.home = *std::move(home);
    return user;
}

std::string data_home() {
    return base_dir("XDG_DATA_HOME", ".local/share");
}
std::string config_home() {
    return base_dir("XDG_CONFIG_HOME", ".config");
}
std::string cache_home() {
    return base_dir("XDG_CACHE_HOME", ".cache");
}

std::string runtime_dir() {
    auto from_env = try_env("XDG_RUNTIME_DIR");
    if (is_absolute(from_env) && private_dir_state(*from_env) == DirState::ours) return *from_env;
    const std::string uid = std::to_string(::geteuid());
    std::string of_system = "/run/user/" + uid;
    if (private_dir_state(of_system) == DirState::ours) return of_system;

    // /tmp is everybody's: a directory that somebody else laid there before us is refused.
    std::string own = "/tmp/sandbox-runtime-" + uid;
    const int rc = raw::mkdirat(AT_FDCWD, own.c_str(), 0700);
    if (rc < 0 && rc != -EEXIST) throw SysError(-rc, "make directory", quote(own));
    if (private_dir_state(own) != DirState::ours) {
        throw Error(
            "runtime directory " + quote(own) + " is not a directory of yours with mode 0700",
            "remove it, or set XDG_RUNTIME_DIR to a private directory");
    }
    return own;
}

}  // namespace sandbox::base
