#!/bin/bash
# Every default limit as a program inside sees it, against prober.golden.json. E03, E09, E10, E11,
# E13, E14, E15, E22, E28 and the table of defaults.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok cc -O1 -static -o "$WORK/prober" "$SANDBOX_TESTS/support/prober.c"
mkdir -p "$WORK/layer/bin"
cp "$WORK/prober" "$WORK/layer/bin/"
expect_ok make_image "$WORK/probe" --layer busybox --layer "$WORK/layer" --env PATH=/bin \
    --env LD_PRELOAD=/nowhere.so --cmd '["/bin/prober"]'
expect_ok sandbox pull -q "oci:$WORK/probe"

compare() { # VARIANT FILE
    python3 "$SANDBOX_TESTS/support/compare_probe.py" \
        "$SANDBOX_TESTS/support/prober.golden.json" "$1" "$2" >"$WORK/differences"
    expect_eq "" "$(cat "$WORK/differences")" "differences from the golden file ($1)"
}

test_case "as the image's default user all limits are as the table of defaults says"
export AWS_SECRET_ACCESS_KEY=secret SSH_AUTH_SOCK=/run/x LD_PRELOAD= http_proxy=http://u:p@h
umask 077
exec 7</etc/passwd 9</
expect_ok sandbox run localhost/probe </dev/null
exec 7<&- 9<&-
umask 022
printf '%s\n' "$OUT" >"$WORK/root.json"
compare "$SANDBOX_TEST_USER" "$WORK/root.json"

test_case "no namespace is the host's"
for name in user mnt pid ipc uts net cgroup; do
    inside=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["ns." + sys.argv[2]])' \
        "$WORK/root.json" "$name")
    expect_match "^$name:\[[0-9]+\]$" "$inside"
    expect_ne "$(readlink /proc/self/ns/$name)" "$inside"
done

test_case "as another user nothing is left of the capabilities"
expect_ok sandbox run -u 33:44 localhost/probe </dev/null
printf '%s\n' "$OUT" >"$WORK/user.json"
compare "$SANDBOX_TEST_USER-user" "$WORK/user.json"

test_case "no-new-privileges is set when asked for"
expect_ok sandbox run --security-opt no-new-privileges localhost/probe \
    grep NoNewPrivs /proc/self/status
expect_eq "NoNewPrivs:	1" "$OUT"

test_case "without our init the payload is pid 1 with the same limits"
expect_ok sandbox run --init=false localhost/probe </dev/null
printf '%s\n' "$OUT" >"$WORK/pid1.json"
compare "$SANDBOX_TEST_USER-pid1" "$WORK/pid1.json"

test_case "pid 1 has given up what it had before anything of the image runs, however busy the machine is"
seen=$(seq 300 | xargs -P 6 -I{} "$SANDBOX_BIN" run --rm localhost/probe \
    grep -E '^(CapEff|NoNewPrivs):' /proc/1/status | sort | uniq -c | xargs)
expect_eq "300 CapEff: 0000000000000020 300 NoNewPrivs: 1" "$seen"
