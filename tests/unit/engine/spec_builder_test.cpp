#include "engine/spec_builder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>

#include "engine/network/network_files.hpp"
#include "sandbox/base/error.hpp"

using namespace sandbox::engine;
using Catch::Contains;
using sandbox::base::UsageError;
using sandbox::kernel::IdMap;
using sandbox::kernel::IdMode;
using sandbox::oci::ImageConfig;
using Words = std::vector<std::string>;

namespace {

IdMap range_map() {
    IdMap map;
    map.mode = IdMode::range;
    map.uids = {{{0}, {1000}, 1}, {{1}, {100000}, 65536}};
    map.gids = map.uids;
    return map;
}

IdMap single_map() {
    return sandbox::kernel::single_id_map({0}, {0});
}

HostFacts host(IdMap ids = range_map()) {
    HostFacts facts;
    facts.ids = std::move(ids);
    facts.host_name = "the-host";
    facts.resolv_conf = "nameserver 127.0.0.53\nnameserver 192.0.2.1\nsearch lan\noptions edns0\n";
    facts.nofile = {1024, 1048576};
    return facts;
}

CallerFacts caller() {
    return {"/home/me", [](const std::string&) { return std::nullopt; }};
}

const AccountFiles kAccounts{"root:x:0:0::/root:\nweb:x:33:33::/var/www:\n",
                             "web:x:33:\nx:x:9:web\n"};

RunRequest request(Words command = {}) {
    RunRequest wish;
    wish.image = "img";
    wish.command = std::move(command);
    return wish;
}

SpecDraft draft(const RunRequest& wish, const ImageConfig& config,
                const HostFacts& facts = host()) {
    return make_spec(wish, parse_request(wish, caller()), config, kAccounts, {}, facts);
}

ImageConfig image_with(std::optional<Words> entrypoint, std::optional<Words> cmd) {
    ImageConfig config;
    config.entrypoint = std::move(entrypoint);
    config.cmd = std::move(cmd);
    return config;
}

bool has(const Words& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string value_of(const Words& env, const std::string& name) {
    for (const std::string& line : env) {
        if (line.starts_with(name + "=")) return line.substr(name.size() + 1);
    }
    return "(unset)";
}

}  // namespace

TEST_CASE("entrypoint and command combine as docker combines them") {
    const ImageConfig both = image_with(Words{"/entry"}, Words{"-d"});
    CHECK(draft(request(), both).spec.argv == Words{"/entry", "-d"});
    CHECK(draft(request({"-x"}), both).spec.argv == Words{"/entry", "-x"});
    RunRequest wish = request();
    wish.entrypoint = "/other";
    CHECK(draft(wish, both).spec.argv == Words{"/other"});
    wish.command = {"a"};
    CHECK(draft(wish, both).spec.argv == Words{"/other", "a"});
    wish.entrypoint = "";
    CHECK(draft(wish, both).spec.argv == Words{"a"});
    CHECK(draft(request(), image_with(std::nullopt, Words{"sh"})).spec.argv == Words{"sh"});
}

TEST_CASE("without any command the error says how to give one") {
    try {
        (void)draft(request(), {});
        FAIL("no error");
    } catch (const UsageError& error) {
        CHECK(error.code() == 125);
        CHECK_THAT(error.message(), Contains("no command"));
        CHECK_THAT(error.hint(), Contains("sandbox run img COMMAND"));
    }
    RunRequest reset = request();
    reset.entrypoint = "";
    CHECK_THROWS_AS(draft(reset, image_with(Words{"/entry"}, Words{"-d"})), UsageError);
}

TEST_CASE("the environment is the image's and the flags', never the caller's") {
    ::setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    ::setenv("LD_PRELOAD_CANARY", "1", 1);
    ImageConfig config = image_with(std::nullopt, Words{"sh"});
    config.env = {"PATH=/image/bin", "LANG=C", "BAD", "=x"};
    RunRequest wish = request();
    wish.env = {"LANG=de", "NEW=1", "MISSING"};
    const SpecDraft result = draft(wish, config);
    CHECK(result.spec.env ==
          Words{"PATH=/image/bin", "LANG=de", "NEW=1", "container=sandbox", "HOME=/root"});
    CHECK(result.declared_env == Words{"PATH=/image/bin", "LANG=de", "NEW=1"});
}

TEST_CASE("PATH has a default, TERM comes with a terminal, HOME from passwd unless set") {
    ImageConfig config = image_with(std::nullopt, Words{"sh"});
    CHECK(value_of(draft(request(), config).spec.env, "PATH") ==
          "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    CHECK(value_of(draft(request(), config).spec.env, "TERM") == "(unset)");
    RunRequest wish = request();
    wish.tty = true;
    wish.user = "web";
    CHECK(value_of(draft(wish, config).spec.env, "TERM") == "xterm");
    CHECK(value_of(draft(wish, config).spec.env, "HOME") == "/var/www");
    wish.env = {"HOME=/mine"};
    CHECK(value_of(draft(wish, config).spec.env, "HOME") == "/mine");
    wish.unset_env = {"PATH"};
    CHECK(value_of(draft(wish, config).spec.env, "PATH") == "(unset)");
}

TEST_CASE("labels and annotations are data: they change nothing of the container") {
    ImageConfig plain = image_with(std::nullopt, Words{"sh"});
    ImageConfig labelled = plain;
    labelled.labels = {{"run.oci.keep_original_groups", "1"},
                       {"io.podman.annotations.privileged", "TRUE"},
                       {"containerd.io/restart.status", "running"},
                       {"io.podman.annotations.seccomp", "unconfined"}};
    RunRequest wish = request();
    wish.annotations = {"run.oci.handler=krun", "io.podman.annotations.init=FALSE"};
    const ContainerSpec a = draft(request(), plain).spec;
    const SpecDraft b = draft(wish, labelled);
    CHECK(a.env == b.spec.env);
    CHECK(a.user.groups == b.spec.user.groups);
    CHECK(a.capabilities == b.spec.capabilities);
    CHECK(a.privileged == b.spec.privileged);
    CHECK(a.init == b.spec.init);
    CHECK(b.labels.size() == 4);
}

TEST_CASE("the id ladder: a range as it is, one id for the payload's own user") {
    const ImageConfig config = image_with(std::nullopt, Words{"sh"});
    RunRequest wish = request();
    wish.user = "web";
    CHECK(draft(wish, config).spec.ids.mode == IdMode::range);
    const ContainerSpec single = draft(wish, config, host(single_map())).spec;
    CHECK(single.ids.contains_uid({33}));
    CHECK_FALSE(single.ids.contains_uid({0}));
    CHECK(single.identity == IdentityMode::map_user);
    CHECK(single.user.groups == std::vector<sandbox::kernel::ContainerId>{{33}});
    const ContainerSpec root = draft(request(), config, host(single_map())).spec;
    CHECK((root.identity == IdentityMode::emulate || root.identity == IdentityMode::fake));
    CHECK(root.ids.contains_uid({0}));
    CHECK(draft(request(), config).spec.identity == IdentityMode::range);
    CHECK_THROWS_AS(parse_identity("keep-id"), UsageError);
    RunRequest asked = request();
    asked.identity = "fake";
    CHECK(draft(asked, config, host(single_map())).spec.identity == IdentityMode::fake);
    CHECK_THROWS_AS(draft(asked, config), UsageError);
    asked.identity = "subuid";
    CHECK_THROWS_AS(draft(asked, config, host(single_map())), UsageError);
    CHECK(draft(asked, config).spec.identity == IdentityMode::range);
}

TEST_CASE("a user beyond the range is refused with the range's end") {
    RunRequest wish = request({"sh"});
    wish.user = "70000";
    try {
        (void)draft(wish, {});
        FAIL("no error");
    } catch (const UsageError& error) {
        CHECK_THAT(error.message(), Contains("70000") && Contains("65536"));
        CHECK_THAT(error.hint(), Contains("/etc/subuid"));
    }
    CHECK(draft(wish, {}, host(single_map())).spec.ids.contains_uid({70000}));
}

TEST_CASE("image volumes are anonymous volumes unless a flag takes their place") {
    ImageConfig config = image_with(std::nullopt, Words{"sh"});
    config.volumes = {"/data", "/cache/"};
    RunRequest wish = request();
    wish.volumes = {"/srv:/cache"};
    const SpecDraft result = draft(wish, config);
    REQUIRE(result.mounts.size() == 2);
    const auto at = [&](const char* target) {
        return std::find_if(result.mounts.begin(), result.mounts.end(),
                            [&](const MountWish& mount) { return mount.spec.target == target; });
    };
    CHECK(at("/data")->spec.kind == MountSpec::Kind::volume);
    CHECK(at("/data")->spec.seed);
    CHECK(at("/cache")->spec.kind == MountSpec::Kind::bind);
    config.volumes = {"/proc/x"};
    CHECK_THROWS_AS(draft(request(), config), UsageError);
}

TEST_CASE("a one-shot run is removed and volatile unless it has a name or is kept") {
    const ImageConfig config = image_with(std::nullopt, Words{"sh"});
    RunRequest wish = request();
    CHECK_FALSE(draft(wish, config).keep);
    CHECK(draft(wish, config).spec.volatile_upper);
    wish.name = "x";
    CHECK(draft(wish, config).keep);
    CHECK_FALSE(draft(wish, config).spec.volatile_upper);
    wish.remove = true;
    CHECK_FALSE(draft(wish, config).keep);
    wish.name.reset();
    wish.remove = false;
    CHECK(draft(wish, config).keep);
}

TEST_CASE("a terminal is found out, and flags win") {
    const ImageConfig config = image_with(std::nullopt, Words{"sh"});
    HostFacts facts = host();
    CHECK_FALSE(draft(request(), config, facts).spec.tty);
    facts.has_terminal = true;
    CHECK(draft(request(), config, facts).spec.tty);
    CHECK(draft(request(), config, facts).spec.interactive);
    RunRequest wish = request();
    wish.tty = false;
    CHECK_FALSE(draft(wish, config, facts).spec.tty);
    CHECK_FALSE(draft(wish, config, facts).spec.interactive);
}

TEST_CASE(
    "limits: 1024 descriptors that may be raised, no core files, unless flags say otherwise") {
    const ImageConfig config = image_with(std::nullopt, Words{"sh"});
    HostFacts facts = host();
    const auto limit = [](const ContainerSpec& spec, int resource) {
        for (const auto& [known, value] : spec.rlimits) {
            if (known == resource) return value;
        }
        return rlimit{99, 99};
    };
    ContainerSpec spec = draft(request(), config, facts).spec;
    CHECK(limit(spec, RLIMIT_NOFILE).rlim_cur == 1024);
    CHECK(limit(spec, RLIMIT_NOFILE).rlim_max == 524288);
    CHECK(limit(spec, RLIMIT_CORE).rlim_max == 0);
    CHECK(spec.pids_limit == 2048);
    facts.nofile = {256, 512};
    spec = draft(request(), config, facts).spec;
    CHECK(limit(spec, RLIMIT_NOFILE).rlim_cur == 512);
    CHECK(limit(spec, RLIMIT_NOFILE).rlim_max == 512);
    RunRequest wish = request();
    wish.ulimits = {"core=0:0", "nofile=10:20"};
    spec = draft(wish, config).spec;
    CHECK(limit(spec, RLIMIT_NOFILE).rlim_max == 20);
}

TEST_CASE("privileged opens seccomp and masks and gives every capability") {
    RunRequest wish = request({"sh"});
    wish.privileged = true;
    const ParsedRequest parsed = parse_request(wish, caller());
    CHECK(parsed.security.seccomp_unconfined);
    CHECK_FALSE(parsed.security.mask_paths);
    CHECK(parsed.capabilities == sandbox::kernel::all_capabilities());
}

TEST_CASE("working directory and stop signal: flag, image, default") {
    ImageConfig config = image_with(std::nullopt, Words{"sh"});
    CHECK(draft(request(), config).spec.working_dir == "/");
    CHECK(draft(request(), config).spec.stop_signal == SIGTERM);
    config.working_dir = "app";
    config.stop_signal = "SIGQUIT";
    CHECK(draft(request(), config).spec.working_dir == "/app");
    CHECK(draft(request(), config).spec.stop_signal == SIGQUIT);
    RunRequest wish = request();
    wish.working_dir = "/w";
    wish.stop_signal = "9";
    CHECK(draft(wish, config).spec.working_dir == "/w");
    CHECK(draft(wish, config).spec.stop_signal == SIGKILL);
    wish.working_dir = "relative";
    CHECK_THROWS_AS(draft(wish, config), UsageError);
}

TEST_CASE("resolvers on the host's loopback stay with the host's network only") {
    const ImageConfig config = image_with(std::nullopt, Words{"sh"});
    CHECK(draft(request(), config).spec.dns_servers == Words{"192.0.2.1"});
    CHECK(draft(request(), config).spec.dns_search == Words{"lan"});
    RunRequest wish = request();
    wish.network = "host";
    CHECK(draft(wish, config).spec.dns_servers == Words{"127.0.0.53", "192.0.2.1"});
    wish.dns = {"192.0.2.9"};
    wish.dns_search = {"."};
    CHECK(draft(wish, config).spec.dns_servers == Words{"192.0.2.9"});
    CHECK(draft(wish, config).spec.dns_search.empty());
    wish.dns = {"resolver"};
    CHECK_THROWS_AS(draft(wish, config), UsageError);
}

TEST_CASE("the host name is the id's beginning, the host's own, or what was asked for") {
    const std::string id(64, 'a');
    RunRequest wish = request({"sh"});
    const auto named = [&] {
        const ParsedRequest parsed = parse_request(wish, caller());
        ContainerSpec spec = make_spec(wish, parsed, {}, kAccounts, {}, host()).spec;
        name_container(spec, parsed, host(), id, "n");
        return spec;
    };
    CHECK(named().hostname == "aaaaaaaaaaaa");
    CHECK(value_of(named().env, "HOSTNAME") == "aaaaaaaaaaaa");
    CHECK(named().hosts.back() == std::pair<std::string, std::string>("aaaaaaaaaaaa", "127.0.0.1"));
    wish.network = "host";
    CHECK(named().hostname == "the-host");
    wish.hostname = "web";
    CHECK(named().hostname == "web");
    wish.env = {"HOSTNAME=other"};
    CHECK(value_of(named().env, "HOSTNAME") == "other");
    CHECK_FALSE(has(named().env, "HOSTNAME=web"));
}

TEST_CASE("hosts and resolv.conf of the host are read with their oddities") {
    const auto hosts = parse_hosts("127.0.0.1 a b # c\n#x\n\nbad line\n::1\tip6\n1.2.3.4\n");
    REQUIRE(hosts.size() == 2);
    CHECK(hosts[0] == std::pair<std::string, std::string>("a b", "127.0.0.1"));
    CHECK(hosts[1].second == "::1");
    const ResolverSettings settings =
        parse_resolv_conf("; c\nnameserver fe80::1%eth0\nnameserver x\ndomain a\nsearch b c\n");
    CHECK(settings.servers == Words{"fe80::1%eth0"});
    CHECK(settings.search == Words{"b", "c"});
}

TEST_CASE("every wrong flag is found before anything is fetched") {
    const auto broken = [](auto change) {
        RunRequest wish = request({"sh"});
        change(wish);
        CHECK_THROWS_AS(parse_request(wish, caller()), UsageError);
    };
    broken([](RunRequest& r) { r.image = ""; });
    broken([](RunRequest& r) { r.devices = {"/dev/no-such-device"}; });
    broken([](RunRequest& r) { r.group_add = {"keep-groups", "10"}; });
    broken([](RunRequest& r) { r.replace = true; });
    broken([](RunRequest& r) { r.name = "a b"; });
    broken([](RunRequest& r) {
        r.volumes = {"/a:/x"};
        r.tmpfs = {"/x"};
    });
    broken([](RunRequest& r) { r.cap_add = {"NET_ADMN"}; });
    broken([](RunRequest& r) { r.stop_signal = "FOO"; });
    broken([](RunRequest& r) {
        r.no_hosts = true;
        r.add_host = {"a:1.2.3.4"};
    });
}
