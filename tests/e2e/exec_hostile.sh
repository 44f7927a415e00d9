#!/bin/bash
# exec into a container whose programs are against us: nothing of the host is reached, nothing hangs.
# SANDBOX_TEST_TTY_ROUNDS: how many terminals are opened while /dev is played with (100; 1000 by
# hand), E05.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
canary=$(sha256sum "$SANDBOX_BIN")
"$SANDBOX_BIN" run --name box localhost/busybox sleep 1000 >/dev/null 2>&1 &
runner=$!
on_exit stop_pid $runner
expect_ok wait_until 20 sandbox exec box true

test_case "whoever watches /proc sees neither our program, nor our words, nor our descriptors"
expect_ok sandbox exec -d box sh -c 'cd /proc; while [ ! -e /tmp/stop ]; do for p in [0-9]*; do
    [ "$p" = 1 ] && continue; readlink $p/exe >>/tmp/exe; ls -l $p/fd >>/tmp/fds
    cat $p/cmdline >>/tmp/words; echo >>/tmp/words; cat $p/environ >>/tmp/environ; done; done 2>/dev/null'
for ((i = 0; i < 100; ++i)); do
    HOST_SECRET=canary-of-the-host "$SANDBOX_BIN" exec -e "SECRET_ARGUMENT=$i" box true || fail "exec $i"
done
# Without our files as its streams: those are meant to be seen.
sandbox exec box touch /tmp/stop >/dev/null 2>&1 || fail "exec touch"
expect_ok sandbox exec box sh -c 'sort -u /tmp/exe'
expect_no_match "$(basename "$SANDBOX_BIN")( |$)" "$OUT"
expect_rc 1 sandbox exec box grep -q -e '[c]anary-of-the-host' /tmp/environ
expect_rc 1 sandbox exec box grep -q -e '--[e]nv' -e '-e.[S]ECRET_ARGUMENT' /tmp/words
expect_rc 1 sandbox exec box grep -q -e "$WORK" /tmp/fds

test_case "a program that is a script of /proc/self/exe never reaches the host's"
expect_ok sandbox exec box sh -c 'printf "#!/proc/self/exe\n" >/tmp/evil; chmod +x /tmp/evil'
run_rc timeout 20 "$SANDBOX_BIN" exec box /tmp/evil
expect_ne 0 "$RC"
expect_ok sandbox exec -d box sh -c 'for i in $(seq 2000); do for p in /proc/[0-9]*; do
    echo x 2>/dev/null >$p/exe; done; done'
for ((i = 0; i < 20; ++i)); do sandbox exec box true; done
expect_eq "$canary" "$(sha256sum "$SANDBOX_BIN")"

test_case "a working directory that is a descriptor leads nowhere"
for n in 3 4 5 6 7 8 9 10 11 12; do
    run_rc sandbox exec -w "/proc/self/fd/$n" box pwd
    expect_eq 126 "$RC" "fd $n"
done

test_case "only three descriptors come in"
expect_ok bash -c "exec 7</etc/passwd; '$SANDBOX_BIN' exec box sh -c 'echo /proc/self/fd/*'"
expect_no_match 'fd/7' "$OUT"

test_case "terminals while /dev is played with: each time one of the container's, or a refusal"
expect_ok sandbox exec -d box sh -c 'while [ ! -e /tmp/done ]; do rm -f /dev/null /dev/ptmx
    ln -s /proc/1/root /dev/null; ln -s /tmp/x /dev/ptmx; rm -rf /dev/pts/0; mv /dev/pts /dev/was
    ln -s / /dev/pts; done 2>/dev/null'
opened=0
for ((i = 0; i < ${SANDBOX_TEST_TTY_ROUNDS:-100}; ++i)); do
    run_rc timeout 20 "$SANDBOX_BIN" exec -t box tty
    [[ $RC = 0 && $OUT = /dev/pts/* || $RC = 125 ]] || fail "exec -t: $(last_run)"
    [[ $RC != 0 ]] || opened=$((opened + 1))
done
echo "  $opened of $i were opened"
expect_ok sandbox exec box touch /tmp/done

test_case "50 at once: all answer, and nothing stays"
before=$(ls /proc/$runner/fd | wc -l)
pids=()
for ((i = 0; i < 50; ++i)); do
    "$SANDBOX_BIN" exec box sh -c "exit $((i % 3))" &
    pids+=($!)
done
for ((i = 0; i < 50; ++i)); do
    wait "${pids[i]}"
    expect_eq $((i % 3)) $? "exec $i"
done
expect_ok sandbox exec box true
expect_eq "$before" "$(ls /proc/$runner/fd | wc -l)" "descriptors of the supervisor"
expect_eq "" "$(ps -o stat= --ppid $runner | grep Z)" "zombies"

test_case "a process limit that is used up is an error, not a hang"
# Without a cgroup the kernel counts by user: the process that made the namespaces, too, until it has
# gone. So the payload begins a moment later.
"$SANDBOX_BIN" run --name full --pids-limit 8 --user 0 localhost/busybox \
    sh -c 'sleep 1; sleep 1000 & sleep 1000 & sleep 1000 & sleep 1000 & sleep 1000 & exec sleep 1001' >/dev/null 2>&1 &
on_exit stop_pid $!
expect_ok wait_until 20 sandbox top full
run_rc timeout 20 "$SANDBOX_BIN" exec full true
[[ $RC != 124 ]] || fail "hangs"

test_case "the end of the container while programs come in"
for ((i = 0; i < 15; ++i)); do
    "$SANDBOX_BIN" run --name "racer$i" localhost/busybox sleep 1000 >/dev/null 2>&1 &
    racer=$!
    wait_until 20 sandbox exec "racer$i" true || fail "racer $i does not start"
    "$SANDBOX_BIN" exec "racer$i" sleep 1000 2>/dev/null &
    inside=$!
    (for ((n = 0; n < 5; ++n)); do timeout 20 "$SANDBOX_BIN" exec "racer$i" true; echo $?; done) >"$WORK/codes" 2>/dev/null &
    many=$!
    kill -KILL $racer
    wait $racer 2>/dev/null
    wait $many
    expect_eq "" "$(grep -vE '^(0|125|137)$' "$WORK/codes")" "codes"
    timeout 20 tail --pid=$inside -f /dev/null || fail "the program inside hangs"
done
