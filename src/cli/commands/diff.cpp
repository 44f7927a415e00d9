#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/files.hpp"

namespace sandbox::cli {
namespace {

namespace json = base::json;

constexpr Flag kFlags[] = {
    {"--format", FlagKind::value, "FORMAT", "json: one document with changed, added and deleted",
     Completes::words, "json"},
};

constexpr const char* kLetters[] = {"C", "A", "D"};
constexpr const char* kWords[] = {"changed", "added", "deleted"};

int run(Context& context, const Invocation& in) {
    const std::string format = in.value_or("format", "");
    if (!format.empty() && format != "json") {
        throw base::UsageError("unknown format " + base::quote(format), "use json");
    }
    const std::vector<engine::FileChange> changes =
        engine::diff_container(context.store(), in.arguments()[0]);
    if (format.empty()) {
        for (const engine::FileChange& change : changes) {
            context.out.line(std::string(kLetters[static_cast<int>(change.kind)]) + " " +
                             change.path);
        }
        return 0;
    }
    json::Object document;
    for (const engine::FileChange& change : changes) {
        json::Value& list = document[kWords[static_cast<int>(change.kind)]];
        if (list.as_array() == nullptr) list = json::Array{};
        list.as_array()->emplace_back(change.path);
    }
    context.out.line(json::dump(document, 2, json::Escape::plain));
    return 0;
}

}  // namespace

constinit const Command kDiffCommand = {
    .names = "diff,container diff",
    .arguments = "CONTAINER",
    .summary = "List what a container has changed of its image",
    .flags = kFlags,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
    .completes = Completes::containers,
};

}  // namespace sandbox::cli
