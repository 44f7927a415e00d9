// The files of a log as its writer has them: the youngest piece is appended to, a full one gets a
// number and the oldest goes. In a flood a big one that nobody reads is written anew instead
// (log_label.hpp): freeing its pages and getting others is a sixth of the work. A log at a path of
// the user's choice is locked, since other containers may be given the same path.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/store/log_store.hpp"
#include "store/file_remover.hpp"
#include "store/log_label.hpp"

namespace sandbox::store {

class LogPieces {
  public:
    // Makes what a killed writer left behind harmless, and answers the piece's size after that.
    using Mend = std::uint64_t (*)(int fd, std::uint64_t size_bytes) noexcept;

    // Readers of text have only a file's size to go by.
    enum class Reuse : std::uint8_t { never, when_big };
    // Throws SysError when directory or file cannot be had, Error when it is another container's.
    LogPieces(int container_dir_fd, const LogOptions& options, std::uint64_t least_piece_bytes,
              Mend mend, Reuse reuse);

    // Of the youngest piece, with its label.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == (labelled_ ? kLabelBytes : 0); }
    [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }
    // Behind what is there. Answers 0, or the error number and in `written` how much of it is in
    // the file: keep() says how much of that shall stay.
    int append(std::span<iovec> parts, size_t& written) noexcept;
    void keep(size_t bytes) noexcept;
    // Begins the next piece. Where that fails the bound holds all the same: the older lines go
    // rather than the newer ones.
    void rotate() noexcept;
    // While nothing is written: no process of ours is left.
    void settle() noexcept { remover_.finish(); }

  private:
    int open() noexcept;
    bool try_rotate() noexcept;
    bool try_reuse_oldest() noexcept;
    void remove_oldest() noexcept;
    [[nodiscard]] std::uint64_t next_number() const noexcept;
    int publish() noexcept;
    void notice_cut() noexcept;

    LogPlace place_;
    Mend mend_;
    bool reuses_ = false;
    bool shared_place_ = false;
    std::uint64_t limit_ = 0;
    size_t max_pieces_ = 0;
    base::UniqueFd fd_;
    std::uint64_t size_ = 0;                         // always a whole number of records
    std::chrono::steady_clock::time_point begun_{};  // writing to it
    bool labelled_ = false;             // then the file is bigger, and the label tells `size_`
    std::vector<std::uint64_t> older_;  // numbers of the other pieces, ascending
    FileRemover remover_;               // goes before the directory that it works in
};

}  // namespace sandbox::store
