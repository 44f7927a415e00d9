// Whether a container is good enough for those that wait for it, and if not, why not yet.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sandbox/oci/image_config.hpp"
#include "sandbox/project/profile.hpp"
#include "sandbox/store/container_state.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

struct Verdict {
    enum class Kind { good, not_yet, never } kind = Kind::not_yet;
    std::string why;  // not_yet: what is waited for; never: what went wrong
};

// What can be known of a container at this moment.
struct Observation {
    store::ContainerState state;
    bool has_check = false;              // a health check runs
    std::vector<std::string> declared;   // "3306/tcp": ports that it should listen on
    std::vector<std::string> listening;  // those that it does listen on
    bool listening_known = false;        // false: it could not be asked
};
// Pure. `timed_out`: its patience is over; then not_yet becomes never.
[[nodiscard]] Verdict judge(Condition condition, const Observation& seen, bool timed_out);

// The strictest that any of the others waits for; of a task: its end.
[[nodiscard]] Condition wanted_condition(const Service& service,
                                         const std::vector<const Service*>& others, bool wait);
// One of the others needs it to be ready or healthy.
[[nodiscard]] bool is_counted_on(const Service& service, const std::vector<const Service*>& others);

// Until the next look at what has been waited for that long: late by a sixteenth of it, at most.
[[nodiscard]] std::chrono::nanoseconds pause_after(std::chrono::nanoseconds waited) noexcept;

// The image's exposed ports, when the service runs the image's own program; another program in it,
// a worker beside its server, says nothing about them.
[[nodiscard]] std::vector<std::string> ports_of_image(const Service& service,
                                                      const oci::ImageConfig& image);

// Ports that the service says it listens on: ready.port, ports, expose; else the image's.
[[nodiscard]] std::vector<std::string> declared_ports(const Service& service,
                                                      const std::vector<std::string>& image_ports);

}  // namespace sandbox::project
