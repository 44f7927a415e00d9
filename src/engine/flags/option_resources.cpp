#include "engine/flags/option_resources.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>

#include "engine/flags/flag_error.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

constexpr std::uint64_t kLeastMemoryBytes = 6u << 20;  // docker's own floor
constexpr std::uint64_t kDefaultPeriodUs = 100'000;
constexpr const char* kSizeHint = "a number and b, k, m or g, such as 512m";

std::uint64_t parse_size(std::string_view flag, const std::string& text) {
    const auto bytes = base::try_parse_size_bytes(text);
    if (!bytes) throw_bad_flag(flag, text, "not a size", kSizeHint);
    return *bytes;
}

std::uint64_t parse_number(std::string_view flag, const std::string& text, std::uint64_t least,
                           std::uint64_t most) {
    const auto number = base::try_parse_u64(text);
    if (!number || (*number != 0 && (*number < least || *number > most))) {
        throw_bad_flag(flag, text, "not a number",
                       "from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return *number;
}

// From one scale to another, ends kept: docker's numbers are those of cgroup v1.
std::uint32_t rescale(std::uint64_t value, std::uint64_t least, std::uint64_t most) {
    constexpr std::uint64_t kMost = 10'000;
    return static_cast<std::uint32_t>(1 + (value - least) * (kMost - 1) / (most - least));
}

class Parser {
  public:
    explicit Parser(const RunRequest& request) : request_(request) {}
    ResourceWish parse() {
        memory();
        cpu();
        cpu_sets();
        weights();
        return std::move(wish_);
    }

  private:
    void memory();
    void swap(std::uint64_t memory);
    void cpu();
    std::uint64_t quota_of_cpus(const std::string& text);
    void cpu_sets();
    void weights();
    void note(std::string_view name, std::int64_t value) { wish_.document[name] = value; }

    const RunRequest& request_;
    ResourceWish wish_;
};

void Parser::memory() {
    std::uint64_t memory = 0;
    if (request_.memory) {
        memory = parse_size("--memory", *request_.memory);
        if (memory != 0 && memory < kLeastMemoryBytes) {
            throw_bad_flag("--memory", *request_.memory, "too small to start anything",
                           "at least 6m");
        }
        if (memory != 0) wish_.limits.memory_bytes = memory;
    }
    note("Memory", static_cast<std::int64_t>(memory));
    swap(memory);
    std::uint64_t reserved = 0;
    if (request_.memory_reservation) {
        reserved = parse_size("--memory-reservation", *request_.memory_reservation);
        if (memory != 0 && reserved > memory) {
            throw_bad_flag("--memory-reservation", *request_.memory_reservation,
                           "more than --memory");
        }
        if (reserved != 0) wish_.limits.memory_reservation_bytes = reserved;
    }
    note("MemoryReservation", static_cast<std::int64_t>(reserved));
}

// docker counts memory and swap together; without the flag there is as much swap as memory.
void Parser::swap(std::uint64_t memory) {
    const std::string text = request_.memory_swap.value_or("0");
    if (text == "-1") {
        note("MemorySwap", -1);
        return;
    }
    std::uint64_t total = parse_size("--memory-swap", text);
    if (total != 0 && memory == 0) {
        throw_bad_flag("--memory-swap", text, "needs --memory", "--memory-swap is the sum of both");
    }
    if (total != 0 && total < memory) {
        throw_bad_flag("--memory-swap", text, "less than --memory",
                       "--memory-swap is the sum of memory and swap");
    }
    if (total == 0 && memory != 0) total = 2 * memory;
    note("MemorySwap", static_cast<std::int64_t>(total));
    if (memory != 0) wish_.limits.swap_bytes = total - memory;
}

std::uint64_t Parser::quota_of_cpus(const std::string& text) {
    double count = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, count, std::chars_format::fixed);
    constexpr double kMost = 8192;
    // kernel: a quota below 1 ms is refused (sched/core.c, min_cfs_quota_period).
    constexpr double kLeast = 0.01;
    if (error != std::errc() || stop != end || !std::isfinite(count) || count < 0 ||
        count > kMost || (count != 0 && count < kLeast)) {
        throw_bad_flag("--cpus", text, "not a number of processors", "0.01 or more, such as 1.5");
    }
    constexpr double kNano = 1e9;
    note("NanoCpus", std::llround(count * kNano));
    return static_cast<std::uint64_t>(std::llround(count * static_cast<double>(kDefaultPeriodUs)));
}

void Parser::cpu() {
    constexpr std::uint64_t kLeastPeriodUs = 1000, kMostPeriodUs = 1'000'000;
    if (request_.cpus && (request_.cpu_quota || request_.cpu_period)) {
        throw_usage("--cpus and --cpu-quota or --cpu-period contradict each other");
    }
    note("NanoCpus", 0);
    std::uint64_t quota = 0;
    std::uint64_t period = 0;
    if (request_.cpu_period) {
        period = parse_number("--cpu-period", *request_.cpu_period, kLeastPeriodUs, kMostPeriodUs);
    }
    note("CpuPeriod", static_cast<std::int64_t>(period));
    if (request_.cpu_quota && *request_.cpu_quota != "-1") {
        quota = parse_number("--cpu-quota", *request_.cpu_quota, kLeastPeriodUs, UINT32_MAX);
    }
    note("CpuQuota", static_cast<std::int64_t>(quota));
    if (request_.cpus) quota = quota_of_cpus(*request_.cpus);
    if (quota == 0) return;
    wish_.limits.cpu_quota_us = quota;
    wish_.limits.cpu_period_us = period == 0 ? kDefaultPeriodUs : period;
}

void Parser::cpu_sets() {
    const auto take = [&](const std::optional<std::string>& text, std::string_view flag,
                          std::string_view name, std::string& into) {
        wish_.document[name] = text.value_or("");
        if (!text || text->empty()) return;
        if (!try_parse_cpu_list(*text)) {
            throw_bad_flag(flag, *text, "not a list of numbers", "such as 0-2,5");
        }
        into = *text;
    };
    take(request_.cpuset_cpus, "--cpuset-cpus", "CpusetCpus", wish_.limits.cpus);
    take(request_.cpuset_mems, "--cpuset-mems", "CpusetMems", wish_.limits.memory_nodes);
}

void Parser::weights() {
    constexpr std::uint64_t kLeastShares = 2, kMostShares = 262'144;
    constexpr std::uint64_t kLeastBlkio = 10, kMostBlkio = 1000;
    std::uint64_t shares = 0;
    if (request_.cpu_shares) {
        shares = parse_number("--cpu-shares", *request_.cpu_shares, kLeastShares, kMostShares);
        if (shares != 0) wish_.limits.cpu_weight = rescale(shares, kLeastShares, kMostShares);
    }
    note("CpuShares", static_cast<std::int64_t>(shares));
    std::uint64_t weight = 0;
    if (request_.blkio_weight) {
        weight = parse_number("--blkio-weight", *request_.blkio_weight, kLeastBlkio, kMostBlkio);
        if (weight != 0) wish_.limits.io_weight = rescale(weight, kLeastBlkio, kMostBlkio);
    }
    note("BlkioWeight", static_cast<std::int64_t>(weight));
    constexpr std::int64_t kMostScore = 1000;  // proc(5)
    if (request_.oom_score_adj) {
        const auto score = base::try_parse_i64(*request_.oom_score_adj);
        if (!score || *score < -kMostScore || *score > kMostScore) {
            throw_bad_flag("--oom-score-adj", *request_.oom_score_adj, "not a score",
                           "from -1000 to 1000");
        }
        wish_.oom_score_adj = static_cast<int>(*score);
    }
    note("OomScoreAdj", wish_.oom_score_adj.value_or(0));
}

}  // namespace

std::optional<std::vector<int>> try_parse_cpu_list(std::string_view text) {
    constexpr std::uint64_t kMost = 8191;
    std::vector<int> numbers;
    for (const std::string& part : base::split(text, ',')) {
        const std::vector<std::string> ends = base::split(part, '-', 2);
        const auto first = base::try_parse_u64(ends.front());
        const auto last = base::try_parse_u64(ends.back());
        if (!first || !last || *first > *last || *last > kMost) return std::nullopt;
        for (std::uint64_t n = *first; n <= *last; ++n) numbers.push_back(static_cast<int>(n));
    }
    return numbers;
}

void set_affinity(pid_t pid, const std::string& cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : try_parse_cpu_list(cpus).value_or(std::vector<int>{})) {
        if (cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
    }
    if (::sched_setaffinity(pid, sizeof set, &set) != 0) {
        throw base::SysError(errno, "bind to processors", base::quote(cpus),
                             "see `nproc --all` for those that are there");
    }
}

ResourceWish parse_resources(const RunRequest& request) {
    return Parser(request).parse();
}

}  // namespace sandbox::engine
