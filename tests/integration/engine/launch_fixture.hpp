// A store with one image that holds a static busybox and nothing else, and a launch in it.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "launch.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/store/layout.hpp"
#include "support/skip.hpp"

namespace sandbox::test {

inline bool has_busybox() {
    return ::access("/bin/busybox", X_OK) == 0;
}

// What the container wrote, and how it ended.
struct Result {
    std::string out;
    std::string err;
    kernel::ExitStatus status;
};

class LaunchFixture {
  public:
    LaunchFixture() {
        const char* temp = std::getenv("TMPDIR");
        std::string pattern = std::string(temp != nullptr ? temp : "/tmp") + "/launch-test.XXXXXX";
        root_ = ::mkdtemp(pattern.data());
        store_.emplace(store::Store::open_at(root_ + "/store"));
        (void)store_->layers_fd();
        (void)store_->containers_fd();
        make_layer();
        spec.id = std::string(63, 'a') + "b";
        spec.name = "test";
        spec.hostname = "inside";
        spec.rootfs.lower_dirs = {"test-layer/fs"};
        spec.ids = kernel::host_id_map();
        spec.user.groups = {kernel::ContainerId{0}};
        spec.capabilities = kernel::default_capabilities();
        spec.env = {"PATH=/bin", "HOME=/"};
        spec.working_dir = "/";
        spec.hosts = {{"localhost", "127.0.0.1"}};
        std::filesystem::create_directories(container_path() + "/upper");
        std::filesystem::create_directories(container_path() + "/work");
        ::chmod(container_path().c_str(), 0700);
        container_dir_ = base::open_dir(container_path());
    }
    LaunchFixture(const LaunchFixture&) = delete;
    LaunchFixture& operator=(const LaunchFixture&) = delete;
    ~LaunchFixture() {
        const base::UniqueFd parent = base::open_dir(root_ + "/..");
        kernel::remove_tree(parent.get(), root_.substr(root_.rfind('/') + 1));
    }

    [[nodiscard]] std::string container_path() const {
        return root_ + "/store/containers/" + spec.id;
    }
    [[nodiscard]] std::string layer_path() const { return root_ + "/store/layers/test-layer/fs"; }
    [[nodiscard]] const std::string& root() const { return root_; }

    [[nodiscard]] engine::LaunchContext context() const {
        engine::LaunchContext result{*store_, -1, {0, 1, 2}, std::nullopt};
        result.container_dir_fd = container_dir_.get();
        return result;
    }

    // Runs `script` with the container's /bin/sh.
    Result run(const std::string& script) {
        spec.argv = {"sh", "-c", script};
        return run_argv();
    }
    Result run_argv() {
        base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        int out[2];
        int err[2];
        (void)!::pipe2(out, O_CLOEXEC);
        (void)!::pipe2(err, O_CLOEXEC);
        base::UniqueFd out_read(out[0]), out_write(out[1]), err_read(err[0]), err_write(err[1]);
        engine::LaunchContext where = context();
        where.stdio_fds = {null.get(), out_write.get(), err_write.get()};
        engine::LaunchedContainer container = engine::launch(spec, where);
        out_write.reset();
        err_write.reset();
        Result result;
        result.out = base::read_fd(out_read.get(), 1u << 20);
        result.err = base::read_fd(err_read.get(), 1u << 20);
        result.status = engine::collect_exit(container);
        return result;
    }

    engine::ContainerSpec spec;

  private:
    void make_layer() {
        namespace fs = std::filesystem;
        fs::create_directories(layer_path() + "/bin");
        fs::copy_file("/bin/busybox", layer_path() + "/bin/busybox");
        for (const char* name :
             {"sh",   "cat",  "echo",     "ls",    "id",     "true",     "false", "sleep",
              "kill", "grep", "stat",     "mount", "umount", "hostname", "touch", "mkdir",
              "rm",   "env",  "readlink", "ps",    "wc",     "head",     "ln",    "pwd",
              "tty",  "stty", "chmod",    "chown", "dd",     "mknod",    "test",  "sort"}) {
            fs::create_symlink("busybox", layer_path() + "/bin/" + name);
        }
        fs::create_directories(layer_path() + "/tmp");
        fs::permissions(layer_path() + "/tmp", fs::perms(01777));
        // The store is 0700, so that any owner will do; the container's root is who must have them.
        if (::geteuid() == 0) {
            const kernel::IdMap map = kernel::host_id_map();
            for (const auto& entry : fs::recursive_directory_iterator(root_ + "/store/layers")) {
                (void)!::lchown(entry.path().c_str(), map.uids.front().outside.value,
                                map.gids.front().outside.value);
            }
        }
    }

    std::string root_;
    std::optional<store::Store> store_;
    base::UniqueFd container_dir_;
};

}  // namespace sandbox::test
