#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/scope_exit.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/registry/client.hpp"

namespace sandbox::cli {
namespace {

constexpr const char* kDefaultRegistry = "docker.io";
constexpr size_t kMaxPasswordBytes = 64u << 10;

constexpr Flag kLoginFlags[] = {
    {"-u,--username", FlagKind::value, "NAME", "user name"},
    {"-p,--password", FlagKind::value, "PASSWORD",
     "password; others can see it: better use --password-stdin"},
    {"--password-stdin", FlagKind::toggle, "", "read the password from standard input"},
    {"--get-login", FlagKind::toggle, "", "show the name that is logged in"},
};
constexpr RefusedFlag kRefused[] = {
    {"--tls-verify,--cert-dir", "set insecure, ca, client_cert for the registry in config.toml"},
    {"--authfile", "set REGISTRY_AUTH_FILE"},
};
constexpr Flag kLogoutFlags[] = {
    {"-a,--all", FlagKind::toggle, "", "log out of every registry"},
};

// "https://index.docker.io/v1/" and "registry.example/team" are taken as docker does: the host.
std::string registry_of(const Invocation& in) {
    if (in.arguments().empty()) return kDefaultRegistry;
    std::string text = in.arguments()[0];
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (text.starts_with(scheme)) text.erase(0, scheme.size());
    }
    text.resize(std::min(text.find('/'), text.size()));
    if (text == "index.docker.io" || text == "registry-1.docker.io") return kDefaultRegistry;
    if (text.empty()) throw base::UsageError("no registry named", "sandbox login HOST[:PORT]");
    return text;
}

std::string ask(const char* question, bool secret) {
    if (::isatty(STDIN_FILENO) != 1) {
        throw base::UsageError("cannot ask without a terminal",
                               "use --username NAME and --password-stdin", 1);
    }
    (void)!::write(STDERR_FILENO, question, std::string_view(question).size());
    termios before{};
    (void)::tcgetattr(STDIN_FILENO, &before);
    const base::ScopeExit restore([&] { (void)::tcsetattr(STDIN_FILENO, TCSANOW, &before); });
    if (secret) {
        termios silent = before;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        silent.c_lflag |= ECHONL;
        (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    std::string answer;
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n' &&
           answer.size() < kMaxPasswordBytes) {
        answer += byte;
    }
    return answer;
}

std::string password_of(const Invocation& in) {
    if (in.toggle("password-stdin")) {
        if (in.try_value("password")) {
            throw base::UsageError("--password and --password-stdin exclude each other");
        }
        std::string password = base::read_fd(STDIN_FILENO, kMaxPasswordBytes);
        while (password.ends_with('\n') || password.ends_with('\r')) password.pop_back();
        return password;
    }
    if (const std::optional<std::string> given = in.try_value("password")) {
        base::log::warning(
            "a password on the command line can be seen by other users; "
            "--password-stdin is safer");
        return *given;
    }
    return ask("Password: ", true);
}

int run_login(Context& context, const Invocation& in) {
    const std::string registry = registry_of(in);
    if (in.toggle("get-login")) {
        const std::optional<std::string> user = registry::try_stored_login(registry);
        if (!user) throw base::NotFoundError("not logged into " + registry);
        context.out.line(*user);
        return 0;
    }
    if (in.toggle("password-stdin") && !in.try_value("username")) {
        throw base::UsageError("--password-stdin needs --username");
    }
    const std::optional<std::string> given = in.try_value("username");
    const std::string user = given ? *given : ask("Username: ", false);
    const std::string password = password_of(in);
    if (user.empty() || password.empty()) {
        throw base::UsageError("user name and password must not be empty", {}, 1);
    }
    registry::Client client;
    client.login(registry, user, password);
    context.out.line("Login Succeeded!");
    return 0;
}

int run_logout(Context& context, const Invocation& in) {
    const bool all = in.toggle("all");
    const std::string registry = registry_of(in);
    if (!registry::logout(registry, all)) {
        // As docker does: what is wished is so already.
        base::log::notice("not logged in to " + (all ? "any registry" : registry));
        return 0;
    }
    context.out.line(all ? "Removed all login credentials"
                         : "Removed login credentials for " + registry);
    return 0;
}

}  // namespace

constinit const Command kLoginCommand = {
    .names = "login",
    .arguments = "[REGISTRY]",
    .summary = "Log in to a registry",
    .flags = kLoginFlags,
    .min_arguments = 0,
    .max_arguments = 1,
    .run = run_login,
    .refused = kRefused,
};
constinit const Command kLogoutCommand = {
    .names = "logout",
    .arguments = "[REGISTRY]",
    .summary = "Forget the login to a registry",
    .flags = kLogoutFlags,
    .min_arguments = 0,
    .max_arguments = 1,
    .run = run_logout,
};

}  // namespace sandbox::cli
