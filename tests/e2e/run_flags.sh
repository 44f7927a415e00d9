#!/bin/bash
# Every flag of `run` that no other script looks at: what it does, seen from inside, and what it says
# to a wrong value.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox
run() { "$SANDBOX_BIN" run "$@"; }
wrong() { # REGEX FLAG…: 125 and one line
    local regex=$1
    shift
    expect_error 125 "$regex" sandbox run "$@" $run_image true
}

test_case "command, entrypoint and what the image says of them"
make_image "$WORK/entry" --layer busybox --entrypoint '["echo", "entry"]' --cmd '["cmd"]' --workdir /tmp \
    --label from=image --stop-signal USR1
expect_ok sandbox pull -q "oci:$WORK/entry"
expect_eq "entry cmd" "$(run localhost/entry)"
expect_eq "entry a b" "$(run localhost/entry a b)"
expect_eq "b" "$(run --entrypoint echo localhost/entry b)"
expect_eq "" "$(run --entrypoint echo localhost/entry)"
expect_eq "/tmp" "$(run --entrypoint '' localhost/entry pwd)"
expect_error 125 'no command' sandbox run --entrypoint '' $run_image
expect_eq "-x --rm -- -c" "$(run $run_image echo -x --rm -- -c)" "flags stop at the image"

test_case "--workdir is made when it is missing, as the user's own"
expect_eq "/a/b c" "$(run -w '/a/b c' $run_image pwd)"
expect_ok sandbox run -u user -w /made/here $run_image touch x
[ "$SANDBOX_TEST_USER" = plain ] || expect_eq 0 "$(run -u user -w /new/../etc $run_image stat -c %u /etc)" "what was there keeps its owner"
wrong 'must be an absolute path' -w rel
expect_error 126 'not a directory' sandbox run -w /etc/passwd $run_image true

test_case "--hostname, --add-host, --dns and --no-hosts"
expect_eq "web.example" "$(run --hostname web.example $run_image hostname)"
expect_match 'web' "$(run --hostname web $run_image cat /etc/hostname)"
expect_match '^10\.[0-9]+\.[0-9]+\.2$' "$(run --hostname web $run_image awk \
    '$2 == "web" { print $1 }' /etc/hosts)"
expect_match '^10\.[0-9]+\.[0-9]+\.1$' "$(run --add-host up:host-gateway $run_image awk \
    '$2 == "up" { print $1 }' /etc/hosts)"
expect_eq "127.0.0.1" "$(run --network none --hostname web $run_image awk '$2 == "web" { print $1 }' /etc/hosts)"
expect_eq "12" "$(run $run_image hostname | tr -d '\n' | wc -c)"
expect_match $'192.0.2.7\tdb' "$(run --add-host db:192.0.2.7 $run_image cat /etc/hosts)"
expect_match $'2001:db8::1\tdb' "$(run --add-host db=2001:db8::1 $run_image cat /etc/hosts)"
expect_eq $'search a b\nnameserver 192.0.2.53\noptions ndots:2' \
    "$(run --dns 192.0.2.53 --dns-search a --dns-search b --dns-option ndots:2 $run_image cat /etc/resolv.conf)"
expect_no_match localhost "$(run --no-hosts $run_image cat /etc/hosts 2>&1)"
wrong 'no address' --add-host db
wrong 'not an IP address' --dns resolver
wrong 'not a host name' --hostname 'a b'
wrong 'no way to the host' --network none --add-host a:host-gateway
wrong 'contradict' --no-hosts --add-host a:192.0.2.1

test_case "--network"
expect_eq $'eth0\nlo' "$(run $run_image sh -c 'ls /sys/class/net')"
expect_eq $'eth0\nlo' "$(run --network bridge $run_image sh -c 'ls /sys/class/net')"
expect_eq "lo" "$(run --network none $run_image sh -c 'ls /sys/class/net')"
expect_match '^0[[:blank:]]+(0|65536)$' "$(run $run_image cat /proc/sys/net/ipv4/ping_group_range)"
expect_eq "$(ls /sys/class/net | sort)" "$(run --network host $run_image sh -c 'ls /sys/class/net' | sort)"
expect_eq "$(uname -n)" "$(run --network host $run_image hostname)"
wrong 'network brigde not found' --network brigde
wrong 'needs root' --network macvlan
wrong 'needs root' --net overlay

test_case "limits: --ulimit, --shm-size, --pids-limit"
expect_eq "100 200" "$(run --ulimit nofile=100:200 $run_image sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)')"
expect_eq "0" "$(run $run_image sh -c 'ulimit -c')"
expect_eq "1024" "$(run $run_image sh -c 'ulimit -Sn')"
expect_eq "5" "$(run --ulimit cpu=5 $run_image sh -c 'ulimit -t')"
expect_match 'size=1024k' "$(run --shm-size 1m $run_image grep /dev/shm /proc/mounts)"
expect_match 'size=65536k' "$(run $run_image grep /dev/shm /proc/mounts)"
expect_rc 2 timeout 60 "$SANDBOX_BIN" run --pids-limit 20 $run_image sh -c \
    'i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i + 1)); done'
