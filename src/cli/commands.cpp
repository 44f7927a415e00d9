#include "cli/commands.hpp"

#include <algorithm>

#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

constexpr const Command* kContainers[] = {&kRunCommand,
                                          &kCreateCommand,
                                          &kStartCommand,
                                          &kStopCommand,
                                          &kRestartCommand,
                                          &kKillCommand,
                                          &kWaitCommand,
                                          &kPauseCommand,
                                          &kUnpauseCommand,
                                          &kRenameCommand,
                                          &kExecCommand,
                                          &kAttachCommand,
                                          &kTopCommand,
                                          &kUpdateCommand,
                                          &kStatsCommand,
                                          &kPsCommand,
                                          &kPortCommand,
                                          &kLogsCommand,
                                          &kEventsCommand,
                                          &kRmCommand,
                                          &kCpCommand,
                                          &kDiffCommand,
                                          &kExportCommand,
                                          &kCommitCommand,
                                          &kContainerInspectCommand,
                                          &kContainerPruneCommand,
                                          &kContainerExistsCommand};
constexpr const Command* kImages[] = {
    &kPullCommand,   &kImagesCommand,       &kRmiCommand,        &kTagCommand,
    &kUntagCommand,  &kHistoryCommand,      &kSaveCommand,       &kLoadCommand,
    &kImportCommand, &kImageInspectCommand, &kImagePruneCommand, &kImageExistsCommand};
constexpr const Command* kRegistries[] = {&kLoginCommand, &kLogoutCommand};
constexpr const Command* kVolumes[] = {&kVolumeCreateCommand,  &kVolumeLsCommand,
                                       &kVolumeInspectCommand, &kVolumeRmCommand,
                                       &kVolumePruneCommand,   &kVolumeExistsCommand};
constexpr const Command* kNetworks[] = {
    &kNetworkCreateCommand, &kNetworkLsCommand,      &kNetworkInspectCommand,
    &kNetworkRmCommand,     &kNetworkConnectCommand, &kNetworkDisconnectCommand,
    &kNetworkPruneCommand,  &kNetworkExistsCommand,  &kNetworkFaultCommand};
constexpr const Command* kProjects[] = {
    &kUpCommand,           &kDownCommand,          &kConfigCommand,
    &kInitCommand,         &kLockCommand,          &kRunTaskCommand,
    &kEnvCommand,          &kComposeRunCommand,    &kComposeRmCommand,
    &kComposePullCommand,  &kComposeImagesCommand, &kComposeLsCommand,
    &kComposeTopCommand,   &kComposeScaleCommand,  &kComposeCreateCommand,
    &kComposeWatchCommand, &kComposeEventsCommand, &kComposeVolumesCommand};
constexpr const Command* kTool[] = {&kInspectCommand,     &kSystemDfCommand,  &kSystemPruneCommand,
                                    &kSystemCheckCommand, &kInfoCommand,      &kDoctorCommand,
                                    &kVersionCommand,     &kCompletionCommand};
constexpr CommandGroup kGroups[] = {{"Containers", kContainers}, {"Images", kImages},
                                    {"Registries", kRegistries}, {"Volumes", kVolumes},
                                    {"Networks", kNetworks},     {"Projects", kProjects},
                                    {"The tool", kTool}};

template <typename F>
void for_each_name(F&& visit) {
    for (const CommandGroup& group : kGroups) {
        for (const Command* command : group.commands) {
            std::string_view rest = command->names;
            while (!rest.empty()) {
                const size_t comma = rest.find(',');
                visit(rest.substr(0, comma), *command);
                rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
            }
        }
    }
}

struct Missing {
    const char* words;
    const char* why;
};
constexpr Missing kMissing[] = {
    {"build buildx push",
     "making images is not available yet; `sandbox load` and "
     "`sandbox pull oci:DIR` take images made elsewhere"},
    {"search", "ask the registry's own web page"},
    {"publish bridge alpha", "a project is its files: hand these on; see sandbox-compose(1)"},
};

}  // namespace

std::span<const CommandGroup> command_groups() noexcept {
    return kGroups;
}

const Command* find_command(std::string_view path) noexcept {
    const Command* found = nullptr;
    for_each_name([&](std::string_view name, const Command& command) {
        if (name == path) found = &command;
    });
    return found;
}

bool is_group(std::string_view word) noexcept {
    bool found = false;
    for_each_name([&](std::string_view name, const Command&) {
        found = found ||
                (name.size() > word.size() && name[word.size()] == ' ' && name.starts_with(word));
    });
    return found && !word.empty();
}

std::vector<std::string> words_after(std::string_view group) {
    std::vector<std::string> words;
    for_each_name([&](std::string_view name, const Command&) {
        const size_t space = name.find(' ');
        const std::string_view first = name.substr(0, space);
        if (group.empty()) {
            words.emplace_back(first);
        } else if (first == group && space != std::string_view::npos) {
            words.emplace_back(name.substr(space + 1));
        }
    });
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    return words;
}

const char* reason_missing(std::string_view word) noexcept {
    for (const Missing& missing : kMissing) {
        std::string_view rest = missing.words;
        while (!rest.empty()) {
            const size_t space = rest.find(' ');
            if (rest.substr(0, space) == word) return missing.why;
            rest = space == std::string_view::npos ? "" : rest.substr(space + 1);
        }
    }
    return nullptr;
}

}  // namespace sandbox::cli
