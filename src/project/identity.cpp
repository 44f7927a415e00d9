#include "identity.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/xdg.hpp"

namespace sandbox::project {
namespace {

// What cannot be interpolated is the reader's to refuse.
std::optional<std::string> try_scalar(const Documents& documents, const Node* node) {
    if (node == nullptr) return std::nullopt;
    if (const auto* whole = std::get_if<std::int64_t>(&node->value)) return std::to_string(*whole);
    if (node->text() == nullptr) return std::nullopt;
    try {
        return interpolate(*node->text(), documents.scope(node->at).variables);
    } catch (const base::UsageError&) {
        return *node->text();
    }
}

std::string in_container(const std::string& path) {
    return path.starts_with("/") ? base::clean_path(path) : path;
}

// "SOURCE:TARGET:OPTIONS", "TARGET", or a table.
std::string target_of(const Documents& documents, const Node& mount) {
    if (mount.table() != nullptr) {
        return in_container(try_scalar(documents, mount.find("target")).value_or(""));
    }
    const std::vector<std::string> parts =
        base::split(try_scalar(documents, &mount).value_or(""), ':');
    return in_container(parts.size() > 1 ? parts[1] : parts[0]);
}

// The same; a device without a target is at the path that it has outside.
std::string device_of(const Documents& documents, const Node& device) {
    const Node* const source = device.find("source");
    if (source != nullptr && device.find("target") == nullptr) {
        return in_container(try_scalar(documents, source).value_or(""));
    }
    const std::string target = target_of(documents, device);
    if (device.table() != nullptr || target.starts_with("/")) return target;
    const std::string text = try_scalar(documents, &device).value_or("");
    return in_container(text.substr(0, text.find(':')));
}

// Where a secret or config is seen as a file; `default_directory` ends with a slash.
std::string file_of(const Documents& documents, const Node& use,
                    std::string_view default_directory) {
    const Node* given = &use;
    if (const Node* const source = use.find("source")) given = source;
    if (const Node* const target = use.find("target")) given = target;
    const std::string text = try_scalar(documents, given).value_or("");
    if (text.empty() || text.starts_with("/")) return in_container(text);
    return base::clean_path(std::string(default_directory) + text);
}

// A file of the host, as the reader finds it.
std::string path_of(const Documents& documents, const Node& element) {
    const bool is_long = element.table() != nullptr;
    const std::string text =
        try_scalar(documents, is_long ? element.find("path") : &element).value_or("");
    if (text.empty()) return {};
    if (text.starts_with("/")) return base::clean_path(text);
    if (text == "~" || text.starts_with("~/")) {
        return base::clean_path(base::host_user().home + text.substr(1));
    }
    return base::clean_path(documents.scope(element.at).directory + "/" + text);
}

struct Port {
    std::string address, published, target, protocol;
};

// "ADDRESS:PUBLISHED:TARGET/PROTOCOL": all but the target may be missing.
Port split_port(std::string text) {
    Port port;
    if (const size_t slash = text.rfind('/'); slash != std::string::npos) {
        port.protocol = text.substr(slash + 1);
        text.resize(slash);
    }
    const size_t last = text.rfind(':');
    if (last == std::string::npos) {
        port.target = std::move(text);
        return port;
    }
    port.target = text.substr(last + 1);
    text.resize(last);
    const size_t first = text.rfind(':');
    port.published = text.substr(first == std::string::npos ? 0 : first + 1);
    if (first != std::string::npos) port.address = text.substr(0, first);
    return port;
}

std::string port_of(const Documents& documents, const Node& element) {
    Port port;
    if (element.table() == nullptr) {
        port = split_port(try_scalar(documents, &element).value_or(""));
    } else {
        const auto part = [&](std::string_view key) {
            return try_scalar(documents, element.find(key)).value_or("");
        };
        port = {part("host_ip"), part("published"), part("target"), part("protocol")};
    }
    if (port.target.empty()) return {};
    if (port.address.starts_with('[') && port.address.ends_with(']')) {
        port.address = port.address.substr(1, port.address.size() - 2);
    }
    if (port.address.empty()) port.address = "127.0.0.1";  // as it is published
    if (port.protocol.empty()) port.protocol = "tcp";
    std::transform(port.protocol.begin(), port.protocol.end(), port.protocol.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return port.address + ":" + port.published + ":" + port.target + "/" + port.protocol;
}

// "NAME:ADDRESS" is "NAME=ADDRESS".
std::string host_of(std::string text) {
    const size_t split = text.find_first_of("=:");
    if (split != std::string::npos) text[split] = '=';
    return text;
}

}  // namespace

std::string identity_of(const Documents& documents, std::string_view key, const Node& element) {
    if (key == "volumes") return target_of(documents, element);
    if (key == "devices") return device_of(documents, element);
    if (key == "secrets") return file_of(documents, element, "/run/secrets/");
    if (key == "configs") return file_of(documents, element, "/");
    if (key == "env_file" || key == "label_file") return path_of(documents, element);
    if (key == "ports") return port_of(documents, element);
    const std::string text = try_scalar(documents, &element).value_or("");
    if (key == "tmpfs") return in_container(text.substr(0, text.find(':')));
    if (key == "extra_hosts") return host_of(text);
    return text;
}

size_t find_outside_variables(std::string_view text, char wanted) noexcept {
    int depth = 0;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '$' && at + 1 < text.size() && text[at + 1] == '$' && depth == 0) {
            ++at;  // a dollar sign
        } else if (text[at] == '$' && at + 1 < text.size() && text[at + 1] == '{') {
            ++depth;
            ++at;
        } else if (text[at] == '}' && depth > 0) {
            --depth;
        } else if (text[at] == wanted && depth == 0) {
            return at;
        }
    }
    return std::string_view::npos;
}

}  // namespace sandbox::project
