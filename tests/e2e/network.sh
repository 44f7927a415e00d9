#!/bin/bash
# The network of a container with a gateway: out of it, published ports, names, what is closed.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
image=localhost/busybox
served=$WORK/served
mkdir -p "$served"
echo "over the gateway" >"$served/page"

# The first word of the address that the host is called by on its network, when it has one.
own_address() { hostname -I 2>/dev/null | cut -d' ' -f1; }

test_case "--network private has a link, a default route and a name server"
expect_ok sandbox run --network private $image sh -c 'ls /sys/class/net; ip route; cat /etc/resolv.conf'
expect_match eth0 "$OUT"
expect_match 'default via 10\.[0-9.]+ dev eth0' "$OUT"
expect_match 'nameserver 10\.' "$OUT"

test_case "the own name and host.internal are known"
expect_ok sandbox run --network private --hostname web $image nslookup web
expect_match '10\.[0-9]+\.[0-9]+\.2' "$OUT"
expect_ok sandbox run --network private $image nslookup host.internal
expect_match '10\.[0-9]+\.[0-9]+\.1' "$OUT"

test_case "the host's loopback is closed, and so are metadata addresses"
start_registry
gateway=$(sandbox run --network private $image sh -c "ip route | sed -n 's/default via \([0-9.]*\) .*/\1/p'")
expect_match '^10\.' "$gateway"
expect_rc 1 sandbox run --network private $image nc -w 5 "$gateway" "${REGISTRY##*:}"
expect_match 'Connection refused' "$ERR"
expect_rc 1 sandbox run --network private $image nc -w 5 169.254.169.254 80
expect_match 'No route to host' "$ERR"

address=$(own_address)
if [ -n "$address" ] && command -v python3 >/dev/null; then
    test_case "a server on the host's own address is reached"
    python3 - "$address" "$served" "$WORK/port" <<'P' &
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[2])
server = http.server.ThreadingHTTPServer((sys.argv[1], 0), handler)
open(sys.argv[3], "w").write(str(server.server_port))
server.serve_forever()
P
    on_exit stop_pid $!
    wait_until 20 test -s "$WORK/port"
    expect_ok sandbox run --network private -e "TO=$address $(cat "$WORK/port")" $image \
        sh -c 'printf "GET /page HTTP/1.0\r\n\r\n" | nc -w 10 $TO'
    expect_match "over the gateway" "$OUT"
fi

test_case "a published port leads into a detached container, on 127.0.0.1"
port=$((20000 + RANDOM % 20000))
expect_ok sandbox run -d --name web -p "$port:80" -v "$served:/www:ro" $image httpd -f -p 80 -h /www
wait_until 20 curl -sf -o /dev/null "http://127.0.0.1:$port/page"
expect_eq "over the gateway" "$(curl -sf "http://127.0.0.1:$port/page")"

test_case "port, ps and inspect tell where it is"
expect_ok sandbox port web
expect_eq "80/tcp -> 127.0.0.1:$port" "$OUT"
expect_ok sandbox port web 80/tcp
expect_eq "127.0.0.1:$port" "$OUT"
expect_error 1 'not published' sandbox port web 81
expect_error 2 'not a port' sandbox port web 80/x
expect_eq "127.0.0.1:$port->80/tcp" "$(sandbox ps --filter name=web --format '{{.Ports}}')"
expect_eq "web" "$(sandbox ps --filter publish=80 --format '{{.Names}}')"
expect_eq "" "$(sandbox ps --filter publish=81 --format '{{.Names}}')"
expect_eq "web" "$(sandbox ps --filter "publish=$port" --format '{{.Names}}')" "the host's port"
expect_eq "web" "$(sandbox ps --filter publish=80 --filter expose=99 --format '{{.Names}}')"
expect_ok sandbox inspect --format \
    '{{.NetworkSettings.IPAddress}} {{json .NetworkSettings.Ports}} {{json .HostConfig.PortBindings}}' web
expect_match '^10\.[0-9.]+\.2 ' "$OUT"
expect_eq "{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"$port\"}]}" "$(cut -d' ' -f2 <<<"$OUT")"
expect_eq "$(cut -d' ' -f2 <<<"$OUT")" "$(cut -d' ' -f3 <<<"$OUT")"

test_case "a port that is taken is an error before anything starts"
expect_error 125 'address already in use' sandbox run -p "$port:80" $image touch /started
expect_error 125 'no port between' sandbox run -p 65536:80 $image true
expect_error 125 'backwards' sandbox run -p 90-80:90-80 $image true
expect_error 125 'contradict' sandbox run --network none -p 80 $image true

test_case "the port is free again when the container has ended"
expect_ok sandbox rm -f web
expect_rc 7 curl -s "http://127.0.0.1:$port/page"
