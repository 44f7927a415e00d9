// The life of an unpack: a blob that grows, children that die, limits, and worlds with less in
// them.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstddef>
#include <thread>

#include "sandbox/base/raw.hpp"
#include "sandbox/base/sha256.hpp"
#include "tree_checks.hpp"
#include "unpack_place.hpp"

using namespace sandbox;
using test::Outcome;
using test::Place;

namespace {

// A tar of `count` files d/<n> of `size` bytes each, as bytes.
std::string make_tar(int count, size_t size) {
    std::string tar;
    for (int i = 0; i < count; ++i) {
        std::string block(512, '\0');
        const auto put = [&](size_t at, const std::string& text) {
            block.replace(at, text.size(), text);
        };
        std::array<char, 16> octal{};
        (void)std::snprintf(octal.data(), octal.size(), "%011zo", size);
        put(0, "d/" + std::to_string(i));
        put(100, "0000644");
        put(108, "0000000");
        put(116, "0000000");
        put(124, octal.data());
        put(136, "13727410000");
        put(148, "        ");
        block[156] = '0';
        put(257, std::string("ustar\0", 6) + "00");
        unsigned sum = 0;
        for (const char c : block) sum += static_cast<unsigned char>(c);
        (void)std::snprintf(octal.data(), octal.size(), "%06o", sum);
        put(148, octal.data());
        block[154] = '\0';
        std::string data(size, static_cast<char>('a' + i % 26));
        data.resize((size + 511) / 512 * 512, '\0');
        tar += block + data;
    }
    return tar + std::string(1024, '\0');
}

base::UniqueFd blob_of(const Place& place, const std::string& bytes) {
    base::UniqueFd fd =
        base::open_at(place.root_fd(), "owners.blob", O_RDWR | O_CREAT | O_TRUNC, 0600);
    base::write_all(fd.get(), bytes);
    base::unlink_at(place.root_fd(), "owners.blob");
    return fd;
}

image::UnpackPlan plan_for(const Place& place, int blob_fd, const kernel::IdMap& ids) {
    image::UnpackPlan plan;
    plan.blob_fd = blob_fd;
    plan.target_fd = place.fs_fd();
    plan.owners_fd = place.owners_fd();
    plan.ids = ids;
    return plan;
}

bool is_readable(int fd, int milliseconds) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, milliseconds) == 1;
}

// Runs `action` in a process where the kernel does not know the given system calls; answers its
// exit code.
int in_older_kernel(const std::vector<long>& missing, const std::function<int()>& action) {
    const pid_t pid = ::fork();
    if (pid != 0) {
        int status = 0;
        (void)::waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    }
    std::vector<sock_filter> filter{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const long call : missing) {
        filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
        filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
    }
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        ::_exit(254);
    int code = 253;
    try {
        code = action();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    ::_exit(code);
}

}  // namespace

