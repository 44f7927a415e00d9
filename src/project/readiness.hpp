// Whether a container is good enough for those that wait for it, and if not, why not yet.
#pragma once

#include <chrono>
#include <optional>
#include <set>
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

// What `service` waits for of `other` before it starts; absent: it does not need it.
[[nodiscard]] std::optional<Condition> condition_for(const Service& service,
                                                     const std::string& other);

// What `up` has to see of a service until it is done with it.
struct Expectation {
    std::set<Condition> conditions;  // more than its start, which is always wanted
    bool is_needed = true;  // false: nobody counts on it; how it fares is told and is no failure
    bool may_end = true;    // with 0
    bool strict = false;    // as asked for: what shall run to its end has a time for it
};
// `least`: what is wanted of those that no other waits for; absent: their start. `strict`: all of
// them are needed; else tasks, those with a check of their own, and those that others wait for.
[[nodiscard]] Expectation expectation_of(const Service& service,
                                         const std::vector<const Service*>& others,
                                         std::optional<Condition> least, bool strict);
// One of its own, or its image's.
[[nodiscard]] bool has_check(const Service& service, const oci::ImageConfig& image);

// "has ended with 3", with what is known of the reason.
[[nodiscard]] std::string end_text(const store::ContainerState& state);

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
