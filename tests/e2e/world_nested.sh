#!/bin/bash
# Inside of another container (P15): it works, or it is an error with the cure; nothing is weaker
# without a word.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
# What a container within looks like: its user, its map, and that its limits are those of any.
show='id -u; grep -c . /proc/self/uid_map; grep Seccomp: /proc/self/status; cat /proc/1/comm
      touch /proc/sys/kernel/core_pattern 2>/dev/null || echo refused'
limits='Seccomp: 2 sandbox-init refused'
whole() { echo "$(tr -s '\t\n' ' ' <<<"$OUT")"; } # OUT on one line

test_case "as root of a namespace with one id"
expect_ok unshare -r "$SANDBOX_BIN" run localhost/busybox sh -c "$show"
expect_eq "0 1 $limits " "$(whole)"
expect_ok unshare -rmpf --mount-proc "$SANDBOX_BIN" run localhost/busybox sh -c "$show"
expect_eq "0 1 $limits " "$(whole)"
expect_ok unshare -r "$SANDBOX_BIN" run -u 1000:1000 localhost/busybox id -u
expect_eq 1000 "$OUT"

test_case "as oneself in a namespace that has no range, although /etc/subuid has one"
expect_ok unshare -c "$SANDBOX_BIN" run localhost/busybox sh -c "$show"
expect_eq "0 1 $limits " "$(whole)"
expect_ok unshare -c "$SANDBOX_BIN" doctor
expect_match 'id range +no .*inside of another container' "$(tr '\n' ' ' <<<"$OUT")"

if [ "$SANDBOX_TEST_USER" = range ]; then
    test_case "as root of a namespace with a range, where setgroups is denied too"
    expect_ok unshare -r --map-auto "$SANDBOX_BIN" run localhost/busybox sh -c "$show; chown 5:6 /tmp && stat -c %u:%g /tmp"
    expect_eq "0 2 $limits 5:6 " "$(whole)"
    unshare --user sleep 30 &
    outer=$!
    wait_until 5 sh -c "[ \"\$(readlink /proc/$outer/ns/user)\" != \"\$(readlink /proc/self/ns/user)\" ]"
    echo deny >"/proc/$outer/setgroups"
    first=$(awk -F: '$1 == "sbx-range" { print $2 }' /etc/subuid)
    : "${first:=$(awk -F: -v name="$(id -un)" '$1 == name { print $2; exit }' /etc/subuid)}"
    expect_ok newuidmap "$outer" 0 "$(id -u)" 1 1 "$first" 1000
    expect_ok newgidmap "$outer" 0 "$(id -g)" 1 1 "$first" 1000
    expect_ok nsenter --preserve-credentials -t "$outer" -U "$SANDBOX_BIN" run localhost/busybox sh -c "$show"
    expect_eq "0 2 $limits " "$(whole)"
    stop_pid "$outer"
fi

test_case "as a root without powers: the missing one is named"
cage=(bwrap --unshare-all --bind / / --proc /proc --dev /dev)
expect_error 125 'CAP_SETFCAP.*--cap-add' "${cage[@]}" --uid 0 --gid 0 "$SANDBOX_BIN" run localhost/busybox true
expect_ok "${cage[@]}" --uid 0 --gid 0 --cap-add CAP_SETFCAP "$SANDBOX_BIN" run localhost/busybox sh -c "$show"
expect_eq "0 1 $limits " "$(whole)"
expect_ok "${cage[@]}" "$SANDBOX_BIN" run localhost/busybox sh -c "$show"
expect_eq "0 1 $limits " "$(whole)"

test_case "where parts of /proc are masked, as podman and docker do, a new /proc is refused: the cure is said"
masked=("${cage[@]}" --ro-bind /dev/null /proc/interrupts)
expect_error 125 '/proc/interrupts.*unmask=ALL.*systempaths=unconfined' \
    "${masked[@]}" "$SANDBOX_BIN" run localhost/busybox true
run_rc "${masked[@]}" "$SANDBOX_BIN" doctor
expect_eq 1 "$RC"
expect_match 'own /proc +no .*unmask=ALL' "$(tr '\n' ' ' <<<"$OUT")"

test_case "inside of itself"
within() { # FLAG… SCRIPT
    local flags=("${@:1:$#-1}")
    sandbox run -q -v "$SANDBOX_BIN:/usr/bin/sandbox:ro" -v "$(image busybox):/img:ro" -e HOME=/root \
        -v nested:/root "${flags[@]}" localhost/busybox sh -c "${!#}"
}
again="sandbox run -q oci:/img sh -c '$show'"
expect_error 125 'allows no namespaces within.*--privileged' within "$again"
expect_error 125 'allows no namespaces within.*--privileged' \
    within --cap-add ALL --security-opt seccomp=unconfined "$again"
expect_ok within --privileged "$again"
ids=1
[ "$SANDBOX_TEST_USER" = plain ] || ids=2
expect_eq "0 $ids $limits " "$(whole)"
expect_ok within --privileged --cap-drop SETGID "$again"
expect_eq "0 1 $limits " "$(whole)"
expect_error 125 'CAP_SETFCAP' within --privileged --cap-drop SETFCAP "$again"
expect_ok within --privileged "sandbox run -q --privileged -v /usr/bin/sandbox:/sandbox -v /img:/img oci:/img \
    sh -c 'SANDBOX_STORE=/tmp/store /sandbox run -q oci:/img id -u'"
expect_eq 0 "$OUT"
expect_ok sandbox volume rm nested
