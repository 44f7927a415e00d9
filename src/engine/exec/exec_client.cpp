#include <fcntl.h>
#include <unistd.h>

#include "engine/callers_streams.hpp"
#include "engine/container_events.hpp"
#include "engine/environment.hpp"
#include "engine/exec/exec_base.hpp"
#include "engine/exec/exec_session.hpp"
#include "engine/exec/left_execs.hpp"
#include "engine/spec_builder.hpp"
#include "engine/terminal.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/exec.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {
namespace {

constexpr int kEngine = base::exit_code::kEngine;

void split_line(const std::string& line, Environment& env) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos || equals == 0) return;
    env.set(line.substr(0, equals), line.substr(equals + 1));
}

void set_environment(const ExecRequest& request, ExecSpec& spec) {
    Environment env;
    for (const std::string& line : spec.env) split_line(line, env);
    if (spec.tty) env.set_default("TERM", "xterm");
    const HostEnvironment host = process_environment();
    for (const std::string& file : request.env_files) {
        for (EnvAssignment& entry : load_env_file(file, host)) {
            env.set(std::move(entry.name), std::move(entry.value));
        }
    }
    for (const std::string& text : request.env) {
        if (auto entry = parse_env_flag(text, host)) {
            env.set(std::move(entry->name), std::move(entry->value));
        }
    }
    // Somebody says it: then it is not looked up.
    if (env.find("HOME") != nullptr) spec.set_home = false;
    spec.env = env.list();
}

// All capabilities and no filter; where one id plays root, its answers stay.
void make_privileged(const store::Store& store, ExecSpec& spec) {
    spec.capabilities = kernel::all_capabilities();
    kernel::SeccompOptions options;
    options.capabilities = spec.capabilities;
    options.fake_identity = spec.ids.mode == kernel::IdMode::single && !spec.emulated &&
                            spec.ids.contains_uid(kernel::ContainerId{0});
    spec.seccomp = options.fake_identity ? kernel::identity_only_seccomp(options, store.cache_fd())
                                         : kernel::BpfProgram{};
}

// The supervisor answers for the identity of what we start.
void pass_listener(const store::Store& store, const std::string& id, const ExecSpec& spec,
                   const base::UniqueFd& listener, const IdentitySpec& user) {
    std::optional<ControlClient> client = ControlClient::try_connect(store, id);
    if (!client) throw base::Error("the container has ended meanwhile", {}, kEngine);
    const int fd = listener.get();
    (void)client->call(identity_request(spec, user), {&fd, 1});
}

ExecBase ask_supervisor(const store::Store& store, const ExecRequest& request,
                        const store::ContainerEntry& entry) {
    std::optional<ControlClient> client = ControlClient::try_connect(store, entry.id);
    const std::string name = base::quote(request.container);
    if (!client) {
        throw base::Error("container " + name + " is not running",
                          entry.live ? "it is just starting or ending" : "start it first", kEngine);
    }
    ExecBase result = fetch_exec_base(*client);
    if (result.paused) {
        throw base::Error("container " + name + " is paused",
                          "continue it with `sandbox unpause " + request.container + "`", kEngine);
    }
    return result;
}

struct Wish {
    ExecBase base;
    store::ContainerEntry container;
    bool interactive = false;
};

Wish make_wish(const store::Store& store, const ExecRequest& request) {
    store::ContainerEntry entry = store::ContainerStore(store).find(request.container);
    ExecBase base = ask_supervisor(store, request, entry);
    Wish wish{std::move(base), std::move(entry), false};
    ExecSpec& spec = wish.base.spec;
    const bool on_terminal =
        !request.detach && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
    spec.argv = request.command;
    if (spec.argv.front().empty()) {
        throw base::UsageError("the command is an empty word", {}, base::exit_code::kNotFound);
    }
    spec.detached = request.detach;
    // Nobody would have a detached program's terminal: it writes into nothing, as docker's does.
    spec.tty = !request.detach && request.tty.value_or(on_terminal);
    wish.interactive = !request.detach && (request.interactive || (!request.tty && on_terminal));
    if (request.user) {
        spec.user.reset();
        spec.user_text = *request.user;
    }
    if (request.working_dir && !request.working_dir->empty()) {
        const std::string& dir = *request.working_dir;
        spec.working_dir = dir.front() == '/' ? dir : "/" + dir;
    }
    set_environment(request, spec);
    if (request.privileged) make_privileged(store, spec);
    return wish;
}

// The supervisor tells of its end, since we are gone by then. One that has just ended needs not.
void leave_to_supervisor(const store::Store& store, const Wish& wish, const ExecEvents& events,
                         const RunningExec& running) noexcept {
    try {
        const int fd = running.control.get();
        if (auto client = ControlClient::try_connect(store, wish.container.id)) {
            (void)client->call(exec_left_request(events.exec_id()), {&fd, 1});
        }
    } catch (const std::exception& error) {
        base::log::debug(error.what());
    }
}

int run_detached(const store::Store& store, const Wish& wish, const ExecEvents& events,
                 ExecContext& context) {
    const base::UniqueFd null = base::open_at(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
    context.stdio_fds = {null.get(), null.get(), null.get()};
    RunningExec running = start_exec(wish.base.namespaces, wish.base.spec, context);
    wait_executed(running, wish.base.spec);
    leave_to_supervisor(store, wish, events, running);
    running.process.release();
    return 0;
}

}  // namespace

int exec_in_container(const store::Store& store, const ExecRequest& request) {
    const Wish wish = make_wish(store, request);
    ExecContext context;
    context.cgroup_procs_fd = wish.base.cgroup_procs.get();
    context.on_listener = [&](base::UniqueFd listener, const IdentitySpec& user) {
        pass_listener(store, wish.container.id, wish.base.spec, listener, user);
    };
    const ExecEvents events(store, wish.container.id, wish.container.record);
    events.started(wish.base.spec.argv);
    if (request.detach) return run_detached(store, wish, events, context);
    base::UniqueFd null;
    if (wish.base.spec.tty) {
        context.window = try_window_size();
        if (wish.interactive && ::isatty(STDIN_FILENO) != 1) {
            base::log::warning("the input device is not a TTY");
        }
    } else if (!wish.interactive) {
        null = base::open_at(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC);
        context.stdio_fds[0] = null.get();
    }
    if (!wish.base.spec.tty && has_own_ids(wish.base.spec.ids)) {
        // What cannot be shared stays as it is: the program has it, and only misses /dev/stdout.
        (void)share_input(context.stdio_fds[0]);
        for (const size_t output : {1, 2}) (void)share_output(context.stdio_fds[output]);
    }
    SignalGate gate;
    RunningExec running = start_exec(wish.base.namespaces, wish.base.spec, context);
    const int code = serve_exec(running, wish.base.spec, wish.interactive, gate).shell_code();
    events.ended(code);
    return code;
}

}  // namespace sandbox::engine
