#include "engine/flags/mount_flags.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "support/usage_message.hpp"

using namespace sandbox::engine;
using sandbox::base::UsageError;
using sandbox::test::message_of;
using Kind = MountSpec::Kind;

namespace {

MountWish volume(std::string_view text) {
    return parse_volume_flag(text, "/home/me/project");
}
MountWish mount(std::string_view text) {
    return parse_mount_flag(text, "/home/me/project");
}

}  // namespace

TEST_CASE("a -v with a host path is a recursive bind whose source may be made") {
    const MountSpec spec = volume("/srv/data:/data").spec;
    CHECK(spec.kind == Kind::bind);
    CHECK(spec.source == "/srv/data");
    CHECK(spec.target == "/data");
    CHECK_FALSE(spec.read_only);
    CHECK(spec.recursive);
    CHECK(spec.create_source);
    CHECK(spec.nosuid);
    CHECK_FALSE(spec.seed);
}

TEST_CASE("a -v with dots is relative to the working directory") {
    CHECK(volume("./a:/x").spec.source == "/home/me/project/a");
    CHECK(volume(".:/x").spec.source == "/home/me/project");
    CHECK(volume("../b/./c:/x").spec.source == "/home/me/b/c");
    CHECK(volume("..:/x").spec.source == "/home/me");
}

TEST_CASE("only a host path is asked to keep owners") {
    CHECK_FALSE(volume("/a:/b").spec.mark_owners);
    CHECK(volume("/a:/b:ro,owners").spec.mark_owners);
    CHECK(mount("type=bind,src=/a,dst=/b,bind-owners").spec.mark_owners);
    CHECK_FALSE(mount("type=bind,src=/a,dst=/b,bind-owners=false").spec.mark_owners);
    CHECK_THAT(message_of([] { volume("data:/b:owners"); }), Catch::Contains("for a host path"));
}

TEST_CASE("a -v with a name is a volume that is seeded unless nocopy says no") {
    const MountSpec spec = volume("db_data:/var/lib/db").spec;
    CHECK(spec.kind == Kind::volume);
    CHECK(spec.volume_name == "db_data");
    CHECK(spec.seed);
    CHECK_FALSE(volume("db_data:/var/lib/db:nocopy").spec.seed);
}

TEST_CASE("a -v with one path is an anonymous volume") {
    const MountSpec spec = volume("/data").spec;
    CHECK(spec.kind == Kind::volume);
    CHECK(spec.volume_name.empty());
    CHECK(spec.target == "/data");
}

TEST_CASE("the options of -v are docker's, in any combination") {
    CHECK(volume("/a:/b:ro").spec.read_only);
    CHECK(volume("/a:/b:ro,Z").spec.read_only);
    CHECK_FALSE(volume("/a:/b:rw,z,cached").spec.read_only);
    CHECK_FALSE(volume("/a:/b:noexec").spec.exec);
    CHECK(volume("/a:/b:noexec,exec").spec.exec);
    CHECK_FALSE(volume("/a:/b:bind").spec.recursive);
    CHECK(volume("/a:/b:rslave").notices.size() == 1);
    CHECK(volume("/a:/b:rprivate,nodev,nosuid").notices.empty());
}

TEST_CASE("a wrong -v names what is wrong and how to write it") {
    CHECK_THAT(message_of([] { volume("data:x"); }),
               Catch::Contains("must be absolute") && Catch::Contains("write \"/x\""));
    CHECK_THAT(message_of([] { volume("a/b:/x"); }), Catch::Contains("write \"./a/b\""));
    CHECK_THAT(message_of([] { volume("~/x:/x"); }), Catch::Contains("$HOME/x"));
    CHECK_THAT(message_of([] { volume("/a:/b:rp"); }), Catch::Contains("unknown option \"rp\""));
    CHECK_THAT(message_of([] { volume("/a:/b:nocpy"); }), Catch::Contains("\"nocopy\""));
    CHECK_THAT(message_of([] { volume("/a:/b:shared"); }), Catch::Contains("without root"));
    CHECK_THAT(message_of([] { volume("/a:/b:ro:x"); }), Catch::Contains("--mount"));
    CHECK_THAT(message_of([] { volume(":/b"); }), Catch::Contains("empty"));
    CHECK_THAT(message_of([] { volume(""); }), Catch::Contains("empty"));
    CHECK_THAT(message_of([] { volume("-x:/b"); }), Catch::Contains("volume name"));
    CHECK_THAT(message_of([] { volume("/a:/b:nocopy"); }), Catch::Contains("for volumes"));
}

TEST_CASE("the places of the launch are no mount targets, however they are spelled") {
    for (const char* target : {"/proc", "/proc/self/attr", "/sys", "/sys/fs/cgroup", "/dev", "/",
                               "/x/../proc", "//proc/", "/dev/null", "/dev/pts/0", "/./dev/."}) {
        CAPTURE(target);
        CHECK_THROWS_AS(volume("/a:" + std::string(target)), UsageError);
    }
    CHECK(volume("/a:/dev/shm").spec.target == "/dev/shm");
    CHECK(volume("/a:/process").spec.target == "/process");
    CHECK(volume("/a:/devel").spec.target == "/devel");
}

