#!/bin/sh
# tidy.sh SOURCE_DIR BUILD_DIR [FILE…]: clang-tidy over the product's files (.clang-tidy says what).
set -eu
source_dir=$1 build_dir=$2
shift 2
cd "$source_dir"
if [ $# -eq 0 ]; then
    set -- $(find src -name '*.cpp' | LC_ALL=C sort)
fi
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 \
    clang-tidy --quiet -p "$build_dir" --warnings-as-errors='*'
