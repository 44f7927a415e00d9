// docker's seccomp profile format → SeccompPolicy. Unknown fields are refused: a misspelt condition
// must not silently open or close anything.
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/strings.hpp"
#include "seccomp_policy.hpp"

namespace sandbox::kernel {
namespace {

namespace json = base::json;

#if defined(__x86_64__)
constexpr const char* kArchName = "amd64";
constexpr const char* kScmpArch = "SCMP_ARCH_X86_64";
#elif defined(__aarch64__)
constexpr const char* kArchName = "arm64";
constexpr const char* kScmpArch = "SCMP_ARCH_AARCH64";
#else
constexpr const char* kArchName = "other";
constexpr const char* kScmpArch = "SCMP_ARCH_NATIVE";
#endif

class ProfileParser {
  public:
    ProfileParser(const std::string& file, const SeccompOptions& options)
        : file_(file), options_(options) {}

    SeccompPolicy parse(std::string_view text) {
        const json::Value document = read(text);
        const json::Object* top = document.as_object();
        if (top == nullptr) fail("the document", "is not an object");
        check_keys(*top, "the document",
                   {"defaultAction", "defaultErrnoRet", "archMap", "architectures", "syscalls",
                    "flags", "listenerPath", "listenerMetadata"});
        if (!document["listenerPath"].is_null()) {
            fail("\"listenerPath\"", "is not supported: nobody would listen");
        }
        SeccompPolicy policy;
        policy.fallback =
            action(document["defaultAction"], document["defaultErrnoRet"], "\"defaultAction\"");
        policy.other_architectures = wants_other_architectures(document);
        const json::Array* rules = document["syscalls"].as_array();
        if (rules == nullptr && !document["syscalls"].is_null()) {
            fail("\"syscalls\"", "is not an array");
        }
        for (size_t i = 0; rules != nullptr && i < rules->size(); ++i) {
            add_rules(policy, (*rules)[i], "\"syscalls\"[" + std::to_string(i) + "]");
        }
        return policy;
    }

  private:
    [[noreturn]] void fail(const std::string& where, const std::string& what) const {
        throw base::UsageError("seccomp profile " + base::quote(file_) + ": " + where + " " + what,
                               "the format is docker's", base::exit_code::kEngine);
    }

    json::Value read(std::string_view text) const {
        try {
            return json::parse(text);
        } catch (const base::Error& error) {
            throw base::UsageError("seccomp profile " + base::quote(file_) + ": " + error.message(),
                                   {}, base::exit_code::kEngine);
        }
    }

    void check_keys(const json::Object& object, const std::string& where,
                    const std::vector<std::string>& known) const {
        for (const auto& [key, value] : object) {
            if (std::find(known.begin(), known.end(), key) == known.end()) {
                fail(where, "has an unknown field " + base::quote(key));
            }
        }
    }

    std::string text(const json::Value& value, const std::string& where) const {
        const std::string* string = value.as_string();
        if (string == nullptr) fail(where, "is not a string");
        return *string;
    }

    std::vector<std::string> texts(const json::Value& value, const std::string& where) const {
        std::vector<std::string> result;
        if (value.is_null()) return result;
        const json::Array* array = value.as_array();
        if (array == nullptr) fail(where, "is not an array");
        for (const json::Value& item : *array) result.push_back(text(item, where));
        return result;
    }

    std::uint64_t number(const json::Value& value, const std::string& where,
                         std::uint64_t most) const {
        const auto result = value.try_u64();
        if (!result || *result > most) fail(where, "is not a number in range");
        return *result;
    }

    SeccompAction action(const json::Value& name, const json::Value& errno_value,
                         const std::string& where) const {
        using Kind = SeccompAction::Kind;
        const std::string word = text(name, where);
        std::uint16_t value = EPERM;
        if (!errno_value.is_null()) {
            value = static_cast<std::uint16_t>(number(errno_value, where + "'s errno", 4095));
        }
        if (word == "SCMP_ACT_ALLOW") return {Kind::allow, 0};
        if (word == "SCMP_ACT_ERRNO") return {Kind::error, value};
        if (word == "SCMP_ACT_KILL" || word == "SCMP_ACT_KILL_THREAD")
            return {Kind::kill_thread, 0};
        if (word == "SCMP_ACT_KILL_PROCESS") return {Kind::kill_process, 0};
        if (word == "SCMP_ACT_TRAP") return {Kind::trap, 0};
        if (word == "SCMP_ACT_TRACE") return {Kind::trace, value};
        if (word == "SCMP_ACT_LOG") return {Kind::log, 0};
        fail(where, "names the unknown action " + base::quote(word));
    }

    bool wants_other_architectures(const json::Value& document) const {
        const std::vector<std::string> plain =
            texts(document["architectures"], "\"architectures\"");
        if (plain.size() > 1) return true;
        const json::Array* map = document["archMap"].as_array();
        if (map == nullptr) return false;
        for (const json::Value& entry : *map) {
            if (entry.string_or("architecture") == kScmpArch) {
                return !texts(entry["subArchitectures"], "\"subArchitectures\"").empty();
            }
        }
        return false;
    }

