// A compose file's tree becomes a profile's tree: most keys have the same name and meaning; the
// others are translated, left out with a remark, or refused, and each of these is reported.
#pragma once

#include <string>
#include <vector>

#include "document.hpp"

namespace sandbox::project {

struct Remark {
    enum class Kind {
        changed,  // said otherwise in a profile
        ignored,  // harmless to leave out
        refused,  // the project would not work as meant
    };
    Kind kind;
    Place at;
    std::string key;   // "services.db.deploy.replicas"
    std::string text;  // what became of it, or why not
};

// `remarks` hears of every key that is not taken over as it is. Nothing is thrown but for a tree
// that is no compose file at all.
[[nodiscard]] Node translate_compose(const Documents& documents, Node compose,
                                     std::vector<Remark>& remarks);

// The parts of it for "networks", and for what may be named under "external".
void lift_external_names(Node& objects);
void translate_compose_networks(Node& networks, std::vector<Remark>& remarks);

}  // namespace sandbox::project
