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
