#include "registry/auth_file.hpp"

#include <algorithm>
#include <set>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::registry {

namespace {

namespace json = base::json;

// Our own limits: a login file of a person is a few kilobytes.
constexpr json::Limits kLimits{1u << 20, 16};

Credential read_entry(const json::Value& entry, std::string_view key) {
    Credential credential;
    credential.identity_token = entry.string_or("identitytoken");
    credential.registry_token = entry.string_or("registrytoken");
    credential.user = entry.string_or("username");
    credential.password = entry.string_or("password");
    const std::string packed = entry.string_or("auth");
    if (packed.empty()) return credential;
    const auto text = base::try_base64_decode(packed);
    const size_t colon = text ? text->find(':') : std::string::npos;
    if (!text || colon == std::string::npos) {
        throw base::IntegrityError("bad auth file: the entry of " + base::quote(key) +
                                   " is not base64 of user:password");
    }
    credential.user = text->substr(0, colon);
    credential.password = text->substr(colon + 1);
    // Old versions of docker padded with NULs.
    while (!credential.password.empty() && credential.password.back() == '\0') {
        credential.password.pop_back();
    }
    return credential;
}

// Keys from the most to the least special: host/a/b, host/a, host.
std::vector<std::string> candidate_keys(std::string_view registry, std::string_view repository) {
    std::vector<std::string> keys;
    std::string key = canonical_registry(registry);
    const size_t host_bytes = key.size();
    if (!repository.empty()) key += "/" + std::string(repository);
    while (key.size() > host_bytes) {
        keys.push_back(key);
        key.resize(key.rfind('/'));
    }
    keys.push_back(key);
    return keys;
}

// As canonical_registry(), but a namespace after the host is kept.
std::string canonical_key(std::string_view key) {
    const bool url = key.starts_with("https://") || key.starts_with("http://");
    std::string_view text = key;
    if (url) text.remove_prefix(text.find("//") + 2);
    while (text.ends_with("/")) text.remove_suffix(1);
    const size_t slash = text.find('/');
    std::string host = canonical_registry(text.substr(0, slash));
    if (slash == text.npos) return host;
    const std::string_view path = text.substr(slash);
    if (url || path == "/v1" || path == "/v2") return host;
    return host + std::string(path);
}

}  // namespace

std::string canonical_registry(std::string_view key) {
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
    }
    std::string host = base::to_lower(key.substr(0, key.find('/')));
    if (host == "index.docker.io" || host == "registry-1.docker.io") return "docker.io";
    return host;
}

AuthFile AuthFile::parse(std::string_view text) {
    AuthFile file;
    if (base::trim(text).empty()) return file;
    file.root_ = json::parse(text, kLimits);
    const json::Value& root = file.root_;
    if (root.as_object() == nullptr) throw base::IntegrityError("bad auth file: no object");
    for (const char* key : {"auths", "credHelpers"}) {
        if (!root[key].is_null() && root[key].as_object() == nullptr) {
            throw base::IntegrityError("bad auth file: \"" + std::string(key) + "\" is no object");
        }
    }
    return file;
}

std::optional<Credential> AuthFile::try_find(std::string_view registry,
                                             std::string_view repository) const {
    const json::Object* auths = root_["auths"].as_object();
    if (auths == nullptr) return std::nullopt;
    for (const std::string& wanted : candidate_keys(registry, repository)) {
        for (const auto& [key, entry] : *auths) {
            if (canonical_key(key) != wanted) continue;
            Credential credential = read_entry(entry, key);
            if (!credential.empty()) return credential;
        }
    }
    return std::nullopt;
}

std::string AuthFile::helper_for(std::string_view registry) const {
    const std::string wanted = canonical_registry(registry);
    if (const json::Object* helpers = root_["credHelpers"].as_object()) {
        for (const auto& [key, name] : *helpers) {
            const std::string* text = name.as_string();
            if (text != nullptr && canonical_registry(key) == wanted) return *text;
        }
    }
    return root_.string_or("credsStore");
}

bool AuthFile::holds_secrets() const {
    const json::Object* auths = root_["auths"].as_object();
    if (auths == nullptr) return false;
    return std::any_of(auths->begin(), auths->end(), [](const json::Object::Member& member) {
        for (const char* key : {"auth", "password", "identitytoken", "registrytoken"}) {
            if (!member.second.string_or(key).empty()) return true;
        }
        return false;
    });
}

std::vector<std::string> AuthFile::registries() const {
    std::set<std::string> names;
    if (const json::Object* auths = root_["auths"].as_object()) {
        for (const auto& [key, entry] : *auths) names.insert(canonical_key(key));
    }
    return {names.begin(), names.end()};
}

void AuthFile::set(std::string_view registry, const Credential& credential) {
    (void)remove(registry);
    json::Object entry;
    if (!credential.password.empty() || credential.identity_token.empty()) {
        entry.append("auth", base::base64_encode(credential.user + ":" + credential.password));
    } else {
        entry.append("auth", base::base64_encode(credential.user + ":"));
        entry.append("identitytoken", credential.identity_token);
    }
    if (root_.is_null()) root_ = json::Object{};
    json::Object& root = *root_.as_object();
    json::Value& auths = root["auths"];
    if (auths.is_null()) auths = json::Object{};
    (*auths.as_object())[canonical_registry(registry)] = std::move(entry);
}

bool AuthFile::remove(std::string_view registry) {
    json::Object* root = root_.as_object();
    json::Value* auths = root == nullptr ? nullptr : root->find("auths");
    json::Object* entries = auths == nullptr ? nullptr : auths->as_object();
    if (entries == nullptr) return false;
    const std::string wanted = canonical_registry(registry);
    std::vector<std::string> keys;
    for (const auto& [key, entry] : *entries) {
        if (canonical_key(key) == wanted) keys.push_back(key);
    }
    for (const std::string& key : keys) entries->erase(key);
    return !keys.empty();
}

void AuthFile::remove_all() {
    if (json::Object* root = root_.as_object()) root->erase("auths");
}

std::string AuthFile::str() const {
    return json::dump(root_.is_null() ? json::Value(json::Object{}) : root_, 2) + "\n";
}

}  // namespace sandbox::registry
