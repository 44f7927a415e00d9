// The flags of `run`: many, so apart from what is done with them.
#pragma once

#include "cli/command.hpp"

namespace sandbox::cli {

inline constexpr Flag kRunFlags[] = {
    {"--add-host", FlagKind::list, "NAME:ADDRESS", "add a line to /etc/hosts"},
    {"--annotation", FlagKind::list, "NAME=VALUE", "note something on the container"},
    {"--cap-add", FlagKind::list, "CAPABILITY", "add a capability, or ALL"},
    {"--cap-drop", FlagKind::list, "CAPABILITY", "take a capability away, or ALL"},
    {"--cidfile", FlagKind::value, "FILE", "write the container's id to a new file",
     Completes::file},
    {"--device", FlagKind::list, "PATH[:PATH[:rwm]]", "refused: no device of the host is passed on",
     Completes::file},
    {"--dns", FlagKind::list, "ADDRESS", "name server for /etc/resolv.conf"},
    {"--dns-option,--dns-opt", FlagKind::list, "OPTION", "option for /etc/resolv.conf"},
    {"--dns-search", FlagKind::list, "DOMAIN", "search domain for /etc/resolv.conf"},
    {"--entrypoint", FlagKind::value, "PROGRAM",
     "program instead of the image's entry point; '' resets it"},
    {"-e,--env", FlagKind::list, "NAME[=VALUE]",
     "set a variable; NAME alone takes the caller's value"},
    {"--env-file", FlagKind::list, "FILE", "read variables from a file", Completes::file},
    {"--expose", FlagKind::list, "PORT", "accepted and ignored: nothing is published"},
    {"--group-add", FlagKind::list, "GROUP", "add a supplementary group"},
    {"-h,--hostname", FlagKind::value, "NAME", "host name inside"},
    {"--http-proxy", FlagKind::toggle, "", "pass the caller's proxy variables on"},
    {"--init", FlagKind::toggle, "",
     "our init is pid 1 (the default; --init=false: the command is)"},
    {"-i,--interactive", FlagKind::toggle, "", "pass standard input on"},
    {"--ipc", FlagKind::value, "MODE", "only private, the default", Completes::words, "private"},
    {"--keep", FlagKind::toggle, "", "keep the container when it has ended"},
    {"-l,--label", FlagKind::list, "NAME[=VALUE]", "label the container"},
    {"--label-file", FlagKind::list, "FILE", "read labels from a file", Completes::file},
    {"--log-driver", FlagKind::value, "NAME", "accepted and ignored: output goes to the caller"},
    {"--log-opt", FlagKind::list, "NAME=VALUE", "accepted and ignored, as --log-driver"},
    {"--mount", FlagKind::list, "type=TYPE,...", "mount a bind, volume or tmpfs"},
    {"--name", FlagKind::value, "NAME", "name of the container; it is kept"},
    {"--network,--net", FlagKind::value, "MODE",
     "private (own loopback, the default), none or host", Completes::words, "private none host"},
    {"--no-healthcheck", FlagKind::toggle, "", "accepted: a foreground run is never probed"},
    {"--no-hosts", FlagKind::toggle, "", "leave the image's /etc/hosts alone"},
    {"--pid", FlagKind::value, "MODE", "only private, the default", Completes::words, "private"},
    {"--pids-limit", FlagKind::value, "N", "most processes inside (default 2048; -1: no limit)"},
    {"--platform", FlagKind::value, "OS/ARCH[/VARIANT]", "image for another platform"},
    {"--preserve-fds", FlagKind::value, "N", "give descriptors 3 to 3+N-1 to the command"},
    {"--privileged", FlagKind::toggle, "", "all capabilities, no seccomp, nothing masked"},
    {"--pull", FlagKind::value, "POLICY", "missing (the default), always or never",
     Completes::words, "missing always never"},
    {"-q,--quiet", FlagKind::toggle, "", "no progress of the pull"},
    {"--read-only", FlagKind::toggle, "", "the root file system cannot be written"},
    {"--replace", FlagKind::toggle, "", "remove a container of the same name first"},
    {"--restart", FlagKind::value, "POLICY", "only no, the default", Completes::words, "no"},
    {"--rm", FlagKind::toggle, "", "remove the container at the end (the default without --name)"},
    {"--rmi", FlagKind::toggle, "", "remove the image too, if nothing else uses it"},
    {"--security-opt", FlagKind::list, "OPTION", "no-new-privileges, seccomp=FILE|unconfined, ..."},
    {"--shm-size", FlagKind::value, "SIZE", "size of /dev/shm (default 64m)"},
    {"--sig-proxy", FlagKind::toggle, "", "forward signals to the command (the default)"},
    {"--stop-signal", FlagKind::value, "SIGNAL", "signal that ends the container"},
    {"--stop-timeout", FlagKind::value, "SECONDS", "wait before it is killed (default 10)"},
    {"--sysctl", FlagKind::list, "NAME=VALUE", "kernel setting of its own namespaces"},
    {"--timeout", FlagKind::value, "SECONDS", "end the container after that time"},
    {"--tmpfs", FlagKind::list, "PATH[:OPTIONS]", "mount an empty tmpfs"},
    {"-t,--tty", FlagKind::toggle, "", "give a terminal (found out by itself)"},
    {"--ulimit", FlagKind::list, "NAME=SOFT[:HARD]", "limit of the command's processes"},
    {"--unsetenv", FlagKind::list, "NAME", "leave a variable of the image out"},
    {"--unsetenv-all", FlagKind::toggle, "", "leave all variables of the image out"},
    {"-u,--user", FlagKind::value, "USER[:GROUP]", "run as that user, by name or number"},
    {"--userns", FlagKind::value, "MODE", "host or private: the container has its own in any case"},
    {"--uts", FlagKind::value, "MODE", "only private, the default", Completes::words, "private"},
    {"-v,--volume", FlagKind::list, "SOURCE:PATH[:OPTIONS]",
     "mount a directory of the host or a volume", Completes::volumes},
    {"--volumes-from", FlagKind::list, "CONTAINER[:OPTIONS]", "mount what that container mounts",
     Completes::containers},
    {"-w,--workdir", FlagKind::value, "PATH", "working directory; made when missing"},
};

inline constexpr const char* kNoDetach = "a run stays in the foreground for now";
inline constexpr const char* kNoNetwork =
    "a container has only its own loopback for now; use --network host for the host's network";
inline constexpr const char* kNoCgroup =
    "limits through cgroups are not there yet; see --ulimit "
    "and --pids-limit";
inline constexpr const char* kNoHealth = "nothing probes a foreground run";
inline constexpr const char* kNoMeaning = "it has no meaning without root or a daemon";

inline constexpr RefusedFlag kRefusedRunFlags[] = {
    {"-d,--detach,--detach-keys", kNoDetach},
    {"-a,--attach", "standard input, output and error are always attached in the foreground"},
    {"-p,--publish,-P,--publish-all,--ip,--ip6,--mac-address,--network-alias,--net-alias,--link,"
     "--link-local-ip",
     kNoNetwork},
    {"-m,--memory,--memory-reservation,--memory-swap,--memory-swappiness,-c,--cpu-shares,--cpus,"
     "--cpu-period,--cpu-quota,--cpu-rt-period,--cpu-rt-runtime,--cpuset-cpus,--cpuset-mems,"
     "--blkio-weight,--blkio-weight-device,--device-read-bps,--device-write-bps,"
     "--device-read-iops,--device-write-iops,--kernel-memory,--oom-kill-disable,"
     "--cgroup-parent,--cgroups,--cgroupns",
     kNoCgroup},
    {"--health-cmd,--health-interval,--health-retries,--health-timeout,--health-start-period",
     kNoHealth},
    {"--oom-score-adj", "an ordinary user may not lower it, and raising it is not there yet"},
    {"--device-cgroup-rule,--gpus,--isolation,--runtime,--volume-driver,--storage-opt,--cpu-count,"
     "--cpu-percent,--io-maxbandwidth,--io-maxiops",
     kNoMeaning},
    {"--tz", "use --env TZ=ZONE"},
    {"--domainname", "use --hostname NAME.DOMAIN"},
};

}  // namespace sandbox::cli
