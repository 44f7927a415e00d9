#include "engine/container_maker.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "engine/container_record.hpp"
#include "engine/dead_containers.hpp"
#include "engine/flags/device_flags.hpp"
#include "engine/flags/flag_error.hpp"
#include "engine/launch.hpp"
#include "engine/memory_files.hpp"
#include "engine/network/place_member.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/engine/networks.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;
constexpr int kEngine = base::exit_code::kEngine;

void check_cidfile(const RunRequest& request) {
    if (request.cidfile && base::exists_at(AT_FDCWD, *request.cidfile)) {
        throw_usage("container id file " + base::quote(*request.cidfile) + " already exists",
                    "remove it, or name another file with --cidfile");
    }
}

AccountFiles read_accounts(const store::Store& store, const image::RootfsPlan& rootfs) {
    constexpr size_t kMaxBytes = 1u << 20;
    const auto read = [&](const char* path) -> std::string {
        try {
            return image::try_read_image_file(store, rootfs, path, kMaxBytes).value_or("");
        } catch (const base::Error& error) {
            base::log::warning("the image's /" + std::string(path) +
                               " is not used: " + error.message());
            return {};
        }
    };
    return {read("etc/passwd"), read("etc/group")};
}

// What is asked for may not be what can be had; of a directory's devices one takes what there is.
void tell_rights(const RunRequest& request, const ContainerSpec& spec) {
    if (request.group_add == std::vector<std::string>{kKeepGroups}) {
        base::log::notice("the container may use what your groups may use on this host");
    }
    for (const MountSpec& mount : spec.mounts) {
        if (mount.kind != MountSpec::Kind::device || mount.if_there) continue;
        const std::string why = why_closed(mount.source, host_identity(spec));
        if (!why.empty()) base::log::warning("--device " + mount.source + ": " + why);
    }
}

}  // namespace

kernel::BpfProgram make_seccomp(const ParsedRequest& parsed, const ContainerSpec& spec,
                                const store::Store& store) {
    kernel::SeccompOptions options;
    options.capabilities = spec.capabilities;
    options.fake_identity = spec.identity == IdentityMode::fake;
    const int cache_fd = store.cache_fd();
    if (parsed.security.seccomp_unconfined) {
        if (!options.fake_identity) return {};
        return kernel::identity_only_seccomp(options, cache_fd);
    }
    if (!parsed.security.seccomp_file.empty()) {
        return kernel::seccomp_from_profile(parsed.seccomp_profile, parsed.security.seccomp_file,
                                            options, cache_fd);
    }
    return kernel::default_seccomp(options, cache_fd);
}

SpecDraft draft_spec(const store::Store& store, const store::ImageRecord& image,
                     const oci::ImageConfig& config, const RunRequest& request,
                     const ParsedRequest& parsed, const HostFacts& host,
                     const std::string& upper_dir) {
    image::RootfsPlan rootfs = image::plan_rootfs(store, image, host.ids.mode);
    image::RootfsPlan seen = rootfs;
    if (!upper_dir.empty()) seen.lower_dirs.insert(seen.lower_dirs.begin(), upper_dir);
    const AccountFiles accounts = read_accounts(store, seen);
    SpecDraft draft = make_spec(request, parsed, config, accounts, std::move(rootfs), host);
    draft.spec.memory_files = read_memory_files(request.memory_files);
    return draft;
}

ContainerMaker::ContainerMaker(const store::Store& store, const RunRequest& request, bool launches)
    : store_(store), request_(request), launches_(launches), volumes_(store) {}

// What takes longest in a launch, while the rest is found out. Root's maps and mounts are
// different.
void ContainerMaker::begin_namespaces() {
    if (!launches_ || ::geteuid() == 0 || parsed_.network.mode == NetworkMode::joined) return;
    const std::vector<NetworkUse>& uses = parsed_.networks;
    const bool has_private =
        parsed_.network.mode == NetworkMode::attached &&
        (uses.empty() || std::any_of(uses.begin(), uses.end(), [](const NetworkUse& use) {
             return use.name == kPrivateNetwork;
         }));
    try {
        if (has_private) private_network_.emplace(net::ProjectNetwork::begin(private_plan()));
        early_.emplace(kernel::host_id_map(), early_namespaces(parsed_.network.mode));
    } catch (const base::Error& error) {
        base::log::debug(error.message());  // the launch will say it
    }
}

void ContainerMaker::forget_early() noexcept {
    early_.reset();
    private_network_.reset();
}

// Found out before anything is fetched; the store decides again when the container is made.
void ContainerMaker::prepare_name() {
    if (parsed_.name.empty()) return;
    const store::ContainerStore containers(store_);
    const auto is_taken = [&] {
        try {
            return containers.find(parsed_.name).name == parsed_.name;
        } catch (const base::Error&) {  // no such container: what we want
            return false;
        }
    };
    if (!is_taken()) return;
    remove_dead_containers(store_);
    if (!is_taken()) return;
    if (request_.replace) {
        remove_container(store_, parsed_.name, true, true);
        return;
    }
    throw_usage("the container name " + base::quote(parsed_.name) + " is already in use",
                "remove that container with `sandbox rm " + parsed_.name +
                    "`, or use --replace or another name");
}

void ContainerMaker::add_mounts_from_others() {
    if (request_.volumes_from.empty()) return;
    for (MountWish& wish : mounts_from(store_, request_.volumes_from)) {
        const bool taken = std::any_of(
            parsed_.mounts.begin(), parsed_.mounts.end(),
            [&](const MountWish& mine) { return mine.spec.target == wish.spec.target; });
        if (!taken) parsed_.mounts.push_back(std::move(wish));
    }
}

