// commit: a worker who owns the container's files writes its changes as a layer's tar (whiteouts
// as ".wh." files); the image room compresses, unpacks and publishes it.
#include "sandbox/engine/commit.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "engine/container_events.hpp"
#include "engine/container_record.hpp"
#include "engine/files/changes.hpp"
#include "engine/files/copy_sides.hpp"
#include "engine/files/pause.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/oci/config_change.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;
namespace raw = base::raw;

constexpr size_t kPipeBytes = 1u << 20;

std::string now_text() {
    const base::Timestamp now = base::now();
    return base::format_rfc3339(now.seconds, now.nanoseconds);
}

// "dir/name" → "dir/.wh.name".
std::string whiteout_path(const std::string& path) {
    const size_t name = path.rfind('/') + 1;  // npos + 1 is 0
    return path.substr(0, name) + ".wh." + path.substr(name);
}

class LayerVisitor final : public image::ChangeVisitor {
  public:
    explicit LayerVisitor(image::TreeArchive& archive) : archive_(archive) {}

    void found(int parent_fd, const std::string& name, const std::string& path, Kind /*kind*/,
               bool is_dir, bool /*differs*/) override {
        if (name.starts_with(".wh.")) {
            throw base::Error("a layer cannot hold the name " + base::quote("/" + path),
                              "remove or rename it in the container");
        }
        archive_.add_one(parent_fd, name, is_dir ? path + "/" : path, path);
    }
    void deleted(const std::string& path) override { archive_.add_mark(whiteout_path(path)); }
    bool hides_all(const std::string& path) override {
        archive_.add_mark(path + "/.wh..wh..opq");
        return true;
    }

  private:
    image::TreeArchive& archive_;
};

// The container's settings over the image's, as docker keeps them.
void take_settings(const json::Value& record, json::Object& config) {
    const auto copy = [&](const char* from, const char* to) {
        if (record[from].as_array() != nullptr && !record[from].as_array()->empty()) {
            config[to] = record[from];
        }
    };
    copy("env", "Env");
    const auto list = [&](const char* from) -> json::Value {
        const json::Array* words = record[from].as_array();
        if (words == nullptr || words->empty()) return nullptr;
        return *words;
    };
    config["Cmd"] = list("cmd");
    config["Entrypoint"] = list("entrypoint");
    for (const auto& [from, to] :
         {std::pair("user", "User"), std::pair("working_dir", "WorkingDir"),
          std::pair("stop_signal", "StopSignal")}) {
        const std::string text = record.string_or(from);
        // The defaults are nobody's wish.
        if (!text.empty() && !(text == "/" && std::string_view(to) == "WorkingDir") &&
            !(text == "SIGTERM" && std::string_view(to) == "StopSignal")) {
            config[to] = text;
        }
    }
    if (const json::Object* labels = record["labels"].as_object()) {
        if (!labels->empty()) config["Labels"] = *labels;
    }
}

json::Object make_document(const store::Store& store, const store::ImageRecord& base,
                           const CommitRequest& request, const json::Value& record) {
    json::Value loaded = image::load_config_document(store, base);
    if (loaded.as_object() == nullptr) throw base::IntegrityError("the image's config is damaged");
    json::Object document = std::move(*loaded.as_object());
    json::Value& config = document["config"];
    if (config.as_object() == nullptr) config = json::Object{};
    take_settings(record, *config.as_object());
    oci::apply_config_changes(*config.as_object(), request.changes);
    const std::string created = now_text();
    document["created"] = created;
    if (!request.author.empty()) document["author"] = request.author;
    // Of the container or build that the base came from.
    for (const char* key : {"container", "container_config", "id", "parent"}) document.erase(key);
    json::Object entry{{"created", created},
                       {"created_by", base::join(record["cmd"].strings(), " ")}};
    if (!request.author.empty()) entry["author"] = request.author;
    if (!request.message.empty()) entry["comment"] = request.message;
    json::Value& history = document["history"];
    if (history.as_array() == nullptr) history = json::Array{};
    history.as_array()->emplace_back(std::move(entry));
    return document;
}

