#include "engine/files/pause.hpp"

#include "engine/control/client.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"

namespace sandbox::engine {
namespace {

void call(const store::Store& store, const std::string& id, const char* op) {
    std::optional<ControlClient> client = ControlClient::try_connect(store, id);
    if (client) (void)client->call(base::json::Object{{"op", op}});
}

}  // namespace

Pause::Pause(const store::Store& store, const OpenContainer& container, bool wished)
    : store_(store) {
    if (!wished || !container.running()) return;
    try {
        std::optional<ControlClient> client = ControlClient::try_connect(store, container.entry.id);
        if (!client) return;
        const Reply state = client->call(base::json::Object{{"op", "state"}});
        if (state.value["state"].string_or("status") != "running") return;
        call(store, container.entry.id, "pause");
        id_ = container.entry.id;
    } catch (const base::Error& error) {
        base::log::notice("the container is read while it runs: " + error.message());
    }
}

Pause::~Pause() {
    if (id_.empty()) return;
    try {
        call(store_, id_, "unpause");
    } catch (const base::Error& error) {
        base::log::warning("the container could not be let run again: " + error.message());
    }
}

}  // namespace sandbox::engine
