#!/bin/bash
# What `exec true` takes in a container that runs, beside nsenter into the very same namespaces and
# other tools in containers of their own, run in turn so that all are disturbed alike. Medians.
#   SANDBOX_BIN=… SANDBOX_TESTS=…/tests SANDBOX_TEST_USER=range|plain bash tests/bench/exec.sh [ROUNDS]
. "$SANDBOX_TESTS/support/lib.sh"

rounds=${1:-200}
cc -O2 -static -o "$WORK/time_many" "$SANDBOX_TESTS/bench/time_many.c" || exit 1
expect_ok sandbox pull -q "oci:$(image busybox)"
"$SANDBOX_BIN" run --name bench localhost/busybox sleep 100000 >/dev/null 2>&1 &
on_exit stop_pid $!
expect_ok wait_until 20 sandbox exec bench true
expect_ok sandbox top bench
pid=$(awk '/sleep 100000/ { print $2 }' <<<"$OUT")
namespaces=(-U -m -p -i -u -n -C)
names=(nsenter sandbox "sandbox -u 0")
commands=(-- nsenter --preserve-credentials -t "$pid" "${namespaces[@]}" /bin/true
    -- "$SANDBOX_BIN" exec bench true
    -- "$SANDBOX_BIN" exec -u 0 bench true)
expect_ok nsenter --preserve-credentials -t "$pid" "${namespaces[@]}" /bin/true

crun_ready() {
    command -v crun >/dev/null || return 1
    mkdir -p "$WORK/crun/rootfs/bin" "$WORK/crun/rootfs"/{proc,sys,dev,tmp}
    cp /bin/busybox "$WORK/crun/rootfs/bin/"
    ln -s busybox "$WORK/crun/rootfs/bin/true"
    ln -s busybox "$WORK/crun/rootfs/bin/sleep"
    (cd "$WORK/crun" && crun spec --rootless) || return 1
    python3 - "$WORK/crun/config.json" <<'PYTHON'
import json, sys
config = json.load(open(sys.argv[1]))
config["process"]["terminal"] = False
config["process"]["args"] = ["/bin/sleep", "100000"]
json.dump(config, open(sys.argv[1], "w"))
PYTHON
    crun --root "$WORK/crun-state" run -d -b "$WORK/crun" probe >/dev/null 2>&1 </dev/null &&
        crun --root "$WORK/crun-state" exec probe /bin/true </dev/null
}
if crun_ready; then
    on_exit crun --root "$WORK/crun-state" delete -f probe
    names+=(crun)
    commands+=(-- crun --root "$WORK/crun-state" exec probe /bin/true)
else
    echo "crun does not run here and is left out"
fi

echo "exec of true, $rounds rounds, user $SANDBOX_TEST_USER, load $(cut -d' ' -f1 /proc/loadavg)"
expect_ok "$WORK/time_many" "$rounds" "${commands[@]}"
first='' i=0
while read -r middle low high; do
    [ -n "$first" ] || first=$middle
    printf '%-14s %8.2f ms  (p10 %.2f, p90 %.2f)  %6.2f x nsenter\n' "${names[i]}" \
        "$(bc <<<"scale=3; $middle/1000")" "$(bc <<<"scale=3; $low/1000")" \
        "$(bc <<<"scale=3; $high/1000")" "$(bc <<<"scale=3; $middle/$first")"
    i=$((i + 1))
done <<<"$OUT"
