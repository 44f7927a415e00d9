// The documents of `inspect`, with docker's field names.
#pragma once

#include <string>

#include "sandbox/base/json.hpp"
#include "sandbox/store/image_store.hpp"
#include "sandbox/store/layout.hpp"
#include "sandbox/store/network_store.hpp"
#include "sandbox/store/volume_store.hpp"

namespace sandbox::cli {

[[nodiscard]] base::json::Value image_document(const store::Store& store,
                                               const store::ImageRecord& record);
[[nodiscard]] base::json::Value volume_document(const store::Store& store,
                                                const store::VolumeRecord& record);
// Both in commands/network_inspect.cpp; the second one knows those that are built in, too.
[[nodiscard]] base::json::Value network_document(const store::Store& store,
                                                 const store::NetworkRecord& record);
[[nodiscard]] base::json::Value find_network_document(const store::Store& store,
                                                      const std::string& name);
// What the registry's tag named: the index when it was one.
[[nodiscard]] const oci::Digest& shown_digest(const store::ImageRecord& record) noexcept;

}  // namespace sandbox::cli
