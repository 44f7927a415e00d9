#include "store/log_chunk.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <random>

#include "log_support.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/store/log_store.hpp"

namespace {

using namespace sandbox;
using base::Timestamp;
using store::LogForm;
using store::LogOptions;
using store::LogReader;
using store::LogStream;
using store::LogWriter;
using test::append_lines;
using test::drain;
using test::kLogStart;
using test::log_bytes;
using test::LogDir;
using test::read_log;

LogOptions chunks(std::uint64_t max_size = 20u << 20, std::uint32_t max_files = 5) {
    LogOptions options;
    options.form = LogForm::chunks;
    options.max_size_bytes = max_size;
    options.max_files = max_files;
    return options;
}

auto count_lines(const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
}

}  // namespace

TEST_CASE("a chunk is what was written, in one piece, with time and stream") {
    const LogDir dir;
    LogWriter writer(dir.get(), chunks());
    writer.append(LogStream::out, "one\ntwo\n", {kLogStart, 5});
    writer.append(LogStream::err, "three\n", {kLogStart + 1, 123'456'789});
    CHECK(log_bytes(dir) == 64 + 2 * 24 + 8 + 6);  // with the file `lost`
    LogReader reader(dir.get(), chunks(), {});
    const auto one = reader.try_next();
    REQUIRE(one);
    CHECK(one->text == "one");
    CHECK(one->time == "2026-11-24T15:11:42.000000005+00:00");
    CHECK(drain(reader) == "o:two\ne:three\n");
}

TEST_CASE("chunks: lines come in pieces, hold any bytes, and are not torn by the other stream") {
    const LogDir dir;
    LogWriter writer(dir.get(), chunks());
    const std::string bytes("\0\x1b\xff\r\xC5L\x01\n\xC5L\n", 11);
    writer.append(LogStream::out, "be", {kLogStart, 0});
    writer.append(LogStream::err, "other\n", {kLogStart, 0});
    CHECK(writer.has_partial());
    writer.append(LogStream::out, "gin" + bytes + "\n", {kLogStart, 0});
    CHECK_FALSE(writer.has_partial());
    CHECK(read_log(dir, chunks()) == "e:other\no:begin" + bytes.substr(0, 7) + "\no:\xC5L\no:\n");
    writer.append(LogStream::out, "Password: ", {kLogStart, 0});
    writer.flush_partial({kLogStart, 0});
    CHECK(read_log(dir, chunks(), {.tail = 1}) == "o:Password: ");
}

