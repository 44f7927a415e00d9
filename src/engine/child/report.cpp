#include "child/report.hpp"

#include <sys/socket.h>

namespace sandbox::engine::child {

void fail(const Plan& plan, Step step, long rc, std::size_t index) noexcept {
    const Message message{MessageKind::failure, step, static_cast<std::int32_t>(-rc),
                          static_cast<std::int32_t>(index)};
    // Nobody else could be told when this fails; the parent then sees end of file without `ready`.
    (void)raw::call(SYS_sendto, plan.handshake_fd, raw::ptr(&message), sizeof message, MSG_NOSIGNAL,
                    0, 0);
    raw::exit_group(1);
}

void send(const Plan& plan, MessageKind kind, int fd) noexcept {
    send_all(plan, kind, {&fd, fd >= 0 ? std::size_t{1} : 0});
}

void send_all(const Plan& plan, MessageKind kind, List<int> fds) noexcept {
    Message message;
    message.kind = kind;
    iovec part{&message, sizeof message};
    alignas(cmsghdr) char control[CMSG_SPACE(kNamespaceCount * sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (fds.count > 0) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(fds.count * sizeof(int));
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.count * sizeof(int));
        auto* places = reinterpret_cast<int*>(CMSG_DATA(rights));
        for (std::size_t i = 0; i < fds.count; ++i) places[i] = fds.items[i];
    }
    const long rc = raw::call(SYS_sendmsg, plan.handshake_fd, raw::ptr(&header), MSG_NOSIGNAL);
    // The parent is gone (EPIPE): so are we, by PDEATHSIG or here.
    if (rc < 0) raw::exit_group(1);
}

void wait_for(const Plan& plan, MessageKind kind) noexcept {
    Message message;
    long rc = 0;
    do {
        rc = raw::read(plan.handshake_fd, &message, sizeof message);
    } while (rc == -EINTR);
    // End of file: the parent died.
    if (rc != static_cast<long>(sizeof message) || message.kind != kind) raw::exit_group(1);
}

std::size_t text_length(const char* text) noexcept {
    std::size_t length = 0;
    while (text[length] != '\0') ++length;
    return length;
}

bool text_equal(const char* a, const char* b) noexcept {
    while (*a != '\0' && *a == *b) {
        ++a;
        ++b;
    }
    return *a == *b;
}

bool text_starts_with(const char* text, const char* start) noexcept {
    while (*start != '\0') {
        if (*text++ != *start++) return false;
    }
    return true;
}

bool TextBuffer::append(const char* text) noexcept {
    return append(text, text_length(text));
}

bool TextBuffer::append(const char* text, std::size_t length) noexcept {
    if (length >= size_ - length_) return false;
    for (std::size_t i = 0; i < length; ++i) data_[length_ + i] = text[i];
    cut(length_ + length);
    return true;
}

bool TextBuffer::append_number(unsigned long number) noexcept {
    char digits[20];
    std::size_t first = sizeof digits;
    do {
        digits[--first] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return append(digits + first, sizeof digits - first);
}

}  // namespace sandbox::engine::child
