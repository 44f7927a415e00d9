#!/bin/bash
# Links in an image lead to places in the image, never to the host's. E04, E06, E07, E08.
. "$SANDBOX_TESTS/support/lib.sh"

canary=$WORK/canary
mkdir -m 777 "$canary"
link() { printf '{"path": "%s", "type": "symlink", "target": "%s"}\n' "$1" "$2"; }

test_case "E04: /dev, /proc, /sys and /etc/* as links: it starts, and the canary is untouched"
for target in "$canary" "../../../../..$canary" /proc/self/root/tmp; do
    {
        link dev "$target"
        link proc "$target"
        link sys "$target"
        link etc/hosts "$target/hosts"
        link etc/resolv.conf "../../../..$target/resolv.conf"
        link etc/hostname "$target/hostname"
    } >"$WORK/entries"
    rm -rf "$WORK/links"
    expect_ok make_image "$WORK/links" --layer busybox --layer "entries:$WORK/entries"
    expect_ok sandbox run "oci:$WORK/links" sh -c \
        'cat /proc/self/comm; test -c /dev/null; ls /sys/kernel >/dev/null; cat /etc/hostname'
    expect_match '^cat' "$OUT"
    expect_eq "" "$(ls -A "$canary")"
done
for path in dev/null dev/pts dev/shm; do
    link $path "$canary/x" >"$WORK/entries"
    rm -rf "$WORK/links"
    expect_ok make_image "$WORK/links" --layer busybox --layer "entries:$WORK/entries"
    expect_ok sandbox run "oci:$WORK/links" sh -c 'echo gone >/dev/null; test -d /dev/pts'
    expect_eq "" "$(ls -A "$canary")"
done

test_case "E07: what is always the container's own is no mount target"
{
    link to-proc /proc
    link to-sys ../../sys
    link to-dev /dev/.
    link up ../../..
} >"$WORK/entries"
expect_ok make_image "$WORK/targets" --layer busybox --layer "entries:$WORK/entries"
expect_ok sandbox pull -q "oci:$WORK/targets"
for target in /proc /proc/self/attr /proc/sys/kernel /sys /dev / /to-proc /to-sys /to-dev \
    /up/proc /to-proc/self/attr; do
    expect_error 125 'forbidden (mount )?target|nothing can be mounted' \
        sandbox run -v "$canary:$target" localhost/targets true
    expect_error 125 'forbidden (mount )?target|nothing can be mounted' \
        sandbox run --tmpfs "$target" localhost/targets true
done

test_case "a bind through a link of the image lands in the image"
link out "$canary" >"$WORK/entries"
expect_ok make_image "$WORK/out" --layer busybox --layer "entries:$WORK/entries"
mkdir "$WORK/data" && echo text >"$WORK/data/file"
expect_ok sandbox run -v "$WORK/data:/out/deep/er" "oci:$WORK/out" cat /out/deep/er/file
expect_eq text "$OUT"
expect_eq "" "$(ls -A "$canary")"

test_case "E08: a working directory is made inside, whatever links say"
expect_ok sandbox run -w /out/new/dir "oci:$WORK/out" sh -c 'pwd; stat -c %u:%a .'
expect_match "/new/dir" "$OUT"
expect_match "0:755" "$OUT"
expect_eq "" "$(ls -A "$canary")"
expect_ok sandbox run -w /made/here -u 0 "oci:$WORK/out" pwd
expect_eq /made/here "$OUT"
expect_error 126 'working directory' sandbox run -q -w /bin/sh "oci:$WORK/out" true

test_case "E06: a directory that is swapped for a link while another container mounts beneath it"
expect_ok sandbox volume create swap
sandbox run -v swap:/v localhost/targets sh -c \
    "mkdir -p /v/a/b; i=0; while [ \$i -lt 6000 ]; do i=\$((i + 1));
     mv /v/a /v/was; ln -s $canary /v/a; rm /v/a; mv /v/was /v/a; done" >"$WORK/swapper" 2>&1 &
swapper=$!
# Each mount beneath the directory is a chance to follow the link: 40 a run.
mounts=()
for i in $(seq 40); do mounts+=(--tmpfs "/v/a/b$i"); done
chances=0
while kill -0 $swapper 2>/dev/null && [ $chances -lt 1000 ]; do
    run_rc sandbox run -v swap:/v "${mounts[@]}" localhost/targets sh -c 'touch /v/a/b*/x; true'
    [ "$RC" -eq 0 ] || expect_match '^(125|1)$' "$RC"
    chances=$((chances + 40))
    expect_eq "" "$(ls -A "$canary")"
done
wait $swapper
expect_ne 0 $chances
expect_eq "" "$(ls -A "$canary")"
echo "  $chances mounts beneath a swapping directory"
