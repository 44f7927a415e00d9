#!/bin/sh
# format.sh SOURCE_DIR: every C++ file is as clang-format leaves it.
set -eu
cd "$1"
find src include tests -name '*.cpp' -o -name '*.hpp' -o -name '*.c' | LC_ALL=C sort |
    xargs -r -P "$(nproc)" -n 20 clang-format --dry-run -Werror
