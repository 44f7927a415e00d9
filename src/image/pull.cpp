#include "sandbox/image/pull.hpp"

#include <algorithm>
#include <utility>

#include "archive_image.hpp"
#include "install.hpp"
#include "interrupt.hpp"
#include "registry_source.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/registry/client.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::image {
namespace {

using base::Error;
using base::IntegrityError;

struct FetchedDocument {
    Document document;
    std::string content_type;
};

oci::Platform wanted_platform(const PullOptions& options) {
    return options.platform ? *options.platform : oci::Platform::host();
}

store::LayerMode layer_mode(const kernel::IdMap& ids) {
    return ids.mode == kernel::IdMode::range ? store::LayerMode::range : store::LayerMode::single;
}

constexpr std::string_view kRegistryPrefix = "docker://";

// "sha256:…" or 64 hex digits: an image id, never a name.
bool is_id(std::string_view name) noexcept {
    constexpr std::string_view kPrefix = "sha256:";
    constexpr size_t kDigits = 64;
    const bool prefixed = name.substr(0, kPrefix.size()) == kPrefix;
    const std::string_view digits = prefixed ? name.substr(kPrefix.size()) : name;
    return (prefixed || digits.size() == kDigits) && oci::looks_like_id(digits);
}

// A damaged record is as good as none: it is about to be replaced.
std::optional<store::ImageRecord> try_get_sound(const store::Store& store,
                                                const oci::Reference& reference) {
    try {
        return store::ImageStore(store).try_get(reference);
    } catch (const IntegrityError& error) {
        base::log::debug(error.what());
        return std::nullopt;
    }
}

void begin(const PullOptions& options) {
    if (options.begins) options.begins();
}

std::optional<store::ImageRecord> try_find_sound(const store::Store& store, std::string_view name) {
    try {
        return store::ImageStore(store).try_find(name);
    } catch (const IntegrityError& error) {
        base::log::warning(error.what());
        return std::nullopt;
    }
}

bool has_layers(const store::Store& store, const store::ImageRecord& record,
                store::LayerMode mode) {
    const store::LayerStore layers(store);
    return std::all_of(record.chains.begin(), record.chains.end(),
                       [&](const oci::ChainId& chain) { return layers.exists(chain, mode); });
}

bool has_blobs(const store::Store& store, const store::ImageRecord& record) {
    const store::BlobStore blobs(store);
    return blobs.exists(record.id) && blobs.exists(record.manifest) &&
           std::all_of(record.layer_blobs.begin(), record.layer_blobs.end(),
                       [&](const oci::Digest& blob) { return blobs.exists(blob); });
}

// What `record` says is what the registry's tag names now, and all of it is here.
bool is_unchanged(const store::Store& store, const store::ImageRecord& record,
                  const oci::Digest& tagged, const PullOptions& options, store::LayerMode mode) {
    const bool same = record.manifest == tagged || (record.index && *record.index == tagged);
    return same && wanted_platform(options).fitness(record.platform) > 0 &&
           has_layers(store, record, mode) && has_blobs(store, record);
}

std::optional<std::string> try_stored(const store::Store& store, const oci::Digest& digest,
                                      std::uint64_t limit_bytes) {
    const store::BlobStore blobs(store);
    try {
        if (blobs.exists(digest)) return blobs.read_verified(digest, limit_bytes);
    } catch (const IntegrityError& error) {
        base::log::debug(error.what());
        blobs.remove(digest);  // comes anew
    }
    return std::nullopt;
}

// One pull from a registry.
class RegistryPull {
  public:
    RegistryPull(const store::Store& store, const oci::Reference& reference,
                 const PullOptions& options, Progress& progress, const InterruptGuard& interrupt)
        : store_(store),
          // As docker: a digest decides, the tag beside it is not looked at.
          reference_(reference.digest() ? reference.with_digest(*reference.digest()) : reference),
          options_(options),
          progress_(progress),
          interrupt_(interrupt),
          ids_(kernel::host_id_map()) {
        client_.set_interrupt_fd(interrupt.fd());
    }

