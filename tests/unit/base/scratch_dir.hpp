// A directory for one test, removed afterwards.
#pragma once

#include <cstdlib>
#include <string>

#include "sandbox/base/fs.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::test {

class ScratchDir {
  public:
    ScratchDir() {
        std::string pattern = "/tmp/sandbox-test-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr) std::abort();
        path_ = pattern;
        fd_ = base::open_dir(path_);
    }
    ScratchDir(const ScratchDir&) = delete;
    ScratchDir& operator=(const ScratchDir&) = delete;
    ~ScratchDir() { (void)base::remove_tree_at(AT_FDCWD, path_); }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] std::string operator/(const std::string& name) const {
        return path_ + "/" + name;
    }

  private:
    std::string path_;
    base::UniqueFd fd_;
};

}  // namespace sandbox::test
