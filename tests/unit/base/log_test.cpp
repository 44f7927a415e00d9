#include "sandbox/base/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/base/fs.hpp"
#include "unit/base/scratch_dir.hpp"

using namespace sandbox::base;

namespace {

// What `action` writes to stderr.
template <typename Action>
std::string stderr_of(Action action) {
    const sandbox::test::ScratchDir dir;
    const UniqueFd saved(::dup(STDERR_FILENO));
    const UniqueFd file = open_at(dir.fd(), "err", O_RDWR | O_CREAT, 0600);
    ::dup2(file.get(), STDERR_FILENO);
    action();
    ::dup2(saved.get(), STDERR_FILENO);
    return read_file(dir / "err", 1u << 20);
}

int hook_calls = 0;

}  // namespace

TEST_CASE("each line stands by itself, with control characters made visible") {
    const std::string text = stderr_of([] {
        log::notice("a\x1b[2Jb\nc");
        log::warning("w");
        log::debug("not shown");
    });
    CHECK(text == "sandbox: a\\x1b[2Jb\\x0ac\nsandbox: warning: w\n");
}

TEST_CASE("quiet keeps warnings only, debug shows all") {
    log::set_level(log::Level::quiet);
    CHECK(stderr_of([] {
              log::notice("n");
              log::warning("w");
          }) == "sandbox: warning: w\n");
    log::set_level(log::Level::debug);
    CHECK(stderr_of([] { log::debug("d"); }) == "sandbox: debug: d\n");
    log::set_level(log::Level::normal);
}

TEST_CASE("what has been said before is not said again") {
    const std::string text = stderr_of([] {
        {
            const log::SaidBefore outer;
            log::notice("one");
            { const log::SaidBefore inner; }
            log::warning("two");
        }
        log::warning("three");
    });
    CHECK(text == "sandbox: warning: three\n");
}

TEST_CASE("a warning with a key is given once") {
    const std::string text = stderr_of([] {
        log::warning_once("k1", "first");
        log::warning_once("k1", "second");
        log::warning_once("k2", "third");
    });
    CHECK(text == "sandbox: warning: first\nsandbox: warning: third\n");
}

TEST_CASE("a progress display is cleared before and redrawn after each line") {
    log::set_interrupt_hooks([] { hook_calls += 1; }, [] { hook_calls += 10; });
    (void)stderr_of([] { log::notice("n"); });
    log::set_interrupt_hooks(nullptr, nullptr);
    (void)stderr_of([] { log::notice("n"); });
    CHECK(hook_calls == 11);
}
