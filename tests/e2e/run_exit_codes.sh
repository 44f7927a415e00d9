#!/bin/bash
# What `run` answers: the payload's code, 128+n, 125, 126, 127. E31.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox

test_case "the payload's exit code is passed on"
for code in 0 1 7 125 126 127 200 255; do
    expect_rc "$code" sandbox run $run_image sh -c "exit $code"
    expect_rc "$code" sandbox run --init=false $run_image sh -c "exit $code"
done

test_case "a payload that a signal ended answers 128 and the signal's number"
for number in 1 2 6 9 11 13 15; do
    expect_rc $((128 + number)) sandbox run $run_image sh -c "kill -$number \$\$"
done

test_case "a program that is not there is 127, with one line that names it"
expect_error 127 'exec "nosuch": no such file or directory' sandbox run $run_image nosuch
expect_error 127 'exec "/nosuch"' sandbox run $run_image /nosuch
expect_error 127 'exec "nosuch"' sandbox run --entrypoint nosuch $run_image
make_image "$WORK/missing" --layer busybox --entrypoint '["/not/there"]'
expect_error 127 'exec "/not/there"' sandbox run "oci:$WORK/missing" -q
expect_error 127 '' sandbox run $run_image ''

test_case "a program that cannot be executed is 126"
expect_error 126 'exec "/etc": permission denied' sandbox run $run_image /etc
expect_error 126 'exec "/etc/passwd"' sandbox run $run_image /etc/passwd

test_case "a script whose interpreter is missing is no reason to lie: 127 or 126, never 0"
mkdir "$WORK/scripts"
printf '#!/no/such/interpreter\n' >"$WORK/scripts/a"
printf 'neither ELF nor script\n' >"$WORK/scripts/b"
chmod 755 "$WORK"/scripts/*
expect_rc 127 sandbox run -v "$WORK/scripts:/s:ro" $run_image /s/a
expect_rc 126 sandbox run -v "$WORK/scripts:/s:ro" $run_image /s/b

test_case "what is our failure is 125, one line, with a cure"
expect_error 125 'no such image' sandbox run --pull never nosuchimage true
expect_error 125 'no command' sandbox run --entrypoint '' $run_image
expect_error 125 'invalid reference format' sandbox run "busybox:bad tag" true
expect_error 125 'already exists' sandbox run --cidfile "$WORK/scripts/a" $run_image true
expect_error 125 'duplicate mount destination' \
    sandbox run -v /tmp:/x --tmpfs /x/ $run_image true

test_case "with --timeout the payload is killed in time: 137, said on stderr"
expect_rc 137 sandbox run --timeout 1 $run_image sleep 30
expect_match 'ran longer than --timeout 1' "$ERR"

test_case "nothing of all that is left"
expect_eq "" "$(sandbox ps -aq)"
expect_eq "" "$(ls "$XDG_DATA_HOME/sandbox/containers" | grep -v '^names$')"
expect_eq "" "$(ls "$XDG_DATA_HOME/sandbox/containers/names")"
