// A container's membership in one network: in a named one, which its holder has
// (holder_member.cpp), or in the private one, which is the container's own and our supervisor's
// (private_member.cpp).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sandbox/base/poll_loop.hpp"
#include "sandbox/net/holder.hpp"
#include "sandbox/net/published_port.hpp"

namespace sandbox::engine {

class PlaceMember {
  public:
    using News = net::NetworkMember::News;

    PlaceMember() = default;
    PlaceMember(const PlaceMember&) = delete;
    PlaceMember& operator=(const PlaceMember&) = delete;
    virtual ~PlaceMember() = default;
    // As NetworkMember's; all throw Error.
    [[nodiscard]] virtual const net::Attachment& attachment() const noexcept = 0;
    virtual void join(int netns_fd, bool configures_itself) = 0;
    virtual void lead_out(int netns_fd) = 0;
    virtual void want_names() = 0;
    virtual void publish(const net::HostPort& port) = 0;
    virtual void set_names(const std::vector<std::string>& names) = 0;
    virtual void set_view(const std::vector<net::NamedAddresses>& others) = 0;
    virtual void leave() = 0;
    [[nodiscard]] virtual int fd() const noexcept = 0;  // -1: there will be no news
    [[nodiscard]] virtual News read_news() = 0;
    [[nodiscard]] virtual const std::vector<net::NamedAddresses>& names() const noexcept = 0;
};

[[nodiscard]] std::unique_ptr<PlaceMember> enter_holder(const net::HolderPlace& place,
                                                        const net::NetworkPlan& plan,
                                                        const net::AttachPlan& wish,
                                                        bool wants_names);
// What the private network of every container is.
[[nodiscard]] net::NetworkPlan private_plan();
// Begins to make the network, by a child; what `plan` leaves open is decided. `loop` serves the
// gateway and must outlive the member. What the kernel refuses is a NetworkMissing, here and in
// join(). begun: one that was begun by private_plan(), which is taken; null: none was.
[[nodiscard]] std::unique_ptr<PlaceMember> enter_private(net::NetworkPlan& plan,
                                                         const net::AttachPlan& wish,
                                                         base::PollLoop& loop,
                                                         net::ProjectNetwork* begun);

}  // namespace sandbox::engine
