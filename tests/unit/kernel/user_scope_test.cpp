#include "kernel/user_scope.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

namespace sandbox::kernel {
namespace {

using std::string_literals::operator""s;

// The answer of a bus, as bytes: {type, reply serial, error name, body}.
std::string reply(char type, char serial, const std::string& error, const std::string& body) {
    std::string fields = "\x05\x01u\0"s + serial + "\0\0\0"s;
    if (!error.empty()) {
        fields += "\x04\x01s\0"s + static_cast<char>(error.size()) + "\0\0\0"s + error + '\0';
    }
    std::string text = "l"s + type + "\0\1"s + static_cast<char>(body.size()) + "\0\0\0"s +
                       "\x09\0\0\0"s + static_cast<char>(fields.size()) + "\0\0\0"s + fields;
    text.resize((text.size() + 7) / 8 * 8, '\0');
    return text + body;
}

}  // namespace

TEST_CASE("a bus address names its socket") {
    CHECK(socket_of_address("unix:path=/run/user/7/bus,guid=ab") == "/run/user/7/bus");
    CHECK(socket_of_address("tcp:host=x;unix:guid=1,path=/b") == "/b");
    CHECK(socket_of_address("unix:abstract=/tmp/x").empty());
    CHECK(socket_of_address("").empty());
}

TEST_CASE("the call of a scope tells its own length") {
    const std::string message = start_scope_message(3, "sandbox-abc.scope", 4711);
    CHECK(message_bytes(message.substr(0, 16)) == message.size());
    CHECK(message.substr(0, 4) == "l\1\0\1"s);
    CHECK(message.find("StartTransientUnit") != message.npos);
    CHECK(message.find("\x08\x01g\0\x10ssa(sv)a(sa(sv))\0"s) != message.npos);
    CHECK(message.find("\x04\0\0\0\x67\x12\0\0"s) != message.npos);  // PIDs: one, 4711
    CHECK(hello_message(1).size() == message_bytes(hello_message(1).substr(0, 16)));
}

TEST_CASE("the answer to a call is told from other answers") {
    const BusReply good = parse_reply(reply('\2', '\3', "", "\4\0\0\0/job\0"s));
    CHECK_FALSE(good.is_error);
    CHECK(good.reply_to == 3);
}

TEST_CASE("an error of systemd's is told in its own words") {
    const BusReply bad = parse_reply(reply('\3', '\7', "org.x.NoSuchUnit", "\5\0\0\0nope!\0"s));
    CHECK(bad.is_error);
    CHECK(bad.reply_to == 7);
    CHECK(bad.error == "org.x.NoSuchUnit: nope!");
}

TEST_CASE("a message that is cut off, absurd or none at all is an error") {
    CHECK_THROWS_AS(parse_reply("x"), base::IntegrityError);
    CHECK_THROWS_AS(parse_reply(""), base::IntegrityError);
    const std::string whole = reply('\3', '\7', "org.x", "\5\0\0\0nope!\0"s);
    for (size_t size = 0; size < 32; ++size) {
        CHECK_THROWS_AS(parse_reply(whole.substr(0, size)), base::IntegrityError);
    }
    CHECK_THROWS_AS(message_bytes("l\2\0\1\xff\xff\xff\x7f\0\0\0\0\0\0\0\0"s),
                    base::IntegrityError);
}

}  // namespace sandbox::kernel
