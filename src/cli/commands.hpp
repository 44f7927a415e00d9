// All verbs, in the order of the help text, and how to find one.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"

namespace sandbox::cli {

struct CommandGroup {
    const char* title;  // "Containers"
    std::span<const Command* const> commands;
};
[[nodiscard]] std::span<const CommandGroup> command_groups() noexcept;

// "image ls" and "images" are one command. Null when there is none.
[[nodiscard]] const Command* find_command(std::string_view path) noexcept;
// Is `word` the first word of a two-word command ("image", "volume", "system", "container")?
[[nodiscard]] bool is_group(std::string_view word) noexcept;
// Names that may follow `group`; with an empty group all that may stand first.
[[nodiscard]] std::vector<std::string> words_after(std::string_view group);
// docker's verbs that this program has not, with the reason; null for others.
[[nodiscard]] const char* reason_missing(std::string_view word) noexcept;

extern const Command kLogsCommand, kEventsCommand;
extern const Command kRunCommand, kCreateCommand, kStartCommand, kStopCommand, kRestartCommand,
    kKillCommand, kWaitCommand, kPauseCommand, kUnpauseCommand, kRenameCommand, kUpdateCommand,
    kStatsCommand, kPsCommand, kPortCommand, kRmCommand, kContainerInspectCommand,
    kContainerPruneCommand, kContainerExistsCommand;
extern const Command kExecCommand, kAttachCommand, kTopCommand;
extern const Command kCpCommand, kDiffCommand, kExportCommand, kCommitCommand, kImportCommand;
extern const Command kPullCommand, kImagesCommand, kRmiCommand, kTagCommand, kUntagCommand,
    kHistoryCommand, kSaveCommand, kLoadCommand, kImageInspectCommand, kImagePruneCommand,
    kImageExistsCommand, kInspectCommand, kLoginCommand, kLogoutCommand, kConfigCommand,
    kInitCommand, kLockCommand, kUpCommand, kDownCommand, kRunTaskCommand, kEnvCommand,
    kComposeRunCommand, kComposeRmCommand, kComposePullCommand, kComposeImagesCommand,
    kComposeLsCommand, kComposeTopCommand, kComposeScaleCommand, kComposeCreateCommand,
    kComposeWatchCommand, kComposeEventsCommand, kComposeVolumesCommand;
extern const Command kNetworkCreateCommand, kNetworkLsCommand, kNetworkInspectCommand,
    kNetworkRmCommand, kNetworkPruneCommand, kNetworkExistsCommand, kNetworkConnectCommand,
    kNetworkDisconnectCommand, kNetworkFaultCommand;
extern const Command kVolumeCreateCommand, kVolumeLsCommand, kVolumeInspectCommand,
    kVolumeRmCommand, kVolumePruneCommand, kVolumeExistsCommand;
extern const Command kSystemDfCommand, kSystemPruneCommand, kSystemCheckCommand, kInfoCommand,
    kDoctorCommand, kVersionCommand, kCompletionCommand;

}  // namespace sandbox::cli
