// `run` from the request to the exit code, in this order:
//   1 every flag is read and checked            nothing is fetched for a typing error
//   2 the image is there, unpacked              may take minutes; signals end us as usual
//   3 under the shared store lock: layers looked up, spec made, volumes and container made
//   4 signals blocked, the launch, supervision  whatever comes now is the payload's
//   5 the end: exit code kept, or everything removed
#include "sandbox/engine/run.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "engine/container_record.hpp"
#include "engine/dead_containers.hpp"
#include "engine/flag_error.hpp"
#include "engine/launch.hpp"
#include "engine/parsed_request.hpp"
#include "engine/spec_builder.hpp"
#include "engine/supervise.hpp"
#include "engine/terminal.hpp"
#include "engine/volume_mounts.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/scope_exit.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {
namespace {

constexpr int kEngine = base::exit_code::kEngine;

void check_cidfile(const RunRequest& request) {
    if (request.cidfile && base::exists_at(AT_FDCWD, *request.cidfile)) {
        throw_usage("container id file " + base::quote(*request.cidfile) + " already exists",
                    "remove it, or name another file with --cidfile");
    }
}

void write_cidfile(const RunRequest& request, const std::string& id) {
    if (!request.cidfile) return;
    const base::UniqueFd file =
        base::open_at(AT_FDCWD, *request.cidfile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    base::write_all(file.get(), id);
}

// A container that never ran shall not stand in the way of the next try.
void remove_cidfile(const RunRequest& request) noexcept {
    if (request.cidfile) (void)base::raw::unlinkat(AT_FDCWD, request.cidfile->c_str());
}

// Descriptors of ours are all close-on-exec: what is not was handed to us.
void check_preserved_fds(std::uint32_t count) {
    for (int fd = 3; fd < 3 + static_cast<int>(count); ++fd) {
        const int flags = base::raw::fcntl(fd, F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC) != 0) {
            throw_usage("--preserve-fds: descriptor " + std::to_string(fd) + " is not open",
                        "open it before the run, or ask for fewer");
        }
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

kernel::BpfProgram make_seccomp(const ParsedRequest& parsed, const ContainerSpec& spec,
                                const store::Store& store) {
    kernel::SeccompOptions options;
    options.capabilities = spec.capabilities;
    options.fake_identity = needs_fake_identity(spec.ids);
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

class ForegroundRun {
  public:
    ForegroundRun(const store::Store& store, const RunRequest& request)
        : store_(store), request_(request), volumes_(store) {}
    ~ForegroundRun() { remove_container_quietly(); }
    ForegroundRun(const ForegroundRun&) = delete;
    ForegroundRun& operator=(const ForegroundRun&) = delete;
    int run();

  private:
    void prepare_name();
    void add_mounts_from_others();
    void make_container(const store::ImageRecord& image);
    std::string create_named();
    void explain_missing_image(const store::ImageRecord& image);
    SpecDraft draft_spec(const store::ImageRecord& image, const oci::ImageConfig& config);
    LaunchedContainer start();
    void finish(int exit_code);
    void remove_container_quietly() noexcept;

    const store::Store& store_;
    const RunRequest& request_;
    ParsedRequest parsed_;
    HostFacts host_;
    SpecDraft draft_;
    VolumeMounts volumes_;
    std::optional<SignalGate> gate_;
    base::json::Value record_;
    std::optional<store::OwnedContainer> container_;
};

// Found out before anything is fetched; the store decides again when the container is made.
void ForegroundRun::prepare_name() {
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

void ForegroundRun::add_mounts_from_others() {
    if (request_.volumes_from.empty()) return;
    for (MountWish& wish : mounts_from(store_, request_.volumes_from)) {
        const bool taken = std::any_of(
            parsed_.mounts.begin(), parsed_.mounts.end(),
            [&](const MountWish& mine) { return mine.spec.target == wish.spec.target; });
        if (!taken) parsed_.mounts.push_back(std::move(wish));
    }
}

SpecDraft ForegroundRun::draft_spec(const store::ImageRecord& image,
                                    const oci::ImageConfig& config) {
    image::RootfsPlan rootfs = image::plan_rootfs(store_, image, host_.ids.mode);
    const AccountFiles accounts = read_accounts(store_, rootfs);
    return make_spec(request_, parsed_, config, accounts, std::move(rootfs), host_);
}

// `rmi` may have come between finding the image and the lock: then whatever failed is no damage.
void ForegroundRun::explain_missing_image(const store::ImageRecord& image) {
    if (store::ImageStore(store_).try_find(image.id.str())) return;
    throw base::NotFoundError("no such image: " + base::quote(request_.image),
                              "it was removed while the container was being made", kEngine);
}

void ForegroundRun::make_container(const store::ImageRecord& image) {
    // Whatever exists now stays until the container's record refers to it.
    const base::FileLock lock = store_.lock(base::LockMode::shared);
    add_mounts_from_others();
    oci::ImageConfig config;
    try {
        config = image::load_config(store_, image);
        draft_ = draft_spec(image, config);
    } catch (const base::UsageError&) {
        throw;
    } catch (const base::Error&) {
        explain_missing_image(image);
        throw;
    }
    ContainerSpec& spec = draft_.spec;
    spec.seccomp = make_seccomp(parsed_, spec, store_);
    spec.mounts = volumes_.resolve(draft_.mounts);
    record_ = make_record(request_, parsed_, draft_, config, image, volumes_.names());

    gate_.emplace();
    const std::string name = create_named();
    if (draft_.keep) mark_kept(*container_);
    name_container(spec, parsed_, host_, container_->id, name);
    write_cidfile(request_, container_->id);
}

std::string ForegroundRun::create_named() {
    const store::ContainerStore containers(store_);
    constexpr int kMaxTries = 100;
    for (int tries = 1;; ++tries) {
        const std::string name = parsed_.name.empty() ? containers.make_name() : parsed_.name;
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

LaunchedContainer ForegroundRun::start() {
    const ContainerSpec& spec = draft_.spec;
    LaunchContext context{store_, container_->dir.get(), {0, 1, 2}, std::nullopt};
    base::UniqueFd null_fd;
    if (spec.tty) {
        context.window = try_window_size();
        if (spec.interactive && ::isatty(STDIN_FILENO) != 1) {
            base::log::warning("the input device is not a TTY");
        }
    } else if (!spec.interactive) {
        null_fd = base::open_at(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC);
        context.stdio_fds[0] = null_fd.get();
    }
    LaunchedContainer launched = launch(spec, context);
    volumes_.mark_seeded();
    return launched;
}

void ForegroundRun::finish(int exit_code) {
    if (!draft_.keep) {
        remove_container_quietly();
        volumes_.remove_anonymous();
        return;
    }
    base::json::Object record = *record_.as_object();
    record["id"] = draft_.spec.id;
    record["name"] = draft_.spec.name;
    record["exit_code"] = exit_code;
    record["finished"] = base::now().seconds;
    store::ContainerStore(store_).save_record(*container_, base::json::Value(std::move(record)));
    volumes_.keep();
    container_.reset();
}

void ForegroundRun::remove_container_quietly() noexcept {
    if (!container_) return;
    try {
        store::OwnedContainer owned = std::move(*container_);
        container_.reset();
        store::ContainerStore(store_).remove(std::move(owned));
    } catch (const base::Error& error) {
        base::log::warning("the container's files stay (" + error.message() +
                           "): run `sandbox system prune`");
    }
}

int ForegroundRun::run() {
    check_preserved_fds(request_.preserve_fds);
    parsed_ = parse_request(request_, caller_facts());
    check_cidfile(request_);
    prepare_name();
    image::PullOptions options;
    options.platform = request_.platform;
    options.progress = request_.progress;
    const store::ImageRecord image =
        image::ensure_image(store_, request_.image, request_.pull, options);
    host_ = host_facts(parsed_.network.mode);
    make_container(image);
    base::ScopeExit forget_id([this] { remove_cidfile(request_); });
    LaunchedContainer launched = start();
    forget_id.dismiss();
    const kernel::ExitStatus status = supervise(draft_.spec, request_, launched, *gate_);
    finish(status.shell_code());
    remove_dead_containers(store_);
    return status.shell_code();
}

}  // namespace

int run_foreground(const store::Store& store, const RunRequest& request) {
    try {
        return ForegroundRun(store, request).run();
    } catch (base::Error& error) {
        // Below us an error has the code of its own verb, or none.
        const int code = error.code();
        if (code != base::exit_code::kNotExecutable && code != base::exit_code::kNotFound) {
            error.set_code(kEngine);
        }
        throw;
    }
}

}  // namespace sandbox::engine
