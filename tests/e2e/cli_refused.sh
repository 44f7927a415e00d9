#!/bin/bash
# What a machine may refuse, and what is said then (P14): the missing thing, and the cure.
. "$SANDBOX_TESTS/support/lib.sh"

make_image "$WORK/img" --layer busybox --cmd '["true"]'
expect_ok sandbox pull -q "oci:$WORK/img:latest"
expect_ok sandbox tag "$OUT" img

# Inside of a user namespace of our own every limit of the kernel can be set.
# shellcheck disable=SC2016
without_namespaces() {
    unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' \
        - "$@"
}
if unshare --user --map-root-user true; then
    test_case "without user namespaces run says which setting it is, and doctor says no"
    run_rc without_namespaces "$SANDBOX_BIN" run -q --pull=never img true
    expect_eq 125 "$RC"
    expect_match 'max_user_namespaces' "$ERR"
    expect_eq 1 "$(wc -l <<<"$ERR")" "lines of the error"
    run_rc without_namespaces "$SANDBOX_BIN" doctor
    expect_eq 1 "$RC"
    expect_match 'user namespaces +no ' "$OUT"
    expect_match 'cure: .*max_user_namespaces' "$OUT"
    expect_match 'verdict: containers cannot run here' "$OUT"

    test_case "what needs no namespace still works there"
    expect_ok without_namespaces "$SANDBOX_BIN" images
    expect_ok without_namespaces "$SANDBOX_BIN" volume create vol
    expect_ok sandbox volume rm vol
else
    skip "this user may not make user namespaces"
fi

if [ "$SANDBOX_TEST_USER" = plain ]; then
    test_case "without a range of ids a container has one id, without any complaint"
    run_rc sandbox run --pull=never img sh -c 'id -u; chown 5:5 /tmp; echo $?; chown 5 /etc; echo $?'
    expect_eq $'0\n0\n0' "$OUT"
    expect_eq '' "$ERR"
    run_rc sandbox run -u 1000 --pull=never img id -u
    expect_eq 1000 "$OUT"
    run_rc sandbox doctor
    expect_match 'id range +no ' "$OUT"
    expect_match 'cure: .*usermod --add-subuids' "$OUT"
    expect_match 'ids: one id' "$OUT"
fi
