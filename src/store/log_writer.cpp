#include "sandbox/base/error.hpp"
#include "store/log_encoder.hpp"

namespace sandbox::store {

struct LogWriter::Impl {
    std::unique_ptr<LogEncoder> encoder;
};

LogWriter::LogWriter(int container_dir_fd, const LogOptions& options)
    : impl_(std::make_unique<Impl>()) {
    impl_->encoder = options.form == LogForm::chunks ? make_chunk_encoder(container_dir_fd, options)
                                                     : make_text_encoder(container_dir_fd, options);
}
LogWriter::LogWriter(LogWriter&&) noexcept = default;
LogWriter& LogWriter::operator=(LogWriter&&) noexcept = default;
LogWriter::~LogWriter() {
    if (impl_) flush_partial(base::now());
}

void LogWriter::append(LogStream stream, std::string_view bytes, base::Timestamp time) noexcept {
    impl_->encoder->append(stream, bytes, time);
}

void LogWriter::flush_partial(base::Timestamp time) noexcept {
    if (has_partial()) impl_->encoder->flush_partial(time);
}

bool LogWriter::has_partial() const noexcept {
    return impl_->encoder->has_partial();
}

void LogWriter::release_memory() noexcept {
    impl_->encoder->release_memory();
}

size_t LogWriter::good_read_bytes(LogStream stream, size_t most) const noexcept {
    return impl_->encoder->good_read_bytes(stream, most);
}

const LogLoss& LogWriter::lost() const noexcept {
    return impl_->encoder->lost();
}

}  // namespace sandbox::store
