#!/bin/bash
# A project's services find each other by name, and nobody else does.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
expect_ok sandbox tag "$OUT" busybox
mkdir -p "$WORK/one/shop" "$WORK/two/shop"
port=$((20000 + RANDOM % 20000))
fetch() { sandbox exec "$1" wget -q -O - "$2"; }
profile() { # WORD MORE
    cat <<EOF
name = "shop"
[services.web]
image = "busybox"
aliases = ["www"]
command = ["sh", "-c", "mkdir /www; echo $1 >/www/page; exec httpd -f -p 80 -h /www"]
expose = [80]
$2
[services.client]
image = "busybox"
depends_on = ["web"]
command = ["sleep", "1000"]
stop_signal = "KILL"
[services.side]
image = "busybox"
network_mode = "service:web"
command = ["sleep", "1000"]
stop_signal = "KILL"
[tasks.probe]
image = "busybox"
depends_on = ["web"]
command = ["wget", "-q", "-O", "-", "http://web/page"]
EOF
}
cd "$WORK/one/shop" || exit 1
on_exit sandbox down -q -t 0 -f "$WORK/one/shop/sandbox.toml"
on_exit sandbox down -q -t 0 -f "$WORK/two/shop/sandbox.toml"

test_case "services know each other by service name, alias and container name"
profile first "ports = [\"$port:80\"]" >sandbox.toml
run_rc sandbox up -d
expect_eq 0 "$RC" "$ERR"
expect_match 'network default +creating shop_default' "$ERR"
expect_eq "first" "$(sandbox logs shop-probe-1)"
for name in web www shop-web-1; do
    expect_eq first "$(fetch client "http://$name/page")"
done
address=$(sandbox inspect --format '{{.NetworkSettings.Networks.shop_default.IPAddress}}' shop-web-1)
expect_match 'name = shop-web-1$' "$(sandbox exec client nslookup "$address")"
expect_eq first "$(fetch side http://127.0.0.1/page)"
expect_eq first "$(curl -s --max-time 5 "http://127.0.0.1:$port/page")"
expect_eq shop "$(sandbox network inspect shop_default \
    --format '{{index .Labels "com.docker.compose.project"}}')"

test_case "compose ps --format json has the keys of compose"
json=$(sandbox compose ps --format json web)
for part in '"Name":"shop-web-1"' '"Names":"shop-web-1"' '"Service":"web"' '"Project":"shop"' \
    '"State":"running"' '"Health":""' '"ExitCode":0[,}]'; do
    expect_match "$part" "$json"
done
expect_match "\"Publishers\":\[\{\"URL\":\"127.0.0.1\",\"TargetPort\":80,\"PublishedPort\":$port,\"Protocol\":\"tcp\"\}\]" "$json"
expect_match '"Publishers":\[\]' "$(sandbox compose ps --format json client)"
expect_match '"ExitCode":0,.*"State":"exited"' "$(sandbox compose ps -a --format json probe)"
expect_eq "shop-web-1 0 80" "$(sandbox compose ps \
    --format '{{.Name}} {{.ExitCode}} {{range .Publishers}}{{.TargetPort}}{{end}}' web)"
expect_no_match 'Publishers|ExitCode|"Name"' "$(sandbox ps --format json --filter name=shop-web-1)"

test_case "so do one-off runs; up again changes nothing"
expect_eq first "$(sandbox run-task probe)"
before=$(sandbox ps -q | sort)
expect_ok sandbox up -d -q
expect_eq "$before" "$(sandbox ps -q | sort)"

test_case "a one-off run does not take the service's names, unless it is asked to"
web=$(sandbox inspect --format '{{.NetworkSettings.Networks.shop_default.IPAddress}}' shop-web-1)
addresses() { sed -n 's/^Address[ 0-9]*: *\(10\.[0-9.]*\)$/\1/p' | sort; }
expect_eq first "$(sandbox compose run --rm -T web wget -q -O - http://web/page)"
expect_ok sandbox compose run --rm -d --name passing web sleep 1000
expect_eq "$web" "$(sandbox exec client nslookup -type=a web | addresses)"
expect_eq "$web" "$(sandbox exec client nslookup -type=a www | addresses)"
expect_rc 0 sandbox exec client nslookup -type=a passing
expect_ok sandbox compose restart -t 0 web
expect_eq running "$(sandbox inspect --format '{{.State.Status}}' passing)" "what is run beside a service stays"
expect_ok sandbox rm -f passing
expect_ok sandbox compose run --rm -d --use-aliases --name passing web sleep 1000
expect_eq 2 "$(sandbox exec client nslookup -type=a www | addresses | wc -l)"
expect_ok sandbox rm -f passing

