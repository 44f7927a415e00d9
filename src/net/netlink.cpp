#include "net/netlink.hpp"

#include <endian.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "sandbox/base/error.hpp"

namespace sandbox::net {
namespace {

constexpr size_t kAlign = NLMSG_ALIGNTO;

template <typename T>
T load(const std::uint8_t* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

// Calls `handle` with each message's header and whole bytes until it answers false.
template <typename F>
bool for_each_message(const std::uint8_t* data, size_t size, F&& handle) {
    while (size >= sizeof(nlmsghdr)) {
        const auto header = load<nlmsghdr>(data);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > size) return true;
        if (!handle(header, data)) return false;
        const size_t step = std::min<size_t>(size, NLMSG_ALIGN(header.nlmsg_len));
        data += step;
        size -= step;
    }
    return true;
}

size_t receive(int fd, std::vector<std::uint8_t>& buffer) {
    for (;;) {
        const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got > 0) return static_cast<size_t>(got);
        if (got < 0 && errno == EINTR) continue;
        throw base::SysError(got < 0 ? errno : EPIPE, "read the answer of netlink");
    }
}

constexpr size_t kReceiveBytes = 32 * 1024;

}  // namespace

void NetlinkMessage::append_message(const NetlinkMessage& other) {
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
    start_ = bytes_.size();
    bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
    count_ += other.count_;
}

void NetlinkMessage::begin(int type, int flags, const void* header, size_t header_size) {
    start_ = bytes_.size();
    nlmsghdr message{};
    message.nlmsg_type = static_cast<std::uint16_t>(type);
    message.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    bytes_.resize(start_ + sizeof message);
    std::memcpy(bytes_.data() + start_, &message, sizeof message);
    ++count_;
    append(header, header_size);
}

void NetlinkMessage::append(const void* data, size_t size) {
    const size_t at = bytes_.size();
    bytes_.resize(at + (size + kAlign - 1) / kAlign * kAlign);
    if (size != 0) std::memcpy(bytes_.data() + at, data, size);
    if (count_ == 0) return;  // a list of attributes without a head
    const auto length = static_cast<std::uint32_t>(bytes_.size() - start_);
    std::memcpy(bytes_.data() + start_ + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
}

void NetlinkMessage::put(int type, const void* data, size_t size) {
    nlattr head{};
    head.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + size);
    head.nla_type = static_cast<std::uint16_t>(type);
    append(&head, sizeof head);
    append(data, size);
}

void NetlinkMessage::put_be32(int type, std::uint32_t value) {
    put_u32(type, htobe32(value));
}

void NetlinkMessage::put_be64(int type, std::uint64_t value) {
    const std::uint64_t swapped = htobe64(value);
    put(type, &swapped, sizeof swapped);
}

void NetlinkMessage::put_text(int type, std::string_view text) {
    const std::string zero_ended(text);
    put(type, zero_ended.c_str(), zero_ended.size() + 1);
}

void NetlinkMessage::put_address(int type, const IpAddress& address) {
    put(type, address.bytes.data(), address.size());
}

size_t NetlinkMessage::begin_nest(int type) {
    const size_t nest = bytes_.size();
    put(type | NLA_F_NESTED, nullptr, 0);
    return nest;
}

void NetlinkMessage::end_nest(size_t nest) noexcept {
    const auto length = static_cast<std::uint16_t>(bytes_.size() - nest);
    std::memcpy(bytes_.data() + nest, &length, sizeof length);
}

NetlinkSocket NetlinkSocket::open(int protocol) {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (fd < 0) throw base::SysError(errno, "open a netlink socket");
    return NetlinkSocket(base::UniqueFd(fd));
}

