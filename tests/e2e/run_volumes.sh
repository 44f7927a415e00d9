#!/bin/bash
# Binds, volumes, tmpfs: what they show, who owns it, how volumes are filled, and who keeps them.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox
store=$XDG_DATA_HOME/sandbox

test_case "a bind shows the host's files both ways; what root makes inside is mine"
mkdir "$WORK/dir"
echo host >"$WORK/dir/a"
expect_ok sandbox run -v "$WORK/dir:/data" $run_image sh -c 'cat /data/a; echo inside >/data/b'
expect_eq host "$OUT"
expect_eq inside "$(cat "$WORK/dir/b")"
expect_eq "$(id -u)" "$(stat -c %u "$WORK/dir/b")"

test_case "relative sources, single files, a target that has to be made"
cd "$WORK" || exit
expect_ok sandbox run -v ./dir:/x/y/z $run_image cat /x/y/z/a
expect_ok sandbox run -v "$WORK/dir/a:/etc/new/file:ro" $run_image cat /etc/new/file
expect_eq host "$OUT"
expect_ok sandbox run -v "$WORK/dir/a:/etc/passwd" $run_image cat /etc/passwd
expect_eq host "$OUT"

test_case "a file of mine stands where the run's own hosts, resolv.conf and hostname would"
for name in hosts resolv.conf hostname; do
    expect_ok sandbox run -v "$WORK/dir/a:/etc/$name:ro" $run_image cat "/etc/$name"
    expect_eq host "$OUT"
done

test_case "a missing source is made by -v, said aloud, and is an error of --mount"
expect_ok sandbox run -v "$WORK/new/dir:/n" $run_image touch /n/x
expect_match 'made the directory' "$ERR"
expect_file "$WORK/new/dir/x"
expect_error 125 'bind source path does not exist' \
    sandbox run --mount type=bind,src="$WORK/none",dst=/n $run_image true
expect_no_file "$WORK/none"

test_case "a directory does not fit on a file, nor a file on a directory"
expect_error 125 '' sandbox run -v "$WORK/dir:/etc/passwd" $run_image true
expect_error 125 '' sandbox run -v "$WORK/dir/a:/etc" $run_image true

test_case "read-only holds, also for what is mounted below and against remounting"
expect_rc 1 sandbox run -v "$WORK/dir:/data:ro" $run_image touch /data/c
expect_match 'Read-only' "$ERR"
expect_ne 0 "$(sandbox run -v "$WORK/dir:/data:ro" $run_image sh -c 'mount -o remount,rw /data 2>/dev/null; echo $?')"
expect_ok sandbox run --read-only --tmpfs /tmp $run_image sh -c 'touch /tmp/x; ! touch /x 2>/dev/null'

test_case "nosuid, nodev and noexec hold on binds"
cp /bin/busybox "$WORK/dir/busybox"
expect_match 'nosuid,nodev' "$(sandbox run -v "$WORK/dir:/data" $run_image grep ' /data ' /proc/mounts)"
expect_ok sandbox run -v "$WORK/dir:/data" $run_image /data/busybox true
expect_rc 126 sandbox run -v "$WORK/dir:/data:noexec" $run_image /data/busybox true

test_case "a new named volume is filled from the image, with owners and modes"
printf '%s\n' '{"path": "srv/data", "type": "dir", "mode": "0750", "uid": 1000, "gid": 50}' \
    '{"path": "srv/data/file", "type": "file", "mode": "0640", "uid": 1000, "gid": 50, "data": "from image"}' \
    '{"path": "srv/data/sub/link", "type": "symlink", "target": "../file"}' >"$WORK/entries"
