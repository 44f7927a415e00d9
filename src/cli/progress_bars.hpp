// The display for terminals. The text of one frame is made by a pure function, so that tests can
// look at it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sandbox/image/progress.hpp"

namespace sandbox::cli {

struct LayerBar {
    enum class State { waiting, downloading, downloaded, unpacked, exists };
    std::string name;  // 12 hex digits
    State state = State::waiting;
    std::uint64_t size_bytes = 0;
    std::uint64_t done_bytes = 0;
    double bytes_per_second = 0;
};

// One line, at most `width` columns, no newline.
[[nodiscard]] std::string bar_line(const LayerBar& bar, size_t width);
[[nodiscard]] std::unique_ptr<image::Progress> make_progress_bars();

}  // namespace sandbox::cli
