// A child that works on files somewhere (a container's root, a directory of the host) and answers
// in packets. Theory: whoever walks through a container's tree is led by the container's links, and
// the container may change them at any moment. So the one who walks does not see the host at all:
// the container's root is his root, its user namespace his. What he reads leaves him as a tar
// stream through a pipe; whoever writes that stream somewhere is such a child as well.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/process.hpp"

namespace sandbox::engine {

// What a child's Error has become on its way.
class WorkerError : public base::Error {
  public:
    WorkerError(std::string message, std::string hint, int code, int errnum)
        : Error(std::move(message), std::move(hint), code), errnum_(errnum) {}
    [[nodiscard]] int errnum() const noexcept { return errnum_; }  // 0: no system call's

  private:
    int errnum_;
};

// The child's end of the connection.
class WorkerLink {
  public:
    explicit WorkerLink(int fd) noexcept : fd_(fd) {}  // borrowed
    [[nodiscard]] int fd() const noexcept { return fd_; }
    void tell(const base::json::Value& words) const;
    // Ends this process when the parent is gone.
    void wait_go() const;

  private:
    int fd_;
};

// Where it works.
class WorkPlace {
  public:
    WorkPlace() = default;
    WorkPlace(const WorkPlace&) = delete;
    WorkPlace& operator=(const WorkPlace&) = delete;
    virtual ~WorkPlace() = default;
    [[nodiscard]] virtual std::uint64_t clone_flags() const { return 0; }
    // In the parent. False: the child is of no use, another one shall be made.
    virtual bool after_clone(kernel::ChildProcess& /*child*/) { return true; }
    virtual void enter() {}  // in the child
};

class Worker {
  public:
    // Runs in the child; what it answers is the last packet. An Error that it throws travels back.
    using Action = std::function<base::json::Value(const WorkerLink&)>;
    // Must be called while the process has one thread.
    static Worker start(WorkPlace& place, const Action& action);
    // The child's next words. Throws its Error (WorkerError, NotFoundError), or one that says that
    // it died.
    [[nodiscard]] base::json::Value receive();
    void go();

  private:
    Worker(kernel::ChildProcess child, base::UniqueFd link)
        : child_(std::move(child)), link_(std::move(link)) {}
    kernel::ChildProcess child_;
    base::UniqueFd link_;
};

}  // namespace sandbox::engine
