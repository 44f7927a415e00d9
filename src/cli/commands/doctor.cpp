#include <algorithm>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/engine/identity.hpp"
#include "sandbox/kernel/probe.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/net/probe.hpp"

namespace sandbox::cli {
namespace {

using kernel::Ability;

constexpr Flag kFlags[] = {
    {"--format", FlagKind::value, "FORMAT", "json, or text (the default)", Completes::words,
     "json text"},
};

const char* word_of(Ability::State state) {
    switch (state) {
        case Ability::State::yes:
            return "yes";
        case Ability::State::limited:
            return "limited";
        case Ability::State::no:
            break;
    }
    return "no";
}

std::string id_ladder() {
    const kernel::IdMap map = kernel::host_id_map();
    if (map.mode == kernel::IdMode::range) return "a range of ids: 0 is you, the rest are yours";
    if (engine::can_emulate_identities()) {
        return "one id: root in a container is you, other users and owners are emulated";
    }
    return "one id: root in a container is you, changes of users and owners are only answered; "
           "emulation needs Linux 5.11, no other filter's listener, and an endless limit of locks";
}

void print_json(Output& out, const std::vector<Ability>& abilities) {
    base::json::Array rows;
    for (const Ability& ability : abilities) {
        rows.push_back(base::json::Object{{"Name", ability.name},
                                          {"State", word_of(ability.state)},
                                          {"Needed", ability.needed},
                                          {"Gives", ability.gives},
                                          {"Detail", ability.detail},
                                          {"Cure", ability.cure}});
    }
    out.line(base::json::dump(rows, 2));
}

void print_text(Output& out, const std::vector<Ability>& abilities) {
    size_t width = 0;
    for (const Ability& ability : abilities) width = std::max(width, ability.name.size());
    for (const Ability& ability : abilities) {
        std::string name = ability.name;
        name.resize(width, ' ');
        std::string state = word_of(ability.state);
        state.resize(7, ' ');
        out.line(name + "  " + state + "  " + ability.gives);
        const std::string indent(width + 11, ' ');
        if (!ability.detail.empty()) out.line(indent + "seen: " + ability.detail);
        if (!ability.cure.empty()) out.line(indent + "cure: " + ability.cure);
    }
    out.line("");
    out.line("ids: " + id_ladder());
}

int run(Context& context, const Invocation& in) {
    const std::string format = in.value_or("format", "text");
    if (format != "text" && format != "json") {
        throw base::UsageError("unknown format \"" + format + "\"", "use json or text");
    }
    std::vector<Ability> abilities = kernel::probe_host(context.store().root());
    for (Ability& ability : net::probe_network()) abilities.push_back(std::move(ability));
    if (format == "json") {
        print_json(context.out, abilities);
    } else {
        print_text(context.out, abilities);
    }
    const bool usable = std::none_of(abilities.begin(), abilities.end(), [](const Ability& each) {
        return each.needed && each.state == Ability::State::no;
    });
    if (format == "text") {
        context.out.line(usable ? "verdict: containers run here"
                                : "verdict: containers cannot run here until what is needed is "
                                  "cured");
    }
    return usable ? 0 : 1;
}

}  // namespace

constinit const Command kDoctorCommand = {
    .names = "doctor",
    .arguments = "",
    .summary = "Try what this machine permits, and say the cure for each \"no\"",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run,
};

}  // namespace sandbox::cli
