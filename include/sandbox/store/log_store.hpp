// What containers have written, on disk: containers/<id>/log/ctr.log, or a file of the user's
// choice, and beside it the older pieces ctr.log.1, ctr.log.2, …: the higher, the younger.
// A log has one of two forms. The compact one (src/store/log_chunk.hpp) is what costs a service
// that writes a lot no more than a file would. The other has one record a line, in the manner of
// k8s-file, for whoever reads it without us:
//   2026-11-24T15:11:42.123456789+00:00 stdout F text        F: ends a line
//   2026-11-24T15:11:42.123456789+00:00 stdout P text        P: its line goes on in a later record
//   2026-11-24T15:11:42.123456789+00:00 notice F text        ours, not the container's
// A record's text is at most 16 KiB and any bytes but newline. All that a container keeps is
// bounded, by default too: the oldest piece goes when a new one is begun, or its file becomes the
// new one (src/store/log_label.hpp). Nothing is synced.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/base/json.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::store {

enum class LogStream : std::uint8_t { out, err, notice };
enum class LogForm : std::uint8_t { text, chunks };

struct LogOptions {
    bool enabled = true;                       // false: --log-driver none
    std::uint64_t max_size_bytes = 20u << 20;  // of one piece; at least 4 KiB count
    std::uint32_t max_files = 5;               // pieces; 1 counts as two of half the size
    std::string path{};                        // absolute; empty: the container's own directory
    LogForm form = LogForm::text;
};
// The member "log" of a container's record; null: the defaults.
[[nodiscard]] base::json::Value to_json(const LogOptions& options);
[[nodiscard]] LogOptions log_options_from(const base::json::Value& value);

// Where a log lies. `dir` is made when missing if `create`. Absent: there is no such directory.
struct LogPlace {
    base::UniqueFd dir;
    std::string file;
};
[[nodiscard]] std::optional<LogPlace> try_open_log_place(int container_dir_fd,
                                                         const LogOptions& options, bool create);
// The absolute path of the youngest piece, given the container's directory.
[[nodiscard]] std::string log_path(const std::string& container_dir, const LogOptions& options);
// Removes a log that lies outside of its container's directory (--log-opt path=…), unless another
// container writes there now.
void remove_outside_log(const LogOptions& options) noexcept;

// What could not be written: never an error for the container, but counted and told.
struct LogLoss {
    std::uint64_t lines = 0;
    std::uint64_t bytes = 0;
    int errnum = 0;  // of the last failure
};

// The only writer of a container's log: who holds the container's lock.
class LogWriter {
  public:
    // Goes on behind what is there. Throws SysError when the directory or file cannot be had, and
    // Error with code 125 when another container writes into a file of that path.
    LogWriter(int container_dir_fd, const LogOptions& options);
    LogWriter(LogWriter&&) noexcept;
    LogWriter& operator=(LogWriter&&) noexcept;
    ~LogWriter();  // flushes

    // Any bytes; what follows the last newline is kept back (at most 16 KiB) until its line ends
    // or flush_partial(). One system call each when there is at least one whole line. Never
    // throws: what cannot be written is lost() and told in the log itself as soon as it can be.
    void append(LogStream stream, std::string_view bytes, base::Timestamp time) noexcept;
    // Writes lines that have not ended yet as P records, so that readers see them.
    void flush_partial(base::Timestamp time) noexcept;
    [[nodiscard]] bool has_partial() const noexcept;
    // How much of a stream that has plenty is best appended at once: up to `most` bytes.
    [[nodiscard]] size_t good_read_bytes(LogStream stream, size_t most) const noexcept;
    // Gives memory back that only a busy log needs.
    void release_memory() noexcept;
    [[nodiscard]] const LogLoss& lost() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

struct LogRecord {
    LogStream stream = LogStream::out;
    bool ends_line = true;
    std::string_view time;  // "2026-11-24T15:11:42.123456789+00:00"
    std::string_view text;  // without a newline
};

struct LogWish {
    std::optional<std::uint64_t> tail{};              // the last lines only; absent: all
    std::optional<base::Timestamp> since{}, until{};  // both inclusive
};

// Reads while somebody may be writing and rotating, and never disturbs the writer. Damaged records
// (power failed) are left out.
class LogReader {
  public:
    // A container that has not written yet is fine.
    LogReader(int container_dir_fd, const LogOptions& options, const LogWish& wish);
    LogReader(LogReader&&) noexcept;
    LogReader& operator=(LogReader&&) noexcept;
    ~LogReader();

    // The next record that is there, absent at the end for now: more may come, in the next piece
    // too. The views hold until the next call.
    [[nodiscard]] std::optional<LogRecord> try_next();
    // Past `until`: no record that may come is of interest.
    [[nodiscard]] bool past_until() const noexcept;
    // Pieces that were removed before they were read, since the last call: their lines are missing.
    [[nodiscard]] std::uint64_t take_missed_pieces() noexcept;
    // What the writers of this log could not write, in all.
    [[nodiscard]] LogLoss loss() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace sandbox::store
