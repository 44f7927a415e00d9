#include "engine/supervisor/output_input.hpp"

#include <sys/epoll.h>
#include <termios.h>

#include <cerrno>
#include <string>
#include <utility>

#include "sandbox/base/raw.hpp"

namespace sandbox::engine {

PayloadInput::PayloadInput(base::PollLoop& loop, base::UniqueFd fd, bool is_terminal,
                           std::function<void()> room)
    : loop_(loop), fd_(std::move(fd)), is_terminal_(is_terminal), room_(std::move(room)) {}

PayloadInput::~PayloadInput() {
    if (token_) loop_.remove(*token_);
}

void PayloadInput::put(std::string_view bytes) {
    if (!fd_ || ending_ || bytes.empty()) return;
    last_was_newline_ = bytes.back() == '\n';
    queue_.add(bytes);
    write_queue();
}

void PayloadInput::end(bool explicitly) {
    if (!fd_ || ending_) return;
    if (is_terminal_) {
        termios settings{};
        if (!explicitly || ::tcgetattr(fd_.get(), &settings) != 0) return;
        if ((settings.c_lflag & ICANON) == 0) return;
        // termios(3), VEOF: after other characters it only pushes the unfinished line.
        put(std::string(last_was_newline_ ? 1 : 2, static_cast<char>(settings.c_cc[VEOF])));
        last_was_newline_ = true;
        return;
    }
    ending_ = true;
    write_queue();
}

void PayloadInput::write_queue() {
    while (!queue_.empty()) {
        const std::string_view bytes = queue_.view();
        const long count = base::raw::write(fd_.get(), bytes.data(), bytes.size());
        if (count == -EINTR) continue;
        if (count == -EAGAIN) break;
        if (count <= 0) {
            queue_.clear();  // the payload has closed its input: nobody will read that
            if (!is_terminal_) ending_ = true;
            break;
        }
        queue_.take(static_cast<size_t>(count));
    }
    update_watch();
    if (ending_ && queue_.empty()) fd_.reset();
}

void PayloadInput::update_watch() {
    const bool wanted = !queue_.empty();
    if (wanted == token_.has_value()) return;
    if (wanted) {
        token_ = loop_.add_fd(fd_.get(), EPOLLOUT, [this](std::uint32_t) {
            write_queue();
            if (queue_.empty()) room_();
        });
    } else {
        loop_.remove(*std::exchange(token_, std::nullopt));
    }
}

}  // namespace sandbox::engine
