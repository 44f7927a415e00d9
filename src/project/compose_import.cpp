#include <fcntl.h>

#include <optional>

#include "compose_translate.hpp"
#include "compose_yaml.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/compose.hpp"
#include "toml_text.hpp"

namespace sandbox::project {

ComposeImport import_compose(const std::string& path, const std::string& shown) {
    constexpr size_t kMaxFileBytes = 4u << 20;
    std::optional<std::string> text = base::try_read_file_at(AT_FDCWD, path, kMaxFileBytes);
    if (!text) {
        throw base::NotFoundError("no such file or directory: " + base::quote(shown), "",
                                  base::exit_code::kFailure);
    }
    Documents documents;
    const std::uint32_t file = documents.add(shown, std::move(*text));
    std::vector<Remark> remarks;
    const Node root = translate_compose(documents, parse_yaml(documents, file), remarks);
    ComposeImport result;
    result.toml = make_toml(root);
    for (const Remark& remark : remarks) {
        std::vector<std::string>& list = remark.kind == Remark::Kind::changed   ? result.changed
                                         : remark.kind == Remark::Kind::ignored ? result.ignored
                                                                                : result.refused;
        list.push_back(documents.where(remark.at) + ": " + remark.key + ": " + remark.text);
    }
    return result;
}

}  // namespace sandbox::project
