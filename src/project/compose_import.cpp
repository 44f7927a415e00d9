#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "compose_translate.hpp"
#include "compose_yaml.hpp"
#include "keys.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/compose.hpp"
#include "toml_text.hpp"

namespace sandbox::project {
namespace {

// What the profile would be refused for: a word that no service has.
void leave_out_unknown_keys(Node& root, std::vector<Remark>& remarks) {
    const KeyTable& known = service_keys();
    std::vector<std::string> names;
    for (const KeyInfo* key : known.keys) names.emplace_back(key->name);
    for (Member& part : *root.table()) {
        if (part.key != "services" || part.node.table() == nullptr) continue;
        for (Member& service : *part.node.table()) {
            if (service.node.table() == nullptr) continue;
            std::erase_if(*service.node.table(), [&](const Member& member) {
                const bool fits = member.key.starts_with("x-") ||
                                  std::find(names.begin(), names.end(), member.key) != names.end();
                if (fits) return false;
                const auto nearest = base::try_nearest(member.key, names);
                remarks.push_back(
                    {Remark::Kind::refused, member.key_at,
                     "services." + service.key + "." + member.key,
                     nearest ? "unknown key; did you mean " + *nearest + "?" : "unknown key"});
                return true;
            });
        }
    }
}

}  // namespace

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
    Node root = translate_compose(documents, parse_yaml(documents, file), remarks);
    leave_out_unknown_keys(root, remarks);
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
