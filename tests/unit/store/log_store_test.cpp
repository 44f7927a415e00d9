#include "sandbox/store/log_store.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <vector>

#include "log_support.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/temp_dir.hpp"

namespace {

using namespace sandbox;
using base::Timestamp;
using store::LogOptions;
using store::LogReader;
using store::LogStream;
using store::LogWish;
using store::LogWriter;
using test::append_lines;
using test::drain;
using test::kLogStart;
using test::log_bytes;
using test::LogDir;
using test::read_log;

}  // namespace

TEST_CASE("a log has one record a line, with time and stream") {
    const LogDir dir;
    LogWriter writer(dir.get(), {});
    writer.append(LogStream::out, "one\ntwo\n", {kLogStart, 5});
    writer.append(LogStream::err, "three\n", {kLogStart + 1, 123'456'789});
    CHECK(base::read_file_at(dir.get(), "log/ctr.log", 1000) ==
          "2026-11-24T15:11:42.000000005+00:00 stdout F one\n"
          "2026-11-24T15:11:42.000000005+00:00 stdout F two\n"
          "2026-11-24T15:11:43.123456789+00:00 stderr F three\n");
    CHECK(read_log(dir) == "o:one\no:two\ne:three\n");
}

TEST_CASE("a line may come in pieces and hold any bytes") {
    const LogDir dir;
    LogWriter writer(dir.get(), {});
    const std::string bytes("\0\x1b\xff\r", 4);
    writer.append(LogStream::out, "be", {kLogStart, 0});
    writer.append(LogStream::err, "other\n", {kLogStart, 0});
    CHECK(writer.has_partial());
    writer.append(LogStream::out, "gin" + bytes + "\n\n", {kLogStart, 0});
    CHECK_FALSE(writer.has_partial());
    CHECK(read_log(dir) == "e:other\no:begin" + bytes + "\no:\n");
}

TEST_CASE("an unfinished line is shown after a flush and goes on later") {
    const LogDir dir;
    LogWriter writer(dir.get(), {});
    writer.append(LogStream::out, "Password: ", {kLogStart, 0});
    CHECK(read_log(dir).empty());
    writer.flush_partial({kLogStart, 0});
    CHECK(read_log(dir) == "o:Password: ");
    writer.append(LogStream::out, "\n", {kLogStart, 0});
    CHECK(read_log(dir) == "o:Password: o:\n");
}

