#include "registry/config.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/toml.hpp"
#include "sandbox/base/xdg.hpp"

namespace sandbox::registry {

namespace {

namespace toml = base::toml;
constexpr size_t kMaxConfigFileBytes = 1 << 20;

class Reader {
  public:
    explicit Reader(const std::string& file_name) : file_(file_name) {}

    Config read(const toml::Node& root) const {
        Config config;
        for (const toml::Member& member : table(root)) {
            if (member.key == "network") {
                read_network(member.node, config);
            } else if (member.key == "registries") {
                for (const toml::Member& entry : table(member.node)) {
                    config.registries[authority(entry)] = read_registry(entry.node);
                }
            } else {
                unknown(member, {"network", "registries"});
            }
        }
        return config;
    }

  private:
    [[noreturn]] void fail(toml::Position at, const std::string& why,
                           const std::string& hint = {}) const {
        throw base::UsageError(
            file_ + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " + why,
            hint);
    }
    [[noreturn]] void unknown(const toml::Member& member,
                              const std::vector<std::string>& known) const {
        const auto nearest = base::try_nearest(member.key, known);
        fail(member.key_at, "unknown key " + base::quote(member.key),
             nearest ? "did you mean " + base::quote(*nearest) + "?"
                     : "known here: " + base::join(known, ", "));
    }
    [[noreturn]] void wrong_type(const toml::Node& node, std::string_view wanted) const {
        fail(node.at, "a " + std::string(wanted) + " is needed here, not a " +
                          std::string(node.type_name()));
    }

    const toml::Table& table(const toml::Node& node) const {
        if (const auto* value = std::get_if<toml::Table>(&node.value)) return *value;
        wrong_type(node, "table");
    }
    const std::string& text(const toml::Node& node) const {
        if (const auto* value = std::get_if<std::string>(&node.value)) return *value;
        wrong_type(node, "string");
    }
    bool boolean(const toml::Node& node) const {
        if (const auto* value = std::get_if<bool>(&node.value)) return *value;
        wrong_type(node, "boolean");
    }
    double number(const toml::Node& node, double least, double most) const {
        double value = 0;
        if (const auto* whole = std::get_if<std::int64_t>(&node.value)) {
            value = static_cast<double>(*whole);
        } else if (const auto* real = std::get_if<double>(&node.value)) {
            value = *real;
        } else {
            wrong_type(node, "number");
        }
        if (!(value >= least && value <= most)) {
            char text[96];
            (void)std::snprintf(text, sizeof text, "out of range: allowed is %g to %g", least,
                                most);
            fail(node.at, text);
        }
        return value;
    }
    std::vector<std::string> texts(const toml::Node& node) const {
        const auto* array = std::get_if<toml::Array>(&node.value);
        if (array == nullptr) wrong_type(node, "array of strings");
        std::vector<std::string> out;
        for (const toml::Node& item : *array) out.push_back(text(item));
        return out;
    }
    // Our own files are named from any working directory.
    std::string path(const toml::Node& node) const {
        const std::string& value = text(node);
        if (value.starts_with("~/")) return base::host_user().home + value.substr(1);
        if (!value.starts_with("/")) fail(node.at, "an absolute path is needed here");
        return value;
    }
    std::string authority(const toml::Member& entry) const {
        try {
            std::string key = base::to_lower(entry.key);
            (void)make_origin(Scheme::https, key);
            return key;
        } catch (const base::Error&) {
            fail(entry.key_at, "bad registry name " + base::quote(entry.key),
                 "a host or host:port is needed, without \"https://\" and path");
        }
    }

