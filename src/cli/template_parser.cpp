// Recursive descent over the tokens. Nesting is limited, since the tree is walked and destroyed
// recursively too.
#include <algorithm>
#include <charconv>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "template_lexer.hpp"
#include "template_tree.hpp"

namespace sandbox::cli::template_detail {
namespace {

using base::json::Value;

constexpr size_t kMaxNesting = 100;

std::string without_underscores(std::string_view text) {
    std::string result;
    std::copy_if(text.begin(), text.end(), std::back_inserter(result),
                 [](char c) { return c != '_'; });
    return result;
}

// Go's prefixes 0x, 0o, 0b and a plain 0.
std::optional<Value> try_integer(std::string_view text) {
    const bool negative = text[0] == '-';
    if (text[0] == '+' || text[0] == '-') text.remove_prefix(1);
    int radix = 10;
    const std::string prefix = base::to_lower(text.substr(0, 2));
    if (prefix == "0x") radix = 16;
    if (prefix == "0b") radix = 2;
    if (prefix == "0o") radix = 8;
    if (radix != 10) {
        text.remove_prefix(2);
    } else if (text.size() > 1 && text[0] == '0') {
        radix = 8;
    }
    std::int64_t number = 0;
    const std::string signed_text = (negative ? "-" : "") + std::string(text);
    const char* end = signed_text.data() + signed_text.size();
    const auto [stop, error] = std::from_chars(signed_text.data(), end, number, radix);
    if (text.empty() || text[0] == '-' || error != std::errc{} || stop != end) return std::nullopt;
    return Value(number);
}

std::optional<Value> try_float(std::string_view text) {
    if (text[0] == '+') text.remove_prefix(1);
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return Value(number);
}

// The code point of a one-character text.
std::optional<std::int64_t> try_code_point(std::string_view text) {
    if (text.empty()) return std::nullopt;
    const auto first = static_cast<unsigned char>(text[0]);
    const size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (text.size() != size) return std::nullopt;
    std::int64_t code = size == 1 ? first : first & (0xFF >> (size + 1));
    for (const char c : text.substr(1)) code = code << 6 | (c & 0x3F);
    return code;
}

class Parser {
  public:
    explicit Parser(std::string_view text) : lexer_(text) { advance(); }

    Block parse() {
        Block block = parse_block();
        if (ending_ != "") Lexer::fail(ending_at_, "unexpected {{" + ending_ + "}}");
        return block;
    }

  private:
    // Up to {{end}}, {{else…}} or the end of the text; ending_ says which.
    Block parse_block() {
        const Nesting nesting(*this);
        Block block;
        for (;;) {
            if (token_.kind == TokenKind::text) {
                if (!token_.value.empty()) {
                    Statement& text = block.emplace_back();
                    text.text = std::move(token_.value);
                }
                advance();
            } else if (token_.kind == TokenKind::end) {
                ending_.clear();
                return block;
            } else {
                ending_at_ = token_.at;
                advance();  // {{
                if (is_word("end") || is_word("else")) {
                    ending_ = token_.value;
                    advance();
                    return block;
                }
                block.push_back(parse_action());
            }
        }
    }

    Statement parse_action() {
        Statement statement;
        if (is_word("if") || is_word("with") || is_word("range")) {
            statement.kind = is_word("if")     ? Statement::Kind::condition
                             : is_word("with") ? Statement::Kind::with
                                               : Statement::Kind::range;
            parse_control(statement);
        } else if (is_word("break") || is_word("continue")) {
            statement.kind = is_word("break") ? Statement::Kind::leave : Statement::Kind::skip;
            if (loops_ == 0) fail("{{" + token_.value + "}} outside {{range}}");
            advance();
            expect_close(is_word("break") ? "break" : "continue");
        } else {
            for (const char* word : {"define", "template", "block"}) {
                if (is_word(word)) fail(std::string("{{") + word + "}} is not supported");
            }
            statement.kind = Statement::Kind::action;
            statement.pipeline = parse_pipeline("command");
            expect_close("command");
        }
        return statement;
    }

