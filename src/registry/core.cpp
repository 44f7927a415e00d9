#include "registry/core.hpp"

#include <algorithm>

#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/oci/manifest.hpp"
#include "sandbox/oci/media_type.hpp"

namespace sandbox::registry {

namespace {

Resource manifest_resource(const oci::Reference& reference) {
    const std::string what =
        reference.digest() ? reference.digest()->str() : reference.tag().value_or("latest");
    return {reference,
            "manifests/" + what,
            "manifest of " + base::quote(reference.familiar()),
            {{"Accept", oci::manifest_accept_header()}}};
}

}  // namespace

Core::Core(std::unique_ptr<Transport> transport, Config config, Environment environment,
           Clock clock)
    : transport_(std::move(transport)),
      session_(*transport_, std::move(config), std::move(environment), std::move(clock)),
      parallel_(static_cast<size_t>(session_.config().parallel_downloads)) {}

Core::~Core() {
    transfers_.clear();
}

FetchedManifest Core::check_manifest(const oci::Reference& reference, Attempt attempt) const {
    // What the Docker-Content-Digest header says is not asked: only the bytes count.
    FetchedManifest manifest{std::move(attempt.body),
                             std::string(attempt.head->find("content-type")), oci::Digest::of({})};
    manifest.digest = oci::Digest::of(manifest.body);
    if (reference.digest() && manifest.digest != *reference.digest()) {
        throw base::IntegrityError("digest of the manifest of " +
                                   base::quote(reference.familiar()) +
                                   " is wrong: " + reference.digest()->str() + " was asked for, " +
                                   manifest.digest.str() + " came");
    }
    return manifest;
}

FetchedManifest Core::fetch_manifest(const oci::Reference& reference) {
    Exchange exchange(session_, manifest_resource(reference));
    while (true) {
        if (exchange.delay().count() > 0) session_.wait(exchange.delay());
        Attempt attempt = session_.run(exchange.next_request(), oci::kMaxManifestBytes);
        if (exchange.judge(attempt) == Exchange::Verdict::again) continue;
        try {
            return check_manifest(reference, std::move(attempt));
        } catch (const base::IntegrityError&) {
            exchange.reject(std::current_exception());
        }
    }
}

std::string Core::fetch_blob(const oci::Reference& repository, const oci::Digest& digest,
                             std::uint64_t size_bytes) {
    if (size_bytes > oci::kMaxConfigBytes) {
        throw base::IntegrityError("blob " + digest.str() +
                                   " is too large: " + std::to_string(size_bytes) + " bytes");
    }
    constexpr int kTries = 2;  // a digest that is wrong twice stays wrong
    for (int i = 1;; ++i) {
        std::string body;
        bool done = false;
        std::exception_ptr error;
        BlobRequest request{repository, digest, size_bytes, 0, {}, {}, {}};
        request.on_data = [&](std::string_view bytes) { body.append(bytes); };
        request.on_restart = [&] { body.clear(); };
        request.on_done = [&](std::exception_ptr result) {
            done = true;
            error = std::move(result);
        };
        BlobTransfer transfer(session_, std::move(request));
        while (transfer.state() != BlobTransfer::State::ended) {
            if (transfer.state() == BlobTransfer::State::waiting) {
                session_.wait(
                    std::chrono::ceil<std::chrono::milliseconds>(transfer.due() - session_.now()));
                transfer.start();
            } else if (transfer.state() == BlobTransfer::State::answered) {
                transfer.settle();
            } else {
                session_.step(std::chrono::milliseconds(1000));
                if (transfer.state() == BlobTransfer::State::running) session_.check_interrupt();
            }
        }
        transfer.report();
        if (error) std::rethrow_exception(error);
        const oci::Digest found = oci::Digest::of(body);
        if (done && found == digest) return body;
        if (i == kTries) {
            throw base::IntegrityError("digest of a blob is wrong: " + digest.str() +
                                       " was promised, " + found.str() + " came");
        }
    }
}

void Core::start_blob(BlobRequest request) {
    transfers_.push_back(std::make_unique<BlobTransfer>(session_, std::move(request)));
}

void Core::cancel_all() noexcept {
    transfers_.clear();
}

void Core::set_parallel(int transfers) noexcept {
    parallel_ = static_cast<size_t>(std::clamp(transfers, 1, 64));
}

void Core::start_due() {
    size_t running = 0;
    for (const auto& transfer : transfers_) {
        if (transfer->state() == BlobTransfer::State::running) ++running;
    }
    const auto now = session_.now();
    for (const auto& transfer : transfers_) {
        if (running >= parallel_) return;
        if (transfer->state() != BlobTransfer::State::waiting || transfer->due() > now) continue;
        transfer->start();
        if (transfer->state() == BlobTransfer::State::running) ++running;
    }
}

bool Core::settle_answered() {
    for (const auto& transfer : transfers_) {
        if (transfer->state() == BlobTransfer::State::answered) transfer->settle();
    }
    // Taken out first: on_done may start other blobs or cancel all.
    Transfers ended;
    for (auto it = transfers_.begin(); it != transfers_.end();) {
        const auto here = it++;
        if ((*here)->state() == BlobTransfer::State::ended) {
            ended.splice(ended.end(), transfers_, here);
        }
    }
    for (const auto& transfer : ended) transfer->report();
    return !ended.empty();
}

std::chrono::milliseconds Core::wait_time(std::chrono::milliseconds timeout) const {
    std::chrono::milliseconds time = timeout;
    for (const auto& transfer : transfers_) {
        if (transfer->state() == BlobTransfer::State::ended) return {};
        // One that is due but not started waits for a free place: the network will wake us.
        if (transfer->state() != BlobTransfer::State::waiting) continue;
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(transfer->due() - session_.now());
        if (left.count() > 0) time = std::min(time, left);
    }
    return time;
}

bool Core::step(std::chrono::milliseconds timeout, std::span<pollfd> extra) {
    session_.check_interrupt();
    start_due();
    transport_->step(wait_time(timeout), extra);
    (void)settle_answered();
    start_due();
    return !transfers_.empty();
}

}  // namespace sandbox::registry
