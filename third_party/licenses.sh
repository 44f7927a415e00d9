#!/bin/sh
# licenses.sh RECIPE_PREFIX…: prints name, version and copyright text of every foreign library that
# is linked into the program, and the common licences that those texts refer to.
set -eu

# A library that is linked anew gets its Debian package here.
packages="libc-ares-dev libc6-dev libcli11-dev liblzma-dev libseccomp-dev libssl-dev
    libstdc++-12-dev libtomlplusplus-dev libyaml-cpp-dev libzstd-dev nlohmann-json3-dev zlib1g-dev"

heading() {
    printf '\n================================================================================\n'
    printf '%s\n' "$1"
    printf '================================================================================\n\n'
}

for prefix in "$@"; do
    heading "$(cat "$prefix/complete")"
    cat "$prefix/copyright"
done
for package in $packages; do
    heading "$(dpkg-query -W -f '${source:Package} ${source:Version}' "$package")"
    cat "/usr/share/doc/$package/copyright"
done
# GPL-3 is only referred to by the run-time parts of GCC, whose exception (above) lifts it.
for license in Apache-2.0 LGPL-2.1; do
    heading "$license"
    cat "/usr/share/common-licenses/$license"
done
