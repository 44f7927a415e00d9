#!/bin/bash
# Wrong usage: what is said, where, and which exit status (P04, P11).
. "$SANDBOX_TESTS/support/lib.sh"

# expect_line RC REGEX COMMAND…: that, in one line, which ends with the cure
expect_line() {
    expect_error "$1" "$2\)$" "${@:3}"
    expect_eq 1 "$(wc -l <<<"$ERR")" "lines of: $ERR"
}

test_case "an unknown command is an error with the nearest one as a hint"
expect_line 2 'unknown command: "imgaes" \(did you mean "images"\?' sandbox imgaes
expect_line 2 'unknown command: "frobnicate" \(see `sandbox --help`' sandbox frobnicate
expect_line 2 'unknown command: "volume crate" \(did you mean "volume create"\?' sandbox volume crate x
expect_line 2 'unknown command: "volume x" \(see `sandbox volume --help`' sandbox volume x
expect_error 2 'no such command: "push" \(.+\)' sandbox push x
expect_error 2 'no such command: "build" \(.+\)' sandbox build .
expect_error 2 'no such command: "compose build" \(making images is not .+\)' sandbox compose build

test_case "an unknown flag is an error with the nearest one as a hint"
expect_line 2 'unknown flag: --pulll \(did you mean --pull\?' sandbox run --pulll always x
expect_line 2 "unknown shorthand flag: 'Z' in -Z \\(see \`sandbox images --help\`" sandbox images -Z
expect_line 2 'unknown flag: --frobnicate \(see `sandbox rmi --help`' sandbox rmi a --frobnicate
expect_line 2 'unknown flag: --frobnicate \(flags of a command stand behind it' \
    sandbox --frobnicate images

test_case "a flag without its value, and too few or too many arguments"
expect_line 2 'flag needs an argument: --env \(see `sandbox run --help`' sandbox run --env
expect_line 2 'requires at least 1 argument \(usage: sandbox run \[flags\] IMAGE.*' sandbox run
expect_line 2 'requires exactly 1 argument \(usage: sandbox history .*' sandbox history
expect_eq "$(sandbox version -f '{{.Version}}')" "$(sandbox compose version --short)"
expect_line 2 'accepts no arguments \(usage: sandbox info.*' sandbox info x

test_case "a short name is docker.io's; where a local image has it, the error says so"
expect_ok sandbox pull -q "oci:$(image busybox)"
export https_proxy=http://127.0.0.1:1 # nobody is asked
expect_error 125 'there is "localhost/busybox:latest": give its whole name' sandbox run busybox true
expect_error 125 'localhost/busybox' sandbox run library/busybox:latest true
run_rc sandbox run busybox:other true
expect_no_match 'whole name' "$ERR"
unset https_proxy

test_case "a bad value of a flag of run is 125"
expect_error 125 'invalid argument "maybe" for --rm' sandbox run --rm=maybe x
expect_error 125 'invalid pull policy "sometimes"' sandbox run --pull sometimes x
expect_error 125 'invalid argument "x" for --stop-timeout' sandbox run --stop-timeout x y
expect_error 125 'contradict' sandbox run --rm --keep x

test_case "docker's flags that cannot be honoured are refused with their reason"
for flag in --kernel-memory=1g '--cpu-rt-period 2' '--link a:b' '--gpus all'; do
    # shellcheck disable=SC2086  # two words
    expect_error 125 'is not available: .+' sandbox run $flag x
done
expect_error 125 '--pid "host" is not available: .+' sandbox run --pid=host x

test_case "names that are none are refused where they are typed"
for name in a/b ../x -x $'a\x1bb' "$(printf 'x%.0s' {1..300})" 'ä' ''; do
    run_rc sandbox volume create -- "$name"
    [ -z "$name" ] || expect_ne 0 "$RC" "volume create \"$name\""
    expect_no_match $'\x1b' "$ERR"
done
for name in 'BAD' 'a:b:c' 'a@b' ':x' 'a/' '/a' 'http://x' 'a b' $'a\x1b[2J'; do
    expect_error 1 'invalid reference format' sandbox pull "$name"
    expect_no_match $'\x1b' "$ERR"
    expect_error 125 'invalid reference format' sandbox run "$name"
done

test_case "without a command, and with a group alone, help comes on stderr and the status is 2"
expect_rc 2 sandbox
expect_eq '' "$OUT"
expect_match 'Usage: sandbox COMMAND' "$ERR"
expect_rc 2 sandbox volume
expect_match 'create' "$ERR"

test_case "every command has help on stdout, with status 0"
expect_ok sandbox --help
expect_match 'Usage: sandbox COMMAND' "$OUT"
commands=$(sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p' <<<"$OUT")
expect_ne '' "$commands"
while read -r words; do
    # shellcheck disable=SC2086
    expect_ok sandbox $words --help
    expect_match "Usage: sandbox $words" "$OUT"
    # shellcheck disable=SC2086
    expect_ok sandbox help $words
done <<<"$commands"

test_case "the version is one line"
expect_ok sandbox --version
expect_match '^sandbox version [0-9]+\.[0-9]+\.[0-9]+$' "$OUT"
expect_ok sandbox -v
expect_ok sandbox version --format '{{.Client.Version}}/{{.Server.Version}}'
expect_match '^[0-9.]+/[0-9.]+$' "$OUT"
