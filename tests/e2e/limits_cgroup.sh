#!/bin/bash
# Limits in a cgroup v2 subtree of the user's own.
# cgroup: delegated
. "$SANDBOX_TESTS/support/lib.sh"

[ -n "${SANDBOX_TEST_CGROUP:-}" ] || skip "only root can delegate a cgroup v2 subtree"
controllers=$(cat "$SANDBOX_TEST_CGROUP/cgroup.controllers")
expect_ok sandbox pull -q "oci:$(image busybox)"
leaves() { find "$SANDBOX_TEST_CGROUP" -mindepth 1 -maxdepth 1 -type d -name 'sandbox-*' | wc -l; }

test_case "a container with a limit is in a cgroup of its own, which is its root"
run_rc sandbox run --cpus 1 localhost/busybox \
    sh -c 'grep ^0:: /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs; echo $$'
expect_eq "0 0::/" "$RC $(printf '%s\n' "$OUT" | head -n 1)"
expect_match $'\n1\n' "$OUT" "pid 1 is in the cgroup that it sees"
run_rc sandbox run --cpus 1 localhost/busybox sh -c 'mkdir /sys/fs/cgroup/x; echo 1 >/sys/fs/cgroup/cgroup.freeze'
expect_match 'Read-only' "$ERR"

test_case "the cgroup goes with its container, however that ends"
expect_eq 0 "$(leaves)" "cgroups that are left"
run_rc sandbox run --cpus 1 localhost/busybox sh -c 'exit 3'
expect_eq "3 0" "$RC $(leaves)"
run_rc sandbox run --cpus 1 localhost/busybox /nowhere
expect_eq "127 0" "$RC $(leaves)"

for limit in memory=64m cpus=1 pids-limit=20; do
    case $limit in memory*) controller=memory ;; cpus*) controller=cpu ;; *) controller=pids ;; esac
    if [[ " $controllers " == *" $controller "* ]]; then
        test_case "--$limit is enforced by the kernel"
        expect_ok sandbox run --strict-limits --pids-limit=-1 "--$limit" localhost/busybox true
    else
        test_case "--$limit without its controller is said, or refused with --strict-limits"
        expect_error 125 'cannot be enforced: the controller of .* is not delegated' \
            sandbox run --strict-limits "--$limit" localhost/busybox true
        expect_eq 0 "$(leaves)" "cgroups that are left"
    fi
done

if [[ " $controllers " == *" memory "* ]]; then
    test_case "what needs more memory than it may have is killed, and that is told"
    run_rc sandbox run --name bomb --memory 32m localhost/busybox \
        sh -c 'head -c 200m /dev/zero | tail -c 150m >/dev/null; exit $?'
    expect_ne 0 "$RC"
    expect_eq true "$(sandbox inspect -f '{{.State.OOMKilled}}' bomb)"
fi
if [[ " $controllers " == *" pids "* ]]; then
    test_case "a fork bomb stops at the limit"
    run_rc timeout 60 "$SANDBOX_BIN" run --pids-limit 20 localhost/busybox \
        sh -c 'i=0; while [ $i -lt 100 ]; do sleep 5 & i=$((i + 1)); done'
    expect_match 'fork' "$ERR"
fi
