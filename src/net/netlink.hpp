// Netlink spoken directly: messages, the socket, its answers. What is said with it is in links.hpp
// and nftables.hpp. netlink(7), rtnetlink(7).
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/net/address.hpp"

namespace sandbox::net {

// One or more messages under construction. Attributes go into the message begun last.
class NetlinkMessage {
  public:
    NetlinkMessage() = default;
    // `header`: the family's own fixed part (ifinfomsg, …).
    template <typename Header>
    NetlinkMessage(int type, int flags, const Header& header) {
        begin(type, flags, &header, sizeof header);
    }
    void begin(int type, int flags, const void* header, size_t header_size);
    void put(int type, const void* data, size_t size);
    void put_u8(int type, std::uint8_t value) { put(type, &value, sizeof value); }
    void put_u32(int type, std::uint32_t value) { put(type, &value, sizeof value); }
    void put_be32(int type, std::uint32_t value);  // nf_tables speaks network order
    void put_be64(int type, std::uint64_t value);
    void put_text(int type, std::string_view text);  // with the closing zero
    void put_address(int type, const IpAddress& address);
    [[nodiscard]] size_t begin_nest(int type);  // NLA_F_NESTED is set
    void end_nest(size_t nest) noexcept;
    void append(const void* data, size_t size);  // raw, aligned
    void append_message(const NetlinkMessage& other);

    [[nodiscard]] const std::vector<std::uint8_t>& bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::vector<std::uint8_t>& bytes() noexcept { return bytes_; }
    [[nodiscard]] unsigned count() const noexcept { return count_; }

  private:
    std::vector<std::uint8_t> bytes_;
    size_t start_ = 0;
    unsigned count_ = 0;
};

// A netlink socket, perhaps of another network namespace (see namespace_entry.hpp).
class NetlinkSocket {
  public:
    explicit NetlinkSocket(base::UniqueFd fd) noexcept : fd_(std::move(fd)) {}
    static NetlinkSocket open(int protocol);  // in the caller's network namespace

    // Sends the message with NLM_F_ACK and waits for the answer: 0 or -errno.
    [[nodiscard]] int try_request(NetlinkMessage& message);
    // Sends several messages at once and waits for the answer of the last that asks for one
    // (NLM_F_ACK); errors come unasked. The first that failed, and how.
    struct BatchResult {
        int error = 0;  // 0 or -errno
        size_t failed = 0;
    };
    [[nodiscard]] BatchResult try_batch(NetlinkMessage& batch);

    // Between the two, requests of links.hpp are only collected, without an answer: for one
    // message, and one wait, instead of many.
    void start_batch() { batch_ = Batch(); }
    [[nodiscard]] bool is_collecting() const noexcept { return batch_.has_value(); }
    void collect(const NetlinkMessage& message, std::string tried);
    void finish_batch();  // sends it; throws SysError that names the first that failed
    // Not sent, but for somebody else to send; the last message asks for an acknowledgement.
    [[nodiscard]] std::vector<std::uint8_t> take_batch();
    // Sends and answers the first message that is no acknowledgement (a get); empty on -errno.
    [[nodiscard]] std::vector<std::uint8_t> query(NetlinkMessage& message);
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  private:
    struct Batch {
        NetlinkMessage message;
        std::vector<std::string> tried;
        size_t last = 0;  // where its last message begins
    };
    void send(const NetlinkMessage& message);
    base::UniqueFd fd_;
    std::optional<Batch> batch_;
    std::uint32_t sequence_ = 1;
};

}  // namespace sandbox::net
