#!/bin/bash
# save and load, directories and archives, read and written by other tools too.
. "$SANDBOX_TESTS/support/lib.sh"

start_registry
push_busybox busybox:1
image=$REGISTRY/busybox:1
expect_ok sandbox pull -q "$image"
id=$OUT
skopeo() { command skopeo --insecure-policy --tmpdir "$WORK" "$@"; }

for format in docker-archive oci-archive; do
    test_case "an image saved as $format has the digests that were pulled, and loads again"
    expect_ok sandbox save --format "$format" -o "$WORK/$format.tar" "$image"
    expect_ok skopeo inspect --raw "$format:$WORK/$format.tar"
    sandbox save --format "$format" "$image" | cat >"$WORK/piped.tar"
    expect_ok cmp "$WORK/piped.tar" "$WORK/$format.tar"
    blobs=$(cd "$XDG_DATA_HOME/sandbox/blobs/sha256" && ls)
    expect_ok sandbox rmi "$image"
    expect_ok sandbox load -i "$WORK/$format.tar"
    expect_match "busybox:1" "$OUT"
    expect_eq "$blobs" "$(cd "$XDG_DATA_HOME/sandbox/blobs/sha256" && ls)" "blobs"
    expect_eq "$id" "$(sandbox images -q --no-trunc "$image")"
    expect_ok sandbox run --pull=never "$image" echo loaded
    expect_eq loaded "$OUT"
done

for format in oci-dir docker-dir; do
    test_case "an image saved as $format is what skopeo reads, with the same layers and config"
    expect_error 2 '(-o|--output)' sandbox save --format "$format" "$image"
    expect_ok sandbox save --format "$format" -o "$WORK/$format" "$image"
    from=dir:$WORK/$format
    [ "$format" = docker-dir ] || from=oci:$WORK/$format
    expect_ok skopeo inspect --raw "$from"
    expect_eq "$id" "sha256:$(skopeo inspect --raw "$from" | python3 -c '
import json, sys
print(json.load(sys.stdin)["config"]["digest"].split(":")[1])')" "config"
    expect_ok skopeo copy -q "$from" "oci-archive:$WORK/again-$format.tar:again:$format"
    expect_ok sandbox load -q -i "$WORK/again-$format.tar"
    expect_eq "$id" "$(sandbox images -q --no-trunc "again:$format")" "id after skopeo"
    expect_ok sandbox rmi "again:$format"
    run_rc sandbox save --format "$format" -o "$WORK/$format" "$image"
    expect_ne 0 "$RC" "into a directory that has files"
done
expect_ok sandbox pull -q "oci:$WORK/oci-dir"
expect_eq "$id" "$OUT" "our own directory, pulled"

for tool in gzip zstd xz; do
    test_case "an archive compressed with $tool is loaded from a pipe"
    expect_ok sandbox rmi "$image"
    "$tool" -c "$WORK/docker-archive.tar" | sandbox load >"$WORK/loaded" 2>&1
    expect_match "busybox:1" "$(cat "$WORK/loaded")"
    expect_ok sandbox run --pull=never "$image" true
done

test_case "archives by skopeo load under their names"
skopeo copy -q "oci-archive:$WORK/oci-archive.tar" "docker-archive:$WORK/sk-docker.tar:made/by:skopeo"
skopeo copy -q "oci-archive:$WORK/oci-archive.tar" "oci-archive:$WORK/sk-oci.tar:made/by:oci"
for archive in sk-docker sk-oci; do
    expect_ok sandbox load -i "$WORK/$archive.tar"
done
expect_ok sandbox run --pull=never made/by:skopeo true
expect_ok sandbox run --pull=never made/by:oci true

test_case "several images in one archive, chosen by name or place"
expect_ok sandbox save -o "$WORK/many.tar" "$image" made/by:skopeo
make_image "$WORK/other" --tag other --layer busybox --env OTHER=yes
expect_ok sandbox run "oci:$WORK/other:other" sh -c 'echo $OTHER'
expect_eq yes "$OUT"
expect_ok sandbox pull "docker-archive:$WORK/many.tar:made/by:skopeo"
expect_error 1 'no such image in the archive' sandbox pull "docker-archive:$WORK/many.tar:none:1"
expect_ok sandbox pull "oci-archive:$WORK/sk-oci.tar:@0"

