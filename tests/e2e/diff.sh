#!/bin/bash
# diff: what a container has changed, as docker lists it.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"

test_case "nothing was changed: nothing is listed"
expect_ok sandbox run --name none localhost/busybox true
expect_eq "" "$(sandbox diff none)"

test_case "added, changed and deleted, parents first"
expect_ok sandbox run --name c localhost/busybox sh -c '
    mkdir -p /new/sub && echo x >/new/sub/file && ln -s x /new/link
    echo more >>/etc/passwd && rm /etc/group && mkdir /etc/dir && touch /etc/dir/f'
expect_eq "C /etc
A /etc/dir
A /etc/dir/f
D /etc/group
C /etc/passwd
A /new
A /new/link
A /new/sub
A /new/sub/file" "$(sandbox diff c)"

test_case "json has three lists, as podman's"
expect_eq "/etc /etc/passwd" "$(sandbox diff --format json c |
    python3 -c 'import json, sys; print(*json.load(sys.stdin)["changed"])')"
expect_eq "/etc/group" "$(sandbox diff --format json c |
    python3 -c 'import json, sys; print(*json.load(sys.stdin)["deleted"])')"
expect_error 2 'unknown format' sandbox diff --format yaml c

test_case "a file changed deep down does not list its parents; chmod of a directory lists it"
expect_ok sandbox run --name deep localhost/busybox sh -c 'chmod 700 /home; echo x >>/etc/passwd'
expect_eq "C /etc/passwd
C /home" "$(sandbox diff deep)"

test_case "a directory removed and made again: what it had is deleted"
expect_ok sandbox run --name again localhost/busybox sh -c '
    cp -a /etc /tmp/etc && rm -r /etc/* ; rmdir /etc 2>/dev/null; ls /etc >/dev/null;
    mkdir -p /var/spool/x && rm -rf /var/spool && mkdir /var/spool && touch /var/spool/fresh'
expect_match 'D /etc/passwd' "$(sandbox diff again)"
expect_match '[AC] /var/spool/fresh' "$(sandbox diff again)"
expect_no_match '/var/spool/x' "$(sandbox diff again)"

test_case "volumes are no part of it, but for the place they are mounted at"
expect_ok sandbox run --name v -v vol:/data localhost/busybox touch /data/x
expect_eq "A /data" "$(sandbox diff v)"

test_case "names with control characters are escaped on a terminal only"
expect_ok sandbox run --name odd localhost/busybox sh -c 'touch "$(printf "/a\nb\033[31m")"'
expect_eq 'A /a|b?[31m' "$(sandbox diff odd | tr '\n\033' '|?' | sed 's/|$//')"

test_case "there is no such container"
expect_error 1 'no such container' sandbox diff nosuch