test_case "replicas are answered all"
expect_ok sandbox up -d -q --scale web=1 --scale client=3
expect_eq 3 "$(sandbox exec shop-web-1 nslookup -type=a client | grep -c 'Address: 10\.')"

test_case "another checkout of the project runs beside it and does not meet it"
cd "$WORK/two/shop" || exit 1
profile second '' >sandbox.toml
expect_ok sandbox up -d -q
expect_eq second "$(fetch client http://web/page)"
expect_eq first "$(cd "$WORK/one/shop" && fetch client http://web/page)"
run_rc sandbox exec client sh -c "printf 'GET /page HTTP/1.0\\r\\n\\r\\n' | nc -w 3 $address 80"
expect_no_match first "$OUT"
expect_rc 1 sandbox exec client nslookup -type=a shop-web-1
expect_eq 2 "$(sandbox network ls --format '{{.Name}}' | grep -c '^shop.*_default$')"
expect_ok sandbox down -q -t 0
expect_rc 1 sandbox network exists "$(sandbox config --format json | sed -n 's/.*"name": *"\(shop-[0-9a-f]*\)".*/\1/p' | head -n 1)_default"

test_case "networks of its own: fixed addresses, internal ones, several"
cd "$WORK/one/shop" || exit 1
expect_ok sandbox down -q -t 0
expect_eq '' "$(sandbox network ls -q --filter type=custom)"
cat >sandbox.toml <<'EOF'
name = "shop"
[networks.front]
[networks.back]
internal = true
subnet = "10.77.5.0/24"
[services.db]
image = "busybox"
command = ["httpd", "-f", "-p", "80", "-h", "/etc"]
expose = [80]
networks = { back = { ipv4_address = "10.77.5.9", aliases = ["sql"] } }
[services.app]
image = "busybox"
depends_on = ["db"]
command = ["sleep", "1000"]
volumes = ["/kept"]
networks = ["front", "back"]
[services.cache]
image = "busybox"
command = ["sleep", "1000"]
networks = ["front"]
EOF
expect_ok sandbox up -d -q
expect_match 'Address: 10\.77\.5\.9([^0-9]|$)' "$(sandbox exec app nslookup -type=a sql)"
expect_match "^db" "$(sandbox exec app sh -c 'wget -q -O /dev/null http://db/hostname && echo db')"
expect_rc 1 sandbox exec cache nslookup -type=a db
expect_match 'default via 10\.89\.' "$(sandbox exec app ip route)"

test_case "a network that has changed is made anew; what is on it starts again and keeps its files"
expect_ok sandbox exec app sh -c 'echo volume >/kept/word; echo layer >/word'
before=$(sandbox ps -q app)
sed -i 's/10\.77\.5\./10.78.5./' sandbox.toml
run_rc sandbox up -d
expect_eq 0 "$RC" "$ERR"
expect_match 'its network "shop_back" has changed' "$ERR"
expect_match 'Address: 10\.78\.5\.9([^0-9]|$)' "$(sandbox exec app nslookup -type=a db)"
expect_eq "$before" "$(sandbox ps -q app)"
expect_eq volume "$(sandbox exec app cat /kept/word)"
expect_eq layer "$(sandbox exec app cat /word)"

test_case "external networks are used, and stay; one that is not there is an error"
cat >sandbox.toml <<'EOF'
name = "shop"
[networks.common]
external = true
[services.app]
image = "busybox"
command = ["sleep", "1000"]
networks = ["common"]
EOF
expect_ok sandbox down -q -t 0 --remove-orphans
run_rc sandbox up -d
expect_eq 2 "$RC"
expect_match 'sandbox.toml:4: "app": there is no network "common", which is external' "$ERR"
expect_ok sandbox network create common
expect_ok sandbox up -d -q
expect_eq common "$(sandbox ps --format '{{.Networks}}')"
expect_ok sandbox down -q -t 0
expect_ok sandbox network rm common
