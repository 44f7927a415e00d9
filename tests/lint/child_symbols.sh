#!/bin/sh
# child_symbols.sh LIBRARY LIST: what the code between clone and exec takes from outside of its own
# library must be listed: anything else may allocate, lock or throw.
set -eu
library=$1 list=$2
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
nm --undefined-only --format=posix "$library" 2>/dev/null | awk 'NF >= 2 { print $1 }' |
    LC_ALL=C sort -u >"$work/undefined"
nm --defined-only --extern-only --format=posix "$library" 2>/dev/null | awk 'NF >= 3 { print $1 }' |
    LC_ALL=C sort -u >"$work/defined"
sed 's/[[:space:]]*#.*//; /^$/d' "$list" | LC_ALL=C sort -u >"$work/allowed"
LC_ALL=C comm -23 "$work/undefined" "$work/defined" | LC_ALL=C comm -23 - "$work/allowed" >"$work/bad"
if [ -s "$work/bad" ]; then
    echo "used after clone, but not in $(basename "$list"):"
    c++filt <"$work/bad" | sed 's/^/    /'
    exit 1
fi
