#!/bin/bash
# network: own without IPv6
# A host that has IPv6 switched off is no worse a host for containers.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image debian)"
support=$SANDBOX_TESTS/support
inside() {
    sandbox run --network private -v /usr:/usr:ro -v "$support:/support:ro" localhost/debian "$@"
}
python3 "$SANDBOX_TESTS/support/fake_dns.py" 127.0.0.53 80 >dns &
on_exit stop_pid $!
wait_until 20 grep -q ready dns
echo 'nameserver 127.0.0.53' >/etc/resolv.conf
python3 "$support/tell_address.py" 198.51.100.2:8080 >tell &
on_exit stop_pid $!
wait_until 20 grep -q ready tell

test_case "IPv4 goes out, what is IPv6 is told at once, the own loopback has both"
expect_ok inside python3 /support/connect_meanings.py 198.51.100.2 8080 ok 198.51.100.2 9 ECONNREFUSED \
    2001:db8:1::2 8080 ENETUNREACH ::1 9 ECONNREFUSED
expect_eq "" "$OUT"
expect_eq "8080 198.51.100.2" "$(inside python3 /support/tell_address.py --ask 198.51.100.2 8080)"

test_case "names are found, those of IPv6 addresses too"
expect_ok inside dig +short +tries=1 www.example.test AAAA
expect_eq "2001:db8:ffff::80" "$OUT"

test_case "ports are published on IPv4; an IPv6 address is one line"
expect_ok sandbox run -d --name web -p 8081:80 -p 0.0.0.0:8082:80 -v /usr:/usr:ro \
    -v "$support:/support:ro" localhost/debian python3 /support/tell_address.py 80
on_exit sandbox rm -f web
wait_until 20 python3 "$support/tell_address.py" --ask 127.0.0.1 8081
expect_match '^80 10\.' "$(python3 "$support/tell_address.py" --ask 127.0.0.1 8081)"
expect_eq "80 198.51.100.1" "$(in_peer python3 "$support/tell_address.py" --ask 198.51.100.2 8082)"
expect_error 125 '\[2001:db8:1::2\]:8083/tcp: cannot assign requested address' \
    sandbox run -p '[2001:db8:1::2]:8083:80' localhost/debian true

test_case "doctor says so, with the cure"
expect_ok sandbox doctor
expect_match 'IPv6 +limited' "$OUT"
expect_match 'cure: sudo sysctl -w net.ipv6.conf.all.disable_ipv6=0' "$OUT"
expect_match 'private network +yes' "$OUT"
