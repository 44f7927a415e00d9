// The name server of a network, at the bridge's address, over UDP and TCP. What is not in its table
// is asked of the host's name servers.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>

#include "net/event_loop.hpp"
#include "net/inside_sockets.hpp"
#include "net/name_table.hpp"

namespace sandbox::net {

class DnsServer {
  public:
    // `ask_servers`: called when the list of the host's name servers may be out of date;
    // set_servers() is the answer, later.
    DnsServer(EventLoop& loop, const InsideSockets& sockets, std::vector<std::uint8_t>& buffer,
              std::function<void()> ask_servers);
    ~DnsServer();
    // `views`: what only who asks from that address is told, after the table.
    void set_table(NameTable table, std::vector<Subnet> subnets,
                   std::map<IpAddress, NameTable> views = {}) {
        table_ = std::move(table);
        subnets_ = std::move(subnets);
        views_ = std::move(views);
    }
    void set_servers(std::vector<Endpoint> servers);
    // For who asks from that address, instead.
    void set_own_servers(const std::map<IpAddress, std::vector<IpAddress>>& servers);
    // An internal network asks nobody outside.
    void set_internal(bool internal) noexcept { internal_ = internal; }

  private:
    class Inside;
    class Lookup;
    class Session;
    using Reply = std::function<void(ByteView)>;
    void receive(int fd);
    [[nodiscard]] bool accept_all(int fd);  // false: rest
    void resolve(ByteView query, const IpAddress& asker, bool over_tcp, Reply reply);
    [[nodiscard]] std::optional<NameTable::Found> answer_ourselves(const DnsQuery& query,
                                                                   const IpAddress& asker);
    static void refuse(const DnsQuery& query, const Reply& reply);
    void look_up(Bytes query, const IpAddress& asker, bool over_tcp, Reply reply);
    [[nodiscard]] const std::vector<Endpoint>& servers_of(const IpAddress& asker) const;
    void run_waiting();
    bool tick(Clock::time_point now);

    struct Waiting {
        Bytes query;
        IpAddress asker;
        bool over_tcp;
        Reply reply;
    };
    EventLoop& loop_;
    std::vector<std::uint8_t>& buffer_;
    std::function<void()> ask_servers_;
    NameTable table_;
    std::map<IpAddress, NameTable> views_;
    std::vector<Subnet> subnets_;
    std::vector<Endpoint> servers_;
    std::map<IpAddress, std::vector<Endpoint>> own_servers_;
    bool internal_ = false;
    Clock::time_point servers_time_{};
    Clock::time_point asked_time_{};
    std::vector<Waiting> waiting_;  // for set_servers()
    std::vector<std::unique_ptr<Inside>> inside_;
    std::list<std::unique_ptr<Lookup>> lookups_;
    std::list<std::shared_ptr<Session>> sessions_;
};

}  // namespace sandbox::net
