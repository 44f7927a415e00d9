#include "engine/settled.hpp"

#include <poll.h>
#include <time.h>

#include <algorithm>

#include "engine/container_events.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file_lock.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"

namespace sandbox::engine {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kSayAfter{1000};
constexpr milliseconds kGiveUpAfter{30'000};
constexpr milliseconds kLongestPause{50};

// What its supervisor could not write down any more: nobody had done it so far.
void repair_state(const store::Store& store, const store::OwnedContainer& owned) {
    const int dir = owned.dir.get();
    const store::ContainerState former = store::load_state(dir, true);
    if (!store::is_active(former.status)) return;
    const store::ContainerState lost = store::load_state(dir, false);
    try {
        store::save_state(dir, lost);
        tell_end(store, owned.id, store::ContainerStore(store).find(owned.id).record,
                 lost.exit_code, former.network);
    } catch (const base::Error& error) {  // a full disk: it reads the same without
        base::log::debug(error.message());
    }
}

}  // namespace

void Patience::wait() {
    if (waited_ >= kGiveUpAfter) {
        throw base::Error(what_ + ": it is still being started or ended",
                          "is its supervisor suspended? `sandbox rm -f` ends it all the same");
    }
    if (!said_ && waited_ >= kSayAfter) {
        base::log::notice("waiting for " + what_ + ", which is being started or ended");
        said_ = true;
    }
    const timespec time{0, static_cast<long>(pause_.count()) * 1'000'000};
    (void)::nanosleep(&time, nullptr);  // an interrupt only makes it shorter
    waited_ += pause_;
    pause_ = std::min(pause_ * 2, kLongestPause);
}

Settled settle(const store::Store& store, const std::string& id, Patience& patience) {
    for (;;) {
        Settled settled;
        if ((settled.client = ControlClient::try_connect(store, id))) return settled;
        if ((settled.owned = store::ContainerStore(store).try_own(id))) {
            repair_state(store, *settled.owned);
            return settled;
        }
        patience.wait();
    }
}

void SupervisorEnd::wait(const store::Store& store, const std::string& id,
                         std::optional<milliseconds> longest) const {
    Patience patience("container " + id.substr(0, 12));
    const auto is_over = [&] {
        if (!process_) return !base::FileLock::is_held(store.containers_fd(), id + "/lock");
        // pidfd_open(2): readable when it has ended, and then its locks are gone.
        pollfd look{process_->get(), POLLIN, 0};
        return ::poll(&look, 1, 0) > 0;
    };
    while (!is_over() && (!longest || patience.waited() < *longest)) patience.wait();
}

}  // namespace sandbox::engine
