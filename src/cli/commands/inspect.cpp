#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/documents.hpp"
#include "cli/failures.hpp"
#include "cli/listing_flags.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/engine/networks.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::cli {
namespace {

using base::json::Value;
using Documents = std::vector<Value>;

constexpr Flag kSizeFlag = {"-s,--size", FlagKind::toggle, "",
                            "what a container has written, too; an image's is always shown"};
constexpr Flag kFlags[] = {
    kInspectFormatFlag,
    kSizeFlag,
    {"-t,--type", FlagKind::value, "TYPE", "only image, container, volume or network",
     Completes::words, "image container volume network all"},
};
constexpr Flag kTypedFlags[] = {kInspectFormatFlag, kSizeFlag};
constexpr Flag kVolumeFlags[] = {
    kInspectFormatFlag,
    {"-a,--all", FlagKind::toggle, "", "all volumes"},
};

std::optional<Value> try_container(const store::Store& store, const std::string& name, bool size) {
    // Usually there are none; the first exception of a static program costs milliseconds.
    if (store::ContainerStore(store).list().empty()) return std::nullopt;
    try {
        return engine::inspect_container(store, name, size);
    } catch (const base::NotFoundError&) {
        return std::nullopt;
    }
}

std::optional<Value> try_image(const store::Store& store, const std::string& name) {
    const std::optional<store::ImageRecord> record = store::ImageStore(store).try_find(name);
    if (!record) return std::nullopt;
    return image_document(store, *record);
}

Value find_volume(const store::Store& store, const std::string& name) {
    const std::optional<store::VolumeRecord> record = store::VolumeStore(store).try_get(name);
    if (!record) throw base::NotFoundError("no such volume: " + base::quote(name));
    return volume_document(store, *record);
}

std::optional<Value> try_network(const store::Store& store, const std::string& name) {
    try {
        return find_network_document(store, name);
    } catch (const base::Error&) {
        return std::nullopt;
    }
}

Value find_any(const store::Store& store, const std::string& name, bool size) {
    if (const std::optional<Value> container = try_container(store, name, size)) return *container;
    try {
        if (const std::optional<Value> image = try_image(store, name)) return *image;
    } catch (const base::UsageError&) {
        // A volume's name need not be an image reference.
    }
    try {
        return find_volume(store, name);
    } catch (const base::Error&) {
        if (const auto network = try_network(store, name)) return *network;
        throw base::NotFoundError("no such object: " + base::quote(name),
                                  "`sandbox ps -a`, `images`, `volume ls` and `network ls` list "
                                  "what is there");
    }
}

Value find_typed(const store::Store& store, const std::string& type, const std::string& name,
                 bool size) {
    if (type == "container") return engine::inspect_container(store, name, size);
    if (type == "image") return image_document(store, store::ImageStore(store).find(name));
    if (type == "volume") return find_volume(store, name);
    if (type == "network") return find_network_document(store, name);
    return find_any(store, name, size);
}

// What is found is shown, and what is not is said: docker prints "[]" for nothing, too.
int show(Context& context, const Invocation& in, const std::string& type,
         const std::vector<std::string>& names) {
    Failures failures;
    Documents documents;
    const bool size = type != "volume" && in.toggle("size");
    for (const std::string& name : names) {
        failures.attempt(
            [&] { documents.push_back(find_typed(context.store(), type, name, size)); });
    }
    context.out.write(render_inspect(documents, in.value_or("format", "")));
    return failures.code();
}

int run(Context& context, const Invocation& in) {
    const std::string type = in.value_or("type", "all");
    if (type != "all" && type != "image" && type != "container" && type != "volume" &&
        type != "network") {
        throw base::UsageError("unknown type " + base::quote(type),
                               "use image, container, volume or network");
    }
    return show(context, in, type, in.arguments());
}
int run_image(Context& context, const Invocation& in) {
    return show(context, in, "image", in.arguments());
}
int run_container(Context& context, const Invocation& in) {
    return show(context, in, "container", in.arguments());
}
int run_volume(Context& context, const Invocation& in) {
    std::vector<std::string> names = in.arguments();
    if (in.toggle("all")) {
        for (const store::VolumeRecord& each : store::VolumeStore(context.store()).list()) {
            names.push_back(each.name);
        }
    } else if (names.empty()) {
        throw base::UsageError("no volume named", "name one, or use --all");
    }
    return show(context, in, "volume", names);
}

}  // namespace

constinit const Command kInspectCommand = {
    .names = "inspect",
    .arguments = "NAME [NAME...]",
    .summary = "Show all about containers, images, volumes and networks",
    .flags = kFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::objects,
};
constinit const Command kImageInspectCommand = {
    .names = "image inspect",
    .arguments = "IMAGE [IMAGE...]",
    .summary = "Show all about images",
    .flags = kTypedFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_image,
    .completes = Completes::images,
};
constinit const Command kContainerInspectCommand = {
    .names = "container inspect",
    .arguments = "CONTAINER [CONTAINER...]",
    .summary = "Show all about containers",
    .flags = kTypedFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_container,
    .completes = Completes::containers,
};
constinit const Command kVolumeInspectCommand = {
    .names = "volume inspect",
    .arguments = "VOLUME [VOLUME...]",
    .summary = "Show all about volumes",
    .flags = kVolumeFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_volume,
    .completes = Completes::volumes,
};

}  // namespace sandbox::cli
