#include "cli/licenses.hpp"

#include <string_view>

#include "sandbox/base/licenses.hpp"

namespace sandbox::cli {
namespace {

struct Library {
    std::string_view name;
    std::string_view license;  // SPDX
    std::string_view holders;
    std::string_view home;
};

// A library that is linked anew gets its line here in the same commit.
constexpr Library kLibraries[] = {
    {"sandbox", "MIT", "the authors of sandbox", ""},
    {"CLI11", "BSD-3-Clause", "University of Cincinnati", "https://github.com/CLIUtils/CLI11"},
    {"toml++", "MIT", "Mark Gillard", "https://github.com/marzer/tomlplusplus"},
    {"nlohmann/json", "MIT", "Niels Lohmann", "https://github.com/nlohmann/json"},
    {"isa-l", "BSD-3-Clause", "Intel Corporation", "https://github.com/intel/isa-l"},
    {"zlib", "Zlib", "Jean-loup Gailly, Mark Adler", "https://zlib.net"},
    {"zstd", "BSD-3-Clause", "Meta Platforms, Inc. and affiliates",
     "https://facebook.github.io/zstd"},
    {"liblzma", "public domain", "Lasse Collin and others", "https://tukaani.org/xz"},
    {"libcurl", "curl", "Daniel Stenberg and others", "https://curl.se"},
    {"c-ares", "MIT", "Massachusetts Institute of Technology, Daniel Stenberg and others",
     "https://c-ares.org"},
    {"OpenSSL", "Apache-2.0", "The OpenSSL Project Authors", "https://www.openssl.org"},
    {"libseccomp", "LGPL-2.1-only", "Paul Moore and others",
     "https://github.com/seccomp/libseccomp"},
    {"glibc", "LGPL-2.1-or-later", "Free Software Foundation and others",
     "https://www.gnu.org/software/libc"},
    {"libstdc++, libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1", "Free Software Foundation",
     "https://gcc.gnu.org"},
};

}  // namespace

std::string licenses_text() {
    std::string text;
    for (const Library& library : kLibraries) {
        std::string name(library.name);
        name.resize(std::max<size_t>(name.size(), 18), ' ');
        text += name + "  " + std::string(library.license) + "\n" + std::string(20, ' ') +
                "Copyright " + std::string(library.holders) + "\n";
        if (!library.home.empty()) {
            text += std::string(20, ' ') + std::string(library.home) + "\n";
        }
    }
    text +=
        "\nThe full texts follow. libseccomp and glibc are linked\n"
        "statically: this program's source and build recipes allow linking it again with\n"
        "changed versions of them, as their licence asks.\n";
    text += base::licenses_text();
    return text;
}

}  // namespace sandbox::cli