void NetlinkSocket::send(const NetlinkMessage& message) {
    // netlink(7), net/netlink/af_netlink.c: with a destination named, the kernel asks for rights of
    // the sender alone, not of whoever opened the socket. The sender may thus join namespaces of
    // two sibling user namespaces, both of which it owns.
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    ssize_t rc = 0;
    do {
        rc = ::sendto(fd_.get(), message.bytes().data(), message.bytes().size(), 0,
                      reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) throw base::SysError(errno, "speak netlink");
}

int NetlinkSocket::try_request(NetlinkMessage& message) {
    auto header = load<nlmsghdr>(message.bytes().data());
    header.nlmsg_flags |= NLM_F_ACK;
    header.nlmsg_seq = sequence_++;
    std::memcpy(message.bytes().data(), &header, sizeof header);
    send(message);

    std::vector<std::uint8_t> buffer(kReceiveBytes);
    int result = 0;
    bool waiting = true;
    while (waiting) {
        const size_t size = receive(fd_.get(), buffer);
        for_each_message(buffer.data(), size, [&](const nlmsghdr& got, const std::uint8_t* data) {
            if (got.nlmsg_type != NLMSG_ERROR || got.nlmsg_seq != header.nlmsg_seq) return true;
            if (got.nlmsg_len >= NLMSG_HDRLEN + sizeof(nlmsgerr)) {
                result = load<nlmsgerr>(data + NLMSG_HDRLEN).error;
            }
            waiting = false;
            return false;
        });
    }
    return result;
}

NetlinkSocket::BatchResult NetlinkSocket::try_batch(NetlinkMessage& batch) {
    std::uint8_t* at = batch.bytes().data();
    const std::uint32_t first = sequence_;
    std::optional<std::uint32_t> last;
    for (size_t left = batch.bytes().size(); left >= sizeof(nlmsghdr);) {
        auto header = load<nlmsghdr>(at);
        header.nlmsg_seq = sequence_++;
        if ((header.nlmsg_flags & NLM_F_ACK) != 0) last = header.nlmsg_seq;
        std::memcpy(at, &header, sizeof header);
        const size_t step = std::min<size_t>(left, NLMSG_ALIGN(header.nlmsg_len));
        at += step;
        left -= step;
    }
    send(batch);
    std::vector<std::uint8_t> buffer(kReceiveBytes);
    BatchResult result;
    for (bool waiting = last.has_value(); waiting;) {
        const size_t size = receive(fd_.get(), buffer);
        for_each_message(buffer.data(), size, [&](const nlmsghdr& got, const std::uint8_t* data) {
            if (got.nlmsg_type != NLMSG_ERROR || got.nlmsg_seq < first) return true;
            if (got.nlmsg_len < NLMSG_HDRLEN + sizeof(nlmsgerr)) return true;
            const int error = load<nlmsgerr>(data + NLMSG_HDRLEN).error;
            if (error != 0) result = {error, got.nlmsg_seq - first};
            if (error != 0 || got.nlmsg_seq == *last) waiting = false;
            return waiting;
        });
    }
    return result;
}

void NetlinkSocket::collect(const NetlinkMessage& message, std::string tried) {
    batch_->last = batch_->message.bytes().size();
    batch_->message.append_message(message);
    batch_->tried.push_back(std::move(tried));
}

std::vector<std::uint8_t> NetlinkSocket::take_batch() {
    Batch batch = std::move(*std::exchange(batch_, std::nullopt));
    std::vector<std::uint8_t>& bytes = batch.message.bytes();
    if (bytes.empty()) return {};
    auto header = load<nlmsghdr>(bytes.data() + batch.last);
    header.nlmsg_flags |= NLM_F_ACK;
    std::memcpy(bytes.data() + batch.last, &header, sizeof header);
    return std::move(bytes);
}

void NetlinkSocket::finish_batch() {
    const std::vector<std::string> tried = batch_->tried;
    NetlinkMessage message;
    message.bytes() = take_batch();
    if (message.bytes().empty()) return;
    const BatchResult result = try_batch(message);
    if (result.error == 0) return;
    throw base::SysError(-result.error,
                         result.failed < tried.size() ? tried[result.failed] : "set up links");
}

std::vector<std::uint8_t> NetlinkSocket::query(NetlinkMessage& message) {
    auto header = load<nlmsghdr>(message.bytes().data());
    header.nlmsg_seq = sequence_++;
    std::memcpy(message.bytes().data(), &header, sizeof header);
    send(message);
    std::vector<std::uint8_t> buffer(kReceiveBytes);
    std::vector<std::uint8_t> answer;
    for (bool waiting = true; waiting;) {
        const size_t size = receive(fd_.get(), buffer);
        for_each_message(buffer.data(), size, [&](const nlmsghdr& got, const std::uint8_t* data) {
            if (got.nlmsg_seq != header.nlmsg_seq) return true;
            if (got.nlmsg_type != NLMSG_ERROR) answer.assign(data, data + got.nlmsg_len);
            waiting = false;
            return false;
        });
    }
    return answer;
}

}  // namespace sandbox::net
