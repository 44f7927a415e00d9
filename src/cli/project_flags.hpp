// The flags that every verb of a project has, and the project that they name.
#pragma once

#include "cli/command.hpp"
#include "cli/context.hpp"
#include "sandbox/project/profile.hpp"

namespace sandbox::cli {

inline constexpr Flag kProfileFileFlag = {"-f,--file", FlagKind::list, "FILE",
                                          "profile or compose file; several are merged",
                                          Completes::file};
inline constexpr Flag kProjectNameFlag = {"-p,--project-name", FlagKind::value, "NAME",
                                          "the project's name"};
inline constexpr Flag kEnvFilesFlag = {"--env-file", FlagKind::list, "FILE",
                                       "variables instead of .env", Completes::file};
// Where -f and --env-file have a meaning already.
inline constexpr Flag kScopeFileFlag = {"--file", FlagKind::list, "FILE",
                                        "the profile whose services are meant", Completes::file};
inline constexpr Flag kScopeNameFlag = {"-p,--project-name", FlagKind::value, "NAME",
                                        "the project whose services are meant"};

inline constexpr Flag kIndexFlag = {"--index", FlagKind::value, "N",
                                    "of a service: which of its containers (default 1)"};
// --index. Throws UsageError for what is no number from 1 on.
[[nodiscard]] std::uint32_t container_index(const Invocation& in);

// `sandbox compose -f x -p y up`: takes what stands between `compose` and its verb out of `words`
// (which begin behind `compose`). Throws UsageError.
void take_project_words(std::vector<std::string>& words, ProjectWords& into);

[[nodiscard]] project::LoadOptions load_options(Context& context, const Invocation& in);
// Loads it; what it has to say is logged unless `quiet`.
[[nodiscard]] project::Project load_project(Context& context, const Invocation& in,
                                            bool quiet = false);
// Optional groups that were asked for: --profile, $SANDBOX_PROFILES; behind `compose`,
// $COMPOSE_PROFILES and that of the project's .env.
[[nodiscard]] std::vector<std::string> chosen_groups(const Context& context, const Invocation& in,
                                                     const project::Project& project);

}  // namespace sandbox::cli
