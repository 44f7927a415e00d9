// A running container, and programs that are executed in it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/exec/join.hpp"
#include "launch_fixture.hpp"

namespace sandbox::test {

class ExecFixture {
  public:
    explicit ExecFixture(std::vector<std::string> payload = {"sleep", "1000"}) {
        launch.spec.argv = std::move(payload);
    }
    void start() {
        const base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        engine::LaunchContext context = launch.context();
        context.stdio_fds = {null.get(), null.get(), null.get()};
        container.emplace(engine::launch(launch.spec, context));
    }

    [[nodiscard]] engine::ExecSpec spec(std::vector<std::string> argv) const {
        engine::ExecSpec result;
        result.argv = std::move(argv);
        result.env = {"PATH=/bin"};
        result.user = launch.spec.user;
        result.capabilities = launch.spec.capabilities;
        result.no_new_privileges = launch.spec.no_new_privileges;
        result.seccomp = launch.spec.seccomp;
        result.rlimits = launch.spec.rlimits;
        result.ids = launch.spec.ids;
        return result;
    }
    [[nodiscard]] engine::ExecSpec shell(const std::string& script) const {
        return spec({"sh", "-c", script});
    }

    // Runs to the end; both outputs.
    [[nodiscard]] Result run(const engine::ExecSpec& wish) const {
        const base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        int out[2];
        int err[2];
        (void)!::pipe2(out, O_CLOEXEC);
        (void)!::pipe2(err, O_CLOEXEC);
        base::UniqueFd out_read(out[0]), out_write(out[1]), err_read(err[0]), err_write(err[1]);
        engine::ExecContext context;
        context.stdio_fds = {null.get(), out_write.get(), err_write.get()};
        engine::RunningExec running = engine::start_exec(container->namespaces, wish, context);
        out_write.reset();
        err_write.reset();
        Result result;
        result.out = base::read_fd(out_read.get(), 1u << 20);
        result.err = base::read_fd(err_read.get(), 1u << 20);
        result.status = engine::finish_exec(running, wish);
        return result;
    }
    [[nodiscard]] Result run(const std::string& script) const { return run(shell(script)); }

    LaunchFixture launch;
    std::optional<engine::LaunchedContainer> container;
};

}  // namespace sandbox::test
