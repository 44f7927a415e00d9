#!/bin/bash
# export and import: a file system as one tar, and an image out of a tar.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
expect_ok sandbox run --name c -v vol:/data -e A=b localhost/busybox sh -c '
    echo mine >/etc/mine && touch -d @1500000000 /etc/mine && mkdir -m 1777 /pub && echo in >/data/volume
    ln -s mine /etc/link && ln /etc/mine /etc/hard && chown 7:8 /pub && rm /etc/group'

test_case "the whole root, without what is mounted into it"
expect_ok sandbox export -o c.tar c
expect_eq 600 "$(stat -c %a c.tar)"
mkdir out
tar xf c.tar -C out --no-same-owner 2>"$WORK/tar.err" || fail "tar does not read it: $(cat tar.err)"
expect_eq "" "$(cat tar.err)"
expect_eq mine "$(cat out/etc/mine)"
expect_eq 1500000000 "$(stat -c %Y out/etc/mine)"
expect_eq 2 "$(stat -c %h out/etc/mine)"
expect_eq mine "$(readlink out/etc/link)"
expect_file out/bin/busybox
expect_eq "" "$(ls out/data out/proc out/sys out/dev | grep -v :)"
expect_eq "" "$(cat out/etc/hosts out/etc/resolv.conf)"
expect_no_file out/etc/group
expect_match 'drwxrwxrwt .* pub/' "$(tar tvf c.tar)"
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_match ' 7/8 .*pub/' "$(tar tvf c.tar --numeric-owner)"
fi

test_case "to standard output, the same bytes each time; not to a terminal"
sandbox export c >again.tar
expect_ok cmp c.tar again.tar
expect_rc 1 python3 "$SANDBOX_TESTS/support/terminal.py" "$SANDBOX_BIN" export c
expect_error 1 'no such container' sandbox export nosuch
expect_rc 1 sandbox export -o /dev/full c

test_case "who reads only the beginning hears no complaint"
for verb in "export c" "cp c:/ -" "save localhost/busybox"; do
    # shellcheck disable=SC2016,SC2086  # for the inner shell; several words
    ERR=$( { bash -c 'trap "" PIPE; "$@"; echo "$?" >rc' - "$SANDBOX_BIN" $verb | head -c 1000 >/dev/null; } 2>&1)
    expect_eq "" "$ERR" "$verb"
    expect_eq 1 "$(cat rc)" "exit of $verb"
done

test_case "an export that fails leaves nothing"
expect_error 1 'no such container' sandbox export -o half.tar nosuch
expect_no_file half.tar
expect_eq "" "$(find . -maxdepth 1 -name '.tmp-*')"

test_case "an export comes back as an image of one layer"
run_rc sandbox import -m flat -c 'CMD ["cat","/etc/mine"]' -c 'ENV Q=1' c.tar localhost/flat
expect_eq 0 "$RC"
expect_match '^sha256:[0-9a-f]{64}$' "$OUT"
expect_eq mine "$(sandbox run --rm localhost/flat)"
expect_eq 1 "$(sandbox run --rm localhost/flat sh -c 'echo $Q')"
expect_rc 1 sandbox run --rm localhost/flat ls /etc/group
expect_eq 1 "$(sandbox image inspect --format '{{len .RootFS.Layers}}' localhost/flat)"
expect_eq flat "$(sandbox history --format '{{.Comment}}' localhost/flat)"
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_eq 7:8 "$(sandbox run --rm localhost/flat stat -c %u:%g /pub)"
fi

test_case "from standard input, compressed in any way, without a name"
for tool in gzip zstd xz; do
    run_rc sandbox import - < <($tool -c c.tar)
    expect_eq 0 "$RC" $tool
    expect_eq mine "$(sandbox run --rm "$OUT" cat /etc/mine)"
done
run_rc sandbox import c.tar
expect_eq "Imported from c.tar" "$(sandbox history --format '{{.Comment}}' "$OUT")"
expect_eq arm64 "$(sandbox image inspect --format '{{.Architecture}}' \
    "$(sandbox import --platform linux/arm64 c.tar)")"

test_case "what is no tar is no image, and leaves nothing"
before=$(sandbox images -aq | wc -l)
expect_error 1 'bad tar' sandbox import - localhost/bad < <(head -c 5000 /dev/urandom)
expect_error 1 'truncated|cut' sandbox import - localhost/bad < <(head -c 100000 c.tar)
expect_error 1 'gzip' sandbox import - localhost/bad < <(gzip -c c.tar | head -c 5000)
expect_error 1 'no such file' sandbox import nosuch.tar
expect_error 1 'not supported' sandbox import http://127.0.0.1/x.tar
expect_error 2 'valid change command' sandbox import -c 'RUN x' c.tar
expect_eq "$before" "$(sandbox images -aq | wc -l)"
expect_ok sandbox system check
expect_ok sandbox rmi localhost/flat