TEST_CASE("chunks: long lines are split at 16 KiB and lose nothing") {
    const LogDir dir;
    LogWriter writer(dir.get(), chunks());
    for (const size_t length : {16383u, 16384u, 16385u, 100'000u, 3'000'000u}) {
        std::string line(length, 'x');
        line += '\n';
        writer.append(LogStream::out, line, {kLogStart, 0});
    }
    LogReader reader(dir.get(), chunks(), {});
    std::vector<size_t> lengths;
    size_t length = 0;
    while (const auto record = reader.try_next()) {
        CHECK(record->text.size() <= 16384);
        length += record->text.size();
        if (record->ends_line) lengths.push_back(std::exchange(length, 0));
    }
    CHECK(lengths == std::vector<size_t>{16383, 16384, 16385, 100'000, 3'000'000});
}

TEST_CASE("both forms show the same, whatever is written") {
    std::mt19937 random(7);
    for (int round = 0; round < 20; ++round) {
        const LogDir dir;
        const LogDir other;
        LogWriter writer(dir.get(), chunks());
        LogWriter text_writer(other.get(), {});
        for (int i = 0; i < 60; ++i) {
            std::string bytes;
            const size_t size = random() % (i % 20 == 0 ? 40'000 : 60);
            while (bytes.size() < size) bytes += random() % 9 == 0 ? '\n' : 'a';
            const auto stream = static_cast<LogStream>(random() % 2);
            writer.append(stream, bytes, {kLogStart + i, 0});
            text_writer.append(stream, bytes, {kLogStart + i, 0});
            if (random() % 5 == 0) {
                writer.flush_partial({kLogStart + i, 0});
                text_writer.flush_partial({kLogStart + i, 0});
            }
        }
        // Where a line is divided is each form's own affair.
        const auto plain = [](const std::string& shown, char stream) {
            std::string result;
            for (size_t at = 0; at < shown.size();) {
                size_t end = shown.find_first_of("oe", at + 2);
                end = std::min(end, shown.size());
                if (shown[at] == stream) result += shown.substr(at + 2, end - at - 2);
                at = end;
            }
            return result;
        };
        const std::string mine = read_log(dir, chunks());
        const std::string theirs = read_log(other, {});
        CHECK(plain(mine, 'o') == plain(theirs, 'o'));
        CHECK(plain(mine, 'e') == plain(theirs, 'e'));
    }
}

TEST_CASE("chunks: a torn one is cut off by the next writer") {
    const LogDir dir;
    { LogWriter(dir.get(), chunks()).append(LogStream::out, "first\n", {kLogStart, 0}); }
    const auto whole = log_bytes(dir);
    for (const size_t torn : {1u, 15u, 16u, 17u, 30u, 39u}) {
        {
            LogWriter(dir.get(), chunks())
                .append(LogStream::out, "sixteen letters\n", {kLogStart, 0});
        }
        const auto fd = base::open_at(dir.get(), "log/ctr.log", O_WRONLY);
        REQUIRE(::ftruncate(fd.get(), static_cast<off_t>(whole - 64 + torn)) == 0);
        CHECK(read_log(dir, chunks()) == "o:first\n");
        CHECK(read_log(dir, chunks(), {.tail = 1}) == "o:first\n");
        const LogWriter writer(dir.get(), chunks());
        CHECK(log_bytes(dir) == whole);
    }
    LogWriter(dir.get(), chunks()).append(LogStream::out, "second\n", {kLogStart, 0});
    CHECK(read_log(dir, chunks()) == "o:first\no:second\n");
}

TEST_CASE("chunks: rotated by size, whole lines to each piece, below the bound") {
    const LogDir dir;
    const LogOptions options = chunks(4096, 3);
    LogWriter writer(dir.get(), options);
    std::string batch;
    for (int i = 1; i <= 5000; ++i) batch += "line " + std::to_string(i) + "\n";
    writer.append(LogStream::out, batch, {kLogStart, 0});
    CHECK(log_bytes(dir) <= 3 * 4096 + 64);
    CHECK(log_bytes(dir) >= 2 * 4096);
    const std::string all = read_log(dir, options);
    CHECK(all.ends_with("o:line 4999\no:line 5000\n"));
    const long first = std::stol(all.substr(7));
    CHECK(count_lines(all) == 5000 - first + 1);
    writer.append(LogStream::out, std::string(60'000, 'y') + "\nlast\n", {kLogStart, 0});
    CHECK(log_bytes(dir) <= 3 * 4096 + 64);
    CHECK(read_log(dir, options).ends_with("o:last\n"));
}

TEST_CASE("chunks: tail counts lines from the end, over pieces, and since and until hold") {
    const LogDir dir;
    const LogOptions options = chunks(4096, 100);
    LogWriter writer(dir.get(), options);
    append_lines(writer, 1, 500);
    const auto tail = [&](std::uint64_t lines) { return read_log(dir, options, {.tail = lines}); };
    CHECK(tail(0).empty());
    for (const std::uint64_t lines : {1u, 2u, 67u, 68u, 69u, 400u, 499u, 500u, 501u}) {
        const std::string text = tail(lines);
        CHECK(count_lines(text) == static_cast<long>(std::min<std::uint64_t>(lines, 500)));
        CHECK(text.ends_with("o:line 500\n"));
    }
    CHECK(read_log(dir, options, {.tail = 1, .until = Timestamp{kLogStart + 5, 0}}) ==
          "o:line 5\n");
    CHECK(read_log(dir, options,
                   {.since = Timestamp{kLogStart + 4, 1}, .until = Timestamp{kLogStart + 5, 0}}) ==
          "o:line 5\n");
    writer.append(LogStream::err, "a\nb\nc\nd\n", {kLogStart + 501, 0});
    CHECK(tail(3) == "e:b\ne:c\ne:d\n");
    CHECK(tail(5) == "o:line 500\ne:a\ne:b\ne:c\ne:d\n");
}

TEST_CASE("chunks: a reader follows over rotations and restarts, and tells what it missed") {
    const LogDir dir;
    const LogOptions options = chunks(4096, 3);
    LogReader reader(dir.get(), options, {});
    CHECK_FALSE(reader.try_next());
    std::string seen;
    for (int i = 1; i <= 1000; i += 10) {
        LogWriter writer(dir.get(), options);
        append_lines(writer, i, i + 9);
        seen += drain(reader);
    }
    CHECK(count_lines(seen) == 1000);
    CHECK(reader.take_missed_pieces() == 0);
    LogWriter writer(dir.get(), options);
    append_lines(writer, 1001, 2000);
    seen = drain(reader);
    CHECK(reader.take_missed_pieces() > 0);
    CHECK(seen.ends_with("o:line 2000\n"));
}

TEST_CASE("chunks: what is no chunk ends a piece, not the log") {
    const LogDir dir;
    const LogOptions options = chunks(4096, 3);
    {
        LogWriter writer(dir.get(), options);
        append_lines(writer, 1, 1);
        const auto fd = base::open_at(dir.get(), "log/ctr.log", O_WRONLY | O_APPEND);
        base::write_all(fd.get(), std::string(500, '\0'));
        append_lines(writer, 2, 200);
    }
    const std::string all = read_log(dir, options);
    CHECK(all.starts_with("o:line 1\n"));
    CHECK(all.ends_with("o:line 200\n"));
}

TEST_CASE("chunks: what a full disk refuses is counted, told in the log, and kept") {
    const LogDir dir;
    struct sigaction former {};
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    REQUIRE(::sigaction(SIGXFSZ, &ignore, &former) == 0);
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
    const rlimit small{600, limit.rlim_max};
    LogWriter writer(dir.get(), chunks());
    append_lines(writer, 1, 10);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    append_lines(writer, 11, 50);
    CHECK(writer.lost().errnum == EFBIG);
    const std::string full = read_log(dir, chunks());
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    ::sigaction(SIGXFSZ, &former, nullptr);
    const auto lost = writer.lost().lines;
    CHECK(lost > 20);
    CHECK(count_lines(full) + static_cast<long>(lost) == 50);
    append_lines(writer, 51, 52);
    CHECK(read_log(dir, chunks()) ==
          full + "n:" + std::to_string(lost) + " lines (" + std::to_string(writer.lost().bytes) +
              " bytes) are missing here: File too large\n" + "o:line 51\no:line 52\n");
}

TEST_CASE("a log at one path has one writer at a time, and goes with its last container") {
    const LogDir dir;
    const LogDir other;
    LogOptions options;
    options.max_size_bytes = 4096;
    options.path = dir.temp.store().root() + "/elsewhere/my.log";
    {
        LogWriter writer(dir.get(), options);
        CHECK_THROWS_WITH(LogWriter(other.get(), options),
                          Catch::Matchers::Contains("in use by another container"));
        append_lines(writer, 1, 300);  // rotated: the new piece is locked, too
        CHECK_THROWS_AS(LogWriter(other.get(), options), base::Error);
        store::remove_outside_log(options);
        CHECK(read_log(dir, options).ends_with("o:line 300\n"));
    }
    LogWriter(other.get(), options).append(LogStream::out, "again\n", {kLogStart, 0});
    CHECK(read_log(dir, options).ends_with("o:again\n"));
    store::remove_outside_log(options);
    CHECK(read_log(dir, options).empty());
}

TEST_CASE("big pieces are removed by processes that are gone when nothing is written") {
    const LogDir dir;
    constexpr std::uint64_t kPiece = 4u << 20;
    LogOptions options = chunks(kPiece, 2);
    options.form = LogForm::text;  // compact ones are written anew
    LogWriter writer(dir.get(), options);
    std::string block(1u << 20, 'x');
    for (size_t at = 1023; at < block.size(); at += 1024) block[at] = '\n';
    for (int i = 0; i < 23; ++i) writer.append(LogStream::out, block, {kLogStart + i, 0});
    // Never more than one too many, whose removal is under way.
    CHECK(log_bytes(dir) <= 3 * kPiece + 64);
    writer.release_memory();
    CHECK(log_bytes(dir) <= 2 * kPiece + 64);
    CHECK(log_bytes(dir) > kPiece);
    CHECK(::waitpid(-1, nullptr, WNOHANG | __WALL) == -1);
    CHECK(errno == ECHILD);
    for (int i = 0; i < 4; ++i) writer.append(LogStream::out, block, {kLogStart + i, 0});
    { const LogWriter gone = std::move(writer); }
    CHECK(log_bytes(dir) <= 2 * kPiece + 64);
    CHECK(::waitpid(-1, nullptr, WNOHANG | __WALL) == -1);
}

TEST_CASE("chunks of a flood end with blocks of the file, and readers see nothing of the gaps") {
    for (const size_t line_bytes : {size_t{80}, size_t{3'000}, size_t{8'000}}) {
        const LogDir dir;
        const LogOptions options = chunks(4u << 20, 3);
        std::string flood;
        while (flood.size() < (3u << 20)) {
            flood += std::to_string(flood.size());
            flood.append(line_bytes - flood.size() % line_bytes - 1, 'x');
            flood += '\n';
        }
        size_t reads = 0, aligned = 0;
        {
            LogWriter writer(dir.get(), options);
            writer.append(LogStream::err, "begin\n", {kLogStart, 0});
            for (size_t at = 0; at < flood.size(); ++reads) {
                const size_t most = 128u << 10;
                const size_t count = writer.good_read_bytes(LogStream::out, most);
                REQUIRE(count > 0);
                REQUIRE(count <= most);
                writer.append(LogStream::out, std::string_view(flood).substr(at, count),
                              {kLogStart, 0});
                at += count;
                aligned += (log_bytes(dir) - 64) % (64u << 10) == 0 ? 1 : 0;  // without `lost`
            }
            writer.append(LogStream::err, "end\n", {kLogStart, 0});
        }
        CHECK(aligned * 10 >= reads * 9);
        CHECK(log_bytes(dir) < (3u << 20) * 107 / 100);
        const std::string shown = read_log(dir, options);
        CHECK(count_lines(shown) == count_lines(flood) + 2);
        std::string expected = "e:begin\n";
        for (size_t at = 0; at < flood.size(); at += line_bytes) {
            expected += "o:" + flood.substr(at, line_bytes);
        }
        CHECK(shown == expected + "e:end\n");
        const auto tail = static_cast<std::uint64_t>(flood.size() / line_bytes / 2);
        const std::string last = read_log(dir, options, {.tail = tail});
        CHECK(count_lines(last) == static_cast<long>(tail));
        CHECK(shown.ends_with(last));
        // Who goes on behind a gap, a whole one or not.
        const base::UniqueFd file(base::open_at(dir.get(), "log/ctr.log", O_RDWR));
        struct stat info {};
        REQUIRE(::fstat(file.get(), &info) == 0);
        REQUIRE(::ftruncate(file.get(), info.st_size - 3) == 0);
        LogWriter again(dir.get(), options);
        again.append(LogStream::out, "more\n", {kLogStart, 0});
        CHECK(read_log(dir, options) == expected + "o:more\n");
    }
}
