#include "sandbox/project/image_files.hpp"

#include "find_image.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/pull.hpp"
#include "sandbox/oci/reference.hpp"

namespace sandbox::project {
namespace {

// Its name, as long as no other file of the project has taken that; then its id.
std::string name_in_store(const store::Store& store, const store::ImageRecord& record) {
    if (record.reference) {
        std::string name = record.reference->familiar();
        const auto now = store::ImageStore(store).try_find(name);
        if (now && now->id == record.id) return name;
    }
    return record.id.str();
}

}  // namespace

bool is_image_file(const std::string& image) {
    // An id may be no reference.
    if (image.starts_with("sha256:")) return false;
    return !image.empty() &&
           oci::ImageSource::parse(image).kind != oci::ImageSource::Kind::registry;
}

std::optional<store::ImageRecord> try_find_image(const store::Store& store,
                                                 const std::string& image) {
    if (image.empty() || is_image_file(image)) return std::nullopt;
    return store::ImageStore(store).try_find(image);
}

void take_image_files(const store::Store& store, Project& project) {
    std::vector<std::pair<Service*, store::ImageRecord>> taken;
    for (Service& service : project.services) {
        const engine::RunRequest& request = service.request;
        if (!is_image_file(request.image)) continue;
        base::with_context("service " + base::quote(service.name), [&] {
            image::PullOptions options;
            options.platform = request.platform;
            taken.emplace_back(&service,
                               image::ensure_image(store, request.image, request.pull, options));
        });
    }
    for (auto& [service, record] : taken) service->locked_image = name_in_store(store, record);
}

}  // namespace sandbox::project
