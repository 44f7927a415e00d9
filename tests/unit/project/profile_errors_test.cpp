#include <catch2/catch.hpp>

#include "unit/project/profile_fixture.hpp"

namespace sandbox::project {
namespace {

TEST_CASE("driver_opts of a volume that nothing here can do stand in the way of who uses it") {
    ProfileDirectory directory;
    const auto fails = [&](const std::string& options, const std::string& words) {
        const Project project = directory.load_text(
            "[volumes.v]\n" + options +
            "[services.a]\nimage = \"x\"\nvolumes = [\"v:/v\"]\n[services.b]\nimage = \"x\"\n");
        const auto& refused = project.find_service("a")->refused;
        REQUIRE(refused);
        CHECK(refused->message() + " (" + refused->hint() + ")" == "sandbox.toml:" + words);
        CHECK_FALSE(project.find_service("b")->refused);
    };
    const std::string cure = "type none, o bind and device PATH make it a directory of the host";
    fails("driver_opts = { type = \"nfs\", o = \"addr=10.0.0.1,rw\", device = \":/data\" }\n",
          "2:15: driver_opts: a volume of type \"nfs\" needs a mount that root does (have it "
          "mounted on the host; then " +
              cure + ")");
    fails("driver_opts = { type = \"tmpfs\", device = \"tmpfs\" }\n",
          "2:15: driver_opts: a volume cannot be in memory (say it of the service: tmpfs and the "
          "path inside)");
    fails("driver_opts = { size = \"1g\" }\n",
          "2:17: driver_opts: unknown option \"size\" (" + cure + ")");
    fails("driver_opts = { type = \"none\", device = \"/x\" }\n",
          "2:15: driver_opts: o says nothing of bind (" + cure + ")");
    fails("driver_opts = { type = \"none\", o = \"bind\" }\n",
          "2:15: driver_opts: there is no device (" + cure + ")");
    fails("driver_opts = { type = \"none\", o = \"bind,noexec\", device = \"/x\" }\n",
          "2:15: driver_opts: unknown word \"noexec\" in o (it may be bind, rbind, ro and rw)");
    CHECK(
        directory.failure("[services.a]\nimage = \"x\"\n[volumes.v]\nexternal = true\n"
                          "labels = { a = \"b\" }\n") ==
        "sandbox.toml:3:10: volume \"v\": external and \"labels\" exclude each other (an external "
        "volume is as somebody has made it: remove \"labels\")");
}

TEST_CASE("each mistake is told with file, line, column and the cure") {
    ProfileDirectory directory;
    const auto fails = [&](const std::string& text, const std::string& words) {
        CHECK(directory.failure(text) == words);
    };
    fails("[services.db]\nimgae = \"x\"\n",
          "sandbox.toml:2:1: unknown key \"imgae\" in service \"db\" (did you mean \"image\"?)");
    fails(
        "[services.db]\nimage = \"x\"\nenv = { A = \"1\" }\n",
        "sandbox.toml:3:1: unknown key \"env\" in service \"db\" (did you mean \"environment\"?)");
    fails("[servces.db]\nimage = \"x\"\n",
          "sandbox.toml:1:2: unknown key \"servces\" in the profile (did you mean \"services\"?)");
    fails("[services.db]\nimage = 5\n",
          "sandbox.toml:2:9: \"image\": expected text, found a whole number");
    fails("[services.db]\nimage = \"x\"\nports = \"80:80\"\n",
          "sandbox.toml:3:9: \"ports\": expected a list of ports, found text");
    CHECK(directory.failure("[services.db]\nimage = \"x\"\nports = [\"80:x\"]\n")
              .starts_with("sandbox.toml:3:10: "));
    fails("[services.db]\nimage = \"no image\"\n",
          "sandbox.toml:2:9: invalid reference format: bad repository name: \"no image\"");
    fails(
        "[services.db]\nimage = \"oci:/no/such/layout:tag\"\n",
        "sandbox.toml:2:9: no such image file: \"/no/such/layout\" (make it, or name an image of a "
        "registry)");
    fails("[services.db]\nread_only = true\n", "sandbox.toml:1:11: service \"db\" has no image");
    fails("[services.db]\nimage = \"x\"\nrestart = \"alway\"\n",
          "sandbox.toml:3:11: unknown restart policy \"alway\" (did you mean \"always\"?)");
    fails("[services.a]\nimage = \"x\"\ndepends_on = [\"b\"]\n[services.bb]\nimage = \"x\"\n",
          "sandbox.toml:3:15: service \"a\": no such service or task: \"b\" (did you mean "
          "\"bb\"?)");
    fails("[services.a]\nimage = \"x\"\ndepends_on = [\"a\"]\n",
          "sandbox.toml:3:15: service \"a\" depends on itself");
    fails("[services.web]\nimage = \"x\"\ndepends_on = [\"wbe\"]\n",
          "sandbox.toml:3:15: service \"web\": no such service or task: \"wbe\"");
    fails("[services.a]\nimage = \"x\"\nstop_grace_period = \"5 parsecs\"\n",
          "sandbox.toml:3:21: expected a duration, found \"5 parsecs\" (for example \"500ms\", "
          "\"30s\" or \"1m30s\")");
    fails("[services.a]\nimage = \"x\"\nmem_limit = \"10ZB\"\n",
          "sandbox.toml:3:13: expected a size, found \"10ZB\" (for example \"64m\", \"1.5g\" or a "
          "number of bytes)");
    fails("[services.a]\nimage = \"${X:?say which}\"\n",
          "sandbox.toml:2:9: variable \"X\" is required: say which (set it in the environment or "
          "in .env)");
    fails("[services.a]\nimage = \"$(id)\"\n",
          "sandbox.toml:2:9: a dollar sign without a name (write \"$$\" for a dollar sign, "
          "\"${NAME}\" for a variable)");
    fails("[services.a]\nimage = \"x\"\nvolumes = [\"data\"]\n",
          "sandbox.toml:3:12: expected SOURCE:TARGET or an absolute path, found \"data\" "
          "(\"./x:/y\" is a directory of the project, \"x:/y\" a named volume)");
    fails("[services.a]\nimage = \"x\"\nnetworks = [\"bakc\"]\n[networks.back]\n",
          "sandbox.toml:3:12: service \"a\": no such network: \"bakc\" (did you mean \"back\"?)");
    fails("[services.a]\nimage = \"x\"\nsecrets = [\"s\"]\n",
          "sandbox.toml:3:12: no such secret: \"s\" (describe it under \"secrets\")");
    fails("[services.a]\nimage = \"x\"\n[tasks.a]\nimage = \"x\"\n",
          "sandbox.toml:3:8: \"a\" is a service and a task (choose another name for one of them)");
    fails("[tasks.a]\nimage = \"x\"\nrestart = \"always\"\n",
          "sandbox.toml:3:11: \"restart\" makes no sense for a task (a task runs to its end; put "
          "what stays under \"services\")");
    fails("name = \"x\"\n",
          "sandbox.toml: the profile has no services and no tasks (write one: [services.web] and "
          "image = \"…\")");
    fails("[services.a]\nimage = \"x\"\nbuild = \".\"\n",
          "sandbox.toml:3:9: images are not built here yet (build it elsewhere, `sandbox load` it, "
          "and name it under \"image\")");
}

TEST_CASE("a circle of dependencies is named") {
    ProfileDirectory directory;
    const std::string words = directory.failure(R"([services.a]
image = "x"
depends_on = ["b"]
[services.b]
image = "x"
depends_on = ["c"]
[services.c]
image = "x"
depends_on = ["a"]
)");
    CHECK(words ==
          "sandbox.toml:3:15: the dependencies go in a circle: a → b → c → a (take one of "
          "them out)");
    CHECK(directory.failure("[services.a]\nimage = \"x\"\nnetwork_mode = \"service:b\"\n"
                            "[services.b]\nimage = \"x\"\ndepends_on = [\"a\"]\n") ==
          "sandbox.toml:3:16: the dependencies go in a circle: a → b → a (take one of them out)");
}

TEST_CASE("the line is shown with a caret under the place") {
    ProfileDirectory directory;
    directory.write("sandbox.toml", "[services.db]\nimage = \"x\"\n\tprots = [\"80\"]\n");
    try {
        (void)directory.load();
        FAIL("no error");
    } catch (const base::UsageError& error) {
        CHECK(error.detail() == "  3 | \tprots = [\"80\"]\n    | \t^~~~~");
    }
}

TEST_CASE("a syntax error shows its line too") {
    ProfileDirectory directory;
    directory.write("sandbox.toml", "[services.db]\nimage = \n");
    try {
        (void)directory.load();
        FAIL("no error");
    } catch (const base::UsageError& error) {
        CHECK(error.message().starts_with("sandbox.toml:2:"));
        CHECK(error.detail().starts_with("  2 | image ="));
    }
}

TEST_CASE("a missing file is an error of its own code") {
    ProfileDirectory directory;
    CHECK_THROWS_AS(directory.load({"no.toml"}), base::NotFoundError);
    CHECK_THROWS_AS(directory.load(), base::NotFoundError);
}

TEST_CASE("keys that begin with x- are left alone") {
    ProfileDirectory directory;
    CHECK_NOTHROW(
        directory.load_text("x-common = 1\n[services.a]\nimage = \"x\"\nx-note = { y = 1 }\n"));
}

}  // namespace
}  // namespace sandbox::project
