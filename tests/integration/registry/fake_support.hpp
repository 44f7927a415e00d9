// What the registry's integration tests share: the fake registry as a child process, a home of
// their own, and a pull without a store.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sandbox/base/json.hpp"
#include "sandbox/oci/manifest.hpp"
#include "sandbox/registry/client.hpp"

namespace sandbox::test {

// A scratch directory that is HOME and all XDG directories while it lives; the proxy and auth
// variables are unset.
class Home {
  public:
    Home();
    ~Home();
    Home(const Home&) = delete;
    Home& operator=(const Home&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }
    void write(const std::string& name, const std::string& text, mode_t mode = 0600) const;
    // Appended to settings that make failures quick.
    void write_config(const std::string& text) const;
    void write_docker_login(const std::string& registry, const std::string& user = "user",
                            const std::string& password = "secret") const;

  private:
    std::string path_;
    std::vector<std::pair<std::string, std::string>> saved_;
};

class FakeRegistry {
  public:
    explicit FakeRegistry(const std::string& scenario, std::vector<std::string> options = {});
    ~FakeRegistry();
    FakeRegistry(const FakeRegistry&) = delete;
    FakeRegistry& operator=(const FakeRegistry&) = delete;

    [[nodiscard]] std::string port() const;
    [[nodiscard]] std::string other_port() const;
    [[nodiscard]] std::string fact(const std::string& name) const;
    [[nodiscard]] oci::Reference reference(const std::string& rest = "a/b:latest") const;
    [[nodiscard]] std::string authority() const { return host_ + ":" + port(); }
    // All requests so far; with `server` "main" or "other" only those.
    [[nodiscard]] std::vector<base::json::Value> requests(const std::string& server = {}) const;
    [[nodiscard]] size_t count(const std::string& path_part) const;

  private:
    std::string dir_;
    std::string host_ = "127.0.0.1";
    pid_t pid_ = -1;
    base::json::Value facts_;
};

struct Pulled {
    registry::FetchedManifest manifest;
    std::string config;
    std::map<std::string, std::string> layers;  // by digest
    int restarts = 0;
};
// Manifest (through one index), config, layers; digests are compared as the image room does.
Pulled pull(registry::Client& client, const oci::Reference& reference);
Pulled pull(const oci::Reference& reference);
// "message | hint" of the error that `action` throws; "no error" otherwise. Also checks that it
// took less than `limit_seconds` and that memory stayed below 256 MiB.
std::string error_of(const std::function<void()>& action, double limit_seconds = 30);
std::string pull_error(const oci::Reference& reference, double limit_seconds = 30);
[[nodiscard]] bool contains(const std::string& text, const std::string& part);

// Runs `action` in a child with a network of its own where 203.0.113.5 is a public address of this
// machine and `hosts` is its /etc/hosts; answers what it answers. Absent: no user namespaces here.
std::optional<std::string> in_public_network(const std::string& hosts,
                                             const std::function<std::string()>& action);

}  // namespace sandbox::test
