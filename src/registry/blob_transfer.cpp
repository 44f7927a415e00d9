#include "registry/blob_transfer.hpp"

#include <algorithm>

#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::registry {

namespace {

constexpr std::uint64_t kLeastProgressBytes = 64 * 1024;

Resource blob_resource(const BlobRequest& request) {
    return {request.repository,
            "blobs/" + request.digest.str(),
            "blob " + request.digest.str(),
            {{"Accept", "application/octet-stream, */*"}}};
}

}  // namespace

BlobTransfer::BlobTransfer(Session& session, BlobRequest request)
    : session_(session),
      request_(std::move(request)),
      exchange_(session, blob_resource(request_)),
      due_(session.now()),
      received_(std::min(request_.offset_bytes, request_.size_bytes)),
      progress_mark_(received_) {}

BlobTransfer::~BlobTransfer() {
    if (state_ == State::running) session_.transport().cancel(transfer_);
}

void BlobTransfer::start() {
    if (received_ == request_.size_bytes) {
        state_ = State::ended;
        return;
    }
    attempt_ = Attempt{};
    streaming_ = false;
    HttpRequest request = exchange_.next_request();
    sent_range_ = received_ > 0;
    if (sent_range_) {
        request.headers.emplace_back("Range", "bytes=" + std::to_string(received_) + "-");
    }
    transfer_ = session_.transport().start(std::move(request), *this);
    state_ = State::running;
}

std::string BlobTransfer::size_words(std::uint64_t got) const {
    return "size of blob " + request_.digest.str() +
           " is wrong: " + std::to_string(request_.size_bytes) + " bytes were promised, " +
           base::quote(exchange_.url().authority()) + " has " + std::to_string(got);
}

void BlobTransfer::check_range(const HttpHead& head) const {
    const std::string_view text = head.find("content-range");
    const auto range = try_parse_content_range(text);
    const bool right = sent_range_ && range && range->first == received_ &&
                       range->last < request_.size_bytes &&
                       (!range->total || *range->total == request_.size_bytes);
    if (right) return;
    throw base::IntegrityError(
        "wrong content-range " + base::quote(base::escape_control(text.substr(0, 100))) + " of " +
        base::quote(exchange_.url().authority()) + " for blob " + request_.digest.str());
}

void BlobTransfer::check_length(const HttpHead& head, std::uint64_t wanted) const {
    const std::string_view text = head.find("content-length");
    if (text.empty()) return;
    const auto length = base::try_parse_u64(text);
    if (!length) throw base::IntegrityError("bad content-length for blob " + request_.digest.str());
    if (*length != wanted) {
        throw base::IntegrityError(size_words(request_.size_bytes - wanted + *length));
    }
}

void BlobTransfer::begin_again() {
    if (received_ == 0) return;
    // The mark stays: bytes that have come before are no progress when they come once more, or a
    // server that never gets beyond them would be asked for ever.
    received_ = 0;
    if (!request_.on_restart) return;
    try {
        request_.on_restart();
    } catch (...) {
        consumer_error_ = std::current_exception();
        throw;
    }
}

Flow BlobTransfer::on_head(const HttpHead& head) {
    attempt_.head = head;
    if (head.status == 206) {
        check_range(head);
        streaming_ = true;
    } else if (head.status == 200) {
        check_length(head, request_.size_bytes);
        if (sent_range_) begin_again();
        streaming_ = true;
    }
    return Flow::go_on;
}

Flow BlobTransfer::on_data(std::string_view bytes) {
    if (!streaming_) {
        const size_t room = kMaxErrorBodyBytes - attempt_.body.size();
        attempt_.body.append(bytes.substr(0, room));
        return bytes.size() <= room ? Flow::go_on : Flow::stop;
    }
    if (bytes.size() > request_.size_bytes - received_) {
        throw base::IntegrityError(size_words(request_.size_bytes + 1) + " or more");
    }
    received_ += bytes.size();
    exchange_.note_bytes();
    const std::uint64_t step =
        std::max<std::uint64_t>(kLeastProgressBytes, request_.size_bytes / 100);
    if (received_ >= progress_mark_ + step) {
        progress_mark_ = received_;
        exchange_.note_progress();
    }
    try {
        if (request_.on_data) request_.on_data(bytes);
    } catch (...) {
        consumer_error_ = std::current_exception();
        throw;
    }
    return Flow::go_on;
}

void BlobTransfer::on_done(HttpOutcome outcome) noexcept {
    attempt_.outcome = std::move(outcome);
    state_ = State::answered;
}

void BlobTransfer::settle() {
    try {
        judge();
    } catch (...) {
        error_ = std::current_exception();
        state_ = State::ended;
    }
}

void BlobTransfer::judge() {
    if (consumer_error_) std::rethrow_exception(consumer_error_);
    if (attempt_.outcome.thrown) {
        // What we ourselves found wrong with the answer: perhaps a mirror's fault only.
        exchange_.reject(attempt_.outcome.thrown);
        state_ = State::waiting;
        due_ = session_.now();
        return;
    }
    if (streaming_ && received_ == request_.size_bytes) {
        state_ = State::ended;
        return;
    }
    if (streaming_ && attempt_.outcome.fault == Fault::none) {
        attempt_.outcome.fault = Fault::cut;
        attempt_.outcome.detail = std::to_string(received_) + " of " +
                                  std::to_string(request_.size_bytes) + " bytes of blob " +
                                  request_.digest.str();
    }
    if (attempt_.head && attempt_.head->status == 416) begin_again();
    (void)exchange_.judge(attempt_);  // a whole answer has ended above
    state_ = State::waiting;
    due_ = session_.now() + exchange_.delay();
}

void BlobTransfer::report() {
    if (request_.on_done) request_.on_done(error_);
}

}  // namespace sandbox::registry
