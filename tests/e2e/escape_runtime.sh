#!/bin/bash
# The host's program and the host's descriptors stay out of reach. E01, E02, E03, E27, E30.
. "$SANDBOX_TESTS/support/lib.sh"

before=$(sha256sum "$SANDBOX_BIN")
mkdir -p "$WORK/host-dir/canary" "$WORK/scripts/s"
printf '#!/proc/self/exe\nrun\n' >"$WORK/scripts/s/self"
printf '#!/proc/1/exe\nrun\n' >"$WORK/scripts/s/init"
cp "$SANDBOX_BIN" "$WORK/scripts/s/copy"
chmod 755 "$WORK"/scripts/s/*
expect_ok make_image "$WORK/shebang" --layer busybox --layer "$WORK/scripts" \
    --entrypoint '["/s/self"]'
expect_ok sandbox pull -q "oci:$WORK/shebang"
image=localhost/shebang

test_case "E01: an entrypoint that says #!/proc/self/exe meets nothing of ours"
expect_rc 126 sandbox run $image
expect_rc 126 sandbox run --entrypoint /s/init $image
for path in /proc/1/exe /proc/self/exe; do
    run_rc sandbox run --entrypoint /bin/sh $image -c "echo x 2>/dev/null >>$path"
    expect_ne 0 "$RC" "writing to $path"
done
run_rc sandbox run --entrypoint /bin/sh $image -c 'cat /proc/1/exe'
expect_eq "" "$OUT"
for round in 1 2 3 4 5; do
    run_rc sandbox run --entrypoint /bin/sh $image -c \
        'for i in 1 2 3 4 5 6 7 8; do for p in /proc/[0-9]*; do
             (exec 3<>$p/exe) 2>/dev/null && echo "$p opened"; done; done'
    expect_eq "" "$OUT"
done
expect_eq "$before" "$(sha256sum "$SANDBOX_BIN")"

test_case "E02: a working directory named by a descriptor is refused or inside"
for fd in 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    exec 7<"$WORK/host-dir" 9<"$WORK/host-dir" 12<"$WORK/host-dir"
    run_rc sandbox run -w "/proc/self/fd/$fd" --entrypoint /bin/sh $image -c 'pwd; ls'
    exec 7<&- 9<&- 12<&-
    expect_no_match canary "$OUT"
    [ "$RC" -eq 0 ] || expect_match '^12[567]$' "$RC"
done
run_rc sandbox run -w /proc/self/cwd --entrypoint /bin/ls $image
expect_no_match canary "$OUT"

test_case "E03: only standard input, output and error are open at the start"
exec 7</etc/passwd 9<"$WORK/host-dir" 33</
expect_ok sandbox run --entrypoint /bin/ls $image /proc/self/fd
expect_eq "0 1 2 3" "$(echo $OUT)"
expect_ok sandbox run --init=false --entrypoint /bin/ls $image /proc/1/fd
expect_eq "0 1 2 3" "$(echo $OUT)"
exec 7<&- 9<&- 33<&-

test_case "E27, E30: nothing of the caller's environment is inside, nor the other way round"
export SECRET_TOKEN=hunter2
expect_ok sandbox run -e LD_PRELOAD=/nowhere.so -e LD_LIBRARY_PATH=/s --entrypoint /bin/sh $image \
    -c 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/self/mountinfo 2>/dev/null; true'
expect_no_match 'hunter2|SECRET_TOKEN' "$OUT"
expect_no_match "$WORK/scripts" "$OUT"