    store::ImageRecord run() {
        progress_.message("Trying to pull " + reference_.str() + "...");
        registry::FetchedManifest fetched = client_.fetch_manifest(reference_);
        const std::optional<store::ImageRecord> former = try_get_sound(store_, reference_);
        if (former && is_unchanged(store_, *former, fetched.digest, options_, layer_mode(ids_))) {
            return *former;
        }
        remove_leftovers(store_);
        const ResolvedImage image = resolve(std::move(fetched));
        RegistrySource source(client_, reference_);
        return install_image({store_, ids_, &source, progress_, interrupt_}, image);
    }

  private:
    ResolvedImage resolve(registry::FetchedManifest fetched) {
        const oci::Digest tagged = fetched.digest;
        FetchedDocument top{{fetched.digest, std::move(fetched.body)},
                            std::move(fetched.content_type)};
        std::optional<Document> index;
        if (oci::document_kind(top.document.text, top.content_type) == oci::DocumentKind::index) {
            const oci::Index parsed = oci::parse_index(top.document.text, top.content_type);
            const oci::IndexEntry& entry = oci::select_platform(parsed, wanted_platform(options_));
            index = std::move(top.document);
            top = fetch_entry(entry.descriptor);
        }
        const oci::Manifest manifest = base::with_context(
            "manifest " + top.document.digest.str(),
            [&] { return oci::parse_manifest(top.document.text, top.content_type); });
        Document config{manifest.config.digest, fetch_config(manifest.config)};
        ResolvedImage image =
            make_resolved(std::move(top.document), top.content_type, std::move(config));
        check_platform(image.parsed_config, wanted_platform(options_));
        image.index = std::move(index);
        image.names = {reference_};
        image.repo_digests = {reference_.with_digest(tagged).str()};
        return image;
    }

    FetchedDocument fetch_entry(const oci::Descriptor& entry) {
        FetchedDocument found{{entry.digest, {}}, {}};
        if (auto text = try_stored(store_, entry.digest, oci::kMaxManifestBytes)) {
            found.document.text = std::move(*text);
        } else {
            registry::FetchedManifest fetched =
                client_.fetch_manifest(reference_.with_digest(entry.digest));
            found = {{fetched.digest, std::move(fetched.body)}, std::move(fetched.content_type)};
        }
        if (found.document.text.size() != entry.size_bytes) {
            throw IntegrityError("manifest " + entry.digest.str() + " has " +
                                 std::to_string(found.document.text.size()) +
                                 " bytes, the index says " + std::to_string(entry.size_bytes));
        }
        if (oci::document_kind(found.document.text, found.content_type) !=
            oci::DocumentKind::manifest) {
            throw IntegrityError("index within an index: " + entry.digest.str());
        }
        return found;
    }

    std::string fetch_config(const oci::Descriptor& config) {
        if (auto text = try_stored(store_, config.digest, oci::kMaxConfigBytes)) {
            return std::move(*text);
        }
        return client_.fetch_blob(reference_, config.digest, config.size_bytes);
    }

    const store::Store& store_;
    const oci::Reference reference_;
    const PullOptions& options_;
    Progress& progress_;
    const InterruptGuard& interrupt_;
    const kernel::IdMap ids_;
    registry::Client client_;
};

// What came from a file is called localhost/NAME; NAME alone is docker.io's.
void name_local_one(const store::Store& store, const oci::Reference& wanted, base::Error& error) {
    if (wanted.domain() != "docker.io" || error.code() >= base::exit_code::kSignalBase) return;
    const oci::Reference local = oci::Reference::parse("localhost/" + wanted.familiar());
    if (!store::ImageStore(store).try_find(local.str())) return;
    error.set_hint("there is " + base::quote(local.familiar()) + ": give its whole name");
}

store::ImageRecord pull_from(const store::Store& store, const oci::ImageSource& source,
                             const PullOptions& options, Progress& progress,
                             const InterruptGuard& interrupt) {
    if (source.kind == oci::ImageSource::Kind::registry) {
        const oci::Reference& wanted = source.reference.value();
        try {
            return RegistryPull(store, wanted, options, progress, interrupt).run();
        } catch (base::Error& error) {
            name_local_one(store, wanted, error);
            throw;
        }
    }
    remove_leftovers(store);
    return pull_local(store, source, wanted_platform(options), progress, interrupt);
}

// The platform fits, or nobody asked for one.
bool fits(const store::ImageRecord& record, const PullOptions& options) {
    return !options.platform || options.platform->fitness(record.platform) > 0;
}

}  // namespace

