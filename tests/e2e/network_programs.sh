#!/bin/bash
# network: own
# alone: datagrams are lost on a busy machine
# Real programs through the gateway, out of a container. They are this machine's: its /usr is the
# container's. What SANDBOX_TEST_DOWNLOAD_MB and SANDBOX_TEST_CONNECTION_SECONDS say is done in full.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image debian)"
own4=198.51.100.2 own6=2001:db8:1::2
support=$SANDBOX_TESTS/support
# inside COMMAND…: in a container with a network of its own, and the tests' programs in /support.
inside() {
    sandbox run --network private -v /usr:/usr:ro -v "$support:/support:ro" -v "$WORK:/work" \
        ${inside_flags[@]+"${inside_flags[@]}"} localhost/debian "$@"
}
# background NAME COMMAND…: a server of this script's; its first line of output in NAME.line.
background() {
    local name=$1
    shift
    "$@" >"$WORK/$name.line" 2>"$WORK/$name.log" </dev/null &
    on_exit stop_pid $!
}
first_line() { wait_until 20 grep -q . "$WORK/$1.line" && head -n 1 "$WORK/$1.line"; }

mkdir -p www nginx
download_mb=${SANDBOX_TEST_DOWNLOAD_MB:-100}
head -c "${download_mb}M" /dev/urandom >www/big
echo "over the gateway" >www/page
cat >nginx.conf <<N
daemon off;
pid $WORK/nginx/pid;
error_log $WORK/nginx/error.log;
events { worker_connections 4096; }
http {
    access_log off;
    $(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $WORK/nginx/$kind;"; done)
    server { listen $own4:8080 backlog=4096; listen [$own6]:8080; root $WORK/www; }
}
N
background nginx nginx -e stderr -c "$WORK/nginx.conf"
wait_until 20 curl -sf -o /dev/null "http://$own4:8080/page"

test_case "curl, over IPv4 and IPv6"
expect_ok inside curl -sS "http://$own4:8080/page" "http://[$own6]:8080/page"
expect_eq "over the gateway over the gateway" "$(echo $OUT)"
expect_rc 7 inside curl -sS "http://$own4:8081/"
expect_rc 22 inside curl -sSf "http://$own4:8080/nosuch"

test_case "a package manager's download of $download_mb MB, with its checksum"
sum=$(sha256sum www/big | cut -d' ' -f1)
# apt would become its own user, which is another test's business.
expect_ok inside /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file \
    "http://$own4:8080/big" /tmp/big "SHA256:$sum"
expect_rc 100 inside /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file \
    "http://$own4:8080/big" /tmp/big "SHA256:${sum//[0-7]/8}"

test_case "iperf3 both ways, four streams at once, and datagrams without loss"
background iperf iperf3 -s -p 5201 --forceflush
received() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["end"]["sum_received"]["bytes"])' "$1"; }
wait_until 20 grep -q listening "$WORK/iperf.line"
# What is on its way when the last byte has been sent does not count as received: up to 20 MB of each
# stream, in four sockets' buffers.
for options in "-n 100M" "-n 100M -R" "-n 400M -P 4" "-n 100M -6"; do
    address=$own4
    [[ $options != *-6* ]] || address=$own6
    # shellcheck disable=SC2086  # several words
    expect_ok inside iperf3 -J -c "$address" ${options/-6/} --logfile /work/iperf.json
    mebibytes=${options%%M*}
    bytes=$(received iperf.json)
    expect_match '^[0-9]+$' "$bytes" "bytes received with $options"
    expect_ok test "$bytes" -ge $((${mebibytes#-n } << 19)) # half of them
    rm -f iperf.json
done
expect_ok inside iperf3 -J -c $own4 -u -b 40M -l 1400 -t 1 --logfile /work/iperf.json
expect_ok python3 -c 'import json, sys
end = json.load(open("iperf.json"))["end"]["sum"]
sys.exit(end["packets"] < 1000 or end["lost_packets"] > end["packets"] / 100)'

test_case "wrk: a busy client loses no connection"
for header in "X: y" "Connection: close"; do
    expect_ok inside wrk -t1 -c50 -d1s -H "$header" "http://$own4:8080/page"
    expect_match 'requests in' "$OUT"
    expect_no_match 'Socket errors|Non-2xx' "$OUT"
done

test_case "ports in TIME_WAIT are used again, so that a minute may have more than 28,000 connections"
expect_eq 1 "$(inside cat /proc/sys/net/ipv4/tcp_tw_reuse)"

test_case "on the virtual link no bottleneck is looked for"
expect_eq reno "$(inside cat /proc/sys/net/ipv4/tcp_congestion_control)"

test_case "a thousand short connections a second, one by one and without loss"
background short python3 "$support/short_connections.py" --serve $own4
expect_ok inside python3 /support/short_connections.py $own4 "$(first_line short)" \
    "${SANDBOX_TEST_CONNECTION_RATE:-500}" "${SANDBOX_TEST_CONNECTION_SECONDS:-2}"
expect_match ' 0 failed' "$OUT"

test_case "what connect() says is what it says on the host, to both forms of it"
meanings=("$own4" 8080 ok "$own6" 8080 ok "$own4" 9 ECONNREFUSED "$own6" 9 ECONNREFUSED
    198.51.100.1 9 ECONNREFUSED 2001:db8:1::1 9 ECONNREFUSED
    203.0.113.1 80 EHOSTUNREACH 203.0.113.3 80 silence
    2001:db8:2::1 80 ENETUNREACH 2001:db8:2::2 80 EACCES 2001:db8:2::3 80 silence
    192.0.2.1 80 ENETUNREACH 2001:db8:9::1 80 ENETUNREACH)
expect_ok python3 "$support/connect_meanings.py" "${meanings[@]}"
expect_ok inside python3 /support/connect_meanings.py "${meanings[@]}"
expect_eq "" "$OUT"

test_case "half-close, reset, urgent data and keep-alive mean what they mean"
background stream python3 "$support/stream_meanings.py" --serve $own4
stream_port=$(first_line stream)
expect_ok inside python3 /support/stream_meanings.py $own4 "$stream_port"
expect_eq "" "$OUT"

test_case "a client that stalls does not hold up another one, and gets all in the end"
cat >stall.py <<'P'
import hashlib, socket, sys, time
def get(path):
    s = socket.create_connection((sys.argv[1], 8080), timeout=30)
    s.sendall(b"GET " + path + b" HTTP/1.0\r\n\r\n")
    return s
def read_all(s):
    heard = bytearray()
    while chunk := s.recv(1 << 20):
        heard += chunk
    return bytes(heard).split(b"\r\n\r\n", 1)[1]
stalled = [get(b"/big") for _ in range(3)]
time.sleep(0.3)
for _ in range(50):
    assert read_all(get(b"/page")) == b"over the gateway\n"
print(*{hashlib.sha256(read_all(s)).hexdigest() for s in stalled})
P
expect_ok inside python3 /work/stall.py $own4
expect_eq "$sum" "$OUT"

test_case "echo requests go out and come back, in both families"
for address in $own4 198.51.100.1 $own6 2001:db8:1::1; do
    expect_ok inside ping -q -n -c 2 -i 0.2 -s 1000 "$address"
    expect_match '2 received, 0% packet loss' "$OUT"
done
expect_rc 1 inside ping -n -c 1 -W 1 203.0.113.3
expect_match '100% packet loss' "$OUT"

test_case "the neighbour is seen by this host's address, not by the container's"
start_in_peer python3 "$support/tell_address.py" 7000
wait_until 20 python3 "$support/tell_address.py" --ask 198.51.100.1 7000
expect_eq "7000 $own4" "$(inside python3 /support/tell_address.py --ask 198.51.100.1 7000)"
