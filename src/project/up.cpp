// `up`, as one loop over units (a service with all its containers), none of which ever waits:
//   blocked   its image is not here yet, or a dependency is not good enough yet
//   started   its containers run; looked at again and again, more rarely the longer it takes; who
//             waits for no more than what it has met already need not wait longer
//   good      all that is expected of it is met
//   failed    nothing that waits for it is started: that is skipped. All else goes on
#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "find_image.hpp"
#include "image_pulls.hpp"
#include "kept_logs.hpp"
#include "make_container.hpp"
#include "networks.hpp"
#include "project_lock.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/project/names.hpp"
#include "sandbox/project/orchestrator.hpp"
#include "sandbox/project/secrets.hpp"
#include "sandbox/project/start_order.hpp"
#include "unit.hpp"

namespace sandbox::project {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

class Up {
  public:
    Up(const store::Store& store, const Project& project, const UpWish& wish,
       const Listener& listener)
        : store_(store), project_(project), wish_(wish), listener_(listener), pulls_(store) {}

    UpResult run() {
        if (!wish_.plan.no_create) require_possible(project_, wish_.plan);
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
            if (wish_.is_interrupted && wish_.is_interrupted()) result_.interrupted = true;
            if (result_.interrupted) break;
            if (step()) {
                last_moved = Clock::now();
            } else if (!is_over()) {
                std::this_thread::sleep_for(pause_after(Clock::now() - last_moved));
            }
        }
        tell_not_begun();
        tell_shortfalls();
        result_.deployed = find_deployed(store_, project_.name);
        return std::move(result_);
    }

  private:
    void make_units();
    void begin_pulls();
    [[nodiscard]] engine::RunRequest request_of(const Service& service) const;
    bool step();
    bool take_pulls();
    bool try_leave_blocked(Unit& unit);
    void launch(Unit& unit);
    void launch_one(Unit& unit, const Action& action);
    bool look_at(Unit& unit);
    void become_good(Unit& unit);
    [[nodiscard]] std::optional<Condition> least() const;
    [[nodiscard]] std::vector<std::string> waiters_of(const Unit& unit) const;
    void tell_waiting(Unit& unit, const std::string& why);
    void fail(Unit& unit, const std::string& container, const std::string& why,
              const std::string& id);
    void tell_not_begun();
    void tell_shortfalls();
    [[nodiscard]] bool is_over() const;
    void tell(Notice::What what, const Unit& unit, const std::string& container = {},
              std::string text = {}) const;

    const store::Store& store_;
    const Project& project_;
    const UpWish& wish_;
    const Listener& listener_;
    ImagePulls pulls_;
    std::vector<Unit> units_;
    std::vector<const Service*> services_;  // whose dependencies count
    UpResult result_;
};

