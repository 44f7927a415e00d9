#include "include.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "compose_values.hpp"
#include "compose_yaml.hpp"
#include "extends.hpp"
#include "find_files.hpp"
#include "keys.hpp"
#include "merge.hpp"
#include "sandbox/base/strings.hpp"
#include "written.hpp"

namespace sandbox::project {
namespace {

using base::quote;

constexpr size_t kMaxDepth = 100;

struct Resource {
    std::string_view group, one;
};
constexpr Resource kResources[] = {
    {"services", "service"}, {"networks", "network"}, {"volumes", "volume"}, {"secrets", "secret"},
    {"configs", "config"},   {"tasks", "task"},       {"models", "model"}};

// What an entry of "include" says.
struct Wish {
    std::vector<std::string> paths, env_files;
    std::string directory;
};

// Whether two resources of one name are the same, wherever they are said.
class Comparison {
  public:
    Comparison(const Documents& documents, bool is_service)
        : documents_(documents), is_service_(is_service) {}

    [[nodiscard]] bool same(const Node& a, const Node& b, std::string_view key = {}) const {
        if (says_nothing(a) && says_nothing(b)) return true;
        if (a.value.index() != b.value.index()) return false;
        if (a.text() != nullptr) return same_text(a, b, key);
        if (const List* list = a.list()) {
            return std::equal(list->begin(), list->end(), b.list()->begin(), b.list()->end(),
                              [&](const Node& x, const Node& y) { return same(x, y, key); });
        }
        if (const Table* table = a.table()) {
            return table->size() == b.table()->size() &&
                   std::all_of(table->begin(), table->end(), [&](const Member& member) {
                       const Node* const other = b.find(member.key);
                       return other != nullptr && same(member.node, *other, member.key);
                   });
        }
        return same_scalar(a, b);
    }

  private:
    [[nodiscard]] bool same_text(const Node& a, const Node& b, std::string_view key) const {
        const bool may_be_path = is_service_ || key == "file" || key == "device";
        const Scope& one = documents_.scope(a.at);
        const Scope& other = documents_.scope(b.at);
        if (may_be_path && one.directory != other.directory) return false;
        return interpolate(*a.text(), one.variables) == interpolate(*b.text(), other.variables);
    }

    // "data:" is "data: {}".
    static bool says_nothing(const Node& node) {
        return node.is_null() || (node.table() != nullptr && node.table()->empty());
    }

    static bool same_scalar(const Node& a, const Node& b) {
        const auto equals = [&](const auto* value) {
            using Typed = std::remove_cvref_t<decltype(*value)>;
            return value != nullptr && *value == *std::get_if<Typed>(&b.value);
        };
        return a.is_null() || equals(std::get_if<bool>(&a.value)) ||
               equals(std::get_if<std::int64_t>(&a.value)) || equals(std::get_if<double>(&a.value));
    }

    const Documents& documents_;
    bool is_service_;
};

class Includer {
  public:
    Includer(Sources& sources, std::vector<Remark>& remarks)
        : sources_(sources), remarks_(remarks) {}

    // `file`: its index among the documents. Null: the file says nothing.
    Node load(const std::string& path, std::uint32_t file) {
        Node compose = parse_yaml(sources_.documents(), file);
        if (compose.is_null()) return compose;
        if (compose.table() == nullptr)
            documents().fail(compose.at, "not a compose file", kComposeBegin);
        expand_dependencies(documents(), compose);
        // What is included may be extended here.
        const size_t own_remarks = remarks_.size();
        const std::vector<Double> doubles = include(path, compose);
        write_out_extends(sources_, path, compose, remarks_, own_remarks);
        for (const Double& each : doubles) check_double(compose, each);
        return compose;
    }

  private:
    // A resource that is included where there is one of its name already.
    struct Double {
        const Resource* resource;
        Member member;
    };

    std::vector<Double> include(const std::string& path, Node& compose) {
        std::vector<Double> doubles;
        Member* const include = find_member(*compose.table(), "include");
        if (include == nullptr) return doubles;
        const Node wishes = std::move(include->node);
        std::erase_if(*compose.table(), [](const Member& each) { return each.key == "include"; });
        if (wishes.is_null()) return doubles;
        if (wishes.list() == nullptr) {
            documents().fail(wishes.at, "include: expected a list of files, found " +
                                            std::string(wishes.type_name()));
        }
        including_.push_back(path);
        for (const Node& wish : *wishes.list()) take(compose, wish, doubles);
        including_.pop_back();
        return doubles;
    }

    [[nodiscard]] const Documents& documents() const noexcept { return sources_.documents(); }

    void take(Node& compose, const Node& node, std::vector<Double>& doubles) {
        if (including_.size() > kMaxDepth) {
            documents().fail(
                node.at, "include goes too deep",
                "at most " + std::to_string(kMaxDepth) + " files, one within the other");
        }
        const Wish wish = read(node);
        const auto outer = documents().share_scope(node.at);
        const auto scope = make_scope(wish, outer);
        Node included;
        std::uint32_t file = 0;
        for (const std::string& path : wish.paths) {
            check_circle(path, node.at);
            file = add(path, scope, node.at);
            Node next = load(path, file);
            if (next.is_null()) continue;
            if (included.is_null()) {
                included = std::move(next);
            } else {
                merge(documents(), included, std::move(next), profile_keys());
            }
        }
        if (included.is_null()) documents().fail({file, 0, 0}, "not a compose file", kComposeBegin);
        take_effect(included);
        check_keys(included);
        for (const Resource& resource : kResources) {
            take_resources(compose, included, resource, doubles);
        }
    }