test_case "what is no archive is an error, and leaves nothing"
echo nonsense >"$WORK/nonsense"
expect_error 1 'tar' sandbox load -i "$WORK/nonsense"
head -c 100000 "$WORK/docker-archive.tar" >"$WORK/cut.tar"
expect_error 1 'cut off|lacks|no file' sandbox load -i "$WORK/cut.tar"
: >"$WORK/empty"
expect_error 1 'empty' sandbox load -i "$WORK/empty"
python3 - "$WORK/docker-archive.tar" "$WORK/flipped.tar" <<'PYTHON'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[2], "wb").write(data)
PYTHON
sandbox rmi -f "$image" made/by:skopeo made/by:oci >/dev/null 2>&1
sandbox system prune -a -f >/dev/null 2>&1
expect_error 1 'has the digest' sandbox load -q -i "$WORK/flipped.tar"
expect_eq "" "$(sandbox images -q)" "images"

test_case "R22: foreign layers are refused in a layout and in an archive, and nothing is fetched"
make_image "$WORK/urls" --layer busybox --docker
python3 - "$WORK/urls" <<'PYTHON'
import hashlib, json, os, sys
top = sys.argv[1]
blob = lambda digest: os.path.join(top, "blobs", *digest.split(":"))
index = json.load(open(os.path.join(top, "index.json")))
manifest = json.load(open(blob(index["manifests"][0]["digest"])))
manifest["layers"][-1].update(urls=["http://127.0.0.1:1/layer"],
    mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
text = json.dumps(manifest).encode()
digest = "sha256:" + hashlib.sha256(text).hexdigest()
open(blob(digest), "wb").write(text)
index["manifests"][0].update(digest=digest, size=len(text))
json.dump(index, open(os.path.join(top, "index.json"), "w"))
PYTHON
expect_error 1 'foreign layer' sandbox pull -q "oci:$WORK/urls"
tar -C "$WORK/urls" -cf "$WORK/urls.tar" .
expect_error 1 'foreign layer' sandbox load -q -i "$WORK/urls.tar"
expect_eq "" "$(sandbox images -q)" "images"

test_case "a layer that stands twice in an image comes once and is unpacked right"
mkdir "$WORK/twice" && echo twice >"$WORK/twice/file"
make_image "$WORK/double" --layer busybox --layer "$WORK/twice" --layer "$WORK/twice"
push_image "$WORK/double" double:1
expect_ok sandbox run "$REGISTRY/double:1" cat /file
expect_eq twice "$OUT"
expect_ok sandbox system check

test_case "of one repository's tag and digest, only the first is a tag, and an id means both"
by_digest=$(sandbox image inspect --format '{{index .RepoDigests 0}}' "$REGISTRY/double:1")
for name in "$(sandbox image inspect --format '{{.Id}}' "$by_digest")" "$REGISTRY/double:1"; do
    expect_ok sandbox pull -q "$REGISTRY/double:1"
    expect_ok sandbox pull -q "$by_digest"
    expect_eq "[$REGISTRY/double:1]" "$(sandbox image inspect --format '{{.RepoTags}}' "$by_digest")"
    expect_eq "[$by_digest]" "$(sandbox image inspect --format '{{.RepoDigests}}' "$by_digest")"
    expect_ok sandbox rmi "$name"
    expect_match 'Deleted: sha256:' "$OUT"
    expect_eq "" "$(sandbox images -q "$REGISTRY/double")" "images"
done
expect_ok sandbox pull -q "$by_digest"
expect_eq "$by_digest" "$(sandbox image inspect --format '{{index .RepoDigests 0}}' "$by_digest")"

test_case "after rmi the store has no layer and no blob, and df says what du says"
expect_ok sandbox system df # makes the directories that were not needed yet
du_bytes=$(du -s --block-size=1 "$XDG_DATA_HOME/sandbox" | cut -f 1)
sum=$(sandbox system df --format '{{.RawSize}}' | awk '{ s += $1 } END { print s }')
expect_eq "$du_bytes" "$sum" "df"
sandbox system prune -a -f >/dev/null 2>&1
expect_eq "" "$(ls "$XDG_DATA_HOME/sandbox/layers" "$XDG_DATA_HOME/sandbox/blobs/sha256" |
    grep -v ':$' | grep -v '^$')" "what is left"
