#include "sandbox/project/secrets.hpp"

#include <algorithm>
#include <cstdlib>

#include "project_of.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/deployment.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::project {
namespace {

using base::quote;

const Secret& secret_of(const Project& project, const SecretUse& use) {
    return *std::find_if(project.secrets.begin(), project.secrets.end(), [&](const Secret& each) {
        return each.name == use.secret && each.is_config == use.is_config;
    });
}

std::string shown(const Secret& secret) {
    return (secret.is_config ? "config " : "secret ") + quote(secret.name);
}

// Of letters that any name can be spelled with; two secrets never share one.
std::string own_variable(const Project& project, const Secret& secret) {
    constexpr size_t kDigits = 16;
    return "SANDBOX_SECRET_" +
           base::sha256_hex(project.name + (secret.is_config ? "//" : "/") + secret.name)
               .substr(0, kDigits);
}

bool is_kept_nowhere(const Secret& secret) {
    return secret.file.empty() && !(secret.is_config && secret.content);
}

std::uint32_t id_of(const Service& service, const Secret& secret, const std::string& text) {
    if (text.empty()) return 0;
    const auto number = base::try_parse_u64(text);
    if (number && *number <= UINT32_MAX - 1) return static_cast<std::uint32_t>(*number);
    throw base::UsageError(
        service.where + ": " + shown(secret) + ": " + quote(text) + " is not a number",
        "uid and gid are numbers of the container's users");
}

void provide(const Project& project, const Service& service, const Secret& secret) {
    // execve(2): one string of the environment may have 128 KiB.
    constexpr size_t kMaxBytes = 120u << 10;
    const std::optional<std::string>& value = secret.content ? secret.content : secret.value;
    if (!value) {
        throw base::UsageError(service.where + ": " + shown(secret) + " is in no variable: " +
                                   quote(secret.environment) + " is not set",
                               "set it in the environment or in .env");
    }
    if (value->size() > kMaxBytes || value->find('\0') != std::string::npos) {
        throw base::UsageError(
            service.where + ": " + shown(secret) + " is longer than 120 KiB or has a NUL in it",
            "write it into a file and name that with \"file\"");
    }
    if (::setenv(own_variable(project, secret).c_str(), value->c_str(), 1) != 0) {
        throw base::Error("out of memory");
    }
}

}  // namespace

std::vector<engine::MemoryFile> memory_files_of(const Project& project, const Service& service) {
    std::vector<engine::MemoryFile> files;
    for (const SecretUse& use : service.secrets) {
        const Secret& secret = secret_of(project, use);
        engine::MemoryFile file;
        file.target = use.target;
        file.name = shown(secret);
        file.file = secret.file;
        if (is_kept_nowhere(secret)) {
            file.variables = {own_variable(project, secret)};
            if (!secret.environment.empty()) file.variables.push_back(secret.environment);
        } else if (secret.file.empty()) {
            file.content = secret.content;
        }
        file.uid = id_of(service, secret, use.uid);
        file.gid = id_of(service, secret, use.gid);
        file.mode = use.mode;
        files.push_back(std::move(file));
    }
    return files;
}

base::json::Value secret_sources(const Project& project, const Service& service) {
    base::json::Object sources;
    for (const SecretUse& use : service.secrets) {
        const Secret& secret = secret_of(project, use);
        base::json::Object one{{"file", secret.file}, {"environment", secret.environment}};
        if (secret.content && secret.is_config) one["content"] = *secret.content;
        sources[(secret.is_config ? "config " : "") + secret.name] = std::move(one);
    }
    return base::json::Value(std::move(sources));
}

void provide_secrets(const Project& project, const std::vector<std::string>& services) {
    for (const Service& service : project.services) {
        if (std::find(services.begin(), services.end(), service.name) == services.end()) continue;
        for (const SecretUse& use : service.secrets) {
            const Secret& secret = secret_of(project, use);
            if (!secret.refused && is_kept_nowhere(secret)) provide(project, service, secret);
        }
    }
}

void provide_secrets_for(const store::Store& store, const std::string& container) {
    try {
        const store::ContainerEntry entry = store::ContainerStore(store).find(container);
        const auto* files = entry.record["request"]["memory_files"].as_array();
        const bool needs =
            files != nullptr && std::any_of(files->begin(), files->end(), [](const auto& file) {
                return file["variables"].as_array() != nullptr;
            });
        if (!needs) return;
        const base::json::Value& labels = entry.record["labels"];
        if (const std::optional<Project> project = try_load_project_of(labels)) {
            provide_secrets(*project, {labels.string_or(label::kService)});
        }
    } catch (const base::Error& error) {  // the start tells what is missing
        base::log::debug("secrets of " + quote(container) + ": " + error.message());
    }
}

}  // namespace sandbox::project
