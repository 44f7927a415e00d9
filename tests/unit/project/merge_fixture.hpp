// Service "a" of compose.yaml and compose.override.yaml, whose keys beside the image are given.
#pragma once

#include <string>
#include <vector>

#include "unit/project/profile_fixture.hpp"

namespace sandbox::project {

using Texts = std::vector<std::string>;

class MergeDirectory : public ProfileDirectory {
  public:
    // `base` and `over`: "key: value, key: value" in YAML's braces.
    [[nodiscard]] Project merge_all(const std::string& base, const std::string& over) const {
        write("compose.yaml", "services:\n  a: { image: x, " + base + " }\n  db: { image: db }\n");
        write("compose.override.yaml", "services:\n  a: { " + over + " }\n");
        return load({"compose.yaml", "compose.override.yaml"});
    }
    [[nodiscard]] Service merge(const std::string& base, const std::string& over) const {
        return *merge_all(base, over).find_service("a");
    }
    [[nodiscard]] std::string failure(const std::string& base, const std::string& over) const {
        return failure_of([&] { (void)merge_all(base, over); });
    }
};

}  // namespace sandbox::project
