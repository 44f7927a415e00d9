// Which ids this host gives us: /etc/subuid and /etc/subgid, and the maps made from them.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/xdg.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "subid.hpp"

namespace sandbox::kernel {
namespace {

constexpr size_t kMaxSubidFileBytes = 4u << 20;
// user_namespaces(7): at most 340 lines in a map; newuidmap takes them as arguments.
constexpr size_t kMaxExtents = 340;
// Run by root without an entry of root's own: the end of the range that systemd keeps for
// containers (524288 to 1879048191), where no distribution gives ids to people.
constexpr HostId kRootRangeStart{0x6FFF0000};
constexpr std::uint32_t kRootRangeCount = 65536;

std::optional<std::uint32_t> try_parse_id(std::string_view text) noexcept {
    const auto value = base::try_parse_u64(text);
    if (!value || *value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
}

std::optional<SubidRange> try_parse_line(std::string_view line, std::string_view name,
                                         std::uint32_t uid) {
    const size_t first = line.find(':');
    const size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) return std::nullopt;
    const std::string_view owner = line.substr(0, first);
    if (owner != name && try_parse_id(owner) != uid) return std::nullopt;
    const auto start = try_parse_id(line.substr(first + 1, second - first - 1));
    const auto count = try_parse_id(base::trim(line.substr(second + 1)));
    if (!start || !count || *count == 0 || *start == 0) return std::nullopt;
    // 2^32-1 is "no id"; a range must end before it.
    if (*count > std::numeric_limits<std::uint32_t>::max() - *start) return std::nullopt;
    return SubidRange{HostId{*start}, *count};
}

// Consecutive container ids from `first` on. Overlapping host ranges would make the kernel refuse
// the whole map, so a range that overlaps an earlier one is left out.
std::vector<IdRange> lay_out(std::uint32_t first, const std::vector<SubidRange>& ranges,
                             size_t max_extents) {
    std::vector<IdRange> result;
    std::uint64_t next = first;
    const auto overlaps = [&](const SubidRange& range) {
        const std::uint64_t begin = range.start.value;
        const std::uint64_t end = begin + range.count;
        return std::any_of(result.begin(), result.end(), [&](const IdRange& taken) {
            const std::uint64_t taken_begin = taken.outside.value;
            return begin < taken_begin + taken.count && taken_begin < end;
        });
    };
    for (const SubidRange& range : ranges) {
        if (result.size() == max_extents || next >= std::numeric_limits<std::uint32_t>::max()) {
            break;
        }
        if (overlaps(range)) continue;
        const std::uint64_t room = std::numeric_limits<std::uint32_t>::max() - next;
        const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(range.count, room));
        result.push_back({ContainerId{static_cast<std::uint32_t>(next)}, range.start, count});
        next += count;
    }
    return result;
}

std::vector<SubidRange> load_subids(const char* path, const base::HostUser& user) {
    const auto text = base::try_read_file_at(AT_FDCWD, path, kMaxSubidFileBytes);
    if (!text) return {};
    return parse_subids(*text, user.name, user.uid);
}

std::vector<IdRange> own_map(const char* path) {
    return parse_id_map(base::read_file(path, kMaxSubidFileBytes));
}

// Inherited from the namespace where it was written. ENOENT: a kernel from before that rule.
bool is_setgroups_denied() {
    const auto text = base::try_read_file_at(AT_FDCWD, "/proc/self/setgroups", 16);
    return text && text->starts_with("deny");
}

IdMap root_id_map() {
    base::HostUser root;
    root.name = "root";
    const auto uid_map = own_map("/proc/self/uid_map");
    const auto gid_map = own_map("/proc/self/gid_map");
    // Root of a namespace with one id, as `unshare -r` makes it: there is nothing to share out.
    const bool alone = uid_map.size() == 1 && uid_map.front().count == 1;
    // user_namespaces(7): more than one's own id takes these in the namespace above.
    constexpr std::uint64_t kNeeded = 1u << CAP_SETUID | 1u << CAP_SETGID;
    if (alone || (gid_map.size() == 1 && gid_map.front().count == 1) ||
        (effective_capabilities() & kNeeded) != kNeeded) {
        return single_id_map(ContainerId{0}, ContainerId{0});
    }
    IdMap map;
    map.mode = IdMode::range;
    map.set_groups = !is_setgroups_denied();
    const auto pick = [](std::vector<SubidRange> wanted, const std::vector<IdRange>& ours) {
        if (wanted.empty()) wanted.push_back({kRootRangeStart, kRootRangeCount});
        std::erase_if(wanted, [&](const SubidRange& range) { return !covers(ours, range); });
        std::vector<IdRange> result = lay_out(0, wanted, kMaxExtents);
        if (!result.empty()) return result;
        // Root of an outer user namespace that does not have such ids: all that it has, as they
        // are.
        for (const IdRange& range : ours) {
            result.push_back({range.inside, HostId{range.inside.value}, range.count});
        }
        return result;
    };
    map.uids = pick(load_subids("/etc/subuid", root), uid_map);
    map.gids = pick(load_subids("/etc/subgid", root), gid_map);
    return map;
}

bool contains(const std::vector<IdRange>& ranges, ContainerId id) noexcept {
    return std::any_of(ranges.begin(), ranges.end(), [id](const IdRange& range) {
        return id.value >= range.inside.value && id.value - range.inside.value < range.count;
    });
}

}  // namespace

