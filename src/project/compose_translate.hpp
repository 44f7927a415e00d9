// A compose file's tree becomes a profile's tree: most keys have the same name and meaning; the
// others are translated, left out with a remark, or refused, and each of these is reported.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "document.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::project {

struct Remark {
    enum class Kind {
        changed,  // said otherwise in a profile
        ignored,  // harmless to leave out
        refused,  // the project would not work as meant
    };
    Kind kind;
    Place at;
    std::string key;        // "services.db.deploy.replicas"
    std::string text;       // what became of it, or why not
    std::string service{};  // refused: the only one that cannot be made; empty: all of it
    // refused: a mistake rather than something that is not had here, in full.
    std::optional<base::UsageError> error{};
};

// What is extended and included is written out already. `remarks` hears of every key that is not
// taken over as it is. Nothing is thrown but for a tree that is no compose file at all.
[[nodiscard]] Node translate_compose(const Documents& documents, Node compose,
                                     std::vector<Remark>& remarks);

// What becomes of the remarks where a project is loaded: one that concerns a single service stands
// in the way of that one only. Throws UsageError for what is refused of the whole.
struct Refusal {
    base::UsageError error;
    bool of_build = false;  // no matter where the image is named after all
};
struct Heeded {
    std::vector<std::string> notices;
    std::map<std::string, Refusal> refused;  // by service
};
[[nodiscard]] Heeded heed(const Documents& documents, const std::vector<Remark>& remarks);

// The parts of it for "networks", and for what may be named under "external".
void lift_external_names(Node& objects);
void translate_compose_networks(Node& networks, std::vector<Remark>& remarks);

}  // namespace sandbox::project
