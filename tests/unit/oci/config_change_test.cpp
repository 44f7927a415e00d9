#include "sandbox/oci/config_change.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

using namespace sandbox;
using base::json::Object;
using base::json::Value;

namespace {

std::string changed(const std::string& before, const std::vector<std::string>& changes) {
    Value config = base::json::parse(before);
    oci::apply_config_changes(*config.as_object(), changes);
    return base::json::dump(config, 0, base::json::Escape::plain);
}

}  // namespace

TEST_CASE("commands are lists, or lines for the shell") {
    CHECK(changed("{}", {"CMD [\"a\", \"b c\"]"}) == R"({"Cmd":["a","b c"]})");
    CHECK(changed("{}", {"cmd echo 'x y'"}) == R"({"Cmd":["/bin/sh","-c","echo 'x y'"]})");
    CHECK(changed("{}", {"SHELL [\"/bin/ash\",\"-ec\"]", "CMD x"}) ==
          R"({"Shell":["/bin/ash","-ec"],"Cmd":["/bin/ash","-ec","x"]})");
    CHECK(changed("{}", {"CMD [not json"}) == R"({"Cmd":["/bin/sh","-c","[not json"]})");
    CHECK(changed(R"({"Cmd":["old"]})", {"ENTRYPOINT [\"e\"]"}) == R"({"Entrypoint":["e"]})");
    CHECK(changed("{}", {"CMD [\"c\"]", "ENTRYPOINT [\"e\"]"}) ==
          R"({"Cmd":["c"],"Entrypoint":["e"]})");
}

TEST_CASE("variables and labels take quotes, blanks, and what was set before") {
    CHECK(changed(R"({"Env":["PATH=/bin","B=1"]})", {"ENV PATH=$PATH:/x A=\"b c\" D=e\\ f"}) ==
          R"({"Env":["PATH=/bin:/x","B=1","A=b c","D=e f"]})");
    CHECK(changed("{}", {"ENV NAME all of it"}) == R"({"Env":["NAME=all of it"]})");
    CHECK(changed("{}", {"ENV A=1", "ENV B=${A}2 C=${X:-none} D=${A:+set} E='$A'"}) ==
          R"({"Env":["A=1","B=12","C=none","D=set","E=$A"]})");
    CHECK(changed("{}", {"LABEL a.b=c \"x y\"=z"}) == R"({"Labels":{"a.b":"c","x y":"z"}})");
}

TEST_CASE("ports, volumes, directory, user, signal, triggers and health") {
    CHECK(changed("{}", {"EXPOSE 80 53/udp 7000-7001"}) ==
          R"({"ExposedPorts":{"80/tcp":{},"53/udp":{},"7000/tcp":{},"7001/tcp":{}}})");
    CHECK(changed("{}", {"VOLUME /a /b"}) == R"({"Volumes":{"/a":{},"/b":{}}})");
    CHECK(changed("{}", {"VOLUME [\"/a b\"]"}) == R"({"Volumes":{"/a b":{}}})");
    CHECK(changed(R"({"WorkingDir":"/srv"})", {"WORKDIR app/../www"}) ==
          R"({"WorkingDir":"/srv/www"})");
    CHECK(changed("{}", {"USER www", "STOPSIGNAL SIGQUIT", "ONBUILD RUN x"}) ==
          R"({"User":"www","StopSignal":"SIGQUIT","OnBuild":["RUN x"]})");
    CHECK(
        changed("{}", {"HEALTHCHECK --interval=2s --retries=3 CMD curl -f x"}) ==
        R"({"Healthcheck":{"Interval":2000000000,"Retries":3,"Test":["CMD-SHELL","curl -f x"]}})");
    CHECK(changed("{}", {"HEALTHCHECK --start-period=9s --start-interval=1s CMD x"}) ==
          R"({"Healthcheck":{"StartPeriod":9000000000,"StartInterval":1000000000,)"
          R"("Test":["CMD-SHELL","x"]}})");
    CHECK(changed("{}", {"HEALTHCHECK NONE"}) == R"({"Healthcheck":{"Test":["NONE"]}})");
}

TEST_CASE("what is no such instruction, or is malformed, is refused") {
    for (const char* change :
         {"RUN x", "", "FROM y", "ENV", "ENV x", "EXPOSE 0", "EXPOSE 70000", "EXPOSE x",
          "HEALTHCHECK x", "HEALTHCHECK --retries=x CMD y", "USER ${x", "SHELL x", "ENV a=b c"}) {
        INFO(change);
        CHECK_THROWS_AS(changed("{}", {change}), base::UsageError);
    }
    CHECK_THROWS_WITH(changed("{}", {"RUN x"}), Catch::Contains("is not a valid change command"));
}
