#include "sandbox/store/container_state.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/store/container_summary.hpp"

namespace sandbox::store {
namespace {

namespace json = base::json;
using Status = ContainerState::Status;

constexpr const char* kFile = "state.json";
constexpr size_t kMaxStateBytes = 1u << 20;
constexpr size_t kMaxProbes = 5;
constexpr size_t kMaxProbeOutputBytes = 4096;
constexpr int kKilled = 137;
constexpr std::int64_t kSecond = 1'000'000'000;

constexpr std::array<std::pair<Status, std::string_view>, 5> kNames = {{
    {Status::created, "created"},
    {Status::running, "running"},
    {Status::paused, "paused"},
    {Status::restarting, "restarting"},
    {Status::exited, "exited"},
}};

Status parse_status(std::string_view name) {
    for (const auto& [status, known] : kNames) {
        if (known == name) return status;
    }
    throw base::IntegrityError("unknown status " + std::string(name));
}

template <typename Number>
Number number_at(const json::Value& document, std::string_view key) {
    return static_cast<Number>(document[key].try_i64().value_or(0));
}

json::Value probes_to_json(const std::vector<HealthProbe>& probes) {
    json::Array array;
    const size_t first = probes.size() > kMaxProbes ? probes.size() - kMaxProbes : 0;
    for (size_t i = first; i < probes.size(); ++i) {
        const HealthProbe& probe = probes[i];
        array.emplace_back(json::Object{{"start_ns", probe.start_ns},
                                        {"end_ns", probe.end_ns},
                                        {"exit_code", probe.exit_code},
                                        {"output", probe.output.substr(0, kMaxProbeOutputBytes)}});
    }
    return json::Value(std::move(array));
}

std::vector<HealthProbe> probes_from_json(const json::Value& value) {
    std::vector<HealthProbe> probes;
    const json::Array* array = value.as_array();
    if (array == nullptr) return probes;
    for (const json::Value& each : *array) {
        probes.push_back({number_at<std::int64_t>(each, "start_ns"),
                          number_at<std::int64_t>(each, "end_ns"),
                          number_at<int>(each, "exit_code"), each.string_or("output")});
    }
    return probes;
}

// The last thing its supervisor wrote down is the latest moment we know it was there.
std::int64_t last_change_ns(int container_dir_fd) {
    struct stat info {};
    if (::fstatat(container_dir_fd, kFile, &info, AT_SYMLINK_NOFOLLOW) != 0) return 0;
    return std::int64_t{info.st_mtim.tv_sec} * kSecond + info.st_mtim.tv_nsec;
}

void mark_lost(ContainerState& state, std::int64_t when_ns, const char* error) {
    state.status = Status::exited;
    state.pid = 0;
    state.network = {};
    state.finished_ns = when_ns;
    state.exit_code = kKilled;
    state.error = error;
    if (!state.health.empty()) state.health = "unhealthy";
}

// A full disk has no room for a file beside, but what is overwritten has its room already. Spaces
// behind the text are nothing to a parser.
bool try_overwrite(int container_dir_fd, std::string text) {
    const auto file = base::try_open_at(container_dir_fd, kFile, O_WRONLY | O_NOFOLLOW);
    struct stat info {};
    if (!file || ::fstat(file->get(), &info) != 0) return false;
    const auto size = static_cast<size_t>(info.st_size);
    if (text.size() < size) text.resize(size, ' ');
    try {
        base::write_all(file->get(), text);
    } catch (const base::SysError&) {
        return false;
    }
    return true;
}

}  // namespace

std::string_view status_name(Status status) noexcept {
    for (const auto& [known, name] : kNames) {
        if (known == status) return name;
    }
    return "created";
}

bool is_active(Status status) noexcept {
    return status == Status::running || status == Status::paused || status == Status::restarting;
}

json::Value state_to_json(const ContainerState& state) {
    json::Object object{{"status", status_name(state.status)},
                        {"pid", static_cast<std::int64_t>(state.pid)},
                        {"started_ns", state.started_ns},
                        {"finished_ns", state.finished_ns},
                        {"exit_code", state.exit_code},
                        {"oom_killed", state.oom_killed},
                        {"error", state.error},
                        {"restart_count", state.restart_count},
                        {"stopped_by_user", state.stopped_by_user}};
    const bool has_network = !state.network.networks.empty();
    const json::Value network = network_facts_to_json(state.network);
    if (!state.health.empty()) object["health"] = state.health;
    if (has_network) object["ports"] = network["ports"];
    object[kRecordRest] = true;
    if (!state.health.empty()) {
        object["failing_streak"] = state.failing_streak;
        object["health_log"] = probes_to_json(state.health_log);
    }
    if (has_network) object["networks"] = network["networks"];
    return json::Value(std::move(object));
}

ContainerState state_from_json(const json::Value& document) {
    ContainerState state;
    state.status = parse_status(document.string_or("status"));
    state.pid = number_at<pid_t>(document, "pid");
    state.started_ns = number_at<std::int64_t>(document, "started_ns");
    state.finished_ns = number_at<std::int64_t>(document, "finished_ns");
    state.exit_code = number_at<int>(document, "exit_code");
    state.oom_killed = document["oom_killed"].is_true();
    state.error = document.string_or("error");
    state.restart_count = number_at<std::uint32_t>(document, "restart_count");
    state.stopped_by_user = document["stopped_by_user"].is_true();
    state.health = document.string_or("health");
    // Supervisors of former versions wrote them as one.
    const json::Value& former = document["network"];
    state.network = network_facts_from_json(former.is_null() ? document : former);
    state.failing_streak = number_at<std::uint32_t>(document, "failing_streak");
    state.health_log = probes_from_json(document["health_log"]);
    return state;
}

ContainerState load_state(int container_dir_fd, bool live, StatePart part) {
    ContainerState state;
    try {
        auto text = base::try_read_file_at(container_dir_fd, kFile, kMaxStateBytes);
        if (!text) return state;
        if (part == StatePart::summary) *text = cut_before_member(*text, kRecordRest);
        state = state_from_json(json::parse(*text, {.max_bytes = kMaxStateBytes}));
    } catch (const base::IntegrityError& error) {
        // An empty file is what a full disk or a power cut leaves.
        base::log::debug(std::string("state of a container: ") + error.what());
        mark_lost(state, last_change_ns(container_dir_fd),
                  "what was known of its state is damaged");
        return state;
    }
    if (!live && is_active(state.status)) {
        mark_lost(state, last_change_ns(container_dir_fd), "its supervisor was killed");
    }
    return state;
}

void save_state(int container_dir_fd, const ContainerState& state) {
    const std::string text = json::dump(state_to_json(state));
    try {
        base::write_file_atomic(container_dir_fd, kFile, text, 0600,
                                base::Durability::volatile_data);
    } catch (const base::SysError& error) {
        const bool full = error.errnum() == ENOSPC || error.errnum() == EDQUOT;
        if (!full || !try_overwrite(container_dir_fd, text)) throw;
    }
}

}  // namespace sandbox::store
