#include "engine/supervisor/attach_server.hpp"

#include <array>
#include <utility>

#include "sandbox/base/error.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

unsigned short cells(const json::Value& request, std::string_view key) {
    const auto number = request[key].try_u64().value_or(0);
    return number > UINT16_MAX ? 0 : static_cast<unsigned short>(number);
}

}  // namespace

void serve_attach(ControlServer& server, std::function<OutputHub*()> hub,
                  std::function<void(const winsize&)> resized) {
    server.on("attach", [hub](ControlCall call) {
        OutputHub* const streams = hub();
        if (streams == nullptr) throw base::Error("the container is not running");
        const json::Value& request = call.request();
        const base::UniqueFd end = streams->attach({.in = request["stdin"].is_true(),
                                                    .out = request["stdout"].is_true(),
                                                    .err = request["stderr"].is_true()});
        const std::array<int, 1> fds{end.get()};
        call.reply(json::Object{{"tty", streams->tty()}}, fds);
    });
    server.on("resize", [hub = std::move(hub), resized = std::move(resized)](ControlCall call) {
        const json::Value& request = call.request();
        if (OutputHub* const streams = hub()) {
            const winsize size{cells(request, "rows"), cells(request, "columns"), 0, 0};
            streams->resize(size);
            resized(size);
        }
        call.reply();
    });
}

}  // namespace sandbox::engine
