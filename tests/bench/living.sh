#!/bin/bash
# How long `run -d` takes until it returns, beside a foreground launch; start, stop, exec-free
# listing with many containers; run in turn so that all are disturbed alike. Medians.
#   SANDBOX_BIN=… SANDBOX_TESTS=…/tests SANDBOX_TEST_USER=range|plain bash tests/bench/living.sh [ROUNDS]
. "$SANDBOX_TESTS/support/lib.sh"

rounds=${1:-40}
export USER
USER=$(id -un)
cc -O2 -static -o "$WORK/time_many" "$SANDBOX_TESTS/bench/time_many.c" || exit 1
expect_ok sandbox pull -q "oci:$(image busybox)"

show() { # NAMES… < numbers of time_many; ratios to the first
    local first='' i=0 middle low high
    while read -r middle low high; do
        [ -n "$first" ] || first=$middle
        printf '%-34s %8.2f ms  (p10 %.2f, p90 %.2f)  %6.2f x\n' "${@:i+1:1}" \
            "$(bc <<<"scale=3; $middle/1000")" "$(bc <<<"scale=3; $low/1000")" \
            "$(bc <<<"scale=3; $high/1000")" "$(bc <<<"scale=3; $middle/$first")"
        i=$((i + 1))
    done
}

figures() { grep -E '^[0-9]+ [0-9]+ [0-9]+$' <<<"$OUT"; } # ids are printed, too

echo "until run -d returns, $rounds rounds, load $(cut -d' ' -f1 /proc/loadavg)"
names=("foreground run of true" "run -d --rm of true")
commands=(-- "$SANDBOX_BIN" run localhost/busybox true
    -- "$SANDBOX_BIN" run -d --rm localhost/busybox true)
if command -v podman >/dev/null &&
    skopeo --insecure-policy --tmpdir "$WORK" copy -q "oci:$(image busybox):latest" \
        "docker-archive:$WORK/busybox.tar:localhost/busybox:latest" &&
    podman load -q -i "$WORK/busybox.tar" >/dev/null 2>&1 &&
    podman run -d --rm --network none localhost/busybox true >/dev/null 2>&1; then
    names+=("podman run -d --rm of true")
    commands+=(-- podman run -d --rm --network none localhost/busybox true)
else
    echo "podman does not run here and is left out"
fi
expect_ok "$WORK/time_many" "$rounds" "${commands[@]}"
show "${names[@]}" < <(figures)

echo "a life: start, stop of a payload that obeys, with a container that is kept"
expect_ok sandbox create --name cycle localhost/busybox sleep 3600
cat >"$WORK/cycle" <<SCRIPT
#!/bin/sh
"$SANDBOX_BIN" start cycle && "$SANDBOX_BIN" kill cycle
SCRIPT
chmod +x "$WORK/cycle"
expect_ok "$WORK/time_many" "$rounds" -- "$WORK/cycle"
show "start and kill" < <(figures)
expect_ok sandbox rm cycle
