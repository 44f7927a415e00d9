#!/bin/bash
# Images that other tools made, and that other tools read: buildah, podman, skopeo, umoci.
. "$SANDBOX_TESTS/support/lib.sh"

test_case "an OCI archive by buildah runs"
run_rc sandbox run "oci-archive:$(image buildah)"
expect_eq "0 made by buildah" "$RC $OUT"

test_case "a docker archive by podman is loaded under its name and runs"
run_rc sandbox load -i "$(image podman)"
expect_eq 0 "$RC"
expect_match 'Loaded image: localhost/made-by-podman:latest' "$OUT"
run_rc sandbox run localhost/made-by-podman
expect_eq "0 made by podman" "$RC $OUT"

test_case "an OCI layout by skopeo, out of a docker archive, runs"
run_rc sandbox run "oci:$(image skopeo):latest" echo skopeo
expect_eq "0 skopeo" "$RC $OUT"

test_case "an OCI layout by umoci runs"
run_rc sandbox run "oci:$(image umoci):latest"
expect_eq "0 made by umoci" "$RC $OUT"

test_case "an image from a registry, in docker's and in OCI's format, has the same content"
start_registry
layout=$(image busybox)
for format in oci v2s2; do
    skopeo --insecure-policy --tmpdir "$WORK" copy -q --dest-tls-verify=false --format $format \
        "oci:$layout:latest" "docker://$REGISTRY/busybox:$format"
    expect_ok sandbox pull -q "$REGISTRY/busybox:$format"
    sandbox run "$REGISTRY/busybox:$format" sh -c 'find / -xdev | sort | md5sum' >"$WORK/$format"
done
expect_eq "$(cat "$WORK/oci")" "$(cat "$WORK/v2s2")"

test_case "what we save, skopeo and umoci and podman read"
expect_ok sandbox save -o "$WORK/docker.tar" "$REGISTRY/busybox:oci"
run_rc skopeo --tmpdir "$WORK" inspect --config "docker-archive:$WORK/docker.tar"
expect_eq 0 "$RC"
expect_match '"sh"' "$OUT"
expect_ok sandbox save --format oci-archive -o "$WORK/oci.tar" "$REGISTRY/busybox:oci"
run_rc skopeo --insecure-policy --tmpdir "$WORK" copy -q "oci-archive:$WORK/oci.tar" "oci:$WORK/out:x"
expect_eq 0 "$RC"
expect_ok umoci list --layout "$WORK/out"
if [ "$SANDBOX_TEST_USER" = range ]; then
    # podman wants a short path for its runtime files.
    runroot=$(mktemp -d /tmp/pr.XXXXXX)
    on_exit remove_all "$runroot"
    run_rc podman --root "$WORK/podman" --runroot "$runroot" --storage-driver vfs \
        load -q -i "$WORK/docker.tar"
    expect_eq 0 "$RC" "podman load"
    # Its layers belong to subuids.
    podman unshare rm -rf "$WORK/podman"
fi

test_case "our archives come back as the images that they were"
id=$(sandbox images -q --no-trunc "$REGISTRY/busybox:oci")
expect_ok sandbox rmi -f "$REGISTRY/busybox:oci" "$REGISTRY/busybox:v2s2"
expect_ok sandbox load -q -i "$WORK/docker.tar"
expect_eq "$id" "$(sandbox images -q --no-trunc "$REGISTRY/busybox:oci")"

test_case "a layout or archive of another platform is refused, unless that platform is asked for"
make_image "$WORK/foreign" --layer busybox --arch s390x --cmd '["sh"]'
expect_error 1 'no image for platform linux/.*: there is linux/s390x' \
    sandbox pull "oci:$WORK/foreign"
expect_error 125 'no image for platform linux/s390x' \
    sandbox run --platform linux/s390x "oci:$layout" true
expect_ok sandbox pull -q --platform linux/s390x "oci:$WORK/foreign"
