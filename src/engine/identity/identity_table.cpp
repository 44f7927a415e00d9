#include "engine/identity/identity_table.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

constexpr std::uint64_t kBase = 0x5342580000000000;  // far from any limit that people set
constexpr size_t kMaxEntries = 1u << 16;

constexpr size_t kFirstCollection = 2048;

struct Limit {
    std::uint64_t soft = 0, hard = 0;
};

// Absent: not one of ours, or none that was given a number.
std::optional<std::uint64_t> number_of(pid_t pid) noexcept {
    Limit limit;
    const long rc = raw::call(SYS_prlimit64, pid, RLIMIT_LOCKS, 0, raw::ptr(&limit));
    if (rc < 0 || limit.soft < kBase || limit.soft - kBase > kMaxEntries) return std::nullopt;
    return limit.soft - kBase;
}

}  // namespace

IdentityTable::IdentityTable(Identity first) : next_collection_(kFirstCollection) {
    const auto [entry, added] = numbers_.emplace(std::move(first), 0);
    (void)added;
    entries_.push_back(&entry->first);
}

const Identity& IdentityTable::of(pid_t pid) const noexcept {
    const auto number = number_of(pid);
    if (!number || *number >= entries_.size() || entries_[*number] == nullptr) {
        return *entries_.front();
    }
    return *entries_[*number];
}

std::optional<std::uint32_t> IdentityTable::try_number(const Identity& identity) {
    const auto known = numbers_.find(identity);
    if (known != numbers_.end()) return known->second;
    if (numbers_.size() >= next_collection_) collect();
    std::uint32_t number = static_cast<std::uint32_t>(entries_.size());
    if (!free_.empty()) {
        number = free_.back();
        free_.pop_back();
    } else if (entries_.size() >= kMaxEntries) {
        return std::nullopt;
    } else {
        entries_.push_back(nullptr);
    }
    entries_[number] = &numbers_.emplace(identity, number).first->first;
    return number;
}

void IdentityTable::note_used(std::vector<bool>& used) const {
    const base::UniqueFd dir(raw::openat(proc_fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (const std::string& name : base::list_dir(dir.get())) {
        const auto pid = base::try_parse_u64(name);
        if (!pid) continue;
        const auto number = number_of(static_cast<pid_t>(*pid));
        if (number && *number < used.size()) used[*number] = true;
    }
}

// Twice: who was born behind our back was so from somebody with the same number.
void IdentityTable::collect() {
    std::vector<bool> used(entries_.size());
    used[0] = true;
    try {
        if (proc_fd_ >= 0) {
            note_used(used);
            note_used(used);
        } else {
            used.assign(used.size(), true);
        }
    } catch (const base::Error&) {
        used.assign(used.size(), true);
    }
    for (std::uint32_t number = 0; number < used.size(); ++number) {
        if (used[number] || entries_[number] == nullptr) continue;
        numbers_.erase(*std::exchange(entries_[number], nullptr));
        free_.push_back(number);
    }
    next_collection_ = std::max(kFirstCollection, 2 * numbers_.size());
}

int IdentityTable::assign(pid_t pid, const Identity& identity) {
    const auto number = try_number(identity);
    if (!number) return -EAGAIN;
    const Limit limit{kBase + *number, RLIM64_INFINITY};
    return static_cast<int>(raw::call(SYS_prlimit64, pid, RLIMIT_LOCKS, raw::ptr(&limit), 0));
}

bool IdentityTable::is_possible() noexcept {
    Limit limit;
    const long rc = raw::call(SYS_prlimit64, 0, RLIMIT_LOCKS, 0, raw::ptr(&limit));
    return rc == 0 && limit.hard == RLIM64_INFINITY;
}

}  // namespace sandbox::engine
