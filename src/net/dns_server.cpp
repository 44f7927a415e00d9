#include "net/dns_server.hpp"

#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "net/tcp_gate.hpp"

namespace sandbox::net {
namespace {

using base::UniqueFd;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kTryTime{2000};  // then the next server is asked
constexpr int kMostTries = 6;
constexpr seconds kSessionTime{30};
constexpr seconds kFresh{1};
constexpr milliseconds kServersTime{500};
constexpr size_t kMostLookups = 2048;
constexpr size_t kMostSessions = 64;
constexpr int kPerRound = 32;

// RFC 1035 4.2.2: over TCP the length comes first.
Bytes framed(ByteView message) {
    Bytes out{static_cast<std::uint8_t>(message.size() >> 8),
              static_cast<std::uint8_t>(message.size())};
    out.insert(out.end(), message.begin(), message.end());
    return out;
}

std::optional<Bytes> take_frame(Bytes& buffer) {
    if (buffer.size() < 2) return std::nullopt;
    const size_t size = static_cast<size_t>(buffer[0] << 8 | buffer[1]);
    if (buffer.size() < 2 + size) return std::nullopt;
    Bytes message(buffer.begin() + 2, buffer.begin() + 2 + static_cast<long>(size));
    buffer.erase(buffer.begin(), buffer.begin() + 2 + static_cast<long>(size));
    return message;
}

// Reads what is there; false: the other side has ended or failed.
bool read_available(int fd, Bytes& into, std::vector<std::uint8_t>& buffer) {
    constexpr size_t kMost = 256 * 1024;
    while (into.size() < kMost) {
        const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got < 0) return errno == EAGAIN;
        if (got == 0) return false;
        into.insert(into.end(), buffer.begin(), buffer.begin() + got);
    }
    return false;
}

// Writes what goes; false: failed.
bool write_available(int fd, Bytes& from) {
    while (!from.empty()) {
        const ssize_t sent = ::send(fd, from.data(), from.size(), MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN;
        from.erase(from.begin(), from.begin() + sent);
    }
    return true;
}

}  // namespace

class DnsServer::Inside final : public Watcher {
  public:
    Inside(DnsServer& server, int fd, bool over_tcp)
        : server_(server), fd_(fd), over_tcp_(over_tcp) {
        server_.loop_.watch(fd, EPOLLIN, *this);
    }
    ~Inside() { server_.loop_.forget(fd_, *this); }
    void on_events(std::uint32_t) override {
        if (!over_tcp_) return server_.receive(fd_);
        if (!server_.accept_all(fd_)) server_.loop_.pause(fd_, EPOLLIN, *this);
    }

  private:
    DnsServer& server_;
    int fd_;
    bool over_tcp_;
};

// One question to the host's name servers, in turn, each with an id and a port of its own.
class DnsServer::Lookup final : public Watcher {
  public:
    Lookup(DnsServer& server, Bytes query, const IpAddress& asker, bool over_tcp, Reply reply)
        : server_(server),
          query_(std::move(query)),
          asker_(asker),
          over_tcp_(over_tcp),
          reply_(std::move(reply)) {
        parsed_ = parse_dns_query(query_).query.value_or(DnsQuery{});
        ask_next();
    }
    ~Lookup() { server_.loop_.forget(fd_.get(), *this); }
    void on_events(std::uint32_t events) override {
        if (done_) return;
        if (over_tcp_) return on_stream(events);
        for (;;) {
            const ssize_t got =
                ::recv(fd_.get(), server_.buffer_.data(), server_.buffer_.size(), 0);
            if (got < 0 && errno == EAGAIN) return;
            if (got < 0) return ask_next();  // refused: nobody listens there
            if (deliver({server_.buffer_.data(), static_cast<size_t>(got)})) return;
        }
    }
    [[nodiscard]] bool is_done() const noexcept { return done_; }
    // True when there is nothing more to do.
    bool tick(Clock::time_point now) {
        if (!done_ && now >= deadline_) ask_next();
        return done_;
    }

