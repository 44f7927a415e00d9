#include <sys/wait.h>

#include <catch2/catch.hpp>

#include "sandbox/base/json.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/subprocess.hpp"
#include "tree_checks.hpp"
#include "unpack_place.hpp"

using namespace sandbox;
using test::Outcome;
using test::Place;

namespace {

// The generated cases, once per run of the tests.
class Cases {
  public:
    Cases() {
        std::string pattern = "/tmp/sbx-layers-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr) throw base::SysError(errno, "make a directory");
        path_ = pattern;
        const std::string command =
            "python3 " SANDBOX_SOURCE_DIR "/tests/support/hostile_layers.py " + path_;
        if (::system(command.c_str()) != 0) throw base::Error("no layers could be made");
        value_ = base::json::parse(base::read_file(path_ + "/cases.json", 64u << 20),
                                   {.max_bytes = 64u << 20});
    }
    ~Cases() {
        const base::UniqueFd tmp = base::open_dir("/tmp");
        (void)base::remove_tree_at(tmp.get(), path_.substr(5));
    }
    const base::json::Array& list() const { return *value_.as_array(); }
    base::UniqueFd open(const base::json::Value& one) const {
        return base::open_at(AT_FDCWD, path_ + "/" + one.string_or("file"), O_RDONLY);
    }

  private:
    std::string path_;
    base::json::Value value_;
};

bool lists(const base::json::Value& array, const std::string& wanted) {
    for (const base::json::Value& each : *array.as_array())
        if (*each.as_string() == wanted) return true;
    return false;
}

void require_success(const base::json::Value& one, const Place& place, const Outcome& outcome,
                     int blob_fd, const kernel::IdMap& ids) {
    INFO(outcome.error);
    REQUIRE(outcome.report);
    CHECK(outcome.report->blob->hex() == base::sha256_hex_of_fd(blob_fd));
    if (!one.string_or("diff").empty())
        CHECK(outcome.report->diff.digest.hex() == one.string_or("diff"));
    const std::string owners = place.owners();
    for (const base::json::Value& check : *one["checks"].as_array())
        CHECK_NOTHROW(kernel::run_as_owner(ids, [&] {
            test::TreeCheck(place.fs_fd(), *check.as_array(), owners).run();
            return 0;
        }));
    const std::string notices = base::join(outcome.report->notices, "\n");
    for (const base::json::Value& notice : *one["notices"].as_array())
        CHECK_THAT(notices, Catch::Contains(*notice.as_string()));
    CHECK(image::compare_with_blob(place.fs_fd(), blob_fd, ids) == std::vector<std::string>{});
}

void run_case(const Cases& cases, const base::json::Value& one, const kernel::IdMap& ids) {
    const Place place;
    const base::UniqueFd blob = cases.open(one);
    image::UnpackLimits limits;
    if (const auto limit = one["limit"].try_u64(); limit && *limit != 0)
        limits.max_unpacked_bytes = *limit;
    const Outcome outcome = test::unpack_blob(place, blob.get(), ids, limits);
    CHECK(place.canary_untouched());
    CHECK(outcome.took < std::chrono::seconds(30));
    if (const std::string* error = one["error"].as_string()) {
        CHECK_FALSE(outcome.report);
        CHECK_THAT(outcome.error, Catch::Contains(*error));
        CHECK(outcome.error.find('\n') == std::string::npos);
        return;
    }
    require_success(one, place, outcome, blob.get(), ids);
}

void run_all(const char* mode, const kernel::IdMap& ids) {
    static const Cases cases;
    for (const base::json::Value& one : cases.list()) {
        if (!lists(one["modes"], mode)) continue;
        DYNAMIC_SECTION(mode << " " << one.string_or("name")) {
            run_case(cases, one, ids);
        }
    }
}

}  // namespace

TEST_CASE("a hostile layer ends as promised under a single id") {
    run_all("single", test::single_map());
}

TEST_CASE("a hostile layer ends as promised under a range of ids") {
    const kernel::IdMap ids = test::range_map();
    SANDBOX_SKIP_UNLESS(ids.mode == kernel::IdMode::range, "no subuid range");
    run_all("range", ids);
}

TEST_CASE("no unpacking child was ever large") {
#if !defined(__SANITIZE_ADDRESS__)
    CHECK(test::peak_children_kib() < 256 * 1024);
#endif
}
