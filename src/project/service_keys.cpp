// The rows of services and tasks.
#include <fcntl.h>

#include <array>
#include <limits>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/oci/reference.hpp"
#include "service_values.hpp"

namespace sandbox::project {
namespace {

using Draft = ServiceDraft;

void append(std::vector<std::string>& list, std::vector<std::string> more) {
    for (std::string& each : more) list.push_back(std::move(each));
}

void read_environment(Reader& reader, const Node& node, Draft& draft) {
    for (Reader::Pair& pair : reader.pairs(node)) {
        if (pair.name.empty() || pair.name.find('=') != std::string::npos) {
            reader.fail(pair.at, "bad name of a variable: " + base::quote(pair.name));
        }
        // NAME alone: the caller's value, or that of .env; neither: not set at all.
        if (!pair.value) pair.value = reader.variables(pair.at)(pair.name);
        if (pair.value) draft.service.request.env.push_back(pair.name + "=" + *pair.value);
    }
}

void read_labels(Reader& reader, const Node& node, Draft& draft) {
    for (const Reader::Pair& pair : reader.pairs(node)) {
        draft.service.request.labels.push_back(pair.name + "=" + pair.value.value_or(""));
    }
}

void read_annotations(Reader& reader, const Node& node, Draft& draft) {
    for (const Reader::Pair& pair : reader.pairs(node)) {
        draft.service.request.annotations.push_back(pair.name + "=" + pair.value.value_or(""));
    }
}

void read_sysctls(Reader& reader, const Node& node, Draft& draft) {
    for (const Reader::Pair& pair : reader.pairs(node)) {
        draft.service.request.sysctls.push_back(pair.name + "=" + pair.value.value_or(""));
    }
}

void read_extra_hosts(Reader& reader, const Node& node, Draft& draft) {
    std::vector<std::string>& hosts = draft.service.request.add_host;
    if (node.list() != nullptr) {
        append(hosts, reader.words(node));
        return;
    }
    for (const Member& host : *node.table()) {
        if (host.node.is_null()) continue;
        for (const std::string& address : reader.words(host.node)) {
            hosts.push_back(host.key + "=" + address);
        }
    }
}

void read_profiles(Reader& reader, const Node& node, Draft& draft) {
    draft.service.profiles = reader.words(node);
}

void read_pull_policy(Reader& reader, const Node& node, Draft& draft) {
    const std::string word = reader.choice(node, "missing|if_not_present|always|never");
    draft.service.request.pull = word == "always"  ? image::PullPolicy::always
                                 : word == "never" ? image::PullPolicy::never
                                                   : image::PullPolicy::missing;
}

// A file is found from the profile's directory, and is to be there.
void read_image(Reader& reader, const Node& node, Draft& draft) {
    std::string& image = draft.service.request.image;
    image = reader.text(node);
    if (image.empty() || image.starts_with("sha256:") || oci::looks_like_id(image)) return;
    reader.at(node.at, [&] {
        const oci::ImageSource source = oci::ImageSource::parse(image);
        if (source.kind == oci::ImageSource::Kind::registry) return;
        const std::string path = reader.resolve(source.path, node.at);
        if (!base::exists_at(AT_FDCWD, path)) {
            throw base::UsageError("no such image file: " + base::quote(path),
                                   "make it, or name an image of a registry");
        }
        image = image.substr(0, image.find(':') + 1) + path;
        if (!source.selector.empty()) image += ":" + source.selector;
    });
}

void read_platform(Reader& reader, const Node& node, Draft& draft) {
    const std::string word = reader.text(node);
    reader.at(node.at, [&] { draft.service.request.platform = oci::Platform::parse(word); });
}

[[noreturn]] void refuse_build(Reader& reader, const Node& node, Draft&) {
    reader.fail(node.at, "images are not built here yet",
                "build it elsewhere, `sandbox load` it, and name it under \"image\"");
}

// clang-format off
constexpr Key<Draft> kKeys[] = {
    {{"image", Kind::text, "The image, as for `sandbox run`; files from the profile's directory."},
     read_image},
    {{"build", Kind::text_or_table, "Refused: images are not built yet."}, refuse_build},
    {{"platform", Kind::text, "OS/ARCH[/VARIANT] of the image."}, read_platform},
    {{"pull_policy", Kind::choice, "When the image is pulled.", "missing|if_not_present|always|never"}, read_pull_policy},
    {{"command", Kind::command, "Instead of the image's command; one line is split as a shell would."},
     [](Reader& r, const Node& n, Draft& d) { d.command = r.command(n); }},
    {{"entrypoint", Kind::command, "Instead of the image's entrypoint; an empty list resets it."},
     [](Reader& r, const Node& n, Draft& d) { d.entrypoint = r.command(n); d.has_entrypoint = true; }},
    {{"environment", Kind::pairs, "Variables; a name without a value takes the caller's, or else that of .env."}, read_environment},
    {{"env_file", Kind::text_or_words, "Files of NAME=value lines, in the grammar of .env.", {}, env_file_keys}, read_env_file},
    {{"working_dir", Kind::text, "The working directory inside."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.working_dir = r.text(n); }},
    {{"user", Kind::scalar, "NAME, UID, NAME:GROUP or UID:GID."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.user = r.scalar(n); }},
    {{"group_add", Kind::words, "Further groups."},
     [](Reader& r, const Node& n, Draft& d) { append(d.service.request.group_add, r.words(n)); }},
    {{"hostname", Kind::text, "The host name inside."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.hostname = r.text(n); }},
    {{"container_name", Kind::text, "The container's name instead of PROJECT-SERVICE-N."},
     [](Reader& r, const Node& n, Draft& d) { d.service.container_name = r.text(n); }},
    {{"ports", Kind::ports, "Published ports, as for -p; on 127.0.0.1 unless an address is given.", {}, port_keys}, read_ports},
    {{"expose", Kind::ports, "Ports that it listens on, not published."}, read_expose},
    {{"host_access", Kind::ports, "Ports of the host's own loopback that it may reach."},
     [](Reader& r, const Node& n, Draft& d) { append(d.service.host_access, r.words(n)); }},
    {{"volumes", Kind::entries, "Binds and named volumes, as for -v; \"./x\" starts at the profile.", {}, volume_use_keys}, read_volumes},
    {{"volumes_from", Kind::words, "Other services or containers whose volumes it gets too."},
     [](Reader& r, const Node& n, Draft& d) { append(d.service.request.volumes_from, r.words(n)); }},
    {{"tmpfs", Kind::text_or_words, "File systems in memory, as for --tmpfs."}, read_tmpfs},
    {{"networks", Kind::names, "Networks of the project that it is on.", {}, network_use_keys}, read_networks},
    {{"network_mode", Kind::text, "private, host, none, service:NAME or container:NAME."}, read_network_mode},
    {{"aliases", Kind::words, "Further names on all its networks."},
     [](Reader& r, const Node& n, Draft& d) {
         for (std::string& alias : r.words(n)) {
             if (d.service.networks.empty()) d.service.networks.push_back({"default", {}, {}, {}});
             for (NetworkUse& use : d.service.networks) use.aliases.push_back(alias);
         }
     }},
    {{"mac_address", Kind::text, "Its hardware address on the first of them."},
     [](Reader& r, const Node& n, Draft& d) {
         if (d.service.networks.empty()) d.service.networks.push_back({"default", {}, {}, {}});
         d.service.networks.front().mac = r.text(n);
     }},
    {{"depends_on", Kind::names, "What must be there first.", {}, dependency_keys}, read_depends_on},
    {{"ready", Kind::table, "When others may count on it; without it, when it listens.", {}, check_keys},
     [](Reader& r, const Node& n, Draft& d) { d.service.ready = read_check(r, n, d.owner); }},
    {{"healthcheck", Kind::table, "As the image's HEALTHCHECK.", {}, check_keys},
     [](Reader& r, const Node& n, Draft& d) { d.service.healthcheck = read_check(r, n, d.owner); }},
    {{"restart", Kind::text, "no, on-failure[:n], always or unless-stopped."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.restart = read_restart(r, n); }},
    {{"stop_signal", Kind::scalar, "The signal that asks it to end."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.stop_signal = r.scalar(n); }},
    {{"stop_grace_period", Kind::duration, "How long it may take before it is killed."},
     [](Reader& r, const Node& n, Draft& d) {
         const auto whole = std::chrono::ceil<std::chrono::seconds>(r.duration(n));
         d.service.request.stop_timeout_seconds = static_cast<std::uint32_t>(whole.count());
     }},
    {{"read_only", Kind::boolean, "The root file system cannot be written to."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.read_only = r.boolean(n); }},
    {{"privileged", Kind::boolean, "As `run --privileged`."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.privileged = r.boolean(n); }},
    {{"cap_add", Kind::words, "Capabilities given."},
     [](Reader& r, const Node& n, Draft& d) { append(d.service.request.cap_add, r.words(n)); }},
    {{"cap_drop", Kind::words, "Capabilities taken away."},
     [](Reader& r, const Node& n, Draft& d) { append(d.service.request.cap_drop, r.words(n)); }},
    {{"security_opt", Kind::words, "As `run --security-opt`."},
     [](Reader& r, const Node& n, Draft& d) { append(d.service.request.security_opt, r.words(n)); }},
    {{"no_new_privileges", Kind::boolean, "setuid programs gain nothing."},
     [](Reader& r, const Node& n, Draft& d) {
         if (r.boolean(n)) d.service.request.security_opt.emplace_back("no-new-privileges");
     }},
    {{"devices", Kind::words, "Devices of the host, as `run --device`."},
     [](Reader& r, const Node& n, Draft& d) { append(d.service.request.devices, r.words(n)); }},
    {{"sysctls", Kind::pairs, "Kernel settings of its own namespaces."}, read_sysctls},
    {{"ulimits", Kind::table, "NAME = limit, or NAME = { soft, hard }."}, read_ulimits},
    {{"mem_limit", Kind::size, "Most memory."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.memory = r.size(n); }},
    {{"memswap_limit", Kind::size, "Most memory and swap together; -1 for no limit."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.memory_swap = r.size(n); }},
    {{"mem_reservation", Kind::size, "Memory that it is left with under pressure."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.memory_reservation = r.size(n); }},
    {{"cpus", Kind::scalar, "Processors' worth of time: 0.5, 2."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.cpus = r.scalar(n); }},
    {{"cpu_shares", Kind::integer, "Weight beside others when processors are short; 1024 is usual."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.cpu_shares = std::to_string(r.integer(n, 2, 262144)); }},
    {{"cpu_quota", Kind::integer, "Microseconds of a processor's time in each period."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.cpu_quota = std::to_string(r.integer(n, -1, std::numeric_limits<std::int32_t>::max())); }},
    {{"cpu_period", Kind::scalar, "That period in microseconds; 100000 without it."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.cpu_period = r.scalar(n); }},
    {{"cpuset", Kind::scalar, "Which processors: \"0-2,4\"."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.cpuset_cpus = r.scalar(n); }},
    {{"pids_limit", Kind::integer, "Most processes; -1 for no limit."},
     [](Reader& r, const Node& n, Draft& d) {
         d.service.request.pids_limit = std::to_string(r.integer(n, -1, std::numeric_limits<std::int32_t>::max()));
     }},
    {{"oom_score_adj", Kind::integer, "-1000 to 1000: who goes first when memory runs out."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.oom_score_adj = std::to_string(r.integer(n, -1000, 1000)); }},
    {{"shm_size", Kind::size, "Size of /dev/shm."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.shm_size = r.size(n); }},
    {{"extra_hosts", Kind::hosts, "Lines for /etc/hosts: \"NAME:ADDRESS\", NAME = ADDRESS, or several addresses."}, read_extra_hosts},
    {{"dns", Kind::text_or_words, "Name servers."},
     [](Reader& r, const Node& n, Draft& d) { append(d.service.request.dns, r.words(n)); }},
    {{"dns_search", Kind::text_or_words, "Search domains."},
     [](Reader& r, const Node& n, Draft& d) { append(d.service.request.dns_search, r.words(n)); }},
    {{"dns_opt", Kind::words, "Resolver options."},
     [](Reader& r, const Node& n, Draft& d) { append(d.service.request.dns_option, r.words(n)); }},
    {{"labels", Kind::pairs, "Labels of the container."}, read_labels},
    {{"label_file", Kind::text_or_words, "Files of NAME=value lines, more labels; \"./x\" starts at the profile."},
     [](Reader& r, const Node& n, Draft& d) { append(d.service.request.label_files, r.paths(n)); }},
    {{"annotations", Kind::pairs, "Annotations of the container."}, read_annotations},
    {{"init", Kind::boolean, "Our init is pid 1; true without saying so."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.init = r.boolean(n); }},
    {{"tty", Kind::boolean, "It gets a terminal."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.tty = r.boolean(n); }},
    {{"stdin_open", Kind::boolean, "Its standard input stays open."},
     [](Reader& r, const Node& n, Draft& d) { d.service.request.interactive = r.boolean(n); }},
    {{"secrets", Kind::entries, "Secrets as files in memory, below /run/secrets.", {}, secret_use_keys}, read_secrets},
    {{"configs", Kind::entries, "The same for the project's configs; below / by default.", {}, secret_use_keys}, read_configs},
    {{"logging", Kind::table, "driver and options, as --log-driver and --log-opt.", {}, logging_keys}, read_logging},
    {{"profiles", Kind::words, "Optional groups: it is started only when one of them is asked for."}, read_profiles},
    {{"scale", Kind::integer, "How many containers."},
     [](Reader& r, const Node& n, Draft& d) { d.service.scale = static_cast<std::uint32_t>(r.integer(n, 0, 1000)); }},
    {{"attach", Kind::boolean, "`up` shows its logs; true without saying so."},
     [](Reader& r, const Node& n, Draft& d) { d.service.attach = r.boolean(n); }},
    {{"identity", Kind::choice, "How ids are mapped; chosen by itself without it.", "subuid|map-user|emulate|fake"},
     [](Reader& r, const Node& n, Draft& d) { d.service.identity = r.choice(n, "subuid|map-user|emulate|fake"); }},
    {{"watch", Kind::entries, "For `up --watch`: { path, action }.", {}, watch_keys}, read_watch},
};
// Tasks only.
constexpr Key<Draft> kTaskKeys[] = {
    {{"cache", Kind::boolean, "Not run again while it and its inputs are unchanged; true without saying so."},
     [](Reader& r, const Node& n, Draft& d) { d.service.cache = r.boolean(n); }},
    {{"inputs", Kind::text_or_words, "Files and directories whose content counts as a change."},
     [](Reader& r, const Node& n, Draft& d) { append(d.service.inputs, r.paths(n)); }},
};
// clang-format on

constexpr size_t kServiceCount = std::size(kKeys);
constexpr size_t kTaskCount = kServiceCount + std::size(kTaskKeys);

// What makes no sense for something that ends.
constexpr std::string_view kNotForTasks[] = {"restart", "scale", "container_name", "ports"};

const std::array<Key<Draft>, kTaskCount>& all_keys() {
    static const auto kAll = [] {
        std::array<Key<Draft>, kTaskCount> keys{};
        std::copy(std::begin(kKeys), std::end(kKeys), keys.begin());
        std::copy(std::begin(kTaskKeys), std::end(kTaskKeys), keys.begin() + kServiceCount);
        return keys;
    }();
    return kAll;
}

const std::array<const KeyInfo*, kTaskCount>& all_infos() {
    static const auto kInfos = [] {
        std::array<const KeyInfo*, kTaskCount> infos{};
        for (size_t i = 0; i < kTaskCount; ++i) infos[i] = &all_keys()[i];
        return infos;
    }();
    return kInfos;
}

}  // namespace

const KeyTable& service_keys() {
    static const KeyTable kTable{"services.NAME", "A container that is kept running.",
                                 std::span(all_infos()).first(kServiceCount)};
    return kTable;
}

const KeyTable& task_keys() {
    static const KeyTable kTable{"tasks.NAME",
                                 "Something that runs to its end; others may wait for it.",
                                 std::span(all_infos())};
    return kTable;
}

void read_service_keys(Reader& reader, const Node& node, ServiceDraft& draft) {
    const bool task = draft.service.is_task;
    if (task) {
        for (const std::string_view key : kNotForTasks) {
            if (const Node* wrong = node.find(key)) {
                reader.fail(wrong->at, base::quote(key) + " makes no sense for a task",
                            "a task runs to its end; put what stays under \"services\"");
            }
        }
    }
    const size_t count = task ? kTaskCount : kServiceCount;
    read_keys<Draft>(reader, node, draft.owner, std::span(all_keys()).first(count),
                     std::span(all_infos()).first(count), draft);
}

}  // namespace sandbox::project
