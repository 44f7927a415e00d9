#!/bin/sh
# own_network.sh PEER RESOLV_CONF UID GID IPV6 COMMAND…: as root, runs the command in a network
# namespace of its own, whose network is the same on every machine:
#   eth0   198.51.100.2/24, 2001:db8:1::2/64; the neighbour has .1 and ::1
#   beyond the neighbour: 203.0.113.1 and 2001:db8:2::1: no way there (it says); .2, ::2: forbidden
#          (it says); .3, ::3: nobody answers. There is no way to anywhere else.
# The neighbour runs what is written to the pipe PEER, a shell line each, as that user.
# IPV6 is yes, or no: then this host has it switched off.
# /etc/resolv.conf is the file RESOLV_CONF, which the command may write.
set -eu
if [ -z "${OWN_NETWORK:-}" ]; then
    exec env OWN_NETWORK=1 unshare --net --mount --propagation private sh "$0" "$@"
fi
peer=$1 resolv_conf=$2 uid=$3 gid=$4 ipv6=$5
shift 5
mkfifo -m 600 "$peer"
chown "$uid:$gid" "$peer"
# shellcheck disable=SC2016  # for the inner shell
unshare --net --pid --fork --kill-child setpriv --reuid "$uid" --regid "$gid" --clear-groups \
    sh -c 'while [ -p "$0" ]; do while read -r line; do sh -c "$line" & done <"$0"; done' "$peer" 2>/dev/null &
neighbour=$!
# Its shell is the first process of a pid namespace: all that it has started ends with it.
trap 'kill -9 $(pgrep -P $neighbour)' EXIT
trap 'exit 143' HUP INT TERM
while [ "$(readlink "/proc/$neighbour/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do
    sleep 0.05
done
there() { nsenter --net="/proc/$neighbour/ns/net" "$@"; }
: >"$resolv_conf"
chown "$uid:$gid" "$resolv_conf"
mount --bind "$resolv_conf" /etc/resolv.conf

ip link set lo up
ip link add eth0 type veth peer name eth0 netns "$neighbour"
ip address add 198.51.100.2/24 dev eth0
ip -6 address add 2001:db8:1::2/64 dev eth0 nodad
ip link set eth0 up
there sh -eu -c '
    ip link set lo up
    ip address add 198.51.100.1/24 dev eth0
    ip -6 address add 2001:db8:1::1/64 dev eth0 nodad
    ip link set eth0 up
    sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
        net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
    for prefix in 203.0.113. 2001:db8:2::; do
        ip route add unreachable "${prefix}1"
        ip route add prohibit "${prefix}2"
        ip route add blackhole "${prefix}3"
    done'
ip route add 203.0.113.0/24 via 198.51.100.1
ip -6 route add 2001:db8:2::/64 via 2001:db8:1::1
if [ "$ipv6" = no ]; then
    sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
fi
# Ports in TIME_WAIT are used again, as where there are many short connections.
sysctl -q -w net.ipv4.ping_group_range="0 2147483647" net.ipv4.ip_unprivileged_port_start=53 \
    net.ipv4.tcp_tw_reuse=1 net.ipv4.ip_local_port_range="20000 65535"
rc=0
"$@" || rc=$?
exit "$rc"
