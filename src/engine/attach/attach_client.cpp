// The client end of a supervisor's output hub. What the container writes is read only as fast as
// the caller takes it; what he types goes in as fast as the container takes it.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <utility>

#include "engine/attach/detach_keys.hpp"
#include "engine/attach/frames.hpp"
#include "engine/container_events.hpp"
#include "engine/control/client.hpp"
#include "engine/control/packet.hpp"
#include "engine/supervise.hpp"
#include "engine/supervisor/spawn.hpp"
#include "engine/terminal.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/attach.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
namespace json = base::json;

// pipe(7), PIPE_BUF: what a pipe that polls writable takes without blocking.
constexpr size_t kSafeWrite = 4096;
constexpr std::chrono::milliseconds kAskPatience{5000};

class AttachSession {
  public:
    AttachSession(const store::Store& store, const std::string& id, const AttachRequest& request,
                  base::UniqueFd stream, bool tty, SignalGate& gate);
    // True: the container's stream has ended; false: the caller detached himself.
    bool run();

  private:
    struct Output {
        int fd = -1;
        std::string pending;
        std::optional<base::FdInterest> interest;
        bool lost = false;
    };

    void read_stream();
    void write_output(Output& output);
    void take(Output& output, std::string_view bytes);
    void read_input();
    void write_stream();
    void end_input();
    void update();
    void end();
    void on_signal(const signalfd_siginfo& info);
    void on_suspend();
    void on_continue();
    void ask(const json::Value& request) noexcept;
    void resize() noexcept;

    const store::Store& store_;
    const std::string& id_;
    const AttachRequest& request_;
    base::UniqueFd stream_;
    base::UniqueFd stream_out_;  // epoll takes a descriptor once: a second one for writing
    bool tty_;
    base::PollLoop& loop_;
    RawTerminal terminal_{STDIN_FILENO};
    DetachScanner scanner_;
    FrameReader frames_;
    Output out_, err_;
    std::string to_stream_;
    std::optional<base::FdInterest> stream_in_, stream_out_interest_, input_;
    bool input_open_;
    bool stream_open_ = true;
    bool detached_ = false;
};

AttachSession::AttachSession(const store::Store& store, const std::string& id,
                             const AttachRequest& request, base::UniqueFd stream, bool tty,
                             SignalGate& gate)
    : store_(store),
      id_(id),
      request_(request),
      stream_(std::move(stream)),
      tty_(tty),
      loop_(gate.loop()),
      // Without a terminal these are bytes like others.
      scanner_(tty && ::isatty(STDIN_FILENO) == 1 ? parse_detach_keys(request.detach_keys.value_or(
                                                        std::string(kDefaultDetachKeys)))
                                                  : std::string()),
      input_open_(!request.no_stdin) {
    gate.serve([this](const signalfd_siginfo& info) { on_signal(info); });
    const int copy = raw::fcntl(stream_.get(), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) throw base::SysError(-copy, "set up the stream");
    stream_out_.reset(copy);
    (void)raw::fcntl(stream_.get(), F_SETFL, O_RDWR | O_NONBLOCK);
    out_.fd = STDOUT_FILENO;
    err_.fd = STDERR_FILENO;
    for (Output* output : {&out_, &err_}) {
        output->interest.emplace(loop_, output->fd, EPOLLOUT,
                                 [this, output] { write_output(*output); });
    }
    stream_in_.emplace(loop_, stream_.get(), EPOLLIN, [this] { read_stream(); });
    stream_out_interest_.emplace(loop_, stream_out_.get(), EPOLLOUT, [this] { write_stream(); });
    input_.emplace(loop_, STDIN_FILENO, EPOLLIN, [this] { read_input(); });
}

bool AttachSession::run() {
    if (tty_ && input_open_) (void)terminal_.enter();
    if (tty_) resize();
    update();
    loop_.run();
    terminal_.restore();
    return !detached_;
}