// Who cannot start before it has met more.
std::vector<std::string> Up::waiters_of(const Unit& unit) const {
    std::vector<std::string> names;
    for (const Unit& other : units_) {
        const auto condition = condition_for(*other.service, unit.service->name);
        if (other.phase == Unit::Phase::blocked && condition && !has_met(unit, *condition)) {
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
    if (const Service* behind = project_.find_service(wish_.on_behalf_of)) {
        services_.push_back(behind);
    }
    for (Unit& unit : units_) {
        unit.expected = expectation_of(*unit.service, services_, least(), wish_.strict);
    }
    for (Action& action : actions) {
        if (action.kind == Action::Kind::remove && wish_.only_wait) continue;
        if (action.kind != Action::Kind::remove) {
            units_[index.at(action.service)].actions.push_back(std::move(action));
            continue;
        }
        listener_({Notice::What::removing, action.service, action.container, action.reason});
        engine::stop_container(store_, action.id, {});
        engine::remove_container(store_, action.id, true, true);
    }
}

// What is wanted of those that nobody waits for.
std::optional<Condition> Up::least() const {
    if (wish_.wait) return Condition::ready;
    // What we have started has started; of others one has to look.
    return wish_.only_wait ? std::optional(Condition::started) : std::nullopt;
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

// Started when all that it needs is met, skipped when that can never be.
bool Up::try_leave_blocked(Unit& unit) {
    bool waits = pulls_.is_pending(unit.service->image());
    for (const Unit& other : units_) {
        const auto condition = condition_for(*unit.service, other.service->name);
        if (!condition || has_met(other, *condition)) continue;
        waits = true;
        if (other.phase != Unit::Phase::failed && other.phase != Unit::Phase::skipped) continue;
        unit.phase = Unit::Phase::skipped;
        unit.culprit = other.phase == Unit::Phase::failed ? other.service->name : other.culprit;
        return true;
    }
    if (!waits) launch(unit);
    return !waits;
}

bool Up::step() {
    bool moved = take_pulls();
    for (Unit& unit : units_) {
        if (result_.interrupted) return moved;
        if (unit.phase == Unit::Phase::blocked) moved = try_leave_blocked(unit) || moved;
        if (unit.phase == Unit::Phase::started) moved = look_at(unit) || moved;
    }
    return moved;
}

void Up::launch(Unit& unit) {
    unit.started_at = Clock::now();
    unit.phase = Unit::Phase::started;
    if (const auto record = try_find_image(store_, unit.service->image())) {
        const oci::ImageConfig config = image::load_config(store_, *record);
        unit.image_ports = ports_of_image(*unit.service, config);
        if (has_check(*unit.service, config)) unit.expected.is_needed = true;
    }
    for (const Action& action : unit.actions) {
        try {
            launch_one(unit, action);
        } catch (const base::Error& error) {
            // The signal came to whoever waits for a supervisor, and to nobody else.
            if (error.code() > base::exit_code::kSignalBase) result_.interrupted = true;
            fail(unit, action.container, error.with_hint(), {});
            return;
        }
    }
    unit.met.insert(Condition::started);
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

bool Up::look_at(Unit& unit) {
    bool moved = false;
    bool is_good = true;
    for (const Condition condition : unit.expected.conditions) {
        if (!wish_.start || unit.met.count(condition) != 0) continue;
        const Look look = look_for(store_, unit, condition, wish_.patience);
        if (look.verdict.kind == Verdict::Kind::never) {
            fail(unit, look.action->container, look.verdict.why, look.action->id);
            return true;
        }
        if (look.verdict.kind == Verdict::Kind::good) {
            unit.met.insert(condition);
            moved = true;
        } else if (is_good) {
            is_good = false;
            tell_waiting(unit, look.verdict.why);
        }
    }
    if (is_good) become_good(unit);
    return moved || is_good;
}

void Up::become_good(Unit& unit) {
    unit.phase = Unit::Phase::good;
    if (!unit.began || !wish_.start || !unit.shortfalls.empty()) return;
    const std::set<Condition>& met = unit.expected.conditions;
    const bool has_waited = std::any_of(met.begin(), met.end(), [](Condition condition) {
        return condition != Condition::started;
    });
    tell(has_waited ? Notice::What::good : Notice::What::started, unit);
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
    result_.failures.push_back(describe_failure(store_, unit.service->name, container, id, why));
}

bool Up::is_over() const {
    return std::none_of(units_.begin(), units_.end(), [](const Unit& unit) {
        return unit.phase == Unit::Phase::blocked || unit.phase == Unit::Phase::started;
    });
}

void Up::tell_not_begun() {
    for (const Unit& unit : units_) {
        if (unit.phase != Unit::Phase::skipped) continue;
        for (const Failure& failure : result_.failures) {
            if (failure.service != unit.culprit) continue;
            tell(Notice::What::not_begun, unit, {}, failure.service + ": " + failure.why);
        }
    }
}

// No failures, as nobody counts on them; but whoever brought them up wants to know.
void Up::tell_shortfalls() {
    if (!wish_.wait || !wish_.start) return;
    for (Unit& unit : units_) {
        if (unit.phase != Unit::Phase::good) continue;
        for (const Action& action : unit.actions) {
            const auto state = engine::try_observe_container(store_, action.id);
            if (unit.began && state && state->status == store::ContainerState::Status::exited &&
                state->exit_code != 0) {
                unit.shortfalls[action.container] = end_text(*state);
                // Seen late, but seen: not what --wait has waited for.
                if (wish_.strict) {
                    result_.failures.push_back(describe_failure(
                        store_, unit.service->name, action.container, action.id, end_text(*state)));
                }
            }
        }
        for (const auto& [container, text] : unit.shortfalls) {
            tell(Notice::What::fell_short, unit, container, text);
        }
    }
}

}  // namespace

UpResult bring_up(const store::Store& store, const Project& project, const UpWish& wish,
                  const Listener& listener) {
    return Up(store, project, wish, listener).run();
}

}  // namespace sandbox::project
