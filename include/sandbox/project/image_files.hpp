// Images of a profile that are files.
#pragma once

#include "sandbox/project/profile.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

// Must come before bring_up() and prepare_one_off(). Unpacks what services name as files (nothing
// is done for what is in the store already) and sets Service::locked_image: a file that has changed
// is another image, so that its containers are made anew. Throws what a pull throws, "service "x":
// …".
void take_image_files(const store::Store& store, Project& project);

}  // namespace sandbox::project
