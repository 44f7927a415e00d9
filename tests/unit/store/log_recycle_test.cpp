// Big pieces of a compact log are written anew when they are the oldest: src/store/log_label.hpp.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "log_support.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/log_store.hpp"
#include "store/log_label.hpp"

namespace {

using namespace sandbox;
using store::LogForm;
using store::LogOptions;
using store::LogReader;
using store::LogStream;
using store::LogWriter;
using test::kLogStart;
using test::log_bytes;
using test::LogDir;
using test::read_log;

constexpr std::uint64_t kPiece = 4u << 20;
constexpr size_t kLineBytes = 1000;
constexpr size_t kLinesInBatch = 65;  // a little less than 64 KiB

LogOptions options_of(std::uint32_t max_files) {
    LogOptions options;
    options.form = LogForm::chunks;
    options.max_size_bytes = kPiece;
    options.max_files = max_files;
    return options;
}

// Lines of 1000 bytes that begin with their number, 65 at once.
class Counter {
  public:
    explicit Counter(LogWriter& writer) : writer_(writer) {}
    void write_batch() {
        std::string batch;
        for (size_t i = 0; i < kLinesInBatch; ++i) {
            std::string line = std::to_string(next_++);
            line.resize(kLineBytes - 1, '.');
            batch += line + "\n";
        }
        writer_.append(LogStream::out, batch, {kLogStart, 0});
    }
    void write(std::uint64_t bytes) {
        for (const std::uint64_t end = next_ * kLineBytes + bytes; next_ * kLineBytes < end;) {
            write_batch();
        }
    }
    [[nodiscard]] std::uint64_t next() const { return next_; }

  private:
    LogWriter& writer_;
    std::uint64_t next_ = 0;
};

struct Seen {
    std::uint64_t first = 0, next = 0, lines = 0;
    bool gaps = false;
    // Takes all that there is now. False: a line that came out of its turn.
    bool take(LogReader& reader) {
        while (const auto record = reader.try_next()) {
            const auto number = base::try_parse_u64(record->text.substr(0, record->text.find('.')));
            if (!number || record->text.size() != kLineBytes - 1 || *number < next) return false;
            if (lines == 0) first = *number;
            gaps = gaps || (lines > 0 && *number != next);
            next = *number + 1;
            ++lines;
        }
        return true;
    }
};

Seen read_all(const LogDir& dir, const LogOptions& options, const store::LogWish& wish = {}) {
    LogReader reader(dir.get(), options, wish);
    Seen seen;
    CHECK(seen.take(reader));
    return seen;
}

std::vector<ino_t> inodes(const LogDir& dir) {
    std::vector<ino_t> result;
    const auto log = base::open_at(dir.get(), "log", O_RDONLY | O_DIRECTORY);
    for (const std::string& name : base::list_dir(log.get())) {
        struct stat info {};
        if (!name.starts_with("ctr.log") || name.ends_with("lost")) continue;
        REQUIRE(::fstatat(log.get(), name.c_str(), &info, 0) == 0);
        result.push_back(info.st_ino);
    }
    std::sort(result.begin(), result.end());
    return result;
}

bool has_label(const LogDir& dir, const std::string& name) {
    return store::try_label(base::open_at(dir.get(), "log/" + name, O_RDONLY).get()).has_value();
}

}  // namespace

TEST_CASE("the oldest piece of a flood is written anew, and nothing of it is shown any more") {
    const LogDir dir;
    const LogOptions options = options_of(3);
    LogWriter writer(dir.get(), options);
    Counter counter(writer);
    counter.write(kPiece * 5 / 2);
    const std::vector<ino_t> files = inodes(dir);
    REQUIRE(files.size() == 3);
    for (int round = 0; round < 8; ++round) {
        counter.write(kPiece * 2 / 3);
        CHECK(inodes(dir) == files);
        CHECK(log_bytes(dir) <= 3 * kPiece + 64);
        const Seen seen = read_all(dir, options);
        CHECK(seen.next == counter.next());
        CHECK_FALSE(seen.gaps);
        CHECK(seen.lines * kLineBytes >= kPiece * 19 / 10);
        for (const std::uint64_t lines : {std::uint64_t{0}, std::uint64_t{7}, seen.lines / 2,
                                          seen.lines - 1, seen.lines, seen.lines + 9}) {
            const Seen tail = read_all(dir, options, {.tail = lines});
            CHECK(tail.lines == std::min(lines, seen.lines));
            CHECK((lines == 0 || tail.next == counter.next()));
        }
    }
    CHECK(has_label(dir, "ctr.log"));
}

