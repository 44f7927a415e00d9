// Named volumes: volumes/<name>/{data/, meta.json}.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::store {

struct VolumeRecord {
    std::string name;
    std::int64_t created = 0;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> options;
    bool anonymous = false;
    bool seeded = false;  // the image's content was copied in, or it was used once
};

class VolumeStore {
  public:
    explicit VolumeStore(const Store& store) noexcept : store_(store) {}
    [[nodiscard]] std::vector<VolumeRecord> list() const;
    [[nodiscard]] std::optional<VolumeRecord> try_get(const std::string& name) const;
    [[nodiscard]] VolumeRecord create(const VolumeRecord& wish) const;  // existing: returned
    void save(const VolumeRecord& record) const;
    [[nodiscard]] base::UniqueFd open_data(const std::string& name) const;  // O_PATH directory
    [[nodiscard]] std::string data_path(const std::string& name) const;
    // What killed makers and removers left of volumes.
    void remove_leftovers() const;
    // Throws NotFoundError "no such volume". Whether it is in use is the engine's to know.
    void remove(const std::string& name) const;
    [[nodiscard]] static std::string make_anonymous_name();
    // Throws UsageError unless [a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}.
    static void check_name(std::string_view name);

  private:
    const Store& store_;
};

}  // namespace sandbox::store