    // "includes": all kinds must match (any architecture, any capability: as docker does it, every
    // capability); "excludes": one match suffices.
    struct Condition {
        std::vector<std::string> arches, caps;
        std::string min_kernel;
    };
    Condition condition(const json::Value& value, const std::string& where) const {
        Condition result;
        if (value.is_null()) return result;
        const json::Object* object = value.as_object();
        if (object == nullptr) fail(where, "is not an object");
        check_keys(*object, where, {"arches", "caps", "minKernel"});
        result.arches = texts(value["arches"], where + ".arches");
        result.caps = texts(value["caps"], where + ".caps");
        if (!value["minKernel"].is_null()) {
            result.min_kernel = text(value["minKernel"], where + ".minKernel");
        }
        return result;
    }

    bool has_capability(const std::string& name, const std::string& where) const {
        const auto capability = try_parse_capability(name);
        if (!capability) fail(where, "names the unknown capability " + base::quote(name));
        return (options_.capabilities >> *capability & 1) != 0;
    }

    bool kernel_is_at_least(const std::string& wanted, const std::string& where) const {
        int major = 0;
        int minor = 0;
        if (std::sscanf(wanted.c_str(), "%d.%d", &major, &minor) != 2) {
            fail(where, "names no kernel version: " + base::quote(wanted));
        }
        utsname system{};
        int own_major = 0;
        int own_minor = 0;
        if (::uname(&system) != 0 ||
            std::sscanf(system.release, "%d.%d", &own_major, &own_minor) != 2) {
            return true;
        }
        return own_major > major || (own_major == major && own_minor >= minor);
    }

    bool applies(const json::Value& rule, const std::string& where) const {
        const Condition includes = condition(rule["includes"], where + ".includes");
        const Condition excludes = condition(rule["excludes"], where + ".excludes");
        const auto names_us = [](const std::vector<std::string>& arches) {
            return std::find(arches.begin(), arches.end(), kArchName) != arches.end();
        };
        if (!includes.arches.empty() && !names_us(includes.arches)) return false;
        if (names_us(excludes.arches)) return false;
        for (const std::string& name : includes.caps) {
            if (!has_capability(name, where)) return false;
        }
        for (const std::string& name : excludes.caps) {
            if (has_capability(name, where)) return false;
        }
        if (!includes.min_kernel.empty() && !kernel_is_at_least(includes.min_kernel, where)) {
            return false;
        }
        return excludes.min_kernel.empty() || !kernel_is_at_least(excludes.min_kernel, where);
    }

    ArgumentCheck check(const json::Value& value, const std::string& where) const {
        using Op = ArgumentCheck::Op;
        const json::Object* object = value.as_object();
        if (object == nullptr) fail(where, "is not an object");
        check_keys(*object, where, {"index", "value", "valueTwo", "op"});
        ArgumentCheck result;
        result.index = static_cast<unsigned>(number(value["index"], where + ".index", 5));
        result.value = number(value["value"], where + ".value", UINT64_MAX);
        if (!value["valueTwo"].is_null()) {
            result.value2 = number(value["valueTwo"], where + ".valueTwo", UINT64_MAX);
        }
        const std::string op = text(value["op"], where + ".op");
        if (op == "SCMP_CMP_NE")
            result.op = Op::not_equal;
        else if (op == "SCMP_CMP_LT")
            result.op = Op::less;
        else if (op == "SCMP_CMP_LE")
            result.op = Op::less_equal;
        else if (op == "SCMP_CMP_EQ")
            result.op = Op::equal;
        else if (op == "SCMP_CMP_GE")
            result.op = Op::greater_equal;
        else if (op == "SCMP_CMP_GT")
            result.op = Op::greater;
        else if (op == "SCMP_CMP_MASKED_EQ")
            result.op = Op::masked_equal;
        else
            fail(where, "names the unknown comparison " + base::quote(op));
        return result;
    }

    void add_rules(SeccompPolicy& policy, const json::Value& rule, const std::string& where) const {
        const json::Object* object = rule.as_object();
        if (object == nullptr) fail(where, "is not an object");
        check_keys(
            *object, where,
            {"name", "names", "action", "errnoRet", "args", "comment", "includes", "excludes"});
        std::vector<std::string> names = texts(rule["names"], where + ".names");
        if (!rule["name"].is_null()) names.push_back(text(rule["name"], where + ".name"));
        const SeccompAction what = action(rule["action"], rule["errnoRet"], where + ".action");
        std::vector<ArgumentCheck> checks;
        if (const json::Array* args = rule["args"].as_array()) {
            for (size_t i = 0; i < args->size(); ++i) {
                checks.push_back(check((*args)[i], where + ".args[" + std::to_string(i) + "]"));
            }
        }
        if (!applies(rule, where)) return;
        for (const std::string& name : names) add_rule(policy, name, what, checks);
    }

    // Several checks of one argument mean "or", as the tools that read this format treat it: each
    // becomes a rule of its own. The kernel library would refuse them together.
    static void add_rule(SeccompPolicy& policy, const std::string& name, const SeccompAction& what,
                         const std::vector<ArgumentCheck>& checks) {
        std::vector<unsigned> seen(6, 0);
        for (const ArgumentCheck& one : checks) ++seen[one.index];
        if (std::any_of(seen.begin(), seen.end(), [](unsigned count) { return count > 1; })) {
            for (const ArgumentCheck& one : checks) policy.rules.push_back({name, what, {one}});
        } else {
            policy.rules.push_back({name, what, checks});
        }
    }

    const std::string& file_;
    const SeccompOptions& options_;
};

}  // namespace

SeccompPolicy parse_seccomp_profile(std::string_view json_text, const std::string& file,
                                    const SeccompOptions& options) {
    return ProfileParser(file, options).parse(json_text);
}

}  // namespace sandbox::kernel
