#include "extends.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "compose_values.hpp"
#include "compose_yaml.hpp"
#include "keys.hpp"
#include "merge.hpp"
#include "sandbox/base/strings.hpp"
#include "written.hpp"

namespace sandbox::project {
namespace {

using base::quote;

constexpr size_t kMaxSteps = 100;
constexpr size_t kMaxNodes = 1'000'000;  // that are written out

size_t count_nodes(const Node& node) {
    size_t count = 1;
    if (const Table* table = node.table()) {
        for (const Member& member : *table) count += count_nodes(member.node);
    } else if (const List* list = node.list()) {
        for (const Node& element : *list) count += count_nodes(element);
    }
    return count;
}

class Extender {
  public:
    Extender(Sources& sources, std::vector<Remark>& remarks, size_t own_remarks)
        : sources_(sources),
          remarks_(remarks),
          own_remarks_(own_remarks),
          end_of_included_(remarks.size()) {}

    void write_out(const std::string& path, Node& compose) {
        Table* const services = services_of(compose);
        if (services == nullptr) return;  // the reader's to refuse
        File root{path, services};
        root_ = &root;
        std::vector<Member*> failed;
        for (Member& service : *services) {
            const Node* const extends = service.node.find("extends");
            if (extends == nullptr) continue;
            const std::string key = "services." + service.key + ".extends";
            const Place at = find_member(*service.node.table(), "extends")->key_at;
            steps_.clear();
            try {
                extend(root, service);
                remarks_.push_back(
                    {Remark::Kind::changed, at, key, "the other service's keys are written out"});
            } catch (const base::UsageError& error) {
                remarks_.push_back(
                    {Remark::Kind::refused, at, key, error.with_hint(), service.key, error});
                failed.push_back(&service);
            }
        }
        for (Member* const service : failed) drop_extends(*service);
    }

  private:
    struct File {
        std::string path;
        Table* services = nullptr;
    };
    struct Loaded {
        Node compose;
        File file{};
        std::optional<base::UsageError> error{};
    };
    struct Step {
        std::string path, service;
    };
    // What "extends" says.
    struct Wish {
        std::string service, file;  // absolute; empty: the same
        Place at, file_at;
    };

    static Table* services_of(Node& compose) {
        Member* const services =
            compose.table() == nullptr ? nullptr : find_member(*compose.table(), "services");
        return services == nullptr ? nullptr : services->node.table();
    }

    void extend(File& file, Member& service) {
        Table* const table = service.node.table();
        Member* const extends = table == nullptr ? nullptr : find_member(*table, "extends");
        if (extends == nullptr) return;  // or it is written out already
        if (extends->node.is_null()) {   // "!reset"
            drop_extends(service);
            return;
        }
        const Wish wish = read(*extends);
        check_circle(file, service, wish);
        steps_.push_back({file.path, service.key});
        File& other = wish.file.empty() ? file : load(wish);
        Member& base = find(other, wish);
        if (wish.file.empty() && &other == root_) check_included(base);
        extend(other, base);
        steps_.pop_back();
        written_nodes_ += count_nodes(base.node);
        if (written_nodes_ > kMaxNodes) {
            sources_.documents().fail(wish.at, "what is extended is too much to be written out",
                                      "at most " + std::to_string(kMaxNodes) + " values");
        }
        Node merged = base.node;
        take_effect(merged);
        drop_extends(service);
        if (!merged.is_null()) {
            merge(sources_.documents(), merged, std::move(service.node), service_keys());
            service.node = std::move(merged);
        }
    }

    // An included service lacks what it was to extend.
    void check_included(const Member& base) const {
        for (size_t i = own_remarks_; i < end_of_included_; ++i) {
            const Remark& remark = remarks_[i];
            if (remark.service == base.key && remark.error) throw base::UsageError(*remark.error);
        }
    }

    static void drop_extends(Member& service) {
        std::erase_if(*service.node.table(),
                      [](const Member& member) { return member.key == "extends"; });
    }

