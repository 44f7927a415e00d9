// Ports and volumes of a service: Compose's short and long forms become what `run` takes.
#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <optional>

#include "sandbox/base/strings.hpp"
#include "sandbox/net/published_port.hpp"
#include "service_values.hpp"

namespace sandbox::project {
namespace {

using base::quote;

struct PortDraft {
    std::int64_t target = 0;
    std::string published, host_ip, protocol;
};
struct VolumeDraft {
    std::string type, source, target, size;
    std::optional<std::uint32_t> mode;
    bool read_only = false, no_copy = false;
    std::optional<bool> create_host_path;
    bool recursive = true;
    std::vector<std::string> labels;  // "NAME=value"
    // What cannot be done, with its place and the cure: it stands in the way of its service only.
    struct Vain {
        std::string what;
        Place at;
        std::string cure;
    };
    std::optional<Vain> vain;
};

void ignore(Reader&, const Node&, PortDraft&) {}

constexpr std::string_view kTypes = "bind|volume|tmpfs|image|npipe|cluster";

void read_type(Reader& reader, const Node& node, VolumeDraft& volume) {
    volume.type = reader.choice(node, kTypes);
    if (volume.type == "image") {
        volume.vain = {"\"type: image\"", node.at,
                       "copy what is needed into a volume, with a task of that image"};
    } else if (volume.type == "npipe" || volume.type == "cluster") {
        volume.vain = {"\"type: " + volume.type + "\"", node.at, "use bind, volume or tmpfs"};
    }
}

void read_recursive(Reader& reader, const Node& node, VolumeDraft& volume) {
    const std::string word = reader.choice(node, "enabled|disabled|writable|readonly");
    volume.recursive = word != "disabled";
    if (word == "writable") {
        volume.vain = {"\"recursive: writable\"", node.at,
                       "mounts below a read-only bind are read-only, too: bind them one by one"};
    }
}

void read_subpath(Reader& reader, const Node& node, VolumeDraft& volume) {
    if (reader.text(node).empty()) return;
    volume.vain = {"\"subpath\"", node.at, "use the whole volume, or a volume for each part"};
}

void read_mount_labels(Reader& reader, const Node& node, VolumeDraft& volume) {
    for (const Reader::Pair& pair : reader.pairs(node)) {
        volume.labels.push_back(pair.name + "=" + pair.value.value_or(""));
    }
}

// clang-format off
constexpr Key<PortDraft> kPortKeys[] = {
    {{"target", Kind::integer, "The port inside."},
     [](Reader& r, const Node& n, PortDraft& p) { p.target = r.integer(n, 1, 65535); }},
    {{"published", Kind::scalar, "The port or range on the host; without it, a free one."},
     [](Reader& r, const Node& n, PortDraft& p) { p.published = r.scalar(n); }},
    {{"host_ip", Kind::text, "The host's address; 127.0.0.1 without it."},
     [](Reader& r, const Node& n, PortDraft& p) { p.host_ip = r.text(n); }},
    {{"protocol", Kind::choice, "tcp or udp.", "tcp|udp"},
     [](Reader& r, const Node& n, PortDraft& p) { p.protocol = r.choice(n, "tcp|udp"); }},
    {{"mode", Kind::text, "Accepted without effect."}, ignore},
    {{"name", Kind::text, "Accepted without effect."}, ignore},
    {{"app_protocol", Kind::text, "Accepted without effect."}, ignore},
};
constexpr Key<VolumeDraft> kBindKeys[] = {
    {{"create_host_path", Kind::boolean, "false: a missing source is an error."},
     [](Reader& r, const Node& n, VolumeDraft& v) { v.create_host_path = r.boolean(n); }},
    {{"propagation", Kind::text, "Accepted; binds are private."}, [](Reader&, const Node&, VolumeDraft&) {}},
    {{"recursive", Kind::choice, "Mounts below it, too, which is so without a word.", "enabled|disabled|writable|readonly"},
     read_recursive},
    {{"selinux", Kind::text, "Accepted without effect."}, [](Reader&, const Node&, VolumeDraft&) {}},
};
constexpr Key<VolumeDraft> kVolumeKeys[] = {
    {{"nocopy", Kind::boolean, "true: an empty volume is not filled from the image."},
     [](Reader& r, const Node& n, VolumeDraft& v) { v.no_copy = r.boolean(n); }},
    {{"labels", Kind::pairs, "Labels of a volume without a name."}, read_mount_labels},
    {{"subpath", Kind::text, "Refused: a volume is mounted as a whole."}, read_subpath},
};
void ignore_detail(Reader&, const Node&, VolumeDraft&) {}
constexpr Key<VolumeDraft> kImageKeys[] = {
    {{"subpath", Kind::text, "Refused, as the type."}, ignore_detail},
};
constexpr Key<VolumeDraft> kTmpfsKeys[] = {
    {{"size", Kind::size, "Its size."},
     [](Reader& r, const Node& n, VolumeDraft& v) { v.size = r.size(n); }},
    {{"mode", Kind::scalar, "Its mode, octal."},
     [](Reader& r, const Node& n, VolumeDraft& v) { v.mode = r.file_mode(n); }},
};

const KeyTable& bind_keys() { return table_of<kBindKeys>("bind", "A bind."); }
const KeyTable& named_keys() { return table_of<kVolumeKeys>("volume", "A named volume."); }
const KeyTable& image_mount_keys() { return table_of<kImageKeys>("image", "An image's files."); }
const KeyTable& tmpfs_keys() { return table_of<kTmpfsKeys>("tmpfs", "A file system in memory."); }

constexpr Key<VolumeDraft> kVolumeUseKeys[] = {
    {{"type", Kind::choice, "bind, volume or tmpfs; the others are refused.", kTypes}, read_type},
    {{"source", Kind::text, "A path on the host, or a volume's name."},
     [](Reader& r, const Node& n, VolumeDraft& v) { v.source = r.text(n); }},
    {{"target", Kind::text, "The path inside."},
     [](Reader& r, const Node& n, VolumeDraft& v) { v.target = r.text(n); }},
    {{"read_only", Kind::boolean, "It cannot be written to."},
     [](Reader& r, const Node& n, VolumeDraft& v) { v.read_only = r.boolean(n); }},
    {{"bind", Kind::table, "Details of a bind.", {}, bind_keys},
     [](Reader& r, const Node& n, VolumeDraft& v) { read_table(r, n, "bind", kBindKeys, bind_keys(), v); }},
    {{"volume", Kind::table, "Details of a volume.", {}, named_keys},
     [](Reader& r, const Node& n, VolumeDraft& v) { read_table(r, n, "volume", kVolumeKeys, named_keys(), v); }},
    {{"tmpfs", Kind::table, "Details of a tmpfs.", {}, tmpfs_keys},
     [](Reader& r, const Node& n, VolumeDraft& v) { read_table(r, n, "tmpfs", kTmpfsKeys, tmpfs_keys(), v); }},
    {{"image", Kind::table, "Refused, as the type.", {}, image_mount_keys},
     [](Reader& r, const Node& n, VolumeDraft& v) { read_table(r, n, "image", kImageKeys, image_mount_keys(), v); }},
    {{"consistency", Kind::text, "Accepted without effect."}, [](Reader&, const Node&, VolumeDraft&) {}},
};
// clang-format on

bool is_path(std::string_view source) {
    return source.starts_with("/") || source.starts_with("./") || source.starts_with("../") ||
           source == "." || source == ".." || source == "~" || source.starts_with("~/");
}

// One field of a --mount line: commas and quotes are CSV's.
std::string csv_field(const std::string& field) {
    if (field.find_first_of(",\"\n") == std::string::npos) return field;
    std::string quoted = "\"";
    for (const char c : field) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + "\"";
}

// Into SOURCE:TARGET[:OPTIONS]: its name in the store, or the directory of the host that it is.
void put_volume(const Project& project, const Volume& volume, std::vector<std::string>& parts) {
    if (volume.device.empty()) {
        parts[0] = project.scoped_name(volume);
        return;
    }
    parts[0] = volume.device;
    std::vector<std::string> options;
    if (parts.size() > 2) options = base::split(parts[2], ',');
    std::erase(options, "nocopy");  // a directory of the host is never filled
    if (volume.read_only) {
        std::erase(options, "rw");
        std::erase(options, "ro");
        options.emplace_back("ro");
    }
    parts.resize(2);
    if (!options.empty()) parts.push_back(base::join(options, ","));
}

void add_short(Reader& reader, const Node& node, ServiceDraft& draft) {
    const std::string typed = reader.text(node);
    std::vector<std::string> parts = base::split(typed, ':', 3);
    engine::RunRequest& request = draft.service.request;
    if (parts.size() == 1) {
        if (!typed.starts_with("/")) {
            reader.fail(node.at,
                        "expected SOURCE:TARGET or an absolute path, found " + quote(typed),
                        "\"./x:/y\" is a directory of the project, \"x:/y\" a named volume");
        }
        request.volumes.push_back(typed);
        return;
    }
    if (!parts[1].starts_with("/")) {
        reader.fail(node.at, "the path inside is not absolute: " + quote(parts[1]),
                    "expected SOURCE:/TARGET[:ro]");
    }
    if (is_path(parts[0])) {
        parts[0] = reader.resolve(parts[0], node.at);
    } else {
        const Volume& volume =
            reader.at(node.at, [&]() -> const Volume& { return use_volume(draft, parts[0]); });
        put_volume(draft.project, volume, parts);
    }
    request.volumes.push_back(base::join(parts, ":"));
}

void add_bind(const VolumeDraft& wish, const std::string& source, engine::RunRequest& request) {
    const bool plain =
        source.find(':') == std::string::npos && wish.target.find(':') == std::string::npos;
    const bool creates = wish.create_host_path.value_or(true);
    if (creates && plain && wish.recursive) {
        request.volumes.push_back(source + ":" + wish.target + (wish.read_only ? ":ro" : ""));
        return;
    }
    request.mounts.push_back(
        "type=bind," + csv_field("source=" + source) + "," + csv_field("target=" + wish.target) +
        (wish.read_only ? ",readonly" : "") + (wish.recursive ? "" : ",bind-recursive=disabled") +
        (creates && !wish.recursive ? ",bind-create-src=true" : ""));
}

std::string octal(std::uint32_t number) {
    std::array<char, 16> text{};
    (void)std::snprintf(text.data(), text.size(), "%o", number);
    return text.data();
}

void add_long(Reader& reader, const Node& node, ServiceDraft& draft) {
    VolumeDraft wish;
    read_table(reader, node, "volume of " + draft.owner, kVolumeUseKeys, volume_use_keys(), wish);
    if (wish.vain) {
        draft.service.refused = reader.documents().error(
            wish.vain->at, wish.vain->what + " of a mount cannot be done here", wish.vain->cure);
        return;
    }
    if (!wish.target.starts_with("/")) {
        reader.fail(node.at, "a volume needs a \"target\": an absolute path inside");
    }
    if (wish.type.empty()) {
        wish.type = is_path(wish.source) ? "bind" : "volume";
    }
    engine::RunRequest& request = draft.service.request;
    std::string name;
    if (wish.type == "volume" && !wish.source.empty()) {
        const Volume& volume =
            reader.at(node.at, [&]() -> const Volume& { return use_volume(draft, wish.source); });
        name = draft.project.scoped_name(volume);
        if (!volume.device.empty()) {
            wish.type = "bind";
            wish.source = volume.device;
            wish.create_host_path = false;
            wish.read_only = wish.read_only || volume.read_only;
        }
    }
    if (wish.type == "bind") {
        if (wish.source.empty()) reader.fail(node.at, "a bind needs a \"source\"");
        add_bind(wish, reader.resolve(wish.source, node.at), request);
        return;
    }
    std::string line = "type=" + wish.type;
    if (!name.empty()) line += "," + csv_field("source=" + name);
    line += "," + csv_field("target=" + wish.target);
    if (wish.read_only) line += ",readonly";
    if (wish.no_copy) line += ",volume-nocopy";
    // A volume with a name is the project's, with the labels that its description gives it.
    for (const std::string& label : wish.labels) {
        if (name.empty()) line += "," + csv_field("volume-label=" + label);
    }
    if (!wish.size.empty()) line += ",tmpfs-size=" + wish.size;
    if (wish.mode) line += ",tmpfs-mode=" + octal(*wish.mode);
    request.mounts.push_back(std::move(line));
}

std::string port_text(const PortDraft& port) {
    std::string text;
    if (!port.host_ip.empty()) {
        const bool v6 = port.host_ip.find(':') != std::string::npos;
        text = v6 && !port.host_ip.starts_with("[") ? "[" + port.host_ip + "]" : port.host_ip;
        text += ":" + port.published + ":";
    } else if (!port.published.empty()) {
        text = port.published + ":";
    }
    text += std::to_string(port.target);
    if (!port.protocol.empty()) text += "/" + port.protocol;
    return text;
}

void add_port(const Reader& reader, const Node& node, ServiceDraft& draft, std::string text) {
    reader.at(node.at, [&] { (void)net::parse_published_port(text); });
    draft.service.request.publish.push_back(std::move(text));
}

}  // namespace

const KeyTable& port_keys() {
    return table_of<kPortKeys>("ports", "One published port.");
}

const KeyTable& volume_use_keys() {
    return table_of<kVolumeUseKeys>("volumes of a service", "One mount.");
}

void read_ports(Reader& reader, const Node& node, ServiceDraft& draft) {
    for (const Node& element : *node.list()) {
        if (element.table() == nullptr) {
            const std::string typed = reader.scalar(element);
            add_port(reader, element, draft, typed);
            continue;
        }
        PortDraft port;
        read_table(reader, element, "port of " + draft.owner, kPortKeys, port_keys(), port);
        if (port.target == 0) reader.fail(element.at, "a port needs a \"target\"");
        add_port(reader, element, draft, port_text(port));
    }
}

void read_expose(Reader& reader, const Node& node, ServiceDraft& draft) {
    for (const Node& element : *node.list()) {
        const std::string typed = reader.scalar(element);
        const std::vector<std::string> parts = base::split(typed, '/', 2);
        const auto number = base::try_parse_u64(parts[0].substr(0, parts[0].find('-')));
        if (!number || *number == 0 || *number > 65535) {
            reader.fail(element.at, "not a port: " + quote(typed), "for example 80 or \"53/udp\"");
        }
        draft.service.request.expose.push_back(parts.size() == 2 ? typed : typed + "/tcp");
    }
}

void read_tmpfs(Reader& reader, const Node& node, ServiceDraft& draft) {
    for (std::string& typed : reader.words(node)) {
        if (!typed.starts_with("/")) {
            reader.fail(node.at, "the path inside is not absolute: " + quote(typed));
        }
        draft.service.request.tmpfs.push_back(std::move(typed));
    }
}

void read_volumes(Reader& reader, const Node& node, ServiceDraft& draft) {
    for (const Node& element : *node.list()) {
        if (element.table() != nullptr) {
            add_long(reader, element, draft);
        } else {
            add_short(reader, element, draft);
        }
    }
}

const Volume& use_volume(ServiceDraft& draft, const std::string& name) {
    constexpr std::string_view kLetters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    if (name.empty() || name.find_first_not_of(kLetters) != std::string::npos) {
        throw base::UsageError("bad name of a volume: " + quote(name),
                               "a path of the project begins with \"./\"");
    }
    Project& project = draft.project;
    if (project.find_volume(name) == nullptr) project.volumes.emplace_back().name = name;
    std::vector<std::string>& uses = draft.service.volume_uses;
    if (std::find(uses.begin(), uses.end(), name) == uses.end()) uses.push_back(name);
    return *project.find_volume(name);
}

}  // namespace sandbox::project
