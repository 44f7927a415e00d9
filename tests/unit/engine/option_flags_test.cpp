#include "engine/flags/option_flags.hpp"

#include <catch2/catch.hpp>

#include <csignal>

#include "engine/signal_names.hpp"
#include "sandbox/base/error.hpp"
#include "support/usage_message.hpp"

using namespace sandbox::engine;
using Catch::Contains;
using sandbox::base::UsageError;
using sandbox::test::message_of;

namespace {

constexpr auto kPrivate = NetworkMode::attached;

}  // namespace

TEST_CASE("ulimits have a soft and a hard value, -1 is unlimited") {
    auto [resource, limit] = parse_ulimit("nofile=1024:4096");
    CHECK(resource == RLIMIT_NOFILE);
    CHECK(limit.rlim_cur == 1024);
    CHECK(limit.rlim_max == 4096);
    CHECK(parse_ulimit("core=0").second.rlim_max == 0);
    CHECK(parse_ulimit("memlock=-1").second.rlim_cur == RLIM_INFINITY);
    CHECK(parse_ulimit("CPU=5").first == RLIMIT_CPU);
}

TEST_CASE("wrong ulimits are named") {
    CHECK_THAT(message_of([] { (void)parse_ulimit("nofiles=1"); }), Contains("\"nofile\"?"));
    CHECK_THAT(message_of([] { (void)parse_ulimit("nofile"); }), Contains("NAME=SOFT[:HARD]"));
    CHECK_THAT(message_of([] { (void)parse_ulimit("nofile=9:3"); }), Contains("above the hard"));
    CHECK_THAT(message_of([] { (void)parse_ulimit("nofile=many"); }), Contains("not a number"));
    CHECK_THAT(message_of([] {
                   (void)allowed_ulimit("nofile=99", RLIMIT_NOFILE, {99, 99}, {10, 50}, true);
               }),
               Contains("your own hard limit of 50"));
    const auto allowed = [](rlimit wish, bool strict) {
        return ulimit_text(RLIMIT_NOFILE,
                           allowed_ulimit("nofile", RLIMIT_NOFILE, wish, {10, 50}, strict));
    };
    CHECK(allowed({50, 50}, true) == "nofile=50:50");
    CHECK(allowed({20, 99}, false) == "nofile=20:50");
    CHECK(allowed({RLIM_INFINITY, RLIM_INFINITY}, false) == "nofile=50:50");
    CHECK(ulimit_text(RLIMIT_CORE, {0, RLIM_INFINITY}) == "core=0:-1");
}

TEST_CASE("sizes and process limits") {
    CHECK(parse_shm_size("1g") == 1u << 30);
    CHECK(parse_shm_size("0") == 64u << 20);
    CHECK_THROWS_AS(parse_shm_size("big"), UsageError);
    CHECK_THROWS_AS(parse_shm_size("-1"), UsageError);
    CHECK(parse_pids_limit("100") == 100);
    CHECK(parse_pids_limit("-1") == 0);
    CHECK(parse_pids_limit("0") == 0);
    CHECK_THROWS_AS(parse_pids_limit("1e9"), UsageError);
}

TEST_CASE("security options: those that matter are read, those of root's modules are ignored") {
    CHECK(parse_security_opts({"no-new-privileges"}).no_new_privileges);
    CHECK(parse_security_opts({"no-new-privileges:true"}).no_new_privileges);
    CHECK_FALSE(parse_security_opts({"no-new-privileges=false"}).no_new_privileges);
    CHECK(parse_security_opts({"seccomp=unconfined"}).seccomp_unconfined);
    CHECK(parse_security_opts({"seccomp=/a/b.json"}).seccomp_file == "/a/b.json");
    CHECK(parse_security_opts({"seccomp:x.json"}).seccomp_file == "x.json");
    CHECK_FALSE(parse_security_opts({"systempaths=unconfined"}).mask_paths);
    CHECK(parse_security_opts({"label=disable", "apparmor=unconfined"}).notices.empty());
    CHECK(parse_security_opts({"label=type:x_t"}).notices.size() == 1);
    CHECK_THAT(message_of([] { (void)parse_security_opts({"secomp=x"}); }),
               Contains("\"seccomp\"?"));
    CHECK_THROWS_AS(parse_security_opts({"no-new-privileges=perhaps"}), UsageError);
}

TEST_CASE("network modes: ours, docker's words for them, and reasons for the rest") {
    CHECK(parse_network("host").mode == NetworkMode::host);
    CHECK(parse_network("none").mode == NetworkMode::none);
    CHECK(parse_network("bridge").mode == kPrivate);
    CHECK(parse_network("private").name == "private");
    CHECK_FALSE(parse_network("bridge").named);
    CHECK(parse_network("back").named);
    CHECK_THAT(message_of([] { (void)parse_network("macvlan"); }), Contains("root"));
    CHECK(parse_network("container:x").mode == NetworkMode::joined);
    CHECK_THAT(message_of([] { (void)parse_network("container:"); }), Contains("no container"));
    CHECK_THAT(message_of([] { (void)parse_network("ns:/x"); }), Contains("joined"));
}

