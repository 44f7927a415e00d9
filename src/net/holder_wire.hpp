// What a holder and a container's supervisor say to each other: JSON documents, one a packet.
//   {"op":"enter", wish…}             → {"id","v4","v6"?,"server","inside"}
//   {"op":"join","itself":bool} + fd  → {}        {"op":"publish","transport","port"} + fd → {}
//   {"op":"names","names"}            → {}        {"op":"view","others"}                   → {}
//   {"op":"lead_out"} + fd            → {}        {"op":"want_names"}                      → {}
//   {"op":"fault","a","b",…}          → {}        {"op":"faults"}  → {"faults"}, by anybody
//   join and want_names answer {"others"} to who wants names.
//   errors: {"error","hint","code"}               unasked: {"event":"names","others"}
#pragma once

#include <string>
#include <vector>

#include "sandbox/base/json.hpp"
#include "sandbox/net/fault.hpp"
#include "sandbox/net/holder.hpp"

namespace sandbox::net::wire {

[[nodiscard]] base::json::Value wish_to_json(const AttachPlan& wish);
[[nodiscard]] AttachPlan wish_from_json(const base::json::Value& value);
[[nodiscard]] base::json::Value attachment_to_json(const Attachment& attachment);
[[nodiscard]] Attachment attachment_from_json(const base::json::Value& value);  // throws Error
[[nodiscard]] base::json::Value names_to_json(const std::vector<NamedAddresses>& names);
[[nodiscard]] std::vector<NamedAddresses> names_from_json(const base::json::Value& value);

[[nodiscard]] base::json::Value fault_to_json(const NetworkFault& fault);
[[nodiscard]] NetworkFault fault_from_json(const base::json::Value& value);

// Of a directory and a file in it as an address of a socket: paths may have 107 bytes (unix(7)),
// and by a descriptor the directory's own does not count.
[[nodiscard]] std::string socket_path(int dir_fd, const std::string& id);

}  // namespace sandbox::net::wire
