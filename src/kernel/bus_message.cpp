#include "kernel/bus_message.hpp"

#include <algorithm>

#include "kernel/user_scope.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::kernel {
namespace {

constexpr char kMethodCall = 1, kError = 3;
constexpr char kPath = 1, kInterface = 2, kMember = 3, kErrorName = 4, kReplySerial = 5,
               kDestination = 6, kSignature = 8;
constexpr std::size_t kMaxMessageBytes = 1u << 20;

// Values are aligned to their own size, counted from the message's first byte.
class Writer {
  public:
    void align(std::size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to, '\0'); }
    void byte(char value) { bytes_ += value; }
    void u32(std::uint32_t value) {
        align(4);
        for (int shift = 0; shift < 32; shift += 8) byte(static_cast<char>(value >> shift));
    }
    void text(std::string_view value) {
        u32(static_cast<std::uint32_t>(value.size()));
        bytes_.append(value).push_back('\0');
    }
    void signature(std::string_view value) {
        byte(static_cast<char>(value.size()));
        bytes_.append(value).push_back('\0');
    }
    // The length of what `fill` writes, in front of it; elements begin at that alignment.
    template <typename F>
    void array(std::size_t element_alignment, F fill) {
        u32(0);
        const std::size_t at = bytes_.size() - 4;
        align(element_alignment);
        const std::size_t start = bytes_.size();
        fill();
        put_u32(at, static_cast<std::uint32_t>(bytes_.size() - start));
    }
    void put_u32(std::size_t at, std::uint32_t value) {
        for (std::size_t i = 0; i < 4; ++i) bytes_[at + i] = static_cast<char>(value >> (8 * i));
    }
    // {name, variant}
    template <typename F>
    void property(std::string_view name, std::string_view type, F value) {
        align(8);
        text(name);
        signature(type);
        value();
    }
    [[nodiscard]] std::string& bytes() { return bytes_; }

  private:
    std::string bytes_;
};

struct Call {
    std::string_view destination, path, interface, member, signature;
};

std::string make_call(std::uint32_t serial, const Call& call, const std::string& body) {
    Writer out;
    out.byte('l');
    out.byte(kMethodCall);
    out.byte(0);
    out.byte(1);  // version of the protocol
    out.u32(static_cast<std::uint32_t>(body.size()));
    out.u32(serial);
    out.array(8, [&] {
        const auto field = [&](char code, std::string_view type, std::string_view value) {
            if (value.empty()) return;
            out.align(8);
            out.byte(code);
            out.signature(type);
            if (type == "g") {
                out.signature(value);
            } else {
                out.text(value);
            }
        };
        field(kPath, "o", call.path);
        field(kDestination, "s", call.destination);
        field(kInterface, "s", call.interface);
        field(kMember, "s", call.member);
        field(kSignature, "g", call.signature);
    });
    out.align(8);
    return out.bytes() + body;
}

class Reader {
  public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {
        if (bytes.empty() || (bytes[0] != 'l' && bytes[0] != 'B')) {
            throw base::IntegrityError("not a D-Bus message");
        }
        big_ = bytes[0] == 'B';
    }
    void seek(std::size_t at) { at_ = at; }
    [[nodiscard]] std::size_t at() const { return at_; }
    void align(std::size_t to) { at_ = (at_ + to - 1) / to * to; }
    unsigned char byte() {
        if (at_ >= bytes_.size()) throw base::IntegrityError("a D-Bus message is cut off");
        return static_cast<unsigned char>(bytes_[at_++]);
    }
    std::uint32_t u32() {
        align(4);
        std::uint32_t value = 0;
        for (unsigned i = 0; i < 4; ++i) {
            value |= std::uint32_t{byte()} << (8 * (big_ ? 3 - i : i));
        }
        return value;
    }
    std::string text(std::size_t size) {
        if (size > bytes_.size() || at_ + size + 1 > bytes_.size()) {
            throw base::IntegrityError("a D-Bus message is cut off");
        }
        std::string value(bytes_.substr(at_, size));
        at_ += size + 1;
        return value;
    }

  private:
    std::string_view bytes_;
    std::size_t at_ = 0;
    bool big_ = false;
};

}  // namespace

std::string hello_message(std::uint32_t serial) {
    return make_call(
        serial,
        {"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", ""}, {});
}

std::string start_scope_message(std::uint32_t serial, const std::string& name, pid_t pid) {
    Writer body;
    body.text(name);
    body.text("fail");
    body.array(8, [&] {
        body.property("Description", "s", [&] { body.text("sandbox container"); });
        body.property("Delegate", "b", [&] { body.u32(1); });
        body.property("CollectMode", "s", [&] { body.text("inactive-or-failed"); });
        body.property("PIDs", "au",
                      [&] { body.array(4, [&] { body.u32(static_cast<std::uint32_t>(pid)); }); });
    });
    body.array(8, [] {});  // auxiliary units
    return make_call(serial,
                     {"org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                      "org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))"},
                     body.bytes());
}

std::size_t message_bytes(std::string_view head) {
    Reader in(head);
    in.seek(4);
    const std::size_t body = in.u32();
    in.seek(12);
    const std::size_t fields = in.u32();
    const std::size_t total = (kBusHeadBytes + fields + 7) / 8 * 8 + body;
    if (body > kMaxMessageBytes || fields > kMaxMessageBytes) {
        throw base::IntegrityError("a D-Bus message is too long");
    }
    return total;
}

BusReply parse_reply(std::string_view message) {
    Reader in(message);
    (void)in.byte();
    BusReply reply;
    reply.is_error = in.byte() == static_cast<unsigned char>(kError);
    in.seek(12);
    const std::size_t end = kBusHeadBytes + in.u32();
    while (in.at() < end) {
        in.align(8);
        const char code = static_cast<char>(in.byte());
        const std::string type = in.text(in.byte());
        if (type == "u") {
            const std::uint32_t value = in.u32();
            if (code == kReplySerial) reply.reply_to = value;
        } else if (type == "s" || type == "o") {
            const std::string value = in.text(in.u32());
            if (code == kErrorName) reply.error = value;
        } else if (type == "g") {
            (void)in.text(in.byte());
        } else {
            throw base::IntegrityError("unknown field in a D-Bus message");
        }
    }
    in.seek((end + 7) / 8 * 8);
    // An error's body is its text, nearly always.
    if (reply.is_error && in.at() + 4 < message.size()) {
        reply.error += ": " + in.text(in.u32());
    }
    return reply;
}

}  // namespace sandbox::kernel