  private:
    void ask_next() {
        while (!done_) {
            server_.loop_.forget(fd_.get(), *this);
            fd_.reset();
            const std::vector<Endpoint>& servers = server_.servers_of(asker_);
            if (tries_ >= kMostTries || servers.empty()) return fail();
            const Endpoint to = servers[static_cast<size_t>(tries_) % servers.size()];
            ++tries_;
            if (ask(to)) return;
        }
    }
    bool ask(const Endpoint& to) {
        if (::getrandom(&id_, sizeof id_, 0) != sizeof id_) return false;
        set_dns_id(query_, id_);
        const int type = over_tcp_ ? SOCK_STREAM : SOCK_DGRAM;
        fd_.reset(::socket(to.address.family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!fd_) return false;
        const int rc = start_connect(fd_.get(), to);
        if (rc < 0 && rc != -EINPROGRESS) return false;
        deadline_ = Clock::now() + kTryTime;
        if (over_tcp_) {
            out_ = framed(query_);
            in_.clear();
            server_.loop_.watch(fd_.get(), kStreamEvents, *this);
            return true;
        }
        server_.loop_.watch(fd_.get(), EPOLLIN, *this);
        return ::send(fd_.get(), query_.data(), query_.size(), MSG_NOSIGNAL) >= 0;
    }
    void on_stream(std::uint32_t) {
        const bool alive =
            write_available(fd_.get(), out_) && read_available(fd_.get(), in_, server_.buffer_);
        if (auto message = take_frame(in_)) {
            if (deliver(*message)) return;
        }
        if (!alive) ask_next();
    }
    bool deliver(ByteView message) {
        if (!is_dns_reply(message, id_, parsed_)) return false;
        Bytes reply(message.begin(), message.end());
        set_dns_id(reply, parsed_.id);
        finish(reply);
        return true;
    }
    void fail() {
        finish(make_dns_response(parsed_, DnsCode::server_failure, {}, 0, kDnsPlainBytes));
    }
    // The object goes with the next tick; what others may need goes at once.
    void finish(ByteView reply) {
        done_ = true;
        server_.loop_.forget(fd_.get(), *this);
        fd_.reset();
        reply_(reply);
        server_.loop_.want_ticks();
    }
    DnsServer& server_;
    Bytes query_;
    IpAddress asker_;
    bool over_tcp_;
    Reply reply_;
    DnsQuery parsed_;
    std::uint16_t id_ = 0;
    UniqueFd fd_;
    Bytes in_, out_;
    int tries_ = 0;
    bool done_ = false;
    Clock::time_point deadline_{};
};

// A container's TCP connection to us.
class DnsServer::Session final : public Watcher, public std::enable_shared_from_this<Session> {
  public:
    Session(DnsServer& server, UniqueFd fd)
        : server_(server), fd_(std::move(fd)), deadline_(Clock::now() + kSessionTime) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        if (::getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &size) == 0) {
            asker_ = from_sockaddr(peer).address;
        }
        server_.loop_.watch(fd_.get(), kStreamEvents, *this);
    }
    ~Session() { server_.loop_.forget(fd_.get(), *this); }
    void on_events(std::uint32_t) override {
        if (done_) return;
        if (!read_available(fd_.get(), in_, server_.buffer_)) ended_ = true;
        while (auto query = take_frame(in_)) {
            ++open_;
            server_.resolve(*query, asker_, true, [self = weak_from_this()](ByteView reply) {
                if (const auto session = self.lock()) session->send(reply);
            });
        }
        flush();
    }
    [[nodiscard]] bool is_over(Clock::time_point now) const noexcept {
        return done_ || now > deadline_;
    }

  private:
    void send(ByteView reply) {
        const Bytes message = framed(reply);
        out_.insert(out_.end(), message.begin(), message.end());
        --open_;
        flush();
    }
    void flush() {
        if (!write_available(fd_.get(), out_)) done_ = true;
        if (ended_ && open_ <= 0 && out_.empty()) done_ = true;
        if (done_) {
            (void)::shutdown(fd_.get(), SHUT_RDWR);  // the descriptor goes with the next tick
            server_.loop_.want_ticks();
        }
    }
    DnsServer& server_;
    UniqueFd fd_;
    IpAddress asker_;
    Bytes in_, out_;
    int open_ = 0;
    bool ended_ = false;
    bool done_ = false;
    Clock::time_point deadline_;
};

DnsServer::DnsServer(EventLoop& loop, const InsideSockets& sockets,
                     std::vector<std::uint8_t>& buffer, std::function<void()> ask_servers)
    : loop_(loop), buffer_(buffer), ask_servers_(std::move(ask_servers)) {
    for (const FamilySockets* family : {&sockets.v4, &sockets.v6}) {
        if (!family->exists()) continue;
        inside_.push_back(std::make_unique<Inside>(*this, family->dns_udp.get(), false));
        inside_.push_back(std::make_unique<Inside>(*this, family->dns_tcp.get(), true));
    }
    loop_.on_tick([this](Clock::time_point now) { return tick(now); });
}

DnsServer::~DnsServer() = default;

void DnsServer::receive(int fd) {
    for (int i = 0; i < kPerRound; ++i) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        const ssize_t got = ::recvfrom(fd, buffer_.data(), buffer_.size(), 0,
                                       reinterpret_cast<sockaddr*>(&peer), &size);
        if (got < 0) return;
        const Bytes query(buffer_.begin(), buffer_.begin() + got);
        resolve(query, from_sockaddr(peer).address, false, [fd, peer, size](ByteView reply) {
            (void)::sendto(fd, reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                           reinterpret_cast<const sockaddr*>(&peer), size);
        });
    }
}