make_image "$WORK/seed" --layer busybox --layer "entries:$WORK/entries" --volume /srv/data
expect_ok sandbox pull -q "oci:$WORK/seed"
seed=localhost/seed
expect_ok sandbox run -v filled:/srv/data $seed sh -c 'stat -c "%a %n" /srv/data /srv/data/file; cat /srv/data/sub/link; rm /srv/data/file'
expect_eq $'750 /srv/data\n640 /srv/data/file\nfrom image' "$OUT"
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_eq "1000:50" "$(sandbox run -v filled:/srv/data $seed stat -c %u:%g /srv/data)"
fi
test_case "it is filled once: what was removed stays removed"
expect_rc 1 sandbox run -v filled:/srv/data $seed test -e /srv/data/file
test_case "a copy that was killed halfway is made anew"
sandbox volume create half >/dev/null
touch "$store/volumes/half/seeding" "$store/volumes/half/data/rubbish"
expect_eq "file sub" "$(sandbox run -v half:/srv/data $seed sh -c 'echo $(ls /srv/data)')"
expect_no_file "$store/volumes/half/seeding"
test_case "nocopy leaves it empty; a volume that has files is not filled"
expect_eq "" "$(sandbox run -v bare:/srv/data:nocopy $seed ls -A /srv/data)"
sandbox volume create -q mine >/dev/null 2>&1 || sandbox volume create mine >/dev/null
sandbox run -v mine:/v $run_image touch /v/own
expect_eq own "$(sandbox run -v mine:/srv/data $seed ls -A /srv/data)"

test_case "a user of the image can write to a volume whose mount point is his"
expect_ok sandbox run -u user -v homes:/home/user $run_image touch /home/user/x

test_case "the image's VOLUME is an anonymous volume that goes with its container"
before=$(sandbox volume ls -q | sort)
expect_ok sandbox run $seed cat /srv/data/file
expect_eq "from image" "$OUT"
expect_match ' /srv/data ' "$(sandbox run $seed cat /proc/mounts)"
expect_eq "$before" "$(sandbox volume ls -q | sort)"
test_case "a kept container keeps it, rm -v removes it"
expect_ok sandbox run --name keeper $seed sh -c 'echo more >/srv/data/more'
expect_eq 1 "$(comm -13 <(echo "$before") <(sandbox volume ls -q | sort) | wc -l)"
expect_ok sandbox rm -v keeper
expect_eq "$before" "$(sandbox volume ls -q | sort)"

test_case "named volumes stay after --rm, two containers see the same one"
expect_ok sandbox run --rm -v shared:/v $run_image sh -c 'echo 1 >/v/n'
expect_eq 1 "$(sandbox run --rm -v shared:/other:ro $run_image cat /other/n)"

test_case "--volumes-from takes what another container mounts; flags win"
expect_ok sandbox run --name source -v shared:/v -v "$WORK/dir:/d:ro" $run_image true
expect_eq "1 host" "$(sandbox run --volumes-from source $run_image sh -c 'echo $(cat /v/n) $(cat /d/a)')"
expect_ok sandbox run --volumes-from source:ro $run_image sh -c '! touch /v/x 2>/dev/null'
expect_error 125 'no such container' sandbox run --volumes-from nobody $run_image true

test_case "a volume that a container uses is not removed"
expect_error 2 'is in use' sandbox volume rm shared
expect_ok sandbox rm source
expect_ok sandbox volume rm shared
expect_error 1 'no such volume' sandbox volume rm shared

test_case "tmpfs and --mount: sizes, modes, types"
expect_match 'size=1024k' "$(sandbox run --tmpfs /t:size=1m,mode=700 $run_image grep ' /t ' /proc/mounts)"
expect_eq 1770 "$(sandbox run --mount type=tmpfs,dst=/t,tmpfs-mode=1770 $run_image stat -c %a /t)"
expect_eq host "$(sandbox run --mount "type=bind,src=$WORK/dir,dst=/d,ro" $run_image cat /d/a)"
expect_match ' size=[0-9]+k nr_inodes=10240 ' \
    "$(sandbox run --tmpfs /t:size=1%,nr_inodes=10k $run_image grep ' /t ' /proc/mounts | tr , ' ')"
