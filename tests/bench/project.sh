#!/bin/bash
# Projects: three small services with dependencies from `up -d` to all ready, and `down`; beside the
# same with podman-compose and `podman play kube`, when they run here; many services, and what their
# supervisors keep in memory. Medians.
#   SANDBOX_BIN=… sh tests/bench/run.sh range|plain project.sh [ROUNDS [SERVICES]]
. "$SANDBOX_TESTS/support/lib.sh"

rounds=${1:-20} many=${2:-100}
cc -O2 -static -o "$WORK/time_many" "$SANDBOX_TESTS/bench/time_many.c" || exit 1
expect_ok sandbox pull -q "oci:$(image busybox)"
expect_ok sandbox tag "$OUT" busybox
mkdir "$WORK/p"
cd "$WORK/p" || exit 1
on_exit sandbox down -q -t 0 -f "$WORK/p/sandbox.toml"

now_us() { echo $(($(date +%s%N) / 1000)); }
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
took() { # COMMAND…: microseconds
    local start
    start=$(now_us)
    "$@" >/dev/null 2>"$WORK/err" || { cat "$WORK/err" >&2 && exit 1; }
    echo $(($(now_us) - start))
}
show() { # LABEL UP DOWN, in microseconds
    printf '%-40s up %8.1f ms   down %8.1f ms\n' "$1" "$(bc <<<"scale=2; $2/1000")" \
        "$(bc <<<"scale=2; $3/1000")"
}

cat >sandbox.toml <<'EOF'
name = "p"
[services.db]
image = "busybox"
command = ["httpd", "-f", "-p", "5432"]
expose = [5432]
stop_signal = "KILL"
[services.cache]
image = "busybox"
command = ["httpd", "-f", "-p", "6379"]
expose = [6379]
stop_signal = "KILL"
[services.web]
image = "busybox"
depends_on = ["db", "cache"]
command = ["httpd", "-f", "-p", "8080"]
expose = [8080]
stop_signal = "KILL"
EOF
echo "three services, the third when two listen; $rounds rounds, load $(cut -d' ' -f1 /proc/loadavg)"
ups=() downs=()
for ((i = 0; i < rounds; i++)); do
    ups+=("$(took "$SANDBOX_BIN" up -d -q)")
    downs+=("$(took "$SANDBOX_BIN" down -q)")
done
show sandbox "$(printf '%s\n' "${ups[@]}" | median)" "$(printf '%s\n' "${downs[@]}" | median)"

podman_works() {
    command -v podman >/dev/null &&
        skopeo --insecure-policy --tmpdir "$WORK" copy -q "oci:$(image busybox):latest" \
            "docker-archive:$WORK/busybox.tar:localhost/busybox:latest" &&
        podman load -q -i "$WORK/busybox.tar" >/dev/null 2>&1 &&
        podman run -d --rm --network none localhost/busybox true >/dev/null 2>&1
}
few=3
if podman_works; then
    cat >compose.yaml <<'EOF'
services:
  db: { image: localhost/busybox, command: [httpd, -f, -p, "5432"], stop_signal: KILL, network_mode: none }
  cache: { image: localhost/busybox, command: [httpd, -f, -p, "6379"], stop_signal: KILL, network_mode: none }
  web: { image: localhost/busybox, command: [httpd, -f, -p, "8080"], stop_signal: KILL, network_mode: none, depends_on: [db, cache] }
EOF
    {
        printf 'apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec:\n  hostNetwork: true\n  containers:\n'
        for port in 15432 16379 18080; do
            echo "  - { name: s$port, image: localhost/busybox, command: [httpd, -f, -p, \"$port\"] }"
        done
    } >pod.yaml
    if command -v podman-compose >/dev/null && podman-compose up -d >"$WORK/said" 2>&1; then
        podman-compose down -t 0 >/dev/null 2>&1
        ups=() downs=()
        for ((i = 0; i < few; i++)); do
            ups+=("$(took podman-compose up -d)")
            downs+=("$(took podman-compose down -t 0)")
        done
        show podman-compose "$(printf '%s\n' "${ups[@]}" | median)" "$(printf '%s\n' "${downs[@]}" | median)"
    else
        echo "podman-compose does not run here and is left out: $(tail -n 1 "$WORK/said" 2>/dev/null)"
    fi
    if podman play kube pod.yaml >"$WORK/said" 2>&1; then
        podman play kube --down pod.yaml >/dev/null 2>&1
        ups=() downs=()
        for ((i = 0; i < few; i++)); do
            ups+=("$(took podman play kube pod.yaml)")
            downs+=("$(took podman play kube --down pod.yaml)")
        done
        show "podman play kube" "$(printf '%s\n' "${ups[@]}" | median)" "$(printf '%s\n' "${downs[@]}" | median)"
    else
        echo "podman play kube does not run here and is left out: $(tail -n 1 "$WORK/said")"
    fi
else
    echo "podman does not run here and is left out"
fi

echo "$many services"
{
    echo 'name = "many"'
    for ((i = 1; i <= many; i++)); do
        printf '[services.s%s]\nimage = "busybox"\ncommand = ["sleep", "12345"]\nstop_signal = "KILL"\n' "$i"
    done
} >many.toml
on_exit sandbox down -q -t 0 -f "$WORK/p/many.toml"
up=$(took "$SANDBOX_BIN" up -d -q -f many.toml)
sleep 2 # idle again
total=0 processes=0
for init in $(sandbox inspect -f '{{.State.Pid}}' $(sandbox ps -q)); do
    parent=$(awk '/^PPid:/ { print $2 }' "/proc/$init/status")
    for pid in "$parent" "$init"; do
        size=$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null)
        # A confined process lets nobody look: what is its own alone, then.
        [ -n "$size" ] || size=$(awk '{ print ($2 - $3) * 4 }' "/proc/$pid/statm")
        total=$((total + size)) processes=$((processes + 1))
    done
done
down=$(took "$SANDBOX_BIN" down -q -f many.toml)
show "sandbox, $many services" "$up" "$down"
echo "memory of their $processes supervising processes together: $((total / 1024)) MiB"
