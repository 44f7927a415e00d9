#!/bin/bash
# Kills, interrupts: the store afterwards has images that are whole or absent.
# SANDBOX_TEST_KILLS: how many random points (200), SANDBOX_TEST_KILL_SECONDS: for how long (45).
. "$SANDBOX_TESTS/support/lib.sh"

start_registry
mkdir "$WORK/tree"
for i in $(seq 300); do echo "file $i" >"$WORK/tree/f$i"; done
make_image "$WORK/image" --layer busybox --layer "$WORK/tree" --cmd '["sh"]'
push_image "$WORK/image" "crash:1"
image=$REGISTRY/crash:1

test_case "F01 kill -9 at random points of a pull leaves the image whole or absent"
expect_ok timeout 250 python3 "$SANDBOX_TESTS/support/kill_points.py" "$SANDBOX_BIN" "$image" \
    "${SANDBOX_TEST_KILLS:-200}" "${SANDBOX_TEST_KILL_SECONDS:-45}"
echo "  $OUT"

# A layer that takes a while: pressed for size, so that it is long under way.
mkdir "$WORK/large"
for i in 1 2 3 4; do head -c 30000000 /dev/urandom >"$WORK/large/n$i"; done
make_image "$WORK/slow" --layer busybox --layer "$WORK/large"
push_image "$WORK/slow" "slow:1"

# The download is under way; from then on the registry is silent, so that the pull stays there.
is_downloading() { [ -n "$(find "$XDG_DATA_HOME/sandbox/blobs/partial" -size +1000k)" ]; }
interrupted() { # SIGNAL STATUS
    test_case "SIG$1 ends a pull at once with $2, and no child is left"
    local pid rc=0 started
    sandbox system prune -a -f >"$WORK/prune" 2>&1
    set -m # a process group of its own, as a terminal's foreground job has
    "$SANDBOX_BIN" pull -q "$REGISTRY/slow:1" >"$WORK/out" 2>"$WORK/err" &
    pid=$!
    set +m
    wait_until 20 is_downloading
    kill -STOP "$REGISTRY_PID"
    started=$(date +%s%N)
    kill "-$1" "$pid"
    wait "$pid" || rc=$?
    kill -CONT "$REGISTRY_PID"
    expect_eq "$2" "$rc" "exit status"
    expect_eq yes "$([ $(($(date +%s%N) - started)) -lt 3000000000 ] && echo yes)" "ended at once"
    expect_eq 0 "$(pgrep -g "$pid" | wc -l)" "processes left"
    expect_eq "" "$(cat "$WORK/out")" "stdout"
    expect_eq "" "$(sandbox images -q "$REGISTRY/slow:1")" "images"
    expect_ok sandbox system check
    expect_eq "" "$(find "$XDG_DATA_HOME/sandbox" -maxdepth 2 -name '.tmp-*')" "staging"
}
interrupted INT 130
interrupted TERM 143
interrupted HUP 129

test_case "what an interrupted pull has downloaded is not fetched again"
expect_ok sandbox pull "$REGISTRY/slow:1"
expect_match 'resum' "$ERR"
expect_ok sandbox run "$REGISTRY/slow:1" test -s /n4
expect_ok sandbox system check

# As if power had gone soon after the pull: this boot is another one, and the layers are void.
lose_power() {
    local list
    for list in "$XDG_DATA_HOME"/sandbox/pending/*; do
        sed -i '1s/ ......../ 00000000/' "$list"
    done
    expect_ok sandbox images
    expect_eq "" "$(ls "$XDG_DATA_HOME/sandbox/layers")" "layers"
}

expect_ok sandbox rmi "$REGISTRY/slow:1"
for verb in 'start -a' 'export -o out.tar' 'cp /f1 .' 'diff' 'commit'; do
    test_case "after a power cut a container's layers come back from their blobs: $verb"
    sandbox rm -f box >"$WORK/out" 2>&1
    sandbox rmi -f "$image" >"$WORK/out" 2>&1
    expect_ok sandbox pull -q "$image"
    expect_ok sandbox create --name box "$image" cat /f1
    lose_power
    case $verb in
    cp*) expect_ok sandbox cp box:/f1 . ;;
    *) expect_ok sandbox $verb box ;;
    esac
    if [ "$verb" = 'start -a' ]; then expect_eq 'file 1' "$OUT"; fi
    expect_ok sandbox system check
done
