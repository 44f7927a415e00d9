#!/bin/sh
# setup.sh [--build] [--test] [--no-recipes]: installs the Debian packages that building (the
# default) or testing needs, and builds the libraries of recipes/. Needs root or sudo for packages
# that are missing; with nothing missing it needs neither.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

build_packages="g++ cmake ninja-build ccache pkgconf ca-certificates dpkg-dev nasm
    libseccomp-dev libssl-dev libc-ares-dev libzstd-dev liblzma-dev zlib1g-dev
    libcli11-dev nlohmann-json3-dev libtomlplusplus-dev libyaml-cpp-dev"
test_packages="catch2 clang clang-format clang-tidy libclang-rt-dev python3 git file curl procps
    util-linux xz-utils zstd isal zsh fish uidmap busybox-static docker-registry skopeo umoci buildah podman crun bubblewrap mmdebstrap
    iproute2 iputils-ping iperf3 wrk nginx-light bind9-dnsutils mariadb-client netcat-openbsd
    openssl strace zsh fish groff-base g++-aarch64-linux-gnu libc6-dev-arm64-cross"

packages= recipes=yes
for option in "$@"; do
    case $option in
    --build) packages="$packages $build_packages" ;;
    --test) packages="$packages $test_packages" ;;
    --no-recipes) recipes=no ;;
    *)
        echo "usage: $0 [--build] [--test] [--no-recipes]" >&2
        exit 2
        ;;
    esac
done
[ -n "$packages" ] || packages=$build_packages

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "setup.sh: run as root, or install sudo: cannot do: $*" >&2
        return 1
    fi
}

missing=
for package in $packages; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
apt_options="-q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"
lists_known() { apt-cache policy libisal-dev 2>/dev/null | grep -q 'Candidate: [0-9]'; }
if [ -n "$missing" ] || ! lists_known; then
    as_root apt-get $apt_options update
fi
if [ -n "$missing" ]; then
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get $apt_options install --no-install-recommends $missing
fi
if [ "$recipes" = yes ]; then
    for recipe in "$here"/recipes/*.sh; do
        sh "$here/build.sh" "$(basename "$recipe" .sh)"
    done
fi