store::ImageRecord find_base(const store::Store& store, const json::Value& record) {
    const std::string id = record.string_or("image_id");
    if (auto base = store::ImageStore(store).try_find(id)) return *base;
    throw base::NotFoundError("the container's image " + base::quote(record.string_or("image")) +
                                  " is gone: no such image",
                              "`sandbox export` writes the container as it is");
}

// What a worker writes into one end of a pipe becomes a layer at the other.
store::ImageRecord install(const store::Store& store, Worker& worker, base::Pipe& pipe,
                           const image::NewImage& image) {
    pipe.write_end.reset();
    // The layer is whole only when its writer says so: nothing is published before.
    std::optional<store::ImageRecord> record;
    try {
        record = image::install_new_image(store, pipe.read_end.get(), image, [&] {
            const image::FileReport report = parse_report(worker.receive());
            for (const std::string& line : report.notices) base::log::notice(line);
            if (!report.failures.empty()) {
                throw base::Error("not all could be read: " + report.failures.front());
            }
        });
    } catch (const base::IntegrityError&) {
        pipe.read_end.reset();
        (void)worker.receive();  // when the writer has failed, that is the reason
        throw;
    }
    return *record;
}

}  // namespace

store::ImageRecord commit_container(const store::Store& store, const CommitRequest& request) {
    OpenContainer container = open_container(store, request.container);
    const json::Value& record = container.entry.record;
    image::NewImage image;
    image.base = find_base(store, record);
    image.config = make_document(store, *image.base, request, record);
    image.name = request.name;
    image.format = request.format;

    ChangeSources sources(store, container);
    const kernel::IdMap ids = files_id_map(record);
    image::OwnerBook owners;
    if (ids.mode == kernel::IdMode::single) owners = image::load_owner_book(sources.layer_dirs());
    const image::OwnerTable table = image::load_owner_table(container.dir.get());
    const Pause pause(store, container, request.pause);
    base::Pipe pipe = base::make_pipe(kPipeBytes);
    OwnerPlace place(ids);
    Worker worker = Worker::start(place, [&](const WorkerLink& link) {
        const image::ChangedTree tree = sources.open();
        std::vector<int> keep = sources.numbers();
        keep.push_back(link.fd());
        keep.push_back(pipe.write_end.get());
        image::confine_file_work(image::kFileCapabilities, keep);
        image::ArchiveOptions options;
        options.nanoseconds = false;
        options.holes = false;
        options.owners = &owners;
        options.table = &table;
        image::TreeArchive archive(pipe.write_end.get(), options);
        LayerVisitor visitor(archive);
        image::walk_changes(tree, visitor);
        return report_words(archive.finish());
    });
    store::ImageRecord result = install(store, worker, pipe, image);
    tell_container(store, container.entry.id, record, "commit", {{"comment", request.message}});
    store::append_event(store, store::image_event("create", result.id.str(), result.id.str()));
    return result;
}

store::ImageRecord import_image(const store::Store& store, const ImportRequest& request) {
    const oci::Platform platform = request.platform.value_or(oci::Platform::host());
    const std::string created = now_text();
    json::Object config;
    oci::apply_config_changes(config, request.changes);
    image::NewImage image;
    image.config = {{"created", created}, {"architecture", platform.architecture}};
    if (!platform.variant.empty()) image.config["variant"] = platform.variant;
    image.config["os"] = platform.os;
    image.config["config"] = std::move(config);
    const std::string comment =
        request.message.empty() ? "Imported from " + request.source : request.message;
    image.config["history"] = json::Array{json::Object{{"created", created}, {"comment", comment}}};
    image.name = request.name;

    base::Pipe pipe = base::make_pipe(kPipeBytes);
    HostPlace place;
    Worker worker = Worker::start(place, [&](const WorkerLink& link) {
        // What decompresses other people's bytes can do nothing but read and write these.
        image::confine_file_work(0, {link.fd(), request.tar_fd, pipe.write_end.get()});
        image::write_plain(request.tar_fd, pipe.write_end.get());
        return report_words({});
    });
    store::ImageRecord result = install(store, worker, pipe, image);
    store::append_event(store, store::image_event("import", result.id.str(), result.id.str()));
    return result;
}

}  // namespace sandbox::engine
