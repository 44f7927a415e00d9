// The files that a project is read from, each under the name that the user would call it by. What
// they say is for Documents.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "document.hpp"
#include "scope.hpp"

namespace sandbox::project {

// "/" for "/x".
[[nodiscard]] std::string directory_of(const std::string& path);

// Among a project's files: the compose file that comes on standard input.
inline constexpr const char* kStandardInput = "-";
// Rather than a profile in TOML: by its name, and behind `compose` everything that has not just
// that name.
[[nodiscard]] bool is_compose_file(const std::string& path, bool behind_compose) noexcept;

class Sources {
  public:
    // `current_dir`: absolute.
    explicit Sources(std::string current_dir) : current_dir_(std::move(current_dir)) {}

    [[nodiscard]] std::string absolute(const std::string& path) const;
    [[nodiscard]] std::string shown(const std::string& path) const;
    // kStandardInput: all that comes there. Throws NotFoundError (1) when it is not there, Error
    // when it is no file or too large, UsageError when all together are.
    [[nodiscard]] std::string read(const std::string& path);
    // Reads it into the documents; answers its index there. `name`: instead of shown(). Throws like
    // read(), and UsageError for more files than a project can have.
    std::uint32_t add(const std::string& path, std::shared_ptr<const Scope> scope,
                      std::string name = {});
    [[nodiscard]] Documents& documents() noexcept { return documents_; }
    [[nodiscard]] const Documents& documents() const noexcept { return documents_; }

  private:
    std::string current_dir_;
    size_t read_bytes_ = 0;
    Documents documents_;
};

}  // namespace sandbox::project
