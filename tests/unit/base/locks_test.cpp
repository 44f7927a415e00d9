#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <thread>

#include "sandbox/base/error.hpp"
#include "sandbox/base/file_lock.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/temp_dir.hpp"
#include "unit/base/scratch_dir.hpp"

using namespace sandbox::base;
using sandbox::test::ScratchDir;

TEST_CASE("an exclusive lock keeps all others out, shared ones keep writers out") {
    const ScratchDir dir;
    {
        const FileLock writer = FileLock::acquire(dir.fd(), "lock", LockMode::exclusive);
        CHECK_FALSE(FileLock::try_acquire(dir.fd(), "lock", LockMode::shared));
        CHECK_FALSE(FileLock::try_acquire(dir.fd(), "lock", LockMode::exclusive));
        CHECK(FileLock::is_held(dir.fd(), "lock"));
    }
    CHECK_FALSE(FileLock::is_held(dir.fd(), "lock"));
    const auto reader = FileLock::try_acquire(dir.fd(), "lock", LockMode::shared);
    CHECK(reader);
    CHECK(FileLock::try_acquire(dir.fd(), "lock", LockMode::shared));
    CHECK_FALSE(FileLock::try_acquire(dir.fd(), "lock", LockMode::exclusive));
    CHECK(FileLock::is_held(dir.fd(), "lock"));
}

TEST_CASE("asking for the holder of a missing lock file does not create it") {
    const ScratchDir dir;
    CHECK_FALSE(FileLock::is_held(dir.fd(), "lock"));
    CHECK_FALSE(exists_at(dir.fd(), "lock"));
}

TEST_CASE("a lock can be changed from exclusive to shared") {
    const ScratchDir dir;
    FileLock lock = FileLock::acquire(dir.fd(), "lock", LockMode::exclusive);
    lock.convert(LockMode::shared);
    CHECK(FileLock::try_acquire(dir.fd(), "lock", LockMode::shared));
    CHECK_FALSE(FileLock::try_acquire(dir.fd(), "lock", LockMode::exclusive));
}

TEST_CASE("a waiting acquire gets the lock when its holder dies") {
    const ScratchDir dir;
    const pid_t holder = ::fork();
    if (holder == 0) {
        const FileLock lock = FileLock::acquire(dir.fd(), "lock", LockMode::exclusive);
        ::usleep(200'000);
        ::_exit(0);  // without a destructor: the kernel drops it
    }
    while (!FileLock::is_held(dir.fd(), "lock")) ::usleep(1000);
    const FileLock lock = FileLock::acquire(dir.fd(), "lock", LockMode::exclusive);
    CHECK(::waitpid(holder, nullptr, 0) == holder);
}

TEST_CASE("a lock on a file that its holder removed is taken anew on the new file") {
    const ScratchDir dir;
    auto first = std::make_optional(FileLock::acquire(dir.fd(), "lock", LockMode::exclusive));
    std::thread remover([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        unlink_at(dir.fd(), "lock");
        first.reset();
    });
    const FileLock second = FileLock::acquire(dir.fd(), "lock", LockMode::exclusive);
    remover.join();
    CHECK(FileLock::is_held(dir.fd(), "lock"));
}

TEST_CASE("an interrupt that is blocked for a signalfd ends the waiting for a lock") {
    const ScratchDir dir;
    const FileLock lock = FileLock::acquire(dir.fd(), "lock", LockMode::exclusive);
    sigset_t interrupt;
    sigset_t former;
    ::sigemptyset(&interrupt);
    ::sigaddset(&interrupt, SIGINT);
    ::sigprocmask(SIG_BLOCK, &interrupt, &former);
    ::raise(SIGINT);
    CHECK_THROWS_WITH(FileLock::acquire(dir.fd(), "lock", LockMode::exclusive),
                      Catch::Contains("interrupted"));
    int signal = 0;
    ::sigwait(&interrupt, &signal);
    ::sigprocmask(SIG_SETMASK, &former, nullptr);
}

TEST_CASE("a temporary directory vanishes with all its content unless it is committed") {
    const ScratchDir dir;
    {
        const TempDir temp(dir.fd());
        make_dir_at(temp.fd(), "below", 0);
        CHECK(list_dir(dir.fd()).size() == 1);
    }
    CHECK(list_dir(dir.fd()).empty());
    {
        TempDir temp(dir.fd());
        write_file_atomic(temp.fd(), "file", "x", 0600, Durability::volatile_data);
        temp.commit(dir.fd(), "done");
    }
    CHECK(read_file(dir / "done/file", 10) == "x");
}

TEST_CASE("committing a directory never replaces one that is there, not even an empty one") {
    const ScratchDir dir;
    make_dir_at(dir.fd(), "done", 0755);
    TempDir temp(dir.fd());
    try {
        temp.commit(dir.fd(), "done");
        FAIL("replaced");
    } catch (const SysError& error) {
        CHECK(error.errnum() == EEXIST);
    }
}

TEST_CASE("a staged file appears whole under its name or not at all") {
    const ScratchDir dir;
    {
        const StagedFile file(dir.fd(), 0644);
        write_all(file.fd(), "lost");
    }
    CHECK(list_dir(dir.fd()).empty());
    StagedFile file(dir.fd(), 0640);
    write_all(file.fd(), "kept");
    file.commit(dir.fd(), "name");
    CHECK(read_file(dir / "name", 10) == "kept");
    CHECK(list_dir(dir.fd()) == std::vector<std::string>{"name"});
}

TEST_CASE("temporary entries of the living are kept, those of the dead are removed") {
    const ScratchDir dir;
    const TempDir living(dir.fd());
    const StagedFile living_file(dir.fd(), 0600);
    const pid_t child = ::fork();
    if (child == 0) {
        TempDir dead(dir.fd());
        StagedFile dead_file(dir.fd(), 0600);
        make_dir_at(dead.fd(), "below", 0);
        ::_exit(0);
    }
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    write_file_atomic(dir.fd(), "other", "x", 0600, Durability::volatile_data);
    REQUIRE(list_dir(dir.fd()).size() == 5);
    CHECK(remove_stale_temps(dir.fd()).empty());
    CHECK(list_dir(dir.fd()).size() == 3);
    CHECK(exists_at(dir.fd(), living.name()));
}

TEST_CASE("makers and removers of temporary entries never take one from another") {
    const ScratchDir dir;
    const pid_t remover = ::fork();
    if (remover == 0) {
        for (int i = 0; i < 300; ++i) (void)remove_stale_temps(dir.fd());
        ::_exit(0);
    }
    for (int i = 0; i < 300; ++i) {
        const std::string name = "f" + std::to_string(i);
        write_file_atomic(dir.fd(), name, "x", 0600, Durability::volatile_data);
        TempDir temp(dir.fd());
        temp.commit(dir.fd(), "d" + std::to_string(i));
    }
    REQUIRE(::waitpid(remover, nullptr, 0) == remover);
    CHECK(list_dir(dir.fd()).size() == 600);
}
