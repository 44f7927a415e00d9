// newuidmap(1) and newgidmap(1), which write the maps of a user namespace for who may not.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/base/pipe.hpp"
#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::kernel {

// One of them under way. Both are started before either is waited for, and the start does not wait
// for the exec as posix_spawn does: a waiting parent is woken on the helper's processor and stays
// behind it there, and the second helper would begin when the first one is done.
class MapHelper {
  public:
    // `child` waits in its new user namespace until the maps are written. Throws Error when the
    // program is not there or cannot be started.
    MapHelper(const char* name, pid_t child, const std::vector<IdRange>& ranges);
    MapHelper(const MapHelper&) = delete;
    MapHelper& operator=(const MapHelper&) = delete;
    ~MapHelper();  // waits for it: it only writes one file

    // Waits; throws Error with what it said and a cure when it did not succeed.
    void finish();

  private:
    static int run(void* argument) noexcept;
    void start();
    int wait_status() noexcept;
    [[nodiscard]] std::string hint(const std::string& said) const;

    static constexpr size_t kStackBytes = 16u << 10;

    // Until the exec all of this is the child's as well, so it stays where it is.
    std::string name_;
    std::string path_;
    std::vector<std::string> words_;
    std::vector<char*> argv_;
    std::array<char*, 1> environment_{};  // nothing of ours
    base::Pipe output_;
    int output_fd_ = -1;  // finish() may close ours before the child has looked
    std::uint64_t signals_ = 0;
    volatile int exec_error_ = 0;
    pid_t pid_ = -1;
    alignas(16) std::array<char, kStackBytes> stack_;
};

}  // namespace sandbox::kernel
