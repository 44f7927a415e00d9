// What happens to one container, for `events`: docker's actions, written into the store's diary by
// whoever does them. Nothing here throws: what happened, happened.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/json.hpp"
#include "sandbox/store/layout.hpp"
#include "sandbox/store/network_facts.hpp"

namespace sandbox::engine {

using EventAttributes = std::map<std::string, std::string>;

// `record`: name, image and labels are its attributes. The id is the container's, which a record
// that is being made lacks.
void tell_container(const store::Store& store, const std::string& id,
                    const base::json::Value& record, std::string action,
                    const EventAttributes& attributes = {}) noexcept;
// The volumes of the record, mounted (true) or let go.
void tell_volumes(const store::Store& store, const std::string& id, const base::json::Value& record,
                  bool mounted) noexcept;
// The container is on these networks now (true), or was.
void tell_networks(const store::Store& store, const std::string& id,
                   const store::NetworkFacts& facts, bool connected) noexcept;
// die and what belongs to it: `networks` and volumes are let go. `seconds`: how long it ran, when
// that is known.
void tell_end(const store::Store& store, const std::string& id, const base::json::Value& record,
              int exit_code, const store::NetworkFacts& networks,
              std::optional<std::int64_t> seconds = std::nullopt) noexcept;

// A program that joins: exec_create and exec_start with its words, later exec_die with its end.
class ExecEvents {
  public:
    // All are borrowed.
    ExecEvents(const store::Store& store, const std::string& id, const base::json::Value& record);
    [[nodiscard]] const std::string& exec_id() const noexcept { return exec_id_; }
    void started(const std::vector<std::string>& argv) const noexcept;
    void ended(int exit_code) const noexcept;

  private:
    const store::Store& store_;
    const std::string& id_;
    const base::json::Value& record_;
    std::string exec_id_;  // 64 hexadecimal digits
};
void tell_exec_end(const store::Store& store, const std::string& id,
                   const base::json::Value& record, const std::string& exec_id,
                   int exit_code) noexcept;

}  // namespace sandbox::engine
