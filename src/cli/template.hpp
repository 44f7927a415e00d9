// Go's text/template over JSON values, as docker's --format uses it: fields, variables, pipelines,
// if/with/range, comparison, docker's functions. Not for: define, template, block, methods of
// objects (but see RenderOptions::call).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/json.hpp"

namespace sandbox::cli {

namespace template_detail {
struct Tree;
}

struct RenderOptions {
    // For a table's heading: json, upper, join … answer their first argument as it is.
    bool heading = false;
    // A field with arguments, `.Label "key"`; absent when there is no such method.
    std::function<std::optional<base::json::Value>(std::string_view name,
                                                   const std::vector<base::json::Value>& arguments)>
        call;
    // What a field prints that has no value: Go knows that by its type. Absent for a name that is
    // no such field; where it is missing that is a mistake.
    std::function<std::optional<std::string_view>(std::string_view name)> nil_text;
};

class Template {
  public:
    // Throws UsageError "template: :LINE: why".
    static Template parse(std::string_view text);
    // Throws Error "template: :LINE:COLUMN: executing "" at <.Foo>: why".
    [[nodiscard]] std::string render(const base::json::Value& data,
                                     const RenderOptions& options = {}) const;
    // The fields of the data that can be asked for; absent: perhaps all (`{{json .}}`).
    [[nodiscard]] const std::optional<std::set<std::string>>& fields_used() const noexcept;

  private:
    explicit Template(std::shared_ptr<const template_detail::Tree> tree);
    std::shared_ptr<const template_detail::Tree> tree_;
};

}  // namespace sandbox::cli
