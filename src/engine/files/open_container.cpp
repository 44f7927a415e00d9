#include "engine/files/open_container.hpp"

#include <fcntl.h>

#include <chrono>
#include <thread>

#include "engine/control/client.hpp"
#include "engine/saved_container.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::milliseconds kPause{20};

// Absent: nobody serves it at this moment.
std::unique_ptr<WorkPlace> try_running(const store::Store& store, const OpenContainer& container) {
    std::optional<ControlClient> client = ControlClient::try_connect(store, container.entry.id);
    if (!client) return nullptr;
    try {
        Reply reply = client->call(base::json::Object{{"op", "files"}});
        if (reply.fds.size() != 2) throw base::Error("the supervisor's answer makes no sense");
        return std::make_unique<RunningPlace>(std::move(reply.fds[0]), std::move(reply.fds[1]));
    } catch (const SupervisorGone&) {
        return nullptr;
    }
}

}  // namespace

OpenContainer open_container(const store::Store& store, const std::string& name) {
    const store::ContainerStore containers(store);
    OpenContainer container{containers.find(name), name, std::nullopt, {}};
    container.dir = base::open_at(store.containers_fd(), container.entry.id, O_PATH | O_DIRECTORY);
    container.owned = containers.try_own(container.entry.id);
    restore_layers(store, container.entry.record);
    return container;
}

std::unique_ptr<WorkPlace> make_place(const store::Store& store, OpenContainer& container,
                                      Mounts mounts) {
    const store::ContainerStore containers(store);
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
        if (!container.owned) container.owned = containers.try_own(container.entry.id);
        if (container.owned) {
            return std::make_unique<StoppedPlace>(store, *container.owned, container.entry.record,
                                                  mounts == Mounts::with);
        }
        if (auto running = try_running(store, container)) return running;
        // It is being started, has just ended, or somebody else works on its files.
        if (std::chrono::steady_clock::now() > deadline) {
            throw base::Error("container " + base::quote(container.typed) + " is busy",
                              "another command works on it: try again");
        }
        std::this_thread::sleep_for(kPause);
    }
}

}  // namespace sandbox::engine
