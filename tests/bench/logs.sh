#!/bin/bash
# What logging costs a service that writes 1 GB: the time it takes to write, in a detached container,
# beside the same program into `cat >file`, in turn, with short (80) and long (8000) lines; then with
# a follower beside it. And the supervisor's memory before, in and after a flood.
#   SANDBOX_BIN=… SANDBOX_TESTS=…/tests SANDBOX_TEST_USER=range bash tests/bench/logs.sh [ROUNDS] [BYTES]
. "$SANDBOX_TESTS/support/lib.sh"

rounds=${1:-3}
bytes=${2:-1000000000}
mkdir "$WORK/b"
chmod 777 "$WORK/b"
cc -O2 -static -o "$WORK/b/flood" "$SANDBOX_TESTS/bench/log_flood.c" || exit 1
expect_ok sandbox pull -q "oci:$(image busybox)"

median() { sort -n | sed -n "$((($1 + 1) / 2))p"; }

# As the container has it: a pipe, and a reader that writes what it reads.
run_cat() {
    "$WORK/b/flood" "$bytes" "$1" "$WORK/b/time" | cat >"$WORK/b/plain"
    rm "$WORK/b/plain"
    cat "$WORK/b/time"
}
run_logged() {
    sandbox run -d --name f -v "$WORK/b:/b" localhost/busybox /b/flood "$bytes" "$1" /b/time \
        >/dev/null || exit 1
    if [ "${2:-}" = follow ]; then sandbox logs -f f >/dev/null 2>&1 & fi
    sandbox wait f >/dev/null
    [ "${2:-}" != follow ] || wait $!
    sandbox rm f >/dev/null
    cat "$WORK/b/time"
}

for length in 80 8000; do
    : >"$WORK/cat"; : >"$WORK/log"; : >"$WORK/follow"
    for ((round = 0; round < rounds; round++)); do
        run_cat $length >>"$WORK/cat"
        run_logged $length >>"$WORK/log"
        run_logged $length follow >>"$WORK/follow"
    done
    base=$(median "$rounds" <"$WORK/cat")
    logged=$(median "$rounds" <"$WORK/log")
    followed=$(median "$rounds" <"$WORK/follow")
    echo "lines of $length bytes, $bytes bytes, median of $rounds: cat >file $base ms," \
        "logged $logged ms ($((logged * 100 / base)) %)," \
        "with a follower $followed ms ($((followed * 100 / base)) %)"
    expect_ok test $((logged * 100)) -le $((base * 120))
done

# The supervisor is the parent of the container's first process.
memory() { awk '/^Pss:/ {print $2}' "/proc/$1/smaps_rollup"; }
sandbox run -d --name m -v "$WORK/b:/b" localhost/busybox \
    sh -c "sleep 2; /b/flood $bytes 80 /b/time; sleep 100" >/dev/null
pid=$(awk '/^PPid:/ {print $2}' "/proc/$(sandbox inspect --format '{{.State.Pid}}' m)/status")
sleep 1
before=$(memory "$pid")
most=0
rm -f "$WORK/b/time"
# Awake it has more of the program mapped than asleep; from then on it shall not grow.
until [ "$(memory "$pid")" -gt $((before + 512)) ] || [ -s "$WORK/b/time" ]; do sleep 0.05; done
sleep 0.1
begun=$(memory "$pid")
until [ -s "$WORK/b/time" ]; do
    now=$(memory "$pid")
    [ "$now" -le "$most" ] || most=$now
    sleep 0.1
done
sleep 2
echo "supervisor's memory (PSS): $before KiB before, $begun KiB at the flood's beginning," \
    "at most $most KiB in it, $(memory "$pid") KiB after"
expect_ok test "$most" -le $((begun + 256))
sandbox rm -f m >/dev/null
