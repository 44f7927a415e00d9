#!/bin/bash
# users: range
# What a hostile or broken registry can do: make a pull fail, in one line, in time, with nothing left.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/fake_registry.sh"
quick_config </dev/null

test_case "R01 a blob that always ends early is told as truncated"
hostile short-blob truncated --layers 1

test_case "R02 a blob longer than its descriptor is cut at its size"
hostile long-blob 'size of blob sha256:' --layers 1
hostile long-blob-length 'size of blob sha256:' --layers 1

test_case "R03 a layer with other content names both digests and is asked for twice at most"
remove_all "$XDG_DATA_HOME/sandbox"
start_fake wrong-blob --layers 1
expect_error 1 'sha256:[0-9a-f]{64}.*sha256:[0-9a-f]{64}' timeout 30 "$SANDBOX_BIN" pull -q "$FAKE/a/b"
config_and_layer=$(fake_requests '/blobs/')
expect_eq yes "$([ "$config_and_layer" -le 3 ] && echo yes)" "$config_and_layer requests of blobs"
expect_clean_store
stop_pid "$FAKE_PID"

test_case "R04 a manifest by digest is what its digest says"
start_fake wrong-manifest
expect_error 1 digest sandbox pull -q "$FAKE/a/b@$(fake_fact digest)"
expect_ok sandbox pull -q "$FAKE/a/b"
expect_ok sandbox rmi "$FAKE/a/b"
stop_pid "$FAKE_PID"

test_case "R05 sizes that are no sizes are refused"
for name in negative huge float string exponent; do
    hostile "manifest-size-$name" size
done

test_case "R06 R07 what is too large is cut"
hostile huge-manifest 'too large'
hostile huge-manifest-length 'too large'
hostile huge-config 'size of blob'
hostile huge-token 'too large'
hostile endless-error 'no such image'

test_case "R08 what is not strict json is refused"
for name in truncated garbage deep duplicate nan bom nul surrogate; do
    hostile "manifest-json-$name" json
done

test_case "R09 R10 R32 ambiguous, nested and unknown documents are named"
hostile manifest-both-kinds ambiguous
hostile manifest-type-mismatch ambiguous
hostile manifest-nested-index 'index'
hostile manifest-wide-index 'more than 1000'
hostile manifest-schema1 schema
hostile manifest-artifact artifact
hostile manifest-unknown-type x-strange
hostile manifest-unknown-layer-type x-odd

test_case "R11 a malformed digest touches no file"
for name in dots upper short md5 empty nul; do
    hostile "manifest-digest-$name" 'digest|json'
done

test_case "R12 names that would change the url are refused before any request"
start_fake plain
for name in '../x' 'a/../../x' 'a/%2e%2e/x' 'a?b' 'a#b' 'a:..' $'a\r\nX' 'a b' 'a@sha256:../../x'; do
    run_rc sandbox pull -q "$FAKE/$name"
    expect_ne 0 "$RC" "exit status for $name"
    expect_match 'invalid reference format' "$ERR"
done
expect_eq 0 "$(cat "$FAKE_DIR/log" 2>/dev/null | wc -l)" requests
stop_pid "$FAKE_PID"

test_case "R15 R16 redirects that lead nowhere good are refused"
hostile redirect-loop 'too many redirects'
hostile redirect-hops 'too many redirects'
hostile redirect-file 'redirect of'
hostile redirect-gopher 'redirect of' --other-host 127.0.0.1
hostile redirect-ftp 'redirect of' --other-host 127.0.0.1
hostile redirect-userinfo 'redirect of' --other-host 127.0.0.1

test_case "R19 R20 challenges without end or sense are given up on"
hostile bearer-forever unauthorized
for name in none broken junk; do
    hostile "challenge-$name" 'unauthorized'
done
hostile challenge-huge 'head is too large'

test_case "R22 a foreign layer is refused and its url never asked"
hostile manifest-foreign-layer 'foreign|non-distributable'

test_case "R23 R24 errors that stay are given up on"
hostile retry-after-day 'too many requests'
hostile retry-after-garbage 'too many requests'
hostile always-503 'status 503'

test_case "R25 a server that trickles or stalls runs into the low-speed rule"
hostile slow-headers 'timeout'
hostile stalled-blob 'timeout' --layers 1

test_case "R25 Ctrl-C ends a stalled pull at once"
start_fake silent
# A shell's background jobs ignore SIGINT, and so would the program.
env --default-signal=INT "$SANDBOX_BIN" pull -q "$FAKE/a/b" >"$WORK/out" 2>&1 &
pull_pid=$!
wait_until 10 test -s "$FAKE_DIR/log"
started=$(date +%s%N)
kill -INT "$pull_pid"
wait "$pull_pid"
expect_eq 130 "$?" "exit status after SIGINT"
expect_eq yes "$([ $(($(date +%s%N) - started)) -lt 2000000000 ] && echo yes)" "in time"
stop_pid "$FAKE_PID"

test_case "R26 a wrong content-range is refused"
hostile wrong-range-first,short-blob-once 'wrong content-range' --layers 1

test_case "R27 broken http is an error"
for name in bad-chunk both-lengths two-lengths huge-header many-headers not-http; do
    hostile "$name" .
done

test_case "R30 bad certificates are refused and no login is sent"
for kind in expired wrong-host sha1 self-signed tls1.1; do
    start_fake basic --tls "$kind"
    quick_config <<<"[registries.\"$FAKE\"]
ca = \"$FAKE_DIR/certs/ca.pem\""
    expect_error 1 tls sandbox pull -q "$FAKE/a/b"
    expect_eq 0 "$(cat "$FAKE_DIR/log" 2>/dev/null | wc -l)" requests
    stop_pid "$FAKE_PID"
done
quick_config </dev/null

test_case "R31 an image for other machines only lists what exists"
hostile manifest-other-platform 'no image for platform.*s390x.*mips64'

test_case "R38 a closed port and an unknown host are told by name within ten seconds"
expect_error 1 'cannot connect to "127.0.0.1:1"' timeout 10 "$SANDBOX_BIN" pull -q 127.0.0.1:1/a/b
expect_error 1 'no-such-host.invalid' timeout 10 "$SANDBOX_BIN" pull -q no-such-host.invalid/a/b

test_case "P16 control bytes of a registry are shown escaped"
hostile escape-error '\\x1b'
