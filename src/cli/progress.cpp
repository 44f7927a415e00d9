#include "cli/progress.hpp"

#include <unistd.h>

#include <string>

#include "cli/progress_bars.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/xdg.hpp"

namespace sandbox::cli {
namespace {

class LineProgress final : public image::Progress {
  public:
    void message(std::string_view text) override { say(base::escape_control(text)); }
    void layer_found(const oci::Digest& blob, std::uint64_t size_bytes) override {
        say(blob.short_hex() + ": " + base::format_size(size_bytes));
    }
    void layer_exists(const oci::Digest& blob) override {
        say(blob.short_hex() + ": already exists");
    }
    void layer_resumed(const oci::Digest& blob, std::uint64_t from_bytes) override {
        say(blob.short_hex() + ": resumed at " + base::format_size(from_bytes));
    }
    void layer_unpacked(const oci::Digest& blob) override { say(blob.short_hex() + ": unpacked"); }

  private:
    // Progress is never worth failing for: a closed standard error is ignored.
    static void say(std::string text) {
        text += '\n';
        (void)!::write(STDERR_FILENO, text.data(), text.size());
    }
};

}  // namespace

ProgressStyle progress_style(bool quiet) {
    if (quiet) return ProgressStyle::none;
    const std::optional<std::string> terminal = base::try_env("TERM");
    const bool can_draw = ::isatty(STDERR_FILENO) == 1 && terminal && *terminal != "dumb";
    return can_draw ? ProgressStyle::bars : ProgressStyle::lines;
}

std::unique_ptr<image::Progress> make_progress(ProgressStyle style) {
    if (style == ProgressStyle::bars) return make_progress_bars();
    if (style == ProgressStyle::lines) return std::make_unique<LineProgress>();
    return std::make_unique<image::Progress>();
}

}  // namespace sandbox::cli
