#include "cli/progress_bars.hpp"

#include <catch2/catch.hpp>

#include "cli/progress.hpp"

namespace sandbox::cli {
namespace {

LayerBar half_done() {
    return {"0123456789ab", LayerBar::State::downloading, 10'000'000, 5'000'000, 2'500'000};
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