    void parse_control(Statement& statement) {
        const std::string word = token_.value;
        advance();
        const size_t outer_variables = variables_.size();
        statement.pipeline = parse_pipeline(word);
        expect_close(word);
        const bool is_range = statement.kind == Statement::Kind::range;
        loops_ += is_range ? 1 : 0;
        statement.body = parse_block();
        loops_ -= is_range ? 1 : 0;
        if (ending_ == "else") {
            if (statement.kind != Statement::Kind::range && is_word(word)) {
                // {{else if …}}: its {{end}} is ours too.
                Statement& nested = statement.otherwise.emplace_back();
                nested.kind = statement.kind;
                const Nesting nesting(*this);
                parse_control(nested);
                variables_.resize(outer_variables);
                return;
            }
            expect_close("else");
            statement.otherwise = parse_block();
            if (ending_ == "else") Lexer::fail(ending_at_, "expected end; found {{else}}");
        }
        if (ending_ != "end") fail("unexpected EOF");
        ending_.clear();
        expect_close("end");
        variables_.resize(outer_variables);
    }

    Pipeline parse_pipeline(const std::string& context) {
        const Nesting nesting(*this);
        Pipeline pipeline;
        pipeline.at = token_.at;
        if (token_.kind == TokenKind::variable) parse_declaration(pipeline, context);
        do {
            pipeline.commands.push_back(parse_command(context));
            if (token_.kind != TokenKind::pipe) break;
            advance();
        } while (true);
        require_callable(pipeline);
        if (!pipeline.assigns) {
            variables_.insert(variables_.end(), pipeline.variables.begin(),
                              pipeline.variables.end());
        }
        return pipeline;
    }

    // "$x :=", "$x =", "$i, $v :="; anything else is left for the command.
    void parse_declaration(Pipeline& pipeline, const std::string& context) {
        const Lexer lexer_before = lexer_;
        const Token token_before = token_;
        pipeline.variables.push_back(token_.value);
        advance();
        if (token_.kind == TokenKind::comma && context == "range") {
            advance();
            if (token_.kind != TokenKind::variable) {
                fail("range can only initialize variables");
            }
            pipeline.variables.push_back(token_.value);
            advance();
        }
        if (token_.kind == TokenKind::declare || token_.kind == TokenKind::assign) {
            pipeline.assigns = token_.kind == TokenKind::assign;
            if (pipeline.assigns) {
                for (const std::string& name : pipeline.variables) require_variable(name);
            }
            advance();
            return;
        }
        if (pipeline.variables.size() > 1) fail("unexpected " + shown(token_) + " in range");
        pipeline.variables.clear();
        lexer_ = lexer_before;
        token_ = token_before;
    }

    // Go: only functions and fields take what comes through a pipe.
    static void require_callable(const Pipeline& pipeline) {
        for (size_t i = 1; i < pipeline.commands.size(); ++i) {
            const Operand& head = pipeline.commands[i].operands.front();
            const bool literal = head.kind == Operand::Kind::literal ||
                                 head.kind == Operand::Kind::nil || head.kind == Operand::Kind::dot;
            if (literal) {
                Lexer::fail(head.at,
                            "non executable command in pipeline stage " + std::to_string(i + 1));
            }
        }
    }

    Command parse_command(const std::string& context) {
        Command command;
        while (starts_operand()) {
            if (!command.operands.empty() && !token_.after_space) {
                fail("unexpected " + shown(token_) + " in operand");
            }
            command.operands.push_back(parse_operand());
        }
        if (command.operands.empty()) fail("missing value for " + context);
        return command;
    }

    [[nodiscard]] bool starts_operand() const {
        switch (token_.kind) {
            case TokenKind::word:
            case TokenKind::field:
            case TokenKind::variable:
            case TokenKind::dot:
            case TokenKind::string:
            case TokenKind::number:
            case TokenKind::character:
            case TokenKind::left_paren:
                return true;
            default:
                return false;
        }
    }

