#include "engine/saved_container.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/container_maker.hpp"
#include "engine/container_record.hpp"
#include "engine/files/places.hpp"
#include "engine/flags/option_flags.hpp"
#include "engine/saved_request.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/pull.hpp"

namespace sandbox::engine {
namespace {

store::ImageRecord find_image(const store::Store& store, const base::json::Value& record) {
    const std::string id = record.string_or("image_id");
    if (const auto image = store::ImageStore(store).try_find(id)) return *image;
    throw base::NotFoundError("no such image: " + base::quote(record.string_or("image", id)),
                              "the container was made from it: pull it again");
}

// A container that was taken off its last network has them still, for when it is put on one again.
void drop_gateway_wishes(RunRequest& request) {
    if (request.network.value_or("") != "none") return;
    request.publish.clear();
    request.publish_all = false;
    request.host_access.clear();
    std::erase_if(request.add_host,
                  [](const std::string& host) { return host.ends_with(kHostGateway); });
}

}  // namespace

void restore_layers(const store::Store& store, const base::json::Value& record) {
    const std::vector<std::string> layers = record["layers"].strings();
    const bool whole = std::all_of(layers.begin(), layers.end(), [&](const std::string& layer) {
        return base::exists_at(store.layers_fd(), layer);
    });
    if (whole) return;
    image::unpack_layers(store, find_image(store, record), files_id_map(record), nullptr);
}

SavedContainer load_saved_container(const store::Store& store, const std::string& id,
                                    const base::json::Value& record) {
    SavedContainer saved;
    saved.request = request_from_json(record["request"]);
    // Nothing of the supervisor's own surroundings: all is settled already.
    const CallerFacts nobody{"/", [](const std::string&) { return std::nullopt; }};
    drop_gateway_wishes(saved.request);
    std::optional<base::log::SaidBefore> when_it_was_made(std::in_place);
    ParsedRequest parsed = parse_request(saved.request, nobody);
    parsed.mounts = saved_mounts(record);
    // As it was made: its files have no other owners.
    const bool wants_one_id = parsed.identity.value_or(IdentityMode::range) != IdentityMode::range;
    if (wants_one_id || record_has_one_id(record)) kernel::use_one_id();
    const HostFacts host = host_facts(parsed.network.mode);
    restore_layers(store, record);  // takes the store's lock itself

    const base::FileLock lock = store.lock(base::LockMode::shared);
    const store::ImageRecord image = find_image(store, record);
    const oci::ImageConfig config = image::load_config(store, image);
    // Users may have been added in the container: its own /etc/passwd counts.
    saved.draft = draft_spec(store, image, config, saved.request, parsed, host,
                             "../containers/" + id + "/upper");
    when_it_was_made.reset();
    saved.draft.keep = record_keeps(record);
    ContainerSpec& spec = saved.draft.spec;
    spec.volatile_upper = false;
    spec.seccomp = make_seccomp(parsed, spec, store);
    saved.volumes = std::make_unique<VolumeMounts>(store);
    spec.mounts = saved.volumes->resolve(saved.draft.mounts);
    name_container(spec, parsed, host, id, record.string_or("name"));
    return saved;
}

}  // namespace sandbox::engine