bool IdMap::contains_uid(ContainerId id) const noexcept {
    return contains(uids, id);
}
bool IdMap::contains_gid(ContainerId id) const noexcept {
    return contains(gids, id);
}

std::vector<SubidRange> parse_subids(std::string_view text, std::string_view name,
                                     std::uint32_t uid) {
    std::vector<SubidRange> result;
    while (!text.empty()) {
        const size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (auto range = try_parse_line(line, name, uid)) result.push_back(*range);
    }
    return result;
}

std::vector<IdRange> parse_id_map(std::string_view text) {
    std::vector<IdRange> result;
    for (const std::string& line : base::split(text, '\n')) {
        std::vector<std::uint32_t> numbers;
        for (const std::string& word : base::split(line, ' ')) {
            if (const auto number = try_parse_id(word)) numbers.push_back(*number);
        }
        if (numbers.size() != 3) continue;
        result.push_back({ContainerId{numbers[0]}, HostId{numbers[1]}, numbers[2]});
    }
    return result;
}

bool covers(const std::vector<IdRange>& map, const SubidRange& range) noexcept {
    return std::any_of(map.begin(), map.end(), [&](const IdRange& ours) {
        return range.start.value >= ours.inside.value &&
               range.start.value - ours.inside.value < ours.count &&
               ours.count - (range.start.value - ours.inside.value) >= range.count;
    });
}

bool is_nested() noexcept {
    // The first user namespace has a fixed number in all kernels since 3.8, USER_NS_INIT_INO in
    // linux/nsfs.h.
    constexpr ino_t kFirst = 0xEFFFFFFD;
    struct stat info {};
    return ::stat("/proc/self/ns/user", &info) == 0 && info.st_ino != kFirst;
}

std::uint64_t effective_capabilities() noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    if (base::raw::call(SYS_capget, base::raw::ptr(&header), base::raw::ptr(data)) < 0) return 0;
    return std::uint64_t{data[1].effective} << 32 | data[0].effective;
}

namespace {

IdMap find_id_map() {
    if (::geteuid() == 0) return root_id_map();
    const base::HostUser user = base::host_user();
    std::vector<SubidRange> uids = load_subids("/etc/subuid", user);
    std::vector<SubidRange> gids = load_subids("/etc/subgid", user);
    const bool nested = is_nested();
    if (nested) {
        // The files speak of the host's ids, of which the namespace around us may have few.
        const auto drop_unknown = [](std::vector<SubidRange>& ranges, const char* path) {
            const std::vector<IdRange> ours = own_map(path);
            std::erase_if(ranges, [&](const SubidRange& range) { return !covers(ours, range); });
        };
        drop_unknown(uids, "/proc/self/uid_map");
        drop_unknown(gids, "/proc/self/gid_map");
    }
    IdMap single = single_id_map(ContainerId{0}, ContainerId{0});
    if (uids.empty() || gids.empty() || !try_find_map_helper("newuidmap") ||
        !try_find_map_helper("newgidmap")) {
        return single;
    }
    IdMap map = single;
    map.mode = IdMode::range;
    map.set_groups = !nested || !is_setgroups_denied();
    const std::vector<IdRange> more_uids = lay_out(1, uids, kMaxExtents - 1);
    const std::vector<IdRange> more_gids = lay_out(1, gids, kMaxExtents - 1);
    map.uids.insert(map.uids.end(), more_uids.begin(), more_uids.end());
    map.gids.insert(map.gids.end(), more_gids.begin(), more_gids.end());
    return map;
}

bool one_id_asked = false;

}  // namespace

void use_one_id() noexcept {
    one_id_asked = true;
}

IdMap host_id_map() {
    return one_id_asked ? single_id_map({0}, {0}) : full_id_map();
}

IdMap full_id_map() {
    // Files are read once; a child may be another user, or in another namespace.
    struct Found {
        pid_t process = -1;
        uid_t user = 0;
        IdMap map;
    };
    static Found found;
    const pid_t process = base::raw::getpid();
    const uid_t user = ::geteuid();
    if (found.process != process || found.user != user) found = {process, user, find_id_map()};
    return found.map;
}

IdMap single_id_map(ContainerId user, ContainerId group) {
    IdMap map;
    map.uids = {{user, HostId{::geteuid()}, 1}};
    map.gids = {{group, HostId{::getegid()}, 1}};
    return map;
}

}  // namespace sandbox::kernel
