// The errors that host code throws. A message says what was tried, on what; callers add where with
// with_context(); a hint is the cure. One line, lower case, no full stop, values quoted.
// Not for the code between clone and exec: there a failure is {step, errno, index}.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace sandbox::base {

// Process exit codes of our own (a payload's own code is passed on as it is).
namespace exit_code {
inline constexpr int kFailure = 1;          // a verb other than run/create/exec failed
inline constexpr int kUsage = 2;            // wrong usage
inline constexpr int kEngine = 125;         // run/create/exec: sandbox itself failed
inline constexpr int kNotExecutable = 126;  // payload found, but cannot be executed
inline constexpr int kNotFound = 127;       // payload not found
inline constexpr int kSignalBase = 128;     // 128+n: ended by signal n
}  // namespace exit_code

class Error : public std::exception {
  public:
    explicit Error(std::string message, std::string hint = {}, int code = 0)
        : message_(std::move(message)), hint_(std::move(hint)), code_(code) {}

    // "context: context: message", without the hint.
    [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
    // "message (hint)", as it is shown.
    [[nodiscard]] std::string with_hint() const {
        return hint_.empty() ? message_ : message_ + " (" + hint_ + ")";
    }
    // 0: the verb's own default failure code.
    [[nodiscard]] int code() const noexcept { return code_; }
    // Lines to be shown below the message: the place in a file. Control bytes are escaped already.
    [[nodiscard]] const std::string& detail() const noexcept { return detail_; }

    void add_context(std::string_view where) {
        message_.insert(0, ": ");
        message_.insert(0, where);
    }
    void set_hint(std::string hint) { hint_ = std::move(hint); }
    void set_code(int code) noexcept { code_ = code; }
    void set_detail(std::string detail) { detail_ = std::move(detail); }

  private:
    std::string message_;
    std::string hint_;
    std::string detail_;
    int code_;
};

// A system call failed. `errnum` is the positive errno; what: "open layer" and on what: "\"abc\"".
class SysError : public Error {
  public:
    SysError(int errnum, std::string_view tried, std::string_view object = {},
             std::string hint = {});
    [[nodiscard]] int errnum() const noexcept { return errnum_; }

  private:
    int errnum_;
};

// The user asked for something that cannot be: wrong flag, value, profile key. Exit code 2 unless
// the verb says otherwise.
class UsageError : public Error {
  public:
    explicit UsageError(std::string message, std::string hint = {}, int code = exit_code::kUsage)
        : Error(std::move(message), std::move(hint), code) {}
};

// Content is not what its digest, size or format promised. Nothing of it was used.
class IntegrityError : public Error {
  public:
    explicit IntegrityError(std::string message, std::string hint = {})
        : Error(std::move(message), std::move(hint)) {}
};

// Something that was asked for by name does not exist.
class NotFoundError : public Error {
  public:
    explicit NotFoundError(std::string message, std::string hint = {}, int code = 0)
        : Error(std::move(message), std::move(hint), code) {}
};

// The name of an errno value ("ENOENT") and its text ("no such file or directory", lower case).
[[nodiscard]] std::string_view errno_name(int errnum) noexcept;
[[nodiscard]] std::string errno_text(int errnum);

// Runs `action`; an Error that leaves it carries "where: " in front.
template <typename F>
decltype(auto) with_context(std::string_view where, F&& action) {
    try {
        return std::forward<F>(action)();
    } catch (Error& error) {
        error.add_context(where);
        throw;
    }
}

}  // namespace sandbox::base
