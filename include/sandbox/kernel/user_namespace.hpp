// Ids and the maps between them. Host and container ids are different types. The ladder: a subuid
// range with newuidmap; else one id. See user_namespaces(7), newuidmap(1), subuid(5).
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/kernel/process.hpp"

namespace sandbox::kernel {

struct HostId {
    std::uint32_t value = 0;
    auto operator<=>(const HostId&) const = default;
};
struct ContainerId {
    std::uint32_t value = 0;
    auto operator<=>(const ContainerId&) const = default;
};
struct IdRange {
    ContainerId inside;
    HostId outside;
    std::uint32_t count = 1;
    auto operator<=>(const IdRange&) const = default;
};

enum class IdMode { single, range };

struct IdMap {
    IdMode mode = IdMode::single;
    std::vector<IdRange> uids;
    std::vector<IdRange> gids;
    // setgroups(2) works inside. user_namespaces(7): never with one id that its owner mapped, nor
    // below a namespace where it was denied.
    bool set_groups = false;
    [[nodiscard]] bool contains_uid(ContainerId id) const noexcept;
    [[nodiscard]] bool contains_gid(ContainerId id) const noexcept;
};

struct SubidRange {
    HostId start;
    std::uint32_t count = 0;
};
// Lines of /etc/subuid or /etc/subgid for `name` or `uid`; malformed lines are skipped.
[[nodiscard]] std::vector<SubidRange> parse_subids(std::string_view text, std::string_view name,
                                                   std::uint32_t uid);

// The map this host gives us: range when /etc/subuid and /etc/subgid have ≥ 65536 ids (or fewer:
// what there is, from 1 on) and newuidmap/newgidmap exist; else single. Run by root: root's subuid
// entry or a fixed high range, written directly; in another's namespace all ids of that, or single
// when root lacks CAP_SETUID or CAP_SETGID there. Cheap: two small files, read once; not
// thread-safe.
[[nodiscard]] IdMap host_id_map();
// From now on that answers one id in this process, whatever the host would give.
void use_one_id() noexcept;
// host_id_map() without that wish.
[[nodiscard]] IdMap full_id_map();
// We are in a user namespace that somebody made: inside of another container, `unshare -r`, ….
[[nodiscard]] bool is_nested() noexcept;
// One id: `user`:`group` inside are the caller outside. Ladder rung 2a; 0:0 is rung 2b.
[[nodiscard]] IdMap single_id_map(ContainerId user, ContainerId group);

// Writes uid_map, gid_map (and denies setgroups where needed) of a child that waits for it.
// range: newuidmap and newgidmap run at the same time. Throws Error with the cure as hint.
// `meanwhile` is called while the helpers run: they take their time.
void write_maps(pid_t child, const IdMap& map, const std::function<void()>& meanwhile = {});

// Runs `action` in a child that is root in a user namespace with `map` (fork-like; own mount
// namespace too), and waits. The action answers an exit code; an Error it throws travels back by
// text. For removing or copying trees that belong to subuids.
int run_as_owner(const IdMap& map, const std::function<int()>& action);
// base::remove_tree_at, repeated inside a user namespace when other uids own parts of it.
void remove_tree(int dir_fd, const std::string& name);

}  // namespace sandbox::kernel
