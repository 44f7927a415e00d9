// Runs a parsed template. What Go decides by a value's type – is a missing key a mistake or an
// empty value? – is decided by its looks: an object whose keys are all capitalised words is a
// struct.
#include "template.hpp"

#include <algorithm>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "template_functions.hpp"
#include "template_print.hpp"
#include "template_tree.hpp"

namespace sandbox::cli {
namespace template_detail {
namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

constexpr size_t kMaxOutputBytes = 256u << 20;

bool is_capitalised(std::string_view key) noexcept {
    return !key.empty() && key[0] >= 'A' && key[0] <= 'Z' &&
           std::all_of(key.begin(), key.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
           });
}

bool is_struct(const Object& object) noexcept {
    return !object.empty() && std::all_of(object.begin(), object.end(), [](const auto& member) {
        return is_capitalised(member.first);
    });
}

class Executor {
  public:
    Executor(const Value& root, const RenderOptions& options) : options_(options) {
        variables_.emplace_back("$", root);
    }

    std::string run(const Block& block) {
        const Value root = variables_.front().second;
        (void)walk(block, root);
        return std::move(output_);
    }

  private:
    enum class Flow { next, leave, skip };

    // Forgets the variables that were declared since.
    class Scope {
      public:
        explicit Scope(Executor& executor)
            : executor_(executor), count_(executor.variables_.size()) {}
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
        ~Scope() {
            while (executor_.variables_.size() > count_) executor_.variables_.pop_back();
        }

      private:
        Executor& executor_;
        size_t count_;
    };

    Flow walk(const Block& block, const Value& dot) {
        for (const Statement& statement : block) {
            const Flow flow = walk(statement, dot);
            if (flow != Flow::next) return flow;
        }
        return Flow::next;
    }

    Flow walk(const Statement& statement, const Value& dot) {
        switch (statement.kind) {
            case Statement::Kind::text:
                print(statement.text);
                return Flow::next;
            case Statement::Kind::leave:
                return Flow::leave;
            case Statement::Kind::skip:
                return Flow::skip;
            case Statement::Kind::range:
                return walk_range(statement, dot);
            case Statement::Kind::condition:
            case Statement::Kind::with: {
                const Scope scope(*this);
                const Value value = evaluate(statement.pipeline, dot);
                if (!is_true(value)) return walk(statement.otherwise, dot);
                return walk(statement.body, statement.kind == Statement::Kind::with ? value : dot);
            }
            case Statement::Kind::action:
                break;
        }
        const Value value = evaluate(statement.pipeline, dot);
        if (statement.pipeline.variables.empty()) {
            print(value.is_null() ? text_of_null(statement.pipeline) : print_value(value));
        }
        return Flow::next;
    }

    [[nodiscard]] std::string_view text_of_null(const Pipeline& pipeline) const {
        const std::vector<Operand>& operands = pipeline.commands.back().operands;
        const Operand& head = operands.front();
        if (options_.nil_text && operands.size() == 1 && !head.fields.empty()) {
            if (const auto text = options_.nil_text(head.fields.back())) return *text;
        }
        return "<no value>";
    }

    Flow walk_range(const Statement& statement, const Value& dot) {
        const Scope scope(*this);
        const Pipeline& pipeline = statement.pipeline;
        const Value list = evaluate_commands(pipeline, dot);
        if (const Array* array = list.as_array()) {
            for (size_t i = 0; i < array->size(); ++i) {
                if (!iterate(statement, Value(i), (*array)[i])) break;
            }
            if (!array->empty()) return Flow::next;
        } else if (const Object* object = list.as_object()) {
            std::vector<const Object::Member*> members;
            for (const Object::Member& member : *object) members.push_back(&member);
            std::sort(members.begin(), members.end(),
                      [](const auto* a, const auto* b) { return a->first < b->first; });
            for (const Object::Member* member : members) {
                if (!iterate(statement, Value(member->first), member->second)) break;
            }
            if (!members.empty()) return Flow::next;
        } else if (!list.is_null()) {
            fail(pipeline.commands[0].operands[0], "range can't iterate over " + print_value(list));
        }
        return walk(statement.otherwise, dot);
    }

    // False after {{break}}.
    bool iterate(const Statement& statement, const Value& key, const Value& element) {
        const Scope scope(*this);
        const std::vector<std::string>& names = statement.pipeline.variables;
        if (names.size() == 1) set(statement.pipeline, names[0], element);
        if (names.size() == 2) {
            set(statement.pipeline, names[0], key);
            set(statement.pipeline, names[1], element);
        }
        return walk(statement.body, element) != Flow::leave;
    }

    Value evaluate(const Pipeline& pipeline, const Value& dot) {
        Value value = evaluate_commands(pipeline, dot);
        for (const std::string& name : pipeline.variables) set(pipeline, name, value);
        return value;
    }

    Value evaluate_commands(const Pipeline& pipeline, const Value& dot) {
        std::optional<Value> piped;
        for (const Command& command : pipeline.commands) {
            piped = evaluate(command, dot, std::move(piped));
        }
        return *std::move(piped);
    }

    void set(const Pipeline& pipeline, const std::string& name, const Value& value) {
        if (!pipeline.assigns) {
            variables_.emplace_back(name, value);
            return;
        }
        find_variable(name) = value;
    }

    Value& find_variable(const std::string& name) {
        const auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                        [&](const auto& entry) { return entry.first == name; });
        return found->second;  // the parser has seen its declaration
    }

