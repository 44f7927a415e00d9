#!/bin/bash
# Completion: what is offered, and that each shell loads its script and shows it.
. "$SANDBOX_TESTS/support/lib.sh"

offered() { sandbox __complete "$@" | cut -f1 | tr '\n' ' ' | sed 's/ $//'; }

sandbox volume create data >/dev/null
sandbox volume create database >/dev/null
make_image "$WORK/img" --layer busybox --cmd '["true"]'
id=$(sandbox pull -q "oci:$WORK/img:latest") || fail "no image"
sandbox tag "$id" tool:1 tool:2

test_case "commands, their groups, flags, words, images and volumes are offered"
expect_eq 'rename restart rm rmi run run-task' "$(offered r)"
expect_eq 'prune' "$(offered volume pr)"
expect_eq '--pid --pids-limit' "$(offered run --pid)"
expect_eq 'missing always never' "$(offered run --pull '')"
expect_eq '--pull=always' "$(offered run --pull=al)"
expect_eq 'tool:1 tool:2' "$(offered run -it tool)"
expect_eq 'tool:1 tool:2' "$(offered rmi too)"
expect_eq 'data database' "$(offered volume rm d)"
expect_eq 'data database' "$(offered run -v d)"
expect_eq 'bash' "$(offered completion b)"
expect_eq '' "$(offered nonsense x)"
expect_eq ':files' "$(offered run tool:1 '')"
expect_eq ':files' "$(offered run --env-file '')"

test_case "bash loads its script and completes behind a colon"
expect_ok bash -c '
    PATH=$(dirname "$0"):$PATH
    source <(sandbox completion bash)
    try() {
        COMP_LINE=$1 COMP_POINT=${#1}
        _sandbox_complete
        printf "%s|" "${COMPREPLY[@]}"
        echo
    }
    try "sandbox vol"
    try "sandbox run --pull=al"
    try "sandbox rmi tool:"
    try "sandbox volume rm "' "$SANDBOX_BIN"
expect_eq 'volume|
always|
1|2|
data|database|' "$OUT"

test_case "zsh loads its script and completes on a terminal"
cat >"$WORK/zsh.exp" <<'PYTHON'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(PATH=os.path.dirname(sys.argv[1]) + ":" + os.environ["PATH"], TERM="dumb",
                      ZDOTDIR="/nonexistent")
    os.execvp("zsh", ["zsh", "-f"])
seen = b""
def wait_for(text, seconds=30):
    global seen
    end = time.time() + seconds
    while text not in seen and time.time() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                break
    return text in seen
os.write(fd, b"autoload -U compinit; compinit -u -D; source <(sandbox completion zsh); echo rea''dy\n")
ok = wait_for(b"ready")
seen = b""
os.write(fd, b"sandbox volume pru\t")
ok = ok and wait_for(b"ne ")
os.write(fd, b"\x15exit\n")
os.waitpid(pid, 0)
print("completed" if ok else "not completed: %r" % seen)
PYTHON
command -v zsh >/dev/null || skip "there is no zsh"
expect_ok python3 "$WORK/zsh.exp" "$SANDBOX_BIN"
expect_eq completed "$OUT"

test_case "fish loads its script and completes"
command -v fish >/dev/null || skip "there is no fish"
expect_ok env PATH="$(dirname "$SANDBOX_BIN"):$PATH" fish -c '
    sandbox completion fish | source
    complete -C "sandbox volume pru"
    complete -C "sandbox rmi tool:"
    complete -C "sandbox run --pull "'
expect_match '^prune' "$OUT"
expect_match 'tool:1' "$OUT"
expect_match 'missing' "$OUT"

test_case "an unknown shell is refused"
expect_error 2 'unknown shell "tcsh"' sandbox completion tcsh
