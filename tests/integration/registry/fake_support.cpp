#include "integration/registry/fake_support.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

extern char** environ;

namespace sandbox::test {

namespace {

namespace json = base::json;

constexpr const char* kVariables[] = {
    "HOME",          "XDG_CONFIG_HOME",    "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
    "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "http_proxy",    "https_proxy",
    "HTTPS_PROXY",   "all_proxy",          "ALL_PROXY",     "no_proxy",
    "NO_PROXY",      "SSL_CERT_FILE",      "SSL_CERT_DIR",  "PATH"};

constexpr const char* kQuick =
    "[network]\nretry_delay_seconds = 0.01\nretry_after_cap_seconds = 2\nlow_speed_seconds = 2\n"
    "connect_timeout_seconds = 3\n";

std::string make_scratch() {
    std::string path = (std::filesystem::temp_directory_path() / "sandbox-registry-XXXXXX");
    if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp");
    return path;
}

std::string read_all(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

void must(bool ok, const char* what) {
    if (!ok) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

void write_file(const char* path, const std::string& text) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), path);
    close(fd);
}

// netdevice(7): an alias of lo takes a second address.
void bring_up(const char* name, const char* address) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "socket");
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (address != nullptr) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        inet_pton(AF_INET, address, &in.sin_addr);
        std::memcpy(&request.ifr_addr, &in, sizeof in);
        must(ioctl(fd, SIOCSIFADDR, &request) == 0, "SIOCSIFADDR");
    }
    must(ioctl(fd, SIOCGIFFLAGS, &request) == 0, "SIOCGIFFLAGS");
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    must(ioctl(fd, SIOCSIFFLAGS, &request) == 0, "SIOCSIFFLAGS");
    close(fd);
}

void enter_public_network(const std::string& hosts) {
    const uid_t uid = getuid();
    const gid_t gid = getgid();
    must(unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) == 0, "unshare");
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
    write_file("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
    bring_up("lo", nullptr);
    bring_up("lo:1", "203.0.113.5");
    const std::string dir = make_scratch();
    std::ofstream(dir + "/hosts") << hosts;
    std::ofstream(dir + "/resolv.conf") << "nameserver 127.0.0.1\n";
    must(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private");
    must(mount((dir + "/hosts").c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) == 0, "hosts");
    must(mount((dir + "/resolv.conf").c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr) == 0,
         "resolv.conf");
    std::filesystem::remove_all(dir);  // the mounts hold what they need
}

}  // namespace

Home::Home() : path_(make_scratch()) {
    for (const char* name : kVariables) {
        const char* value = getenv(name);
        saved_.emplace_back(name, value == nullptr ? "\x01" : value);
        if (std::strcmp(name, "PATH") != 0) unsetenv(name);
    }
    setenv("HOME", path_.c_str(), 1);
    setenv("XDG_CONFIG_HOME", (path_ + "/config").c_str(), 1);
    setenv("XDG_DATA_HOME", (path_ + "/data").c_str(), 1);
    setenv("XDG_RUNTIME_DIR", (path_ + "/run").c_str(), 1);
    write_config("");
}

Home::~Home() {
    for (const auto& [name, value] : saved_) {
        if (value == "\x01") {
            unsetenv(name.c_str());
        } else {
            setenv(name.c_str(), value.c_str(), 1);
        }
    }
    std::filesystem::remove_all(path_);
}

void Home::write(const std::string& name, const std::string& text, mode_t mode) const {
    const std::filesystem::path file = path_ + "/" + name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    chmod(file.c_str(), mode);
}

void Home::write_config(const std::string& text) const {
    write("config/sandbox/config.toml", kQuick + text);
}

void Home::write_docker_login(const std::string& registry, const std::string& user,
                              const std::string& password) const {
    write(".docker/config.json", R"({"auths": {")" + registry + R"(": {"auth": ")" +
                                     base::base64_encode(user + ":" + password) + "\"}}}");
}

