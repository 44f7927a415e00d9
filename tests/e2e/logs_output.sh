#!/bin/bash
# logs: what kept and detached containers have written, and every flag of the command.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox

test_case "a kept foreground run shows its output and leaves it in the log, stream by stream"
run_rc sandbox run --name one $run_image sh -c 'echo to-out; echo to-err >&2; printf tail'
expect_eq 0 "$RC"
expect_eq "to-out
tail" "$OUT"
expect_eq to-err "$ERR"
run_rc sandbox logs one
expect_eq "to-out
tail" "$OUT"
expect_eq to-err "$ERR"

test_case "times, the last lines, and a window of time"
expect_match '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z to-out' "$(sandbox logs -t one 2>/dev/null)"
expect_ok sandbox run --name many $run_image seq 1000
expect_eq "999
1000" "$(sandbox logs --tail 2 many)"
expect_eq "1000" "$(sandbox logs -n 1 many)"
expect_eq "" "$(sandbox logs --tail=0 many)"
expect_eq 1000 "$(sandbox logs --tail all many | wc -l)"
expect_eq 1000 "$(sandbox logs --since 10m many | wc -l)"
expect_eq "" "$(sandbox logs --until 10m many)"
expect_eq "" "$(sandbox logs --since "$(($(date +%s) + 10))" many)"
expect_eq 1000 "$(sandbox logs --until "$(date -u -d '+1 minute' +%Y-%m-%dT%H:%M:%SZ)" many | wc -l)"
expect_error 2 'invalid time "soon"' sandbox logs --since soon many
expect_error 2 'invalid number "x"' sandbox logs --tail x many
expect_error 1 'no such container' sandbox logs nosuch

test_case "bytes are kept as they are, long lines whole"
expect_ok sandbox run --name bytes $run_image sh -c 'head -c 300000 /bin/busybox; head -c 100000 /dev/zero | tr "\0" x; echo'
sandbox run $run_image sh -c 'head -c 300000 /bin/busybox; head -c 100000 /dev/zero | tr "\0" x; echo' >"$WORK/want"
sandbox logs bytes >"$WORK/got"
expect_ok cmp "$WORK/want" "$WORK/got"

test_case "several containers are merged by time, each behind its id or name"
expect_eq 1002 "$(sandbox logs one many 2>/dev/null | wc -l)"
id=$(sandbox inspect --format '{{.Id}}' many)
expect_eq "${id:0:12} 1000" "$(sandbox logs --tail 1 many one 2>/dev/null | tail -n 1)"
expect_eq "many 1000" "$(sandbox logs --names --tail 1 many)"

test_case "the log is bounded as asked for, in docker's words"
expect_ok sandbox run --name small --log-driver json-file --log-opt max-size=20k --log-opt tag=x \
    $run_image seq 100000
expect_eq 100000 "$(sandbox logs small | tail -n 1)"
path=$(sandbox inspect --format '{{.HostConfig.LogConfig.Path}}' small)
expect_file "$path"
expect_eq "$path" "$(sandbox inspect --format '{{.LogPath}}' small)"
expect_ok test "$(cat "$path"* | wc -c)" -le 20480
expect_ok test "$(cat "$path"* | wc -c)" -ge 10000
expect_eq "json-file 20k x" "$(sandbox inspect --format \
    '{{.HostConfig.LogConfig.Type}} {{index .HostConfig.LogConfig.Config "max-size"}} {{.HostConfig.LogConfig.Config.tag}}' small)"

