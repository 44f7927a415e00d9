#include "engine/supervisor/output_client.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace sandbox::engine {
namespace {

constexpr size_t kInputChunk = 16384;

std::array<char, 8> make_header(store::LogStream stream, size_t size) {
    std::array<char, 8> header{};
    header[0] = stream == store::LogStream::err ? 2 : 1;
    for (size_t i = 0; i < 4; ++i) {
        header[4 + i] = static_cast<char>(size >> (8 * (3 - i)));
    }
    return header;
}

}  // namespace

OutputClient::OutputClient(base::PollLoop& loop, base::UniqueFd socket, const AttachWish& wish,
                           bool framed, Events events)
    : loop_(loop),
      socket_(std::move(socket)),
      wish_(wish),
      framed_(framed),
      events_(std::move(events)),
      input_open_(wish.in) {
    update_watch();
}

OutputClient::~OutputClient() {
    if (token_) loop_.remove(*token_);
}

void OutputClient::put(store::LogStream stream, std::string_view bytes) {
    if (is_closed() || !(stream == store::LogStream::err ? wish_.err : wish_.out)) return;
    std::array<char, 8> header = make_header(stream, bytes.size());
    const size_t head_size = framed_ ? header.size() : 0;
    size_t sent = 0;
    if (queue_.empty()) {
        std::array<iovec, 2> parts{
            {{header.data(), head_size}, {const_cast<char*>(bytes.data()), bytes.size()}}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        const ssize_t count = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            wish_.out = wish_.err = false;  // its input may still come: the watch tells the end
            return;
        }
        sent = count < 0 ? 0 : static_cast<size_t>(count);
        passed_ += sent;
        if (sent == head_size + bytes.size()) return;
    }
    if (sent < head_size) {
        queue_.add(std::string_view(header.data(), head_size).substr(sent));
        sent = head_size;
    }
    queue_.add(bytes.substr(sent - head_size));
    update_watch();
}

void OutputClient::write_queue() {
    while (!queue_.empty()) {
        const std::string_view bytes = queue_.view();
        const ssize_t count =
            ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0) {
            if (errno == EAGAIN || errno == EINTR) return;
            queue_.clear();
            wish_.out = wish_.err = false;
            return;
        }
        passed_ += static_cast<std::uint64_t>(count);
        queue_.take(static_cast<size_t>(count));
    }
}

void OutputClient::end_input(bool hung_up) {
    if (!std::exchange(input_open_, false)) return;
    events_.input_end(hung_up);
}

void OutputClient::read_input(bool hung_up) {
    std::array<char, kInputChunk> chunk{};
    const ssize_t count = ::recv(socket_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        end_input(count < 0 || hung_up);
        return;
    }
    events_.input({chunk.data(), static_cast<size_t>(count)});
}

void OutputClient::on_events(std::uint32_t events) {
    const bool hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if ((events & EPOLLIN) != 0 && input_open_ && events_.wants_input()) read_input(hung_up);
    if ((events & EPOLLOUT) != 0) write_queue();
    // unix(7) has no word for it: EPOLLHUP means that the other end is closed, not merely shut for
    // writing. What it wrote before is still there to be read.
    if (hung_up && !input_open_) close();
    if (!is_closed()) update_watch();
    const auto changed = events_.changed;
    changed();  // may destroy us
}

void OutputClient::close() {
    if (token_) loop_.remove(*std::exchange(token_, std::nullopt));
    queue_.clear();
    socket_.reset();
}

void OutputClient::update_watch() {
    if (is_closed()) return;
    const bool reads = input_open_ && events_.wants_input();
    const std::uint32_t wanted =
        (reads ? std::uint32_t{EPOLLIN} : 0) | (queue_.empty() ? 0 : std::uint32_t{EPOLLOUT});
    // A hang-up is reported whatever is asked for: it must wait while input cannot be taken.
    const bool watch = wanted != 0 || !input_open_;
    if (!watch) {
        if (token_) loop_.remove(*std::exchange(token_, std::nullopt));
    } else if (!token_) {
        token_ = loop_.add_fd(socket_.get(), wanted, [this](std::uint32_t e) { on_events(e); });
    } else if (wanted != watched_) {
        loop_.modify_fd(*token_, wanted);
    }
    watched_ = wanted;
}

}  // namespace sandbox::engine
