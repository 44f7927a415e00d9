#include "profile_keys.hpp"

#include <cctype>

#include "sandbox/base/strings.hpp"
#include "service_values.hpp"
#include "volumes.hpp"

namespace sandbox::project {
namespace {

using base::quote;

void fill_pairs(Reader& reader, const Node& node, std::map<std::string, std::string>& into) {
    for (const Reader::Pair& pair : reader.pairs(node)) into[pair.name] = pair.value.value_or("");
}

// clang-format off
constexpr Key<Network> kNetworkKeys[] = {
    {{"internal", Kind::boolean, "No way out."},
     [](Reader& r, const Node& n, Network& w) { w.internal = r.boolean(n); }},
    {{"subnet", Kind::text, "Its IPv4 subnet: \"10.5.0.0/16\"."},
     [](Reader& r, const Node& n, Network& w) { w.subnet = r.text(n); }},
    {{"subnet6", Kind::text, "Its IPv6 subnet."},
     [](Reader& r, const Node& n, Network& w) { w.subnet6 = r.text(n); }},
    {{"gateway", Kind::text, "The gateway's address."},
     [](Reader& r, const Node& n, Network& w) { w.gateway = r.text(n); }},
    {{"enable_ipv6", Kind::boolean, "true: names have IPv6 addresses, too; false: there is no IPv6."},
     [](Reader& r, const Node& n, Network& w) { w.ipv6 = r.boolean(n); }},
    {{"driver", Kind::choice, "private, or its other word bridge.", "private|bridge"},
     [](Reader& r, const Node& n, Network&) { (void)r.choice(n, "private|bridge"); }},
    {{"external", Kind::boolean, "It exists already and is not the project's."},
     [](Reader& r, const Node& n, Network& w) { w.external = r.boolean(n); }},
    {{"name", Kind::text, "Its name instead of PROJECT_NAME."},
     [](Reader& r, const Node& n, Network& w) { w.given_name = r.text(n); }},
    {{"labels", Kind::pairs, "Its labels."},
     [](Reader& r, const Node& n, Network& w) { fill_pairs(r, n, w.labels); }},
};
constexpr Key<Volume> kVolumeKeys[] = {
    {{"external", Kind::boolean, "It exists already and is not the project's."},
     [](Reader& r, const Node& n, Volume& v) { v.external = r.boolean(n); }},
    {{"name", Kind::text, "Its name instead of PROJECT_NAME."},
     [](Reader& r, const Node& n, Volume& v) { v.given_name = r.text(n); }},
    {{"driver", Kind::choice, "local.", "local"},
     [](Reader& r, const Node& n, Volume&) { (void)r.choice(n, "local"); }},
    {{"driver_opts", Kind::pairs, "type none, o bind and device PATH: that directory of the host in its place; nothing else."},
     [](Reader& r, const Node& n, Volume& v) { read_driver_opts(r, n, v); }},
    {{"labels", Kind::pairs, "Its labels."},
     [](Reader& r, const Node& n, Volume& v) { fill_pairs(r, n, v.labels); }},
};
constexpr Key<Secret> kSecretKeys[] = {
    {{"file", Kind::text, "The file that holds it."},
     [](Reader& r, const Node& n, Secret& s) { s.file = r.path(n); }},
    {{"environment", Kind::text, "The variable that holds it."},
     [](Reader& r, const Node& n, Secret& s) { s.environment = r.text(n); }},
    {{"content", Kind::text, "Itself, for what is no secret."},
     [](Reader& r, const Node& n, Secret& s) { s.content = r.text(n); }},
    {{"external", Kind::boolean, "true: of a store of secrets. There is none, and who uses it cannot be made."},
     [](Reader& r, const Node& n, Secret& s) { s.external = r.boolean(n); }},
    {{"name", Kind::text, "Accepted without effect."}, [](Reader&, const Node&, Secret&) {}},
    {{"labels", Kind::pairs, "Accepted without effect."}, [](Reader&, const Node&, Secret&) {}},
};
// clang-format on

const KeyTable& network_keys() {
    return table_of<kNetworkKeys>("networks.NAME", "A network of the project.");
}
const KeyTable& volume_keys() {
    return table_of<kVolumeKeys>("volumes.NAME", "A named volume.");
}
const KeyTable& secret_keys() {
    return table_of<kSecretKeys>("secrets.NAME, configs.NAME",
                                 "Something that services see as a file in memory.");
}

template <typename T, size_t N>
void read_objects(Reader& reader, const Node& node, const std::string& what,
                  const Key<T> (&rows)[N], const KeyTable& table, std::vector<T>& into) {
    for (const Member& member : *node.table()) {
        T object;
        object.name = member.key;
        read_table(reader, member.node, what + " " + quote(member.key), rows, table, object);
        into.push_back(std::move(object));
    }
}

void read_volume_objects(Reader& reader, const Node& node, ProfileDraft& draft) {
    std::vector<Volume>& volumes = draft.project.volumes;
    const size_t first = volumes.size();
    read_objects(reader, node, "volume", kVolumeKeys, volume_keys(), volumes);
    for (size_t i = first; i < volumes.size(); ++i) {
        Volume& volume = volumes[i];
        const Place& at = (*node.table())[i - first].key_at;
        volume.where = reader.documents().where(at);
        if (!volume.external || (volume.labels.empty() && volume.options.empty())) continue;
        const std::string key = quote(volume.options.empty() ? "labels" : "driver_opts");
        reader.fail(
            at, "volume " + quote(volume.name) + ": external and " + key + " exclude each other",
            "an external volume is as somebody has made it: remove " + key);
    }
}

base::UsageError external_error(const Reader& reader, const Place& at, const Secret& secret) {
    return reader.documents().error(
        at,
        (secret.is_config ? "config " : "secret ") + quote(secret.name) +
            " is external, and there is no store that could have it",
        "say where it is: \"file\", \"environment\" or \"content\" instead of \"external\"");
}

template <bool is_config>
void read_secret_objects(Reader& reader, const Node& node, ProfileDraft& draft) {
    std::vector<Secret>& secrets = draft.project.secrets;
    const size_t first = secrets.size();
    read_objects(reader, node, is_config ? "config" : "secret", kSecretKeys, secret_keys(),
                 secrets);
    for (size_t i = first; i < secrets.size(); ++i) {
        Secret& secret = secrets[i];
        const Place& at = (*node.table())[i - first].key_at;
        secret.is_config = is_config;
        if (secret.external) {
            secret.refused = external_error(reader, at, secret);
            continue;
        }
        if (!secret.environment.empty()) secret.value = reader.variables(at)(secret.environment);
        const int sources = (secret.file.empty() ? 0 : 1) + (secret.environment.empty() ? 0 : 1) +
                            (secret.content ? 1 : 0);
        if (sources == 1) continue;
        reader.fail(at, (is_config ? "config " : "secret ") + quote(secret.name) +
                            " needs one of \"file\", \"environment\" and \"content\"");
    }
}

// It has been taken already: load.cpp.
void read_name(Reader& reader, const Node& node, ProfileDraft&) {
    (void)read_project_name(reader, node);
}

// clang-format off
constexpr Key<ProfileDraft> kProfileKeys[] = {
    {{"name", Kind::text, "The project's name; without it, the directory's."}, read_name},
    {{"version", Kind::scalar, "Accepted without effect."}, [](Reader&, const Node&, ProfileDraft&) {}},
    {{"services", Kind::tables, "What runs.", {}, service_keys},
     [](Reader&, const Node& n, ProfileDraft& d) { d.services = &n; }},
    {{"tasks", Kind::tables, "What runs once.", {}, task_keys},
     [](Reader&, const Node& n, ProfileDraft& d) { d.tasks = &n; }},
    {{"networks", Kind::tables, "Networks besides the default one.", {}, network_keys},
     [](Reader& r, const Node& n, ProfileDraft& d) {
         read_objects(r, n, "network", kNetworkKeys, network_keys(), d.project.networks);
     }},
    {{"volumes", Kind::tables, "Named volumes that need more than a name.", {}, volume_keys},
     read_volume_objects},
    {{"secrets", Kind::tables, "Secrets.", {}, secret_keys}, read_secret_objects<false>},
    {{"configs", Kind::tables, "The same, for what is no secret.", {}, secret_keys}, read_secret_objects<true>},
};
// clang-format on

}  // namespace

std::string read_project_name(Reader& reader, const Node& node) {
    std::string name = reader.text(node);
    if (!is_project_name(name)) {
        reader.fail(node.at, "bad name of a project: " + quote(name),
                    "small letters, digits, \"-\" and \"_\", a letter or digit first");
    }
    return name;
}

const KeyTable& profile_keys() {
    return table_of<kProfileKeys>("", "A project.");
}

void read_profile_keys(Reader& reader, const Node& root, ProfileDraft& draft) {
    read_table(reader, root, "the profile", kProfileKeys, profile_keys(), draft);
}

bool is_project_name(std::string_view name) noexcept {
    constexpr size_t kMaxBytes = 63;
    if (name.empty() || name.size() > kMaxBytes) return false;
    if (name.front() == '-' || name.front() == '_') return false;
    return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") ==
           std::string_view::npos;
}

std::string make_project_name(std::string_view directory) {
    std::string name;
    for (const char c : directory.substr(directory.rfind('/') + 1)) {
        const auto byte = static_cast<unsigned char>(c);
        const char lower = static_cast<char>(std::tolower(byte));
        const bool good = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
        if (good || ((c == '-' || c == '_') && !name.empty())) {
            name += lower;
        } else if (c == ' ' && !name.empty()) {
            name += '-';
        }
    }
    if (name.size() > 63) name.resize(63);
    return name.empty() ? "project" : name;
}

}  // namespace sandbox::project
