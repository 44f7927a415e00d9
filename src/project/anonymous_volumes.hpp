// Volumes without a name, of a container that is made anew: their data goes on in the next one.
#pragma once

#include <string>
#include <vector>

#include "sandbox/engine/run.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

struct AnonymousVolume {
    std::string name, target;  // in the store; absolute path in the container
};

[[nodiscard]] std::vector<AnonymousVolume> anonymous_volumes_of(const store::Store& store,
                                                                const std::string& container);
// Gives them to the request where it, or an image with these volumes, would have new ones. Nobody
// wants the others any more.
void carry_over(const std::vector<AnonymousVolume>& volumes,
                const std::vector<std::string>& image_volumes, engine::RunRequest& request);

}  // namespace sandbox::project
