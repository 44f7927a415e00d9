#include <algorithm>
#include <cctype>
#include <map>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/project_scope.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/net/published_port.hpp"

namespace sandbox::cli {
namespace {

using base::json::Value;

constexpr Flag kFlags[] = {
    kProfileFileFlag,
    kProjectNameFlag,
    kEnvFilesFlag,
    {"--format", FlagKind::value, "env|shell|json", "NAME=value, export lines, or one object",
     Completes::words, "env shell json"},
};

using Variables = std::vector<std::pair<std::string, std::string>>;

std::string variable_of(const std::string& name) {
    std::string result;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        result += std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
    }
    if (std::isdigit(static_cast<unsigned char>(result.front())) != 0) result.insert(0, "_");
    return result;
}

struct Place {
    std::string port;  // "5432/tcp", in the container
    std::string host_ip, host_port;
};

// What is published now, as `inspect` says it.
std::vector<Place> published_now(const store::Store& store, const std::string& id) {
    std::vector<Place> places;
    const Value document = engine::inspect_container(store, id);
    const auto* ports = document["NetworkSettings"]["Ports"].as_object();
    if (ports == nullptr) return places;
    for (const auto& [port, bindings] : *ports) {
        const auto* list = bindings.as_array();
        if (list == nullptr || list->empty()) continue;
        places.push_back(
            {port, list->front().string_or("HostIp"), list->front().string_or("HostPort")});
    }
    return places;
}

// What the profile says: ports that are the same at every start.
std::vector<Place> declared(const project::Service& service) {
    std::vector<Place> places;
    for (const std::string& text : service.request.publish) {
        for (const net::PublishedPort& port : net::parse_published_port(text)) {
            if (port.host_first == 0 || port.host_first != port.host_last) continue;
            places.push_back({std::to_string(port.container_port) + "/" +
                                  std::string(net::transport_name(port.transport)),
                              port.host_address.str(), std::to_string(port.host_first)});
        }
    }
    return places;
}

void add_service(Variables& variables, const std::string& service,
                 const std::vector<Place>& places) {
    const std::string name = variable_of(service);
    bool first = true;
    for (const Place& place : places) {
        const bool any =
            place.host_ip.empty() || place.host_ip == "0.0.0.0" || place.host_ip == "::";
        if (first) {
            variables.emplace_back(name + "_HOST", any ? "127.0.0.1" : place.host_ip);
            variables.emplace_back(name + "_PORT", place.host_port);
        }
        first = false;
        std::string suffix = place.port.substr(0, place.port.find('/'));
        if (!place.port.ends_with("/tcp"))
            suffix += "_" + variable_of(place.port.substr(suffix.size() + 1));
        variables.emplace_back(name + "_PORT_" + suffix, place.host_port);
    }
}

Variables variables_of(Context& context, ProjectScope& scope) {
    Variables variables{{"SANDBOX_PROJECT", scope.name()}};
    std::vector<std::string> names;
    const project::Project* project = scope.try_project();
    if (project != nullptr) {
        for (const project::Service& service : project->services) names.push_back(service.name);
    }
    for (const project::Deployed& each : scope.deployed()) {
        if (std::find(names.begin(), names.end(), each.service) == names.end()) {
            names.push_back(each.service);
        }
    }
    for (const std::string& name : names) {
        std::vector<Place> places;
        for (const project::Deployed& each : scope.deployed()) {
            if (each.service != name || each.number == 0 || !each.is_running()) continue;
            if (places.empty()) places = published_now(context.store(), each.id);
        }
        if (places.empty() && project != nullptr) {
            if (const auto* service = project->find_service(name)) places = declared(*service);
        }
        add_service(variables, name, places);
    }
    return variables;
}

int run(Context& context, const Invocation& in) {
    const std::string format = in.value_or("format", "env");
    if (format != "env" && format != "shell" && format != "json") {
        throw base::UsageError("unknown format " + base::quote(format),
                               "it may be env, shell or json");
    }
    ProjectScope scope(context, in);
    const Variables variables = variables_of(context, scope);
    if (format == "json") {
        base::json::Object object;
        for (const auto& [name, value] : variables) object[name] = value;
        context.out.line(base::json::dump(Value(std::move(object)), 2));
        return 0;
    }
    // Names of projects, addresses and numbers: nothing that a shell or make reads otherwise.
    for (const auto& [name, value] : variables) {
        context.out.line((format == "shell" ? "export " : "") + name + "=" + value);
    }
    return 0;
}

}  // namespace

constinit const Command kEnvCommand = {
    .names = "env",
    .arguments = "",
    .summary = "Say where the project's services are reached, for shells and makefiles",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run,
};

}  // namespace sandbox::cli
