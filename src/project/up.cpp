// `up`, as one loop over units (a service with all its containers), none of which ever waits:
//   blocked   its image is not here yet, or a dependency is not good enough yet
//   started   its containers run; looked at again and again, more rarely the longer it takes
//   good      others may count on it       failed   nothing that waits for it is started
#include <algorithm>
#include <csignal>
#include <map>
#include <set>
#include <thread>

#include "find_image.hpp"
#include "image_pulls.hpp"
#include "kept_logs.hpp"
#include "make_container.hpp"
#include "networks.hpp"
#include "project_lock.hpp"
#include "readiness.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/project/names.hpp"
#include "sandbox/project/orchestrator.hpp"
#include "sandbox/project/secrets.hpp"
#include "sandbox/project/start_order.hpp"
#include "tail.hpp"

namespace sandbox::project {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Unit {
    enum class Phase { blocked, started, good, failed };
    const Service* service = nullptr;
    std::vector<Action> actions;
    Phase phase = Phase::blocked;
    bool began = false;  // its containers were made or started by us
    Clock::time_point started_at;
    std::vector<std::string> image_ports;
    std::string last_wait;
    Clock::time_point last_told;
};

class Up {
  public:
    Up(const store::Store& store, const Project& project, const UpWish& wish,
       const Listener& listener)
        : store_(store), project_(project), wish_(wish), listener_(listener), pulls_(store) {}

    UpResult run() {
        std::optional<base::FileLock> lock;
        if (!wish_.only_wait) {
            lock = lock_project(store_, project_.name);
            // A restart by policy may come behind a `down --volumes`, which leaves nothing.
            if (wish_.plan.restarted.empty()) {
                claim_project_name(store_, project_.name, project_.directory,
                                   project_.is_name_given);
            }
        }
        if (!wish_.plan.no_create) {
            forget_logs(store_, project_.name);
            provide_networks(store_, project_, wish_.plan.names, listener_);
        }
        make_units();
        begin_pulls();
        Clock::time_point last_moved = Clock::now();
        while (!is_over()) {
            if (wish_.is_interrupted && wish_.is_interrupted()) {
                result_.interrupted = true;
                break;
            }
            if (step()) {
                last_moved = Clock::now();
            } else if (!is_over()) {
                std::this_thread::sleep_for(pause_after(Clock::now() - last_moved));
            }
        }
        tell_not_begun();
        result_.deployed = find_deployed(store_, project_.name);
        return std::move(result_);
    }

  private:
    void make_units();
    void begin_pulls();
    [[nodiscard]] engine::RunRequest request_of(const Service& service) const;
    bool step();
    bool take_pulls();
    bool may_start(const Unit& unit) const;
    void launch(Unit& unit);
    void launch_one(Unit& unit, const Action& action);
    bool look_at(Unit& unit);
    bool become_good(Unit& unit);
    [[nodiscard]] Observation observe(const Unit& unit, const Action& action) const;
    [[nodiscard]] Condition wanted(const Unit& unit) const {
        return wanted_condition(*unit.service, services_, wish_.wait);
    }
    [[nodiscard]] std::vector<std::string> waiters_of(const Unit& unit) const;
    void tell_waiting(Unit& unit, const std::string& why);
    void fail(Unit& unit, const std::string& container, const std::string& why,
              const std::string& id);
    void tell_not_begun();
    [[nodiscard]] bool is_over() const;
    void tell(Notice::What what, const Unit& unit, const std::string& container = {},
              std::string text = {}) const;

