#!/bin/bash
# network: own
# Published ports: docker's forms of them, whom the service sees, and how much they bear. The programs
# inside are this machine's. SANDBOX_TEST_CONNECTIONS says how many connections are open at once.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok make_image "$WORK/exposing" --layer busybox --expose 90/tcp --expose 91/udp --expose 92/sctp
expect_ok sandbox pull -q "oci:$(image debian)"
support=$SANDBOX_TESTS/support
own4=198.51.100.2 own6=2001:db8:1::2
ask() { python3 "$support/tell_address.py" --ask "$@"; }
port_of() { sandbox port "$1" "$2" | sed 's/.*://'; }
is_ready() { sandbox logs "$1" 2>&1 | grep -q ready; }
# serve NAME FLAG… -- COMMAND…: a container that is up when its command has said "ready".
serve() {
    local name=$1 flags=()
    shift
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    expect_ok sandbox run -d --name "$name" -v /usr:/usr:ro -v "$support:/support:ro" \
        -v "$WORK:/work" "${flags[@]}" localhost/debian python3 "${@:2}"
    on_exit sandbox rm -f "$name"
    wait_until 20 is_ready "$name" || fail "$name is not ready: $(sandbox logs "$name" 2>&1)"
}

test_case "every form of docker's says where it is, and leads there"
serve forms -p 80 -p 8080:80 -p 127.0.0.1:8081:80 -p 127.0.0.1::81 -p "0.0.0.0:8082:80" \
    -p '[::1]:8083:80' -p "$own4:8084:80" -p "[$own6]:8085:80" -p 9000-9002:9000-9002 -p 9010-9013:82 \
    -p 9020:83/udp -p "$own4:9021:83/udp" -p "[$own6]:9022:83/udp" -p '[::1]:9023:83/udp' \
    -p 9020:80/tcp -p 53:84 -- \
    /support/tell_address.py 80-82 84 9000-9002 83/udp
expect_ok sandbox port forms
for line in "80/tcp -> 127.0.0.1:8080" "80/tcp -> 127.0.0.1:8081" "80/tcp -> 0.0.0.0:8082" \
    "80/tcp -> [::1]:8083" "80/tcp -> $own4:8084" "80/tcp -> [$own6]:8085" \
    "9001/tcp -> 127.0.0.1:9001" "82/tcp -> 127.0.0.1:9010" "83/udp -> 127.0.0.1:9020" \
    "83/udp -> $own4:9021" "80/tcp -> 127.0.0.1:9020" "84/tcp -> 127.0.0.1:53"; do
    expect_eq 1 "$(grep -cxF "$line" <<<"$OUT")" "lines \"$line\" in
$OUT"
done
gateway=$(sandbox inspect --format '{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}' forms)
for at in 8080 8081 8082 9020; do expect_eq "80 $gateway" "$(ask 127.0.0.1 $at)" "at port $at"; done
for at in 9000 9001 9002; do expect_eq "$at $gateway" "$(ask 127.0.0.1 $at)" "at port $at"; done
expect_eq "82 $gateway" "$(ask 127.0.0.1 9010)"
expect_eq "81 $gateway" "$(ask 127.0.0.1 "$(port_of forms 81)")" "at a free port"
expect_match '^80 ' "$(ask ::1 8083)" "over the IPv6 loopback"
expect_eq "83 $gateway" "$(ask 127.0.0.1 9020/udp)"
expect_eq "83 $gateway" "$(ask ::1 9023/udp)"
expect_eq "84 $gateway" "$(ask 127.0.0.1 53)"

test_case "what was published on 127.0.0.1 is there and nowhere else"
expect_rc 1 nc -z -w 3 $own4 8080
expect_rc 1 in_peer nc -z -w 3 $own4 8080
expect_rc 1 nc -z -w 3 ::1 8080

test_case "the service sees its client's own address, over TCP and UDP, IPv4 and IPv6"
peer_ask() { in_peer python3 "$support/tell_address.py" --ask "$@"; }
expect_eq "80 198.51.100.1" "$(peer_ask $own4 8084)"
expect_eq "80 198.51.100.1" "$(peer_ask $own4 8082)"
expect_eq "80 2001:db8:1::1" "$(peer_ask $own6 8085)"
expect_eq "83 198.51.100.1" "$(peer_ask $own4 9021/udp)"
expect_eq "83 2001:db8:1::1" "$(peer_ask $own6 9022/udp)"
expect_eq "80 $own4" "$(ask $own4 8084)" "from this host itself"
expect_eq "83 $own6" "$(ask $own6 9022/udp)" "from this host itself"

