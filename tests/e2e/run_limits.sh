#!/bin/bash
# --ulimit: what the payload gets, and that our own pid 1 does not choke on it.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"

test_case "a limit that is too small for our own pid 1 holds for the payload"
for count in 5 4 3; do
    run_rc sandbox run --ulimit "nofile=$count:$count" localhost/busybox sh -c 'ulimit -n'
    expect_eq "0 $count" "$RC $OUT" "--ulimit nofile=$count"
done

test_case "soft and hard limits arrive, and the payload cannot raise the hard one"
run_rc sandbox run --ulimit nofile=64:128 --ulimit core=0 localhost/busybox \
    sh -c 'ulimit -Sn; ulimit -Hn; ulimit -Hn 256 2>/dev/null || echo refused'
expect_eq "64 128 refused" "$(echo $OUT)"

test_case "a limit that does not exist or is no number is refused by name"
expect_error 125 'nofil' sandbox run --ulimit nofil=1 localhost/busybox true
expect_error 125 'nofile' sandbox run --ulimit nofile=many localhost/busybox true
expect_error 125 'nofile' sandbox run --ulimit nofile=9:3 localhost/busybox true

test_case "a limit that nothing enforces is said in one line, or refused with --strict-limits"
expect_ok sandbox run --memory 64m --cpus 0.5 localhost/busybox echo hi
expect_eq hi "$OUT"
expect_match '^sandbox: warning: --memory, --cpus: not enforced, no cgroup is delegated' "$ERR"
expect_eq 1 "$(printf '%s\n' "$ERR" | wc -l)" "lines of warning"
expect_error 125 'memory, --pids-limit cannot be enforced: no cgroup' \
    sandbox run --memory 64m --strict-limits localhost/busybox true
expect_error 125 'pids-limit cannot be enforced' sandbox run --strict-limits localhost/busybox true

test_case "without a cgroup processors are bound by affinity"
expect_ok sandbox run --cpuset-cpus 0 localhost/busybox \
    sh -c 'nproc; grep Cpus_allowed_list /proc/self/status'
expect_eq "1 Cpus_allowed_list: 0" "$(echo $OUT)"
expect_match 'cpuset-cpus can be undone by the payload' "$ERR"

test_case "the score of the out of memory killer can be raised, and only root lowers it"
expect_ok sandbox run --oom-score-adj 500 localhost/busybox cat /proc/self/oom_score_adj
expect_eq 500 "$OUT"
expect_error 125 'oom-score-adj.*only root' sandbox run --oom-score-adj=-5 localhost/busybox true

test_case "limits that are no limits are refused by name, before anything is made"
while read -r flag value why; do
    expect_error 125 "invalid value \"$value\" for $flag: .*$why" \
        sandbox run "$flag=$value" localhost/busybox true
done <<'LIST'
--memory -1 not a size
--memory 1e99 not a size
--memory 10ZB not a size
--memory 1k too small
--memory-swap 1g needs --memory
--cpus nan not a number
--cpus -1 not a number
--cpus 1e400 not a number
--cpu-shares 1 not a number
--cpuset-cpus 0-x not a list
--oom-score-adj 2000 not a score
LIST
expect_error 125 'contradict' sandbox run --cpus 1 --cpu-quota 5000 localhost/busybox true
