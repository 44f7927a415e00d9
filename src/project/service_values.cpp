#include "service_values.hpp"

#include <fcntl.h>

#include <algorithm>
#include <limits>

#include "dotenv.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/env_file.hpp"
#include "sandbox/engine/logs.hpp"

namespace sandbox::project {
namespace {

using base::quote;

// clang-format off
constexpr Key<Dependency> kDependencyKeys[] = {
    {{"condition", Kind::choice, "When it is good enough; without it, ready (a task: completed).",
      "started|healthy|ready|completed|service_started|service_healthy|service_completed_successfully"},
     [](Reader& r, const Node& n, Dependency& d) {
         const std::string word = r.choice(n, "started|healthy|ready|completed|service_started|service_healthy|service_completed_successfully");
         d.condition = word.ends_with("started")       ? Condition::started
                       : word.ends_with("healthy")     ? Condition::healthy
                       : word == "ready"               ? Condition::ready
                                                       : Condition::completed;
     }},
    {{"required", Kind::boolean, "false: waited for only when it is started too."},
     [](Reader& r, const Node& n, Dependency& d) { d.required = r.boolean(n); }},
    {{"restart", Kind::boolean,
      "Restarted whenever the other one is started anew, by a command or its restart policy."},
     [](Reader& r, const Node& n, Dependency& d) { d.restart = r.boolean(n); }},
};
constexpr Key<NetworkUse> kNetworkUseKeys[] = {
    {{"aliases", Kind::words, "Further names there."},
     [](Reader& r, const Node& n, NetworkUse& u) { u.aliases = r.words(n); }},
    {{"ipv4_address", Kind::text, "A fixed address."},
     [](Reader& r, const Node& n, NetworkUse& u) { u.ipv4 = r.text(n); }},
    {{"ipv6_address", Kind::text, "A fixed address."},
     [](Reader& r, const Node& n, NetworkUse& u) { u.ipv6 = r.text(n); }},
    {{"mac_address", Kind::text, "A fixed hardware address."},
     [](Reader& r, const Node& n, NetworkUse& u) { u.mac = r.text(n); }},
};
constexpr Key<SecretUse> kSecretUseKeys[] = {
    {{"source", Kind::text, "Which one."},
     [](Reader& r, const Node& n, SecretUse& u) { u.secret = r.text(n); }},
    {{"target", Kind::text, "Its path inside, or its name below /run/secrets."},
     [](Reader& r, const Node& n, SecretUse& u) { u.target = r.text(n); }},
    {{"uid", Kind::scalar, "Its owner."},
     [](Reader& r, const Node& n, SecretUse& u) { u.uid = r.scalar(n); }},
    {{"gid", Kind::scalar, "Its group."},
     [](Reader& r, const Node& n, SecretUse& u) { u.gid = r.scalar(n); }},
    {{"mode", Kind::scalar, "Its mode: 0o400, or \"0400\"."},
     [](Reader& r, const Node& n, SecretUse& u) { u.mode = r.file_mode(n); }},
};
constexpr Key<Watch> kWatchKeys[] = {
    {{"path", Kind::text, "A file or directory; \"./x\" starts at the profile."},
     [](Reader& r, const Node& n, Watch& w) { w.path = r.path(n); }},
    {{"action", Kind::choice, "What a change does.", "restart|sync|sync+restart|task"},
     [](Reader& r, const Node& n, Watch& w) {
         const std::string word = r.choice(n, "restart|sync|sync+restart|task");
         w.action = word == "sync"           ? Watch::Action::sync
                    : word == "sync+restart" ? Watch::Action::sync_restart
                    : word == "task"         ? Watch::Action::task
                                             : Watch::Action::restart;
     }},
    {{"target", Kind::text, "sync: the path inside."},
     [](Reader& r, const Node& n, Watch& w) { w.target = r.text(n); }},
    {{"task", Kind::text, "task: which one is run."},
     [](Reader& r, const Node& n, Watch& w) { w.task = r.text(n); }},
    {{"ignore", Kind::text_or_words, "Names and patterns that do not count."},
     [](Reader& r, const Node& n, Watch& w) { w.ignore = r.words(n); }},
};
constexpr Key<engine::RunRequest> kLoggingKeys[] = {
    {{"driver", Kind::text, "local (the default), k8s-file, json-file or none."},
     [](Reader& r, const Node& n, engine::RunRequest& q) { q.log_driver = r.text(n); }},
    {{"options", Kind::table, "max-size and the like."},
     [](Reader& r, const Node& n, engine::RunRequest& q) {
         for (const Reader::Pair& pair : r.pairs(n)) q.log_options.push_back(pair.name + "=" + pair.value.value_or(""));
     }},
};
struct EnvFile { std::string path; bool required = true, raw = false; };
constexpr Key<EnvFile> kEnvFileKeys[] = {
    {{"path", Kind::text, "The file."},
     [](Reader& r, const Node& n, EnvFile& f) { f.path = r.path(n); }},
    {{"required", Kind::boolean, "false: it may be missing."},
     [](Reader& r, const Node& n, EnvFile& f) { f.required = r.boolean(n); }},
    {{"format", Kind::choice, "raw: as for `run --env-file`, without quotes and variables.", "raw"},
     [](Reader& r, const Node& n, EnvFile& f) { f.raw = !r.choice(n, "raw").empty(); }},
};
// clang-format on

void check_name(const Reader& reader, const Place& at, const ServiceDraft& draft,
                const std::string& name) {
    std::vector<std::string> known = draft.names;
    if (std::find(known.begin(), known.end(), name) != known.end()) return;
    std::erase(known, draft.service.name);  // it is never meant itself
    const auto nearest = base::try_nearest(name, known);
    reader.fail(at, draft.owner + ": no such service or task: " + quote(name),
                nearest ? "did you mean " + quote(*nearest) + "?" : "");
}

}  // namespace

const KeyTable& dependency_keys() {
    return table_of<kDependencyKeys>("depends_on.NAME", "One dependency.");
}
const KeyTable& network_use_keys() {
    return table_of<kNetworkUseKeys>("networks.NAME of a service", "Its place on a network.");
}
const KeyTable& secret_use_keys() {
    return table_of<kSecretUseKeys>("secrets of a service", "How it sees a secret.");
}
const KeyTable& watch_keys() {
    return table_of<kWatchKeys>("watch", "What `up --watch` looks at.");
}
const KeyTable& logging_keys() {
    return table_of<kLoggingKeys>("logging", "Where its output goes.");
}
const KeyTable& env_file_keys() {
    return table_of<kEnvFileKeys>("env_file", "One file.");
}

void read_depends_on(Reader& reader, const Node& node, ServiceDraft& draft) {
    std::vector<Dependency>& all = draft.service.depends_on;
    const auto add = [&](const Place& at, Dependency dependency) {
        const bool twice = std::any_of(all.begin(), all.end(), [&](const Dependency& other) {
            return other.service == dependency.service;
        });
        if (twice) reader.fail(at, quote(dependency.service) + " is named twice");
        if (dependency.service == draft.service.name) {
            reader.fail(at, draft.owner + " depends on itself");
        }
        check_name(reader, at, draft, dependency.service);
        draft.needs.emplace_back(dependency.service, at);
        all.push_back(std::move(dependency));
    };
    if (const Table* table = node.table()) {
        for (const Member& member : *table) {
            Dependency dependency;
            dependency.service = member.key;
            read_table(reader, member.node, "dependency " + quote(member.key), kDependencyKeys,
                       dependency_keys(), dependency);
            add(member.key_at, std::move(dependency));
        }
        return;
    }
    for (const Node& element : *node.list()) {
        Dependency dependency;
        dependency.service = reader.text(element);
        add(element.at, std::move(dependency));
    }
}

void read_networks(Reader& reader, const Node& node, ServiceDraft& draft) {
    draft.has_networks = true;
    std::vector<NetworkUse> uses;
    if (const Table* table = node.table()) {
        for (const Member& member : *table) {
            NetworkUse use;
            use.network = member.key;
            read_table(reader, member.node, "network " + quote(member.key), kNetworkUseKeys,
                       network_use_keys(), use);
            uses.push_back(std::move(use));
        }
    } else {
        for (const Node& element : *node.list()) uses.push_back({reader.text(element), {}, {}, {}});
    }
    for (const NetworkUse& use : uses) {
        if (use.network == "default" || draft.project.find_network(use.network) != nullptr)
            continue;
        std::vector<std::string> names{"default"};
        for (const Network& network : draft.project.networks) names.push_back(network.name);
        const auto nearest = base::try_nearest(use.network, names);
        reader.fail(node.at, draft.owner + ": no such network: " + quote(use.network),
                    nearest ? "did you mean " + quote(*nearest) + "?"
                            : "describe it with [networks." + use.network + "]");
    }
    // `aliases` stood first: they hold for each.
    for (const NetworkUse& before : draft.service.networks) {
        for (NetworkUse& use : uses) {
            use.aliases.insert(use.aliases.end(), before.aliases.begin(), before.aliases.end());
        }
    }
    draft.service.networks = std::move(uses);
}

void read_network_mode(Reader& reader, const Node& node, ServiceDraft& draft) {
    const std::string mode = reader.text(node);
    constexpr std::string_view kKnown[] = {"private", "bridge", "host", "none"};
    const bool known = std::find(std::begin(kKnown), std::end(kKnown), mode) != std::end(kKnown);
    if (!known && !mode.starts_with("service:") && !mode.starts_with("container:")) {
        reader.fail(node.at, "unknown network mode " + quote(mode),
                    "it may be private, host, none, service:NAME or container:NAME; networks "
                    "stand under \"networks\"");
    }
    if (mode.starts_with("service:")) {
        check_name(reader, node.at, draft, mode.substr(8));
        draft.needs.emplace_back(mode.substr(8), node.at);
    }
    draft.service.request.network = mode;
}

namespace {

void read_uses(Reader& reader, const Node& node, ServiceDraft& draft, bool is_config) {
    const std::string what = is_config ? "config" : "secret";
    for (const Node& element : *node.list()) {
        SecretUse use;
        use.is_config = is_config;
        if (element.text() != nullptr) {
            use.secret = reader.text(element);
        } else {
            read_table(reader, element, what + " of " + draft.owner, kSecretUseKeys,
                       secret_use_keys(), use);
        }
        const std::vector<Secret>& known = draft.project.secrets;
        const auto found = std::find_if(known.begin(), known.end(), [&](const Secret& secret) {
            return secret.name == use.secret && secret.is_config == is_config;
        });
        if (found == known.end()) {
            reader.fail(element.at, "no such " + what + ": " + quote(use.secret),
                        "describe it under \"" + what + "s\"");
        }
        if (found->refused) draft.service.refused = found->refused;
        if (use.target.empty()) use.target = use.secret;
        if (!use.target.starts_with("/")) {
            use.target = (is_config ? "/" : "/run/secrets/") + use.target;
        }
        draft.service.secrets.push_back(std::move(use));
    }
}

}  // namespace

void read_secrets(Reader& reader, const Node& node, ServiceDraft& draft) {
    read_uses(reader, node, draft, false);
}

void read_configs(Reader& reader, const Node& node, ServiceDraft& draft) {
    read_uses(reader, node, draft, true);
}

void read_watch(Reader& reader, const Node& node, ServiceDraft& draft) {
    for (const Node& element : *node.list()) {
        Watch watch;
        if (element.text() != nullptr) {
            watch.path = reader.path(element);
        } else {
            read_table(reader, element, "watch of " + draft.owner, kWatchKeys, watch_keys(), watch);
        }
        if (watch.path.empty()) reader.fail(element.at, "a watch needs a \"path\"");
        const bool copies =
            watch.action == Watch::Action::sync || watch.action == Watch::Action::sync_restart;
        if (copies && !watch.target.starts_with("/")) {
            reader.fail(element.at, "action \"sync\" needs a \"target\": an absolute path inside");
        }
        if (watch.action == Watch::Action::task && watch.task.empty()) {
            reader.fail(element.at, "action \"task\" needs a \"task\"");
        }
        if (!watch.task.empty()) check_name(reader, element.at, draft, watch.task);
        draft.service.watch.push_back(std::move(watch));
    }
}

void read_logging(Reader& reader, const Node& node, ServiceDraft& draft) {
    engine::RunRequest& request = draft.service.request;
    read_table(reader, node, "logging of " + draft.owner, kLoggingKeys, logging_keys(), request);
    const Node* const driver = node.find("driver");
    if (driver == nullptr || !request.log_driver || engine::is_log_driver(*request.log_driver)) {
        return;
    }
    draft.service.refused = reader.documents().error(
        driver->at, "there is no log driver " + quote(*request.log_driver) + " here",
        "logs are kept in files: use local, k8s-file, json-file or none");
}

void read_ulimits(Reader& reader, const Node& node, ServiceDraft& draft) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    for (const Member& member : *node.table()) {
        std::string text = member.key + "=";
        if (member.node.table() == nullptr) {
            text += reader.scalar(member.node);
        } else {
            const Node* soft = member.node.find("soft");
            const Node* hard = member.node.find("hard");
            if (soft == nullptr || hard == nullptr || member.node.table()->size() != 2) {
                reader.fail(member.key_at, "limit " + quote(member.key) +
                                               ": expected a number or { soft = N, hard = N }");
            }
            text += std::to_string(reader.integer(*soft, -1, kMost)) + ":" +
                    std::to_string(reader.integer(*hard, -1, kMost));
        }
        draft.service.request.ulimits.push_back(std::move(text));
    }
}

