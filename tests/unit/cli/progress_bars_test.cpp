#include "cli/progress_bars.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>

#include "cli/progress.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::cli {
namespace {

LayerBar half_done() {
    return {"0123456789ab", LayerBar::State::downloading, 10'000'000, 5'000'000, 2'500'000};
}

// What `action` writes to standard error.
std::string stderr_of(const std::function<void()>& action) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const base::UniqueFd reader(ends[0]);
    const base::UniqueFd saved(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    REQUIRE(::dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    ::close(ends[1]);
    action();
    REQUIRE(::dup2(saved.get(), STDERR_FILENO) == STDERR_FILENO);
    std::string text(65536, '\0');
    const ssize_t n = ::read(reader.get(), text.data(), text.size());
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
}

// The lines that a terminal shows in the end: "up n rows, erase what is below" is all we use.
std::vector<std::string> screen_after(const std::string& text) {
    std::vector<std::string> lines;
    size_t at = 0;
    while (at < text.size()) {
        if (text[at] == '\x1b') {
            const size_t end = text.find('A', at);
            const size_t rows = std::stoul(text.substr(at + 2, end - at - 2));
            REQUIRE(rows <= lines.size());
            REQUIRE(text.substr(end + 1, 4) == "\r\x1b[J");
            lines.resize(lines.size() - rows);
            at = end + 5;
            continue;
        }
        const size_t end = text.find('\n', at);
        REQUIRE(end != std::string::npos);
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

TEST_CASE("layers that appear, messages and notices leave one line each on the screen") {
    const oci::Digest first = oci::Digest::from_hex(std::string(64, 'a'));
    const oci::Digest second = oci::Digest::from_hex(std::string(64, 'b'));
    const std::string text = stderr_of([&] {
        const std::unique_ptr<image::Progress> progress = make_progress_bars();
        progress->message("Trying to pull");
        progress->layer_found(first, 1000);
        progress->message("one layer");
        progress->layer_found(second, 2000);
        progress->message("two layers");
        progress->layer_bytes(first, 500);
        base::log::notice("in between");
        progress->layer_unpacked(first);
        progress->layer_exists(second);
        progress->finished();
        base::log::notice("behind");
    });
    const std::vector<std::string> lines = screen_after(text);
    REQUIRE(lines.size() == 7);
    CHECK(lines[0] == "Trying to pull");
    CHECK(lines[1] == "one layer");
    CHECK(lines[2] == "two layers");
    CHECK(lines[3].find("in between") != std::string::npos);
    CHECK(lines[4].find("aaaaaaaaaaaa  [====") == 0);
    CHECK(lines[5] == "bbbbbbbbbbbb  already exists");
    CHECK(lines[6].find("behind") != std::string::npos);
}

TEST_CASE("a display that is given up is taken from the screen") {
    const std::string text = stderr_of([&] {
        const std::unique_ptr<image::Progress> progress = make_progress_bars();
        progress->layer_found(oci::Digest::from_hex(std::string(64, 'a')), 1000);
        progress->message("failed");
    });
    CHECK(screen_after(text) == std::vector<std::string>{"failed"});
}

TEST_CASE("a bar shows the part that is there, bytes and rate") {
    const std::string line = bar_line(half_done(), 80);
    CHECK(line == "0123456789ab  [====================                    ]  5MB / 10MB  2.5MB/s");
    CHECK(line.size() < 80);
}

TEST_CASE("no line is wider than the window, whatever its width") {
    for (size_t width = 2; width < 200; ++width) {
        for (const auto state :
             {LayerBar::State::waiting, LayerBar::State::downloading, LayerBar::State::downloaded,
              LayerBar::State::unpacked, LayerBar::State::exists}) {
            LayerBar bar = half_done();
            bar.state = state;
            CHECK(bar_line(bar, width).size() < width);
        }
    }
}

TEST_CASE("more bytes than announced, and a size of nothing, do not break the bar") {
    LayerBar bar = half_done();
    bar.done_bytes = 50'000'000;
    CHECK(bar_line(bar, 80).size() < 80);
    bar.size_bytes = 0;
    CHECK(bar_line(bar, 80).size() < 80);
}

TEST_CASE("quiet progress says nothing") {
    CHECK(progress_style(true) == ProgressStyle::none);
    CHECK(make_progress(ProgressStyle::none) != nullptr);
}

}  // namespace
}  // namespace sandbox::cli
