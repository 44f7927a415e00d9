#!/bin/bash
# What the flags of `up` and `down` change, by compose's words too.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/project.sh"

cat >sandbox.toml <<'EOF'
name = "p"
[services.one]
image = "busybox"
command = ["sh", "-c", "echo one here; sleep 0.3; exit 4"]
[services.two]
image = "busybox"
command = ["sh", "-c", "echo two here; exec sleep 1000"]
stop_signal = "KILL"
EOF

test_case "--no-start makes what is missing, and start starts it"
expect_ok sandbox compose up --no-start --build -y
expect_eq $'p-one-1 created\np-two-1 created' "$(states)"
expect_ok sandbox start two
expect_eq $'p-one-1 created\np-two-1 running' "$(states)"
expect_ok sandbox up --no-start --force-recreate two
expect_eq $'p-one-1 created\np-two-1 created' "$(states)"
expect_ok sandbox down -q

test_case "compose's words end all when one ends, or fails"
expect_rc 4 sandbox compose up -q --abort-on-container-exit
expect_eq $'p-one-1 exited\np-two-1 exited' "$(states)"
expect_rc 4 sandbox compose up -q --abort-on-container-failure
expect_eq $'p-one-1 exited\np-two-1 exited' "$(states)"

test_case "--exit-code-from names one that is started, or is told at once"
expect_error 2 '"one", which is not among the services that are started \(name it, too' \
    sandbox up --exit-code-from one two
expect_error 2 'no such service: "three"' sandbox up --exit-code-from three
expect_error 2 'no such service: "three"' sandbox up --no-attach three
expect_rc 4 sandbox up -q --exit-code-from one one two

test_case "the logs of whom one wants to see, with the time, and of this time alone"
run_rc sandbox up -q --no-attach two --exit-code-from one
expect_eq 'one-1 | one here' "$OUT"
run_rc sandbox up -q --attach two --exit-code-from one
expect_eq 'two-1 | two here' "$OUT"
run_rc sandbox up -q --attach one --timestamps --exit-code-from one
expect_match '^one-1 \| 20[0-9-]+T[0-9:.]+[^ ]* one here$' "$OUT"
expect_ok sandbox down -q

test_case "what is in volumes without a name goes on in the container that is made anew"
make_image "$WORK/image" --layer busybox --volume /kept --cmd '["sleep","1000"]'
expect_ok sandbox pull -q "oci:$WORK/image"
expect_ok sandbox tag "$OUT" with-volume
cat >sandbox.toml <<'EOF'
name = "p"
[services.web]
image = "with-volume"
volumes = ["/short", { type = "volume", target = "/long" }]
stop_signal = "KILL"
EOF
volumes() { sandbox volume ls -q | wc -l; }
kept() { sandbox exec web cat /kept/f /short/f /long/f 2>&1 | tr '\n' ' '; }
expect_ok sandbox up -d -q
expect_ok sandbox exec web sh -c 'for d in kept short long; do echo $d >/$d/f; done'
expect_eq 3 "$(volumes)"
sed 's/^image = .*/&\nlabels = { a = "1" }/' -i sandbox.toml
expect_ok sandbox up -d -q
expect_eq 'kept short long ' "$(kept)"
expect_eq 3 "$(volumes)"

test_case "one that is not wanted any more goes, and -V begins anew with all"
sed 's/"\/short", //' -i sandbox.toml
expect_ok sandbox up -d -q
expect_eq 'kept long' "$(sandbox exec web cat /kept/f /long/f | xargs)"
expect_eq 2 "$(volumes)"
expect_ok sandbox up -d -q --force-recreate -V
expect_match "can't open '/kept/f'" "$(kept)"
expect_eq 2 "$(volumes)"

test_case "an up that is killed while it makes a container anew loses no volume, and leaves none"
expect_ok sandbox exec web sh -c 'echo kept >/kept/f; echo long >/long/f'
for moment in 01 02 03 04 05 06 07 08 10 12 15 20; do
    timeout -s KILL "0.$moment" "$SANDBOX_BIN" up -d -q --force-recreate 2>/dev/null
    sleep 0.2 # a stop that it has asked for goes on without it
    expect_ok sandbox up -d -q
    expect_eq 'p-web-1 running' "$(states)" "$moment"
    expect_eq 'kept long' "$(sandbox exec web cat /kept/f /long/f | xargs)" "$moment"
    expect_eq 2 "$(volumes)" "$moment"
done
# As it stands when the former one is gone already, and its successor has not got the name yet.
expect_ok sandbox rename p-web-1 aaaaaaaaaaaa_p-web-1
expect_ok sandbox up -d -q
expect_eq 'p-web-1 running' "$(states)"
expect_eq 'kept long' "$(sandbox exec web cat /kept/f /long/f | xargs)"

test_case "down --rmi all takes each image once, and says nothing of those that are gone"
sed 's/services.web/services.more/' sandbox.toml >more.toml
run_rc sandbox down -q -f sandbox.toml -f more.toml --rmi all
expect_eq '0  ' "$RC $OUT $ERR"
expect_rc 1 sandbox image exists with-volume
expect_eq 0 "$(volumes)"

test_case "what env_file and label_file say counts as the description; a hardware address is kept"
expect_ok sandbox pull -q "oci:$(image busybox)"
mkdir "$WORK/files"
cd "$WORK/files" || exit 1
cat >compose.yaml <<'END'
services:
  a:
    image: localhost/busybox
    env_file: ./env
    label_file: ./labels
    mac_address: 02:42:ac:11:65:43
    stop_signal: KILL
    command: sleep 1000
END
echo WORD=one >env
echo told=one >labels
expect_ok sandbox up -d
expect_eq 02:42:ac:11:65:43 "$(sandbox exec a cat /sys/class/net/eth0/address)"
echo WORD=two >env
expect_ok sandbox up -d
expect_match 'making files-a-1 anew: its description has changed' "$ERR"
expect_eq two "$(sandbox exec a sh -c 'echo $WORD')"
echo told=two >labels
expect_ok sandbox up -d
expect_eq two "$(sandbox inspect --format '{{.Config.Labels.told}}' files-a-1)"
expect_ok sandbox up -d
expect_match 'as it should be' "$ERR"
expect_ok sandbox down
