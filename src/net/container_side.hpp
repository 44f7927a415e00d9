// What is done in the namespace of an attached container: lo, its link, addresses, routes,
// settings.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/network_state.hpp"

namespace sandbox::net {

// 0.0.0.0/0 or ::/0.
[[nodiscard]] Subnet whole_family(int family);

// By a child that enters the namespace. The link is there already.
void configure_inside(int netns_fd, const AttachPlan& plan, const Attachment& attachment,
                      const ProjectNetwork::Impl& network);
// Its default routes lead through this network's gateway from now on, whatever they were.
void lead_out_inside(int netns_fd, const AttachPlan& plan, const Attachment& attachment,
                     const ProjectNetwork::Impl& network);
// configure_inside() for somebody inside to say: see AttachPlan::configures_itself.
[[nodiscard]] std::vector<std::uint8_t> inside_batch(const AttachPlan& plan,
                                                     const Attachment& attachment,
                                                     const ProjectNetwork::Impl& network);

// By such a child, too: see AttachPlan::replaces.
void remove_former_link(int netns_fd, const std::string& name);

}  // namespace sandbox::net
