#include "sandbox/store/container_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "temp_store.hpp"

namespace {

using namespace sandbox;
using store::ContainerEntry;
using store::ContainerStore;
using store::OwnedContainer;

base::json::Value make_record(const std::string& image) {
    return base::json::Value(base::json::Object{{"image_id", base::json::Value(image)}});
}

}  // namespace

TEST_CASE("a container is found by name, id and prefix, and is live as long as it is owned") {
    const test::TempStore temp;
    const ContainerStore containers(temp.store());
    std::string id;
    {
        const OwnedContainer owned = containers.create("web", make_record("x"), false);
        id = owned.id;
        CHECK(id.size() == 64);
        for (const std::string& name : {std::string("web"), id, id.substr(0, 12)}) {
            const ContainerEntry entry = containers.find(name);
            CHECK(entry.id == id);
            CHECK(entry.name == "web");
            CHECK(entry.live);
            CHECK(entry.record.string_or("image_id") == "x");
        }
        CHECK_FALSE(containers.try_own(id));
    }
    CHECK_FALSE(containers.find("web").live);
    std::optional<OwnedContainer> owned = containers.try_own(id);
    REQUIRE(owned);
    containers.remove(std::move(*owned));
    CHECK_THROWS_AS(containers.find("web"), base::NotFoundError);
    CHECK_THROWS_AS(containers.try_own(id), base::NotFoundError);
    CHECK(containers.list().empty());
}

TEST_CASE("the upper directory of a container is 0755 under any umask") {
    const test::TempStore temp;
    const mode_t former = ::umask(0077);
    const OwnedContainer owned = ContainerStore(temp.store()).create("c", make_record("x"), false);
    ::umask(former);
    struct stat info {};
    REQUIRE(::fstatat(owned.dir.get(), "upper", &info, 0) == 0);
    CHECK((info.st_mode & 07777) == 0755);
    CHECK(base::exists_at(owned.dir.get(), "work"));
}

TEST_CASE("a taken name is refused with code 125 and nothing is left") {
    const test::TempStore temp;
    const ContainerStore containers(temp.store());
    const OwnedContainer owned = containers.create("db", make_record("x"), true);
    try {
        (void)containers.create("db", make_record("y"), false);
        FAIL("the name was given twice");
    } catch (const base::UsageError& error) {
        CHECK(error.code() == 125);
        CHECK_THAT(error.message(), Catch::Contains("already in use"));
    }
    CHECK(containers.list().size() == 1);
    CHECK(base::list_dir(temp.store().containers_fd()).size() == 2);  // and "names"
}

TEST_CASE("the name of a container that was removed halfway is free") {
    const test::TempStore temp;
    const ContainerStore containers(temp.store());
    std::string id;
    { id = containers.create("db", make_record("x"), false).id; }
    REQUIRE(base::remove_tree_at(temp.store().containers_fd(), id));
    CHECK_NOTHROW(containers.create("db", make_record("y"), false));
}

TEST_CASE("a directory without a record goes, with its name, once nobody holds its lock") {
    const test::TempStore temp;
    const ContainerStore containers(temp.store());
    const int containers_fd = temp.store().containers_fd();
    const std::string id = std::string(64, 'a');
    base::make_dir_at(containers_fd, id, 0700);
    base::make_dir_at(containers_fd, id + "/upper", 0755);
    base::make_dir_at(containers_fd, "names", 0700);
    REQUIRE(base::raw::symlinkat(id.c_str(), containers_fd, "names/db") == 0);
    CHECK(containers.list().empty());
    {
        const base::UniqueFd dir = base::open_at(containers_fd, id, O_RDONLY | O_DIRECTORY);
        const base::FileLock maker =
            base::FileLock::acquire(dir.get(), "lock", base::LockMode::exclusive);
        CHECK_FALSE(containers.remove_if_unfinished(id));
        containers.free_stale_names();
        CHECK(base::list_dir(containers_fd) == std::vector<std::string>{id, "names"});
        CHECK(base::list_dir(base::open_at(containers_fd, "names", O_RDONLY | O_DIRECTORY).get())
                  .size() == 1);
    }
    CHECK(containers.remove_if_unfinished(id));
    containers.free_stale_names();
    CHECK_FALSE(base::exists_at(containers_fd, id));
    CHECK(base::list_dir(base::open_at(containers_fd, "names", O_RDONLY | O_DIRECTORY).get())
              .empty());
}

TEST_CASE("a sweep takes nothing from those who make containers at that moment") {
    const test::TempStore temp;
    const ContainerStore containers(temp.store());
    std::atomic<bool> over = false;
    const auto sweep = [&] {
        const store::Store own = store::Store::open_at(temp.root());  // as another process has
        while (!over) {
            for (const std::string& id : base::list_dir(own.containers_fd())) {
                try {
                    (void)ContainerStore(own).remove_if_unfinished(id);
                } catch (const base::Error&) {  // its maker has removed it meanwhile
                }
            }
        }
    };
    std::vector<std::thread> sweepers;
    for (int i = 0; i < 4; ++i) sweepers.emplace_back(sweep);
    std::string failure;
    for (int i = 0; i < 300 && failure.empty(); ++i) {
        try {
            OwnedContainer owned = containers.create("c", make_record("x"), false);
            if (!base::exists_at(owned.dir.get(), "upper") ||
                !base::exists_at(owned.dir.get(), "record.json")) {
                failure = "swept";
            }
            containers.remove(std::move(owned));
        } catch (const base::Error& error) {
            failure = error.message();
        }
    }
    over = true;
    for (std::thread& sweeper : sweepers) sweeper.join();
    CHECK(failure == "");
}

TEST_CASE("a container is no leftover") {
    const test::TempStore temp;
    const ContainerStore containers(temp.store());
    const std::string id = containers.create("db", make_record("x"), true).id;
    CHECK_FALSE(containers.remove_if_unfinished(id));
    CHECK(containers.find("db").id == id);
}

TEST_CASE("a container with a damaged record can still be removed") {
    const test::TempStore temp;
    const ContainerStore containers(temp.store());
    std::string id;
    {
        const OwnedContainer owned = containers.create("db", make_record("x"), true);
        id = owned.id;
        base::write_file_atomic(owned.dir.get(), "record.json", "{\"id\":", 0600,
                                base::Durability::volatile_data);
    }
    const ContainerEntry entry = containers.find(id.substr(0, 12));
    CHECK(entry.record.is_null());
    std::optional<OwnedContainer> owned = containers.try_own(id);
    REQUIRE(owned);
    containers.remove(std::move(*owned));
    CHECK(containers.list().empty());
}

TEST_CASE("names that are made are free and readable") {
    const test::TempStore temp;
    const ContainerStore containers(temp.store());
    std::vector<OwnedContainer> owned;
    std::set<std::string> names;
    for (int i = 0; i < 50; ++i) {
        const std::string name = containers.make_name();
        CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos);
        CHECK(names.insert(name).second);
        owned.push_back(containers.create(name, make_record("x"), false));
    }
}
