#!/bin/bash
# cp, diff, export and restarts where overlay is refused and each container has a copy of its image.
# The store lies on an overlay here, which the kernel does not take as an upper directory.
. "$SANDBOX_TESTS/support/lib.sh"

mkdir -p "$WORK/fs"/{lower,upper,work,merged}
map=(--map-root-user)
[ "$SANDBOX_TEST_USER" = plain ] || map=(--map-root-user --map-auto)
if ! unshare "${map[@]}" --mount true 2>/dev/null; then
    skip "unshare cannot make such a namespace here"
fi
layout=$(image busybox)
cat >"$WORK/inside.sh" <<'SH'
cd "$WORK/fs"
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr merged || exit 98
export SANDBOX_STORE=$WORK/fs/merged/store
sandbox() { "$SANDBOX_BIN" "$@" 2>>"$WORK/err"; }
sandbox pull -q "oci:$1" >/dev/null
sandbox run --name c localhost/busybox sh -c '
    echo hi >/f; rm /etc/group; echo m >>/etc/passwd; mkdir /nd; echo 1 >/nd/x; rm -rf /var; mkdir /var'
echo "diff: $(sandbox diff c | tr '\n' ',')"
echo host >h
sandbox cp h c:/etc/ && echo "in: $(sandbox cp c:/etc/h - | tar xO)"
echo "out: $(sandbox cp c:/f - | tar xO)"
echo "export: $(sandbox export c | tar xO f)"
sandbox run -d --name r localhost/busybox sh -c '[ -e /etc/group ] && rm /etc/group && exec sleep 1000; exec sleep 1001' >/dev/null
for i in $(seq 100); do sandbox diff r | grep -q group && break; sleep 0.05; done
sandbox cp h r:/tmp/ && echo "running: $(sandbox cp r:/tmp/h - | tar xO)"
sandbox stop -t 0 r >/dev/null && sandbox start r >/dev/null
echo "restarted: $(sandbox cp r:/tmp/h - | tar xO) $(sandbox diff r | tr '\n' ',')"
sandbox rm -f r >/dev/null
sandbox create --name n localhost/busybox cat /h >/dev/null
sandbox cp h n:/h && sandbox start n >/dev/null
for i in $(seq 100); do [ "$(sandbox inspect --format '{{.State.Status}}' n)" = exited ] && break; sleep 0.05; done
echo "created: $(sandbox diff n | tr '\n' ',')"
SH
run_rc unshare "${map[@]}" --mount bash "$WORK/inside.sh" "$layout"
expect_eq 0 "$RC"
lines() { grep "^$1: " <<<"$OUT"; }

test_case "diff compares the copy with the image"
expect_eq "diff: C /etc,D /etc/group,C /etc/passwd,A /f,A /nd,A /nd/x,C /var," "$(lines diff)"

test_case "files go in and out, of a container that runs, too"
expect_eq "in: host" "$(lines in)"
expect_eq "out: hi" "$(lines out)"
expect_eq "export: hi" "$(lines export)"
expect_eq "running: host" "$(lines running)"

test_case "a second start keeps what was changed and does not bring back what was deleted"
expect_eq "restarted: host C /etc,D /etc/group,C /tmp,A /tmp/h," "$(lines restarted)"

test_case "what is put into a container before its first start is there"
expect_eq "created: A /h," "$(lines created)"
