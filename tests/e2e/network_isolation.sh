#!/bin/bash
# network: own
# What a container's network does not give, and what its helper bears: the N cases of a hostile
# payload. SANDBOX_TEST_FRAMES says how many malformed frames there are.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image debian)"
support=$SANDBOX_TESTS/support
inside_flags=()
inside() {
    sandbox run --network private -v /usr:/usr:ro -v "$support:/support:ro" \
        "${inside_flags[@]}" localhost/debian "$@"
}
gateway=$(inside python3 -c 'import socket, struct
route = next(l.split() for l in open("/proc/net/route") if l.split()[1] == "00000000")
print(socket.inet_ntoa(struct.pack("<I", int(route[2], 16))))')
expect_match '^10\.' "$gateway"

# On the host's loopback alone: whoever gets to it is told.
python3 - >"$WORK/canary" <<'P' &
import selectors, socket, sys
waits = selectors.DefaultSelector()
tcp = socket.create_server(("127.0.0.1", 0), backlog=64)
port = tcp.getsockname()[1]
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", port))
unix = socket.socket(socket.AF_UNIX)
unix.bind("\0sandbox-canary-%d" % port)
unix.listen()
for s in (tcp, udp, unix):
    waits.register(s, selectors.EVENT_READ)
print(port, flush=True)
while True:
    for key, _ in waits.select():
        if key.fileobj is udp:
            print("datagram", udp.recv(100), flush=True)
        else:
            print("connection", key.fileobj.accept(), flush=True)
P
on_exit stop_pid $!
wait_until 20 test -s canary
port=$(<canary)

test_case "the host's loopback is closed, by whatever address one tries"
expect_ok inside python3 /support/connect_meanings.py "$gateway" "$port" ECONNREFUSED \
    198.51.100.2 "$port" ECONNREFUSED 127.0.0.1 "$port" ECONNREFUSED \
    2001:db8:1::2 "$port" ECONNREFUSED fd73:616e:6462::1 "$port" ECONNREFUSED
expect_eq "" "$OUT"
expect_eq "$port" "$(<canary)" "what the loopback heard"

test_case "metadata and link-local addresses are closed"
expect_ok inside python3 /support/connect_meanings.py 169.254.169.254 80 EHOSTUNREACH \
    169.254.1.1 80 EHOSTUNREACH 100.100.100.200 80 EHOSTUNREACH 168.63.129.16 80 EHOSTUNREACH \
    fd00:ec2::254 80 EACCES 0.1.2.3 80 EHOSTUNREACH 240.0.0.1 80 EHOSTUNREACH
expect_eq "" "$OUT"

test_case "the host's abstract sockets belong to another network"
expect_ok inside python3 -c "import socket
try:
    socket.socket(socket.AF_UNIX).connect('\0sandbox-canary-$port')
except ConnectionRefusedError:
    print('refused')"
expect_eq refused "$OUT"

test_case "packet and raw sockets are for nobody, unless he asks for NET_RAW"
raw='import socket
for family, kind, protocol in ((17, 3, 768), (17, 2, 0), (2, 3, 6), (2, 3, 255), (10, 3, 58)):
    try:
        socket.socket(family, kind, protocol)
        print("open", family, kind)
    except PermissionError:
        pass'
expect_ok inside python3 -c "$raw"
expect_eq "" "$OUT"
inside_flags=(--cap-add NET_RAW)
expect_ok inside python3 -c "$raw"
expect_eq 5 "$(wc -l <<<"$OUT")"
inside_flags=()

test_case "TFTP and DHCP are silent, 64 KiB of a datagram and of an echo are no trouble"
expect_ok inside python3 -c "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.3)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
for to in (('255.255.255.255', 67), ('$gateway', 67), ('$gateway', 69)):
    s.sendto(b'\1\1\6\0' + b'\0' * 296, to)
try:
    print('answer', s.recvfrom(1500))
except OSError:
    pass
for size in (65507, 1):
    s.sendto(b'x' * size, ('198.51.100.2', 9))"
expect_eq "" "$OUT"
expect_ok inside ping -q -n -c 1 -s 65000 198.51.100.2
expect_match '1 received' "$OUT"

# helpers NAME: the pids of a container's helper and maker of sockets.
supervisor_of() { awk '/^PPid:/ {print $2}' "/proc/$(sandbox inspect --format '{{.State.Pid}}' "$1")/status"; }
helper_of() { pgrep -P "$(supervisor_of "$1")" -x sandbox-net; }
published=$((10000 + RANDOM % 9999))
expect_ok sandbox run -d --name victim --network private --cap-add NET_RAW -p "$published:80" -v /usr:/usr:ro \
    -v "$support:/support:ro" localhost/debian python3 /support/tell_address.py 80
on_exit sandbox rm -f victim
ask() { python3 "$support/tell_address.py" --ask 127.0.0.1 "$published"; }
wait_until 20 ask
expect_eq "80 $gateway" "$(ask)"

test_case "the helpers have no capabilities, no new privileges, a filter and no files"
supervisor=$(supervisor_of victim)
children=$(pgrep -P "$supervisor")
checked=0
for pid in $children; do
    name=$(<"/proc/$pid/comm")
    [[ $name == sandbox-net || $name == sandbox-keep || $name == sandbox-make ]] || continue
    checked=$((checked + 1))
    status=$(<"/proc/$pid/status")
    expect_match 'NoNewPrivs:.1' "$status" "$name"
    expect_match 'Seccomp:.2' "$status" "$name"
    wanted=0000000000000000
    [ "$name" != sandbox-make ] || wanted=0000000000002000
    expect_match "CapEff:.$wanted" "$status" "$name"
    expect_match "CapPrm:.$wanted" "$status" "$name"
    expect_rc 2 ls "/proc/$pid/cwd/" # nobody may look at, or trace, it
done
expect_eq 3 "$checked" "helper processes found among $(ps -o pid=,comm= --ppid "$supervisor")"

frames=${SANDBOX_TEST_FRAMES:-20000}
test_case "$frames malformed frames: the helper lives, the loopback hears nothing"
helper=$(helper_of victim)
expect_ok sandbox exec victim python3 /support/raw_frames.py "$gateway" "$frames" $RANDOM "$port"
expect_eq sent "$OUT"
expect_eq "80 $gateway" "$(ask)"
expect_ok sandbox exec victim python3 /support/connect_meanings.py 198.51.100.2 9 ECONNREFUSED
expect_eq "$helper" "$(helper_of victim)" "the helper's pid"
expect_eq "$port" "$(<canary)" "what the loopback heard"

test_case "F07 a helper that is killed comes back, the container does not notice but for its connections"
before=$(sandbox inspect --format '{{.State.Pid}} {{.State.StartedAt}}' victim)
for name in sandbox-net sandbox-make; do
    victim_pid=$(pgrep -P "$supervisor" -x $name)
    expect_ok kill -9 "$victim_pid"
    wait_until 20 test ! -e "/proc/$victim_pid"
    wait_until 20 ask
    expect_eq "80 $gateway" "$(ask)" "after the end of $name"
    expect_ok sandbox exec victim python3 /support/connect_meanings.py 198.51.100.2 9 ECONNREFUSED
    expect_ne "$helper" "$(helper_of victim)" "the helper's pid"
done
expect_eq "$before" "$(sandbox inspect --format '{{.State.Pid}} {{.State.StartedAt}}' victim)"

test_case "nothing of the helpers is left when the container has gone"
expect_ok sandbox rm -f victim
wait_until 20 test ! -e "/proc/$supervisor"
for pid in $children; do wait_until 20 test ! -e "/proc/$pid"; done
expect_rc 1 nc -z 127.0.0.1 "$published"
