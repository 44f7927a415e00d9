#include "sandbox/base/error.hpp"

#include <cstring>

namespace sandbox::base {
namespace {

std::string sys_message(int errnum, std::string_view tried, std::string_view object) {
    std::string message(tried);
    if (!object.empty()) message.append(" ").append(object);
    return message.append(": ").append(errno_text(errnum));
}

bool is_upper(char c) noexcept {
    return c >= 'A' && c <= 'Z';
}

}  // namespace

SysError::SysError(int errnum, std::string_view tried, std::string_view object, std::string hint)
    : Error(sys_message(errnum, tried, object), std::move(hint)), errnum_(errnum) {}

std::string_view errno_name(int errnum) noexcept {
    const char* name = ::strerrorname_np(errnum);
    return name != nullptr ? name : "E?";
}

std::string errno_text(int errnum) {
    const char* text = ::strerrordesc_np(errnum);
    if (text == nullptr) return "unknown error " + std::to_string(errnum);
    std::string result(text);
    // "RFS specific error" keeps its capitals.
    if (result.size() > 1 && is_upper(result[0]) && !is_upper(result[1])) {
        result[0] = static_cast<char>(result[0] - 'A' + 'a');
    }
    return result;
}

}  // namespace sandbox::base
