// A container by itself is a project of one: its network is its supervisor's.
#include <fcntl.h>

#include <optional>
#include <utility>

#include "engine/network/container_network.hpp"
#include "engine/network/place_member.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/net/gateway.hpp"

namespace sandbox::engine {
namespace {

template <typename F>
decltype(auto) missing_on_error(F&& action) {
    try {
        return action();
    } catch (const kernel::NamespacesRefused&) {
        throw;  // without a network it would not start either
    } catch (const base::Error& error) {
        throw NetworkMissing(error.message(), error.hint(), error.code());
    }
}

class PrivateMember final : public PlaceMember {
  public:
    PrivateMember(net::NetworkPlan& plan, net::AttachPlan wish, base::PollLoop& loop,
                  net::ProjectNetwork* begun)
        : loop_(loop),
          wish_(std::move(wish)),
          network_(begun != nullptr ? std::move(*begun) : missing_on_error([&plan] {
              return net::ProjectNetwork::begin(plan);
          })),
          planned_(network_.plan_attachment(wish_)) {
        plan.subnet_v4 = network_.subnet_v4();
        plan.subnet_v6 = network_.subnet_v6();
        plan.gateway_v4 = network_.gateway_v4();
    }
    [[nodiscard]] const net::Attachment& attachment() const noexcept override { return planned_; }
    void join(int netns_fd, bool configures_itself) override {
        missing_on_error([this] { network_.finish(); });
        if (attached_) network_.detach(*std::exchange(attached_, std::nullopt));
        wish_.netns_fd = netns_fd;
        wish_.configures_itself = configures_itself;
        attached_ = network_.attach(wish_).id;
        if (!gateway_) gateway_.emplace(network_, loop_);
        gateway_->update();
    }
    void lead_out(int netns_fd) override {
        wish_.default_route = true;
        if (attached_) network_.lead_out(*attached_, netns_fd);
    }
    void want_names() override {}  // there are none but the container's own
    void publish(const net::HostPort& port) override {
        net::HostPort copy{port.wish, port.host, {}};
        copy.socket.reset(base::raw::fcntl(port.socket.get(), F_DUPFD_CLOEXEC, 0));
        (void)gateway_->publish(std::move(copy), planned_.address_v4);
    }
    void set_names(const std::vector<std::string>& names) override {
        wish_.names = names;
        if (attached_) network_.set_names(*attached_, names);
        if (gateway_) gateway_->update();
    }
    void set_view(const std::vector<net::NamedAddresses>& others) override {
        if (attached_) network_.set_view(*attached_, others);
        if (gateway_) gateway_->update();
    }
    void leave() override {
        gateway_.reset();
        if (attached_) network_.detach(*std::exchange(attached_, std::nullopt));
    }
    [[nodiscard]] int fd() const noexcept override { return -1; }
    [[nodiscard]] News read_news() override { return News::none; }
    [[nodiscard]] const std::vector<net::NamedAddresses>& names() const noexcept override {
        return nobody_;
    }

  private:
    base::PollLoop& loop_;
    net::AttachPlan wish_;
    net::ProjectNetwork network_;
    net::Attachment planned_;
    std::optional<std::uint32_t> attached_;
    std::optional<net::Gateway> gateway_;
    std::vector<net::NamedAddresses> nobody_;
};

}  // namespace

net::NetworkPlan private_plan() {
    net::NetworkPlan plan;
    plan.lone = true;
    return plan;
}

std::unique_ptr<PlaceMember> enter_private(net::NetworkPlan& plan, const net::AttachPlan& wish,
                                           base::PollLoop& loop, net::ProjectNetwork* begun) {
    return std::make_unique<PrivateMember>(plan, wish, loop, begun);
}

}  // namespace sandbox::engine
