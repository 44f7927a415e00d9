#include "make_container.hpp"

#include "anonymous_volumes.hpp"
#include "find_image.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/store/image_store.hpp"
#include "volumes.hpp"

namespace sandbox::project {

std::string make_container(const store::Store& store, const Project& project,
                           const Service& service, const Action& action, const MakeWish& wish) {
    engine::RunRequest request = make_container_request(project, service, action.number);
    const auto image = try_find_image(store, request.image);
    // It is here, or was to be: then its own policy says why it is not.
    request.pull = image ? image::PullPolicy::never : service.request.pull;
    provide_volumes(store, project, service);
    if (action.kind != Action::Kind::recreate) {
        return wish.start ? engine::run_detached(store, request)
                          : engine::create_container(store, request);
    }
    // The former one stays until there is another one to take its place and its volumes: whoever is
    // killed on the way loses neither.
    if (!wish.renew_volumes && image) {
        const oci::ImageConfig config = image::load_config(store, *image);
        carry_over(anonymous_volumes_of(store, action.id), config.volumes, request);
    }
    const std::string name = container_name(project, service, action.number);
    request.name = successor_name(action.id, name);
    engine::stop_container(store, action.id, {});
    const std::string id = engine::create_container(store, request);
    // What is carried over is in use. Without the image nobody knows what would have been.
    engine::replace_container(store, action.id, id, name, wish.renew_volumes || image.has_value());
    if (wish.start) engine::start_container(store, id);
    return id;
}

}  // namespace sandbox::project
