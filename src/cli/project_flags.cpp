#include "cli/project_flags.hpp"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <utility>

#include "cli/app.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/image_lock.hpp"
#include "sandbox/project/names.hpp"

namespace sandbox::cli {
namespace {

std::optional<std::string> environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void append(std::vector<std::string>& list, const std::vector<std::string>& more) {
    list.insert(list.end(), more.begin(), more.end());
}

struct GlobalFlag {
    const char* names;                             // "-f,--file"
    std::vector<std::string> ProjectWords::*list;  // or
    std::string ProjectWords::*text;               // or nothing: read over
    bool has_value = true;
};
constexpr GlobalFlag kGlobals[] = {
    {"-f,--file", &ProjectWords::files, nullptr},
    {"-p,--project-name", nullptr, &ProjectWords::name},
    {"--env-file", &ProjectWords::env_files, nullptr},
    {"--profile", &ProjectWords::profiles, nullptr},
    {"--project-directory", nullptr, &ProjectWords::directory},
    {"--ansi", nullptr, nullptr},
    {"--progress", nullptr, nullptr},
    {"--parallel", nullptr, nullptr},
    {"--compatibility", nullptr, nullptr, false},
    {"--all-resources", nullptr, nullptr, false},
};

const GlobalFlag* find_global(std::string_view word) {
    for (const GlobalFlag& flag : kGlobals) {
        for (const std::string& name : base::split(flag.names, ',')) {
            if (word == name || (name.size() > 2 && word.starts_with(name + "="))) return &flag;
        }
    }
    return nullptr;
}

}  // namespace

std::uint32_t container_index(const Invocation& in) {
    const std::string text = in.value_or("index", "1");
    const auto index = base::try_parse_u64(text);
    if (!index || *index == 0 || *index > UINT32_MAX) {
        throw base::UsageError("invalid number " + base::quote(text) + " for --index",
                               "the first container of a service is 1");
    }
    return static_cast<std::uint32_t>(*index);
}

void take_project_words(std::vector<std::string>& words, ProjectWords& into) {
    into.compose = true;
    size_t at = 0;
    for (; at < words.size() && words[at].size() > 1 && words[at][0] == '-'; ++at) {
        const std::string& word = words[at];
        if (word == "-h" || word == "--help") break;
        const GlobalFlag* flag = find_global(word);
        if (flag == nullptr) {
            throw base::UsageError("unknown flag: " + word, "flags of a verb stand behind it");
        }
        if (!flag->has_value) continue;
        const size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
        if (equals == std::string::npos && at + 1 == words.size()) {
            throw base::UsageError("flag needs an argument: " + word,
                                   "see `sandbox compose --help`");
        }
        const std::string value =
            equals != std::string::npos ? word.substr(equals + 1) : words[++at];
        if (flag->list != nullptr) (into.*flag->list).push_back(value);
        if (flag->text != nullptr) into.*flag->text = value;
    }
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(at));
}

project::LoadOptions load_options(Context& context, const Invocation& in) {
    project::LoadOptions options;
    options.files = context.project.files;
    options.env_files = context.project.env_files;
    options.name = context.project.name;
    options.directory = context.project.directory;
    if (in.has_flag("file")) append(options.files, in.list("file"));
    if (in.has_flag("project-name")) options.name = in.value_or("project-name", options.name);
    // A flag of that name that is exec's or run's own stands beside a command's words.
    if (in.has_flag("env-file") && !in.command().stop_at_argument) {
        append(options.env_files, in.list("env-file"));
    }
    options.hears_compose = context.project.compose;
    if (context.project.compose) {  // $SANDBOX_PROJECT is load_project()'s
        if (options.name.empty()) options.name = environment("COMPOSE_PROJECT_NAME").value_or("");
    }
    options.environment = environment;
    options.settle_name = [&context](const std::string& name, const std::string& directory) {
        return project::settle_project_name(context.store(), name, directory);
    };
    std::array<char, PATH_MAX> buffer{};
    if (::getcwd(buffer.data(), buffer.size()) == nullptr) {
        throw base::SysError(errno, "find the working directory", "",
                             "it may have been removed: go to another one");
    }
    options.current_dir = buffer.data();
    return options;
}

project::Project load_project(Context& context, const Invocation& in, bool quiet) {
    project::Project project = project::load_project(load_options(context, in));
    if (!project.image_lock.empty()) project::apply_image_lock(context.store(), project);
    if (!quiet) {
        for (const std::string& notice : project.notices) base::log::warning(notice);
    }
    return project;
}

std::vector<std::string> chosen_groups(const Context& context, const Invocation& in,
                                       const project::Project& project) {
    std::vector<std::string> groups = context.project.profiles;
    if (in.has_flag("profile")) append(groups, in.list("profile"));
    if (groups.empty()) {
        std::optional<std::string> listed = environment("SANDBOX_PROFILES");
        if (!listed && context.project.compose) {
            listed = environment("COMPOSE_PROFILES").value_or(project.dotenv_groups);
        }
        for (const std::string& group : base::split(listed.value_or(""), ',')) {
            if (!base::trim(group).empty()) groups.emplace_back(base::trim(group));
        }
    }
    return groups;
}

}  // namespace sandbox::cli
