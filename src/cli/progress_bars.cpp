#include "cli/progress_bars.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kFrame{100};

struct WindowSize {
    size_t columns = 80;
    size_t rows = 24;
};

WindowSize window_size() {
    winsize size{};
    WindowSize result;
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        result.columns = size.ws_col;
        if (size.ws_row > 0) result.rows = size.ws_row;
    }
    return result;
}

// Progress is never worth failing for.
void put(const std::string& text) {
    (void)!::write(STDERR_FILENO, text.data(), text.size());
}

// Nothing before there is a rate to speak of.
std::string rate_text(double bytes_per_second) {
    if (bytes_per_second < 1) return {};
    return "  " + base::format_size(static_cast<std::uint64_t>(bytes_per_second)) + "/s";
}

std::string state_text(const LayerBar& bar) {
    switch (bar.state) {
        case LayerBar::State::waiting:
            return "waiting";
        case LayerBar::State::downloading:
            return base::format_size(bar.done_bytes) + " / " + base::format_size(bar.size_bytes) +
                   rate_text(bar.bytes_per_second);
        case LayerBar::State::downloaded:
            return base::format_size(bar.size_bytes) + "  unpacking";
        case LayerBar::State::unpacked:
            return base::format_size(bar.size_bytes) + "  done";
        case LayerBar::State::exists:
            return "already exists";
    }
    return {};
}

// Lines that a log message may interrupt: the hooks of base::log are plain functions, so the one
// display that exists is known here.
class BarProgress;
BarProgress* g_display = nullptr;

class BarProgress final : public image::Progress {
  public:
    BarProgress() {
        g_display = this;
        base::log::set_interrupt_hooks([] { g_display->clear(); }, [] { g_display->draw(); });
    }
    ~BarProgress() override {
        base::log::set_interrupt_hooks(nullptr, nullptr);
        g_display = nullptr;
        clear();
    }
    BarProgress(const BarProgress&) = delete;
    BarProgress& operator=(const BarProgress&) = delete;

    void message(std::string_view text) override { show(base::escape_control(text) + "\n"); }
    void layer_found(const oci::Digest& blob, std::uint64_t size_bytes) override {
        Layer& layer = find(blob);
        layer.bar.size_bytes = size_bytes;
        tick();
    }
    void layer_exists(const oci::Digest& blob) override {
        find(blob).bar.state = LayerBar::State::exists;
        tick();
    }
    void layer_resumed(const oci::Digest& blob, std::uint64_t from_bytes) override {
        Layer& layer = find(blob);
        layer.bar.done_bytes = from_bytes;
        layer.first_bytes = from_bytes;
    }
    void layer_bytes(const oci::Digest& blob, std::uint64_t downloaded_bytes) override {
        Layer& layer = find(blob);
        const Clock::time_point now = Clock::now();
        if (layer.bar.state == LayerBar::State::waiting) {
            layer.bar.state = LayerBar::State::downloading;
            layer.started = now;
        }
        layer.bar.done_bytes = downloaded_bytes;
        const std::chrono::duration<double> elapsed = now - layer.started;
        if (elapsed.count() > 0.05 && downloaded_bytes >= layer.first_bytes) {
            layer.bar.bytes_per_second =
                static_cast<double>(downloaded_bytes - layer.first_bytes) / elapsed.count();
        }
        tick_at(now);
    }
    void layer_downloaded(const oci::Digest& blob) override {
        find(blob).bar.state = LayerBar::State::downloaded;
        tick();
    }
    void layer_unpacked(const oci::Digest& blob) override {
        find(blob).bar.state = LayerBar::State::unpacked;
        tick();
    }
    // The last frame stays; what is said from here on, by us or by a payload, comes below it.
    void finished() override {
        redraw();
        layers_.clear();
        rows_ = 0;
    }

  private:
    struct Layer {
        oci::Digest blob;
        LayerBar bar;
        Clock::time_point started;
        std::uint64_t first_bytes = 0;
    };

    Layer& find(const oci::Digest& blob) {
        for (Layer& layer : layers_) {
            if (layer.blob == blob) return layer;
        }
        layers_.push_back({blob, {}, Clock::now()});
        layers_.back().bar.name = blob.short_hex();
        return layers_.back();
    }
    void tick() { tick_at(Clock::now()); }
    void tick_at(Clock::time_point now) {
        if (now - drawn_at_ < kFrame) return;
        drawn_at_ = now;
        redraw();
    }
    void clear() { put(erased()); }
    void draw() { put(frame()); }
    void redraw() { show({}); }
    // In one write, so that no half frame is seen. What is to be erased is known before the new
    // frame is made.
    void show(const std::string& line) {
        std::string text = erased() + line;
        text += frame();
        put(text);
    }
    std::string erased() {
        const size_t rows = std::exchange(rows_, 0);
        // Cursor up over what was drawn, then erase to the end of the screen.
        return rows > 0 ? "\x1b[" + std::to_string(rows) + "A\r\x1b[J" : "";
    }
    // More layers than rows: those at work come first, the rest is counted.
    std::string frame() {
        const WindowSize window = window_size();
        const size_t room = window.rows > 3 ? window.rows - 2 : 1;
        std::vector<const Layer*> shown;
        for (const Layer& layer : layers_) shown.push_back(&layer);
        if (shown.size() > room) {
            std::stable_sort(shown.begin(), shown.end(), [](const Layer* a, const Layer* b) {
                return is_at_work(*a) > is_at_work(*b);
            });
        }
        std::string text;
        const size_t rows = std::min(shown.size(), room);
        for (size_t i = 0; i < rows; ++i) text += bar_line(shown[i]->bar, window.columns) + "\n";
        rows_ = rows;
        if (shown.size() > rows) {
            text += "… and " + std::to_string(shown.size() - rows) + " more\n";
            ++rows_;
        }
        return text;
    }
    static bool is_at_work(const Layer& layer) {
        return layer.bar.state == LayerBar::State::downloading ||
               layer.bar.state == LayerBar::State::downloaded;
    }

    std::vector<Layer> layers_;
    Clock::time_point drawn_at_{};
    size_t rows_ = 0;
};

}  // namespace

std::string bar_line(const LayerBar& bar, size_t width) {
    const std::string text = state_text(bar);
    std::string line = bar.name + "  ";
    // name, bar with its brackets, two blanks, text: the bar takes what is left, if that is enough
    // to see something.
    const size_t taken = line.size() + 4 + text.size() + 1;
    if (bar.state != LayerBar::State::exists && width >= taken + 8) {
        const size_t cells = std::min<size_t>(width - taken, 40);
        size_t full = cells;
        if (bar.state == LayerBar::State::waiting) full = 0;
        if (bar.state == LayerBar::State::downloading) {
            const double part = bar.size_bytes == 0 ? 0
                                                    : static_cast<double>(bar.done_bytes) /
                                                          static_cast<double>(bar.size_bytes);
            full = static_cast<size_t>(std::min(part, 1.0) * static_cast<double>(cells));
        }
        line += "[" + std::string(full, '=') + std::string(cells - full, ' ') + "]  ";
    }
    line += text;
    if (line.size() >= width && width > 1) line.resize(width - 1);
    return line;
}

std::unique_ptr<image::Progress> make_progress_bars() {
    return std::make_unique<BarProgress>();
}

}  // namespace sandbox::cli
