// One container of a service, made or made anew.
#pragma once

#include <string>

#include "sandbox/project/deployment.hpp"

namespace sandbox::project {

struct MakeWish {
    bool start = true;
    // Made anew: false: what the former one had in volumes without a name goes on in this one.
    bool renew_volumes = false;
};
// `action`: create or recreate. The image must be here. Answers the id.
std::string make_container(const store::Store& store, const Project& project,
                           const Service& service, const Action& action, const MakeWish& wish);

}  // namespace sandbox::project