test_case "a service that listens in one family alone has the other family's clients, too"
serve family -p "[$own6]:8086:80" -p "$own4:8087:81" -p '[::1]:8088:80' \
    -p "[$own6]:9030:90/udp" -p "$own4:9031:91/udp" -p '[::1]:9032:91/udp' -- \
    /support/tell_address.py 0.0.0.0:80 "fd73:616e:6462::2:81" 0.0.0.0:90/udp \
    "fd73:616e:6462::2:91/udp"
expect_eq "80 $gateway" "$(peer_ask $own6 8086)" "an IPv6 client of an IPv4 service"
expect_eq "81 fd73:616e:6462::1" "$(peer_ask $own4 8087)" "an IPv4 client of an IPv6 service"
expect_eq "80 $gateway" "$(ask ::1 8088)"
# Each datagram is asked once: the first of a client is not lost either, however many come. Of closed
# ports the container's kernel tells one client six times at once and then once in a second.
for i in {1..12}; do
    expect_eq "90 $gateway" "$(peer_ask $own6 9030/udp)" "IPv6 datagram $i for an IPv4 service"
    expect_eq "91 fd73:616e:6462::1" "$(peer_ask $own4 9031/udp)" "IPv4 datagram $i"
done
expect_eq "91 fd73:616e:6462::1" "$(ask ::1 9032/udp)"
expect_ok sandbox rm -f family

test_case "-P publishes what the image and --expose say, on free ports"
expect_ok sandbox pull -q "oci:$WORK/exposing"
expect_ok sandbox run -d --name all -P --expose 93 --expose 94-95/udp -p 8095:90 localhost/exposing \
    httpd -f -p 93
on_exit sandbox rm -f all
expect_eq "90/tcp 91/udp 93/tcp 94/udp 95/udp" "$(sandbox port all | cut -d' ' -f1 | sort | xargs)"
expect_eq "127.0.0.1:8095" "$(sandbox port all 90)" "what -p says counts"
wait_until 20 curl -s -o /dev/null "http://127.0.0.1:$(port_of all 93)/"
expect_eq 404 "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$(port_of all 93)/")"
expect_ok sandbox rm -f all

test_case "a port that is taken or forbidden is one line, and nothing has started"
expect_nothing() { # REGEX FLAG…
    expect_error 125 "$1" sandbox run -d --rm --name late -v "$WORK:/work" "${@:2}" localhost/debian \
        touch /work/started
    expect_eq "" "$(sandbox ps -a -q --filter name=late)" "containers left"
    expect_no_file started
}
expect_nothing '127\.0\.0\.1:8080/tcp: address already in use.*choose another' -p 8080:80
expect_nothing '127\.0\.0\.1:9020/udp: address already in use' -p 7000:80 -p 9020:80/udp
expect_nothing '0\.0\.0\.0:8080/tcp: address already in use' -p 0.0.0.0:8080:80
expect_nothing '127\.0\.0\.1:9010/tcp: address already in use' -p 9010:82
expect_nothing '127\.0\.0\.1:20/tcp: permission denied.*ip_unprivileged_port_start=20' -p 20:80
expect_nothing '192\.0\.2\.7:8099/tcp: cannot assign requested address.*no such address' \
    -p 192.0.2.7:8099:80
expect_nothing 'no port between 1 and 65535' -p 65536:80
expect_nothing 'no port between 1 and 65535' -p 8099:0
expect_nothing 'ranges differ' -p 8000-8002:80-81
expect_nothing 'unknown protocol' -p 80/tcp/udp
expect_nothing 'sctp' -p 80/sctp
expect_eq "80 $gateway" "$(ask 127.0.0.1 8080)" "the one that has the port keeps it"

