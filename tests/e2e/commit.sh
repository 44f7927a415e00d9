#!/bin/bash
# commit: a container's changes as an image that runs, saves, and is read by others.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
expect_ok sandbox run --name c -e A=b -w /srv --label l=1 -v vol:/data localhost/busybox sh -c '
    echo mine >/etc/mine && rm /etc/group && echo more >>/etc/passwd && echo in >/data/volume
    mkdir -p /deep/er && echo x >/deep/er/x && ln -s x /deep/er/l && ln /etc/mine /deep/hard
    chmod 4755 /deep/er/x && mkfifo /deep/p && touch -d @1500000000 /etc/mine && chown 7:8 /deep
    rm -rf /var/spool && mkdir -p /var/spool && echo new >/var/spool/new
    touch "/deep/$(printf "a\nb\377")" "/deep/$(printf "n%.0s" $(seq 200))"'

test_case "the image is there at once, with docker's id, and runs"
run_rc sandbox commit -a 'me <me@x>' -m 'a message' c localhost/made:1
expect_eq 0 "$RC"
expect_match '^sha256:[0-9a-f]{64}$' "$OUT"
id=$OUT
expect_eq "$id" "$(sandbox image inspect --format '{{.Id}}' localhost/made:1)"
expect_eq "localhost/made:1" "$(sandbox images --format '{{.Repository}}:{{.Tag}}' localhost/made)"
expect_eq mine "$(sandbox run --rm localhost/made:1 cat /etc/mine)"
expect_rc 1 sandbox run --rm localhost/made:1 ls /etc/group
expect_eq 1500000000 "$(sandbox run --rm localhost/made:1 stat -c %Y /etc/mine)"
expect_eq "4755 2" "$(sandbox run --rm localhost/made:1 sh -c 'echo $(stat -c %a /deep/er/x) $(stat -c %h /deep/hard)')"
expect_eq new "$(sandbox run --rm localhost/made:1 ls /var/spool)"
expect_eq "" "$(sandbox run --rm localhost/made:1 ls /data)"
expect_eq 5 "$(sandbox run --rm localhost/made:1 sh -c 'n=0; for f in /deep/*; do n=$((n + 1)); done; echo $n')"
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_eq 7:8 "$(sandbox run --rm localhost/made:1 stat -c %u:%g /deep)"
fi

test_case "settings, history, author and message"
inspect() { sandbox image inspect --format "$1" localhost/made:1; }
expect_match '"A=b"' "$(inspect '{{json .Config.Env}}')"
expect_eq /srv "$(inspect '{{.Config.WorkingDir}}')"
expect_eq 1 "$(inspect '{{index .Config.Labels "l"}}')"
expect_match '^\["sh","-c"' "$(inspect '{{json .Config.Cmd}}')"
expect_eq 'me <me@x>' "$(inspect '{{.Author}}')"
expect_eq 'a message' "$(sandbox history --format '{{.Comment}}' localhost/made:1 | head -n 1)"
expect_eq 2 "$(inspect '{{len .RootFS.Layers}}')"

test_case "the diff of its container, committed, is nothing"
expect_ok sandbox run --name again localhost/made:1 true
expect_eq "" "$(sandbox diff again)"

test_case "changes in a Dockerfile's words"
expect_ok sandbox commit -q -c 'CMD ["echo","hi"]' -c 'ENV X=$A:y' -c 'USER 0' c localhost/made:2
expect_eq hi "$(sandbox run --rm localhost/made:2)"
expect_eq b:y "$(sandbox run --rm localhost/made:2 sh -c 'echo $X')"
expect_error 2 'not a valid change command' sandbox commit -c 'RUN x' c
expect_error 2 'unknown format' sandbox commit --format x c

test_case "a health check with all its times, and it is the container's"
expect_ok sandbox commit -q -c 'HEALTHCHECK --interval=1h --start-period=1h --start-interval=1s CMD true' \
    c localhost/made:health
