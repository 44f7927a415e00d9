#include "sandbox/kernel/early_namespace.hpp"

#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <optional>
#include <string>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"
#include "support/skip.hpp"

using namespace sandbox;
using namespace sandbox::kernel;

namespace {

constexpr std::uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET;

bool can_prepare() {
    return ::geteuid() != 0;
}
bool has_range() {
    return can_prepare() && host_id_map().mode == IdMode::range;
}

struct Talk {
    int in, out;
    pid_t parent;
};

// Waits for a byte, then becomes the namespace's user 7: works only when its maps are there.
void become_seven(const void* argument) noexcept {
    const Talk& talk = *static_cast<const Talk*>(argument);
    char byte = 0;
    if (base::raw::read(talk.in, &byte, 1) != 1) base::raw::exit_group(90);
    if (base::raw::getpid() != 1) base::raw::exit_group(91);
    if (base::raw::setresgid(7, 7, 7) != 0) base::raw::exit_group(92);
    if (base::raw::setresuid(7, 7, 7) != 0) base::raw::exit_group(93);
    base::raw::exit_group(base::raw::write(talk.out, "7", 1) == 1 ? 17 : 94);
}

void wait_for_ever(const void*) noexcept {
    for (;;) (void)base::raw::call(SYS_ppoll, 0, 0, 0, 0, 0);
}

bool has_children() {
    return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD;
}

}  // namespace

TEST_CASE("a child of namespaces made ahead is ours, is pid 1 there and has the range") {
    SANDBOX_SKIP_UNLESS(has_range(), "this user has no subordinate ids");
    std::string said;
    {
        EarlyNamespace early(host_id_map(), kNamespaces);
        base::Pipe go = base::make_pipe();
        base::Pipe answer = base::make_pipe();
        const Talk talk{go.read_end.get(), answer.write_end.get(), ::getpid()};
        auto child = early.try_clone(CLONE_NEWPID, -1, become_seven, &talk);
        REQUIRE(child);
        CHECK_FALSE(child->is_child());
        CHECK(child->pid_fd() >= 0);
        early.finish_maps(host_id_map());
        base::write_all(go.write_end.get(), "g");
        CHECK(child->wait().code == 17);
        answer.write_end.reset();
        said = base::read_fd(answer.read_end.get(), 16);
    }
    CHECK(said == "7");
    CHECK_FALSE(has_children());
}

TEST_CASE("one id, whichever is wanted in the end, and namespaces that are the child's own") {
    SANDBOX_SKIP_UNLESS(can_prepare(), "root's namespaces are not made ahead");
    EarlyNamespace early(single_id_map({0}, {0}), kNamespaces);
    const IdMap seven = single_id_map({7}, {7});
    CHECK(early.is_for(seven, kNamespaces));
    CHECK_FALSE(early.is_for(seven, kNamespaces | CLONE_NEWIPC));
    const auto child = early.try_clone(CLONE_NEWPID, -1, wait_for_ever, nullptr);
    REQUIRE(child);
    CHECK(early.open_network().valid());
    early.finish_maps(seven);
    const std::string proc = "/proc/" + std::to_string(child->pid());
    CHECK(base::read_file(proc + "/uid_map", 4096).find(" 7 ") != std::string::npos);
    const auto inode = [](const std::string& path) {
        struct stat info {};
        REQUIRE(::stat(path.c_str(), &info) == 0);
        return info.st_ino;
    };
    for (const char* name : {"/ns/user", "/ns/mnt", "/ns/uts", "/ns/net"}) {
        CHECK(inode(proc + name) != inode(std::string("/proc/self") + name));
    }
    CHECK(inode(proc + "/ns/ipc") == inode("/proc/self/ns/ipc"));
}

TEST_CASE("namespaces made ahead that nobody needs leave no process") {
    SANDBOX_SKIP_UNLESS(can_prepare(), "root's namespaces are not made ahead");
    { const EarlyNamespace early(host_id_map(), kNamespaces); }
    CHECK_FALSE(has_children());
}

TEST_CASE("a refused clone is an error, and the next one works") {
    SANDBOX_SKIP_UNLESS(has_range(), "this user has no subordinate ids");
    EarlyNamespace early(host_id_map(), kNamespaces);
    // clone(2): EINVAL, namespaces cannot be had together with a shared view of files.
    CHECK_THROWS_AS((void)early.try_clone(CLONE_NEWNS | CLONE_FS, -1, wait_for_ever, nullptr),
                    base::SysError);
    const auto child = early.try_clone(CLONE_NEWPID, -1, wait_for_ever, nullptr);
    REQUIRE(child);
    early.finish_maps(host_id_map());
    CHECK(
        base::read_file("/proc/" + std::to_string(child->pid()) + "/uid_map", 4096).find("65536") !=
        std::string::npos);
}

TEST_CASE("a keeper that was killed is an error and no hang; maps that were refused are told") {
    SANDBOX_SKIP_UNLESS(has_range(), "this user has no subordinate ids");
    IdMap foreign = host_id_map();
    foreign.uids.back().outside.value = 1;  // other people's
    EarlyNamespace early(foreign, 0);
    CHECK_THROWS_AS(early.finish_maps(foreign), base::Error);
    // Told to end by nobody yet: its only child of ours.
    siginfo_t information{};
    CHECK(::waitid(P_ALL, 0, &information, WEXITED | WNOHANG | WNOWAIT) == 0);
    const std::string children =
        base::read_file("/proc/self/task/" + std::to_string(::getpid()) + "/children", 4096);
    const pid_t keeper = std::stoi(children);
    CHECK(base::raw::kill(keeper, SIGKILL) == 0);
    CHECK_THROWS_AS((void)early.try_clone(CLONE_NEWPID, -1, wait_for_ever, nullptr), base::Error);
}