// `rmi` may have come between finding the image and the lock: then whatever failed is no damage.
void ContainerMaker::explain_missing_image(const store::ImageRecord& image) {
    if (store::ImageStore(store_).try_find(image.id.str())) return;
    throw base::NotFoundError("no such image: " + base::quote(request_.image),
                              "it was removed while the container was being made", kEngine);
}

void ContainerMaker::make_container(const store::ImageRecord& image) {
    // Whatever exists now stays until the container's record refers to it.
    const base::FileLock lock = store_.lock(base::LockMode::shared);
    add_mounts_from_others();
    oci::ImageConfig config;
    try {
        config = image::load_config(store_, image);
        draft_ = draft_spec(store_, image, config, request_, parsed_, host_);
    } catch (const base::UsageError&) {
        throw;
    } catch (const base::Error&) {
        explain_missing_image(image);
        throw;
    }
    ContainerSpec& spec = draft_.spec;
    spec.seccomp = make_seccomp(parsed_, spec, store_);
    // A signal that comes while something is made waits until it can be undone.
    gate_.emplace();
    spec.mounts = volumes_.plan(draft_.mounts);
    record_ = make_record(request_, parsed_, draft_, config, image, volumes_.names());
    const std::string name = create_named();
    json::Object& record = *record_.as_object();
    record["id"] = container_->id;
    record["name"] = name;
    make_mounts();
    if (draft_.keep || request_.detached) mark_kept(*container_);
    if (request_.detached) volumes_.leave_seeding();  // its supervisor's, and so are the locks
    name_container(spec, parsed_, host_, container_->id, name);
    write_cidfile();
    store::append_event(store_, store::container_event("create", record_));
}

// The record is there: what is made from now on goes with the container, whoever removes it.
void ContainerMaker::make_mounts() {
    ContainerSpec& spec = draft_.spec;
    const std::vector<MountSpec> planned =
        std::exchange(spec.mounts, volumes_.resolve(draft_.mounts));
    const bool as_planned =
        std::equal(planned.begin(), planned.end(), spec.mounts.begin(), spec.mounts.end(),
                   [](const MountSpec& a, const MountSpec& b) { return a.seed == b.seed; });
    if (!as_planned) {  // a volume that nothing was copied into has content
        set_mounts(record_, spec.mounts);
        store::ContainerStore(store_).save_record(*container_, record_, draft_.keep);
    }
    tell_rights(request_, spec);
}

std::string ContainerMaker::create_named() {
    const store::ContainerStore containers(store_);
    constexpr int kMaxTries = 100;
    for (int tries = 1;; ++tries) {
        std::string name = parsed_.name.empty() ? containers.make_name() : parsed_.name;
        try {
            container_ = containers.create(name, record_, draft_.keep);
            return name;
        } catch (const base::UsageError&) {
            // A name that we made up, and another run at the same moment as well; or one that came
            // into use since we replaced its container.
            if (tries == kMaxTries || (!parsed_.name.empty() && !request_.replace)) throw;
            prepare_name();
        }
    }
}

void ContainerMaker::write_cidfile() {
    if (!request_.cidfile) return;
    const base::UniqueFd file =
        base::open_at(AT_FDCWD, *request_.cidfile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    cidfile_written_ = true;
    base::write_all(file.get(), container_->id);
}

store::OwnedContainer ContainerMaker::release() noexcept {
    cidfile_written_ = false;
    volumes_.keep();
    store::OwnedContainer owned = std::move(*container_);
    container_.reset();
    return owned;
}

void ContainerMaker::remove_cidfile() noexcept {
    if (std::exchange(cidfile_written_, false)) {
        (void)base::raw::unlinkat(AT_FDCWD, request_.cidfile->c_str());
    }
}

void ContainerMaker::remove_quietly(const base::json::Value& record) noexcept {
    // A container that never ran shall not stand in the way of the next try.
    remove_cidfile();
    if (container_) {
        try {
            if (volumes_.has_anonymous()) mark_doomed(*container_);
            // Now: when the gate goes, a signal that waits may end us; and before the container,
            // whose record names them.
            volumes_.remove_anonymous();
            store::OwnedContainer owned = std::move(*container_);
            container_.reset();
            store::ContainerStore(store_).remove(std::move(owned), &record);
        } catch (const base::Error& error) {
            container_.reset();
            base::log::warning("the container's files stay (" + error.message() +
                               "): run `sandbox system prune`");
        }
    }
    volumes_.remove_anonymous();
}

void ContainerMaker::make() {
    parsed_ = parse_request(request_, caller_facts());
    // Before anything asks for the host's ids: the image is unpacked for them.
    if (parsed_.identity.value_or(IdentityMode::range) != IdentityMode::range) {
        kernel::use_one_id();
    }
    if (request_.detached && request_.preserve_fds != 0) {
        throw_usage("--preserve-fds is for a run in the foreground",
                    "a detached container has none of the caller's descriptors");
    }
    check_cidfile(request_);
    for (const NetworkUse& use : parsed_.networks) {
        if (use.name != kPrivateNetwork) (void)find_network(store_, use.name);
    }
    prepare_name();
    begin_namespaces();
    image::PullOptions options;
    // That takes its time, and has children of its own.
    options.begins = [this] { forget_early(); };
    options.platform = request_.platform;
    options.progress = request_.progress;
    const store::ImageRecord image =
        image::ensure_image(store_, request_.image, request_.pull, options);
    host_ = host_facts(parsed_.network.mode);
    make_container(image);
}

}  // namespace sandbox::engine
