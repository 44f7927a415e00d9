#!/bin/bash
# What a launch takes: `true` in a cached busybox image with all defaults on, beside a bare C floor
# and other tools, run in turn so that all are disturbed alike. Medians, with ratios to the floor.
# Run it as an ordinary user, once with a subordinate id range and once without; as root,
# tests/bench/run.sh steps down to one of the test users:
#   SANDBOX_BIN=… [QUIET=1] sh tests/bench/run.sh range|plain launch.sh [ROUNDS]
# (QUIET: see time_many.c)
#
# Rows. floor: floor.c, which says what it does; the id maps as the user's kind demands. sandbox: all
# defaults, which are a network of its own behind a gateway and, for one id, emulated identities. no
# network: --network none, as all the others have it; as in truth: without the emulation. bwrap: with
# like mounts (launch_peers.sh says what is like and what is not) and one id, which is all that bwrap
# maps itself. bwrap, range: the same, with the range mapped through newuidmap and newgidmap, as
# sandbox does it for a user who has one. bwrap, bare: a root, /proc, /dev, /tmp, mqueue and nothing
# else. So for a user with a range "bwrap, range" is what compares with sandbox, otherwise "bwrap".
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/bench/launch_peers.sh"

rounds=${1:-100}
kind=range
[ "$SANDBOX_TEST_USER" = range ] || kind=single
export USER
USER=$(id -un)

for program in floor time_many bwrap_range; do
    cc -O2 -static -o "$WORK/$program" "$SANDBOX_TESTS/bench/$program.c" || exit 1
done
make_bundle
expect_ok sandbox pull -q "oci:$(image busybox)"
expect_ok sandbox run localhost/busybox true
write_filter

names=(floor sandbox "no network")
commands=(-- "$WORK/floor" "$kind" "$WORK/bundle" /bin/true
    -- "$SANDBOX_BIN" run localhost/busybox true
    -- "$SANDBOX_BIN" run --network none localhost/busybox true)
if [ "$kind" = single ]; then
    names+=("as in truth")
    commands+=(-- "$SANDBOX_BIN" run --network none --identity fake localhost/busybox true)
fi
if bwrap_ready; then
    names+=(bwrap "bwrap, bare")
    commands+=(-- "9<$WORK/filter.bpf" bwrap "${BWRAP[@]}" /bin/true
        -- bwrap --unshare-all --ro-bind "$WORK/bundle/lower" / --proc /proc --dev /dev
        --tmpfs /tmp --mqueue /dev/mqueue --hostname x /bin/true)
    if [ "$kind" = range ]; then
        names+=("bwrap, range")
        commands+=(-- "9<$WORK/filter.bpf" "$WORK/bwrap_range" --unshare-user --uid 0 --gid 0
            "${BWRAP[@]}" /bin/true)
    fi
fi
if crun_ready; then
    names+=(crun)
    commands+=(-- crun --root "$WORK/crun-state" run -b "$WORK/crun" bench)
else
    echo "crun does not run here and is left out: $PEER_WHY"
fi
slow_names=() slow=()
if podman_ready; then
    slow_names=("no network" podman)
    slow=(-- "$SANDBOX_BIN" run --network none localhost/busybox true
        -- "${PODMAN[@]}" run --rm --network none localhost/busybox true)
else
    echo "podman does not run here and is left out: $PEER_WHY"
fi

show() { # BASE NAMES… < numbers
    local base=$1 first='' i=0 middle low high
    shift
    while read -r middle low high; do
        [ -n "$first" ] || first=$middle
        printf '%-14s %8.2f ms  (p10 %.2f, p90 %.2f)  %6.2f x %s\n' "${@:i+1:1}" \
            "$(bc <<<"scale=3; $middle/1000")" "$(bc <<<"scale=3; $low/1000")" \
            "$(bc <<<"scale=3; $high/1000")" "$(bc <<<"scale=3; $middle/$first")" "$base"
        i=$((i + 1))
    done
}

time_many() { timeout -k 5 900 "$WORK/time_many" "$@" </dev/null; }

echo "launch of true, $rounds rounds, ids: $kind, load $(cut -d' ' -f1 /proc/loadavg)"
expect_ok time_many "$rounds" "${commands[@]}"
show floor "${names[@]}" <<<"$OUT"
if [ ${#slow[@]} -gt 0 ]; then
    expect_ok time_many $((rounds / 10 + 3)) "${slow[@]}"
    show ours "${slow_names[@]}" <<<"$OUT"
fi

echo "launch and the number of layers"
layer_names=() layer_commands=()
for count in 1 20 127; do
    options=(--layer busybox)
    for ((i = 1; i < count; ++i)); do
        printf '{"path": "f%d", "type": "file", "data": "%d"}\n' "$i" "$i" >"$WORK/e$i"
        options+=(--layer "entries:$WORK/e$i")
    done
    expect_ok make_image "$WORK/layers$count" "${options[@]}"
    expect_ok sandbox pull -q "oci:$WORK/layers$count"
    layer_names+=("$count layers")
    layer_commands+=(-- "$SANDBOX_BIN" run "localhost/layers$count" true)
done
expect_ok time_many $((rounds / 2 + 1)) "${layer_commands[@]}"
show "1 layer" "${layer_names[@]}" <<<"$OUT"
