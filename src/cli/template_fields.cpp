#include "template_tree.hpp"

namespace sandbox::cli::template_detail {
namespace {

// Collects what is asked of the root: through "." while it is the root, through "$" always.
class FieldFinder {
  public:
    void visit(const Block& block, bool dot_is_root) {
        for (const Statement& statement : block) {
            if (statement.kind == Statement::Kind::text) continue;
            visit(statement.pipeline, dot_is_root);
            const bool moves_dot =
                statement.kind == Statement::Kind::with || statement.kind == Statement::Kind::range;
            visit(statement.body, dot_is_root && !moves_dot);
            visit(statement.otherwise, dot_is_root);
        }
    }
    std::optional<std::set<std::string>> take() {
        if (all_) return std::nullopt;
        return std::move(fields_);
    }

  private:
    void visit(const Pipeline& pipeline, bool dot_is_root) {
        for (const Command& command : pipeline.commands) {
            for (const Operand& operand : command.operands) visit(operand, dot_is_root);
        }
    }
    void visit(const Operand& operand, bool dot_is_root) {
        if (operand.pipeline) visit(*operand.pipeline, dot_is_root);
        const bool is_root = (dot_is_root && (operand.kind == Operand::Kind::dot ||
                                              operand.kind == Operand::Kind::field)) ||
                             (operand.kind == Operand::Kind::variable && operand.name == "$");
        if (!is_root) return;
        if (operand.fields.empty()) {
            all_ = true;
        } else {
            fields_.insert(operand.fields.front());
        }
    }

    std::set<std::string> fields_;
    bool all_ = false;
};

}  // namespace

std::optional<std::set<std::string>> find_fields_used(const Block& block) {
    FieldFinder finder;
    finder.visit(block, true);
    return finder.take();
}

}  // namespace sandbox::cli::template_detail