TEST_CASE("--mount reads type, source and target under all their names") {
    MountSpec spec = mount("type=bind,source=/a,target=/b,readonly").spec;
    CHECK(spec.kind == Kind::bind);
    CHECK(spec.source == "/a");
    CHECK(spec.target == "/b");
    CHECK(spec.read_only);
    CHECK_FALSE(spec.create_source);
    spec = mount("type=bind,src=x/y,dst=/b,ro=false").spec;
    CHECK(spec.source == "/home/me/project/x/y");
    CHECK_FALSE(spec.read_only);
    spec = mount("destination=/v,src=data,volume-nocopy").spec;
    CHECK(spec.kind == Kind::volume);
    CHECK(spec.volume_name == "data");
    CHECK_FALSE(spec.seed);
    CHECK(mount("dst=/v").spec.volume_name.empty());
    CHECK_FALSE(mount("type=bind,src=/a,dst=/b,bind-nonrecursive=true").spec.recursive);
    CHECK_FALSE(mount("type=bind,src=/a,dst=/b,bind-recursive=disabled").spec.recursive);
    CHECK(mount("dst=/v,volume-label=a=b").volume_labels.at("a") == "b");
}

TEST_CASE("--mount is a CSV record: quotes protect commas") {
    CHECK(mount("type=bind,\"source=/a,b\",target=/c").spec.source == "/a,b");
    CHECK(mount("type=bind,\"source=/a\"\"b\",target=/c").spec.source == "/a\"b");
    CHECK_THROWS_AS(mount("type=bind,\"source=/a,target=/c"), UsageError);
}

TEST_CASE("--mount type=tmpfs has a size and a mode") {
    const MountSpec spec = mount("type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1770").spec;
    CHECK(spec.kind == Kind::tmpfs);
    CHECK(spec.tmpfs_size_bytes == 64u << 20);
    CHECK(spec.tmpfs_mode == 01770);
    CHECK_FALSE(spec.exec);
}

TEST_CASE("a wrong --mount names the key") {
    CHECK_THAT(message_of([] { mount("type=bnd,src=/a,dst=/b"); }), Catch::Contains("\"bnd\""));
    CHECK_THAT(message_of([] { mount("type=bind,sorce=/a,dst=/b"); }),
               Catch::Contains("did you mean \"source\"?"));
    CHECK_THAT(message_of([] { mount("type=bind,dst=/b"); }), Catch::Contains("source is missing"));
    CHECK_THAT(message_of([] { mount("type=bind,src=/b"); }), Catch::Contains("target is missing"));
    CHECK_THAT(message_of([] { mount("type=tmpfs,src=/a,dst=/b"); }), Catch::Contains("no source"));
    CHECK_THAT(message_of([] { mount("type=tmpfs,dst=/b,tmpfs-mode=9"); }),
               Catch::Contains("octal"));
    CHECK_THAT(message_of([] { mount("type=bind,src=/a,dst=/b,tmpfs-size=1m"); }),
               Catch::Contains("type=tmpfs only"));
    CHECK_THAT(message_of([] { mount("type=bind,src=/a,dst=/b,readonly=maybe"); }),
               Catch::Contains("true or false"));
    CHECK_THAT(message_of([] { mount("src=/a,dst=/b"); }), Catch::Contains("use type=bind"));
    CHECK_THAT(message_of([] { mount("dst=/b,volume-driver=nfs"); }), Catch::Contains("local"));
    CHECK_THAT(message_of([] { mount("type=bind,,dst=/b"); }), Catch::Contains("empty field"));
}

TEST_CASE("--tmpfs is noexec by default and takes mount options") {
    const MountSpec plain = parse_tmpfs_flag("/run").spec;
    CHECK(plain.kind == Kind::tmpfs);
    CHECK_FALSE(plain.exec);
    CHECK(plain.nosuid);
    CHECK(plain.tmpfs_mode == 01777);
    const MountSpec full = parse_tmpfs_flag("/run:rw,exec,size=16m,mode=755,uid=5,gid=6").spec;
    CHECK(full.exec);
    CHECK(full.tmpfs_size_bytes == 16u << 20);
    CHECK(full.tmpfs_mode == 0755);
    CHECK(full.tmpfs_options == "uid=5,gid=6");
    CHECK_THROWS_AS(parse_tmpfs_flag("/run:sized=1"), UsageError);
    CHECK_THROWS_AS(parse_tmpfs_flag("/run:uid=-1"), UsageError);
    CHECK_THROWS_AS(parse_tmpfs_flag("run"), UsageError);
}

TEST_CASE("mounts are sorted so that parents come before children, and none comes twice") {
    std::vector<MountWish> mounts{volume("/1:/a/b"), volume("/2:/a"), volume("/3:/c")};
    sort_mounts(mounts);
    CHECK(mounts[0].spec.target == "/a");
    CHECK(mounts[1].spec.target == "/c");
    CHECK(mounts[2].spec.target == "/a/b");
    mounts.push_back(volume("/4:/c/"));
    CHECK_THAT(message_of([&] { sort_mounts(mounts); }),
               Catch::Contains("duplicate mount destination \"/c\""));
}
