#!/bin/bash
# What `pull` of an image costs that has not changed: one request to a loopback registry, beside
# other tools. Medians, with percentiles; the target is 5 ms.
#   SANDBOX_BIN=… SANDBOX_TESTS=…/tests SANDBOX_TEST_USER=range|plain bash tests/bench/pull_unchanged.sh [ROUNDS]
. "$SANDBOX_TESTS/support/lib.sh"

rounds=${1:-50}
cc -O2 -static -o "$WORK/time_many" "$SANDBOX_TESTS/bench/time_many.c" || exit 1
start_registry
push_busybox bench/busybox
url=http://$REGISTRY/v2/bench/busybox/manifests/latest

expect_ok sandbox pull -q "$REGISTRY/bench/busybox"
before=$(count_requests 'GET /v2/bench/busybox')
expect_ok sandbox pull -q "$REGISTRY/bench/busybox"
expect_eq 1 "$(($(count_requests 'GET /v2/bench/busybox') - before))" "log lines of one more pull"

names=(sandbox curl)
commands=(-- "$SANDBOX_BIN" pull -q "$REGISTRY/bench/busybox" -- curl -s -o /dev/null "$url")
if command -v podman >/dev/null && [ "${BENCH_PODMAN:-}" = 1 ]; then
    expect_ok podman pull -q --tls-verify=false "$REGISTRY/bench/busybox"
    names+=(podman)
    commands+=(-- podman pull -q --tls-verify=false "$REGISTRY/bench/busybox")
fi

echo "pull of an unchanged image, $rounds rounds, load $(cut -d' ' -f1 /proc/loadavg)"
expect_ok "$WORK/time_many" "$rounds" "${commands[@]}"
# The commands print to the same place; the figures come last.
tail -n "${#names[@]}" <<<"$OUT" | while read -r middle low high; do
    printf '%-10s %8.2f ms  (p10 %.2f, p90 %.2f)\n' "${names[0]}" \
        "$(bc <<<"scale=3; $middle/1000")" "$(bc <<<"scale=3; $low/1000")" \
        "$(bc <<<"scale=3; $high/1000")"
    names=("${names[@]:1}")
done
