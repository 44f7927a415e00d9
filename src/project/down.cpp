// `down` and `stop`: waves in the reverse order of start; within a wave all at once, each by a
// child, since a stop may take as long as its service likes.
#include <algorithm>
#include <thread>

#include "kept_logs.hpp"
#include "networks.hpp"
#include "project_lock.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/project/names.hpp"
#include "sandbox/project/orchestrator.hpp"
#include "sandbox/project/start_order.hpp"
#include "volumes.hpp"

namespace sandbox::project {
namespace {

struct Stopping {
    const Deployed* container;
    kernel::ChildProcess child;
    std::optional<std::chrono::seconds> grace;
};

class Down {
  public:
    Down(const store::Store& store, const std::string& name, const Project* project,
         const DownWish& wish, const Listener& listener)
        : store_(store), name_(name), project_(project), wish_(wish), listener_(listener) {}

    std::vector<Failure> run() {
        const base::FileLock lock = lock_project(store_, name_);
        for (const std::vector<Deployed>& wave : waves()) {
            stop_all(wave);
            for (const Deployed& container : wave) {
                if (wish_.remove) remove(container);
            }
        }
        if (wish_.remove && wish_.names.empty()) {
            remove_networks(store_, name_, listener_, failures_);
        }
        if (wish_.volumes) {
            remove_volumes(store_, name_, project_, wish_.names, listener_, failures_);
        }
        // Nothing is left that the next one of that name could find.
        if (wish_.remove && wish_.volumes && wish_.names.empty() && failures_.empty()) {
            release_project_name(store_, name_);
            forget_logs(store_, name_);
        }
        return std::move(failures_);
    }

  private:
    [[nodiscard]] bool is_wanted(const Deployed& container) const {
        const std::vector<std::string>& names = wish_.names;
        // compose: what was run beside a service goes with the project, and is not stopped with it.
        if (container.number == 0 && !wish_.remove) return false;
        return names.empty() ||
               std::find(names.begin(), names.end(), container.service) != names.end();
    }

    // Orphans and one-off runs first: nothing is known to depend on them.
    std::vector<std::vector<Deployed>> waves() {
        std::vector<Deployed> left = find_all_deployed(store_, name_);
        std::erase_if(left, [&](const Deployed& each) { return !is_wanted(each); });
        std::vector<std::vector<Deployed>> result;
        if (project_ != nullptr) {
            std::vector<std::string> all;
            for (const Service& service : project_->services) all.push_back(service.name);
            for (const std::vector<std::string>& names : start_waves(*project_, all)) {
                std::vector<Deployed> wave;
                std::erase_if(left, [&](const Deployed& each) {
                    const bool mine = each.number != 0 && std::find(names.begin(), names.end(),
                                                                    each.service) != names.end();
                    if (mine) wave.push_back(each);
                    return mine;
                });
                if (!wave.empty()) result.push_back(std::move(wave));
            }
        }
        if (!left.empty()) result.push_back(std::move(left));
        std::reverse(result.begin(), result.end());
        return result;
    }

    void tell(Notice::What what, const Deployed& container) const {
        listener_({what, container.service, container.name, {}});
    }

    void stop(const Deployed& container) const {
        if (wish_.kill) {
            engine::signal_container(store_, container.id, "KILL");
            return;
        }
        engine::StopWish wish;
        wish.timeout_seconds = wish_.timeout_seconds;
        wish.signal = wish_.signal;
        engine::stop_container(store_, container.id, wish);
    }

    void stop_all(const std::vector<Deployed>& wave) {
        std::vector<Stopping> children;
        for (const Deployed& container : wave) {
            if (!container.is_running()) continue;
            tell(Notice::What::stopping, container);
            kernel::ChildProcess child = kernel::ChildProcess::clone(0);
            if (child.is_child()) {
                int code = 0;
                try {
                    stop(container);
                } catch (...) {  // looked at again by the parent, which tells
                    code = 1;
                }
                base::raw::exit_group(code);
            }
            children.push_back({&container, std::move(child), grace_of(container)});
        }
        wait_for(children);
    }

    // As long as it has before it is killed; absent: for ever, or we cannot know.
    [[nodiscard]] std::optional<std::chrono::seconds> grace_of(const Deployed& container) const {
        constexpr std::chrono::seconds kUsual{10};
        if (wish_.kill) return std::nullopt;
        if (wish_.timeout_seconds) {
            if (*wish_.timeout_seconds < 0) return std::nullopt;
            return std::chrono::seconds(*wish_.timeout_seconds);
        }
        const Service* service =
            project_ == nullptr ? nullptr : project_->find_service(container.service);
        if (service == nullptr || !service->request.stop_timeout_seconds) return kUsual;
        return std::chrono::seconds(*service->request.stop_timeout_seconds);
    }

    // In the order in which they end, with a countdown for those that take their time.
    void wait_for(std::vector<Stopping>& children) {
        using Clock = std::chrono::steady_clock;
        constexpr std::chrono::milliseconds kLongest{20};
        const Clock::time_point begin = Clock::now();
        std::chrono::seconds told{0};
        std::chrono::milliseconds pause{1};
        while (!children.empty()) {
            const size_t before = children.size();
            std::erase_if(children, [&](Stopping& each) { return take_end(each); });
            const auto passed = Clock::now() - begin;
            if (passed - told >= std::chrono::seconds(1)) {
                told = std::chrono::duration_cast<std::chrono::seconds>(passed);
                for (const Stopping& each : children) count_down(each, told);
            }
            pause = before != children.size() ? std::chrono::milliseconds(1)
                                              : std::min(kLongest, pause * 2);
            if (!children.empty()) std::this_thread::sleep_for(pause);
        }
    }

    bool take_end(Stopping& each) {
        const std::optional<kernel::ExitStatus> status = each.child.try_wait();
        if (!status) return false;
        if (status->shell_code() == 0) {
            tell(Notice::What::stopped, *each.container);
        } else {
            attempt(*each.container, [&] { stop(*each.container); });
        }
        return true;
    }

    void count_down(const Stopping& each, std::chrono::seconds passed) const {
        if (!each.grace || *each.grace < passed) return;
        listener_({Notice::What::ending,
                   each.container->service,
                   each.container->name,
                   {},
                   *each.grace - passed});
    }

    void remove(const Deployed& container) {
        if (!wish_.volumes && container.number != 0) keep_log(store_, name_, container);
        attempt(container, [&] {
            engine::remove_container(store_, container.id, true, true);
            tell(Notice::What::removed, container);
        });
    }

    template <typename F>
    void attempt(const Deployed& container, F&& action) {
        try {
            action();
        } catch (const base::NotFoundError&) {
            // It went by itself.
        } catch (const base::Error& error) {
            failures_.push_back({container.service, container.name, error.with_hint(), {}, {}});
        }
    }

    const store::Store& store_;
    const std::string& name_;
    const Project* project_;
    const DownWish& wish_;
    const Listener& listener_;
    std::vector<Failure> failures_;
};

}  // namespace

std::vector<Failure> bring_down(const store::Store& store, const std::string& project_name,
                                const Project* project, const DownWish& wish,
                                const Listener& listener) {
    return Down(store, project_name, project, wish, listener).run();
}

}  // namespace sandbox::project
