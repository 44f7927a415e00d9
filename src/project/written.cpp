#include "written.hpp"

#include <fcntl.h>

#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::project {

std::string written(const Documents& documents, const Node& node, std::string_view key) {
    const std::string* const raw = node.text();
    if (raw == nullptr) {
        documents.fail(
            node.at, base::quote(key) + ": expected text, found " + std::string(node.type_name()));
    }
    std::string text;
    try {
        text = interpolate(*raw, documents.scope(node.at).variables);
    } catch (const base::UsageError& error) {
        throw documents.error(node.at, error.message(), error.hint());
    }
    if (text.empty() || text.find('\0') != std::string::npos) {
        documents.fail(node.at, base::quote(key) + " is " + (text.empty() ? "empty" : "no text"));
    }
    return text;
}

std::string named_path(const Documents& documents, const Node& node, std::string_view key) {
    const std::string text = written(documents, node, key);
    if (text.find("://") != std::string::npos || text.starts_with("git@")) {
        documents.fail(node.at, base::quote(text) + " is not a path of this machine",
                       "fetch it, and name the file");
    }
    return base::clean_path(
        text.starts_with("/") ? text : documents.scope(node.at).directory + "/" + text);
}

std::string named_file(const Documents& documents, const Node& node, std::string_view key) {
    std::string path = named_path(documents, node, key);
    if (!base::exists_at(AT_FDCWD, path)) {
        documents.fail(node.at, "no such file: " + base::quote(path),
                       "make it, or correct the path");
    }
    return path;
}

std::vector<std::string> named_files(const Documents& documents, const Node& node,
                                     std::string_view key) {
    std::vector<std::string> paths;
    if (node.list() == nullptr) {
        paths.push_back(named_file(documents, node, key));
        return paths;
    }
    for (const Node& each : *node.list()) paths.push_back(named_file(documents, each, key));
    return paths;
}

}  // namespace sandbox::project
