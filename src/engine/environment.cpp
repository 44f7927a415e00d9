#include "engine/environment.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>

#include "engine/flags/flag_error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

// execve(2): one string of the environment has at most MAX_ARG_STRLEN (32 pages) bytes.
constexpr size_t kMaxVariableBytes = 131072 - 1;
constexpr size_t kMaxFileBytes = 16u << 20;

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

std::string why_bad_name(std::string_view name) {
    if (name.empty()) return "no variable name before \"=\"";
    if (std::any_of(name.begin(), name.end(), is_blank)) {
        return "variable " + base::quote(name) + " contains whitespace";
    }
    return {};
}

[[noreturn]] void throw_at(const std::string& file, size_t line, const std::string& why,
                           std::string hint = {}) {
    throw_usage(file + ":" + std::to_string(line) + ": " + why, std::move(hint));
}

struct Line {
    std::string_view text;
    size_t number;
};

// Lines without their newline; NUL and carriage return are refused with their place.
std::vector<Line> split_lines(std::string_view text, const std::string& file) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    std::vector<Line> lines;
    for (size_t number = 1; !text.empty(); ++number) {
        const size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.find('\0') != std::string_view::npos) {
            throw_at(file, number, "a NUL byte", "this is not a text file");
        }
        if (line.ends_with('\r')) {
            throw_at(file, number, "a carriage return at the end of the line",
                     "convert the file: sed -i 's/\\r$//' " + file);
        }
        lines.push_back({line, number});
    }
    return lines;
}

std::string_view trim_left(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    return text;
}

std::string read_text(const std::string& path, std::string_view flag) {
    try {
        const base::UniqueFd fd = base::open_at(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
        return base::read_fd(fd.get(), kMaxFileBytes);
    } catch (base::Error& error) {
        error.add_context(flag);
        error.set_code(base::exit_code::kEngine);
        throw;
    }
}

}  // namespace

HostEnvironment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return std::string(value);
    };
}

void Environment::set(std::string name, std::string value) {
    for (auto& [known, current] : variables_) {
        if (known == name) {
            current = std::move(value);
            return;
        }
    }
    variables_.emplace_back(std::move(name), std::move(value));
}

void Environment::set_default(std::string name, std::string value) {
    if (find(name) == nullptr) variables_.emplace_back(std::move(name), std::move(value));
}

void Environment::unset(std::string_view name) {
    std::erase_if(variables_, [&](const auto& variable) { return variable.first == name; });
}

const std::string* Environment::find(std::string_view name) const noexcept {
    for (const auto& [known, value] : variables_) {
        if (known == name) return &value;
    }
    return nullptr;
}

std::vector<std::string> Environment::list() const {
    std::vector<std::string> lines;
    lines.reserve(variables_.size());
    for (const auto& [name, value] : variables_) lines.push_back(name + "=" + value);
    return lines;
}

std::optional<EnvAssignment> parse_env_flag(std::string_view text, const HostEnvironment& host) {
    const size_t equals = text.find('=');
    EnvAssignment result{std::string(text.substr(0, equals)), {}};
    if (result.name.empty()) {
        throw_bad_flag("--env", text, "no variable name in it",
                       "NAME=VALUE, or NAME to pass yours");
    }
    if (text.size() > kMaxVariableBytes) {
        throw_usage("variable " + base::quote(result.name) + " has " + std::to_string(text.size()) +
                        " bytes, more than the kernel passes on",
                    "at most 128 KiB; put it into a file and mount that");
    }
    if (equals != std::string_view::npos) {
        result.value = text.substr(equals + 1);
        return result;
    }
    auto value = host(result.name);
    if (!value) return std::nullopt;
    result.value = std::move(*value);
    return result;
}

std::vector<EnvAssignment> parse_env_file(std::string_view text, const std::string& file,
                                          const HostEnvironment& host) {
    std::vector<EnvAssignment> result;
    for (const Line& line : split_lines(text, file)) {
        const std::string_view entry = trim_left(line.text);
        if (entry.empty() || entry.front() == '#') continue;
        const size_t equals = entry.find('=');
        const std::string name(entry.substr(0, equals));
        if (const std::string why = why_bad_name(name); !why.empty()) {
            throw_at(file, line.number, why, "NAME=VALUE, without blanks around the name");
        }
        if (entry.size() > kMaxVariableBytes) {
            throw_at(file, line.number,
                     "variable " + base::quote(name) + " has " + std::to_string(entry.size()) +
                         " bytes, more than the kernel passes on",
                     "at most 128 KiB");
        }
        if (equals != std::string_view::npos) {
            result.push_back({name, std::string(entry.substr(equals + 1))});
            continue;
        }
        auto value = host(name);
        if (!value) {
            throw_at(file, line.number, base::quote(name) + " has no \"=\" and is not set here",
                     "write \"" + name + "=…\", or set " + name + " before the run");
        }
        result.push_back({name, std::move(*value)});
    }
    return result;
}

std::vector<EnvAssignment> load_env_file(const std::string& path, const HostEnvironment& host) {
    return parse_env_file(read_text(path, "--env-file"), path, host);
}

std::vector<std::string> load_label_file(const std::string& path) {
    std::vector<std::string> result;
    const std::string text = read_text(path, "--label-file");
    for (const Line& line : split_lines(text, path)) {
        const std::string_view entry = trim_left(line.text);
        if (entry.empty() || entry.front() == '#') continue;
        if (entry.front() == '=') throw_at(path, line.number, "a label needs a key", "KEY=VALUE");
        result.emplace_back(entry);
    }
    return result;
}

}  // namespace sandbox::engine
