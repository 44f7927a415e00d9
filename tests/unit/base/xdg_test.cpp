#include "sandbox/base/xdg.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "unit/base/scratch_dir.hpp"

using namespace sandbox::base;
using sandbox::test::ScratchDir;

namespace {

class ScopedEnv {
  public:
    ScopedEnv(const char* name, const char* value) : name_(name), former_(try_env(name)) {
        set(value);
    }
    ScopedEnv(const ScopedEnv&) = delete;
    ScopedEnv& operator=(const ScopedEnv&) = delete;
    ~ScopedEnv() { set(former_ ? former_->c_str() : nullptr); }

  private:
    void set(const char* value) const {
        if (value != nullptr) {
            ::setenv(name_, value, 1);
        } else {
            ::unsetenv(name_);
        }
    }
    const char* name_;
    std::optional<std::string> former_;
};

}  // namespace

TEST_CASE("the base directories follow their variables, else HOME") {
    const ScopedEnv home("HOME", "/home/somebody");
    const ScopedEnv data("XDG_DATA_HOME", "/data");
    const ScopedEnv config("XDG_CONFIG_HOME", nullptr);
    const ScopedEnv cache("XDG_CACHE_HOME", "relative/is/ignored");
    CHECK(data_home() == "/data");
    CHECK(config_home() == "/home/somebody/.config");
    CHECK(cache_home() == "/home/somebody/.cache");
    CHECK(host_user().home == "/home/somebody");
}

TEST_CASE("without HOME the password file knows the home directory and the name") {
    const ScopedEnv home("HOME", nullptr);
    const HostUser user = host_user();
    CHECK(user.uid == ::getuid());
    CHECK_FALSE(user.name.empty());
    CHECK(user.home.front() == '/');
    if (user.uid == 0) {
        CHECK(user.name == "root");
        CHECK(user.home == "/root");
    }
}

TEST_CASE("an empty variable counts as unset") {
    const ScopedEnv variable("SANDBOX_TEST_VARIABLE", "");
    CHECK_FALSE(try_env("SANDBOX_TEST_VARIABLE"));
}

TEST_CASE("a runtime directory is taken from the environment only when it is private") {
    const ScratchDir dir;
    make_dir_at(dir.fd(), "run", 0700);
    const std::string path = dir / "run";
    const ScopedEnv variable("XDG_RUNTIME_DIR", path.c_str());
    CHECK(runtime_dir() == path);
    REQUIRE(raw::fchmodat(dir.fd(), "run", 0755) == 0);
    CHECK(runtime_dir() != path);
    REQUIRE(raw::fchmodat(dir.fd(), "run", 0700) == 0);
    REQUIRE(raw::symlinkat("run", dir.fd(), "link") == 0);
    const std::string link = dir / "link";
    const ScopedEnv by_link("XDG_RUNTIME_DIR", link.c_str());
    CHECK(runtime_dir() != link);
}