expect_match "can't fork" "$ERR"
wrong 'unknown limit' --ulimit nofiles=5
wrong 'your own hard limit' --strict-limits --ulimit nofile=999999999
run_rc sandbox run -d --name most --ulimit nofile=999999999 $run_image sh -c 'ulimit -Hn'
expect_eq 1 "$(grep -c 'is above your own hard limit of' <<<"$ERR")"
sandbox wait most >/dev/null
expect_eq "$(ulimit -Hn)" "$(sandbox logs most)"
expect_ok sandbox start -a most
expect_eq "" "$ERR"
expect_ok sandbox rm most
run_rc sandbox run -d --name most --network host -p 80:80 $run_image true
expect_eq 1 "$(grep -c "mean nothing with the host's network" <<<"$ERR")"
expect_ok sandbox rm -f most
wrong 'soft limit is above' --ulimit nofile=9:3
wrong 'not a size' --shm-size big
wrong 'not a number of processes' --pids-limit many

test_case "capabilities and --security-opt"
expect_match $'CapEff:\t0000000000000000' "$(run --cap-drop ALL $run_image cat /proc/self/status)"
expect_match $'CapEff:\t0000000000000400' "$(run --cap-drop all --cap-add net_bind_service $run_image cat /proc/self/status)"
expect_match $'NoNewPrivs:\t1' "$(run --security-opt no-new-privileges $run_image cat /proc/self/status)"
expect_match $'NoNewPrivs:\t0' "$(run $run_image cat /proc/self/status)"
expect_match $'Seccomp:\t2' "$(run $run_image cat /proc/self/status)"
expect_ok sandbox run --security-opt label=disable --security-opt apparmor=unconfined $run_image true
cat >"$WORK/seccomp.json" <<'JSON'
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
JSON
expect_ok sandbox run --security-opt "seccomp=$WORK/seccomp.json" $run_image sh -c '! mkdir /x 2>/dev/null'
expect_ok sandbox run --security-opt seccomp=unconfined $run_image mkdir /x
wrong 'did you mean "NET_ADMIN"' --cap-add NET_ADMN
wrong 'did you mean "seccomp"' --security-opt secomp=x
wrong 'no such file' --security-opt seccomp=/no/such/file

test_case "--read-only, --init=false, --sysctl, --tmpfs"
expect_rc 1 sandbox run --read-only $run_image touch /x
expect_eq 1 "$(run --init=false $run_image sh -c 'echo $$')"
expect_ne 1 "$(run --init $run_image sh -c 'echo $$')"
expect_eq 77 "$(run --sysctl net.core.somaxconn=77 $run_image cat /proc/sys/net/core/somaxconn)"
wrong 'belongs to the whole host' --sysctl kernel.core_pattern=x
wrong 'no "="' --sysctl net.core.somaxconn

test_case "labels: the image's, --label, --label-file"
printf '# c\nfile=1\nboth=file\n' >"$WORK/labels"
expect_ok sandbox run --name labelled --label both=flag --label-file "$WORK/labels" localhost/entry
expect_match '"both":"flag"' "$(sandbox inspect --format '{{json .Config.Labels}}' labelled)"
expect_match '"file":"1"' "$(sandbox inspect --format '{{json .Config.Labels}}' labelled)"
expect_match '"from":"image"' "$(sandbox inspect --format '{{json .Config.Labels}}' labelled)"
expect_eq SIGUSR1 "$(sandbox inspect --format '{{.Config.StopSignal}}' labelled)"
expect_ok sandbox rm labelled
wrong 'a label needs a key' --label =x
wrong 'invalid signal: FOO' --stop-signal FOO

test_case "what is refused says why"
wrong 'no such file or directory' --device /dev/no-such-device
wrong 'root in the container is always you' --userns keep-id
wrong 'not a container name' --name 'a b'
wrong 'not a container name' --name "$(printf 'x%.0s' $(seq 300))"
wrong 'needs --name' --replace
expect_error 2 'unknown flag: --rn' sandbox run --rn $run_image true

test_case "--pull"
expect_ok sandbox run --pull never $run_image true
expect_eq "" "$ERR"
expect_error 125 'no such image' sandbox run --pull never nosuchimage true
expect_error 125 'pull policy' sandbox run --pull perhaps $run_image true
start_registry
push_busybox
expect_ok sandbox run -q "$REGISTRY/busybox" true
requests=$(count_requests GET)
expect_ok sandbox run "$REGISTRY/busybox" true
expect_eq "$requests" "$(count_requests GET)" "a cached image needs no network"
expect_ok sandbox run -q --pull always "$REGISTRY/busybox" true
expect_ne "$requests" "$(count_requests GET)"
stop_registry
expect_ok sandbox run "$REGISTRY/busybox" true
