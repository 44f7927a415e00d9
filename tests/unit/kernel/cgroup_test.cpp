#include "sandbox/kernel/cgroup.hpp"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/temp_dir.hpp"

namespace sandbox::kernel {
namespace {

constexpr const char* kMounts =
    "23 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
    "41 31 0:38 /a\\040b /sys/fs/cgroup/uni\\040fied rw,relatime shared:1 - cgroup2 none rw\n";

// A directory with a cgroup's files stands for a cgroup.
class FakeCgroup {
  public:
    FakeCgroup() : top_(AT_FDCWD) {
        base::make_dir_at(top_.fd(), "sandbox-x", 0755);
        dir_ = base::open_at(top_.fd(), "sandbox-x", O_RDONLY | O_DIRECTORY);
    }
    void put(const std::string& name, const std::string& text) {
        base::write_file_atomic(dir_.get(), name, text, 0644, base::Durability::volatile_data);
    }
    std::string get(const std::string& name) const {
        return base::read_file_at(dir_.get(), name, 4096);
    }
    Cgroup open() const {
        return Cgroup(base::open_at(top_.fd(), "sandbox-x", O_RDONLY | O_DIRECTORY),
                      base::open_at(top_.fd(), ".", O_RDONLY | O_DIRECTORY), "sandbox-x");
    }

  private:
    base::TempDir top_;
    base::UniqueFd dir_;
};

}  // namespace

TEST_CASE("the cgroup2 mount is found among those of version 1") {
    const auto mount = try_find_cgroup2(kMounts);
    REQUIRE(mount);
    CHECK(mount->point == "/sys/fs/cgroup/uni fied");
    CHECK(mount->root == "/a b");
    CHECK_FALSE(try_find_cgroup2("23 1 8:1 / / rw - ext4 /dev/sda1 rw\n"));
}

TEST_CASE("our own cgroup is the line of hierarchy 0") {
    CHECK(try_own_cgroup("9:name=systemd:/x\n0::/user.slice/a\n") == "/user.slice/a");
    CHECK_FALSE(try_own_cgroup("9:memory:/x\n"));
}

TEST_CASE("a cgroup's path is joined to the mount that shows it, or to none") {
    CHECK(try_join({"/cg", "/"}, "/a/b") == "/cg/a/b");
    CHECK(try_join({"/cg", "/"}, "/") == "/cg");
    CHECK(try_join({"/cg", "/a"}, "/a/b") == "/cg/b");
    CHECK(try_join({"/cg", "/a"}, "/a") == "/cg");
    CHECK_FALSE(try_join({"/cg", "/a"}, "/ab"));
    CHECK_FALSE(try_join({"/cg", "/"}, "/../x"));
}

TEST_CASE("limits are written as the kernel reads them") {
    FakeCgroup fake;
    for (const char* name : {"memory.max", "memory.swap.max", "memory.low", "pids.max", "cpu.max",
                             "cpu.weight", "cpuset.cpus", "io.weight"}) {
        fake.put(name, "");
    }
    ResourceLimits limits;
    CHECK(limits.empty());
    limits.memory_bytes = 64u << 20;
    limits.swap_bytes = 0;
    limits.memory_reservation_bytes = 1024;
    limits.pids = 7;
    limits.cpu_quota_us = 150'000;
    limits.cpu_weight = 39;
    limits.cpus = "0-1";
    limits.io_weight = 50;
    CHECK(fake.open().set(limits).empty());
    CHECK(fake.get("memory.max") == "67108864");
    CHECK(fake.get("memory.swap.max") == "0");
    CHECK(fake.get("memory.low") == "1024");
    CHECK(fake.get("pids.max") == "7");
    CHECK(fake.get("cpu.max") == "150000 100000");
    CHECK(fake.get("cpu.weight") == "39");
    CHECK(fake.get("cpuset.cpus") == "0-1");
    CHECK(fake.get("io.weight") == "default 50");
}

TEST_CASE("a limit whose controller is not there is told, and the others are set") {
    FakeCgroup fake;
    fake.put("pids.max", "");
    ResourceLimits limits;
    limits.memory_bytes = 1;
    limits.pids = 9;
    const UnmetLimits unmet = fake.open().set(limits);
    CHECK(unmet.names == std::vector<std::string>{"memory"});
    CHECK(unmet.why == "the controller of memory.max is not delegated");
    CHECK(fake.get("pids.max") == "9");
}

TEST_CASE("usage is read without the file pages that can be dropped") {
    FakeCgroup fake;
    fake.put("cpu.stat", "usage_usec 1500\nuser_usec 1000\n");
    fake.put("memory.current", "1000\n");
    fake.put("memory.stat", "anon 1\ninactive_file 400\n");
    fake.put("memory.max", "max\n");
    fake.put("memory.events", "low 0\noom 3\noom_kill 2\n");
    fake.put("pids.current", "5\n");
    fake.put("io.stat", "8:0 rbytes=10 wbytes=1 rios=1\n8:16 rbytes=5 wbytes=2\n");
    const CgroupUsage usage = fake.open().usage();
    CHECK(usage.cpu_ns == 1'500'000);
    CHECK(usage.memory_bytes == 600);
    CHECK_FALSE(usage.memory_limit_bytes);
    CHECK(usage.tasks == 5);
    CHECK(usage.read_bytes == 15);
    CHECK(usage.written_bytes == 3);
    CHECK(usage.oom_kills == 2);
}

TEST_CASE("without the pids controller threads are counted") {
    FakeCgroup fake;
    fake.put("cgroup.threads", "11\n12\n13\n");
    CHECK(fake.open().usage().tasks == 3);
    CHECK_FALSE(fake.open().usage().memory_bytes);
    CHECK(fake.open().oom_kills() == 0);
}

TEST_CASE("freezing waits until the kernel says so") {
    FakeCgroup fake;
    fake.put("cgroup.freeze", "0");
    fake.put("cgroup.events", "populated 1\nfrozen 1\n");
    fake.open().freeze(true);
    CHECK(fake.get("cgroup.freeze") == "1");
    CHECK(fake.open().has_processes());
}

}  // namespace sandbox::kernel
