// --mount type=bind|volume|tmpfs,key=value,…: one CSV record, as docker reads it.
#include <algorithm>
#include <array>

#include "engine/flags/flag_error.hpp"
#include "engine/flags/mount_flags.hpp"
#include "engine/flags/mount_options.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/volume_store.hpp"

namespace sandbox::engine {
namespace {

constexpr std::string_view kFlag = "--mount";

// RFC 4180: a field in double quotes may hold commas; "" inside is one quote.
std::vector<std::string> split_csv(std::string_view text) {
    std::vector<std::string> fields(1);
    size_t at = 0;
    while (at < text.size()) {
        if (text[at] == ',') {
            fields.emplace_back();
            ++at;
        } else if (text[at] == '"' && fields.back().empty()) {
            size_t end = at + 1;
            for (;; ++end) {
                if (end >= text.size()) throw_bad_flag(kFlag, text, "a quote is not closed");
                if (text[end] == '"') {
                    if (end + 1 >= text.size() || text[end + 1] != '"') break;
                    ++end;
                }
                fields.back() += text[end];
            }
            at = end + 1;
        } else {
            fields.back() += text[at++];
        }
    }
    return fields;
}

bool parse_bool(std::string_view value, std::string_view key, std::string_view typed) {
    const std::string word = base::to_lower(value);
    if (word.empty() || word == "true" || word == "1" || word == "t") return true;
    if (word == "false" || word == "0" || word == "f") return false;
    throw_bad_flag(kFlag, typed, std::string(key) + " must be true or false");
}

const std::vector<std::string>& known_keys() {
    static const std::vector<std::string> keys{"type",
                                               "source",
                                               "src",
                                               "target",
                                               "dst",
                                               "destination",
                                               "readonly",
                                               "ro",
                                               "consistency",
                                               "bind-propagation",
                                               "bind-nonrecursive",
                                               "bind-recursive",
                                               "bind-create-src",
                                               "bind-owners",
                                               "volume-nocopy",
                                               "volume-label",
                                               "volume-driver",
                                               "volume-opt",
                                               "tmpfs-size",
                                               "tmpfs-mode",
                                               "relabel",
                                               "exec",
                                               "noexec",
                                               "suid",
                                               "nosuid",
                                               "nodev"};
    return keys;
}

struct Field {
    std::string key;
    std::string value;
    bool has_value = false;
};

struct Parser {
    std::string_view typed;
    const std::string& current_dir;
    MountWish mount;
    std::string source;

