#include "cli/output.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

constexpr size_t kFlushAt = 32u << 10;

// Lines and columns stay; all other control bytes become visible.
std::string make_harmless(std::string_view text) {
    std::string result;
    size_t start = 0;
    for (size_t i = 0; i <= text.size(); ++i) {
        if (i < text.size() && text[i] != '\n' && text[i] != '\t') continue;
        result += base::escape_control(text.substr(start, i - start));
        if (i < text.size()) result += text[i];
        start = i + 1;
    }
    return result;
}

}  // namespace

bool Output::is_terminal() const {
    if (terminal_ < 0) terminal_ = ::isatty(fd_);
    return terminal_ == 1;
}

void Output::write(std::string_view text) {
    if (is_terminal()) {
        buffer_ += make_harmless(text);
    } else {
        buffer_ += text;
    }
    if (buffer_.size() >= kFlushAt) flush();
}

void Output::write_coloured(std::string_view text, size_t (*length_of)(std::string_view) noexcept) {
    if (!is_terminal()) return write(text);
    while (!text.empty()) {
        if (const size_t length = length_of(text); length > 0) {
            buffer_ += text.substr(0, length);
            text.remove_prefix(length);
            continue;
        }
        const size_t end = text.find('\x1b', 1);
        write(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end);
    }
}

void Output::line(std::string_view text) {
    write(text);
    buffer_ += '\n';
    if (is_terminal()) flush();
}

void Output::flush() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
        const ssize_t n = ::write(fd_, rest.data(), rest.size());
        if (n < 0) {
            const int errnum = errno;
            if (errnum == EINTR) continue;
            buffer_.clear();
            if (errnum == EPIPE) throw ReaderGone{};
            throw base::SysError(errnum, "write to standard output");
        }
        rest.remove_prefix(static_cast<size_t>(n));
    }
    buffer_.clear();
}

// poll(2): the write end of a pipe whose read end is closed has an error.
bool Output::is_read() const noexcept {
    pollfd writer{fd_, 0, 0};
    return ::poll(&writer, 1, 0) != 1 || (writer.revents & (POLLERR | POLLHUP)) == 0;
}

int Output::raw_fd() {
    flush();
    return fd_;
}

}  // namespace sandbox::cli