    void read_network(const toml::Node& node, Config& config) const {
        const auto seconds = [&](const toml::Node& value, double least, double most) {
            return std::chrono::milliseconds(std::llround(number(value, least, most) * 1000));
        };
        const auto whole_seconds = [&](const toml::Node& value, double least, double most) {
            return std::chrono::seconds(std::llround(number(value, least, most)));
        };
        for (const toml::Member& m : table(node)) {
            if (m.key == "connect_timeout_seconds") {
                config.timing.connect = seconds(m.node, 0.1, 600);
            } else if (m.key == "low_speed_seconds") {
                config.timing.low_speed = whole_seconds(m.node, 1, 3600);
            } else if (m.key == "low_speed_bytes") {
                config.timing.low_speed_bytes =
                    static_cast<std::uint32_t>(number(m.node, 1, 1 << 30));
            } else if (m.key == "retries") {
                config.retry.tries = static_cast<int>(number(m.node, 0, 20)) + 1;
            } else if (m.key == "retry_delay_seconds") {
                config.retry.first_delay = seconds(m.node, 0, 60);
            } else if (m.key == "retry_after_cap_seconds") {
                config.retry.cap = whole_seconds(m.node, 1, 3600);
            } else if (m.key == "parallel_downloads") {
                config.parallel_downloads = static_cast<int>(number(m.node, 1, 64));
            } else {
                unknown(m, {"connect_timeout_seconds", "low_speed_seconds", "low_speed_bytes",
                            "retries", "retry_delay_seconds", "retry_after_cap_seconds",
                            "parallel_downloads"});
            }
        }
    }

    RegistryConfig read_registry(const toml::Node& node) const {
        RegistryConfig registry;
        for (const toml::Member& m : table(node)) {
            if (m.key == "insecure") {
                registry.insecure = boolean(m.node);
            } else if (m.key == "mirrors") {
                registry.mirrors = texts(m.node);
                for (std::string& mirror : registry.mirrors) mirror = mirror_name(m.node, mirror);
            } else if (m.key == "ca") {
                registry.ca = path(m.node);
            } else if (m.key == "client_cert") {
                registry.client_cert = path(m.node);
            } else if (m.key == "client_key") {
                registry.client_key = path(m.node);
            } else if (m.key == "auth_hosts") {
                registry.auth_hosts = texts(m.node);
                for (std::string& host : registry.auth_hosts) host = base::to_lower(host);
            } else {
                unknown(m,
                        {"insecure", "mirrors", "ca", "client_cert", "client_key", "auth_hosts"});
            }
        }
        if (!registry.client_key.empty() && registry.client_cert.empty()) {
            fail(node.at, "\"client_key\" without \"client_cert\"");
        }
        return registry;
    }

    // "https://" is what people copy from docker's daemon.json: harmless. "http://" is not said
    // here, but by insecure = true for that mirror.
    std::string mirror_name(const toml::Node& node, std::string mirror) const {
        if (mirror.starts_with("https://")) mirror.erase(0, 8);
        while (mirror.ends_with("/")) mirror.pop_back();
        const size_t host_bytes = std::min(mirror.find('/'), mirror.size());
        mirror.replace(0, host_bytes, base::to_lower(mirror.substr(0, host_bytes)));
        try {
            (void)make_origin(Scheme::https, mirror.substr(0, mirror.find('/')));
        } catch (const base::Error&) {
            const bool plain = mirror.starts_with("http://");
            fail(node.at, "bad mirror " + base::quote(mirror),
                 plain ? "leave out \"http://\" and set insecure = true in "
                         "[registries.\"" +
                             mirror.substr(7) + "\"]"
                       : "a host, host:port or host/prefix is needed");
        }
        return mirror;
    }

    const std::string& file_;
};

}  // namespace

const RegistryConfig* Config::find(std::string_view authority) const {
    const auto it = registries.find(base::to_lower(authority));
    return it == registries.end() ? nullptr : &it->second;
}

Config parse_config(std::string_view text, const std::string& file_name) {
    return Reader(file_name).read(toml::parse(text, file_name));
}

Config load_config() {
    const std::string path = base::config_home() + "/sandbox/config.toml";
    const auto text = base::try_read_file_at(AT_FDCWD, path, kMaxConfigFileBytes);
    return text ? parse_config(*text, path) : Config{};
}

}  // namespace sandbox::registry