bool DnsServer::accept_all(int fd) {
    for (int i = 0; i < kPerRound; ++i) {
        UniqueFd client(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!client) return !is_short_of_resources(errno);
        if (sessions_.size() >= kMostSessions) {
            const auto now = Clock::now();
            sessions_.remove_if([now](const auto& session) { return session->is_over(now); });
        }
        if (sessions_.size() >= kMostSessions) continue;
        sessions_.push_back(std::make_shared<Session>(*this, std::move(client)));
        loop_.want_ticks();
    }
    return true;
}

std::optional<NameTable::Found> DnsServer::answer_ourselves(const DnsQuery& query,
                                                            const IpAddress& asker) {
    if (auto found = table_.look_up(query)) return found;
    if (const auto view = views_.find(asker); view != views_.end()) {
        if (auto found = view->second.look_up(query)) return found;
    }
    const auto address = try_parse_reverse_name(query.name);
    const bool ours = address && std::any_of(subnets_.begin(), subnets_.end(),
                                             [&](const Subnet& s) { return s.contains(*address); });
    if (ours) return NameTable::Found{DnsCode::no_such_name, {}};
    if (internal_) return NameTable::Found{DnsCode::refused, {}};
    return std::nullopt;
}

void DnsServer::resolve(ByteView query, const IpAddress& asker, bool over_tcp, Reply reply) {
    const DnsParse parsed = parse_dns_query(query);
    if (!parsed.query) {
        if (parsed.error) reply(make_dns_error(query, *parsed.error));
        return;
    }
    if (const auto found = answer_ourselves(*parsed.query, asker)) {
        const size_t most = over_tcp ? kDnsMaxBytes : parsed.query->max_answer_bytes;
        return reply(make_dns_response(*parsed.query, found->code, found->answers,
                                       NameTable::kTtlSeconds, most));
    }
    Bytes copy(query.begin(), query.end());
    loop_.want_ticks();
    if (Clock::now() - servers_time_ < kFresh && !servers_.empty()) {
        return look_up(std::move(copy), asker, over_tcp, std::move(reply));
    }
    if (waiting_.size() >= kMostLookups) return refuse(*parsed.query, reply);
    if (waiting_.empty()) {
        asked_time_ = Clock::now();
        ask_servers_();
    }
    waiting_.push_back({std::move(copy), asker, over_tcp, std::move(reply)});
}

// Too many at once. An answer is better than silence, for which resolvers wait five seconds.
void DnsServer::refuse(const DnsQuery& query, const Reply& reply) {
    reply(make_dns_response(query, DnsCode::server_failure, {}, 0, kDnsPlainBytes));
}

void DnsServer::look_up(Bytes query, const IpAddress& asker, bool over_tcp, Reply reply) {
    if (lookups_.size() >= kMostLookups) {
        lookups_.remove_if([](const auto& lookup) { return lookup->is_done(); });
    }
    if (lookups_.size() >= kMostLookups) {
        return refuse(parse_dns_query(query).query.value_or(DnsQuery{}), reply);
    }
    lookups_.push_back(
        std::make_unique<Lookup>(*this, std::move(query), asker, over_tcp, std::move(reply)));
}

const std::vector<Endpoint>& DnsServer::servers_of(const IpAddress& asker) const {
    const auto found = own_servers_.find(asker);
    return found == own_servers_.end() ? servers_ : found->second;
}

void DnsServer::set_own_servers(const std::map<IpAddress, std::vector<IpAddress>>& servers) {
    own_servers_.clear();
    for (const auto& [asker, addresses] : servers) {
        for (const IpAddress& address : addresses) {
            own_servers_[asker].push_back({address, kDnsPort});
        }
    }
}

void DnsServer::set_servers(std::vector<Endpoint> servers) {
    servers_ = std::move(servers);
    servers_time_ = Clock::now();
    run_waiting();
}

void DnsServer::run_waiting() {
    for (Waiting& waiting : std::exchange(waiting_, {})) {
        look_up(std::move(waiting.query), waiting.asker, waiting.over_tcp,
                std::move(waiting.reply));
    }
}

bool DnsServer::tick(Clock::time_point now) {
    // Whoever should tell the servers is busy or gone: the old list is better than none.
    if (!waiting_.empty() && now - asked_time_ > kServersTime) run_waiting();
    lookups_.remove_if([now](const auto& lookup) { return lookup->tick(now); });
    sessions_.remove_if([now](const auto& session) { return session->is_over(now); });
    return !waiting_.empty() || !lookups_.empty() || !sessions_.empty();
}

}  // namespace sandbox::net