    std::uint32_t add(const std::string& path, const std::shared_ptr<const Scope>& scope,
                      const Place& at) {
        try {
            return sources_.add(path, scope);
        } catch (const base::Error& error) {
            throw documents().error(at, error.message(), "name a compose file");
        }
    }

    Wish read(const Node& node) const {
        Wish wish;
        if (node.table() == nullptr) {
            wish.paths.push_back(named_file(documents(), node, "include"));
        } else {
            for (const Member& member : *node.table()) read_key(member, wish);
        }
        if (wish.paths.empty()) {
            documents().fail(node.at, "include names no file", "write - path: FILE");
        }
        if (wish.directory.empty()) wish.directory = directory_of(wish.paths.front());
        return wish;
    }

    void read_key(const Member& member, Wish& wish) const {
        if (member.key == "path") {
            wish.paths = named_files(documents(), member.node, "path");
        } else if (member.key == "env_file") {
            wish.env_files = named_files(documents(), member.node, "env_file");
        } else if (member.key == "project_directory") {
            wish.directory = named_path(documents(), member.node, "project_directory");
        } else {
            documents().fail(member.key_at, "unknown key " + quote(member.key) + " in include",
                             "known are path, project_directory and env_file");
        }
    }

    // The variables of who includes win.
    [[nodiscard]] std::shared_ptr<const Scope> make_scope(
        const Wish& wish, const std::shared_ptr<const Scope>& outer) {
        std::vector<std::string> files = wish.env_files;
        if (files.empty()) {
            if (auto beside = try_dotenv_in(wish.directory)) files.push_back(std::move(*beside));
        }
        std::erase(files, "/dev/null");
        if (files.empty()) {
            return project::make_scope(wish.directory, outer->variables, outer->has_own);
        }
        // Shared, since every scope further in has these, too.
        const auto own = std::make_shared<const std::map<std::string, std::string>>(
            load_dotenv(sources_, files, outer->variables));
        Variables both = [outer, own](const std::string& name) -> std::optional<std::string> {
            if (auto value = outer->variables(name)) return value;
            const auto found = own->find(name);
            return found == own->end() ? std::nullopt : std::optional(found->second);
        };
        const bool is_outer = wish.env_files.empty() && wish.directory == outer->directory;
        return project::make_scope(wish.directory, std::move(both), outer->has_own || !is_outer);
    }

    void check_circle(const std::string& path, const Place& at) const {
        const auto first = std::find(including_.begin(), including_.end(), path);
        if (first == including_.end()) return;
        std::string text;
        for (auto each = first; each != including_.end(); ++each) {
            text += sources_.shown(*each) + " → ";
        }
        documents().fail(at, "files include each other in a circle: " + text + sources_.shown(path),
                         "take one include out");
    }

    // Nobody else sees what is not taken.
    void check_keys(const Node& included) const {
        std::vector<std::string> known{"name", "version"};
        for (const Resource& resource : kResources) known.emplace_back(resource.group);
        for (const Member& member : *included.table()) {
            if (member.key.starts_with("x-")) continue;
            if (std::find(known.begin(), known.end(), member.key) != known.end()) continue;
            const auto nearest = base::try_nearest(member.key, known);
            documents().fail(member.key_at,
                             "unknown key " + quote(member.key) + " in a compose file",
                             nearest ? "did you mean " + quote(*nearest) + "?"
                                     : "known are " + base::join(known, ", "));
        }
    }

    void take_resources(Node& compose, Node& included, const Resource& resource,
                        std::vector<Double>& doubles) const {
        Member* const from = find_member(*included.table(), resource.group);
        if (from == nullptr || from->node.is_null()) return;
        if (from->node.table() == nullptr) {
            documents().fail(from->node.at, quote(resource.group) + ": expected a table, found " +
                                                std::string(from->node.type_name()));
        }
        Member* into = find_member(*compose.table(), resource.group);
        if (into == nullptr) {
            compose.table()->push_back(std::move(*from));
            return;
        }
        if (into->node.is_null()) into->node.value = Table();
        if (into->node.table() == nullptr) return;  // the reader's to refuse
        for (Member& each : *from->node.table()) {
            if (find_member(*into->node.table(), each.key) == nullptr) {
                into->node.table()->push_back(std::move(each));
            } else {
                doubles.push_back({&resource, std::move(each)});
            }
        }
    }

    void check_double(Node& compose, const Double& included) const {
        const Resource& resource = *included.resource;
        const Member& each = included.member;
        const Member* const own =
            find_member(*find_member(*compose.table(), resource.group)->node.table(), each.key);
        const Comparison comparison(documents(), resource.group == "services");
        if (comparison.same(own->node, each.node)) return;
        documents().fail(
            own->key_at,
            std::string(resource.one) + " " + quote(each.key) + " is another one in the included " +
                documents().where(each.key_at),
            "rename one of them, or change the included one in a further file that -f names");
    }

    Sources& sources_;
    std::vector<Remark>& remarks_;
    std::vector<std::string> including_;
};

}  // namespace

Node load_compose(Sources& sources, const std::string& path, std::shared_ptr<const Scope> scope,
                  std::vector<Remark>& remarks, std::string name) {
    const std::uint32_t file = sources.add(path, std::move(scope), std::move(name));
    return Includer(sources, remarks).load(path, file);
}

}  // namespace sandbox::project
