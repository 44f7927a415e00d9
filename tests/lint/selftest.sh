#!/bin/sh
# selftest.sh LINT_DIR: each lint must object to a bad example and be silent on a good one.
set -eu
lint=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failed=0

fresh() {
    rm -rf -- "$work/tree"
    mkdir -p "$work/tree/src/store" "$work/tree/src/registry" "$work/tree/src/base" \
        "$work/tree/include/sandbox/store" "$work/tree/include/sandbox/base" "$work/tree/tests"
    echo '#pragma once' >"$work/tree/include/sandbox/base/fs.hpp"
    echo '#pragma once' >"$work/tree/include/sandbox/store/layout.hpp"
    echo '#pragma once' >"$work/tree/src/registry/url.hpp"
    cat >"$work/tree/src/store/good.cpp" <<'GOOD'
#include "sandbox/base/fs.hpp"
#include "sandbox/store/layout.hpp"
#include <sys/stat.h>
#include <vector>
Thing::Thing() = delete;  // a new close(fd) in a comment is nothing
const char* text = "delete x; new int; close(3)";
GOOD
}
expect() { # STATUS SCRIPT WHAT
    rc=0
    python3 "$lint/$2" "$work/tree" >"$work/out" 2>&1 || rc=$?
    if [ "$rc" -ne "$1" ]; then
        echo "$2: $3: wanted $1, got $rc"
        cat "$work/out"
        failed=1
    fi
}
bad() { # SCRIPT FILE LINE
    fresh
    printf '%s\n' "$3" >"$work/tree/$2"
    expect 1 "$1" "$2: $3"
}

fresh
expect 0 layers.py "the good example"
expect 0 text.py "the good example"
bad layers.py src/base/up.cpp '#include "sandbox/store/layout.hpp"'
bad layers.py src/registry/sibling.cpp '#include "sandbox/store/layout.hpp"'
bad layers.py src/store/private.cpp '#include "registry/url.hpp"'
bad layers.py src/store/relative.cpp '#include "../registry/url.hpp"'
bad layers.py src/store/foreign.cpp '#include <curl/curl.h>'
bad layers.py src/store/unknown.cpp '#include <boost/any.hpp>'
bad layers.py include/sandbox/base/door.hpp '#include <openssl/evp.h>'
bad layers.py include/sandbox/store/door.hpp '#include "store/drawer.hpp"'
bad layers.py src/store/missing.cpp '#include "sandbox/store/nothing.hpp"'
bad text.py src/store/a.cpp 'void f(int fd) { ::close(fd); }'
bad text.py src/store/a.cpp 'auto* p = new int;'
bad text.py src/store/a.cpp 'void f(int* p) { delete p; }'
bad text.py src/store/a.cpp 'void f() { getpwuid(0); }'
bad text.py src/store/a.cpp 'int fd = raw::openat(dir_fd, "x", O_RDONLY);'
bad text.py src/store/BadName.cpp 'int x;'
fresh
{ echo 'void f() {' && seq 1 61 | sed 's/.*/    g(&);/' && echo '}'; } >"$work/tree/src/store/long.cpp"
expect 1 text.py "a function of 63 lines"
fresh
seq 1 401 | sed 's/.*/int x&;/' >"$work/tree/src/store/long.cpp"
expect 1 text.py "a file of 401 lines"

printf 'int bad(); int ok() { return bad(); }\n' | "${CXX:-c++}" -x c++ -c - -o "$work/bad.o"
ar rc "$work/bad.a" "$work/bad.o"
if sh "$lint/child_symbols.sh" "$work/bad.a" "$lint/child_symbols.txt" >/dev/null; then
    echo "child_symbols.sh: let an unlisted symbol pass"
    failed=1
fi
exit "$failed"