FakeRegistry::FakeRegistry(const std::string& scenario, std::vector<std::string> options)
    : dir_(make_scratch()) {
    std::vector<std::string> words = {
        "python3",     SANDBOX_SOURCE_DIR "/tests/support/fake_registry.py",
        "--scenario",  scenario,
        "--port-file", dir_ + "/port",
        "--log",       dir_ + "/log",
        "--cert-dir",  dir_ + "/certs"};
    for (size_t i = 0; i < options.size(); ++i) {
        if (options[i] == "--bind") host_ = options[i + 1];
    }
    words.insert(words.end(), options.begin(), options.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (posix_spawnp(&pid_, argv[0], nullptr, nullptr, argv.data(), environ) != 0) {
        throw std::runtime_error("cannot start python3");
    }
    for (int i = 0; i < 2000; ++i) {
        if (std::filesystem::exists(dir_ + "/port")) {
            facts_ = json::parse(read_all(dir_ + "/port"));
            return;
        }
        if (waitpid(pid_, nullptr, WNOHANG) == pid_) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw std::runtime_error("the fake registry does not start: " + scenario);
}

FakeRegistry::~FakeRegistry() {
    // It removes what it made in /tmp, unless it hangs.
    (void)kill(pid_, SIGTERM);
    int waits = 0;
    while (waitpid(pid_, nullptr, WNOHANG) == 0) {
        if (++waits == 500) (void)kill(pid_, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    std::filesystem::remove_all(dir_);
}

std::string FakeRegistry::port() const {
    return std::to_string(*facts_["port"].try_u64());
}
std::string FakeRegistry::other_port() const {
    return std::to_string(*facts_["other_port"].try_u64());
}
std::string FakeRegistry::fact(const std::string& name) const {
    return facts_.string_or(name);
}

oci::Reference FakeRegistry::reference(const std::string& rest) const {
    return oci::Reference::parse(authority() + "/" + rest);
}

std::vector<json::Value> FakeRegistry::requests(const std::string& server) const {
    std::vector<json::Value> all;
    for (const std::string& line : base::split(read_all(dir_ + "/log"), '\n')) {
        if (line.empty()) continue;
        json::Value entry = json::parse(line);
        if (server.empty() || entry.string_or("server") == server) all.push_back(std::move(entry));
    }
    return all;
}

size_t FakeRegistry::count(const std::string& path_part) const {
    size_t n = 0;
    for (const json::Value& request : requests()) {
        if (contains(request.string_or("path"), path_part)) ++n;
    }
    return n;
}

Pulled pull(registry::Client& client, const oci::Reference& reference) {
    Pulled out{client.fetch_manifest(reference), {}, {}, 0};
    if (oci::document_kind(out.manifest.body, out.manifest.content_type) ==
        oci::DocumentKind::index) {
        const oci::Index index = oci::parse_index(out.manifest.body, out.manifest.content_type);
        const oci::IndexEntry& entry =
            oci::select_platform(index, oci::Platform::parse("linux/amd64"));
        out.manifest = client.fetch_manifest(reference.with_digest(entry.descriptor.digest));
    }
    const oci::Manifest manifest =
        oci::parse_manifest(out.manifest.body, out.manifest.content_type);
    out.config = client.fetch_blob(reference, manifest.config.digest, manifest.config.size_bytes);
    std::exception_ptr error;
    for (const oci::Descriptor& layer : manifest.layers) {
        if (out.layers.contains(layer.digest.str())) continue;  // the same layer twice
        std::string& body = out.layers[layer.digest.str()];
        registry::BlobRequest request{reference, layer.digest, layer.size_bytes, 0, {}, {}, {}};
        request.on_data = [&](std::string_view bytes) { body.append(bytes); };
        request.on_restart = [&] {
            body.clear();
            ++out.restarts;
        };
        request.on_done = [&error](std::exception_ptr result) {
            if (result && !error) error = std::move(result);
        };
        client.start_blob(std::move(request));
    }
    while (client.step(std::chrono::milliseconds(200))) {
    }
    if (error) std::rethrow_exception(error);
    for (const auto& [digest, body] : out.layers) {
        const std::string found = oci::Digest::of(body).str();
        if (found != digest) {
            throw base::IntegrityError("digest is wrong: " + digest + ", found " + found);
        }
    }
    return out;
}

Pulled pull(const oci::Reference& reference) {
    registry::Client client;
    return pull(client, reference);
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string error_of(const std::function<void()>& action, double limit_seconds) {
    const auto start = std::chrono::steady_clock::now();
    std::string text = "no error";
    try {
        action();
    } catch (const base::Error& error) {
        text = error.message() + " | " + error.hint();
        CHECK(text.find_first_of("\n\r\x1b") == std::string::npos);
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    CHECK(taken.count() < limit_seconds);
#ifndef __SANITIZE_ADDRESS__
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    CHECK(usage.ru_maxrss < 256 * 1024);
#endif
    return text;
}

std::string pull_error(const oci::Reference& reference, double limit_seconds) {
    return error_of([&] { (void)pull(reference); }, limit_seconds);
}

std::optional<std::string> in_public_network(const std::string& hosts,
                                             const std::function<std::string()>& action) {
    int ends[2];
    must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    const pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        std::string text;
        try {
            enter_public_network(hosts);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "no network of its own: %s\n", error.what());
            _exit(77);
        }
        try {
            text = action();
        } catch (const std::exception& error) {
            text = std::string("exception: ") + error.what();
        }
        (void)!write(ends[1], text.data(), text.size());
        _exit(0);
    }
    close(ends[1]);
    std::string text;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = read(ends[0], buffer, sizeof buffer)) > 0) {
        text.append(buffer, static_cast<size_t>(got));
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return std::nullopt;
    return text;
}

}  // namespace sandbox::test