namespace {

void take_env_file(const EnvFile& file, const Variables& variables, Service& service) {
    constexpr size_t kMaxBytes = 1u << 20;
    std::string text;
    try {
        text = base::try_read_file_at(AT_FDCWD, file.path, kMaxBytes).value_or("");
    } catch (const base::Error& error) {
        throw base::UsageError(error.message(), error.hint());
    }
    if (file.raw) {
        for (auto& each : engine::parse_env_file(text, file.path, variables)) {
            service.file_env[each.name] = std::move(each.value);
        }
        return;
    }
    for (auto& [name, value] : parse_dotenv(text, file.path, variables)) {
        service.file_env[name] = std::move(value);
    }
}

}  // namespace

void read_env_file(Reader& reader, const Node& node, ServiceDraft& draft) {
    const auto add = [&](const Node& element) {
        EnvFile file;
        if (element.table() != nullptr) {
            read_table(reader, element, "env_file of " + draft.owner, kEnvFileKeys, env_file_keys(),
                       file);
            if (file.path.empty()) reader.fail(element.at, "an env_file needs a \"path\"");
        } else {
            file.path = reader.path(element);
        }
        if (!base::exists_at(AT_FDCWD, file.path)) {
            if (!file.required) return;
            draft.service.refused =
                reader.documents().error(element.at, "no such file: " + quote(file.path),
                                         "make it, or say that it is not required");
            return;
        }
        draft.service.env_files.push_back({file.path, file.raw});
        // It stands in the way of its own service only.
        try {
            reader.at(element.at,
                      [&] { take_env_file(file, reader.variables(element.at), draft.service); });
        } catch (const base::UsageError& error) {
            draft.service.refused = error;
        }
    };
    if (node.list() == nullptr) {
        add(node);
        return;
    }
    for (const Node& element : *node.list()) add(element);
}

std::string read_restart(Reader& reader, const Node& node) {
    std::string policy = reader.text(node);
    const std::string_view kind = std::string_view(policy).substr(0, policy.find(':'));
    const bool has_count = kind.size() != policy.size();
    const bool known =
        kind == "no" || kind == "on-failure" || kind == "always" || kind == "unless-stopped";
    const bool good_count =
        !has_count || (kind == "on-failure" &&
                       base::try_parse_u64(std::string_view(policy).substr(kind.size() + 1)));
    if (!known || !good_count) {
        const auto nearest =
            base::try_nearest(policy, {"no", "on-failure", "always", "unless-stopped"});
        reader.fail(node.at, "unknown restart policy " + quote(policy),
                    nearest && good_count
                        ? "did you mean " + quote(*nearest) + "?"
                        : "it may be no, on-failure, on-failure:N, always or unless-stopped");
    }
    return policy;
}

}  // namespace sandbox::project
