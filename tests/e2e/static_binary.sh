#!/bin/bash
# One file, nothing else: static, small, and at home in an empty root.
. "$SANDBOX_TESTS/support/lib.sh"

test_case "the program is static, stripped, and at most 12 MB"
expect_match 'statically linked' "$(file -b "$SANDBOX_BIN")"
expect_match ', stripped' "$(file -b "$SANDBOX_BIN")"
expect_rc 1 ldd "$SANDBOX_BIN"
size_bytes=$(stat -c %s "$SANDBOX_BIN")
expect_eq yes "$([ "$size_bytes" -le $((12 * 1000 * 1000)) ] && echo yes)" "$size_bytes bytes"

test_case "in a root with nothing but the program it says its version"
mkdir empty
cp "$SANDBOX_BIN" empty/sandbox
expect_ok unshare --user --map-root-user chroot empty /sandbox --version
expect_match '[0-9]+\.[0-9]+\.[0-9]+' "$OUT"
expect_eq sandbox "$(ls -A empty)" "what the empty root holds afterwards"

test_case "the licences of all that is linked are inside"
expect_ok unshare --user --map-root-user chroot empty /sandbox version --licenses
for library in curl libisal openssl c-ares libseccomp zlib libzstd glibc; do
    expect_match "$library [0-9]" "$OUT" "licence text"
done

# chroot(2) is not enough here: the kernel forbids new user namespaces in a chroot, and a new proc
# or sysfs where none is seen (user_namespaces(7)). bwrap pivots and shows them.
test_case "with /proc, /sys and a writable /tmp beside it, it runs an image from an archive"
image_layout=$(image busybox)
skopeo --insecure-policy copy -q "oci:$image_layout:latest" "oci-archive:$WORK/busybox.tar:latest"
expect_ok bwrap --ro-bind "$SANDBOX_BIN" /sandbox --ro-bind "$WORK/busybox.tar" /busybox.tar \
    --tmpfs /tmp --proc /proc --dev /dev --bind /sys /sys --clearenv --setenv HOME /tmp \
    --unshare-user --unshare-pid --die-with-parent \
    /sandbox run -q oci-archive:/busybox.tar echo hello
expect_eq hello "$OUT"
