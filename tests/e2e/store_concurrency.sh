#!/bin/bash
# Several commands at once on one store (C01 to C04).
. "$SANDBOX_TESTS/support/lib.sh"

start_registry
mkdir "$WORK/tree"
for i in $(seq 200); do echo "file $i" >"$WORK/tree/f$i"; done
make_image "$WORK/one" --layer busybox --layer "$WORK/tree"
mkdir "$WORK/other" && echo other >"$WORK/other/other"
make_image "$WORK/two" --layer busybox --layer "$WORK/tree" --layer "$WORK/other"
push_image "$WORK/one" one:1
push_image "$WORK/two" two:1

pull_many() { # COUNT: sets FAILED to how many of them failed
    local pids=() i
    FAILED=0
    for ((i = 0; i < $1; i++)); do
        "$SANDBOX_BIN" pull -q "$REGISTRY/one:1" >"$WORK/pull$i" 2>&1 &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || FAILED=$((FAILED + 1)); done
}
blob_requests() { count_requests 'msg="response completed".*GET.*one/blobs/sha256'; }

for count in 2 16; do
    test_case "C01 $count pulls of one image at once fetch each blob once"
    expect_rc 0 sandbox system prune -a -f
    before=$(blob_requests)
    pull_many "$count"
    expect_eq 0 "$FAILED" "pulls that failed"
    # Two layers; the config may be asked for by each.
    layers=$(grep -cE 'response completed.*GET.*one/blobs/sha256' "$REGISTRY_DIR/log")
    expect_eq yes "$([ $((layers - before)) -le $((2 + count)) ] && echo yes)" \
        "blob requests: $((layers - before))"
    expect_ok sandbox system check
    expect_ok sandbox run "$REGISTRY/one:1" cat /f7
    expect_eq "file 7" "$OUT"
done

test_case "C02 two pulls that share layers do not hinder each other when one is killed"
for round in 1 2 3 4 5; do
    sandbox rmi -f "$REGISTRY/one:1" "$REGISTRY/two:1" >"$WORK/rmi" 2>&1
    "$SANDBOX_BIN" pull -q "$REGISTRY/one:1" >"$WORK/killed" 2>&1 &
    victim=$!
    "$SANDBOX_BIN" pull -q "$REGISTRY/two:1" >"$WORK/survivor" 2>&1 &
    survivor=$!
    sleep "0.0$round"
    kill -9 "$victim" 2>/dev/null
    wait "$victim" 2>/dev/null
    rc=0
    wait "$survivor" || rc=$?
    expect_eq 0 "$rc" "exit of the other pull: $(cat "$WORK/survivor")"
    expect_ok sandbox run "$REGISTRY/two:1" cat /other
    expect_ok sandbox system check
done

# C03. A small image from a layout: a round costs little more than a launch.
rounds=${SANDBOX_TEST_RMI_ROUNDS:-500}
test_case "rmi while run starts, up to $rounds rounds: the run is whole, or there is no such image"
mkdir -p "$WORK/small/bin" "$WORK/top"
cat >"$WORK/show.c" <<'C'
#include <stdio.h>
int main(int argc, char **argv) {
    for (int i = 1; i < argc; ++i) {
        char text[64];
        FILE *file = fopen(argv[i], "r");
        if (!file || !fgets(text, sizeof text, file)) return 9;
        fputs(text, stdout);
    }
    return 0;
}
C
expect_ok cc -O1 -static -s -o "$WORK/small/bin/show" "$WORK/show.c"
echo bottom >"$WORK/small/bottom" && echo top >"$WORK/top/top"
make_image "$WORK/racing" --layer "$WORK/small" --layer "$WORK/top" --compress none
half=0 whole=0 done=0 deadline=$((SECONDS + ${SANDBOX_TEST_RMI_SECONDS:-25}))
while [ "$done" -lt "$rounds" ] && [ "$SECONDS" -lt "$deadline" ]; do
    done=$((done + 1))
    "$SANDBOX_BIN" pull -q "oci:$WORK/racing" >/dev/null 2>&1
    "$SANDBOX_BIN" run --pull=never localhost/racing /bin/show /bottom /top \
        >"$WORK/run.out" 2>"$WORK/run.err" &
    pid=$!
    # From the very start to after the end of the run.
    [ $((done % 3)) -eq 0 ] || sleep "0.00$((done % 10))"
    "$SANDBOX_BIN" rmi localhost/racing >/dev/null 2>&1
    rc=0
    wait "$pid" || rc=$?
    text=$(<"$WORK/run.out")
    case $rc in
    0) [ "$text" = $'bottom\ntop' ] && whole=$((whole + 1)) || half=$((half + 1)) ;;
    125)
        [ -z "$text" ] && grep -qE 'no such image|not in the store|is not there' "$WORK/run.err" ||
            { half=$((half + 1)) && cat "$WORK/run.err" >&2; }
        ;;
    *) half=$((half + 1)) && cat "$WORK/run.err" >&2 ;;
    esac
done
echo "  $done rounds, $whole runs were whole"
expect_eq 0 "$half" "runs with half an image, or with an odd error"
sandbox rmi -f localhost/racing >/dev/null 2>&1
expect_ok sandbox system check
expect_ok sandbox pull -q "$REGISTRY/one:1"

test_case "C04 an image in use is not removed, and pruning leaves a pull unharmed"
expect_ok sandbox run --name holder "$REGISTRY/one:1" true
expect_error 2 'in use' sandbox rmi "$REGISTRY/one:1"
expect_ok sandbox rm holder
# With -a a whole image may go right after its pull, but nothing from under one.
for flags in -f -af; do
    while :; do "$SANDBOX_BIN" system prune "$flags" >/dev/null 2>&1; done &
    pruner=$!
    for i in 1 2 3 4 5 6; do
        sandbox rmi -f "$REGISTRY/two:1" >"$WORK/rmi" 2>&1
        expect_ok sandbox pull -q "$REGISTRY/two:1"
    done
    kill "$pruner" && wait "$pruner" 2>/dev/null
    expect_ok sandbox system check
done
expect_ok sandbox pull -q "$REGISTRY/two:1"
expect_ok sandbox run "$REGISTRY/two:1" cat /other
expect_ok sandbox system check
