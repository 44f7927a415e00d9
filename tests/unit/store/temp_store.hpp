// A store of its own for one test, gone afterwards.
#pragma once

#include <string>

#include "sandbox/base/fs.hpp"
#include "sandbox/base/temp_dir.hpp"
#include "sandbox/base/xdg.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::test {

inline std::string scratch_root() {
    return base::try_env("TMPDIR").value_or("/tmp");
}

class TempStore {
  public:
    TempStore()
        : parent_(base::open_dir(scratch_root())),
          dir_(parent_.get(), "sandbox-test-"),
          root_(scratch_root() + "/" + dir_.name() + "/store"),
          store_(store::Store::open_at(root_)) {}

    [[nodiscard]] const store::Store& store() const noexcept { return store_; }
    [[nodiscard]] const std::string& root() const noexcept { return root_; }
    [[nodiscard]] std::string path(const std::string& below) const { return root_ + "/" + below; }

  private:
    base::UniqueFd parent_;
    base::TempDir dir_;
    std::string root_;
    store::Store store_;
};

}  // namespace sandbox::test