store::ImageRecord pull(const store::Store& store, const oci::ImageSource& source,
                        const PullOptions& options) {
    Progress silent;
    Progress& progress = options.progress != nullptr ? *options.progress : silent;
    const InterruptGuard interrupt;
    try {
        store::ImageRecord record = pull_from(store, source, options, progress, interrupt);
        progress.finished();
        store::append_event(store,
                            store::image_event("pull", record.id.str(),
                                               record.reference ? record.reference->str() : ""));
        return record;
    } catch (const Error&) {
        progress.finished();
        interrupt.check();  // whatever it looked like, it was the user's Ctrl-C
        throw;
    }
}

oci::Digest resolve_digest(const oci::Reference& reference) {
    const InterruptGuard interrupt;
    registry::Client client;
    client.set_interrupt_fd(interrupt.fd());
    return client.fetch_manifest(reference).digest;
}

void unpack_layers(const store::Store& store, const store::ImageRecord& record,
                   const kernel::IdMap& ids, Progress* progress) {
    const store::LayerMode mode = layer_mode(ids);
    if (has_layers(store, record, mode)) return;
    Progress silent;
    const InterruptGuard interrupt;
    const store::BlobStore blobs(store);
    const std::string text = blobs.read_verified(record.manifest, oci::kMaxManifestBytes);
    const std::vector<LayerWish> layers =
        layer_wishes(oci::parse_manifest(text), load_config(store, record));
    const InstallContext context{store, ids, nullptr, progress != nullptr ? *progress : silent,
                                 interrupt};
    const store::Claim claim = claim_layers(context, layers);
    (void)install_layers(context, layers);
}

store::ImageRecord ensure_image(const store::Store& store, std::string_view name, PullPolicy policy,
                                const PullOptions& options) {
    std::optional<oci::ImageSource> source;  // absent: an id, nothing that could be pulled
    if (!is_id(name)) {
        source = oci::ImageSource::parse(name);
        if (source->kind != oci::ImageSource::Kind::registry) {
            begin(options);
            return pull(store, *source, options);
        }
        if (name.substr(0, kRegistryPrefix.size()) == kRegistryPrefix) {
            name.remove_prefix(kRegistryPrefix.size());
        }
    }
    std::optional<store::ImageRecord> record;
    if (policy != PullPolicy::always || !source) record = try_find_sound(store, name);
    if (record && fits(*record, options)) {
        const kernel::IdMap ids = kernel::host_id_map();
        if (has_layers(store, *record, layer_mode(ids))) return std::move(*record);
        if (has_blobs(store, *record)) {
            begin(options);
            try {
                unpack_layers(store, *record, ids, options.progress);
                return std::move(*record);
            } catch (const base::NotFoundError&) {
                // `rmi` has taken the layers, and meanwhile the blobs: there is no such image.
                if (store::ImageStore(store).try_find(record->id.str())) throw;
            }
        }
        if (record->reference) {  // the name may have been an id's first digits
            source.emplace().reference = record->reference;
        }
    }
    if (policy == PullPolicy::never || !source) {
        throw base::NotFoundError("no such image: " + base::quote(name),
                                  "`sandbox pull` gets it, `sandbox images` lists what is there",
                                  base::exit_code::kEngine);
    }
    begin(options);
    return pull(store, *source, options);
}

oci::ImageConfig load_config(const store::Store& store, const store::ImageRecord& record) {
    const std::string name = record.reference ? record.reference->familiar() : record.id.str();
    std::string text;
    try {
        text = store::BlobStore(store).read(record.id, oci::kMaxConfigBytes);
    } catch (const base::NotFoundError&) {  // `rmi` came between the record and us, or damage
        throw base::NotFoundError("no such image: " + base::quote(name) + ": its config is gone",
                                  "pull it again");
    }
    return base::with_context("config of image " + base::quote(name),
                              [&] { return oci::parse_image_config(text); });
}

}  // namespace sandbox::image