expect_eq 1000000000 "$(sandbox image inspect --format '{{.Config.Healthcheck.StartInterval}}' localhost/made:health)"
expect_ok sandbox create --name health localhost/made:health
expect_eq 1000000000 "$(sandbox inspect --format '{{.Config.Healthcheck.StartInterval}}' health)"
expect_ok sandbox rm health

test_case "without a name it has none; a chain of commits"
run_rc sandbox commit c
expect_eq 0 "$RC"
expect_ok sandbox run --rm "$OUT" true
expect_ok sandbox run --name next localhost/made:2 sh -c 'echo second >/second; rm /etc/mine'
expect_ok sandbox commit next localhost/made:3
expect_eq second "$(sandbox run --rm localhost/made:3 cat /second)"
expect_rc 1 sandbox run --rm localhost/made:3 ls /etc/mine
expect_eq 3 "$(sandbox image inspect --format '{{len .RootFS.Layers}}' localhost/made:3)"

test_case "the store is sound, and saves what others read the same"
expect_ok sandbox system check
expect_ok sandbox save -o made.tar localhost/made:1
expect_ok skopeo --insecure-policy --tmpdir "$WORK" copy -q docker-archive:made.tar oci:copy:latest
expect_ok sandbox commit --format oci c localhost/made:oci
expect_ok sandbox save --format oci-archive -o oci.tar localhost/made:oci
expect_ok skopeo --insecure-policy --tmpdir "$WORK" copy -q oci-archive:oci.tar oci:copy2:latest
if [ "$SANDBOX_TEST_USER" = range ] && command -v umoci >/dev/null; then
    expect_ok umoci unpack --rootless --image copy:latest bundle
    expect_eq mine "$(cat bundle/rootfs/etc/mine)"
    expect_no_file bundle/rootfs/etc/group
    expect_eq new "$(ls bundle/rootfs/var/spool)"
    expect_eq x "$(readlink bundle/rootfs/deep/er/l)"
fi
expect_ok sandbox rmi localhost/made:3
expect_ok sandbox load -i made.tar
expect_error 1 'no such container' sandbox commit nosuch

test_case "an image's owners and attributes outlive cp, export and commit, whatever ids there are"
cat >owned.entries <<'JSON'
{"path": "var/lib/db", "type": "dir", "mode": "0750", "uid": 999, "gid": 998}
{"path": "var/lib/db/file", "type": "file", "mode": "0640", "uid": 999, "gid": 998, "data": "1\n"}
{"path": "var/lib/db/noted", "type": "file", "uid": 999, "gid": 998, "data": "2\n", "pax": {"SCHILY.xattr.user.note": "kept", "SCHILY.xattr.user.overlay.opaque": "y"}}
JSON
expect_ok make_image owned --layer busybox --layer entries:owned.entries
expect_ok sandbox pull -q oci:owned
expect_ok sandbox run --name o localhost/owned sh -c 'echo 3 >>/var/lib/db/file; touch /var/lib/db/noted /mine'
owners() { tar tv --numeric-owner "$@" | awk '{ print $2, $6 }' | grep -E 'db|mine' | sort | tr '\n' ','; }
expect_eq "999/998 db/,999/998 db/file,999/998 db/noted," "$(sandbox cp o:/var/lib/db - | owners)"
expect_eq "0/0 mine,999/998 var/lib/db/,999/998 var/lib/db/file,999/998 var/lib/db/noted," \
    "$(sandbox export o | owners)"
expect_ok sandbox commit o localhost/owned2
expect_ok sandbox save --format oci-dir -o owned2 localhost/owned2
layer=$(python3 -c 'import glob, json, os
index = json.load(open("owned2/index.json"))
blob = lambda d: "owned2/blobs/" + d["digest"].replace(":", "/")
print(blob(json.load(open(blob(index["manifests"][0])))["layers"][-1]))')
expect_eq "0/0 mine,999/998 var/lib/db/,999/998 var/lib/db/file,999/998 var/lib/db/noted," \
    "$(owners -zf "$layer")"
expect_match 'user.note' "$(zcat "$layer" | strings)"
expect_no_match 'overlay' "$(zcat "$layer" | strings)"
