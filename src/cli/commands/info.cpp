#include <fcntl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/listing_flags.hpp"
#include "cli/show.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/xdg.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/oci/platform.hpp"
#include "sandbox/store/image_store.hpp"

namespace sandbox::cli {
namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

constexpr Flag kFlags[] = {kInspectFormatFlag};

// PRETTY_NAME of os-release(5).
std::string system_name() {
    const std::optional<std::string> text =
        base::try_read_file_at(AT_FDCWD, "/etc/os-release", 64u << 10);
    if (!text) return "Linux";
    for (const std::string& line : base::split(*text, '\n')) {
        if (!line.starts_with("PRETTY_NAME=")) continue;
        std::string name = line.substr(12);
        std::erase(name, '"');
        return name;
    }
    return "Linux";
}

Value make_document(const store::Store& store) {
    std::set<std::string> images;
    for (const store::ImageRecord& record : store::ImageStore(store).list()) {
        images.insert(record.id.hex());
    }
    const std::vector<engine::ContainerRow> containers = engine::list_containers(store);
    const auto count = [&](std::string_view state) {
        return std::count_if(containers.begin(), containers.end(),
                             [&](const auto& row) { return row.state == state; });
    };
    const auto running = count("running"), paused = count("paused");
    utsname system{};
    (void)::uname(&system);
    struct sysinfo memory {};
    (void)::sysinfo(&memory);
    const bool range = kernel::host_id_map().mode == kernel::IdMode::range;
    const bool rootless = ::geteuid() != 0;
    Array security{"name=seccomp,profile=builtin", "name=userns"};
    if (rootless) security.push_back("name=rootless");
    // docker says "none" where an ordinary user has no cgroup of his own.
    const bool unified = ::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
    return Object{{"Name", system.nodename},
                  {"ServerVersion", SANDBOX_VERSION},
                  {"ClientInfo", Object{{"Version", SANDBOX_VERSION}, {"Context", "default"}}},
                  {"CgroupVersion", unified ? "2" : "1"},
                  {"CgroupDriver", unified ? "cgroupfs" : "none"},
                  {"LoggingDriver", "json-file"},
                  {"DefaultRuntime", "sandbox"},
                  {"Swarm", Object{{"LocalNodeState", "inactive"}}},
                  {"Warnings", nullptr},
                  {"Driver", "overlay"},
                  {"DockerRootDir", store.root()},
                  {"Images", images.size()},
                  {"Containers", containers.size()},
                  {"ContainersRunning", running},
                  {"ContainersPaused", paused},
                  {"ContainersStopped", static_cast<long>(containers.size()) - running - paused},
                  {"OperatingSystem", system_name()},
                  {"OSType", "linux"},
                  {"KernelVersion", system.release},
                  {"Architecture", system.machine},
                  {"NCPU", ::sysconf(_SC_NPROCESSORS_ONLN)},
                  {"MemTotal", static_cast<std::uint64_t>(memory.totalram) * memory.mem_unit},
                  {"SecurityOptions", security},
                  {"Rootless", rootless},
                  {"IdMode", range ? "range" : "single"},
                  {"ConfigFile", base::config_home() + "/sandbox/config.toml"}};
}

void print_text(Output& out, const Value& document) {
    const auto number = [&](std::string_view key) {
        return std::to_string(document[key].try_i64().value_or(0));
    };
    out.line("Version:           " + document.string_or("ServerVersion"));
    out.line("Store:             " + document.string_or("DockerRootDir"));
    out.line("Configuration:     " + document.string_or("ConfigFile"));
    out.line("Images:            " + number("Images"));
    out.line("Containers:        " + number("Containers") + ", " + number("ContainersRunning") +
             " running");
    out.line("Ids:               " + document.string_or("IdMode") + " (see `sandbox doctor`)");
    out.line("Operating system:  " + document.string_or("OperatingSystem"));
    out.line("Kernel:            " + document.string_or("KernelVersion"));
    out.line("Architecture:      " + document.string_or("Architecture"));
    out.line("CPUs:              " + number("NCPU"));
    out.line("Memory:            " + base::format_size(document["MemTotal"].try_u64().value_or(0)));
}

int run(Context& context, const Invocation& in) {
    const Value document = make_document(context.store());
    if (const std::optional<std::string> format = in.try_value("format")) {
        show_document(context.out, document, *format);
    } else {
        print_text(context.out, document);
    }
    return 0;
}

}  // namespace

constinit const Command kInfoCommand = {
    .names = "info,system info",
    .arguments = "",
    .summary = "Show the store, its content and the machine",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run,
};

}  // namespace sandbox::cli
