#include <utility>

#include "engine/network/place_member.hpp"

namespace sandbox::engine {
namespace {

class HolderMember final : public PlaceMember {
  public:
    explicit HolderMember(net::NetworkMember member) : member_(std::move(member)) {}
    [[nodiscard]] const net::Attachment& attachment() const noexcept override {
        return member_.attachment();
    }
    void join(int netns_fd, bool configures_itself) override {
        member_.join(netns_fd, configures_itself);
    }
    void lead_out(int netns_fd) override { member_.lead_out(netns_fd); }
    void want_names() override { member_.want_names(); }
    void publish(const net::HostPort& port) override {
        member_.publish(port.wish, port.socket.get());
    }
    void set_names(const std::vector<std::string>& names) override { member_.set_names(names); }
    void set_view(const std::vector<net::NamedAddresses>& others) override {
        member_.set_view(others);
    }
    void leave() override { member_.leave(); }
    [[nodiscard]] int fd() const noexcept override { return member_.fd(); }
    [[nodiscard]] News read_news() override { return member_.read_news(); }
    [[nodiscard]] const std::vector<net::NamedAddresses>& names() const noexcept override {
        return member_.names();
    }

  private:
    net::NetworkMember member_;
};

}  // namespace

std::unique_ptr<PlaceMember> enter_holder(const net::HolderPlace& place,
                                          const net::NetworkPlan& plan, const net::AttachPlan& wish,
                                          bool wants_names) {
    return std::make_unique<HolderMember>(
        net::NetworkMember::enter(place, plan, wish, wants_names));
}

}  // namespace sandbox::engine