test_case "a service that listens on its own loopback alone: reset at once, as often as one asks"
serve lonely -p 8090:80 -- /support/tell_address.py 127.0.0.1:80
refused() {
    python3 -c 'import socket
for _ in range(100):
    try:
        s = socket.create_connection(("127.0.0.1", 8090), timeout=10)
        raise SystemExit("no reset but %r" % s.recv(1))
    except ConnectionResetError:
        pass
print("reset")'
}
expect_eq reset "$(refused)"
expect_ok sandbox rm -f lonely

count=${SANDBOX_TEST_CONNECTIONS:-3000}
test_case "$count connections at once, none lost"
mkdir nginx
cat >nginx.conf <<N
daemon off;
user root;
pid /tmp/pid;
error_log stderr;
events { worker_connections 4096; }
http {
    access_log off;
    $(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path /tmp/$kind;"; done)
    server { listen 80 backlog=4096; location / { return 200 "over the gateway"; } }
}
N
serve many -p 8091:80 -p 8092:82 -p 8093:83 -- -c "import subprocess, sys
subprocess.Popen(['python3', '/support/short_connections.py', '--serve', '0.0.0.0', '83'])
subprocess.Popen(['/usr/sbin/nginx', '-e', 'stderr', '-c', '/work/nginx.conf'])
subprocess.run(['python3', '/support/many_connections.py', '--serve', '82'])"
wait_until 20 curl -sf -o /dev/null http://127.0.0.1:8091/
expect_eq "$count" "$(python3 "$support/many_connections.py" 127.0.0.1 8092 "$count")"
expect_eq "over the gateway" "$(curl -sS http://127.0.0.1:8091/)"

test_case "wrk and short connections: no loss, no stall"
for header in "X: y" "Connection: close"; do
    expect_ok wrk -t1 -c100 -d1s -H "$header" http://127.0.0.1:8091/
    expect_match 'requests in' "$OUT"
    expect_no_match 'Socket errors|Non-2xx' "$OUT"
done
expect_ok python3 "$support/short_connections.py" 127.0.0.1 8093 \
    "${SANDBOX_TEST_CONNECTION_RATE:-500}" "${SANDBOX_TEST_CONNECTION_SECONDS:-2}"
expect_match ' 0 failed' "$OUT"

test_case "with few descriptors clients wait for each other, none is refused, and nobody spins"
(ulimit -n 200 && serve few -p 8096:80 -- /support/many_connections.py --serve 80)
on_exit sandbox rm -f few
cat >few.py <<'P'
import os, selectors, socket, sys, time
def connect():
    s = socket.create_connection(("127.0.0.1", 8096), timeout=30)
    s.sendall(b"hello")
    return s
clients = [connect() for _ in range(150)]
def ticks():
    return sum(map(int, open(f"/proc/{sys.argv[1]}/stat").read().rsplit(")", 1)[1].split()[11:13]))
before = ticks()
time.sleep(1)
assert ticks() - before < os.sysconf("SC_CLK_TCK") * 0.6, "the helper spins"
waits = selectors.DefaultSelector()
for client in clients:
    waits.register(client, selectors.EVENT_READ)
answered = 0
while waits.get_map():
    ready = waits.select(20)
    assert ready, "no answer"
    for key, _ in ready:
        answered += key.fileobj.recv(100) == b"hello"
        waits.unregister(key.fileobj)
        key.fileobj.close()
print(answered)
P
expect_eq 1 "$(python3 "$support/many_connections.py" 127.0.0.1 8096 1)"
supervisor=$(awk '/^PPid:/ {print $2}' "/proc/$(sandbox inspect --format '{{.State.Pid}}' few)/status")
expect_eq 150 "$(python3 few.py "$(pgrep -P "$supervisor" -x sandbox-net)")"

test_case "what comes in is all there, while one client stalls"
head -c 12M /dev/urandom >big
serve files -p 8094:80 -- -u -c "import functools, http.server
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory='/work')
server = http.server.ThreadingHTTPServer(('', 80), handler)
print('ready')
server.serve_forever()"
sum=$(sha256sum <big)
curl -sS --limit-rate 6M http://127.0.0.1:8094/big >slow &
slow=$!
expect_eq "$sum" "$(curl -sS http://127.0.0.1:8094/big | sha256sum)"
wait $slow
expect_eq "$sum" "$(sha256sum <slow)"
