// A profile or a compose file: refused with an error of one line, or a project. Two inputs: the
// first byte chooses TOML or YAML.
#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/project/compose.hpp"
#include "sandbox/project/profile.hpp"

namespace {

struct Directory {
    Directory() {
        char pattern[] = "/tmp/sandbox-fuzz-profile-XXXXXX";
        path = ::mkdtemp(pattern);
    }
    ~Directory() { (void)sandbox::base::remove_tree_at(AT_FDCWD, path); }
    std::string path;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    namespace project = sandbox::project;
    static const Directory kDirectory;
    if (size_bytes == 0) return 0;
    const bool yaml = (data[0] & 1U) != 0;
    const std::string name = yaml ? "compose.yaml" : "sandbox.toml";
    const std::string path = kDirectory.path + "/" + name;
    sandbox::base::write_file_atomic(AT_FDCWD, path,
                                     {reinterpret_cast<const char*>(data) + 1, size_bytes - 1},
                                     0644, sandbox::base::Durability::volatile_data);
    project::LoadOptions options;
    options.files = {path};
    options.current_dir = kDirectory.path;
    options.environment = [](const std::string& variable) -> std::optional<std::string> {
        return variable == "A" ? std::optional<std::string>("a") : std::nullopt;
    };
    try {
        (void)project::load_project(options);
    } catch (const sandbox::base::Error& error) {
        if (error.message().find('\n') != std::string::npos) std::abort();
    }
    if (!yaml) return 0;
    try {
        (void)project::import_compose(path, name);
    } catch (const sandbox::base::Error& error) {
        if (error.message().find('\n') != std::string::npos) std::abort();
    }
    return 0;
}