void AttachSession::update() {
    const bool full = !out_.pending.empty() || !err_.pending.empty();
    out_.interest->set(!out_.pending.empty());
    err_.interest->set(!err_.pending.empty());
    stream_in_->set(stream_open_ && !full);
    stream_out_interest_->set(stream_open_ && !to_stream_.empty());
    input_->set(stream_open_ && input_open_ && to_stream_.empty());
    if (!stream_open_ && !full) end();
}

void AttachSession::end() {
    loop_.stop();
}

void AttachSession::take(Output& output, std::string_view bytes) {
    if (!output.lost) output.pending.append(bytes);
}

void AttachSession::read_stream() {
    std::array<char, 16384> buffer;
    const long count = raw::read(stream_.get(), buffer.data(), buffer.size());
    if (count == -EAGAIN || count == -EINTR) return;
    if (count <= 0) {
        stream_open_ = false;
        update();
        return;
    }
    const std::string_view bytes(buffer.data(), static_cast<size_t>(count));
    if (tty_) {
        take(out_, bytes);
    } else {
        frames_.feed(bytes, [this](int stream, std::string_view content) {
            take(stream == 1 ? out_ : err_, content);
        });
    }
    update();
}

void AttachSession::write_output(Output& output) {
    const size_t size = std::min(output.pending.size(), kSafeWrite);
    const long count = raw::write(output.fd, output.pending.data(), size);
    if (count == -EAGAIN || count == -EINTR) return;
    if (count < 0) {
        // Nobody reads it any more. The container is not ours to end: we leave it.
        output.lost = true;
        output.pending.clear();
        detached_ = true;
        end();
        return;
    }
    output.pending.erase(0, static_cast<size_t>(count));
    update();
}

void AttachSession::read_input() {
    std::array<char, 4096> buffer;
    const long count = raw::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count == -EAGAIN || count == -EINTR) return;
    if (count <= 0) {
        end_input();
        return;
    }
    to_stream_ += scanner_.feed({buffer.data(), static_cast<size_t>(count)});
    if (scanner_.detached()) {
        base::log::notice("read escape sequence");
        detached_ = true;
        end();
        return;
    }
    update();
}

void AttachSession::end_input() {
    input_open_ = false;
    (void)raw::call(SYS_shutdown, stream_.get(), SHUT_WR);
    update();
}

void AttachSession::write_stream() {
    const long count = raw::call(SYS_sendto, stream_out_.get(), raw::ptr(to_stream_.data()),
                                 static_cast<long>(to_stream_.size()), MSG_NOSIGNAL, 0, 0);
    if (count == -EAGAIN || count == -EINTR) return;
    if (count < 0) {
        to_stream_.clear();
        input_open_ = false;
    } else {
        to_stream_.erase(0, static_cast<size_t>(count));
    }
    update();
}

// A supervisor that is just ending does not answer: its stream's end says so.
void AttachSession::ask(const json::Value& request) noexcept {
    try {
        if (auto client = ControlClient::try_connect(store_, id_)) {
            (void)client->call(request, {}, kAskPatience);
        }
    } catch (const std::exception& error) {
        base::log::debug(error.what());
    }
}

void AttachSession::resize() noexcept {
    const auto size = try_window_size();
    if (!size) return;
    ask(json::Object{{"op", "resize"}, {"rows", size->ws_row}, {"columns", size->ws_col}});
}

void AttachSession::on_suspend() {
    terminal_.restore();
    (void)raw::kill(raw::getpid(), SIGSTOP);
}

void AttachSession::on_continue() {
    if (!tty_) return;
    if (input_open_) (void)terminal_.enter();
    resize();
}

