// Unpacks layer blobs through LayerUnpack, all at once, as pull does:
//   bench_unpack_layers single|range|identity TARGET BLOB...
// makes TARGET/0, TARGET/1, …; prints one line a layer.
#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/image/unpack.hpp"

using namespace sandbox;

namespace {

kernel::IdMap id_map(const std::string& mode) {
    if (mode == "range") return kernel::host_id_map();
    if (mode == "single") return kernel::single_id_map({0}, {0});
    // identity: run by root, so that owners can be compared with what other tools make.
    const kernel::IdRange same{{0}, {0}, 65536};
    return {kernel::IdMode::range, {same}, {same}};
}

int run(const std::vector<std::string>& arguments) {
    const kernel::IdMap ids = id_map(arguments[0]);
    std::vector<base::UniqueFd> fds;
    std::vector<image::LayerUnpack> unpacks;
    for (size_t i = 2; i < arguments.size(); ++i) {
        const std::string target = arguments[1] + "/" + std::to_string(i - 2);
        base::make_dirs(target, 0755);
        fds.push_back(base::open_at(AT_FDCWD, arguments[i], O_RDONLY));
        fds.push_back(base::open_dir(target));
        fds.push_back(base::open_at(AT_FDCWD, target + ".owners", O_WRONLY | O_CREAT, 0600));
        struct stat status {};
        ::fstat(fds[fds.size() - 3].get(), &status);
        image::UnpackPlan plan;
        plan.blob_fd = fds[fds.size() - 3].get();
        plan.target_fd = fds[fds.size() - 2].get();
        plan.owners_fd = fds.back().get();
        plan.ids = ids;
        unpacks.push_back(image::LayerUnpack::start(plan));
        unpacks.back().end_of_blob(static_cast<std::uint64_t>(status.st_size));
    }
    std::vector<int> lowers;
    for (size_t i = 0; i < unpacks.size(); ++i) {
        const image::UnpackReport report = unpacks[i].finish();
        const int layer_fd = fds[3 * i + 1].get();
        image::adopt_implied_dirs(layer_fd, report.implied_dirs, lowers, ids);
        lowers.insert(lowers.begin(), layer_fd);
        std::printf("%s %s %llu bytes, %llu entries, %zu implied\n", report.blob->str().c_str(),
                    report.diff.digest.str().c_str(),
                    static_cast<unsigned long long>(report.unpacked_bytes),
                    static_cast<unsigned long long>(report.entries), report.implied_dirs.size());
        for (const std::string& notice : report.notices) std::printf("  %s\n", notice.c_str());
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    try {
        return run({argv + 1, argv + argc});
    } catch (const base::Error& error) {
        std::fprintf(stderr, "%s (%s)\n", error.what(), error.hint().c_str());
        return 1;
    }
}
