#include <catch2/catch.hpp>

#include "registry/head_reader.hpp"

using namespace sandbox::registry;
using Result = HeadReader::Result;

TEST_CASE("a head is read line by line, names in lower case") {
    HeadReader reader;
    CHECK(reader.take_line("HTTP/1.1 200 OK\r\n") == Result::more);
    CHECK(reader.take_line("Content-Type:  a/b \r\n") == Result::more);
    CHECK(reader.take_line("no colon\r\n") == Result::more);
    CHECK(reader.take_line("\r\n") == Result::complete);
    CHECK(reader.head().find("content-type") == "a/b");
    CHECK(reader.head().headers.size() == 1);
    CHECK_FALSE(reader.head().has("x"));
}

TEST_CASE("an interim answer is forgotten, but its size counts") {
    HeadReader reader;
    (void)reader.take_line("HTTP/1.1 100 Continue\r\n");
    (void)reader.take_line("X: y\r\n");
    CHECK(reader.take_line("\r\n") == Result::complete);
    CHECK(reader.take_line("HTTP/1.1 200 OK\r\n") == Result::more);
    CHECK_FALSE(reader.head().has("x"));
    Result result = Result::more;
    for (int i = 0; i < 20000 && result != Result::too_large; ++i) {
        result = reader.take_line("HTTP/1.1 100 Continue\r\n");
    }
    CHECK(result == Result::too_large);
}

TEST_CASE("too many headers and too long ones are refused") {
    HeadReader many;
    Result result = Result::more;
    int lines = 0;
    while (result == Result::more && ++lines < 1000) result = many.take_line("a: b\r\n");
    CHECK(result == Result::too_large);
    CHECK(lines < 300);
    HeadReader big;
    CHECK(big.take_line("x: " + std::string(200 * 1024, 'y')) == Result::too_large);
}

TEST_CASE("two ways to say where a body ends are ambiguous") {
    const auto ambiguous = [](std::initializer_list<const char*> lines) {
        HeadReader reader;
        for (const char* line : lines) (void)reader.take_line(line);
        return reader.has_ambiguous_length();
    };
    CHECK_FALSE(ambiguous({"Content-Length: 5\r\n"}));
    CHECK_FALSE(ambiguous({"Content-Length: 5\r\n", "content-length: 5\r\n"}));
    CHECK_FALSE(ambiguous({"Transfer-Encoding: chunked\r\n"}));
    CHECK(ambiguous({"Content-Length: 5\r\n", "Content-Length: 6\r\n"}));
    CHECK(ambiguous({"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}));
}

TEST_CASE("what a handshake died of is told by its words") {
    CHECK(handshake_fault("error:0A00010B:SSL routines::wrong version number") == Fault::not_tls);
    CHECK(handshake_fault("OpenSSL SSL_connect: SSL_ERROR_SYSCALL") == Fault::tls_broken);
    CHECK(handshake_fault("SSL certificate problem: self-signed certificate") == Fault::tls);
    CHECK(tidy_text("Failed to connect.\x1b") == "failed to connect.\\x1b");
    CHECK(tidy_text("SSL problem.") == "SSL problem");
}
