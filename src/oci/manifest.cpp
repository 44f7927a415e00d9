#include "sandbox/oci/manifest.hpp"

#include <limits>

#include "fields.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::oci {
namespace {

using base::IntegrityError;
using base::json::Value;

constexpr std::int64_t kMaxI64 = std::numeric_limits<std::int64_t>::max();

Value parse_document(std::string_view text) {
    if (text.size() > kMaxManifestBytes) {
        throw IntegrityError("manifest too large: more than " + std::to_string(kMaxManifestBytes) +
                             " bytes");
    }
    base::json::Limits limits;
    limits.max_bytes = kMaxManifestBytes;
    return base::with_context("manifest", [&] { return base::json::parse(text, limits); });
}

// "Application/JSON; charset=utf-8" → "application/json". Empty for those that say nothing about
// the document, which plain file servers send.
std::string significant_type(std::string_view content_type) {
    std::string type = base::to_lower(base::trim(content_type.substr(0, content_type.find(';'))));
    for (const std::string_view generic :
         {"application/json", "application/octet-stream", "binary/octet-stream", "text/plain"}) {
        if (type == generic) return {};
    }
    return type;
}

// A type that is neither manifest nor index, refused by name.
[[noreturn]] void refuse_type(std::string_view type) {
    if (type.find("manifest.v1+") != type.npos &&
        type.find("vnd.docker.distribution") != type.npos) {
        throw IntegrityError("docker schema 1 manifests are not supported",
                             "push the image anew with a current tool");
    }
    constexpr size_t kShown = 200;
    throw IntegrityError("unknown manifest type " + base::quote(type.substr(0, kShown)),
                         "only images are supported, no other artifacts");
}

MediaType require_document_type(std::string_view name) {
    const auto type = try_parse_media_type(name);
    if (!type || !(is_index(*type) || is_manifest(*type))) refuse_type(name);
    return *type;
}

std::optional<MediaType> try_type_by_content(const Fields& document) {
    if (document.has("manifests")) return MediaType::oci_index;
    if (document.has("layers") || document.has("config")) return MediaType::oci_manifest;
    return std::nullopt;
}

// Header, mediaType and content must all mean the same kind of document.
MediaType document_type(const Fields& document, std::string_view content_type) {
    document.refuse_case_variants_of(
        {"schemaVersion", "mediaType", "config", "layers", "manifests"});
    const std::string header = significant_type(content_type);
    const std::string own = document.string("mediaType");
    if (!header.empty() && !own.empty() && header != own) {
        throw IntegrityError("ambiguous manifest: the registry says " + base::quote(header) +
                             ", the document " + base::quote(own));
    }
    if (document.number("schemaVersion", kMaxI64) == 1)
        refuse_type("application/vnd.docker.distribution.manifest.v1+json");
    const std::string& said = own.empty() ? header : own;
    const auto by_content = try_type_by_content(document);
    if (said.empty() && !by_content) {
        throw IntegrityError("neither an image manifest nor an index");
    }
    const MediaType type = said.empty() ? *by_content : require_document_type(said);
    if (document.has("manifests") && (document.has("layers") || document.has("config"))) {
        throw IntegrityError("ambiguous manifest: it is an index and an image at once");
    }
    if (!by_content || is_index(*by_content) != is_index(type)) {
        throw IntegrityError("ambiguous manifest: content and media type disagree");
    }
    if (document.number("schemaVersion", kMaxI64) != 2) {
        throw IntegrityError("manifest: schemaVersion is not 2");
    }
    return type;
}

std::uint64_t descriptor_size(const Fields& fields) {
    const auto size = fields.value("size").try_i64();
    if (!size || *size <= 0) {
        throw IntegrityError("bad descriptor: " + fields.path_of("size") +
                             ": not a positive number of bytes");
    }
    return static_cast<std::uint64_t>(*size);
}

Descriptor read_descriptor(const Fields& fields, MediaType type) {
    return base::with_context(fields.path_of("digest"), [&] {
        return Descriptor{type, Digest::parse(fields.required_string("digest")),
                          descriptor_size(fields), fields.string_map("annotations")};
    });
}

Descriptor read_config(const Fields& document) {
    const auto fields = document.object("config");
    if (!fields) document.refuse("config", "missing");
    const std::string name = fields->required_string("mediaType");
    const auto type = try_parse_media_type(name);
    if (!type || !is_config(*type)) {
        throw IntegrityError("not a container image: its config is a " + base::quote(name),
                             "only images are supported, no other artifacts");
    }
    Descriptor config = read_descriptor(*fields, *type);
    if (config.size_bytes > kMaxConfigBytes) fields->refuse("size", "image config too large");
    return config;
}

Descriptor read_layer(const Fields& fields) {
    const std::string name = fields.required_string("mediaType");
    const auto type = try_parse_media_type(name);
    if (!type || !is_layer(*type)) {
        throw IntegrityError("unknown layer type " + base::quote(name));
    }
    // Their content is not in the registry; where "urls" leads is up to whoever wrote the manifest.
    if (*type == MediaType::layer_foreign) {
        throw IntegrityError("foreign layer " + base::quote(name) + " is not supported");
    }
    return read_descriptor(fields, *type);
}

std::vector<Descriptor> read_layers(const Fields& document) {
    const std::vector<Fields> fields = document.objects("layers");
    if (fields.empty()) document.refuse("layers", "empty");
    if (fields.size() > kMaxLayers) {
        document.refuse("layers", "more than " + std::to_string(kMaxLayers));
    }
    std::vector<Descriptor> layers;
    std::uint64_t total_bytes = 0;
    for (const Fields& layer : fields) {
        layers.push_back(read_layer(layer));
        // Each is below 2^63, so that one addition cannot wrap unseen.
        total_bytes += layers.back().size_bytes;
        if (total_bytes > static_cast<std::uint64_t>(kMaxI64)) {
            document.refuse("layers", "bad descriptor: sizes add up to more than 2^63");
        }
    }
    return layers;
}

std::optional<Platform> read_platform(const Fields& entry) {
    const auto fields = entry.object("platform");
    if (!fields) return std::nullopt;
    Platform platform;
    platform.os = fields->string("os");
    platform.architecture = fields->string("architecture");
    platform.variant = fields->string("variant");
    return platform;
}

Value to_value(const Descriptor& descriptor, std::string_view type_name) {
    base::json::Object object{{"mediaType", Value(type_name)},
                              {"digest", Value(descriptor.digest.str())},
                              {"size", Value(descriptor.size_bytes)}};
    if (!descriptor.annotations.empty()) {
        object.append("annotations", Value(descriptor.annotations));
    }
    return Value(std::move(object));
}

}  // namespace

