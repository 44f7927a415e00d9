// Cuts a template into text and the tokens of its actions. Private to template*.cpp.
#pragma once

#include <string>
#include <string_view>

#include "template_tree.hpp"

namespace sandbox::cli::template_detail {

enum class TokenKind {
    text,      // value: what is printed
    open,      // {{
    close,     // }}
    word,      // a name or keyword
    field,     // .Name; value: Name
    variable,  // $name; value with the $
    dot,
    string,  // value: unquoted
    number,
    character,
    pipe,
    declare,  // :=
    assign,   // =
    comma,
    left_paren,
    right_paren,
    end,
};

struct Token {
    TokenKind kind = TokenKind::end;
    std::string value;
    std::string_view text;     // as written
    bool after_space = false;  // separates arguments: ".A.B" is one, ".A .B" are two
    Position at;
};

class Lexer {
  public:
    explicit Lexer(std::string_view input) : input_(input) {}
    // Throws UsageError. After `end` always `end` again.
    Token next();
    [[noreturn]] static void fail(const Position& at, std::string_view why);

  private:
    Token next_text();
    Token next_in_action();
    Token take(TokenKind kind, size_t size_bytes, std::string value = {});
    Token take_quoted();
    Token take_raw_string();
    Token take_character();
    Token take_number();
    Token take_word(TokenKind kind, size_t prefix_bytes);
    std::string unescape(std::string_view body);
    void skip_comment();
    void skip_trimmed_space();
    bool skip_space();
    void require_separator(const Token& token) const;
    [[nodiscard]] bool starts_with(std::string_view prefix) const noexcept;
    [[nodiscard]] std::string_view rest() const noexcept { return input_.substr(at_); }
    [[nodiscard]] Position position(size_t at) noexcept;

    std::string_view input_;
    size_t at_ = 0;
    // position() counts on from where it was last asked.
    size_t counted_ = 0;
    size_t line_ = 1;
    size_t line_start_ = 0;
    bool in_action_ = false;
    bool pending_open_ = false;  // the text before a {{ was given, the {{ comes next
};

}  // namespace sandbox::cli::template_detail
