// Which credentials which process has. The kernel keeps the answer for us: the soft limit
// RLIMIT_LOCKS of a process, which nothing has counted since Linux 2.4.25 (getrlimit(2)), holds a
// number into this table. So it is inherited by fork, vfork, clone and exec, by orphans as well,
// without our being told; threads share it, as POSIX has it for credentials; and no pid is ever
// taken for another. A thread that changes its own alone, past the C library, stands in a list.
// What programs do with that limit themselves is answered by the server.
//
// That an exec happened is seen late, when a process asks next: the program that it runs is no
// longer the one that its entry was made for.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "engine/identity/credentials.hpp"

namespace sandbox::engine {

// One execution of a program. Where its stack began stays over forks and is another one after each
// exec.
struct ProgramStamp {
    std::uint64_t device = 0, inode = 0;  // both 0: any program
    std::uint64_t stack = 0;
    auto operator<=>(const ProgramStamp&) const = default;
    [[nodiscard]] bool any() const noexcept { return inode == 0; }
};

struct Identity {
    Credentials who;
    ProgramStamp program;   // that it was made for, when another one would change it
    bool own_root = false;  // it may have changed its root directory
    auto operator<=>(const Identity&) const = default;
};

class IdentityTable {
  public:
    // Those of processes that have no number yet.
    explicit IdentityTable(Identity first);
    [[nodiscard]] const Identity& of(pid_t pid) const noexcept;
    // Answers 0 or -errno: -EAGAIN when there are too many different identities.
    int assign(pid_t pid, const Identity& identity);
    // Whether there was ever one with a root of its own.
    [[nodiscard]] bool own_roots() const noexcept { return own_roots_; }
    // Of a thread that is not its process's first one, alone.
    int assign_thread(pid_t tid, const Identity& identity);
    [[nodiscard]] bool stands_alone(pid_t tid) const noexcept {
        return find_thread(tid) != nullptr;
    }
    // Needed for threads; and numbers that no process has are given to others when there are many.
    // `proc_fd`: /proc.
    void collect_with(int proc_fd) noexcept { proc_fd_ = proc_fd; }
    [[nodiscard]] size_t size() const noexcept { return numbers_.size(); }
    // The effective user of a process of any such container, seen from outside: no table is needed.
    // Absent: it is none, or may not be looked at.
    [[nodiscard]] static std::optional<std::uint32_t> try_user_of(pid_t pid) noexcept;
    // Whether processes can be numbered here: the hard limit must be infinite.
    [[nodiscard]] static bool is_possible() noexcept;

  private:
    // Told from a later one with its number by when it began.
    struct Thread {
        std::uint64_t begin = 0;
        std::uint32_t number = 0;
    };
    [[nodiscard]] const Thread* find_thread(pid_t tid) const noexcept;
    [[nodiscard]] bool is_thread_of(pid_t tid, pid_t pid) const noexcept;
    [[nodiscard]] std::uint64_t begin_of(pid_t tid) const noexcept;
    std::optional<std::uint32_t> try_number(const Identity& identity);
    void collect();
    void note_used(std::vector<bool>& used) const;

    int proc_fd_ = -1;
    bool own_roots_ = false;
    std::map<Identity, std::uint32_t> numbers_;
    std::vector<const Identity*> entries_;  // into the map's keys; null: free
    std::vector<std::uint32_t> free_;
    std::map<pid_t, Thread> threads_;
    size_t next_collection_;
};

}  // namespace sandbox::engine