    // `piped`: what came through the pipe, the last argument.
    Value evaluate(const Command& command, const Value& dot, std::optional<Value> piped) {
        const Operand& head = command.operands.front();
        if (head.kind == Operand::Kind::function) return call(command, dot, std::move(piped));
        const bool has_arguments = command.operands.size() > 1 || piped;
        if (!has_arguments) {
            if (head.kind == Operand::Kind::nil) fail(head, "nil is not a command");
            return evaluate(head, dot);
        }
        if (head.fields.empty()) {
            fail(head, "can't give argument to non-function " + head.text);
        }
        return call_method(command, dot, std::move(piped));
    }

    Value call_method(const Command& command, const Value& dot, std::optional<Value> piped) {
        const Operand& head = command.operands.front();
        const Values arguments = evaluate_arguments(command, dot, std::move(piped));
        if (options_.call && head.fields.size() == 1) {
            if (auto answer = options_.call(head.fields[0], arguments)) return *std::move(answer);
        }
        fail(head, head.fields.back() + " is not a method but has arguments");
    }

    Values evaluate_arguments(const Command& command, const Value& dot,
                              std::optional<Value> piped) {
        Values arguments;
        for (size_t i = 1; i < command.operands.size(); ++i) {
            arguments.push_back(evaluate(command.operands[i], dot));
        }
        if (piped) arguments.push_back(*std::move(piped));
        return arguments;
    }

    Value call(const Command& command, const Value& dot, std::optional<Value> piped) {
        const Operand& head = command.operands.front();
        if (head.name == "and" || head.name == "or") {
            return call_logic(command, dot, std::move(piped));
        }
        const Values arguments = evaluate_arguments(command, dot, std::move(piped));
        try {
            return options_.heading ? call_heading_function(head.name, arguments)
                                    : call_function(head.name, arguments);
        } catch (const base::Error& error) {
            fail(head, error.message());
        }
    }

    // The first argument that decides; the others are not looked at.
    Value call_logic(const Command& command, const Value& dot, std::optional<Value> piped) {
        const Operand& head = command.operands.front();
        const bool deciding = head.name == "or";
        Value value;
        if (command.operands.size() == 1 && !piped) {
            fail(head, "wrong number of args for " + head.name + ": want at least 1 got 0");
        }
        for (size_t i = 1; i < command.operands.size(); ++i) {
            value = evaluate(command.operands[i], dot);
            if (is_true(value) == deciding) return value;
        }
        return piped ? *std::move(piped) : value;
    }

    Value evaluate(const Operand& operand, const Value& dot) {
        switch (operand.kind) {
            case Operand::Kind::dot:
                return dot;
            case Operand::Kind::nil:
                return {};
            case Operand::Kind::literal:
                return operand.literal;
            case Operand::Kind::field:
                return walk_fields(operand, &dot);
            case Operand::Kind::variable: {
                const Value variable = find_variable(operand.name);
                return walk_fields(operand, &variable);
            }
            case Operand::Kind::pipeline: {
                const Scope scope(*this);
                const Value value = evaluate(*operand.pipeline, dot);
                return walk_fields(operand, &value);
            }
            case Operand::Kind::function:
                break;
        }
        Command alone;
        alone.operands.push_back(operand);
        return call(alone, dot, std::nullopt);
    }

    Value walk_fields(const Operand& operand, const Value* value) const {
        static const Value kMissing;
        const Object* lacks = nullptr;  // the field before, which may be missing
        for (size_t i = 0; i < operand.fields.size(); ++i) {
            const std::string& name = operand.fields[i];
            if (lacks != nullptr) fail_missing(operand, *lacks, operand.fields[i - 1]);
            if (value->is_null()) {
                fail(operand, "nil pointer evaluating interface {}." + name);
            }
            const Object* object = value->as_object();
            if (object == nullptr) {
                fail(operand,
                     "can't evaluate field " + name + " in type " + std::string(type_name(*value)));
            }
            value = object->find(name);
            if (value != nullptr) continue;
            if (is_struct(*object)) {
                if (!options_.nil_text || !options_.nil_text(name)) {
                    fail_missing(operand, *object, name);
                }
                lacks = object;
            }
            value = &kMissing;
        }
        return *value;
    }

    void print(std::string_view text) {
        if (output_.size() + text.size() > kMaxOutputBytes) {
            throw base::Error("template: output larger than " + std::to_string(kMaxOutputBytes) +
                              " bytes");
        }
        output_.append(text);
    }

    [[noreturn]] static void fail_missing(const Operand& operand, const Object& object,
                                          const std::string& name) {
        std::vector<std::string> names;
        for (const auto& member : object) names.push_back(member.first);
        const auto nearest = base::try_nearest(name, names);
        fail(operand, "map has no entry for key " + base::quote(name),
             nearest ? "did you mean ." + *nearest + "?" : "");
    }
    [[noreturn]] static void fail(const Operand& operand, const std::string& why,
                                  std::string hint = {}) {
        constexpr size_t kShown = 20;
        std::string place = operand.text.substr(0, kShown);
        if (operand.text.size() > kShown) place.append("...");
        throw base::Error("template: :" + std::to_string(operand.at.line) + ":" +
                              std::to_string(operand.at.byte) + ": executing \"\" at <" +
                              base::escape_control(place) + ">: " + base::escape_control(why),
                          std::move(hint));
    }

    const RenderOptions& options_;
    std::vector<std::pair<std::string, Value>> variables_;
    std::string output_;
};

}  // namespace
}  // namespace template_detail

Template::Template(std::shared_ptr<const template_detail::Tree> tree) : tree_(std::move(tree)) {}

Template Template::parse(std::string_view text) {
    return Template(
        std::make_shared<const template_detail::Tree>(template_detail::parse_tree(text)));
}

std::string Template::render(const base::json::Value& data, const RenderOptions& options) const {
    return template_detail::Executor(data, options).run(tree_->block);
}

const std::optional<std::set<std::string>>& Template::fields_used() const noexcept {
    return tree_->fields_used;
}

}  // namespace sandbox::cli
