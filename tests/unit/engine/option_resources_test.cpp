#include "engine/flags/option_resources.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

namespace sandbox::engine {
namespace {

using base::UsageError;

ResourceWish parse(const std::function<void(RunRequest&)>& fill) {
    RunRequest request;
    fill(request);
    return parse_resources(request);
}

}  // namespace

TEST_CASE("without a flag there is no limit, and inspect shows zeros") {
    const ResourceWish wish = parse([](RunRequest&) {});
    CHECK(wish.limits.empty());
    CHECK(wish.document.find("Memory")->try_i64() == 0);
    CHECK(wish.document.find("NanoCpus")->try_i64() == 0);
    CHECK_FALSE(wish.oom_score_adj);
}

TEST_CASE("memory is a size, and swap is docker's sum of both") {
    const auto swap = [](const char* memory, std::optional<std::string> total) {
        return parse([&](RunRequest& r) {
                   r.memory = memory;
                   r.memory_swap = std::move(total);
               })
            .limits.swap_bytes;
    };
    CHECK(parse([](RunRequest& r) { r.memory = "64m"; }).limits.memory_bytes == 64u << 20);
    CHECK(swap("64m", std::nullopt) == 64u << 20);
    CHECK(swap("64m", "64m") == 0);
    CHECK(swap("64m", "96m") == 32u << 20);
    CHECK_FALSE(swap("64m", "-1"));
    CHECK_THROWS_AS(swap("64m", "32m"), UsageError);
    CHECK_THROWS_AS(parse([](RunRequest& r) { r.memory_swap = "64m"; }), UsageError);
}

TEST_CASE("what is no size is refused") {
    for (const char* text : {"-1", "1e99", "10ZB", "", "nan", "12q", "6291455"}) {
        INFO(text);
        CHECK_THROWS_AS(parse([&](RunRequest& r) { r.memory = text; }), UsageError);
    }
    CHECK(parse([](RunRequest& r) { r.memory = "0"; }).limits.empty());
}

TEST_CASE("processors are a fraction of each period") {
    const ResourceWish wish = parse([](RunRequest& r) { r.cpus = "1.5"; });
    CHECK(wish.limits.cpu_quota_us == 150'000);
    CHECK(wish.limits.cpu_period_us == 100'000);
    CHECK(wish.document.find("NanoCpus")->try_i64() == 1'500'000'000);
    for (const char* text : {"nan", "inf", "-1", "1e3", "0.001", "", "2x", "9000", "0x1"}) {
        INFO(text);
        CHECK_THROWS_AS(parse([&](RunRequest& r) { r.cpus = text; }), UsageError);
    }
    CHECK(parse([](RunRequest& r) { r.cpus = "0"; }).limits.empty());
    CHECK_THROWS_AS(parse([](RunRequest& r) { r.cpus = "1", r.cpu_quota = "5000"; }), UsageError);
}

TEST_CASE("shares keep their ends on the kernel's scale") {
    const auto weight = [](const char* shares) {
        return parse([&](RunRequest& r) { r.cpu_shares = shares; }).limits.cpu_weight;
    };
    CHECK(weight("2") == 1);
    CHECK(weight("1024") == 39);
    CHECK(weight("262144") == 10'000);
    CHECK_FALSE(weight("0"));
    CHECK_THROWS_AS(weight("1"), UsageError);
    CHECK(parse([](RunRequest& r) { r.blkio_weight = "500"; }).limits.io_weight == 4950);
}

TEST_CASE("a list of processors is numbers and ranges") {
    CHECK(try_parse_cpu_list("0-2,5") == std::vector<int>{0, 1, 2, 5});
    for (const char* text : {"", "a", "2-1", "1,", "-1", "1--2", "9999"}) {
        INFO(text);
        CHECK_FALSE(try_parse_cpu_list(text));
    }
}

TEST_CASE("the score of the out of memory killer has the kernel's bounds") {
    CHECK(parse([](RunRequest& r) { r.oom_score_adj = "-1000"; }).oom_score_adj == -1000);
    CHECK_THROWS_AS(parse([](RunRequest& r) { r.oom_score_adj = "1001"; }), UsageError);
}

}  // namespace sandbox::engine
