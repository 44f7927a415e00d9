// -v and --tmpfs. --mount is in mount_csv.cpp.
#include "engine/flags/mount_flags.hpp"

#include <algorithm>

#include "engine/flags/flag_error.hpp"
#include "engine/flags/mount_options.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/volume_store.hpp"

namespace sandbox::engine {
namespace {

constexpr std::string_view kVolumeFlag = "--volume";
constexpr std::string_view kTmpfsFlag = "--tmpfs";

const std::vector<std::string>& volume_option_words() {
    static const std::vector<std::string> words{
        "ro",      "rw",        "z",        "Z",      "exec",  "noexec",     "suid",
        "nosuid",  "nodev",     "nocopy",   "copy",   "bind",  "rbind",      "cached",
        "private", "delegated", "rprivate", "rslave", "slave", "consistent", "owners"};
    return words;
}

void apply_volume_option(MountWish& mount, std::string_view word, std::string_view typed) {
    MountSpec& spec = mount.spec;
    const bool is_bind = spec.kind == MountSpec::Kind::bind;
    if (apply_common_option(spec, word)) return;
    if (apply_propagation(mount, word, kVolumeFlag, typed)) return;
    // SELinux labels and the hints of docker's desktop: without effect, and harmless.
    if (word == "z" || word == "Z" || word == "cached" || word == "delegated" ||
        word == "consistent" || word == "copy" || word == "rbind") {
        return;
    }
    if (word == "bind") {
        spec.recursive = false;
        return;
    }
    if (word == "owners") {
        if (!is_bind) {
            throw_bad_flag(kVolumeFlag, typed, "\"owners\" is for a host path: a volume has them");
        }
        spec.mark_owners = true;
        return;
    }
    if (word == "nocopy") {
        if (is_bind) {
            throw_bad_flag(kVolumeFlag, typed, "\"nocopy\" is for volumes, not for a host path");
        }
        spec.seed = false;
        return;
    }
    const auto nearest = base::try_nearest(word, volume_option_words());
    throw_bad_flag(kVolumeFlag, typed, "unknown option " + base::quote(word),
                   nearest ? "did you mean \"" + *nearest + "\"?"
                           : "options are ro, rw, exec, noexec, owners, nocopy, z and Z");
}

// The host side of -v: a path, or a volume's name.
void apply_source(MountWish& mount, std::string_view source, const std::string& current_dir) {
    MountSpec& spec = mount.spec;
    if (source.front() == '/' || source == "." || source == ".." || source.starts_with("./") ||
        source.starts_with("../")) {
        spec.kind = MountSpec::Kind::bind;
        spec.source = source.front() == '/'
                          ? base::clean_path(source)
                          : base::clean_path(current_dir + "/" + std::string(source));
        spec.create_source = true;
        return;
    }
    if (source.front() == '~') {
        throw_bad_flag(kVolumeFlag, mount.typed, "\"~\" was not replaced by the shell",
                       "write \"$HOME" + std::string(source.substr(1)) + "\"");
    }
    if (source.find('/') != std::string_view::npos) {
        throw_bad_flag(kVolumeFlag, mount.typed,
                       base::quote(source) + " is neither a volume name nor a host path",
                       "write \"./" + std::string(source) + "\" for a path");
    }
    try {
        store::VolumeStore::check_name(source);
    } catch (const base::Error& error) {
        throw_bad_flag(kVolumeFlag, mount.typed, error.message(),
                       "a host path begins with \"/\" or \"./\"");
    }
    spec.kind = MountSpec::Kind::volume;
    spec.volume_name = source;
    spec.seed = true;
}

}  // namespace

MountWish parse_volume_flag(std::string_view text, const std::string& current_dir) {
    MountWish mount;
    mount.typed = text;
    if (text.empty() || text.find('\0') != std::string_view::npos) {
        throw_bad_flag(kVolumeFlag, text, "empty", "HOST_PATH:PATH[:ro], NAME:PATH or PATH");
    }
    const std::vector<std::string> parts = base::split(text, ':');
    if (parts.size() == 1) {
        mount.spec.kind = MountSpec::Kind::volume;
        mount.spec.seed = true;
        mount.spec.target = check_mount_target(parts[0], kVolumeFlag, text);
        return mount;
    }
    if (parts.size() > 3) {
        throw_bad_flag(kVolumeFlag, text, "more than two colons",
                       "use --mount type=bind,source=…,target=… for paths with a colon");
    }
    if (parts[0].empty()) throw_bad_flag(kVolumeFlag, text, "the part before the colon is empty");
    apply_source(mount, parts[0], current_dir);
    mount.spec.target = check_mount_target(parts[1], kVolumeFlag, text);
    if (parts.size() == 3) {
        for (const std::string& word : base::split(parts[2], ',')) {
            if (!word.empty()) apply_volume_option(mount, word, text);
        }
    }
    return mount;
}

MountWish parse_tmpfs_flag(std::string_view text) {
    MountWish mount;
    mount.typed = text;
    MountSpec& spec = mount.spec;
    spec.kind = MountSpec::Kind::tmpfs;
    spec.exec = false;  // docker's default for --tmpfs: noexec,nosuid,nodev
    const std::vector<std::string> parts = base::split(text, ':', 2);
    spec.target = check_mount_target(parts[0], kTmpfsFlag, text);
    if (parts.size() == 2) {
        for (const std::string& option : base::split(parts[1], ',')) {
            if (option.empty() || apply_tmpfs_option(spec, option, kTmpfsFlag, text)) continue;
            throw_bad_flag(kTmpfsFlag, text, "unknown option " + base::quote(option),
                           "options are size=, mode=, uid=, gid=, nr_inodes=, ro, exec and noexec");
        }
    }
    return mount;
}

}  // namespace sandbox::engine
