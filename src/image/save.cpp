// Blobs leave as they came: what is saved has the digests that were pulled.
#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/pull.hpp"
#include "sandbox/oci/manifest.hpp"
#include "sandbox/store/blob_store.hpp"
#include "sandbox/store/event_log.hpp"
#include "tar_writer.hpp"

namespace sandbox::image {
namespace {

namespace json = base::json;
using json::Value;

constexpr const char* kOciManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kDockerManifestType = "application/vnd.docker.distribution.manifest.v2+json";
constexpr const char* kOciIndexType = "application/vnd.oci.image.index.v1+json";

struct SavedImage {
    store::ImageRecord record;
    std::vector<oci::Reference> tags;  // in the order of asking
    std::string manifest_text;
    oci::Manifest manifest;
};

// Where the files of an image go: a tar stream, or a directory.
class Sink {
  public:
    virtual ~Sink() = default;
    virtual void add_dir(const std::string& name) = 0;
    virtual void add_text(const std::string& name, const std::string& text) = 0;
    virtual void add_blob(const std::string& name, int fd, std::uint64_t size_bytes) = 0;
    virtual void finish() = 0;
};

class TarSink final : public Sink {
  public:
    explicit TarSink(int out_fd) : tar_(out_fd) {}
    void add_dir(const std::string& name) override { tar_.add_dir(name); }
    void add_text(const std::string& name, const std::string& text) override {
        tar_.add_file(name, text);
    }
    void add_blob(const std::string& name, int fd, std::uint64_t size_bytes) override {
        tar_.add_file(name, fd, size_bytes);
    }
    void finish() override { tar_.finish(); }

  private:
    TarWriter tar_;
};

class DirSink final : public Sink {
  public:
    explicit DirSink(const std::string& path) {
        base::make_dirs(path, 0755);
        dir_ = base::open_dir(path);
        if (!base::list_dir(dir_.get()).empty()) {
            throw base::Error("directory " + base::quote(path) + " is not empty", "name a new one");
        }
    }
    void add_dir(const std::string& name) override { base::make_dir_at(dir_.get(), name, 0755); }
    void add_text(const std::string& name, const std::string& text) override {
        base::write_all(create(name).get(), text);
    }
    void add_blob(const std::string& name, int fd, std::uint64_t size_bytes) override {
        copy_bytes(fd, create(name).get(), size_bytes, name);
    }
    void finish() override {}

  private:
    [[nodiscard]] base::UniqueFd create(const std::string& name) const {
        return base::open_at(dir_.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
    }
    base::UniqueFd dir_;
};

// One image may be asked for under several names, and by its id.
std::vector<SavedImage> collect(const store::Store& store, const std::vector<std::string>& names) {
    const store::ImageStore images(store);
    const store::BlobStore blobs(store);
    std::vector<SavedImage> saved;
    for (const std::string& name : names) {
        store::ImageRecord record = images.find(name);
        auto known = std::find_if(saved.begin(), saved.end(), [&](const SavedImage& image) {
            return image.record.id == record.id && image.record.manifest == record.manifest;
        });
        if (known == saved.end()) {
            std::string text = blobs.read_verified(record.manifest, oci::kMaxManifestBytes);
            oci::Manifest manifest = oci::parse_manifest(text);
            saved.push_back({record, {}, std::move(text), std::move(manifest)});
            known = saved.end() - 1;
        }
        // As docker: an id gives no name to what is saved.
        const bool by_id = oci::looks_like_id(name) || name.substr(0, 7) == "sha256:";
        const bool named = record.reference && record.reference->tag() &&
                           (!by_id || record.reference->familiar_name() == name);
        auto& tags = known->tags;
        if (named && std::find(tags.begin(), tags.end(), *record.reference) == tags.end()) {
            tags.push_back(*record.reference);
        }
    }
    return saved;
}

std::string blob_name(const oci::Digest& digest) {
    return "blobs/sha256/" + digest.hex();
}

Value index_entry(const SavedImage& image, const oci::Reference* tag) {
    json::Object entry;
    entry.append("mediaType", image.manifest.media_type == oci::MediaType::docker_manifest
                                  ? kDockerManifestType
                                  : kOciManifestType);
    entry.append("digest", image.record.manifest.str());
    entry.append("size", image.manifest_text.size());
    if (tag != nullptr) {
        entry.append("annotations",
                     Value(json::Object{{"io.containerd.image.name", Value(tag->str())},
                                        {"org.opencontainers.image.ref.name", Value(tag->str())}}));
    }
    return Value(std::move(entry));
}

std::string index_json(const std::vector<SavedImage>& images) {
    json::Array entries;
    for (const SavedImage& image : images) {
        if (image.tags.empty()) entries.push_back(index_entry(image, nullptr));
        for (const oci::Reference& tag : image.tags) entries.push_back(index_entry(image, &tag));
    }
    return json::dump(Value(json::Object{{"schemaVersion", Value(2)},
                                         {"mediaType", Value(kOciIndexType)},
                                         {"manifests", Value(std::move(entries))}}));
}

std::string docker_manifest_json(const std::vector<SavedImage>& images) {
    json::Array items;
    for (const SavedImage& image : images) {
        json::Array tags;
        for (const oci::Reference& tag : image.tags) tags.emplace_back(tag.familiar());
        json::Array layers;
        for (const oci::Descriptor& layer : image.manifest.layers) {
            layers.emplace_back(blob_name(layer.digest));
        }
        items.emplace_back(
            json::Object{{"Config", Value(blob_name(image.record.id))},
                         {"RepoTags", tags.empty() ? Value() : Value(std::move(tags))},
                         {"Layers", Value(std::move(layers))}});
    }
    return json::dump(Value(std::move(items)));
}

// All blobs are opened before the first byte is written: what is missing is known by then, and what
// is removed meanwhile stays readable.
class BlobWriter {
  public:
    // `prefix`: before the hex digits.
    BlobWriter(const store::Store& store, std::string prefix)
        : blobs_(store), prefix_(std::move(prefix)) {}
    void add(const oci::Digest& digest) {
        if (!added_.insert(digest).second) return;
        std::optional<base::UniqueFd> fd = blobs_.try_open(digest);
        if (!fd) {
            throw base::NotFoundError("blob " + digest.str() + " is not in the store",
                                      "pull the image again to get it back");
        }
        files_.push_back({prefix_ + digest.hex(), std::move(*fd), blobs_.size_bytes(digest)});
    }
    void add_image(const SavedImage& image) {
        for (const oci::Descriptor& layer : image.manifest.layers) add(layer.digest);
        add(image.record.id);
    }
    void write(Sink& sink) const {
        for (const File& file : files_) sink.add_blob(file.name, file.fd.get(), file.size_bytes);
    }

