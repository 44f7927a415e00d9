#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "compose_translate.hpp"
#include "include.hpp"
#include "keys.hpp"
#include "merge.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/compose.hpp"
#include "sources.hpp"
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

// Each dependency is, without the word. Only a merge needs it.
void leave_out_required(Node& root) {
    Member* const services = find_member(*root.table(), "services");
    if (services == nullptr || services->node.table() == nullptr) return;
    for (Member& service : *services->node.table()) {
        Table* const keys = service.node.table();
        Member* const all = keys == nullptr ? nullptr : find_member(*keys, "depends_on");
        if (all == nullptr || all->node.table() == nullptr) continue;
        for (Member& dependency : *all->node.table()) {
            if (dependency.node.table() == nullptr) continue;
            std::erase_if(*dependency.node.table(), [](const Member& member) {
                const bool* const flag = std::get_if<bool>(&member.node.value);
                return member.key == "required" && flag != nullptr && *flag;
            });
        }
    }
}

// For the names of further files: what else is written stays as it is.
std::optional<std::string> try_environment(const std::string& name) {
    const char* const value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// A profile has one directory for all its relative paths, and one set of variables.
void refuse_other_scopes(const Documents& documents, std::vector<std::string>& refused) {
    const std::string& own = documents.scope({0, 0, 0}).directory;
    for (std::uint32_t file = 1; file < documents.count(); ++file) {
        const Scope& scope = documents.scope({file, 0, 0});
        if (scope.has_own) {
            refused.push_back(documents.name(file) +
                              ": variables of its own: a profile has one file of them");
        }
        const std::string& directory = scope.directory;
        if (directory == own) continue;
        refused.push_back(documents.name(file) + ": relative paths: they start in " +
                          base::quote(directory) + ", a profile's in its own directory");
    }
}

}  // namespace

ComposeImport import_compose(const std::string& path, const std::string& shown) {
    Sources sources(base::current_directory());
    const std::string absolute = sources.absolute(path);
    if (!base::exists_at(AT_FDCWD, absolute)) {
        throw base::NotFoundError("no such file or directory: " + base::quote(shown), "",
                                  base::exit_code::kFailure);
    }
    const Documents& documents = sources.documents();
    std::vector<Remark> remarks;
    Node compose = load_compose(
        sources, absolute, make_scope(directory_of(absolute), try_environment), remarks, shown);
    take_effect(compose);
    Node root = translate_compose(documents, std::move(compose), remarks);
    leave_out_unknown_keys(root, remarks);
    leave_out_required(root);
    ComposeImport result;
    result.toml = make_toml(root);
    for (const Remark& remark : remarks) {
        std::vector<std::string>& list = remark.kind == Remark::Kind::changed   ? result.changed
                                         : remark.kind == Remark::Kind::ignored ? result.ignored
                                                                                : result.refused;
        list.push_back(documents.where(remark.at) + ": " + remark.key + ": " + remark.text);
    }
    refuse_other_scopes(documents, result.refused);
    return result;
}

}  // namespace sandbox::project
