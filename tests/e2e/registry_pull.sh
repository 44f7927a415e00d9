#!/bin/bash
# What a pull does when a registry is only difficult: it succeeds, and the image is whole.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/fake_registry.sh"
quick_config </dev/null

pulls() { # SCENARIO [OPTION…]
    local scenario=$1
    shift
    start_fake "$scenario" "$@"
    expect_ok timeout 60 "$SANDBOX_BIN" pull -q "$FAKE/a/b:latest"
    expect_ok sandbox system check
    expect_ok sandbox rmi -f "$FAKE/a/b:latest"
    stop_pid "$FAKE_PID"
}

test_case "R01 R26 lost connections are resumed"
pulls short-blob-once
pulls reset-tenths --layers 1 --layer-bytes 20000000
pulls reset-tenths-no-range --layers 1 --layer-bytes 3000000

test_case "R13 a redirect to another host is followed"
pulls redirect-other
pulls redirect-relative

test_case "R20 R21 tokens are fetched, chosen and renewed"
pulls bearer
pulls challenge-two
pulls bearer-expire --layers 7

test_case "R23 R24 errors that pass are waited out"
pulls retry-after-2
pulls flaky-503

test_case "R28 a content-encoding header changes nothing"
pulls encoded-blob

test_case "R33 a layer that comes twice is fetched once"
start_fake manifest-double-layer
expect_ok sandbox pull -q "$FAKE/a/b"
expect_eq 2 "$(fake_requests '/blobs/')" "requests: the config and one layer"
expect_ok sandbox rmi -f "$FAKE/a/b"
stop_pid "$FAKE_PID"

test_case "an unchanged image costs one request"
start_fake manifest-index
expect_ok sandbox pull -q "$FAKE/a/b"
id=$OUT
before=$(fake_requests '"path"')
expect_ok sandbox pull -q "$FAKE/a/b"
expect_eq "$id" "$OUT" "the id"
expect_eq 1 "$(($(fake_requests '"path"') - before))" requests
stop_pid "$FAKE_PID"

test_case "R34 a tag that moved gives the new image, whole"
start_fake tag-swap
expect_ok sandbox pull -q "$FAKE/a/b"
first=$OUT
expect_ok sandbox pull -q "$FAKE/a/b"
expect_ok sandbox system check
stop_pid "$FAKE_PID"

test_case "F02 the unpacking child alone is killed: the pull fails with one line, and leaves nothing"
remove_all "$XDG_DATA_HOME/sandbox"
start_fake stalled-blob --layers 1 --layer-bytes 2000000
"$SANDBOX_BIN" pull -q "$FAKE/f/two" >"$WORK/out" 2>"$WORK/err" &
pull_pid=$!
wait_until 10 grep -q /blobs/ "$FAKE_DIR/log"
unpacks() { pgrep -P "$pull_pid"; }
wait_until 10 unpacks
kill -KILL $(unpacks)
rc=0
wait "$pull_pid" || rc=$?
expect_eq 1 "$rc" "exit of the pull"
expect_match 'unpacking child was killed by signal 9' "$(cat "$WORK/err")"
expect_eq 1 "$(wc -l <"$WORK/err")" "lines of the error"
expect_clean_store
stop_pid "$FAKE_PID"

test_case "a pull that was killed goes on where it was"
start_fake stalled-blob --layers 1 --layer-bytes 2000000
sandbox pull -q "$FAKE/k/l" >"$WORK/out" 2>&1 &
pull_pid=$!
wait_until 10 grep -q /blobs/ "$FAKE_DIR/log"
sleep 0.3
kill -KILL "$pull_pid"
wait "$pull_pid" 2>/dev/null
stop_pid "$FAKE_PID"
port=${FAKE##*:}
start_fake plain --layers 1 --layer-bytes 2000000 --port "$port"
expect_ok sandbox pull -q "$FAKE/k/l"
expect_eq 1 "$(fake_requests '"range": "bytes=[1-9]')" "requests with a range"
expect_ok sandbox system check
stop_pid "$FAKE_PID"
