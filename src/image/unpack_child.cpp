#include "image/unpack_child.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <thread>

#include "image/confine.hpp"
#include "image/layer_stream.hpp"
#include "image/tree_compare.hpp"
#include "image/tree_writer.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;

constexpr size_t kRingBlocks = 4;
constexpr size_t kRingBlockBytes = 512u << 10;

void die_with_parent(pid_t parent) noexcept {
    (void)raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (raw::getppid() != parent) raw::exit_group(1);
}

ConfinedFds confine(const ChildJob& job) {
    if (job.closed_target_fd >= 0) enter_by_name(job.closed_target_fd);
    pivot_into_current_directory();
    become_mapped_root(*job.ids);
    die_with_parent(job.parent);  // a change of the user clears it (prctl(2))
    const ConfinedFds fds = keep_only({job.blob_fd, job.report_fd, job.owners_fd});
    ::umask(0);  // before the filter, which does not know it
    drop_privileges();
    return fds;
}

// The consumer of the ring, thread B: all of the tar passes by, whatever happens to its entries.
void write_tree(TarReader& reader, TreeWriter& writer) {
    TarEntry entry;
    while (reader.next(entry))
        base::with_context("layer entry " + std::to_string(writer.entries() + 1),
                           [&] { writer.apply(entry, reader); });
    reader.drain();
    writer.finish();
}

[[noreturn]] void finish(int report_fd, const std::string& message) noexcept {
    size_t sent = 0;
    while (sent < message.size()) {
        const long rc = raw::write(report_fd, message.data() + sent, message.size() - sent);
        if (rc == -EINTR) continue;
        if (rc < 0) break;
        sent += static_cast<size_t>(rc);
    }
    raw::exit_group(sent == message.size() ? 0 : 1);
}

using Consumer = std::function<void(TarReader&, ChildReport&)>;

// Runs both threads. A failure of the stream explains what the tar reader then could not read, so
// it is told first.
ChildReport run_threads(const ChildJob& job, const ConfinedFds& fds, const Consumer& consumer) {
    Ring ring(kRingBlocks, kRingBlockBytes);
    LayerStream stream({fds.blob, job.hash_blob}, *job.feed, ring, job.limits.max_unpacked_bytes);
    ChildReport report;
    bool failed = false;
    std::thread producer([&] { stream.run(); });
    try {
        TarReader reader([&] {
            const std::span<const std::byte> block = ring.next();
            if (block.empty() && ring.failed()) throw base::IntegrityError("unreadable blob");
            return block;
        });
        consumer(reader, report);
    } catch (const std::exception& failure) {
        // An entry was refused: whatever more of the blob may come is of no interest. The producer
        // still runs, so nothing of this may be unwound: say it and end.
        if (!ring.failed()) finish(fds.report, encode_failure(failure));
        failed = true;
    }
    producer.join();
    const StreamResult& result = stream.result();
    if (failed) throw base::Error("the layer's stream ended without a reason");
    report.blob_hex = result.blob_hex;
    report.diff_hex = result.diff_hex;
    report.blob_bytes = result.blob_bytes;
    report.unpacked_bytes = result.plain_bytes;
    return report;
}

ChildReport unpack(const ChildJob& job, const ConfinedFds& fds, int root_fd) {
    return run_threads(job, fds, [&](TarReader& reader, ChildReport& report) {
        TreeWriter writer(root_fd, fds.owners, *job.ids, job.limits);
        write_tree(reader, writer);
        report.entries = writer.entries();
        report.implied_dirs = writer.implied_dirs();
        report.notices = writer.notices().lines();
    });
}

ChildReport compare(const ChildJob& job, const ConfinedFds& fds, int root_fd) {
    TreeCompare comparison(root_fd, *job.ids);
    ChildReport report;
    for (const auto pass : {TreeCompare::Pass::survey, TreeCompare::Pass::compare})
        report = run_threads(job, fds, [&](TarReader& reader, ChildReport& filled) {
            comparison.run(pass, reader);
            filled.differences = comparison.differences();
        });
    return report;
}

}  // namespace

void run_unpack_child(const ChildJob& job) noexcept {
    int report_fd = job.report_fd;
    try {
        die_with_parent(job.parent);
        // A handler or mask of the parent's has no business here.
        (void)::signal(SIGINT, SIG_IGN);
        (void)::signal(SIGPIPE, SIG_IGN);
        job.feed->wait_for_maps();
        const ConfinedFds fds = confine(job);
        report_fd = fds.report;
        const base::UniqueFd root = base::open_dir("/");
        const ChildReport report = job.kind == ChildJob::Kind::unpack
                                       ? unpack(job, fds, root.get())
                                       : compare(job, fds, root.get());
        finish(report_fd, encode_report(report));
    } catch (const std::bad_alloc&) {
        finish(report_fd, encode_failure(base::Error("not enough memory to unpack the layer")));
    } catch (const std::exception& failure) {
        finish(report_fd, encode_failure(failure));
    }
}

}  // namespace sandbox::image