TEST_CASE("a blob is unpacked while it grows") {
    const std::string tar = make_tar(300, 3000);
    const Place place;
    const base::UniqueFd blob = blob_of(place, "");
    image::LayerUnpack unpack =
        image::LayerUnpack::start(plan_for(place, blob.get(), test::single_map()));
    size_t written = 0;
    for (size_t piece = 1; written < tar.size(); piece = piece * 3 % 70001 + 1) {
        const size_t size = std::min(piece, tar.size() - written);
        base::write_all(blob.get(), std::string_view(tar).substr(written, size));
        written += size;
        unpack.announce(written);
    }
    CHECK_FALSE(is_readable(unpack.result_fd(), 50));
    unpack.end_of_blob(written);
    CHECK(is_readable(unpack.result_fd(), 10'000));
    const image::UnpackReport report = unpack.finish();
    CHECK(report.entries == 300);
    CHECK(report.blob_bytes == tar.size());
    CHECK(report.unpacked_bytes == tar.size());
    CHECK(report.blob->hex() == base::sha256_hex(tar));
    CHECK(report.diff.digest.hex() == base::sha256_hex(tar));
    CHECK(report.implied_dirs == std::vector<std::string>{"", "d"});
}

TEST_CASE("files appear before the blob is whole") {
    const std::string tar = make_tar(2000, 3000);
    const Place place;
    const base::UniqueFd blob = blob_of(place, tar);
    image::LayerUnpack unpack =
        image::LayerUnpack::start(plan_for(place, blob.get(), test::single_map()));
    unpack.announce(tar.size() - 2048);
    bool seen = false;
    for (int i = 0; i < 500 && !seen; ++i) {
        seen = base::exists_at(place.fs_fd(), "d/3");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK(seen);
    unpack.end_of_blob(tar.size());
    CHECK(unpack.finish().entries == 2000);
}

TEST_CASE("a bad entry is told before the blob has ended") {
    std::string tar = make_tar(3, 10);
    tar[512 * 2] = 'x';  // the second header, its checksum now wrong
    tar += std::string(2u << 20, 'q');
    const Place place;
    const base::UniqueFd blob = blob_of(place, tar);
    image::LayerUnpack unpack =
        image::LayerUnpack::start(plan_for(place, blob.get(), test::single_map()));
    unpack.announce(tar.size());
    CHECK(is_readable(unpack.result_fd(), 10'000));
    CHECK_THROWS_AS(unpack.finish(), base::IntegrityError);
}

TEST_CASE("a blob that is shorter than announced is refused") {
    const Place place;
    const std::string tar = make_tar(3, 10);
    const base::UniqueFd blob = blob_of(place, tar);
    image::LayerUnpack unpack =
        image::LayerUnpack::start(plan_for(place, blob.get(), test::single_map()));
    unpack.end_of_blob(tar.size() + 5000);
    CHECK_THROWS_AS(unpack.finish(), base::IntegrityError);
}

TEST_CASE("an unpack that is given up leaves no child") {
    const Place place;
    const base::UniqueFd blob = blob_of(place, make_tar(3, 10));
    {
        image::LayerUnpack unpack =
            image::LayerUnpack::start(plan_for(place, blob.get(), test::single_map()));
        unpack.announce(600);
    }
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
    CHECK(place.canary_untouched());
}

TEST_CASE("limits on entries and on the disk's free space are errors that say so") {
    const Place place;
    const base::UniqueFd blob = blob_of(place, make_tar(50, 10));
    image::UnpackLimits few;
    few.max_entries = 49;
    CHECK_THAT(test::unpack_blob(place, blob.get(), test::single_map(), few).error,
               Catch::Contains("more than 49 entries"));
    const Place other;
    image::UnpackLimits full;
    full.disk_reserve_bytes = 1ull << 60;
    const Outcome outcome = test::unpack_blob(other, blob.get(), test::single_map(), full);
    CHECK_THAT(outcome.error, Catch::Contains("no space left"));
    CHECK_FALSE(outcome.integrity);
}

TEST_CASE("several layers are unpacked at once") {
    const std::string tar = make_tar(500, 5000);
    const std::array<Place, 4> places;
    std::vector<base::UniqueFd> blobs;
    std::vector<image::LayerUnpack> unpacks;
    for (const Place& place : places) {
        blobs.push_back(blob_of(place, tar));
        unpacks.push_back(
            image::LayerUnpack::start(plan_for(place, blobs.back().get(), test::single_map())));
    }
    for (image::LayerUnpack& unpack : unpacks) unpack.end_of_blob(tar.size());
    for (image::LayerUnpack& unpack : unpacks) CHECK(unpack.finish().entries == 500);
}

TEST_CASE("unpacking works on kernels without openat2, clone3, open_tree and close_range") {
    namespace raw = base::raw;
    const int code = in_older_kernel(
        {raw::kSysOpenat2, raw::kSysClone3, raw::kSysOpenTree, raw::kSysCloseRange}, [] {
            const Place place;
            const base::UniqueFd blob = blob_of(place, make_tar(20, 10));
            const Outcome outcome = test::unpack_blob(place, blob.get(), test::single_map());
            if (!outcome.report) throw base::Error(outcome.error);
            return base::exists_at(place.fs_fd(), "d/19") && place.canary_untouched() ? 0 : 1;
        });
    CHECK(code == 0);
}

TEST_CASE("a directory without an entry takes what the layer below says of it") {
    const kernel::IdMap ids = test::single_map();
    const Place upper;
    const Place lower;
    const base::UniqueFd blob = blob_of(upper, make_tar(1, 10));
    const Outcome outcome = test::unpack_blob(upper, blob.get(), ids);
    REQUIRE(outcome.report);
    base::make_dir_at(lower.fs_fd(), "d", 0700);
    REQUIRE(::fchmodat(lower.fs_fd(), "d", 01775, 0) == 0);
    const timespec times[2] = {{1000, 5}, {1000, 5}};
    REQUIRE(::utimensat(lower.fs_fd(), "d", times, 0) == 0);
    image::adopt_implied_dirs(upper.fs_fd(), outcome.report->implied_dirs, {lower.fs_fd()}, ids);
    struct stat status {};
    REQUIRE(::fstatat(upper.fs_fd(), "d", &status, 0) == 0);
    CHECK((status.st_mode & 07777) == 01775);
    CHECK(status.st_mtim.tv_sec == 1000);
}

TEST_CASE("compare finds a flipped bit, a missing file, another mode and what is too much") {
    const kernel::IdMap ids = test::single_map();
    const Place place;
    const base::UniqueFd blob = blob_of(place, make_tar(5, 3000));
    REQUIRE(test::unpack_blob(place, blob.get(), ids).report);
    CHECK(image::compare_with_blob(place.fs_fd(), blob.get(), ids).empty());
    {
        const base::UniqueFd file = base::open_at(place.fs_fd(), "d/1", O_WRONLY);
        const struct stat before = [&] {
            struct stat status {};
            (void)::fstat(file.get(), &status);
            return status;
        }();
        REQUIRE(::pwrite(file.get(), "X", 1, 2000) == 1);
        const timespec times[2] = {before.st_mtim, before.st_mtim};
        REQUIRE(::futimens(file.get(), times) == 0);
    }
    base::unlink_at(place.fs_fd(), "d/2");
    REQUIRE(::fchmodat(place.fs_fd(), "d/3", 0600, 0) == 0);
    base::write_file_atomic(place.fs_fd(), "extra", "", 0600, base::Durability::volatile_data);
    base::make_dir_at(place.fs_fd(), "extra.d", 0755);
    CHECK(image::compare_with_blob(place.fs_fd(), blob.get(), ids) ==
          std::vector<std::string>{"\"d/1\": has other content", "\"d/2\": missing",
                                   "\"d/3\": has another mode", "\"extra\": is not in the layer",
                                   "\"extra.d\": is not in the layer"});
}
