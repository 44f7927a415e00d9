#include "image_pulls.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "find_image.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::project {
namespace {

constexpr size_t kMaxErrorBytes = 4096;

// In the child. Never returns.
[[noreturn]] void pull_and_exit(const store::Store& store, const engine::RunRequest& request,
                                int errors_fd) noexcept {
    int code = 0;
    // prctl(2): a pull that nobody waits for any more ends with whoever asked for it.
    (void)base::raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
        base::log::set_level(base::log::Level::quiet);
        image::PullOptions options;
        options.platform = request.platform;
        (void)image::ensure_image(store, request.image, request.pull, options);
    } catch (const base::Error& error) {
        code = 1;
        std::string text = error.message() + '\0' + error.hint();
        text.resize(std::min(text.size(), kMaxErrorBytes));
        // A pipe holds that much; when nobody reads, nobody asks.
        (void)base::raw::write(errors_fd, text.data(), text.size());
    } catch (...) {
        code = 1;
    }
    base::raw::exit_group(code);
}

}  // namespace

bool ImagePulls::begin(const engine::RunRequest& request) {
    const std::string& image = request.image;
    if (is_pending(image)) return false;
    const bool here = try_find_image(store_, image).has_value();
    if (request.pull == image::PullPolicy::never ||
        (here && request.pull != image::PullPolicy::always)) {
        return false;
    }
    auto [ours, theirs] = base::make_pipe();
    kernel::ChildProcess child = kernel::ChildProcess::clone(0);
    if (child.is_child()) pull_and_exit(store_, request, theirs.get());
    pulls_.emplace(image, Pull{std::move(child), std::move(ours)});
    return true;
}

std::optional<ImagePulls::Finished> ImagePulls::take_finished() {
    for (auto entry = pulls_.begin(); entry != pulls_.end(); ++entry) {
        const std::optional<kernel::ExitStatus> status = entry->second.child.try_wait();
        if (!status) continue;
        Finished finished{entry->first, std::nullopt};
        const base::UniqueFd errors = std::move(entry->second.errors);
        pulls_.erase(entry);
        if (status->shell_code() == 0) return finished;
        const std::string text = base::read_fd(errors.get(), kMaxErrorBytes);
        const size_t split = text.find('\0');
        finished.error =
            text.empty() ? base::Error("the pull of " + finished.image + " was ended")
                         : base::Error(text.substr(0, split),
                                       split == std::string::npos ? "" : text.substr(split + 1));
        return finished;
    }
    return std::nullopt;
}

}  // namespace sandbox::project
