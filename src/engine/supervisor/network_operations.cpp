#include "engine/supervisor/network_operations.hpp"

#include <utility>

#include "engine/flags/option_flags.hpp"
#include "engine/network/network_change.hpp"
#include "engine/network/own_files.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

ContainerNetwork& require(ContainerNetwork* network) {
    if (network != nullptr) return *network;
    throw base::Error("the container has no network that could be changed while it runs",
                      "it runs with --network none or host, or not at this moment");
}

// The container's own files follow. Where they cannot, its networks have changed all the same.
void change(LiveContainer& live, ContainerNetwork& network, const std::function<void()>& action) {
    const OwnWords before = network.own_words();
    action();
    try {
        if (live.launched() != nullptr) {
            rewrite_own_files(live.launched()->namespaces, before, network.own_words());
        }
    } catch (const base::Error& error) {
        base::log::warning("its resolv.conf and hosts stay as they are: " + error.message());
    }
}

void keep(LiveContainer& live, const ContainerNetwork& network, json::Value record) {
    live.save_record(std::move(record));
    live.state().network = network.facts();
    live.save_state();
}

}  // namespace

void serve_networks(LiveContainer& live, const std::function<ContainerNetwork*()>& network) {
    live.server().on("network_connect", [&live, network](ControlCall call) {
        ContainerNetwork& own = require(network());
        const std::string word = call.request().string_or("word");
        json::Value record = with_network(live.record(), word);
        change(live, own, [&] { own.connect(parse_network_use(word)); });
        keep(live, own, std::move(record));
        call.reply();
    });
    live.server().on("network_disconnect", [&live, network](ControlCall call) {
        ContainerNetwork& own = require(network());
        const std::string name = call.request().string_or("network");
        json::Value record = without_network(live.record(), name);
        change(live, own, [&] { own.disconnect(name); });
        keep(live, own, std::move(record));
        call.reply();
    });
    live.on_rename([network](const std::string& name) {
        try {
            if (ContainerNetwork* own = network()) own->rename(name);
        } catch (const base::Error& error) {  // a holder that died hears it when it is back
            base::log::debug(error.message());
        }
    });
}

}  // namespace sandbox::engine
