#!/bin/bash
# R37: an image that is here runs without the registry it came from.
. "$SANDBOX_TESTS/support/lib.sh"

start_registry
push_busybox
expect_ok sandbox pull -q "$REGISTRY/busybox"
stop_registry

test_case "R37 a cached image runs although its registry is gone"
expect_ok sandbox run "$REGISTRY/busybox" echo here
expect_eq here "$OUT"

test_case "R37 and makes no connection at all"
# Without -f: a traced newuidmap would lose its privilege, and only this process speaks HTTP.
expect_ok strace -qq -e trace=connect -o "$WORK/connects" \
    "$SANDBOX_BIN" run --network none "$REGISTRY/busybox" true
expect_eq 0 "$(grep -c 'sin_port\|sin6_port' "$WORK/connects")" "connections to any address"

test_case "an image that is not here is an error by the registry's name"
expect_error 125 "cannot connect to \"$REGISTRY\"" sandbox run "$REGISTRY/other" true
expect_error 125 'no such image' sandbox run --pull=never "$REGISTRY/other" true

test_case "of an image that would have been made here, that is said"
expect_error 125 'images that are made here are called localhost/' sandbox run localhost/none true
