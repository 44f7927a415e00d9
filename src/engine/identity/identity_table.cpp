#include "engine/identity/identity_table.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

// The limit: 16 bits of ours, far from what people set; the effective user; the entry.
constexpr unsigned kNumberBits = 16, kUserBits = 32;
constexpr std::uint64_t kOurs = std::uint64_t{0x5342} << (kNumberBits + kUserBits);
constexpr std::uint64_t kUserMask = 0xffffffff, kNumberMask = 0xffff;
constexpr size_t kMaxEntries = size_t{1} << kNumberBits;

constexpr size_t kFirstCollection = 2048;
constexpr size_t kMaxThreads = 4096;

struct Limit {
    std::uint64_t soft = 0, hard = 0;
};

// Absent: not one of ours, or none that was given a number.
std::optional<std::uint64_t> limit_of(pid_t pid) noexcept {
    Limit limit;
    const long rc = raw::call(SYS_prlimit64, pid, RLIMIT_LOCKS, 0, raw::ptr(&limit));
    constexpr std::uint64_t kRest = kUserMask << kNumberBits | kNumberMask;
    if (rc < 0 || (limit.soft & ~kRest) != kOurs) return std::nullopt;
    return limit.soft & kRest;
}

std::optional<std::uint64_t> number_of(pid_t pid) noexcept {
    const auto limit = limit_of(pid);
    if (!limit) return std::nullopt;
    return *limit & kNumberMask;
}

}  // namespace

IdentityTable::IdentityTable(Identity first) : next_collection_(kFirstCollection) {
    own_roots_ = first.own_root;
    const auto [entry, added] = numbers_.emplace(std::move(first), 0);
    (void)added;
    entries_.push_back(&entry->first);
}

// proc_pid_stat(5): field 22; the second one, a name, may have any characters in it.
std::uint64_t IdentityTable::begin_of(pid_t tid) const noexcept {
    std::array<char, 32> name{};
    (void)std::snprintf(name.data(), name.size(), "%d/stat", tid);
    const base::UniqueFd file(raw::openat(proc_fd_, name.data(), O_RDONLY | O_CLOEXEC));
    std::array<char, 1024> text;
    const long size = file.get() < 0 ? 0 : raw::read(file.get(), text.data(), text.size());
    if (size <= 0) return 0;
    std::string_view rest(text.data(), static_cast<size_t>(size));
    size_t at = rest.rfind(')');
    for (int field = 2; field < 22 && at != rest.npos; ++field) at = rest.find(' ', at + 1);
    if (at == rest.npos) return 0;
    rest.remove_prefix(at + 1);
    return base::try_parse_u64(rest.substr(0, rest.find(' '))).value_or(0);
}

bool IdentityTable::is_thread_of(pid_t tid, pid_t pid) const noexcept {
    std::array<char, 48> name{};
    (void)std::snprintf(name.data(), name.size(), "%d/task/%d", pid, tid);
    struct stat info {};
    return raw::call(SYS_newfstatat, proc_fd_, raw::ptr(name.data()), raw::ptr(&info), 0) == 0;
}

const IdentityTable::Thread* IdentityTable::find_thread(pid_t tid) const noexcept {
    if (threads_.empty()) return nullptr;
    const auto known = threads_.find(tid);
    return known != threads_.end() && known->second.begin == begin_of(tid) ? &known->second
                                                                           : nullptr;
}

const Identity& IdentityTable::of(pid_t pid) const noexcept {
    if (const Thread* thread = find_thread(pid)) return *entries_[thread->number];
    const auto number = number_of(pid);
    if (!number || *number >= entries_.size() || entries_[*number] == nullptr) {
        return *entries_.front();
    }
    return *entries_[*number];
}

std::optional<std::uint32_t> IdentityTable::try_number(const Identity& identity) {
    if (identity.own_root) own_roots_ = true;
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
    for (const auto& [tid, thread] : threads_) used[thread.number] = true;
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
    if (!threads_.empty()) {
        threads_.erase(pid);
        // Those who were told before their first one.
        std::erase_if(threads_, [&](const auto& entry) {
            return entry.second.number == *number && is_thread_of(entry.first, pid);
        });
    }
    const std::uint64_t user = identity.who.user.effective;
    const Limit limit{kOurs | user << kNumberBits | *number, RLIM64_INFINITY};
    return static_cast<int>(raw::call(SYS_prlimit64, pid, RLIMIT_LOCKS, raw::ptr(&limit), 0));
}

int IdentityTable::assign_thread(pid_t tid, const Identity& identity) {
    const auto number = try_number(identity);
    if (!number) return -EAGAIN;
    // The C library tells all threads, one after the other: in the end there is nothing to note.
    if (number_of(tid).value_or(0) == *number) {
        threads_.erase(tid);
        return 0;
    }
    if (threads_.size() >= kMaxThreads) {
        std::erase_if(threads_,
                      [&](const auto& entry) { return find_thread(entry.first) == nullptr; });
        if (threads_.size() >= kMaxThreads) return -EAGAIN;
    }
    threads_.insert_or_assign(tid, Thread{begin_of(tid), *number});
    return 0;
}

std::optional<std::uint32_t> IdentityTable::try_user_of(pid_t pid) noexcept {
    const auto limit = limit_of(pid);
    if (!limit) return std::nullopt;
    return static_cast<std::uint32_t>(*limit >> kNumberBits);
}

bool IdentityTable::is_possible() noexcept {
    Limit limit;
    const long rc = raw::call(SYS_prlimit64, 0, RLIMIT_LOCKS, 0, raw::ptr(&limit));
    return rc == 0 && limit.hard == RLIM64_INFINITY;
}

}  // namespace sandbox::engine