TEST_CASE("a recycled piece goes on with the next writer, and damage behind its end is nothing") {
    const LogDir dir;
    const LogOptions options = options_of(2);
    std::uint64_t next = 0;
    {
        LogWriter writer(dir.get(), options);
        Counter counter(writer);
        counter.write(kPiece * 5 / 2);
        next = counter.next();
    }
    REQUIRE(has_label(dir, "ctr.log"));
    const auto file = base::open_at(dir.get(), "log/ctr.log", O_RDWR);
    const auto label = store::try_label(file.get());
    REQUIRE(label);
    struct stat info {};
    REQUIRE(::fstat(file.get(), &info) == 0);
    REQUIRE(label->end_bytes < static_cast<std::uint64_t>(info.st_size));
    // As a writer leaves it that was killed before it told the end.
    const std::string torn("\xC5L\1\0\x40\0\0\0\0\0\0\0\0\0\0\0half a line", 27);
    REQUIRE(::pwrite(file.get(), torn.data(), torn.size(), static_cast<off_t>(label->end_bytes)) ==
            static_cast<ssize_t>(torn.size()));
    CHECK(read_all(dir, options).next == next);
    CHECK(read_all(dir, options, {.tail = 1}).next == next);
    LogWriter writer(dir.get(), options);
    writer.append(LogStream::err, "another writer\n", {kLogStart, 0});
    CHECK(read_log(dir, options, {.tail = 1}) == "e:another writer\n");
    CHECK(read_log(dir, options).ends_with(".\ne:another writer\n"));
    // One whose end is in no chunk's middle is cut back to what is whole.
    const auto now = store::try_label(file.get());
    REQUIRE(now);
    REQUIRE(store::write_label(file.get(), {now->number, now->end_bytes - 5}) == 0);
    LogWriter third(dir.get(), options);
    third.append(LogStream::err, "the third\n", {kLogStart, 0});
    CHECK(read_log(dir, options).ends_with(".\ne:the third\n"));
}

