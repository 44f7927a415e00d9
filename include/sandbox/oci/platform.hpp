// os/arch[/variant], in Go's words. "linux/amd64", "arm64", "linux/arm/v7".
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace sandbox::oci {

struct Platform {
    std::string os = "linux";
    std::string architecture;
    std::string variant;
    static Platform parse(std::string_view text);  // throws UsageError; normalises (x86_64 → amd64)
    static Platform host();                        // uname(2)
    [[nodiscard]] std::string str() const;
    // Would an image of `offered` run where `*this` is wanted? 0: no; higher is a better fit.
    [[nodiscard]] int fitness(const Platform& offered) const;
    auto operator<=>(const Platform&) const = default;
};

}  // namespace sandbox::oci
