// What happened, for `events`: events/log in the store, one JSON document a line with docker's
// names, written by whoever did it. There is no daemon: each event is one O_APPEND write, so
// writers need no lock and readers see whole lines. Bounded: at 4 MiB the file becomes events/log.1
// and the former one of that name goes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "sandbox/base/json.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::store {

struct Event {
    std::string type;    // "container", "image", "volume", "network"
    std::string action;  // "start", "exec_create: sh -c true", "health_status: healthy"
    std::string id;      // of the object; volumes: the name
    std::string name{};
    std::string image{};  // containers: as it was asked for
    std::map<std::string, std::string> attributes{};
    base::Timestamp time{};  // zero: now
};

// Never throws: what happened, happened, and a full disk is no reason to fail because of a diary.
void append_event(const Store& store, const Event& event) noexcept;
// For a container's record: name, image and labels as docker's attributes.
[[nodiscard]] Event container_event(std::string action, const base::json::Value& record);

[[nodiscard]] Event image_event(std::string action, std::string id, std::string name);
// Everything of that type that nothing used has been removed.
[[nodiscard]] Event prune_event(std::string type, std::optional<std::uint64_t> reclaimed_bytes);

class EventReader {
  public:
    // `from_end`: what comes from now on.
    EventReader(const Store& store, bool from_end);
    EventReader(EventReader&&) noexcept;
    ~EventReader();
    // The next document, absent at the end for now. Damaged lines are left out.
    [[nodiscard]] std::optional<base::json::Value> try_next();
    // Waits until there may be more, the time is over, or (POLLERR) nobody reads `output_fd` any
    // more: false.
    [[nodiscard]] bool wait(int timeout_ms, int output_fd);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace sandbox::store
