#include "written.hpp"

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

}  // namespace sandbox::project