    Operand parse_operand() {
        Operand operand;
        operand.at = token_.at;
        operand.text = token_.text;
        switch (token_.kind) {
            case TokenKind::word:
                read_word(operand);
                break;
            case TokenKind::field:
                operand.kind = Operand::Kind::field;
                operand.fields.push_back(token_.value);
                break;
            case TokenKind::variable:
                require_variable(token_.value);
                operand.kind = Operand::Kind::variable;
                operand.name = token_.value;
                break;
            case TokenKind::dot:
                operand.kind = Operand::Kind::dot;
                break;
            case TokenKind::left_paren:
                advance();
                operand.kind = Operand::Kind::pipeline;
                operand.pipeline = std::make_shared<Pipeline>(parse_pipeline("parenthesis"));
                if (token_.kind != TokenKind::right_paren) fail("unclosed left paren");
                operand.text = "(…)";
                break;
            default:
                read_literal(operand);
                break;
        }
        advance();
        read_fields(operand);
        return operand;
    }

    void read_fields(Operand& operand) {
        while (token_.kind == TokenKind::field && !token_.after_space) {
            const bool has_fields = operand.kind == Operand::Kind::field ||
                                    operand.kind == Operand::Kind::variable ||
                                    operand.kind == Operand::Kind::pipeline;
            if (!has_fields) fail("unexpected . after term " + base::quote(operand.text));
            operand.fields.push_back(token_.value);
            operand.text.append(token_.text);
            advance();
        }
    }

    void read_word(Operand& operand) {
        const std::string& word = token_.value;
        if (word == "true" || word == "false") {
            operand.kind = Operand::Kind::literal;
            operand.literal = Value(word == "true");
        } else if (word == "nil") {
            operand.kind = Operand::Kind::nil;
        } else {
            operand.kind = Operand::Kind::function;
            operand.name = word;
            if (!is_function(word)) fail("function " + base::quote(word) + " not defined");
        }
    }

    void read_literal(Operand& operand) {
        operand.kind = Operand::Kind::literal;
        if (token_.kind == TokenKind::string) {
            operand.literal = Value(token_.value);
            return;
        }
        std::optional<Value> number;
        if (token_.kind == TokenKind::character) {
            if (const auto code = try_code_point(token_.value)) number = Value(*code);
        } else {
            const std::string digits = without_underscores(token_.value);
            number = try_integer(digits);
            if (!number) number = try_float(digits);
        }
        if (!number) fail("bad number syntax: " + base::quote(token_.text));
        operand.literal = *std::move(number);
    }

    void require_variable(const std::string& name) {
        if (std::find(variables_.begin(), variables_.end(), name) == variables_.end()) {
            fail("undefined variable " + base::quote(name));
        }
    }

    [[nodiscard]] bool is_word(std::string_view word) const {
        return token_.kind == TokenKind::word && token_.value == word;
    }
    void expect_close(const std::string& context) {
        if (token_.kind != TokenKind::close) fail("unexpected " + shown(token_) + " in " + context);
        advance();
    }
    static std::string shown(const Token& token) {
        return token.kind == TokenKind::end ? "EOF" : base::quote(token.text);
    }
    [[noreturn]] void fail(const std::string& why) const { Lexer::fail(token_.at, why); }
    void advance() { token_ = lexer_.next(); }

    class Nesting {
      public:
        explicit Nesting(Parser& parser) : parser_(parser) {
            if (++parser_.nesting_ > kMaxNesting) parser_.fail("nested too deep");
        }
        Nesting(const Nesting&) = delete;
        Nesting& operator=(const Nesting&) = delete;
        ~Nesting() { --parser_.nesting_; }

      private:
        Parser& parser_;
    };

    Lexer lexer_;
    Token token_;
    std::string ending_;  // how the last block ended: "end", "else", "" for the end of the text
    Position ending_at_;
    std::vector<std::string> variables_{"$"};
    size_t nesting_ = 0;
    size_t loops_ = 0;
};

}  // namespace

Tree parse_tree(std::string_view text) {
    Tree tree;
    tree.block = Parser(text).parse();
    tree.fields_used = find_fields_used(tree.block);
    return tree;
}

}  // namespace sandbox::cli::template_detail
