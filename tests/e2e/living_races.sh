#!/bin/bash
# The same container from two shells at once (C05, C06): one does it, the other one finds it done,
# and nothing is left behind. Many containers at once (L01).
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
image=localhost/busybox
rounds=${SANDBOX_TEST_ROUNDS:-60}
nobody() { [ "$(pgrep -u "$(id -u)" -f 'sleep 4984' | wc -l)" -eq 0 ]; }

test_case "two starts at once: both succeed, one supervisor runs"
expect_ok sandbox create --name two $image sleep 4984
for _ in $(seq "$rounds"); do
    "$SANDBOX_BIN" start two >"$WORK/o1" 2>&1 &
    one=$!
    run_rc sandbox start two
    expect_eq 0 "$RC"
    wait "$one" || fail "$(cat "$WORK/o1")"
    expect_eq 1 "$(pgrep -u "$(id -u)" -xf 'sleep 4984' | wc -l)" || break
    expect_ok sandbox kill two || break
done

test_case "start against stop, start against rm -f: no hang, no half of anything"
for i in $(seq "$rounds"); do
    timeout 60 "$SANDBOX_BIN" start two >/dev/null 2>&1 &
    one=$!
    expect_ok timeout 60 "$SANDBOX_BIN" stop -t 0 two || break
    wait "$one" || fail "start: $?"
done
expect_ok sandbox stop -t 0 two
for i in $(seq "$rounds"); do
    expect_ok sandbox create --name "r$i" $image sleep 4984
    timeout 60 "$SANDBOX_BIN" start "r$i" >/dev/null 2>&1 &
    one=$!
    expect_ok timeout 60 "$SANDBOX_BIN" rm -f "r$i" || break
    wait "$one"
    [ $? -ne 124 ] || fail "start hangs"
    expect_rc 1 sandbox container exists "r$i" || break
done
wait_until 10 nobody || fail "somebody still sleeps"

test_case "stop against rm -f"
for i in $(seq "$rounds"); do
    run_rc sandbox run -d --name "s$i" $image sleep 4984
    expect_eq 0 "$RC" || break
    timeout 60 "$SANDBOX_BIN" stop -t 0 "s$i" >/dev/null 2>&1 &
    one=$!
    expect_ok timeout 60 "$SANDBOX_BIN" rm -f "s$i" || break
    wait "$one"
    [ $? -ne 124 ] || fail "stop hangs"
done
expect_eq two "$(sandbox ps -a --format '{{.Names}}')"
wait_until 10 nobody || fail "somebody still sleeps"
expect_ok sandbox rm two
expect_eq "" "$(ls "$XDG_DATA_HOME/sandbox/containers/names")"

count=${SANDBOX_TEST_MANY:-100}
test_case "$count containers at once: all run, all are stopped, nothing is left"
ls "$XDG_DATA_HOME/sandbox/containers" | sort >"$WORK/before"
seq "$count" | xargs -P 8 -I{} "$SANDBOX_BIN" run -d --name "m{}" $image sleep 4984 >"$WORK/ids" 2>"$WORK/errors"
expect_eq "" "$(cat "$WORK/errors")"
expect_eq "$count" "$(sort -u "$WORK/ids" | wc -l)"
expect_eq "$count" "$(sandbox ps -q | wc -l)"
expect_eq "$count" "$(pgrep -u "$(id -u)" -xf 'sleep 4984' | wc -l)"
sandbox ps -q | xargs -P 8 "$SANDBOX_BIN" kill >/dev/null 2>"$WORK/errors"
expect_eq "" "$(cat "$WORK/errors")"
expect_eq "" "$(sandbox ps -q)"
expect_ok sandbox container prune -f
expect_eq "" "$(sandbox ps -aq)"
ls "$XDG_DATA_HOME/sandbox/containers" | sort >"$WORK/after"
expect_eq "$(cat "$WORK/before")" "$(cat "$WORK/after")"
wait_until 10 nobody || fail "somebody still sleeps"

test_case "listings, df, prune and rm beside others that make and remove: none trips over them"
cat >"$WORK/one.sh" <<'S'
tell() { # COMMAND…: what it says when it fails, but for what a prune explains
    out=$("$SANDBOX_BIN" "$@" 2>&1) && return
    case $out in *"no such container"*) ;; *) printf '%s: %s\n' "$*" "$out" ;; esac
}
case $(($1 % 4)) in
0) tell run --rm -v "v$1:/v" -v /anonymous localhost/busybox true ;;
1) tell system df ;;
2) tell system prune -f; tell ps -a ;;
3) tell create --name "c$1" localhost/busybox true; tell rm -f "c$1" ;;
esac
S
expect_eq "" "$(seq 120 | xargs -P 6 -I{} sh "$WORK/one.sh" {} 2>&1)"
expect_ok sandbox system check