TEST_CASE("a recycled piece that is cut by hand goes on with what is written then") {
    const LogDir dir;
    const LogOptions options = options_of(2);
    LogWriter writer(dir.get(), options);
    Counter counter(writer);
    counter.write(kPiece * 5 / 2);
    REQUIRE(has_label(dir, "ctr.log"));
    for (const off_t size : {off_t{0}, off_t{10}, off_t{100'000}}) {
        const auto file = base::open_at(dir.get(), "log/ctr.log", O_RDWR);
        REQUIRE(::ftruncate(file.get(), size) == 0);
        const std::string line = "after " + std::to_string(size);
        writer.append(LogStream::err, line + "\n", {kLogStart, 0});
        CHECK(read_log(dir, options).ends_with("\ne:" + line + "\n"));
        CHECK(read_log(dir, options, {.tail = 1}) == "e:" + line + "\n");
        counter.write(200'000);
    }
}

TEST_CASE("a label that is half written is read again, one that stays so has nothing behind it") {
    const LogDir dir;
    const auto file = base::open_at(dir.get(), "piece", O_RDWR | O_CREAT, 0600);
    REQUIRE(store::write_label(file.get(), {.number = 3, .end_bytes = 70'000}) == 0);
    REQUIRE(::ftruncate(file.get(), 100'000) == 0);
    CHECK(store::extent_of(file.get(), 100'000).end_bytes == 70'000);
    REQUIRE(::pwrite(file.get(), "\xff", 1, 17) == 1);
    CHECK(store::try_label(file.get())->number == 3);
    CHECK(store::extent_of(file.get(), 100'000).end_bytes == store::kLabelBytes);
    constexpr std::uint64_t kOne = 0x00'ff'f8, kOther = 0x01'ff'00;
    REQUIRE(store::write_label(file.get(), {3, kOne}) == 0);
    std::atomic<bool> over{false};
    std::thread writer([&] {
        for (int i = 0; i < 200'000; ++i) {
            (void)store::write_label(file.get(), {3, i % 2 == 0 ? kOne : kOther});
        }
        over = true;
    });
    bool good = true;
    while (!over) {
        const auto label = store::try_label(file.get());
        good = good && label && (label->end_bytes == kOne || label->end_bytes == kOther);
    }
    writer.join();
    CHECK(good);
}

TEST_CASE("a piece that somebody reads is not written anew") {
    const LogDir dir;
    const LogOptions options = options_of(2);
    LogWriter writer(dir.get(), options);
    Counter counter(writer);
    counter.write(kPiece * 3 / 2);
    LogReader slow(dir.get(), options, {});
    Seen seen;
    REQUIRE(slow.try_next());
    seen.next = seen.lines = 1;
    counter.write(kPiece * 4);
    const std::vector<ino_t> files = inodes(dir);
    REQUIRE(seen.take(slow));
    CHECK(seen.gaps);
    CHECK(slow.take_missed_pieces() > 0);
    CHECK(seen.next == counter.next());
    // All of the piece in which it was, and then what there is.
    CHECK(seen.lines * kLineBytes > kPiece * 19 / 10);
    // It is in the youngest now, which is the oldest after two more rotations.
    counter.write(kPiece * 5 / 2);
    CHECK(inodes(dir) != files);
    CHECK(seen.take(slow));
    CHECK(seen.next == counter.next());
    writer.release_memory();  // waits for what removes it
    CHECK(log_bytes(dir) <= 2 * kPiece + 64);
}

TEST_CASE(
    "who is killed while a piece changes its name leaves an empty one, which is passed over") {
    const LogDir dir;
    const LogOptions options = options_of(4);
    std::uint64_t next = 0, first = 0;
    {
        LogWriter writer(dir.get(), options);
        Counter counter(writer);
        counter.write(kPiece * 9 / 2);
        next = counter.next();
        first = read_all(dir, options).first;
    }
    const auto log = base::open_at(dir.get(), "log", O_RDONLY | O_DIRECTORY);
    std::vector<std::string> names = base::list_dir(log.get());
    std::sort(names.begin(), names.end());
    const std::string oldest = names.at(1);  // behind ctr.log
    REQUIRE(oldest.starts_with("ctr.log."));
    const auto file = base::open_at(log.get(), oldest, O_RDWR);
    REQUIRE(store::write_label(file.get(), {.number = 77}) == 0);
    const Seen seen = read_all(dir, options);
    CHECK(seen.first > first);
    CHECK(seen.next == next);
    CHECK_FALSE(seen.gaps);
    CHECK(read_all(dir, options, {.tail = 1'000'000}).lines == seen.lines);
    LogWriter writer(dir.get(), options);
    writer.append(LogStream::err, "goes on\n", {kLogStart, 0});
    CHECK(read_log(dir, options).ends_with("e:goes on\n"));
}

TEST_CASE("other names of a piece, and a place that is taken, keep it from being written anew") {
    const LogDir dir;
    const auto make = [&](const char* name) {
        const auto file = base::open_at(dir.get(), name, O_RDWR | O_CREAT, 0600);
        base::write_all(file.get(), "what was in it before, and that is more than a label\n");
    };
    make("old");
    REQUIRE(::linkat(dir.get(), "old", dir.get(), "second", 0) == 0);
    CHECK_FALSE(store::try_recycle(dir.get(), "old", "new", 5));
    REQUIRE(::unlinkat(dir.get(), "second", 0) == 0);
    {
        const auto reader = base::open_at(dir.get(), "old", O_RDONLY);
        CHECK_FALSE(store::try_recycle(dir.get(), "old", "new", 5));
        CHECK_FALSE(store::try_label(reader.get()));
    }
    CHECK_FALSE(store::try_recycle(dir.get(), "nothing", "new", 5));
    make("new");
    CHECK_FALSE(store::try_recycle(dir.get(), "old", "new", 5));
    REQUIRE(::unlinkat(dir.get(), "new", 0) == 0);
    const auto file = store::try_recycle(dir.get(), "old", "new", 5);
    REQUIRE(file);
    CHECK(store::try_label(file.get())->number == 5);
    CHECK(store::try_label(file.get())->end_bytes == store::kLabelBytes);
    CHECK_FALSE(base::exists_at(dir.get(), "old"));
    // The lease is over: others may have it.
    CHECK(base::open_at(dir.get(), "new", O_RDWR | O_NONBLOCK));
}

TEST_CASE("a reader beside a flood sees lines in their order, whole, or is told what it missed") {
    const LogDir dir;
    const LogOptions options = options_of(2);
    LogWriter writer(dir.get(), options);
    Counter counter(writer);
    counter.write_batch();
    std::atomic<bool> over{false};
    std::thread flood([&] {
        counter.write(kPiece * 30);
        over = true;
    });
    LogReader follower(dir.get(), options, {});
    Seen followed;
    bool in_order = true, told = true;
    for (bool last = false; !last;) {
        last = over;
        in_order = in_order && followed.take(follower);
        // Others come and go.
        LogReader other(dir.get(), options, {.tail = 5});
        Seen seen;
        in_order = in_order && seen.take(other);
        if (followed.gaps) told = told && follower.take_missed_pieces() > 0;
        followed.gaps = false;
    }
    flood.join();
    CHECK(in_order);
    CHECK(told);
    CHECK(followed.next == counter.next());
}
