#!/bin/sh
# run.sh [--lint] [--unit] [--integration] [--fuzz] [--e2e] [--no-setup] [NAME…]
#
# Does all set-up on a fresh Debian machine (packages, libraries, both builds, the two test users)
# and runs the tests: all of them, or the chosen kinds, or those whose name contains NAME. Run it as
# root or as a user with sudo; a user without either needs the packages installed already, and tests
# for the other kind of user are skipped then. SANDBOX_TESTS_MUST_RUN=1 makes skips failures.
# Ends with "N passed, M failed"; exit status 0 when none failed.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
export HOME

kinds= names= setup=yes
for argument in "$@"; do
    case $argument in
    --lint | --unit | --integration | --fuzz | --e2e) kinds="$kinds ${argument#--}" ;;
    --no-setup) setup=no ;;
    --help | -h)
        sed -n '2,9s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    -*)
        echo "run.sh: unknown option \"$argument\"; see run.sh --help" >&2
        exit 2
        ;;
    *) names="$names|$(printf '%s' "$argument" | sed 's/[.[\*^$+?{}()|]/\\&/g')" ;;
    esac
done
kinds=${kinds:-lint unit integration fuzz e2e}
names=${names#|}
wants() { case " $kinds " in *" $1 "*) ;; *) return 1 ;; esac; }

say() { printf '\n== %s (%s s)\n' "$1" "$(($(date +%s) - started))"; }
started=$(date +%s)

if [ "$setup" = yes ]; then
    say "set-up: packages and libraries"
    sh third_party/setup.sh --build --test
fi

# Stepping down to the test users needs root; a caller who is neither root nor may become it runs
# what he can run himself.
as_root=
if [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n env SANDBOX_TESTS_MUST_RUN=${SANDBOX_TESTS_MUST_RUN:-0}"
fi

results=$(mktemp -d)
trap 'rm -rf -- "$results"' EXIT
failed=no

# run_ctest PRESET KINDS [PREFIX]: KINDS separated by "|".
run_ctest() {
    set -- "$1" "$2" "${3:-}" --test-dir "build/$1" -L "^($2)\$" --output-on-failure \
        --no-tests=ignore -j "$(nproc)" --output-junit "$results/$1-$(echo "$2" | tr '|' '-').xml"
    [ -z "$names" ] || set -- "$@" -R "$names"
    prefix=$3
    shift 3
    $prefix ctest "$@" || failed=yes
}
kinds_of() { # those of the arguments that are wanted, separated by "|"
    list=
    for kind in "$@"; do
        if wants "$kind"; then list="$list|$kind"; fi
    done
    echo "${list#|}"
}

dev_kinds=$(kinds_of lint unit fuzz)
if [ -n "$dev_kinds" ] || wants integration; then
    targets=
    if wants lint; then targets="$targets sandbox_engine_child"; fi
    if wants unit; then targets="$targets unit_tests"; fi
    if wants fuzz; then targets="$targets fuzz_tests"; fi
    if wants integration; then targets="$targets integration_tests"; fi
    say "build with AddressSanitizer and UndefinedBehaviorSanitizer"
    cmake --preset dev
    cmake --build --preset dev --target $targets
    say "tests: $(echo "$dev_kinds" | tr '|' ' ')"
    [ -z "$dev_kinds" ] || run_ctest dev "$dev_kinds"
    if wants integration; then
        say "tests: integration"
        run_ctest dev integration "$as_root"
    fi
fi
if wants e2e; then
    say "build the static program"
    cmake --preset release-static
    cmake --build --preset release-static
    say "tests: e2e"
    run_ctest release-static e2e "$as_root"
fi
if [ -n "$as_root" ]; then
    $as_root chown -R "$(id -u):$(id -g)" build
fi

say "result"
# A group of cases that failed in one binary counts as one: this is ctest's count of its tests.
total() { cat "$results"/*.xml | sed -n "s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p" |
    awk '{ n += $1 } END { print n + 0 }'; }
tests=$(total tests) failures=$(total failures) skipped=$(($(total skipped) + $(total disabled)))
if [ "$skipped" -gt 0 ]; then
    echo "$skipped skipped:"
    cat "$results"/*.xml | grep 'status="notrun"' | sed 's/.*name="\([^"]*\)".*/    \1/'
fi
if [ "$tests" -eq 0 ]; then
    echo "run.sh: no test fits" >&2
    failed=yes
fi
echo "$((tests - failures - skipped)) passed, $failures failed"
[ "$failed" = no ] && [ "$failures" -eq 0 ]