  private:
    struct File {
        std::string name;
        base::UniqueFd fd;
        std::uint64_t size_bytes;
    };
    store::BlobStore blobs_;
    std::string prefix_;
    std::set<oci::Digest> added_;
    std::vector<File> files_;
};

void save_layout(const BlobWriter& blobs, const std::vector<SavedImage>& images, Sink& sink,
                 bool docker) {
    sink.add_text("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    sink.add_text("index.json", index_json(images));
    if (docker) sink.add_text("manifest.json", docker_manifest_json(images));
    sink.add_dir("blobs");
    sink.add_dir("blobs/sha256");
    blobs.write(sink);
    sink.finish();
}

// The layout of containers' "dir:" transport: the manifest beside its blobs.
void save_docker_dir(const store::Store& store, const std::vector<SavedImage>& images,
                     const std::string& path) {
    if (images.size() != 1) {
        throw base::UsageError("a docker-dir holds one image, not " +
                               std::to_string(images.size()));
    }
    BlobWriter blobs(store, "");
    blobs.add_image(images.front());
    DirSink sink(path);
    sink.add_text("version", "Directory Transport Version: 1.1\n");
    sink.add_text("manifest.json", images.front().manifest_text);
    blobs.write(sink);
}

void tell_saved(const store::Store& store, const std::vector<SavedImage>& images) {
    for (const SavedImage& image : images) {
        const store::ImageRecord& record = image.record;
        store::append_event(store,
                            store::image_event("save", record.id.str(),
                                               record.reference ? record.reference->str() : ""));
    }
}

}  // namespace

void save(const store::Store& store, const std::vector<std::string>& names, ArchiveFormat format,
          int out_fd, const std::string& dir_path) {
    const std::vector<SavedImage> images = collect(store, names);
    if (format == ArchiveFormat::docker_dir) {
        save_docker_dir(store, images, dir_path);
        tell_saved(store, images);
        return;
    }
    BlobWriter blobs(store, "blobs/sha256/");
    for (const SavedImage& image : images) {
        blobs.add_image(image);
        blobs.add(image.record.manifest);
    }
    if (format == ArchiveFormat::oci_dir) {
        DirSink sink(dir_path);
        save_layout(blobs, images, sink, false);
    } else {
        TarSink sink(out_fd);
        save_layout(blobs, images, sink, format == ArchiveFormat::docker_archive);
    }
    tell_saved(store, images);
}

}  // namespace sandbox::image
