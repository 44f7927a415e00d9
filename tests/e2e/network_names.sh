#!/bin/bash
# network: own
# Names inside a container, asked by dig and by the C library.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image debian)"
# name_server ADDRESS LAST: a name server that knows 192.0.2.LAST
name_server() {
    python3 "$SANDBOX_TESTS/support/fake_dns.py" "$1" "$2" >"$WORK/dns.$2" 2>&1 &
    on_exit stop_pid $!
    wait_until 20 grep -q ready "$WORK/dns.$2" || fail "no name server: $(<"$WORK/dns.$2")"
}
name_server 127.0.0.53 80
name_server 198.51.100.2 81
printf 'nameserver 127.0.0.53\nsearch lan.test example.test\noptions ndots:1\n' >/etc/resolv.conf

sandbox run -d --name names --hostname web --network private -v /usr:/usr:ro \
    localhost/debian sleep 600 >/dev/null
on_exit sandbox rm -f names
inside() { sandbox exec names "$@"; }
dig_short() { inside dig +short +tries=1 +time=5 "$@"; }
own=$(sandbox inspect --format '{{.NetworkSettings.IPAddress}}' names)
gateway=${own%.*}.1

for over in +notcp +tcp; do
    test_case "own names, A, AAAA and PTR, asked with $over"
    expect_eq "$own" "$(dig_short $over web)"
    expect_eq "$own" "$(dig_short $over NAMES)"
    expect_eq "$gateway" "$(dig_short $over host.internal)"
    expect_eq "$gateway" "$(dig_short $over host.docker.internal)"
    expect_eq "web." "$(dig_short $over -x "$own")"
    own6=$(dig_short $over AAAA web)
    expect_match '^fd' "$own6"
    expect_eq "web." "$(dig_short $over -x "$own6")"
    expect_match 'status: NXDOMAIN' "$(inside dig $over -x "${own%.*}.77")"
    expect_match 'ANSWER: 0' "$(inside dig $over MX web)"

    test_case "other names are the host's name server's business, asked with $over"
    expect_eq 192.0.2.80 "$(dig_short $over www.example.test)"
    expect_eq 2001:db8:ffff::80 "$(dig_short $over AAAA www.example.test)"
    expect_eq www.example.test. "$(dig_short $over -x 192.0.2.80)"
    expect_match 'status: NXDOMAIN' "$(inside dig $over nosuch.example.test)"
done

test_case "an answer that does not fit a datagram comes over TCP"
expect_match ';; Truncated, retrying in TCP mode' "$(inside dig TXT big.example.test)"
expect_eq 12 "$(dig_short TXT big.example.test | wc -l)"
expect_match 'flags: [a-z ]*tc' "$(inside dig +ignore TXT big.example.test)"

test_case "search domains and options are the host's"
expect_match 'search lan.test example.test' "$(inside cat /etc/resolv.conf)"
expect_match 'options ndots:1' "$(inside cat /etc/resolv.conf)"
expect_match '^192.0.2.80 ' "$(inside getent ahostsv4 short)"
expect_match '^192.0.2.80 ' "$(inside getent ahostsv4 www)"
expect_match '^2001:db8:ffff::80 ' "$(inside getent ahostsv6 www)"
expect_rc 2 inside getent hosts nosuch

test_case "the host's name server is that of this moment"
echo 'nameserver 198.51.100.2' >/etc/resolv.conf
expect_eq 192.0.2.80 "$(dig_short www.example.test | sed s/81/80/)" "at once one of both answers"
of_this_moment() { [ "$(dig_short www.example.test)" = 192.0.2.81 ]; }
wait_until 20 of_this_moment
expect_eq 192.0.2.81 "$(dig_short www.example.test)"

test_case "a name server that says nothing is a failure, not a hang; the next one is asked"
printf 'nameserver 203.0.113.3\nnameserver 198.51.100.2\n' >/etc/resolv.conf
sleep 1.1
expect_eq 192.0.2.81 "$(inside dig +short +tries=1 +time=10 www.example.test)"
: >/etc/resolv.conf
sleep 1.1
expect_match 'status: SERVFAIL' "$(inside dig +tries=1 +time=20 www.example.test)"
expect_eq "$own" "$(dig_short web)" "own names without any name server"

test_case "many questions at once are all answered"
echo 'nameserver 198.51.100.2' >/etc/resolv.conf
sleep 1.1
for i in $(seq 200); do echo "www.example.test A"; done >questions
expect_eq "200 192.0.2.81" "$(sandbox exec -i names dig +short -f /dev/stdin <questions | sort | uniq -c | xargs)"
