#include "layer_batch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "disk_space.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/sha256.hpp"

namespace sandbox::image {
namespace {

using base::IntegrityError;

constexpr int kMaxTries = 2;       // of one blob, when its bytes turn out wrong
constexpr size_t kMaxStarted = 6;  // blobs that download or unpack at once
constexpr size_t kBufferBytes = 256u << 10;
constexpr std::chrono::milliseconds kWait{1000};

std::string layer_name(const oci::Digest& blob) {
    return "layer " + blob.str();
}

}  // namespace

bool LayerBatch::BlobJob::unpacked() const noexcept {
    return std::none_of(layers.begin(), layers.end(),
                        [](const LayerJob& layer) { return layer.unpack.has_value(); });
}

std::uint64_t LayerBatch::BlobJob::available_bytes() const noexcept {
    return partial ? partial->size_bytes() : blob.size_bytes;
}

LayerBatch::LayerBatch(const InstallContext& context, const std::vector<LayerWish>& layers,
                       size_t first)
    : context_(context),
      layers_(layers),
      blobs_(context.store),
      layer_store_(context.store),
      end_(first) {
    while (end_ < layers_.size() && end_ - first < kMaxLayers && take(end_)) ++end_;
    // The longest first: what runs together ends together.
    std::stable_sort(jobs_.begin(), jobs_.end(), [](const auto& a, const auto& b) {
        return a->blob.size_bytes > b->blob.size_bytes;
    });
}

LayerBatch::~LayerBatch() {
    if (context_.source != nullptr) context_.source->cancel_all();  // it calls back into jobs_
}

bool LayerBatch::take(size_t index) {
    const LayerWish& wish = layers_[index];
    const bool need_layer = !layer_store_.exists(wish.chain, context_.mode());
    const bool have_blob = blobs_.exists(wish.blob.digest);
    if (!need_layer && have_blob) {
        context_.progress.layer_exists(wish.blob.digest);
        return true;
    }
    if (!have_blob && context_.source == nullptr) {
        throw base::NotFoundError(layer_name(wish.blob.digest) + " is not in the store",
                                  "pull the image again");
    }
    BlobJob* job = find_job(wish.blob.digest);
    if (job == nullptr) {
        auto made = std::make_unique<BlobJob>(BlobJob{.blob = wish.blob});
        const store::PartialState state = blobs_.try_open_partial(wish.blob.digest, made->partial);
        if (state == store::PartialState::busy) return false;
        if (state == store::PartialState::whole) {
            std::optional<base::UniqueFd> fd = blobs_.try_open(wish.blob.digest);
            if (!fd) return take(index);  // removed this moment
            made->whole = std::move(*fd);
        }
        job = jobs_.emplace_back(std::move(made)).get();
    } else if (job->blob.size_bytes != wish.blob.size_bytes) {
        throw IntegrityError(layer_name(wish.blob.digest) + " is listed with two sizes");
    }
    if (need_layer) job->layers.push_back(LayerJob{.index = index});
    return true;
}

LayerBatch::BlobJob* LayerBatch::find_job(const oci::Digest& blob) noexcept {
    for (const auto& job : jobs_) {
        if (job->blob.digest == blob) return job.get();
    }
    return nullptr;
}

std::optional<base::FileLock> LayerBatch::run() {
    if (jobs_.empty()) return std::nullopt;
    try {
        check_disk_space();
        for (;;) {
            start_more();
            const bool all = std::all_of(jobs_.begin(), jobs_.end(),
                                         [](const auto& job) { return job->finished; });
            if (all) break;
            wait();
            for (const auto& job : jobs_) {
                if (job->started && !job->finished) advance(*job);
            }
        }
        adopt_dirs();
        context_.interrupt.check();
        return publish();
    } catch (const base::Error& error) {
        if (is_full_disk(error, context_.store.root_fd())) discard_partials();
        throw;
    }
}

void LayerBatch::check_disk_space() const {
    std::uint64_t needed = 0;
    for (const auto& job : jobs_) {
        if (job->partial) {
            needed +=
                job->blob.size_bytes - std::min(job->blob.size_bytes, job->partial->size_bytes());
        }
    }
    const DiskSpace space = disk_space(context_.store.root_fd());
    if (needed > space.available_bytes) {
        throw NoSpaceError("the image's layers need " + std::to_string(needed) + " bytes, " +
                           std::to_string(space.available_bytes) + " are free");
    }
}

void LayerBatch::start_more() {
    auto running =
        static_cast<size_t>(std::count_if(jobs_.begin(), jobs_.end(), [](const auto& job) {
            return job->started && !job->finished;
        }));
    for (const auto& job : jobs_) {
        if (running >= kMaxStarted) return;
        if (job->started) continue;
        start(*job);
        ++running;
    }
}

void LayerBatch::start(BlobJob& job) {
    job.started = true;
    job.ended = false;
    job.announced_bytes = 0;
    context_.progress.layer_found(job.blob.digest, job.blob.size_bytes);
    if (job.partial) {
        if (job.partial->size_bytes() > job.blob.size_bytes) job.partial->truncate(0);
        if (job.partial->size_bytes() > 0) {
            context_.progress.layer_resumed(job.blob.digest, job.partial->size_bytes());
        }
    }
    start_unpack(job);
    if (job.available_bytes() < job.blob.size_bytes) {
        start_transfer(job);
    } else if (job.partial) {
        context_.progress.layer_downloaded(job.blob.digest);
    }
    announce(job);
}

void LayerBatch::start_unpack(BlobJob& job) {
    job.unpack_error = nullptr;
    for (LayerJob& layer : job.layers) {
        layer.unpack.reset();  // before its directory
        layer.report.reset();
        layer.staged = std::make_unique<StagedLayer>(context_.store, context_.mode());
        UnpackPlan plan;
        plan.blob_fd = job.partial ? job.partial->fd() : job.whole.get();
        plan.target_fd = layer.staged->fs_fd();
        plan.owners_fd = layer.staged->owners_fd();
        plan.media_type = job.blob.media_type;
        plan.ids = context_.ids;
        plan.limits.disk_reserve_bytes = disk_space(context_.store.root_fd()).reserve_bytes;
        // A child that a hostile layer has taken over could tell any digest: of what we write
        // ourselves we know it. One that is in the store had its digest when it came there.
        plan.hash_blob = !job.partial;
        layer.unpack.emplace(LayerUnpack::start(plan));
    }
}

void LayerBatch::start_transfer(BlobJob& job) {
    job.transferring = true;
    BlobJob* const owner = &job;
    context_.source->start({.blob = job.blob,
                            .offset_bytes = job.partial->size_bytes(),
                            .on_data = [owner](std::string_view data) { receive(*owner, data); },
                            .on_restart =
                                [owner] {
                                    owner->buffer.clear();
                                    owner->partial->truncate(0);
                                    owner->restarted = true;
                                },
                            .on_done =
                                [owner](std::exception_ptr error) {
                                    owner->transferring = false;
                                    owner->transfer_error = std::move(error);
                                }});
}

// The transfer hands out 16 KiB at a time; a write of its own for each would cost as much as the
// copy, and the kernel keeps large writes in large pages.
void LayerBatch::receive(BlobJob& job, std::string_view data) {
    if (job.buffer.size() + data.size() > kBufferBytes) flush(job);
    if (data.size() >= kBufferBytes) {
        job.partial->append(data);
    } else {
        job.buffer += data;
    }
}

void LayerBatch::flush(BlobJob& job) {
    if (job.buffer.empty()) return;
    job.partial->append(job.buffer);
    job.buffer.clear();
}

void LayerBatch::wait() {
    std::vector<pollfd> fds{{context_.interrupt.fd(), POLLIN, 0}};
    bool transferring = false;
    bool ready = false;  // something can be advanced without waiting
    for (const auto& job : jobs_) {
        transferring = transferring || job->transferring;
        if (!job->started || job->finished) continue;
        ready = ready || (!job->transferring && job->unpacked());
        for (const LayerJob& layer : job->layers) {
            if (layer.unpack) fds.push_back({layer.unpack->result_fd(), POLLIN, 0});
        }
    }
    const std::chrono::milliseconds timeout = ready ? std::chrono::milliseconds{0} : kWait;
    if (transferring) {
        context_.source->step(timeout, fds);
    } else if (::poll(fds.data(), fds.size(), static_cast<int>(timeout.count())) < 0 &&
               errno != EINTR) {
        throw base::SysError(errno, "wait for layers");
    }
    context_.interrupt.check();
}

void LayerBatch::advance(BlobJob& job) {
    flush(job);
    if (job.transfer_error) std::rethrow_exception(job.transfer_error);
    if (std::exchange(job.restarted, false)) {
        job.announced_bytes = 0;
        job.ended = false;
        start_unpack(job);
    }
    announce(job);
    collect(job);
    if (!job.transferring && job.unpacked()) verify(job);
}

// The whole length is told once, when no more will come.
void LayerBatch::announce(BlobJob& job) {
    const std::uint64_t available = job.available_bytes();
    const bool ended = !job.transferring;
    if (available == job.announced_bytes && !ended) return;
    if (ended && job.ended) return;
    for (LayerJob& layer : job.layers) {
        if (!layer.unpack) continue;
        if (ended) {
            layer.unpack->end_of_blob(available);
        } else {
            layer.unpack->announce(available);
        }
    }
    job.announced_bytes = available;
    job.ended = ended;
    if (!job.partial) return;
    context_.progress.layer_bytes(job.blob.digest, available);
    if (ended) context_.progress.layer_downloaded(job.blob.digest);
}

void LayerBatch::collect(BlobJob& job) {
    for (LayerJob& layer : job.layers) {
        if (!layer.unpack) continue;
        pollfd result{layer.unpack->result_fd(), POLLIN, 0};
        if (::poll(&result, 1, 0) <= 0) continue;
        try {
            layer.report = layer.unpack->finish();
        } catch (const IntegrityError&) {
            job.unpack_error = std::current_exception();
        }
        layer.unpack.reset();
        layer.staged->close_owners();
    }
}

oci::Digest LayerBatch::content_digest(BlobJob& job) {
    if (job.partial) return job.partial->content_digest();
    for (const LayerJob& layer : job.layers) {
        if (layer.report && layer.report->blob) return *layer.report->blob;
    }
    return oci::Digest::from_hex(base::sha256_hex_of_fd(job.whole.get()));
}

// Where the unpacking failed, the digest decides whether the bytes or the layer are to blame.
void LayerBatch::verify(BlobJob& job) {
    const oci::Digest actual = content_digest(job);
    if (actual != job.blob.digest) {
        if (job.partial && ++job.tries < kMaxTries) {
            fetch_again(job);
            return;
        }
        discard_bad(job);
        throw IntegrityError(
            layer_name(job.blob.digest) + " has the digest " + actual.str(),
            job.partial ? "the registry, the network or the archive is at fault"
                        : "the store is damaged: `sandbox system check --repair`, then pull again");
    }
    try {
        check_reports(job);
    } catch (const IntegrityError&) {
        discard_bad(job);
        throw;
    }
    job.finished = true;
    context_.progress.layer_unpacked(job.blob.digest);
}

void LayerBatch::check_reports(const BlobJob& job) const {
    if (job.unpack_error) {
        base::with_context(layer_name(job.blob.digest),
                           [&] { std::rethrow_exception(job.unpack_error); });
    }
    for (const LayerJob& layer : job.layers) {
        const oci::DiffId& wanted = layers_[layer.index].diff;
        if (layer.report->diff != wanted) {
            throw IntegrityError(layer_name(job.blob.digest) + " has the diff id " +
                                 layer.report->diff.digest.str() + ", the config says " +
                                 wanted.digest.str());
        }
        if (layer.report->blob_bytes != job.blob.size_bytes) {
            throw IntegrityError(
                layer_name(job.blob.digest) + " has " + std::to_string(layer.report->blob_bytes) +
                " bytes, the manifest says " + std::to_string(job.blob.size_bytes));
        }
    }
}

void LayerBatch::fetch_again(BlobJob& job) {
    base::log::debug(layer_name(job.blob.digest) + " came damaged: once more");
    for (LayerJob& layer : job.layers) {
        layer.unpack.reset();
        layer.staged.reset();
    }
    job.partial->truncate(0);
    start(job);
}

void LayerBatch::discard_bad(BlobJob& job) {
    if (!job.partial) return;
    for (LayerJob& layer : job.layers) layer.unpack.reset();
    std::move(*job.partial).discard(context_.store);
}

void LayerBatch::discard_partials() noexcept {
    if (context_.source != nullptr) context_.source->cancel_all();
    for (const auto& job : jobs_) {
        if (!job->partial) continue;
        try {
            for (LayerJob& layer : job->layers) layer.unpack.reset();
            std::move(*job->partial).discard(context_.store);
        } catch (const base::Error& error) {
            base::log::debug(error.what());
        }
    }
}

}  // namespace sandbox::image