void AttachSession::on_signal(const signalfd_siginfo& info) {
    const int number = static_cast<int>(info.ssi_signo);
    switch (number) {
        case SIGCHLD:
        case SIGPIPE:
        case SIGTTIN:
        case SIGTTOU:
            return;
        case SIGWINCH:
            if (tty_) resize();
            return;
        case SIGTSTP:
            on_suspend();
            return;
        case SIGCONT:
            on_continue();
            return;
        default:
            break;
    }
    // A lost terminal takes the caller away, not the container.
    const bool leave = !request_.sig_proxy || number == SIGHUP || !stream_open_;
    if (leave && (number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT)) {
        detached_ = true;
        end();
        return;
    }
    if (request_.sig_proxy) {
        ask(json::Object{{"op", "kill"}, {"signal", std::to_string(number)}});
    }
}

// Asked for as soon as it runs, so that the answer is about this life of the container.
class ExitWatch {
  public:
    ExitWatch(const store::Store& store, std::string id)
        : store_(store), id_(std::move(id)), client_(ControlClient::try_connect(store, id_)) {
        if (!client_) return;
        const json::Value request = json::Object{{"op", "wait"}, {"condition", "next-exit"}};
        if (!control::send_packet(client_->fd(), request, {})) client_.reset();
    }
    // 0 when nobody knows: it was removed when it ended.
    int exit_code() const {
        if (const auto code = try_answer()) return *code;
        try {
            return wait_container(store_, id_, WaitCondition::not_running);
        } catch (const base::Error& error) {
            base::log::debug(error.message());
            return 0;
        }
    }

  private:
    std::optional<int> try_answer() const {
        if (!client_) return std::nullopt;
        pollfd wait{client_->fd(), POLLIN, 0};
        (void)::poll(&wait, 1, static_cast<int>(kAskPatience.count()));
        control::Packet packet;
        if (control::receive_packet(client_->fd(), packet) != control::Received::packet) {
            return std::nullopt;
        }
        const auto code = packet.value["exit_code"].try_i64();
        return code ? std::optional<int>(static_cast<int>(*code)) : std::nullopt;
    }

    const store::Store& store_;
    std::string id_;
    std::optional<ControlClient> client_;
};

int serve(const store::Store& store, const store::ContainerEntry& entry,
          const AttachRequest& request, const ExitWatch& watch, base::UniqueFd stream, bool tty) {
    bool ended = false;
    {
        SignalGate gate;
        AttachSession session(store, entry.id, request, std::move(stream), tty, gate);
        ended = session.run();
    }
    if (ended) return watch.exit_code();
    tell_container(store, entry.id, entry.record, "detach");
    return 0;
}

int attach_to(const store::Store& store, const store::ContainerEntry& entry,
              const AttachRequest& request) {
    const std::string& id = entry.id;
    auto client = ControlClient::try_connect(store, id);
    if (!client) {
        throw base::Error("container " + base::quote(request.container) + " is not running",
                          "sandbox start -a " + request.container);
    }
    const ExitWatch watch(store, id);
    Reply reply = client->call(json::Object{
        {"op", "attach"}, {"stdin", !request.no_stdin}, {"stdout", true}, {"stderr", true}});
    if (reply.fds.empty()) throw base::IntegrityError("the supervisor sent no stream");
    tell_container(store, id, entry.record, "attach");
    return serve(store, entry, request, watch, std::move(reply.fds.front()),
                 reply.value["tty"].is_true());
}

}  // namespace

int attach_container(const store::Store& store, const AttachRequest& request) {
    if (request.detach_keys) (void)parse_detach_keys(*request.detach_keys);
    return attach_to(store, store::ContainerStore(store).find(request.container), request);
}

int start_attached(const store::Store& store, const AttachRequest& request) {
    if (request.detach_keys) (void)parse_detach_keys(*request.detach_keys);
    const store::ContainerEntry entry = store::ContainerStore(store).find(request.container);
    FirstStreams streams;
    streams.in = !request.no_stdin;
    start_with_streams(store, entry.id, &streams);
    if (!streams.stream) return attach_to(store, entry, request);
    const ExitWatch watch(store, entry.id);
    tell_container(store, entry.id, entry.record, "attach");
    return serve(store, entry, request, watch, std::move(streams.stream), streams.tty);
}

}  // namespace sandbox::engine