Manifest parse_manifest(std::string_view text, std::string_view content_type) {
    const Value value = parse_document(text);
    const Fields document(value, "manifest");
    const MediaType type = document_type(document, content_type);
    if (!is_manifest(type)) throw IntegrityError("an index where an image manifest was expected");
    return Manifest{type, read_config(document), read_layers(document),
                    document.string_map("annotations")};
}

Index parse_index(std::string_view text, std::string_view content_type) {
    const Value value = parse_document(text);
    const Fields document(value, "index");
    Index index;
    index.media_type = document_type(document, content_type);
    if (!is_index(index.media_type)) {
        throw IntegrityError("an image manifest where an index was expected");
    }
    const std::vector<Fields> entries = document.objects("manifests");
    if (entries.size() > kMaxIndexEntries) {
        document.refuse("manifests", "more than " + std::to_string(kMaxIndexEntries));
    }
    for (const Fields& entry : entries) {
        const auto type = try_parse_media_type(entry.required_string("mediaType"));
        if (!type || !(is_manifest(*type) || is_index(*type))) continue;
        index.entries.push_back({read_descriptor(entry, *type), read_platform(entry)});
    }
    return index;
}

DocumentKind document_kind(std::string_view text, std::string_view content_type) {
    const Value value = parse_document(text);
    const MediaType type = document_type(Fields(value, "manifest"), content_type);
    return is_index(type) ? DocumentKind::index : DocumentKind::manifest;
}

const IndexEntry& select_platform(const Index& index, const Platform& wanted) {
    const IndexEntry* best = nullptr;
    int best_fitness = 0;
    std::vector<std::string> offered;
    bool nested = false;
    for (const IndexEntry& entry : index.entries) {
        // One level is what registries have; more is how an index could contain itself.
        if (is_index(entry.descriptor.media_type)) {
            nested = true;
            continue;
        }
        // Not said: taken when nothing else fits; the image's own config is checked later.
        const int fitness = entry.platform ? wanted.fitness(*entry.platform) : 1;
        if (fitness > best_fitness) {
            best = &entry;
            best_fitness = fitness;
        }
        if (entry.platform && entry.platform->os != "unknown") {
            offered.push_back(base::escape_control(entry.platform->str()));
        }
    }
    if (best != nullptr) return *best;
    std::string message = "no image for platform " + wanted.str();
    message +=
        offered.empty() ? ": the index lists none" : ": there is " + base::join(offered, ", ");
    if (nested) message += "; an index inside an index is not followed";
    throw base::Error(std::move(message),
                      offered.empty() ? "" : "choose one of them with --platform");
}

std::string to_json(const Manifest& manifest) {
    const bool docker = manifest.media_type == MediaType::docker_manifest;
    base::json::Array layers;
    for (const Descriptor& layer : manifest.layers) {
        layers.push_back(to_value(layer, docker ? docker_layer_name(layer.media_type)
                                                : media_type_name(layer.media_type)));
    }
    base::json::Object object{
        {"schemaVersion", Value(2)},
        {"mediaType", Value(media_type_name(manifest.media_type))},
        {"config", to_value(manifest.config, media_type_name(manifest.config.media_type))},
        {"layers", Value(std::move(layers))}};
    if (!manifest.annotations.empty()) object.append("annotations", Value(manifest.annotations));
    return base::json::dump(Value(std::move(object)));
}

}  // namespace sandbox::oci
