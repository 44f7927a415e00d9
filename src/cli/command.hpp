// What a verb is: plain tables, from which parsing, help, completion and the man page test are all
// made, so that they cannot disagree. Nothing here is built before the verb is chosen.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox::cli {

class Context;
class Invocation;

enum class FlagKind : std::uint8_t {
    toggle,  // --rm, --rm=false
    value,   // the last one counts
    list,    // each one counts
};

// What a shell can offer for a value.
enum class Completes : std::uint8_t {
    nothing,
    images,
    containers,  // and services of the project
    services,
    volumes,
    networks,
    objects,
    file,
    words
};

struct Flag {
    const char* names;  // "-e,--env"; the first long name is the key
    FlagKind kind;
    const char* value;  // what the value is called in help; "" for a toggle
    const char* help;   // one line, lower case, no full stop
    Completes completes = Completes::nothing;
    const char* words = "";  // for Completes::words: "missing always never"
};

// A flag that docker has and this program has not: refused with its reason.
struct RefusedFlag {
    const char* names;  // "-d,--detach"
    const char* why;
};

struct Command {
    const char* names;      // "images,image ls": the first is what help and man pages call it
    const char* arguments;  // "IMAGE [COMMAND [ARG...]]"
    const char* summary;    // one line, as a sentence without full stop
    std::span<const Flag> flags;
    int min_arguments;
    int max_arguments;  // -1: any number
    int (*run)(Context&, const Invocation&);
    Completes completes = Completes::nothing;  // what the arguments are
    const char* words = "";
    bool stop_at_argument = false;  // flags end at the first argument (run)
    int failure_code = 1;           // for errors that name no code of their own
    std::span<const RefusedFlag> refused = {};
};

// "images" of "images,image ls".
[[nodiscard]] std::string_view first_name(const Command& command) noexcept;
// "env" of "-e,--env".
[[nodiscard]] std::string_view key_of(const Flag& flag) noexcept;

// A command line after parsing. Keys are the long names of the table; another key is a mistake in
// the program (std::logic_error).
class Invocation {
  public:
    explicit Invocation(const Command& command) : command_(&command) {
        values_.resize(command.flags.size());
    }
    [[nodiscard]] const Command& command() const noexcept { return *command_; }
    // Does the table have such a flag? For what several commands share.
    [[nodiscard]] bool has_flag(std::string_view key) const noexcept;
    [[nodiscard]] bool toggle(std::string_view key, bool fallback = false) const;
    [[nodiscard]] std::optional<bool> try_toggle(std::string_view key) const;
    [[nodiscard]] std::optional<std::string> try_value(std::string_view key) const;
    [[nodiscard]] std::string value_or(std::string_view key, std::string fallback) const;
    [[nodiscard]] const std::vector<std::string>& list(std::string_view key) const;
    [[nodiscard]] const std::vector<std::string>& arguments() const noexcept { return arguments_; }

    void set(size_t flag_index, std::vector<std::string> values) {
        values_[flag_index] = std::move(values);
    }
    void set_arguments(std::vector<std::string> arguments) { arguments_ = std::move(arguments); }

  private:
    const Command* command_;
    std::vector<std::vector<std::string>> values_;  // as flags of the command
    std::vector<std::string> arguments_;
};

// strconv.ParseBool's words, as docker takes them.
[[nodiscard]] std::optional<bool> try_parse_bool(std::string_view text) noexcept;

}  // namespace sandbox::cli
