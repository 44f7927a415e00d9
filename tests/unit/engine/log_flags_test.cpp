#include "engine/flags/log_flags.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

namespace {

using namespace sandbox;
using engine::LogWords;
using engine::parse_log_flags;

LogWords parse(const std::vector<std::string>& options,
               std::optional<std::string> driver = std::nullopt) {
    return parse_log_flags(driver, options, "/here");
}

}  // namespace

TEST_CASE("a log is bounded by default, and max-size alone bounds all of it") {
    const LogWords usual = parse({});
    CHECK(usual.driver == "local");
    CHECK(usual.log.form == sandbox::store::LogForm::chunks);
    CHECK(usual.log.max_size_bytes * usual.log.max_files == 100u << 20);
    CHECK(parse({"max-size=10k"}).log.max_size_bytes == 10240);
    CHECK(parse({"max-size=10k"}).log.max_files == 1);
    CHECK(parse({"max-size=10k", "max-file=3"}).log.max_files == 3);
    CHECK(parse({"max-file=3", "max-size=10k"}).log.max_files == 3);
    CHECK(parse({"path=x.log"}).log.path == "/here/x.log");
    CHECK(parse({"path=/x.log"}).log.path == "/x.log");
}

TEST_CASE("docker's names of log drivers are known, others are refused") {
    CHECK_FALSE(parse({}, "none").log.enabled);
    CHECK(parse({}, "json-file").driver == "json-file");
    CHECK(parse({}, "json-file").log.form == sandbox::store::LogForm::text);
    CHECK(parse({}, "k8s-file").log.form == sandbox::store::LogForm::text);
    CHECK(parse({}, "local").log.enabled);
    CHECK(parse({"path=/x.log"}).driver == "k8s-file");
    CHECK(parse({"path=/x.log"}).log.form == sandbox::store::LogForm::text);
    CHECK_THROWS_AS(parse({"path=/x.log"}, "local"), base::UsageError);
    CHECK_THROWS_AS(parse({}, "syslog"), base::UsageError);
    for (const char* bad : {"max-size", "max-size=1", "max-size=-1", "max-size=x", "max-file=0",
                            "max-file=x", "path=", "path=/x/", "color=red"}) {
        INFO(bad);
        CHECK_THROWS_AS(parse({bad}), base::UsageError);
    }
}

TEST_CASE("inspect shows the log as it was asked for") {
    base::json::Object record;
    engine::save_log_words(record, parse({"max-size=10k", "tag=t"}, "json-file"));
    const base::json::Value document =
        engine::log_config_document(base::json::Value(std::move(record)), "/c/1");
    CHECK(
        base::json::dump(document) ==
        R"({"Type":"json-file","Path":"/c/1/log/ctr.log","Config":{"max-size":"10k","tag":"t"}})");
    CHECK(engine::log_config_document({}, "/c/1").string_or("Type") == "local");
}