    const store::Store& store_;
    const Project& project_;
    const UpWish& wish_;
    const Listener& listener_;
    ImagePulls pulls_;
    std::vector<Unit> units_;
    std::vector<const Service*> services_;  // of the units
    UpResult result_;
};

// Who cannot start before it is good.
std::vector<std::string> Up::waiters_of(const Unit& unit) const {
    std::vector<std::string> names;
    for (const Unit& other : units_) {
        if (other.phase == Unit::Phase::blocked && needs(*other.service, unit.service->name)) {
            names.push_back(other.service->name);
        }
    }
    return names;
}

void Up::tell(Notice::What what, const Unit& unit, const std::string& container,
              std::string text) const {
    Notice notice;
    if (what == Notice::What::waiting) notice.waiters = waiters_of(unit);
    notice.what = what;
    notice.service = unit.service->name;
    notice.container = container;
    notice.text = std::move(text);
    if (unit.phase != Unit::Phase::blocked) {
        notice.elapsed = std::chrono::duration_cast<milliseconds>(Clock::now() - unit.started_at);
    }
    listener_(notice);
}

void Up::make_units() {
    std::map<std::string, size_t> index;
    std::vector<Action> actions = plan_up(store_, project_, wish_.plan);
    std::vector<std::string> names = wish_.plan.names;
    for (const Action& action : actions) {
        if (action.kind == Action::Kind::restart &&
            std::find(names.begin(), names.end(), action.service) == names.end()) {
            names.push_back(action.service);
        }
    }
    provide_secrets(project_, names);
    for (const auto& wave : start_waves(project_, names)) {
        for (const std::string& name : wave) {
            index[name] = units_.size();
            units_.push_back({});
            units_.back().service = services_.emplace_back(project_.find_service(name));
        }
    }
    for (Action& action : actions) {
        if (action.kind != Action::Kind::remove) {
            units_[index.at(action.service)].actions.push_back(std::move(action));
            continue;
        }
        listener_({Notice::What::removing, action.service, action.container, action.reason});
        engine::stop_container(store_, action.id, {});
        engine::remove_container(store_, action.id, true, true);
    }
}

engine::RunRequest Up::request_of(const Service& service) const {
    engine::RunRequest request = make_container_request(project_, service, 1);
    // What is fixed by its digest cannot have become another.
    const bool locked = !service.locked_image.empty();
    if (wish_.pull && !(locked && *wish_.pull == image::PullPolicy::always)) {
        request.pull = *wish_.pull;
    }
    return request;
}

void Up::begin_pulls() {
    for (const Unit& unit : units_) {
        const bool creates =
            std::any_of(unit.actions.begin(), unit.actions.end(), [](const Action& action) {
                return action.kind == Action::Kind::create || action.kind == Action::Kind::recreate;
            });
        if (creates && pulls_.begin(request_of(*unit.service))) {
            tell(Notice::What::pulling, unit, {}, unit.service->image());
        }
    }
}

bool Up::take_pulls() {
    bool moved = false;
    while (const std::optional<ImagePulls::Finished> finished = pulls_.take_finished()) {
        moved = true;
        bool told = false;
        for (Unit& unit : units_) {
            if (unit.service->image() != finished->image) continue;
            if (finished->error) {
                if (unit.phase != Unit::Phase::blocked) continue;
                fail(unit, {}, finished->error->with_hint(), {});
            } else if (!told) {
                tell(Notice::What::pulled, unit, {}, finished->image);
                told = true;
            }
        }
    }
    return moved;
}

bool Up::may_start(const Unit& unit) const {
    if (pulls_.is_pending(unit.service->image())) return false;
    return std::all_of(units_.begin(), units_.end(), [&](const Unit& other) {
        return other.phase == Unit::Phase::good || !needs(*unit.service, other.service->name);
    });
}

bool Up::step() {
    bool moved = take_pulls();
    for (Unit& unit : units_) {
        // A failure ends the start of more; what is under way is seen to its end.
        if (unit.phase == Unit::Phase::blocked && result_.failures.empty() && may_start(unit)) {
            launch(unit);
            moved = true;
        }
        if (unit.phase == Unit::Phase::started) moved = look_at(unit) || moved;
    }
    return moved;
}

void Up::launch(Unit& unit) {
    unit.started_at = Clock::now();
    unit.phase = Unit::Phase::started;
    if (const auto record = try_find_image(store_, unit.service->image())) {
        unit.image_ports = ports_of_image(*unit.service, image::load_config(store_, *record));
    }
    for (const Action& action : unit.actions) {
        try {
            launch_one(unit, action);
        } catch (const base::Error& error) {
            fail(unit, action.container, error.with_hint(), {});
            return;
        }
    }
}

void Up::launch_one(Unit& unit, const Action& action) {
    switch (action.kind) {
        case Action::Kind::keep:
            tell(Notice::What::kept, unit, action.container);
            return;
        case Action::Kind::start:
            if (!wish_.start) return;
            tell(Notice::What::starting, unit, action.container);
            unit.began = true;
            engine::start_container(store_, action.id);
            return;
        case Action::Kind::restart:
            tell(Notice::What::starting, unit, action.container, action.reason);
            unit.began = true;
            engine::restart_container(store_, action.id, {});
            return;
        case Action::Kind::recreate:
            tell(Notice::What::creating, unit, action.container, action.reason);
            break;
        case Action::Kind::create:
            tell(Notice::What::creating, unit, action.container);
            break;
        case Action::Kind::remove:
            return;
    }
    unit.began = true;
    const std::string id =
        make_container(store_, project_, *unit.service, action, {wish_.start, wish_.renew_volumes});
    for (Action& mine : unit.actions) {
        if (&mine == &action) mine.id = id;
    }
}

Observation Up::observe(const Unit& unit, const Action& action) const {
    Observation seen;
    if (auto state = engine::try_observe_container(store_, action.id)) {
        seen.state = std::move(*state);
    } else {
        seen.state.status = store::ContainerState::Status::exited;
        seen.state.exit_code = base::exit_code::kSignalBase + SIGKILL;
        seen.state.error = "somebody has removed it";
    }
    const bool by_port = unit.service->ready && unit.service->ready->port;
    seen.has_check = !seen.state.health.empty() && !by_port;
    if (seen.has_check || wanted(unit) == Condition::started) return seen;
    seen.declared = declared_ports(*unit.service, unit.image_ports);
    if (seen.declared.empty()) return seen;
    if (const auto listening = engine::try_listening_ports(store_, action.id)) {
        seen.listening = *listening;
        seen.listening_known = true;
    }
    return seen;
}

bool Up::look_at(Unit& unit) {
    const Condition condition = wanted(unit);
    if (!wish_.start) return become_good(unit);
    const bool has_check = unit.service->ready || unit.service->healthcheck;
    const bool timed_out =
        !unit.service->is_task && !has_check && Clock::now() - unit.started_at > wish_.patience;
    for (const Action& action : unit.actions) {
        const Observation seen = observe(unit, action);
        const Verdict verdict = judge(condition, seen, timed_out);
        // It did what it was for, and nobody counts on more.
        if (seen.state.status == store::ContainerState::Status::exited &&
            seen.state.exit_code == 0 && !is_counted_on(*unit.service, services_)) {
            continue;
        }
        if (verdict.kind == Verdict::Kind::never) {
            fail(unit, action.container, verdict.why, action.id);
            return true;
        }
        if (verdict.kind == Verdict::Kind::not_yet) {
            tell_waiting(unit, verdict.why);
            return false;
        }
    }
    return become_good(unit);
}

bool Up::become_good(Unit& unit) {
    unit.phase = Unit::Phase::good;
    if (unit.began && wish_.start) tell(Notice::What::good, unit);
    return true;
}

void Up::tell_waiting(Unit& unit, const std::string& why) {
    constexpr std::chrono::seconds kAgain{1};
    if (why == unit.last_wait && Clock::now() - unit.last_told < kAgain) return;
    unit.last_wait = why;
    unit.last_told = Clock::now();
    tell(Notice::What::waiting, unit, {}, why);
}

void Up::fail(Unit& unit, const std::string& container, const std::string& why,
              const std::string& id) {
    unit.phase = Unit::Phase::failed;
    Failure failure{unit.service->name, container, why, {}, {}};
    const auto state = id.empty() ? std::nullopt : engine::try_observe_container(store_, id);
    if (state) {
        constexpr size_t kLines = 10;
        if (!state->health_log.empty()) failure.probe_output = state->health_log.back().output;
        failure.log_lines = last_log_lines(store_, id, kLines);
    }
    result_.failures.push_back(std::move(failure));
}

bool Up::is_over() const {
    return std::all_of(units_.begin(), units_.end(), [&](const Unit& unit) {
        if (unit.phase == Unit::Phase::blocked) return !result_.failures.empty();
        return unit.phase != Unit::Phase::started;
    });
}

void Up::tell_not_begun() {
    if (result_.failures.empty()) return;
    const Failure& first = result_.failures.front();
    for (const Unit& unit : units_) {
        if (unit.phase == Unit::Phase::blocked) {
            tell(Notice::What::not_begun, unit, {}, first.service + ": " + first.why);
        }
    }
}

}  // namespace

UpResult bring_up(const store::Store& store, const Project& project, const UpWish& wish,
                  const Listener& listener) {
    return Up(store, project, wish, listener).run();
}

}  // namespace sandbox::project