    [[noreturn]] void fail(const std::string& why, std::string hint = {}) const {
        throw_bad_flag(kFlag, typed, why, std::move(hint));
    }
    void want_kind(MountSpec::Kind kind, const Field& field, const char* name) const {
        if (mount.spec.kind != kind) {
            fail("\"" + field.key + "\" is for type=" + name + " only");
        }
    }
    void apply(const Field& field);
    bool apply_general(const Field& field);
    bool apply_bind(const Field& field);
    bool apply_volume(const Field& field);
    bool apply_tmpfs(const Field& field);
    void finish();
};

bool Parser::apply_general(const Field& field) {
    MountSpec& spec = mount.spec;
    const std::string& key = field.key;
    if (key == "type" || key == "consistency" || key == "relabel") return true;
    if (key == "source" || key == "src") {
        source = field.value;
    } else if (key == "target" || key == "dst" || key == "destination") {
        spec.target = check_mount_target(field.value, kFlag, typed);
    } else if (key == "readonly" || key == "ro") {
        spec.read_only = parse_bool(field.value, key, typed);
    } else if (key == "rw") {
        spec.read_only = !parse_bool(field.value, key, typed);
    } else {
        return !field.has_value && apply_common_option(spec, key);
    }
    return true;
}

bool Parser::apply_bind(const Field& field) {
    const std::string& key = field.key;
    if (!key.starts_with("bind-")) return false;
    want_kind(MountSpec::Kind::bind, field, "bind");
    if (key == "bind-propagation") {
        if (!apply_propagation(mount, field.value, kFlag, typed)) {
            fail("unknown propagation " + base::quote(field.value), "use private or rprivate");
        }
    } else if (key == "bind-nonrecursive") {
        mount.spec.recursive = !parse_bool(field.value, key, typed);
    } else if (key == "bind-owners") {
        mount.spec.mark_owners = parse_bool(field.value, key, typed);
    } else if (key == "bind-create-src") {
        mount.spec.create_source = parse_bool(field.value, key, typed);
    } else if (key == "bind-recursive") {
        // "writable" would leave mounts below a read-only bind writable; ours never are.
        if (field.value == "disabled") {
            mount.spec.recursive = false;
        } else if (field.value != "enabled" && field.value != "readonly") {
            fail("bind-recursive must be enabled, disabled or readonly");
        }
    } else {
        return false;
    }
    return true;
}

bool Parser::apply_volume(const Field& field) {
    const std::string& key = field.key;
    if (!key.starts_with("volume-")) return false;
    want_kind(MountSpec::Kind::volume, field, "volume");
    if (key == "volume-nocopy") {
        mount.spec.seed = !parse_bool(field.value, key, typed);
    } else if (key == "volume-label") {
        const size_t equals = field.value.find('=');
        mount.volume_labels[field.value.substr(0, equals)] =
            equals == std::string::npos ? "" : field.value.substr(equals + 1);
    } else if (key == "volume-driver") {
        if (field.value != "local") {
            fail("volume driver " + base::quote(field.value) + " does not exist",
                 "the only driver is local");
        }
    } else if (key == "volume-opt") {
        fail("volume-opt needs root for its mounts", "use type=bind or type=tmpfs");
    } else {
        return false;
    }
    return true;
}

bool Parser::apply_tmpfs(const Field& field) {
    const std::string& key = field.key;
    if (!key.starts_with("tmpfs-")) return false;
    want_kind(MountSpec::Kind::tmpfs, field, "tmpfs");
    if (key == "tmpfs-size" && field.value == "0") return true;  // docker: no limit of its own
    if (key == "tmpfs-size" || key == "tmpfs-mode") {
        return apply_tmpfs_option(mount.spec, key.substr(6) + "=" + field.value, kFlag, typed);
    }
    return false;
}

void Parser::apply(const Field& field) {
    if (apply_general(field) || apply_bind(field) || apply_volume(field) || apply_tmpfs(field)) {
        return;
    }
    const auto nearest = base::try_nearest(field.key, known_keys());
    fail("unknown key " + base::quote(field.key),
         nearest ? "did you mean \"" + *nearest + "\"?" : "");
}

void Parser::finish() {
    MountSpec& spec = mount.spec;
    if (spec.target.empty()) fail("target is missing", "add target=/path/in/the/container");
    if (spec.kind == MountSpec::Kind::tmpfs) {
        if (!source.empty()) fail("a tmpfs has no source");
    } else if (spec.kind == MountSpec::Kind::bind) {
        if (source.empty()) fail("source is missing", "add source=/path/on/the/host");
        if (source.front() == '~') {
            fail("\"~\" was not replaced by the shell", "write $HOME instead");
        }
        spec.source = source.front() == '/' ? base::clean_path(source)
                                            : base::clean_path(current_dir + "/" + source);
    } else if (!source.empty()) {
        try {
            store::VolumeStore::check_name(source);
        } catch (const base::Error& error) {
            fail(error.message(), "for a host path use type=bind");
        }
        spec.volume_name = source;
    }
}

std::vector<Field> parse_fields(std::string_view text) {
    std::vector<Field> fields;
    for (const std::string& entry : split_csv(text)) {
        if (entry.empty()) throw_bad_flag(kFlag, text, "an empty field");
        const size_t equals = entry.find('=');
        Field field;
        field.key = base::to_lower(entry.substr(0, equals));
        field.has_value = equals != std::string::npos;
        if (field.has_value) field.value = entry.substr(equals + 1);
        fields.push_back(std::move(field));
    }
    return fields;
}

}  // namespace

MountWish parse_mount_flag(std::string_view text, const std::string& current_dir) {
    if (text.empty() || text.find('\0') != std::string_view::npos) {
        throw_bad_flag(kFlag, text, "empty", "type=bind,source=/host/path,target=/path");
    }
    const std::vector<Field> fields = parse_fields(text);
    Parser parser{text, current_dir, {}, {}};
    parser.mount.typed = text;
    MountSpec& spec = parser.mount.spec;
    spec.kind = MountSpec::Kind::volume;  // docker's default
    for (const Field& field : fields) {
        if (field.key != "type") continue;
        if (field.value == "bind") {
            spec.kind = MountSpec::Kind::bind;
        } else if (field.value == "tmpfs") {
            spec.kind = MountSpec::Kind::tmpfs;
            spec.exec = false;
        } else if (field.value != "volume") {
            parser.fail("unknown type " + base::quote(field.value),
                        "type is bind, volume or tmpfs");
        }
    }
    spec.seed = spec.kind == MountSpec::Kind::volume;
    for (const Field& field : fields) parser.apply(field);
    parser.finish();
    return std::move(parser.mount);
}

}  // namespace sandbox::engine
