#include "make_container.hpp"

#include "anonymous_volumes.hpp"
#include "find_image.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/engine/volumes.hpp"
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
    std::vector<AnonymousVolume> left;
    if (action.kind == Action::Kind::recreate) {
        if (!wish.renew_volumes && image) {
            const oci::ImageConfig config = image::load_config(store, *image);
            left = carry_over(anonymous_volumes_of(store, action.id), config.volumes, request);
        }
        engine::stop_container(store, action.id, {});
        engine::remove_container(store, action.id, true, wish.renew_volumes);
    }
    const std::string id = wish.start ? engine::run_detached(store, request)
                                      : engine::create_container(store, request);
    for (const AnonymousVolume& volume : left) {
        try {
            engine::remove_volume(store, volume.name, true);
        } catch (const base::Error&) {  // another container has it from the former one
        }
    }
    return id;
}

}  // namespace sandbox::project
