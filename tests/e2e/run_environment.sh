#!/bin/bash
# The payload's environment and what it must not be: E28, E29, E30, P08.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox
names() { sed 's/=.*//' <<<"$1" | sort | tr '\n' ' '; }

test_case "nothing of the caller's environment is inside, and the umask is 0022"
export AWS_SECRET_ACCESS_KEY=secret SSH_AUTH_SOCK=/tmp/x http_proxy=http://u:p@h LD_PRELOAD_CANARY=1
umask 077
expect_ok sandbox run $run_image env
expect_eq "HOME HOSTNAME PATH container " "$(names "$OUT")"
expect_ok sandbox run $run_image sh -c 'umask; touch /f /tmp/g; stat -c %a /f'
expect_eq $'0022\n644' "$OUT"
umask 022
expect_no_match 'secret|SSH_AUTH' "$(sandbox run $run_image sh -c 'cat /proc/1/environ' 2>&1)"
unset http_proxy

test_case "the caller's LD_PRELOAD reaches neither the payload nor a helper"
expect_ok env LD_PRELOAD=/nonexistent.so "$SANDBOX_BIN" run $run_image env
expect_no_match LD_PRELOAD "$OUT"

test_case "the image's LD_PRELOAD and LD_LIBRARY_PATH are the payload's alone"
make_image "$WORK/preload" --layer busybox --env LD_PRELOAD=/evil.so --env LD_LIBRARY_PATH=/evil \
    --env PATH=/bin --cmd '["env"]'
expect_ok sandbox run "oci:$WORK/preload"
expect_match 'LD_PRELOAD=/evil.so' "$OUT"
expect_no_match 'evil' "$ERR" "no helper complains about it"

test_case "labels and annotations that look like switches change nothing"
make_image "$WORK/labels" --layer busybox --label run.oci.keep_original_groups=1 \
    --label io.podman.annotations.privileged=TRUE --label io.podman.annotations.seccomp=unconfined \
    --label containerd.io/restart.status=running
plain=$(sandbox run $run_image sh -c 'id; grep -E "Cap|Seccomp|NoNew" /proc/self/status; echo $$')
expect_ok sandbox run --annotation run.oci.keep_original_groups=1 --annotation io.podman.annotations.init=FALSE \
    "oci:$WORK/labels" sh -c 'id; grep -E "Cap|Seccomp|NoNew" /proc/self/status; echo $$'
expect_eq "$plain" "$OUT"

test_case "-e, --env-file and --unsetenv; -e wins"
printf 'A=file\nB=file\n# c\n\nFROM_CALLER\nQ="x y"\n' >"$WORK/ok.env"
export FROM_CALLER=mine
expect_ok sandbox run --env-file "$WORK/ok.env" -e A=flag -e FROM_CALLER -e NOT_SET_ANYWHERE $run_image \
    sh -c 'echo "$A,$B,$FROM_CALLER,$Q,${NOT_SET_ANYWHERE-unset}"'
expect_eq 'flag,file,mine,"x y",unset' "$OUT"
expect_ok sandbox run --unsetenv PATH --entrypoint /bin/env $run_image
expect_no_match PATH= "$OUT"

test_case "a broken env file is an error with file and line"
printf 'A=1\r\nB=2\r\n' >"$WORK/crlf.env"
printf 'A=1\nB=\0x\n' >"$WORK/nul.env"
printf 'A=1\nNO_EQUALS_AND_NOT_SET\n' >"$WORK/noeq.env"
{ printf 'A='; head -c 1048576 /dev/zero | tr '\0' x; echo; } >"$WORK/big.env"
printf 'A B=1\n' >"$WORK/blank.env"
expect_error 125 'crlf.env:1: ' sandbox run --env-file "$WORK/crlf.env" $run_image true
expect_error 125 'nul.env:2: ' sandbox run --env-file "$WORK/nul.env" $run_image true
expect_error 125 'noeq.env:2: ' sandbox run --env-file "$WORK/noeq.env" $run_image true
expect_error 125 'big.env:1: ' sandbox run --env-file "$WORK/big.env" $run_image true
expect_error 125 'blank.env:1: ' sandbox run --env-file "$WORK/blank.env" $run_image true
expect_error 125 'no such file' sandbox run --env-file "$WORK/missing.env" $run_image true

test_case "TERM comes with a terminal, HOME with the user, HOSTNAME with --hostname"
expect_match 'TERM=xterm' "$(sandbox run -t $run_image env </dev/null)"
expect_match 'HOME=/home/user' "$(sandbox run -u user $run_image env)"
expect_match 'HOSTNAME=web' "$(sandbox run --hostname web $run_image env)"

test_case "--tz sets the time zone, and --env stands above it"
expect_eq Asia/Tokyo "$(sandbox run --tz Asia/Tokyo $run_image sh -c 'echo $TZ')"
expect_eq UTC0 "$(sandbox run --tz Asia/Tokyo -e TZ=UTC0 $run_image sh -c 'echo $TZ')"
expect_match '^[A-Za-z]' "$(sandbox run --tz local $run_image sh -c 'echo $TZ')"
expect_error 125 'not a time zone' sandbox run --tz 'x y' $run_image true
