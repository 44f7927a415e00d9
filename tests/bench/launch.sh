#!/bin/bash
# What a launch takes: `true` in a cached busybox image with all defaults on, beside a bare C floor
# and other tools, run in turn so that all are disturbed alike. Medians, with ratios to the floor.
# Run it as an ordinary user, once with a subordinate id range and once without:
#   SANDBOX_BIN=… SANDBOX_TESTS=…/tests SANDBOX_TEST_USER=range|plain bash tests/bench/launch.sh [ROUNDS]
. "$SANDBOX_TESTS/support/lib.sh"

rounds=${1:-100}
kind=range
[ "$SANDBOX_TEST_USER" = range ] || kind=single
export USER
USER=$(id -un)

cc -O2 -static -o "$WORK/floor" "$SANDBOX_TESTS/bench/floor.c" || exit 1
cc -O2 -static -o "$WORK/time_many" "$SANDBOX_TESTS/bench/time_many.c" || exit 1

# A root for those who take a directory.
mkdir -p "$WORK/bundle/lower/bin" "$WORK/bundle/merged"
cp /bin/busybox "$WORK/bundle/lower/bin/"
ln -s busybox "$WORK/bundle/lower/bin/true"
mkdir "$WORK/bundle/lower"/{proc,sys,dev,tmp}

expect_ok sandbox pull -q "oci:$(image busybox)"
names=(floor sandbox)
commands=(-- "$WORK/floor" "$kind" "$WORK/bundle" /bin/true
    -- "$SANDBOX_BIN" run localhost/busybox true)
if command -v bwrap >/dev/null; then
    names+=(bwrap)
    commands+=(-- bwrap --unshare-all --ro-bind "$WORK/bundle/lower" / --proc /proc --dev /dev
        --tmpfs /tmp --mqueue /dev/mqueue --hostname x /bin/true)
fi

crun_ready() {
    command -v crun >/dev/null || return 1
    mkdir -p "$WORK/crun/rootfs"
    cp -a "$WORK/bundle/lower/." "$WORK/crun/rootfs/"
    (cd "$WORK/crun" && crun spec --rootless) || return 1
    python3 - "$WORK/crun/config.json" <<'PYTHON'
import json, sys
config = json.load(open(sys.argv[1]))
config["process"]["terminal"] = False
config["process"]["args"] = ["/bin/true"]
config["linux"].setdefault("seccomp", None)
json.dump({k: v for k, v in config.items()}, open(sys.argv[1], "w"))
PYTHON
    crun --root "$WORK/crun-state" run -b "$WORK/crun" probe >/dev/null 2>&1 </dev/null
}
if crun_ready; then
    names+=(crun)
    commands+=(-- crun --root "$WORK/crun-state" run -b "$WORK/crun" bench)
else
    echo "crun does not run here and is left out"
fi

podman_ready() {
    command -v podman >/dev/null || return 1
    skopeo --insecure-policy --tmpdir "$WORK" copy -q "oci:$(image busybox):latest" \
        "docker-archive:$WORK/busybox.tar:localhost/busybox:latest" &&
        podman load -q -i "$WORK/busybox.tar" >/dev/null 2>&1 &&
        podman run --rm --network none localhost/busybox true 2>/dev/null
}
slow_names=() slow=()
if podman_ready; then
    slow_names=(sandbox podman)
    slow=(-- "$SANDBOX_BIN" run localhost/busybox true
        -- podman run --rm --network none localhost/busybox true)
else
    echo "podman does not run here and is left out"
fi

show() { # BASE NAMES… < numbers
    local base=$1 first='' i=0 middle low high
    shift
    while read -r middle low high; do
        [ -n "$first" ] || first=$middle
        printf '%-28s %8.2f ms  (p10 %.2f, p90 %.2f)  %6.2f x %s\n' "${@:i+1:1}" \
            "$(bc <<<"scale=3; $middle/1000")" "$(bc <<<"scale=3; $low/1000")" \
            "$(bc <<<"scale=3; $high/1000")" "$(bc <<<"scale=3; $middle/$first")" "$base"
        i=$((i + 1))
    done
}

echo "launch of true, $rounds rounds, ids: $kind, load $(cut -d' ' -f1 /proc/loadavg)"
expect_ok "$WORK/time_many" "$rounds" "${commands[@]}"
show floor "${names[@]}" <<<"$OUT"
if [ ${#slow[@]} -gt 0 ]; then
    expect_ok "$WORK/time_many" $((rounds / 10 + 3)) "${slow[@]}"
    show sandbox "${slow_names[@]}" <<<"$OUT"
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
expect_ok "$WORK/time_many" $((rounds / 2 + 1)) "${layer_commands[@]}"
show "1 layer" "${layer_names[@]}" <<<"$OUT"