TEST_CASE("a place on a network: its name, or docker's long form") {
    CHECK(parse_network_use("back") == NetworkUse{"back", {}, "", "", ""});
    CHECK(parse_network_use("name=back,alias=a,alias=b.c,ip=10.1.2.3,ip6=fd00::9,"
                            "mac-address=02:42:ac:11:00:02") ==
          NetworkUse{"back", {"a", "b.c"}, "10.1.2.3", "fd00::9", "02:42:ac:11:00:02"});
    for (const char* bad :
         {"host", "name=none", "alias=a", "name=x,alias=", "name=x,alias=a b", "name=x,ip=10.1",
          "name=x,colour=red", "name=../x", "name=x,mac-address=03:42:ac:11:00:02"}) {
        INFO(bad);
        CHECK_THROWS_AS(parse_network_use(bad), UsageError);
    }
}

TEST_CASE("--add-host takes both separators and IPv6") {
    CHECK(parse_add_host("db:192.0.2.7", kPrivate) ==
          std::pair<std::string, std::string>("db", "192.0.2.7"));
    CHECK(parse_add_host("db=::1", kPrivate).second == "::1");
    CHECK(parse_add_host("db:2001:db8::1", kPrivate).second == "2001:db8::1");
    CHECK(parse_add_host("db:[::1]", kPrivate).second == "::1");
    CHECK(parse_add_host("h:host-gateway", NetworkMode::host).second == "127.0.0.1");
    CHECK(parse_add_host("h:host-gateway", kPrivate).second == kHostGateway);
    CHECK_THAT(message_of([] { (void)parse_add_host("h:host-gateway", NetworkMode::none); }),
               Contains("no way to the host"));
    CHECK_THROWS_AS(parse_add_host("db", kPrivate), UsageError);
    CHECK_THROWS_AS(parse_add_host("db:300.1.1.1", kPrivate), UsageError);
    CHECK_THROWS_AS(parse_add_host("a b:1.2.3.4", kPrivate), UsageError);
    CHECK_THROWS_AS(parse_add_host("a\n:1.2.3.4", kPrivate), UsageError);
}

TEST_CASE("host and container names have no room for control bytes or paths") {
    CHECK(check_hostname("web-1.example") == "web-1.example");
    CHECK(check_container_name("/web_1.x") == "web_1.x");
    for (const std::string bad : {"", "-x", "a/b", "..", "a\x1b[0m", "ä", " a"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(check_hostname(bad), UsageError);
        CHECK_THROWS_AS(check_container_name(bad), UsageError);
    }
    CHECK(check_container_name(std::string(255, 'a')).size() == 255);
    CHECK_THROWS_AS(check_container_name(std::string(256, 'a')), UsageError);
    CHECK_THROWS_AS(check_hostname(std::string(65, 'a')), UsageError);
}

TEST_CASE("only settings of the container's own namespaces are sysctls") {
    CHECK(parse_sysctl("net.core.somaxconn=1024", kPrivate).first == "net.core.somaxconn");
    CHECK(parse_sysctl("net/ipv4/ip_forward=1", kPrivate).first == "net.ipv4.ip_forward");
    CHECK(parse_sysctl("kernel.shmmax=5", kPrivate).second == "5");
    CHECK(parse_sysctl("fs.mqueue.msg_max=5", kPrivate).second == "5");
    CHECK_THROWS_AS(parse_sysctl("kernel.core_pattern=|/x", kPrivate), UsageError);
    CHECK_THROWS_AS(parse_sysctl("vm.swappiness=1", kPrivate), UsageError);
    CHECK_THROWS_AS(parse_sysctl("net.core.somaxconn=1", NetworkMode::host), UsageError);
    CHECK_THROWS_AS(parse_sysctl("net...kernel.core_pattern=1", kPrivate), UsageError);
    CHECK_THROWS_AS(parse_sysctl("net.a=1\n2", kPrivate), UsageError);
    CHECK_THROWS_AS(parse_sysctl("net.a", kPrivate), UsageError);
}

TEST_CASE("labels and user namespaces") {
    std::map<std::string, std::string> labels;
    parse_label("a=b=c", "--label", labels);
    parse_label("d", "--label", labels);
    CHECK(labels == std::map<std::string, std::string>{{"a", "b=c"}, {"d", ""}});
    CHECK_THROWS_AS(parse_label("=x", "--label", labels), UsageError);
    CHECK_NOTHROW(check_userns("host"));
    CHECK_THROWS_AS(check_userns("keep-id"), UsageError);
    CHECK_THROWS_AS(check_userns("container:x"), UsageError);
}

TEST_CASE("signals have names, numbers and real-time offsets") {
    CHECK(parse_signal("TERM") == SIGTERM);
    CHECK(parse_signal("sigquit") == SIGQUIT);
    CHECK(parse_signal("9") == 9);
    CHECK(parse_signal("RTMIN+3") == 37);
    CHECK(parse_signal("SIGRTMAX-1") == 63);
    CHECK(parse_signal("64") == 64);
    CHECK(signal_name(SIGTERM) == "SIGTERM");
    CHECK(signal_name(37) == "SIGRTMIN+3");
    for (const char* bad : {"", "0", "65", "-1", "FOO", "SIG", "RTMIN+99", "RTMAX+1"}) {
        CAPTURE(bad);
        CHECK_THAT(message_of([&] { (void)parse_signal(bad); }), Contains("invalid signal: "));
    }
}
