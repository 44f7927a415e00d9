#!/bin/bash
# Secrets and configs: in memory, from files, variables and the profile; over starts and reboots.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/project.sh"

umask 077
printf 'from-a-file\n' >password
echo 'DOT_TOKEN=from-dot-env-5871' >.env

cat >sandbox.toml <<'EOF2'
name = "p"
[services.web]
image = "busybox"
command = ["sleep", "1000"]
stop_signal = "KILL"
secrets = ["password", "token", { source = "dotted", target = "/etc/dotted", mode = 0o400 },
           { source = "inline", uid = "7", gid = "8", mode = 0o440 }]
configs = [{ source = "settings", target = "/etc/app/settings.ini" }]
[secrets]
password = { file = "./password" }
token = { environment = "TOKEN" }
dotted = { environment = "DOT_TOKEN" }
inline = { content = "inline-secret-4411" }
[configs]
settings = { content = "[app]\nmode = fast\n" }
EOF2

seen() { sandbox exec web cat "$1"; }
# No word of a secret anywhere in the store.
nowhere() {
    ! grep -rlE 'from-the-environment-9932|from-dot-env-5871|inline-secret-4411' \
        "$XDG_DATA_HOME" "$XDG_RUNTIME_DIR" "$XDG_CONFIG_HOME" "$XDG_CACHE_HOME" 2>/dev/null
}

test_case "a variable that is not set is told before anything starts"
run_rc sandbox up -d -q
expect_eq 2 "$RC"
expect_match 'sandbox.toml:2: secret "token" is in no variable: "TOKEN" is not set \(set it' "$ERR"
expect_eq '' "$(sandbox ps -aq)"

test_case "all kinds reach the container, with their owners and modes, and cannot be written"
export TOKEN='from-the-environment-9932'
expect_ok sandbox up -d -q
expect_eq from-a-file "$(seen /run/secrets/password)"
expect_eq from-the-environment-9932 "$(seen /run/secrets/token)"
expect_eq from-dot-env-5871 "$(seen /etc/dotted)"
expect_eq inline-secret-4411 "$(seen /run/secrets/inline)"
expect_eq $'[app]\nmode = fast' "$(seen /etc/app/settings.ini)"
expect_eq 400 "$(sandbox exec web stat -c %a /etc/dotted)"
expect_eq 444 "$(sandbox exec web stat -c %a /run/secrets/password)"
expect_rc 1 sandbox exec web sh -c 'echo x >/run/secrets/token'
expect_match 'tmpfs' "$(sandbox exec web grep ' /run/secrets/token ' /proc/self/mounts)"
# With one id the file carries its owner as an attribute, which a tmpfs has since Linux 6.6.
if [ "$SANDBOX_TEST_USER" = range ] || python3 -c 'import os
open("/dev/shm/mark.%d" % os.getpid(), "w").close()
try: os.setxattr("/dev/shm/mark.%d" % os.getpid(), "user.mark", b"")
finally: os.unlink("/dev/shm/mark.%d" % os.getpid())' 2>/dev/null; then
    expect_eq '440 7 8' "$(sandbox exec web stat -c '%a %u %g' /run/secrets/inline)"
else
    expect_eq '440 0 0' "$(sandbox exec web stat -c '%a %u %g' /run/secrets/inline)"
fi
expect_eq from-a-file "$(sandbox exec -u 1234 web cat /run/secrets/password)"

test_case "no secret stands in the store, in inspect or in an image made of the container"
expect_ok nowhere
expect_no_match 'from-the-environment-9932|inline-secret-4411|from-dot-env' "$(sandbox inspect p-web-1)"
expect_no_match 'from-the-environment-9932|inline-secret-4411' \
    "$(sandbox exec web sh -c 'cat /proc/*/environ /proc/*/cmdline 2>/dev/null' | tr '\0' '\n')"
expect_ok sandbox commit -q p-web-1 made
expect_eq '' "$(sandbox run --rm made cat /run/secrets/token)"
expect_ok nowhere

test_case "a restart by policy or by hand still has them, and a file's new content counts"
printf 'changed\n' >password
expect_ok sandbox restart web
expect_eq changed "$(seen /run/secrets/password)"
expect_eq from-the-environment-9932 "$(seen /run/secrets/token)"

test_case "up changes nothing; another source, or other content of a file, makes the container anew"
printf 'changed again\n' >password
id=$(sandbox inspect --format '{{.Id}}' p-web-1)
expect_ok sandbox up -d -q
expect_ne "$id" "$(sandbox inspect --format '{{.Id}}' p-web-1)"
expect_eq 'changed again' "$(seen /run/secrets/password)"
id=$(sandbox inspect --format '{{.Id}}' p-web-1)
expect_ok sandbox up -d -q
expect_eq "$id" "$(sandbox inspect --format '{{.Id}}' p-web-1)"
sed 's/mode = fast/mode = slow/' -i sandbox.toml
expect_ok sandbox up -d -q
expect_ne "$id" "$(sandbox inspect --format '{{.Id}}' p-web-1)"
expect_eq $'[app]\nmode = slow' "$(seen /etc/app/settings.ini)"

test_case "a start by its own name, as after a reboot, reads the profile again or says what is missing"
expect_ok sandbox stop -t 0 web
cd / || exit 1
(unset TOKEN; run_rc sandbox start p-web-1
expect_eq 1 "$RC"
expect_match 'secret "token": its content is not kept anywhere.*set the variable TOKEN' "$ERR"
[ "$failures" = 0 ]) || fail "start without the variable"
expect_ok sandbox start p-web-1
cd "$WORK/p" || exit 1
expect_eq from-dot-env-5871 "$(seen /etc/dotted)"
expect_eq inline-secret-4411 "$(seen /run/secrets/inline)"

test_case "a task has them, too, and a file that is gone is told"
cat >>sandbox.toml <<'EOF2'
[tasks.use]
image = "busybox"
secrets = ["token", "password"]
command = ["cat", "/run/secrets/token"]
EOF2
expect_eq from-the-environment-9932 "$(sandbox run-task use)"
rm password
run_rc sandbox run-task use
expect_eq 125 "$RC"
expect_match 'secret "password": no such file or directory: ".*/p/password"' "$ERR"