expect_error 125 'for instance size=64m' sandbox run --tmpfs /t:size=%,mode=700 $run_image true
expect_eq "700 7:8" "$(sandbox run --tmpfs /t:mode=700,uid=7,gid=8 $run_image stat -c '%a %u:%g' /t)"
expect_eq 7 "$(sandbox run -u 7 --tmpfs /t:mode=700,uid=7 $run_image sh -c 'touch /t/x && stat -c %u /t/x')"
expect_ok sandbox run --mount type=volume,src=vol3,dst=/v $run_image touch /v/x
expect_match '\bvol3\b' "$(sandbox volume ls -q)"

test_case "a mount below a mount, whatever the order of the flags"
expect_eq "host in" "$(sandbox run -v "$WORK/dir/a:/m/sub/file" -v mounts:/m $run_image sh -c 'echo in >/m/own; echo $(cat /m/sub/file /m/own)')"

test_case "forbidden targets, and links of the image to them"
for target in /proc /proc/self/attr /sys /dev / /proc/../proc; do
    expect_error 125 'forbidden target|nothing can be mounted' sandbox run -v "$WORK/dir:$target" $run_image true
done
printf '%s\n' '{"path": "toproc", "type": "symlink", "target": "/proc"}' \
    '{"path": "tosys", "type": "symlink", "target": "../../sys"}' \
    '{"path": "todev", "type": "symlink", "target": "/dev"}' \
    '{"path": "out", "type": "symlink", "target": "../../../../../../tmp"}' >"$WORK/entries"
make_image "$WORK/links" --layer busybox --layer "entries:$WORK/entries"
for target in /toproc /tosys /todev /toproc/self/attr; do
    run_rc sandbox run -q -v "$WORK/dir:$target" "oci:$WORK/links" true
    expect_eq 125 "$RC" "$target"
done
expect_ok sandbox run -q -v "$WORK/dir:/out/inside" "oci:$WORK/links" test -e /tmp/inside/a
expect_no_file /tmp/inside

test_case "twice the same destination is refused"
expect_error 125 'duplicate mount destination' sandbox run -v "$WORK/dir:/x" -v other:/x/ $run_image true

test_case "a run that is interrupted on its way leaves no anonymous volume"
expect_ok sandbox volume create slow
before=$(sandbox volume ls -q)
# Somebody else fills that one.
flock "$store/volumes/slow/seed.lock" sleep 30 &
on_exit stop_pid $!
expect_rc 130 timeout --preserve-status -s INT 1 "$SANDBOX_BIN" run --rm -v /anonymous -v slow:/data $run_image true
expect_eq "$before" "$(sandbox volume ls -q)"
expect_eq "" "$(sandbox ps -aq)"

test_case "an anonymous volume goes with its own container, not with those that somebody gave it to"
expect_ok sandbox create --name owner -v /a $run_image true
volume=$(sandbox inspect --format '{{(index .Mounts 0).Name}}' owner)
expect_ok sandbox run --name heir --volumes-from owner $run_image sh -c 'echo kept >/a/word'
expect_ok sandbox rm owner
expect_ok sandbox create --name guest -v "$volume:/x" $run_image true
expect_ok sandbox rm heir
expect_ok sandbox rm -v guest
expect_eq kept "$(sandbox run --rm -v "$volume:/x" $run_image cat /x/word)"
"$SANDBOX_BIN" run --rm -v "$volume:/x" $run_image sleep 100 &
run=$!
wait_until 20 sh -c '[ -n "$("$SANDBOX_BIN" ps -q)" ]' || fail "it does not run"
kill -KILL "$run"
wait "$run"
wait_until 20 sh -c '[ -z "$("$SANDBOX_BIN" ps -aq)" ]' || fail "it is not swept"
expect_match "$volume" "$(sandbox volume ls -q)"
expect_ok sandbox create --name owner -v "$volume:/x" -v /own $run_image true
own=$(sandbox inspect --format '{{range .Mounts}}{{if eq .Destination "/own"}}{{.Name}}{{end}}{{end}}' owner)
expect_ok sandbox create --name heir --volumes-from owner $run_image true
expect_ok sandbox rm -v owner
expect_match "$own" "$(sandbox volume ls -q)"
expect_ok sandbox rm -v heir
expect_no_match "$own" "$(sandbox volume ls -q)"
expect_ok sandbox volume rm "$volume"