TEST_CASE("long lines are split at 16 KiB and lose nothing") {
    const LogDir dir;
    LogWriter writer(dir.get(), {});
    for (const size_t length : {16383u, 16384u, 16385u, 100'000u}) {
        std::string line(length, 'x');
        line += '\n';
        for (size_t at = 0; at < line.size(); at += 5000) {
            writer.append(LogStream::out, line.substr(at, 5000), {kLogStart, 0});
        }
    }
    LogReader reader(dir.get(), {}, {});
    std::vector<size_t> lengths;
    size_t length = 0;
    while (const auto record = reader.try_next()) {
        CHECK(record->text.size() <= 16384);
        length += record->text.size();
        if (record->ends_line) lengths.push_back(std::exchange(length, 0));
    }
    CHECK(lengths == std::vector<size_t>{16383, 16384, 16385, 100'000});
}

TEST_CASE("what is there is continued, and a torn record swallows nothing") {
    const LogDir dir;
    { LogWriter(dir.get(), {}).append(LogStream::out, "first\n", {kLogStart, 0}); }
    {
        const auto fd = base::open_at(dir.get(), "log/ctr.log", O_WRONLY | O_APPEND);
        base::write_all(fd.get(), "2026-11-24T15:11");
    }
    LogWriter writer(dir.get(), {});
    writer.append(LogStream::out, "second\n", {kLogStart, 0});
    CHECK(read_log(dir) == "o:first\no:second\n");
}

TEST_CASE("a log is rotated by size and stays below its bound") {
    const LogDir dir;
    LogOptions options;
    options.max_size_bytes = 4096;
    options.max_files = 3;
    LogWriter writer(dir.get(), options);
    append_lines(writer, 1, 2000);
    CHECK(log_bytes(dir) <= 3 * 4096 + 64);
    CHECK(base::list_dir(base::open_at(dir.get(), "log", O_RDONLY | O_DIRECTORY).get()).size() ==
          4);
    const std::string all = read_log(dir, options);
    CHECK(all.ends_with("o:line 1999\no:line 2000\n"));
    CHECK(all.size() > 2 * 1000);
    // No gap within what is kept.
    const size_t first = static_cast<size_t>(std::stoul(all.substr(7)));
    CHECK(static_cast<size_t>(std::count(all.begin(), all.end(), '\n')) == 2000 - first + 1);
}

TEST_CASE("a bound without a number of files keeps the newer half at least") {
    const LogDir dir;
    LogOptions options;
    options.max_size_bytes = 8192;
    options.max_files = 1;
    LogWriter writer(dir.get(), options);
    append_lines(writer, 1, 1000);
    CHECK(log_bytes(dir) <= 8192 + 64);
    CHECK(log_bytes(dir) >= 4096);
}

TEST_CASE("one big batch is rotated within, too") {
    const LogDir dir;
    LogOptions options;
    options.max_size_bytes = 4096;
    options.max_files = 2;
    LogWriter writer(dir.get(), options);
    std::string batch;
    for (int i = 0; i < 5000; ++i) batch += "some line of text\n";
    batch += std::string(60'000, 'y') + "\nlast\n";
    writer.append(LogStream::out, batch, {kLogStart, 0});
    CHECK(log_bytes(dir) <= 2 * 4096 + 64);
    CHECK(read_log(dir, options).ends_with("o:last\n"));
}

TEST_CASE("tail counts lines from the end, over pieces and partial lines") {
    const LogDir dir;
    LogOptions options;
    options.max_size_bytes = 4096;
    options.max_files = 100;
    LogWriter writer(dir.get(), options);
    append_lines(writer, 1, 500);
    const auto tail = [&](std::uint64_t lines) { return read_log(dir, options, {.tail = lines}); };
    CHECK(tail(0).empty());
    CHECK(tail(1) == "o:line 500\n");
    for (const std::uint64_t lines : {2u, 67u, 68u, 69u, 400u, 499u, 500u, 501u}) {
        const std::string text = tail(lines);
        CHECK(static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) ==
              std::min<std::uint64_t>(lines, 500));
        CHECK(text.ends_with("o:line 500\n"));
    }
    writer.append(LogStream::out, "unfinished", {kLogStart + 501, 0});
    writer.flush_partial({kLogStart + 501, 0});
    CHECK(tail(1) == "o:unfinished");
    CHECK(tail(2) == "o:line 500\no:unfinished");
    CHECK(tail(0).empty());
}

TEST_CASE("tail takes a split line as one") {
    const LogDir dir;
    LogWriter writer(dir.get(), {});
    writer.append(LogStream::out, "before\n" + std::string(200'000, 'z') + "\nafter\n",
                  {kLogStart, 0});
    const std::string text = read_log(dir, {}, {.tail = 2});
    CHECK(std::count(text.begin(), text.end(), 'z') == 200'000);
    CHECK(text.find("before") == std::string::npos);
}

TEST_CASE("since and until are inclusive, and tail counts what until leaves") {
    const LogDir dir;
    LogWriter writer(dir.get(), {});
    append_lines(writer, 1, 10);
    CHECK(read_log(dir, {}, {.since = Timestamp{kLogStart + 9, 0}}) == "o:line 9\no:line 10\n");
    CHECK(read_log(dir, {}, {.until = Timestamp{kLogStart + 2, 0}}) == "o:line 1\no:line 2\n");
    CHECK(read_log(dir, {}, {.tail = 1, .until = Timestamp{kLogStart + 5, 0}}) == "o:line 5\n");
    CHECK(read_log(dir, {},
                   {.since = Timestamp{kLogStart + 4, 1}, .until = Timestamp{kLogStart + 5, 0}}) ==
          "o:line 5\n");
}

TEST_CASE("a reader follows over rotations without a gap and tells what it missed") {
    const LogDir dir;
    LogOptions options;
    options.max_size_bytes = 4096;
    options.max_files = 3;
    LogReader reader(dir.get(), options, {});
    CHECK_FALSE(reader.try_next());
    LogWriter writer(dir.get(), options);
    std::string seen;
    for (int i = 1; i <= 1000; i += 10) {
        append_lines(writer, i, i + 9);
        seen += drain(reader);
    }
    CHECK(std::count(seen.begin(), seen.end(), '\n') == 1000);
    CHECK(reader.take_missed_pieces() == 0);
    append_lines(writer, 1001, 2000);
    seen = drain(reader);
    CHECK(reader.take_missed_pieces() > 0);
    CHECK(seen.ends_with("o:line 2000\n"));
}

TEST_CASE("a reader follows over a restart of the writer") {
    const LogDir dir;
    LogReader reader(dir.get(), {}, {});
    { LogWriter(dir.get(), {}).append(LogStream::out, "before\n", {kLogStart, 0}); }
    CHECK(drain(reader) == "o:before\n");
    { LogWriter(dir.get(), {}).append(LogStream::out, "after", {kLogStart, 0}); }
    CHECK(drain(reader) == "o:after");
}

TEST_CASE("damaged records are left out") {
    const LogDir dir;
    { LogWriter(dir.get(), {}).append(LogStream::out, "good\n", {kLogStart, 0}); }
    const auto fd = base::open_at(dir.get(), "log/ctr.log", O_WRONLY | O_APPEND);
    base::write_all(fd.get(), std::string(3000, '\0') + "\nnonsense\n" + std::string(300'000, 'x') +
                                  "\n2026-11-24T15:11:42.000000005+00:00 stdout F end\n");
    CHECK(read_log(dir) == "o:good\no:end\n");
    CHECK(read_log(dir, {}, {.tail = 1}) == "o:end\n");
    CHECK(read_log(dir, {}, {.tail = 9}) == "o:good\no:end\n");
}

TEST_CASE("what a full disk refuses is counted, told in the log, and kept over restarts") {
    const LogDir dir;
    LogOptions options;
    struct sigaction former {};
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    REQUIRE(::sigaction(SIGXFSZ, &ignore, &former) == 0);
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
    const rlimit small{1000, limit.rlim_max};
    {
        LogWriter writer(dir.get(), options);
        append_lines(writer, 1, 10);
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
        append_lines(writer, 11, 50);
        CHECK(writer.lost().lines > 20);
        CHECK(writer.lost().lines < 40);
        CHECK(writer.lost().errnum == EFBIG);
        const std::string full = read_log(dir);
        CHECK(full.back() == '\n');
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
        const auto lost = writer.lost().lines;
        append_lines(writer, 51, 52);
        const std::string told = "n:" + std::to_string(lost) + " lines (" +
                                 std::to_string(writer.lost().bytes) +
                                 " bytes) are missing here: File too large\n";
        CHECK(read_log(dir) == full + told + "o:line 51\no:line 52\n");
        CHECK(std::count(full.begin(), full.end(), '\n') + static_cast<long>(lost) == 50);
    }
    ::sigaction(SIGXFSZ, &former, nullptr);
    const LogReader reader(dir.get(), options, {});
    CHECK(reader.loss().lines > 20);
    CHECK(LogWriter(dir.get(), options).lost().lines == reader.loss().lines);
}

TEST_CASE("a log may lie where the user wants it, and goes with its container") {
    const LogDir dir;
    LogOptions options;
    options.max_size_bytes = 4096;
    options.path = dir.temp.store().root() + "/elsewhere/my.log";
    {
        LogWriter writer(dir.get(), options);
        append_lines(writer, 1, 300);
    }
    CHECK(read_log(dir, options).ends_with("o:line 300\n"));
    CHECK(store::log_path("/c", options) == options.path);
    CHECK(store::log_path("/c", {}) == "/c/log/ctr.log");
    store::remove_outside_log(options);
    const auto place = base::open_at(dir.get(), "elsewhere", O_RDONLY | O_DIRECTORY);
    CHECK(base::list_dir(place.get()).empty());
}

TEST_CASE("the options of a log are kept in a record") {
    LogOptions options;
    options.enabled = false;
    options.max_size_bytes = 12345;
    options.max_files = 7;
    options.path = "/a/b";
    const LogOptions back = store::log_options_from(store::to_json(options));
    CHECK_FALSE(back.enabled);
    CHECK(back.max_size_bytes == 12345);
    CHECK(back.max_files == 7);
    CHECK(back.path == "/a/b");
    CHECK(store::log_options_from({}).enabled);
}
