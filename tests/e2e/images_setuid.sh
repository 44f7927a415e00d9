#!/bin/bash
# E21: the real sudo, su and ping, as a distribution has them, by default and with
# no-new-privileges.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image debian-tools)"
run() { timeout 30 "$SANDBOX_BIN" run -q "$@"; }
tools=localhost/debian-tools
ping=(ping -c 1 -W 5 127.0.0.1)

test_case "ping works for root and for others, with and without no-new-privileges"
for who in root someone; do
    expect_ok run -u "$who" $tools "${ping[@]}"
    expect_match '1 received' "$OUT"
    expect_ok run -u "$who" --security-opt no-new-privileges $tools "${ping[@]}"
done

test_case "and with NET_RAW, which its file capability then gives"
expect_ok run --cap-add NET_RAW $tools "${ping[@]}"
expect_ok run --cap-add NET_RAW -u someone $tools "${ping[@]}"

if [ "$SANDBOX_TEST_USER" = range ]; then
    test_case "sudo makes root of a user who may, and another user of root"
    expect_ok run -u someone $tools sudo sh -c 'id -u; chown daemon /etc/hostname && echo yes'
    expect_eq "0 yes" "$(echo $OUT)"
    expect_ok run $tools sudo -u someone id -un
    expect_eq someone "$OUT"
    expect_ne 0 "$(run -u nobody $tools sudo -n id -u 2>&1)" "sudo by one who may not"

    test_case "su asks for the password, and is another user then"
    expect_ok run $tools su someone -c 'id -un'
    expect_eq someone "$OUT"
    expect_ok run -u someone $tools sh -c 'echo word | su someone -c "id -un" 2>/dev/null'
    expect_eq someone "$OUT"
    expect_rc 1 run -u nobody $tools sh -c 'echo wrong | su someone -c id'
    expect_match 'Authentication failure' "$ERR"

    test_case "with no-new-privileges neither works, and they say why"
    expect_rc 1 run -u someone --security-opt no-new-privileges $tools sudo id -u
    expect_match 'no new privileges' "$ERR"
    expect_ne 0 "$(run -u someone --security-opt no-new-privileges $tools \
        sh -c 'echo word | su someone -c "id -u"' 2>/dev/null)"
else
    test_case "with one id nobody can become another: they say so, and nothing is gained"
    expect_rc 1 run -u someone $tools sudo id -u
    expect_match 'sudo' "$ERR"
    expect_eq "" "$OUT"
    expect_ok run $tools su -c 'id -u'
    expect_eq 0 "$OUT"
fi
expect_ok run -u someone --security-opt no-new-privileges $tools grep NoNewPrivs /proc/self/status
expect_match '1$' "$OUT"

test_case "what ping lost of its file capability is no difference to the store's check"
expect_ok sandbox system check
