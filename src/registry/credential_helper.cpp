#include "registry/credential_helper.hpp"

#include <algorithm>
#include <cerrno>

#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/subprocess.hpp"

namespace sandbox::registry {

namespace {

namespace json = base::json;

bool is_helper_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
           });
}

// The key that docker itself uses, so that logins made with it are found.
std::string server_url(const std::string& registry) {
    return registry == "docker.io" ? "https://index.docker.io/v1/" : registry;
}

base::SubprocessResult run_helper(const std::string& name, const std::string& verb,
                                  std::string input) {
    base::SubprocessOptions options;
    options.input = std::move(input);
    return base::run_subprocess({"docker-credential-" + name, verb}, options);
}

// What a helper says may be anything; a line of it is enough.
std::string first_line(const base::SubprocessResult& result) {
    const std::string_view text = base::trim(result.out.empty() ? result.err : result.out);
    const std::string line =
        base::escape_control(text.substr(0, std::min<size_t>(text.find('\n'), 200)));
    return line.empty() ? "exit code " + std::to_string(result.exit_code) : line;
}

HelperAnswer read_answer(const std::string& out) {
    HelperAnswer answer;
    try {
        const json::Value root = json::parse(out, json::Limits{256 * 1024, 8});
        const std::string user = root.string_or("Username");
        const std::string secret = root.string_or("Secret");
        if (user.empty() && secret.empty()) return answer;
        answer.kind = HelperAnswer::Kind::found;
        if (user == "<token>") {
            answer.credential.identity_token = secret;
        } else {
            answer.credential.user = user;
            answer.credential.password = secret;
        }
    } catch (const base::IntegrityError&) {
        // Not shown: what was not understood may hold the secret.
        answer.kind = HelperAnswer::Kind::helper_failed;
        answer.reason = "its answer is no JSON";
    }
    return answer;
}

void change_with_helper(const std::string& name, const std::string& verb, std::string input) {
    const std::string program = "docker-credential-" + name;
    if (!is_helper_name(name)) throw base::Error("bad credential helper name " + base::quote(name));
    const base::SubprocessResult result = run_helper(name, verb, std::move(input));
    if (result.exit_code != 0) {
        throw base::Error(base::quote(program) + " " + verb + ": " + first_line(result));
    }
}

}  // namespace

HelperAnswer ask_helper(const std::string& name, const std::string& registry) {
    HelperAnswer answer;
    if (!is_helper_name(name)) {
        answer.kind = HelperAnswer::Kind::helper_failed;
        answer.reason = "bad name";
        return answer;
    }
    base::SubprocessResult result;
    try {
        result = run_helper(name, "get", server_url(registry));
    } catch (const base::SysError& error) {
        answer.kind = error.errnum() == ENOENT ? HelperAnswer::Kind::helper_missing
                                               : HelperAnswer::Kind::helper_failed;
        answer.reason = error.message();
        return answer;
    } catch (const base::Error& error) {  // it did not end in time
        answer.kind = HelperAnswer::Kind::helper_failed;
        answer.reason = error.message();
        return answer;
    }
    if (result.exit_code == 0) return read_answer(result.out);
    const std::string line = first_line(result);
    // The protocol's fixed sentence for "nothing stored".
    if (line.find("credentials not found") != std::string::npos) return answer;
    answer.kind = HelperAnswer::Kind::helper_failed;
    answer.reason = line;
    return answer;
}

void store_with_helper(const std::string& name, const std::string& registry,
                       const Credential& credential) {
    json::Object entry;
    entry.append("ServerURL", server_url(registry));
    const bool token = !credential.identity_token.empty();
    entry.append("Username", token ? std::string("<token>") : credential.user);
    entry.append("Secret", token ? credential.identity_token : credential.password);
    change_with_helper(name, "store", json::dump(entry));
}

void erase_with_helper(const std::string& name, const std::string& registry) {
    change_with_helper(name, "erase", server_url(registry));
}

}  // namespace sandbox::registry