    Wish read(const Member& extends) const {
        const Documents& documents = sources_.documents();
        Wish wish{{}, {}, extends.node.at, extends.node.at};
        const Table* const table = extends.node.table();
        if (table == nullptr) {
            wish.service = written(documents, extends.node, "extends");
            return wish;
        }
        for (const Member& member : *table) {
            if (member.key == "service") {
                wish.service = written(documents, member.node, "service");
                wish.at = member.node.at;
            } else if (member.key == "file") {
                wish.file = named_file(documents, member.node, "file");
                wish.file_at = member.node.at;
            } else {
                documents.fail(member.key_at, "unknown key " + quote(member.key) + " in extends",
                               "known are service and file");
            }
        }
        if (wish.service.empty()) {
            documents.fail(extends.key_at, "extends names no service",
                           "write extends: { file: FILE, service: NAME }");
        }
        return wish;
    }

    void check_circle(const File& file, const Member& service, const Wish& wish) const {
        const auto first = std::find_if(steps_.begin(), steps_.end(), [&](const Step& step) {
            return step.path == file.path && step.service == service.key;
        });
        if (first == steps_.end()) {
            if (steps_.size() < kMaxSteps) return;
            sources_.documents().fail(wish.at, "extends goes too deep",
                                      "at most " + std::to_string(kMaxSteps) + " services");
        }
        std::string text = quote(service.key) + " extends itself: ";
        for (auto step = first; step != steps_.end(); ++step) {
            text += step->service + " (" + sources_.shown(step->path) + ") → ";
        }
        sources_.documents().fail(wish.at, text + service.key, "one of them must stand by itself");
    }

    File& load(const Wish& wish) {
        const Documents& documents = sources_.documents();
        const auto scope = documents.share_scope(wish.file_at);
        const std::string& path = wish.file;
        const auto [known, is_new] = loaded_.try_emplace(path);
        Loaded& loaded = known->second;
        if (loaded.error) throw base::UsageError(*loaded.error);
        if (!is_new) return loaded.file;
        try {
            std::uint32_t file = 0;
            try {
                file = sources_.add(
                    path, make_scope(directory_of(path), scope->variables, scope->has_own));
            } catch (const base::Error& error) {
                throw documents.error(wish.file_at, error.message(), "name a compose file");
            }
            loaded.compose = parse_yaml(sources_.documents(), file);
            expand_dependencies(sources_.documents(), loaded.compose);
        } catch (const base::UsageError& error) {
            loaded.error = error;  // of every service that extends one of it
            throw;
        }
        loaded.file.path = path;
        loaded.file.services = services_of(loaded.compose);
        return loaded.file;
    }

    Member& find(const File& file, const Wish& wish) const {
        Member* const found =
            file.services == nullptr ? nullptr : find_member(*file.services, wish.service);
        if (found != nullptr) return *found;
        std::vector<std::string> names;
        if (file.services != nullptr) {
            for (const Member& service : *file.services) names.push_back(service.key);
        }
        const auto nearest = base::try_nearest(wish.service, names);
        sources_.documents().fail(
            wish.at,
            "there is no service " + quote(wish.service) + " in " +
                quote(sources_.shown(file.path)) + " to extend",
            nearest ? "did you mean " + quote(*nearest) + "?"
                    : "\"file\" names the file that has it, where that is not this one");
    }

    Sources& sources_;
    std::vector<Remark>& remarks_;
    size_t own_remarks_;      // those before it are of other files
    size_t end_of_included_;  // from there on they are of this file itself
    const File* root_ = nullptr;
    std::map<std::string, Loaded> loaded_;  // by path
    std::vector<Step> steps_;
    size_t written_nodes_ = 0;
};

}  // namespace

void write_out_extends(Sources& sources, const std::string& path, Node& compose,
                       std::vector<Remark>& remarks, size_t own_remarks) {
    Extender(sources, remarks, own_remarks).write_out(path, compose);
}

}  // namespace sandbox::project
