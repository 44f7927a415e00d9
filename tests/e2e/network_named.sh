#!/bin/bash
# Named networks: names, addresses, who sees whom, what is left when somebody is killed.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
image=localhost/busybox
mkdir "$WORK/served"
echo "from a" >"$WORK/served/page"
store=${SANDBOX_STORE:-$HOME/.local/share/sandbox}
state() { sandbox inspect --format "{{(index .NetworkSettings.Networks \"back\").$1}}" "$2"; }
fetch() { sandbox exec "$1" wget -q -O - "$2"; }
holder() { # its pid, by the lock that it has on the network's file
    local inode
    inode=$(stat -c %i "$store"/networks/*.lock)
    awk -v inode=":$inode\$" '$6 ~ inode { print $5 }' /proc/locks
}
no_holder() { [ -z "$(holder)" ]; }

test_case "network create prints an id; ls and inspect tell"
expect_ok sandbox network create --label team=a back
id=$OUT
expect_match '^[0-9a-f]{64}$' "$id"
expect_eq "${id:0:12} back bridge" \
    "$(sandbox network ls --filter type=custom --format '{{.ID}} {{.Name}} {{.Driver}}')"
expect_eq "${id:0:12}" "$(sandbox network ls -q --filter label=team=a)"
expect_match '^10\.89\.[1-9][0-9]*\.1$' \
    "$(sandbox network inspect --format '{{(index .IPAM.Config 0).Gateway}}' "${id:0:8}")"
expect_ok sandbox network exists back
expect_rc 1 sandbox network exists front
expect_rc 1 sandbox network create back
expect_match 'already exists' "$ERR"
expect_rc 1 sandbox network create -d overlay big
expect_match 'needs root' "$ERR"
expect_rc 1 sandbox network create --subnet 10.89.1.0/25 other
expect_match 'overlaps that of network "back"' "$ERR"
expect_rc 125 sandbox run --network bakc $image true
expect_match 'network bakc not found.*did you mean "back"' "$ERR"

test_case "containers of different supervisors know each other by name, alias and address"
expect_ok sandbox run -d --name a --network back --network-alias web --network-alias both \
    -v "$WORK/served:/www:ro" -p 0:80 $image httpd -f -p 80 -h /www
expect_ok sandbox run -d --name b --network back --network-alias both --ip 10.89.1.77 \
    $image sleep 1000
expect_eq "from a" "$(fetch b http://a/page)"
expect_eq "from a" "$(fetch b http://web/page)"
expect_eq "from a" "$(fetch b "http://$(state IPAddress a)/page")"
expect_eq 10.89.1.77 "$(state IPAddress b)"
expect_eq 2 "$(sandbox exec a nslookup -type=a both | grep -c 'Address: 10\.89\.1\.')"
expect_match "name = b\$" "$(sandbox exec a nslookup 10.89.1.77)"
expect_match 'Address: 10\.89\.1\.1([^0-9]|$)' "$(sandbox exec a nslookup -type=a host.internal)"
expect_match $'\n10\\.89\\.1\\.77[[:blank:]]' "$(sandbox exec b cat /etc/hosts)"
expect_eq back "$(sandbox ps --filter name=b --format '{{.Networks}}')"
expect_eq "a b" "$(sandbox network inspect back \
    --format '{{range .Containers}}{{.Name}} {{end}}' | xargs -n 1 | sort | xargs)"
port=$(sandbox port a 80)
expect_eq "from a" "$(curl -s --max-time 5 "http://$port/page")"
expect_rc 1 sandbox network rm back
expect_match 'is in use by container' "$ERR"

test_case "others are not seen: by name, by address, from a private network"
expect_ok sandbox network create --internal shut
expect_rc 1 sandbox run --network shut $image nslookup -type=a a
expect_rc 1 sandbox run --network shut $image nc -w 3 "$(state IPAddress a)" 80
expect_rc 1 sandbox run $image nslookup -type=a a

test_case "a container on two networks sees the names of both, and has one way outside"
expect_ok sandbox run -d --name c --network shut $image httpd -f -p 80 -h /etc
expect_ok sandbox run -d --name two --network shut --network back $image sleep 1000
expect_eq $'eth0\neth1\nlo' "$(sandbox exec two ls /sys/class/net)"
expect_eq "default via 10.89.1.1 dev eth1" "$(sandbox exec two ip route | grep default | xargs)"
expect_eq "from a" "$(fetch two http://a/page)"
sees_c() { [ "$(fetch two http://c/hostname)" = "$(sandbox exec c hostname)" ]; }
wait_until 10 sees_c || fail "the names of the second network are not told"
expect_eq shut,back "$(sandbox ps --filter name=two --format '{{.Networks}}')"
expect_ok sandbox rm -f -t 0 two c
expect_ok sandbox network rm shut

test_case "connect and disconnect, while it runs and when it does not"
expect_ok sandbox run -d --name d $image sleep 1000
expect_rc 1 sandbox exec d wget -q -O - http://a/page
expect_ok sandbox network connect --alias late back d
sees_a() { [ "$(fetch d http://a/page)" = "from a" ]; }
wait_until 10 sees_a || fail "the connected network's names are not told"
expect_ok sandbox exec b nslookup -type=a late
expect_eq "bridge,back" "$(sandbox ps --filter name=^d --format '{{.Networks}}')"
expect_rc 1 sandbox network connect back d
expect_match 'on network "back" already' "$ERR"
expect_ok sandbox network disconnect back d
expect_rc 1 sandbox network disconnect back d
expect_rc 1 sandbox exec b nslookup -type=a late
expect_eq $'eth0\nlo' "$(sandbox exec d ls /sys/class/net)"
expect_ok sandbox stop -t 0 d
expect_ok sandbox network connect back d
expect_ok sandbox start d
expect_eq "from a" "$(fetch d http://a/page)"
expect_ok sandbox rename d late2
expect_ok sandbox exec b nslookup -type=a late2
expect_ok sandbox rm -f -t 0 late2

test_case "the network with the way outside is left: the next one has route, names, ports, hosts"
expect_ok sandbox network create front
front() { sandbox network inspect front --format "{{(index .IPAM.Config 0).$1}}"; }
expect_ok sandbox run -d --name e --hostname own --network back --network-alias mail --network front \
    --add-host gate:host-gateway -v "$WORK/served:/www:ro" -p 0:80 $image httpd -f -p 80 -h /www
expect_ok sandbox run -d --name f --network front $image sleep 1000
e_port=$(sandbox port e 80)
default_of() { sandbox exec e ip "$@" route | grep -o 'default via [^ ]* dev eth[0-9]*'; }
own_addresses() { sandbox exec e sed -n 's/\town$//p' /etc/hosts | xargs; }
address_on() { sandbox inspect -f "{{(index .NetworkSettings.Networks \"$1\").IPAddress}}" e; }
expect_eq "default via 10.89.1.1 dev eth0" "$(default_of)"
expect_eq "from a" "$(fetch e http://a/page)"
on_front=$(address_on front)
expect_ok sandbox network disconnect back e
expect_eq "default via $(front Gateway) dev eth1" "$(default_of)"
expect_eq "nameserver $(front Gateway)" "$(sandbox exec e grep nameserver /etc/resolv.conf)"
expect_eq "$on_front" "$(own_addresses)"
expect_match "^$(front Gateway)[[:blank:]]gate\$" "$(sandbox exec e grep gate /etc/hosts)"
expect_ok sandbox exec e nslookup -type=a f
expect_rc 1 sandbox exec e nslookup -type=a a
expect_rc 1 sandbox exec b nslookup -type=a mail
expect_eq "$e_port" "$(sandbox port e 80)" "the port stays where it was"
expect_eq "from a" "$(curl -s --max-time 5 "http://$e_port/page")"

test_case "without any network there is none; whatever is connected then has all of it"
expect_ok sandbox network disconnect front e
expect_eq lo "$(sandbox exec e ls /sys/class/net)"
expect_eq 127.0.0.1 "$(own_addresses)"
expect_rc 7 curl -s --max-time 5 "http://$e_port/page"
expect_eq "" "$(sandbox port e)"
expect_ok sandbox network connect --alias mail back e
expect_eq "default via 10.89.1.1 dev eth0" "$(default_of)"
expect_eq "nameserver 10.89.1.1" "$(sandbox exec e grep nameserver /etc/resolv.conf)"
expect_eq "from a" "$(fetch e http://a/page)"
expect_eq "$e_port" "$(sandbox port e 80)"
expect_eq "from a" "$(curl -s --max-time 5 "http://$e_port/page")"
expect_ok sandbox exec b nslookup -type=a mail

test_case "the private network comes and goes like the others, by docker's name, too"
expect_ok sandbox network connect bridge e
expect_error 1 'on network "bridge" already' sandbox network connect bridge e
expect_error 1 'neither aliases nor addresses' sandbox network connect --alias x bridge e
expect_eq "default via 10.89.1.1 dev eth0" "$(default_of)"
expect_ok sandbox network disconnect back e
gateway=$(sandbox inspect -f '{{.NetworkSettings.Networks.bridge.Gateway}}' e)
expect_eq "default via $gateway dev eth1" "$(default_of)"
expect_eq "nameserver $gateway" "$(sandbox exec e grep nameserver /etc/resolv.conf)"
expect_eq "from a" "$(curl -s --max-time 5 "http://$e_port/page")"
expect_ok sandbox network connect back e
sees_a_from_e() { [ "$(fetch e http://a/page)" = "from a" ]; }
wait_until 10 sees_a_from_e || fail "the private network's name server is not told the others' names"
expect_eq "bridge,back" "$(sandbox ps --filter name=^e --format '{{.Networks}}')"
expect_ok sandbox network disconnect bridge e
expect_rc 1 sandbox network disconnect bridge e
expect_match 'not on network "bridge"' "$ERR"
expect_eq "default via 10.89.1.1 dev eth0" "$(default_of)"
expect_eq "from a" "$(fetch e http://a/page)"
expect_eq "from a" "$(curl -s --max-time 5 "http://$e_port/page")"
expect_error 1 'is built in' sandbox network connect host e

test_case "the next start has the networks that the container had at last"
restart_e() { expect_ok sandbox stop -t 0 e && expect_ok sandbox start e; }
restart_e
expect_eq "$(printf 'eth0\nlo')" "$(sandbox exec e ls /sys/class/net)"
expect_eq "from a" "$(fetch e http://a/page)"
expect_ok sandbox network connect bridge e
restart_e
expect_eq $'eth0\neth1\nlo' "$(sandbox exec e ls /sys/class/net)"
expect_eq "from a" "$(fetch e http://a/page)"
expect_ok sandbox network disconnect back e
expect_ok sandbox network disconnect private e
restart_e
expect_eq lo "$(sandbox exec e ls /sys/class/net)"
expect_ok sandbox stop -t 0 e
expect_ok sandbox network connect back e
expect_ok sandbox start e
expect_eq "from a" "$(curl -s --max-time 5 "http://$(sandbox port e 80)/page")"
expect_ok sandbox rm -f -t 0 e f
expect_ok sandbox network rm front

test_case "of networks of which only one leads outside, that one leads, whenever it came"
expect_ok sandbox network create --internal shut
expect_ok sandbox run -d --name e --network shut $image sleep 1000
expect_ok sandbox network connect back e
expect_eq "default via 10.89.1.1 dev eth1" "$(default_of)"
expect_eq "from a" "$(fetch e http://a/page)"
expect_ok sandbox run -d --name f --network shut $image sleep 1000
sees_f() { sandbox exec e nslookup -type=a f >/dev/null; }
wait_until 10 sees_f || fail "the names of the former first network are not told"
expect_ok sandbox rm -f -t 0 e f
expect_ok sandbox network rm shut

test_case "several networks from the start, the private one among them"
expect_ok sandbox run --network bridge --network back $image wget -q -O /dev/null http://a/page
expect_error 125 'neither aliases nor addresses' sandbox run --network bridge \
    --network name=private,alias=x $image true

test_case "a port of the host's loopback is open to whom it is opened"
start_registry
port_of_host=${REGISTRY##*:}
ask="wget -q -O /dev/null http://host.internal:$port_of_host/v2/"
expect_rc 1 sandbox exec b sh -c "$ask"
expect_ok sandbox run --network back --host-access "$port_of_host" $image sh -c "$ask"
expect_ok sandbox run --host-access "$port_of_host" $image sh -c "$ask"
expect_rc 1 sandbox run --host-access 1 $image sh -c "$ask"
expect_ok sandbox run -d --name talker --host-access "$port_of_host" $image \
    sh -c "sleep 60 | nc host.internal $port_of_host"
is_unpaced() { ss -Htin state established "( dport = :$port_of_host )" | grep -qw reno; }
wait_until 10 is_unpaced || fail "what stays on the host's loopback has the host's congestion control"
expect_ok sandbox rm -f -t 0 talker

test_case "a container in another one's network: one loopback, one address, its names"
joined() { sandbox run --network container:a "$@"; }
expect_eq "from a" "$(joined $image wget -q -O - http://127.0.0.1/page)"
expect_ok joined $image nslookup -type=a b
expect_eq "$(sandbox exec a cat /sys/class/net/eth0/address)" \
    "$(joined $image cat /sys/class/net/eth0/address)"
expect_rc 125 joined -p 80 $image true
expect_rc 125 sandbox run --network container:nobody $image true
expect_ok sandbox create --name idle $image sleep 1000
expect_rc 125 sandbox run --network container:idle $image true
expect_match 'does not run' "$ERR"
expect_ok sandbox rm idle

test_case "F07 a holder that is killed comes back: links, addresses, names and ports"
before=$(holder)
expect_match '^[0-9]+$' "$before"
kill -9 "$before"
# Each try is over soon: one that began while there was no link may wait for long.
works_again() {
    [ "$(sandbox exec b timeout 3 wget -q -O - http://web/page 2>/dev/null)" = "from a" ] &&
        [ "$(curl -s --max-time 5 "http://$port/page")" = "from a" ]
}
wait_until 20 works_again || fail "the network did not come back"
[ "$(holder)" != "$before" ] || fail "the holder was not killed"
expect_eq "inet 10.89.1.77/24" "$(sandbox exec b ip -4 addr show eth0 | grep -o 'inet [0-9./]*')"

test_case "a supervisor that is killed frees name and address"
kill -9 "$(pgrep -o -u "$(id -u)" -f "__supervise .* $(sandbox inspect --format '{{.Id}}' b) ")"
gone() { ! sandbox exec a nslookup -type=a b >/dev/null 2>&1; }
wait_until 10 gone || fail "the name of a dead container is still there"
expect_ok sandbox run --rm --network back --ip 10.89.1.77 $image true

test_case "with the last container the holder ends, and the network can be removed"
expect_ok sandbox rm -f -t 0 a b
wait_until 10 no_holder || fail "the holder stays"
expect_eq "back ${id:0:4}" \
    "$(sandbox inspect --type network --format '{{.Name}} {{slice .Id 0 4}}' back)"
expect_ok sandbox network prune -f
expect_eq back "$OUT"
expect_eq '' "$(find "$store/networks" -type f ! -name .lock)"
expect_eq 0 "$(pgrep -u "$(id -u)" -cf "sandbox __network $store")"

test_case "what is built in is listed and inspected, and stays"
expect_ok sandbox run -d --name alone $image sleep 1000
expect_eq "bridge bridge alone" "$(sandbox network inspect private \
    --format '{{.Name}} {{.Driver}} {{range .Containers}}{{.Name}}{{end}}')"
expect_eq "$(sandbox inspect -f '{{.NetworkSettings.Gateway}}' alone)" \
    "$(sandbox inspect --type network -f '{{(index .IPAM.Config 0).Gateway}}' private)"
expect_eq "$(sandbox network ls --no-trunc --filter name=host --format '{{.ID}} {{.Driver}}') 0" \
    "$(sandbox network inspect host --format '{{.Id}} {{.Driver}} {{len .IPAM.Config}}')"
expect_eq null "$(sandbox network inspect none --format '{{.Driver}}')"
expect_error 1 'network bridge is built in' sandbox network rm bridge
expect_eq "bridge host none" "$(sandbox network ls --filter type=builtin --format '{{.Name}}' | sort | xargs)"

test_case "docker's scripts find the private network where they look for it, and there alone"
bridge_id=$(sandbox network ls -q --no-trunc --filter name=bridge)
expect_eq "$(sandbox exec alone hostname -i)" \
    "$(sandbox inspect -f '{{.NetworkSettings.Networks.bridge.IPAddress}}' alone)"
expect_eq "bridge $bridge_id bridge" "$(sandbox inspect -f '{{range $name, $net := .NetworkSettings.Networks}}{{
$name}} {{$net.NetworkID}}{{end}} {{.HostConfig.NetworkMode}}' alone)"
for word in bridge private; do
    expect_eq "alone bridge" "$(sandbox ps --filter network=$word --format '{{.Names}} {{.Networks}}')"
    expect_ok sandbox network exists $word
done
expect_eq alone "$(sandbox ps --filter "network=${bridge_id:0:12}" --format '{{.Names}}')"
# shellcheck disable=SC2046  # several words
expect_ok sandbox network inspect --format '{{.Name}}' $(sandbox network ls -q)
for word in bridge host none; do expect_match "(^|"$'\n'")$word" "$OUT"; done
expect_eq bridge "$(sandbox inspect --format '{{.Name}}' "$bridge_id")"
expect_ok sandbox rm -f -t 0 alone

test_case "flags of network create that mean nothing here are taken, and what would isolate is not"
expect_ok sandbox network create --attachable --scope local --ipam-driver default \
    -o com.docker.network.bridge.name=br9 words
expect_eq br9 "$(sandbox network inspect -f '{{index .Options "com.docker.network.bridge.name"}}' words)"
expect_ok sandbox network rm words
expect_error 1 'enable_icc' sandbox network create -o com.docker.network.bridge.enable_icc=false words
expect_error 1 'only local' sandbox network create --scope swarm words

test_case "who has been connected knows the names there at once, however busy the machine is"
expect_ok sandbox network create busy
expect_ok sandbox run -d --name svc --network busy $image sleep 1000
cat >"$WORK/connect.sh" <<'S'
"$SANDBOX_BIN" run -d --name "m$1" localhost/busybox sleep 1000 >/dev/null
for _ in 1 2 3 4 5 6 7 8; do
    "$SANDBOX_BIN" network connect busy "m$1" && "$SANDBOX_BIN" exec "m$1" nslookup svc >/dev/null &&
        "$SANDBOX_BIN" network disconnect busy "m$1" >/dev/null
done
S
expect_eq "" "$(seq 6 | xargs -P 6 -I{} sh "$WORK/connect.sh" {} 2>&1)"
expect_ok sandbox rm -f -t 0 svc m1 m2 m3 m4 m5 m6
expect_ok sandbox network rm busy
