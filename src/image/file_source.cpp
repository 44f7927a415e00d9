#include "file_source.hpp"

#include <algorithm>
#include <cerrno>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::image {
namespace {

constexpr size_t kBufferBytes = 256u << 10;
constexpr int kBuffersPerStep = 16;

}  // namespace

FileSource::FileSource(std::map<oci::Digest, FileRange> blobs)
    : blobs_(std::move(blobs)), buffer_(kBufferBytes) {}

void FileSource::start(BlobWish wish) {
    const auto found = blobs_.find(wish.blob.digest);
    if (found == blobs_.end()) {
        throw base::IntegrityError("the archive has no blob " + wish.blob.digest.str());
    }
    if (found->second.size_bytes != wish.blob.size_bytes) {
        throw base::IntegrityError(
            "blob " + wish.blob.digest.str() + " has " + std::to_string(found->second.size_bytes) +
            " bytes, the manifest says " + std::to_string(wish.blob.size_bytes));
    }
    const std::uint64_t position = wish.offset_bytes;
    transfers_.push_back({std::move(wish), found->second, position});
}

// Answers false when the transfer is done.
bool FileSource::move_on(Transfer& transfer) {
    for (int i = 0; i < kBuffersPerStep; ++i) {
        const std::uint64_t left = transfer.range.size_bytes - transfer.position_bytes;
        if (left == 0) return false;
        const long rc = base::raw::pread(
            transfer.range.file->get(), buffer_.data(), std::min<std::uint64_t>(left, kBufferBytes),
            static_cast<std::int64_t>(transfer.range.offset_bytes + transfer.position_bytes));
        if (rc == -EINTR) continue;
        if (rc < 0) throw base::SysError(static_cast<int>(-rc), "read", "the archive");
        if (rc == 0) throw base::IntegrityError("the archive is cut off");
        transfer.wish.on_data({buffer_.data(), static_cast<size_t>(rc)});
        transfer.position_bytes += static_cast<std::uint64_t>(rc);
    }
    return true;
}

void FileSource::step(std::chrono::milliseconds timeout, std::span<pollfd> extra) {
    if (!transfers_.empty()) timeout = std::chrono::milliseconds{0};
    for (size_t count = transfers_.size(); count > 0; --count) {
        Transfer transfer = std::move(transfers_.front());
        transfers_.pop_front();
        if (move_on(transfer)) {
            transfers_.push_back(std::move(transfer));
        } else {
            transfer.wish.on_done(nullptr);
        }
    }
    if (::poll(extra.data(), extra.size(), static_cast<int>(timeout.count())) < 0 &&
        errno != EINTR) {
        throw base::SysError(errno, "wait for layers");
    }
}

}  // namespace sandbox::image
