// Descriptors made inside another network namespace and handed out of it: a short-lived child
// enters, the caller stays where it is. setns(2), ioctl_ns(2). The caller must have one thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/process.hpp"

namespace sandbox::net {

using Descriptors = std::vector<base::UniqueFd>;
// Runs inside; at most 250 descriptors. An Error it throws reaches the caller.
using InsideAction = std::function<Descriptors()>;

// Enters the user namespace that owns `netns_fd`, then the network namespace itself. Possible for
// whoever made that user namespace, from the parent of it.
[[nodiscard]] Descriptors make_inside(int netns_fd, const InsideAction& action);
// The same in a new user and network namespace, which lives as long as a descriptor of it (the
// action may answer one: open_own_netns()).
[[nodiscard]] Descriptors make_in_new_namespace(const InsideAction& action);
[[nodiscard]] base::UniqueFd open_own_netns();

// The same, without waiting, and the child stays, without rights, for as long as this object lives:
// it has copies of the descriptors it made. Who closes the last one of a packet socket waits for
// the kernel (synchronize_net() in packet_release()); so that is not us.
class InsideKeeper {
  public:
    InsideKeeper() = default;
    [[nodiscard]] static InsideKeeper start(const InsideAction& action);
    InsideKeeper(InsideKeeper&&) noexcept = default;
    InsideKeeper& operator=(InsideKeeper&& other) noexcept;
    ~InsideKeeper();
    [[nodiscard]] Descriptors take();  // waits for the action's end; throws its Error

  private:
    kernel::ChildProcess process_;
    base::UniqueFd line_;
};
// For processes that stay inside.
void enter_namespace(int netns_fd);

// /proc/sys/net/<name> of the namespace that the caller is in; a missing file is fine, since
// kernels and hosts differ (IPv6 off, no br_netfilter).
void set_net_sysctl(const char* name, const char* value);
// 0 or -errno; a missing file is fine here, too.
[[nodiscard]] int try_set_net_sysctl(const char* name, const char* value);

// One message on a packet socket with descriptors beside it (SCM_RIGHTS), at most 250. The first
// byte says what it is.
void send_message(int socket_fd, std::string_view text, const std::vector<int>& fds = {});
struct Message {
    std::string text;  // empty: end of file
    Descriptors fds;
    [[nodiscard]] char tag() const noexcept { return text.empty() ? '\0' : text.front(); }
    [[nodiscard]] std::string_view body() const noexcept {
        return std::string_view(text).substr(text.empty() ? 0 : 1);
    }
};
[[nodiscard]] Message receive_message(int socket_fd);

}  // namespace sandbox::net
