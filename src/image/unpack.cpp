#include "sandbox/image/unpack.hpp"

#include <linux/sched.h>
#include <poll.h>
#include <sys/stat.h>

#include <array>

#include "image/report_wire.hpp"
#include "image/unpack_child.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;
using base::Error;
using base::SysError;
using base::UniqueFd;

// The child's mount namespace is a copy, and only the current directory is carried over into it: a
// plain descriptor would still point into ours, where the child may not mount (open_tree(2)).
class CurrentDirectory {
  public:
    explicit CurrentDirectory(int dir_fd) {
        const int rc = raw::openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (rc >= 0) saved_.reset(rc);
        const int entered = raw::fchdir(dir_fd);
        if (entered < 0 && entered != -EACCES)
            throw SysError(-entered, "enter the layer's directory");
        entered_ = entered == 0;
    }
    // False: its mode (a layer may say 0000 of its root) does not even let its owner in.
    [[nodiscard]] bool entered() const noexcept { return entered_; }
    CurrentDirectory(const CurrentDirectory&) = delete;
    CurrentDirectory& operator=(const CurrentDirectory&) = delete;
    // A current directory that could not be opened is gone or closed to us: "/" is as good.
    ~CurrentDirectory() {
        if (!saved_.valid() || raw::fchdir(saved_.get()) < 0) (void)raw::chdir("/");
    }

  private:
    UniqueFd saved_;
    bool entered_ = false;
};

// The child must not be able to write to the blob, so it gets a description of its own.
UniqueFd reopen_read_only(int fd) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    return base::open_at(AT_FDCWD, path, O_RDONLY);
}

// Run by root, the map's 0 is another id: the empty directory must belong to it.
void give_root_directory(int target_fd, const kernel::IdMap& ids) {
    struct stat status {};
    if (::fstat(target_fd, &status) != 0) throw SysError(errno, "stat the layer's directory");
    const auto outside = [](const std::vector<kernel::IdRange>& ranges, std::uint32_t fallback) {
        for (const kernel::IdRange& range : ranges)
            if (range.inside.value == 0) return range.outside.value;
        return fallback;
    };
    const std::uint32_t uid = outside(ids.uids, status.st_uid);
    const std::uint32_t gid = outside(ids.gids, status.st_gid);
    if (::geteuid() != 0 || (status.st_uid == uid && status.st_gid == gid)) return;
    if (const int rc = raw::fchown(target_fd, uid, gid); rc < 0)
        throw SysError(-rc, "give the layer's directory to its owner");
}

// The child and what connects us with it.
struct UnpackProcess {
    SharedFeed feed;
    UniqueFd report_fd;
    kernel::ChildProcess child;

    void start(const UnpackPlan& plan, ChildJob::Kind kind) {
        base::Pipe pipe = base::make_pipe();
        report_fd = std::move(pipe.read_end);
        const UniqueFd child_end = std::move(pipe.write_end);
        const UniqueFd blob = reopen_read_only(plan.blob_fd);
        if (kind == ChildJob::Kind::unpack) give_root_directory(plan.target_fd, plan.ids);

        ChildJob job;
        job.kind = kind;
        job.parent = raw::getpid();
        job.blob_fd = blob.get();
        job.report_fd = child_end.get();
        job.owners_fd = plan.owners_fd;
        job.ids = &plan.ids;
        job.limits = plan.limits;
        job.hash_blob = plan.hash_blob;
        job.feed = &feed;
        {
            const CurrentDirectory there(plan.target_fd);
            if (!there.entered()) job.closed_target_fd = plan.target_fd;
            child = kernel::ChildProcess::clone(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET |
                                                CLONE_NEWIPC);
            if (child.is_child()) run_unpack_child(job);
        }
        kernel::write_maps(child.pid(), plan.ids);
        feed.maps_written();
    }

    ChildReport finish() {
        const std::string message = base::read_fd(report_fd.get(), kMaxReportBytes);
        const kernel::ExitStatus status = child.wait();
        if (message.empty() && status.signal != 0)
            throw Error("the unpacking child was killed by signal " +
                        std::to_string(status.signal));
        return decode_report(message);
    }
};

}  // namespace

struct LayerUnpack::Impl : UnpackProcess {};

LayerUnpack::LayerUnpack(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
LayerUnpack::LayerUnpack(LayerUnpack&&) noexcept = default;
LayerUnpack::~LayerUnpack() = default;

LayerUnpack LayerUnpack::start(const UnpackPlan& plan) {
    if (plan.media_type == oci::MediaType::layer_foreign)
        throw base::IntegrityError("foreign layers are not supported");
    auto impl = std::make_unique<Impl>();
    impl->start(plan, ChildJob::Kind::unpack);
    return LayerUnpack(std::move(impl));
}

void LayerUnpack::announce(std::uint64_t available_bytes) {
    impl_->feed.announce(available_bytes);
}

void LayerUnpack::end_of_blob(std::uint64_t size_bytes) {
    impl_->feed.end(size_bytes);
}

int LayerUnpack::result_fd() const noexcept {
    return impl_->report_fd.get();
}

UnpackReport LayerUnpack::finish() {
    ChildReport child = impl_->finish();
    return {child.blob_hex.empty() ? std::nullopt
                                   : std::optional(oci::Digest::from_hex(child.blob_hex)),
            {oci::Digest::from_hex(child.diff_hex)},
            child.blob_bytes,
            child.unpacked_bytes,
            child.entries,
            std::move(child.implied_dirs),
            std::move(child.notices)};
}

std::vector<std::string> compare_with_blob(int layer_fs_fd, int blob_fd, const kernel::IdMap& ids) {
    struct stat status {};
    if (::fstat(blob_fd, &status) != 0) throw SysError(errno, "stat a blob");
    UnpackPlan plan;
    plan.blob_fd = blob_fd;
    plan.target_fd = layer_fs_fd;
    plan.ids = ids;
    UnpackProcess comparison;
    comparison.start(plan, ChildJob::Kind::compare);
    comparison.feed.end(static_cast<std::uint64_t>(status.st_size));
    return comparison.finish().differences;
}

}  // namespace sandbox::image