test_case "of a flood the last lines stay, whole and in order, also over a restart"
# The last of them that are there, if each is one more than the one before it.
in_order() { awk 'NR > 1 && $1 != last + 1 { print "not " last + 1 " but " $1; exit 1 }
    { last = $1 } END { print (NR > 1000000 ? last : NR " lines only") }'; }
expect_ok sandbox run -d --name flood --log-opt max-size=4m --log-opt max-file=3 \
    $run_image seq 4500000
expect_eq 0 "$(sandbox wait flood)"
expect_eq 4500000 "$(sandbox logs flood | in_order)"
path=$(sandbox inspect --format '{{.LogPath}}' flood)
files=$(stat -c %i "$path"* | sort)
expect_ok sandbox start -a flood >/dev/null
expect_eq "$files" "$(stat -c %i "$path"* | sort)"
expect_ok test "$(cat "$path"* | wc -c)" -le $((3 * 4 << 20))
expect_eq 4500000 "$(sandbox logs --tail 1200000 flood | in_order)"
expect_ok sandbox rm flood

test_case "a log may lie elsewhere, and goes with its container"
expect_ok sandbox run --name else --log-opt path="$WORK/my.log" $run_image echo there
expect_match 'stdout F there$' "$(cat "$WORK/my.log")"
expect_eq there "$(sandbox logs else)"
expect_ok sandbox rm else
expect_no_file "$WORK/my.log"

test_case "k8s-file is text for everybody, the default form is our own"
expect_ok sandbox run --name text --log-driver k8s-file $run_image sh -c 'echo o; echo e >&2'
path=$(sandbox inspect --format '{{.LogPath}}' text)
expect_match '^[0-9TZ:.+-]{35} stdout F o$' "$(grep stdout "$path")"
expect_match '^[0-9TZ:.+-]{35} stderr F e$' "$(grep stderr "$path")"
expect_eq o "$(sandbox logs text 2>/dev/null)"
expect_eq local "$(sandbox inspect --format '{{.HostConfig.LogConfig.Type}}' one)"
expect_error 125 'has no path' sandbox run --log-driver local --log-opt path="$WORK/x" $run_image true
expect_ok sandbox rm text

test_case "a log file is one running container's: another one is refused, and does not take it away"
expect_ok sandbox run -d --name first --log-opt path="$WORK/shared.log" $run_image sh -c 'echo 1; sleep 1000'
wait_until 10 grep -q 'stdout F 1$' "$WORK/shared.log"
expect_error 125 'in use by another container' \
    sandbox run -d --name second --log-opt path="$WORK/shared.log" $run_image echo 2
sandbox rm -f second >/dev/null 2>&1
expect_match 'stdout F 1$' "$(cat "$WORK/shared.log")"
expect_ok sandbox restart -t 0 first
expect_ok sandbox rm -f -t 0 first
expect_no_file "$WORK/shared.log"

test_case "--attach shows only what it names; the log has all"
run_rc sandbox run --name part -a stdout $run_image sh -c 'echo o; echo e >&2'
expect_eq o "$OUT"
expect_eq "" "$ERR"
run_rc sandbox logs part
expect_eq e "$ERR"
run_rc sandbox run -a STDERR $run_image sh -c 'echo o; echo e >&2'
expect_eq "/e" "$OUT/$ERR"
expect_error 125 'use stdin, stdout or stderr' sandbox run -a x $run_image true
expect_error 125 'conflicting' sandbox run -d -a stdout $run_image true

test_case "a container's log is its own, where a project here has a service of that name, too"
mkdir "$WORK/project"
printf 'services:\n  one: { image: busybox }\n' >"$WORK/project/compose.yaml"
expect_eq "$(sandbox logs one)" "$(cd "$WORK/project" && sandbox logs one)"
expect_match . "$(cd "$WORK/project" && sandbox logs one)"

test_case "no log is no log; unknown drivers and options are refused before anything is made"
expect_ok sandbox run --name none --log-driver none $run_image echo x
expect_error 1 'has no log' sandbox logs none
expect_error 125 'syslog' sandbox run --log-driver syslog $run_image true
expect_error 125 'max-size' sandbox run --log-opt max-size=lots $run_image true
expect_error 125 'unknown log opt' sandbox run --log-opt color=red $run_image true
expect_ok sandbox rm one many bytes small none part

test_case "a reader that goes, and a full disk, are no riddle"
expect_ok sandbox run --name flood $run_image seq 200000
expect_eq 1 "$(sandbox logs flood | head -n 1)"
run_rc sh -c '"$SANDBOX_BIN" logs flood >/dev/full'
expect_eq 1 "$RC"
expect_match 'no space left on device' "$ERR"
