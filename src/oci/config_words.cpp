#include "config_words.hpp"

#include <cctype>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::oci {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

class Expansion {
  public:
    Expansion(std::string_view word, const FindVariable& find) : word_(word), find_(find) {}

    std::string run() {
        while (at_ < word_.size()) step();
        return std::move(result_);
    }

  private:
    void step() {
        const char c = word_[at_++];
        if (c == '\'' && quote_ != '"') {
            const size_t end = word_.find('\'', at_);
            result_ += word_.substr(at_, end == word_.npos ? word_.npos : end - at_);
            at_ = end == word_.npos ? word_.size() : end + 1;
        } else if (c == '"') {
            quote_ = quote_ == '"' ? '\0' : '"';
        } else if (c == '\\' && at_ < word_.size()) {
            escaped();
        } else if (c == '$') {
            variable();
        } else {
            result_ += c;
        }
    }

    void escaped() {
        const char next = word_[at_++];
        // Within double quotes a backslash means itself but before these.
        if (quote_ == '"' && next != '"' && next != '$' && next != '\\') result_ += '\\';
        result_ += next;
    }

    void variable() {
        if (at_ < word_.size() && word_[at_] == '{') {
            const size_t end = word_.find('}', at_);
            if (end == word_.npos) {
                throw base::UsageError("a variable without its end: " + base::quote(word_),
                                       "close it with }");
            }
            braced(word_.substr(at_ + 1, end - at_ - 1));
            at_ = end + 1;
            return;
        }
        const size_t begin = at_;
        while (at_ < word_.size() && is_name(word_[at_])) ++at_;
        if (at_ == begin) {
            result_ += '$';
        } else {
            result_ += find_(std::string(word_.substr(begin, at_ - begin))).value_or("");
        }
    }

    void braced(std::string_view inside) {
        const size_t colon = inside.find(':');
        const std::optional<std::string> value = find_(std::string(inside.substr(0, colon)));
        const bool set = value && !value->empty();
        if (colon == inside.npos) {
            result_ += value.value_or("");
        } else if (inside.substr(colon, 2) == ":-") {
            result_ += set ? *value : std::string(inside.substr(colon + 2));
        } else if (inside.substr(colon, 2) == ":+") {
            if (set) result_ += inside.substr(colon + 2);
        } else {
            throw base::UsageError("unsupported modifier in \"${" + std::string(inside) + "}\"",
                                   "there are :- and :+");
        }
    }

    std::string_view word_;
    const FindVariable& find_;
    size_t at_ = 0;
    char quote_ = '\0';
    std::string result_;
};

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool inside = false;
    char quote = '\0';
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == '\0' && is_blank(c)) {
            if (inside) words.push_back(std::exchange(word, {}));
            inside = false;
            continue;
        }
        inside = true;
        word += c;
        if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
            word += text[++i];
        } else if (c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        }
    }
    if (inside) words.push_back(std::move(word));
    return words;
}

std::string expand_word(std::string_view word, const FindVariable& find) {
    return Expansion(word, find).run();
}

}  // namespace sandbox::oci
