#!/bin/sh
# aarch64.sh SOURCE_DIR THIRD_PARTY_INCLUDE_DIR…: every product file compiles for aarch64 with
# Debian's cross compiler; the stage is assembled and linked as well. The foreign libraries' headers
# are the native ones (none of them differs between the two): all libraries take part in compiling,
# none in linking, for which Debian has no cross packages.
set -eu
source_dir=$1
shift
cd "$source_dir"
if ! command -v aarch64-linux-gnu-g++ >/dev/null 2>&1; then
    echo "skipped: no aarch64-linux-gnu-g++; third_party/setup.sh --test installs it"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# Only these, never all of /usr/include: libc's own must be the cross compiler's.
mkdir "$work/include"
for header in CLI nlohmann toml++ openssl archive.h archive_entry.h seccomp.h zlib.h zconf.h zstd.h \
    zstd_errors.h zdict.h lzma.h lzma; do
    for place in /usr/include /usr/include/*-linux-gnu; do
        [ -e "$place/$header" ] || continue
        if [ -d "$place/$header" ]; then
            mkdir -p "$work/include/$header"
            cp -RL "$place/$header/." "$work/include/$header/"
        else
            cp -L "$place/$header" "$work/include/"
        fi
    done
done
dialect="-std=c++20 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DSANDBOX_VERSION=\"0\" -Wall -Wextra
    -Wno-psabi"
# What nearly every file reads, compiled once: half of the work.
for header in algorithm array chrono functional map memory optional set span string string_view \
    utility vector; do
    echo "#include <$header>"
done >"$work/common.hpp"
# shellcheck disable=SC2086  # words
aarch64-linux-gnu-g++ $dialect -x c++-header -o "$work/common.hpp.gch" "$work/common.hpp"
options="$dialect -fsyntax-only -include $work/common.hpp -Iinclude -Isrc -isystem $work/include"
for place in "$@"; do
    options="$options -isystem $place"
done

rc=0
find src -name '*.cpp' | LC_ALL=C sort |
    xargs -P "$(nproc)" -I{} sh -c 'aarch64-linux-gnu-g++ $1 -I"$(dirname "$2")" \
        -I"src/$(echo "$2" | cut -d/ -f2)" "$2" || exit 1' - "$options" {} || rc=1
if [ -f src/engine/stage/stage.c ]; then
    aarch64-linux-gnu-gcc -std=c11 -Os -ffreestanding -fno-stack-protector -nostdlib -static \
        -o "$work/stage" src/engine/stage/stage.c || rc=1
fi
exit "$rc"
