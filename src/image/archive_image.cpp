#include "archive_image.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "docker_archive.hpp"
#include "file_source.hpp"
#include "oci_layout.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::image {
namespace {

using base::Error;

std::optional<oci::Reference> try_tagged(std::string_view text) {
    try {
        const oci::Reference reference = oci::Reference::parse(text);
        if (reference.tag()) return reference.with_tag(*reference.tag());
        if (reference.digest()) return reference;
    } catch (const base::UsageError& error) {
        base::log::debug(error.what());
    }
    return std::nullopt;
}

void add_name(std::vector<oci::Reference>& names, std::optional<oci::Reference> name) {
    if (name && std::find(names.begin(), names.end(), *name) == names.end()) {
        names.push_back(std::move(*name));
    }
}

// An OCI layout names its images by full names, or by bare tags that mean nothing outside of it.
void add_oci_names(LocalImage& local, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        if (name.find_first_of("/:") != std::string::npos) {
            add_name(local.image.names, try_tagged(name));
        }
    }
}

// "@1" → 1.
std::optional<std::uint64_t> try_position(const std::string& selector) {
    if (selector.empty() || selector.front() != '@') return std::nullopt;
    return base::try_parse_u64(std::string_view(selector).substr(1));
}

bool is_selected(const std::string& selector, size_t position,
                 const std::vector<std::string>& names) {
    if (selector.empty()) return true;
    if (const auto wanted = try_position(selector)) return *wanted == position;
    const std::optional<oci::Reference> reference = try_tagged(selector);
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return name == selector || (reference && try_tagged(name) == reference);
    });
}

[[noreturn]] void no_such_image(const std::string& selector, std::vector<std::string> offered) {
    std::sort(offered.begin(), offered.end());
    offered.erase(std::unique(offered.begin(), offered.end()), offered.end());
    throw base::NotFoundError("no such image in the archive: " + base::quote(selector),
                              offered.empty()
                                  ? "its images have no names: @0 is the first"
                                  : "there is " + base::escape_control(base::join(offered, ", ")));
}

std::vector<LocalImage> read_docker_images(const ImageFiles& files, const std::string& selector) {
    std::vector<LocalImage> images;
    std::vector<std::string> offered;
    const std::vector<DockerItem> items = list_docker_items(files);
    for (size_t i = 0; i < items.size(); ++i) {
        offered.insert(offered.end(), items[i].repo_tags.begin(), items[i].repo_tags.end());
        if (!is_selected(selector, i, items[i].repo_tags)) continue;
        LocalImage local = read_docker_item(files, items[i]);
        for (const std::string& tag : items[i].repo_tags) {
            add_name(local.image.names, try_tagged(tag));
        }
        images.push_back(std::move(local));
    }
    if (images.empty()) no_such_image(selector, std::move(offered));
    return images;
}

std::vector<LocalImage> read_oci_images(const ImageFiles& files, const std::string& selector,
                                        const oci::Platform& platform) {
    std::vector<LocalImage> images;
    std::vector<std::string> offered;
    const std::vector<OciEntry> entries = list_oci_entries(files);
    for (size_t i = 0; i < entries.size(); ++i) {
        offered.insert(offered.end(), entries[i].names.begin(), entries[i].names.end());
        if (!is_selected(selector, i, entries[i].names)) continue;
        LocalImage local = read_oci_entry(files, entries[i], platform);
        add_oci_names(local, entries[i].names);
        images.push_back(std::move(local));
    }
    if (images.empty()) no_such_image(selector, std::move(offered));
    return images;
}

// What stands for a name where nothing else does: "localhost/<file>:<tag>", as podman has it.
std::optional<oci::Reference> try_name_by_path(const oci::ImageSource& source) {
    std::string path = source.path;
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    std::string name;
    for (const char c : base::to_lower(path.substr(path.rfind('/') + 1))) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
        if (plain || (!name.empty() && name.back() != '-')) name += plain ? c : '-';
    }
    while (!name.empty() && name.back() == '-') name.pop_back();
    if (name.empty()) return std::nullopt;
    const bool tagged = !source.selector.empty() && source.selector.front() != '@' &&
                        source.selector.find_first_of("/:") == std::string::npos;
    return try_tagged("localhost/" + name + ":" + (tagged ? source.selector : "latest"));
}

}  // namespace

std::vector<LocalImage> read_local_images(const ImageFiles& files, const std::string& selector,
                                          const oci::Platform& platform) {
    if (has_docker_manifest(files)) return read_docker_images(files, selector);
    if (has_oci_layout(files)) return read_oci_images(files, selector, platform);
    throw Error("no image archive: neither \"manifest.json\" nor \"oci-layout\" is in it",
                "`sandbox import` takes the tar of a root file system");
}

store::ImageRecord install_local(const store::Store& store, const LocalImage& local,
                                 Progress& progress, const InterruptGuard& interrupt) {
    FileSource source(local.blobs);
    const kernel::IdMap ids = kernel::host_id_map();
    return install_image({store, ids, &source, progress, interrupt}, local.image);
}

store::ImageRecord pull_local(const store::Store& store, const oci::ImageSource& source,
                              const oci::Platform& platform, Progress& progress,
                              const InterruptGuard& interrupt) {
    return base::with_context(base::quote(source.path), [&] {
        const base::UniqueFd fd =
            base::open_at(AT_FDCWD, source.path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        const std::unique_ptr<ImageFiles> files = open_image_files(store, fd.get());
        std::vector<LocalImage> images = read_local_images(*files, source.selector, platform);
        if (images.size() > 1) {
            throw base::UsageError("it holds " + std::to_string(images.size()) + " images",
                                   "choose one by name, or by place: \"" + source.path + ":@0\"");
        }
        LocalImage& local = images.front();
        check_platform(local.image.parsed_config, platform);
        if (source.reference) local.image.names = {*source.reference};
        if (local.image.names.empty()) add_name(local.image.names, try_name_by_path(source));
        return install_local(store, local, progress, interrupt);
    });
}

}  // namespace sandbox::image
