// USER against passwd and group files that an image made up: ids stay in range, the primary group
// is always listed, and a name or an odd number never turns into root. Input: USER, NUL, passwd,
// NUL, group.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/user_lookup.hpp"
#include "sandbox/base/error.hpp"

namespace {

std::string_view take(std::string_view& rest) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sandbox::engine;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const std::string_view user = take(rest);
    AccountFiles files;
    files.passwd = take(rest);
    files.group = rest;
    try {
        const IdentitySpec found = look_up_user(user, files, {});
        if (found.uid.value == UINT32_MAX || found.gid.value == UINT32_MAX) std::abort();
        if (std::find(found.groups.begin(), found.groups.end(), found.gid) == found.groups.end()) {
            std::abort();
        }
        const UserText parts = split_user(user);
        const bool asks_for_number =
            !parts.user.empty() && parts.user.find_first_not_of("0123456789") == std::string::npos;
        if (asks_for_number && parts.user != "0" && found.uid.value == 0) std::abort();
    } catch (const sandbox::base::Error&) {
    }
    return 0;
}
