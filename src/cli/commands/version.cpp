#include <sys/utsname.h>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/licenses.hpp"
#include "cli/show.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/oci/platform.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    {"-f,--format", FlagKind::value, "FORMAT", "json or a template"},
    {"--short", FlagKind::toggle, "", "the number alone"},
    {"--licenses", FlagKind::toggle, "", "list the libraries inside this program"},
};

// There is no server; scripts that ask docker for its version get ours.
base::json::Value make_document() {
    const oci::Platform host = oci::Platform::host();
    utsname system{};
    (void)::uname(&system);
    const base::json::Object client{
        {"Version", SANDBOX_VERSION},     {"ApiVersion", SANDBOX_VERSION},
        {"APIVersion", SANDBOX_VERSION},  {"Os", host.os},
        {"Arch", host.architecture},      {"OsArch", host.os + "/" + host.architecture},
        {"KernelVersion", system.release}};
    return base::json::Object{{"Version", SANDBOX_VERSION}, {"Client", client}, {"Server", client}};
}

int run(Context& context, const Invocation& in) {
    if (in.toggle("licenses")) {
        context.out.write(licenses_text());
        return 0;
    }
    if (in.toggle("short")) {
        context.out.line(SANDBOX_VERSION);
        return 0;
    }
    const base::json::Value document = make_document();
    if (const std::optional<std::string> format = in.try_value("format")) {
        show_document(context.out, document, *format);
        return 0;
    }
    const base::json::Value& client = document["Client"];
    context.out.line("Version:  " SANDBOX_VERSION);
    context.out.line("OS/Arch:  " + client.string_or("OsArch"));
    context.out.line("Kernel:   " + client.string_or("KernelVersion"));
    return 0;
}

}  // namespace

constinit const Command kVersionCommand = {
    .names = "version,compose version",
    .arguments = "",
    .summary = "Show the version, or the licences of what is linked in",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run,
};

}  // namespace sandbox::cli
