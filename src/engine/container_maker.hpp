// From a request to a container in the store: all that run, run -d and create do before a launch.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/parsed_request.hpp"
#include "engine/spec_builder.hpp"
#include "engine/supervise.hpp"
#include "engine/volume_mounts.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/engine/run.hpp"
#include "sandbox/kernel/early_namespace.hpp"
#include "sandbox/net/project_network.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {

// Image, spec and seccomp program for a request, from what the store and the host have now.
[[nodiscard]] SpecDraft draft_spec(const store::Store& store, const store::ImageRecord& image,
                                   const oci::ImageConfig& config, const RunRequest& request,
                                   const ParsedRequest& parsed, const HostFacts& host,
                                   const std::string& upper_dir = {});
[[nodiscard]] kernel::BpfProgram make_seccomp(const ParsedRequest& parsed,
                                              const ContainerSpec& spec, const store::Store& store);

// In this order:
//   1 every flag is read and checked            nothing is fetched for a typing error
//   2 the image is there, unpacked              may take minutes; signals end us as usual
//   3 under the shared store lock: layers looked up, spec made, volumes and container made
// From 3 on signals are blocked. What was made goes again with this object, unless it is kept.
class ContainerMaker {
  public:
    // launches: a launch by this process follows, which prepares for it.
    ContainerMaker(const store::Store& store, const RunRequest& request, bool launches = false);
    ~ContainerMaker() { remove_quietly(record_); }
    ContainerMaker(const ContainerMaker&) = delete;
    ContainerMaker& operator=(const ContainerMaker&) = delete;

    void make();
    // Container, anonymous volumes and the cidfile. `record`: the container's, which may be taken.
    void remove_quietly(const base::json::Value& record) noexcept;
    void remove_cidfile() noexcept;
    // It stays; the lock is the caller's.
    [[nodiscard]] store::OwnedContainer release() noexcept;
    void forget_cidfile() noexcept { cidfile_written_ = false; }  // it stays where it is

    [[nodiscard]] store::OwnedContainer& container() noexcept { return *container_; }
    [[nodiscard]] bool has_container() const noexcept { return container_.has_value(); }
    [[nodiscard]] SpecDraft& draft() noexcept { return draft_; }
    [[nodiscard]] const base::json::Value& record() const noexcept { return record_; }
    // As it was written, with id and name.
    [[nodiscard]] base::json::Value take_record() noexcept { return std::move(record_); }
    [[nodiscard]] VolumeMounts& volumes() noexcept { return volumes_; }
    [[nodiscard]] SignalGate& gate() noexcept { return *gate_; }
    // For a launch by this very process; null where there is none.
    [[nodiscard]] kernel::EarlyNamespace* early() noexcept { return early_ ? &*early_ : nullptr; }
    [[nodiscard]] net::ProjectNetwork* private_network() noexcept {
        return private_network_ ? &*private_network_ : nullptr;
    }
    void forget_early() noexcept;

  private:
    void begin_namespaces();
    void prepare_name();
    void add_mounts_from_others();
    void make_container(const store::ImageRecord& image);
    std::string create_named();
    void make_mounts();
    void explain_missing_image(const store::ImageRecord& image);
    void write_cidfile();

    const store::Store& store_;
    const RunRequest& request_;
    bool launches_;
    std::optional<kernel::EarlyNamespace> early_;
    std::optional<net::ProjectNetwork> private_network_;  // begun, for a launch by this process
    ParsedRequest parsed_;
    HostFacts host_;
    SpecDraft draft_;
    VolumeMounts volumes_;
    std::optional<SignalGate> gate_;
    base::json::Value record_;
    std::optional<store::OwnedContainer> container_;
    bool cidfile_written_ = false;
};

}  // namespace sandbox::engine
