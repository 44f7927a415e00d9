// Templates: a parse error, a run-time error of one line, or output.
#include "cli/template.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "sandbox/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    using namespace sandbox;
    static const base::json::Value sample = base::json::parse(
        R"({"A":"text","N":3,"D":1.5,"B":true,"L":["a","b"],"M":{"k":"v"},"Z":null,"E":[],)"
        R"("S":{"X":{"Y":[{"P":1},{"P":2}]}}})");
    try {
        const cli::Template form =
            cli::Template::parse(std::string_view(reinterpret_cast<const char*>(data), size_bytes));
        (void)form.render(sample);
        cli::RenderOptions options;
        options.heading = true;
        (void)form.render(sample, options);
    } catch (const base::Error& error) {
        if (error.message().find('\n') != std::string::npos) std::abort();
    }
    return 0;
}
