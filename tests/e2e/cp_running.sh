#!/bin/bash
# cp, export, diff and commit of a container that runs, and what a hostile one tries (E26).
# SANDBOX_TEST_COPY_ROUNDS: how often the race is run (150; 1000 by hand).
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
mkdir bound && echo b >bound/b
expect_ok sandbox run -d --name c -v vol:/vol -v "$WORK/bound:/bound" --tmpfs /scratch localhost/busybox \
    sh -c 'mkdir -p /d/sub; echo content >/d/file; echo t >/scratch/t; echo v >/vol/v; mkfifo /d/fifo
           ln -s / /d/root; ln -s /proc/1/root /d/proot; touch /ready; exec sleep 1000'
on_exit sandbox rm -f c
wait_until 20 sandbox cp c:/ready ready || fail "it does not get ready"
in_container() { sandbox cp "c:$1" - | tar xO; }

test_case "out of it, with all that is mounted there"
expect_ok sandbox cp c:/d out
expect_eq content "$(cat out/file)"
expect_eq t "$(in_container /scratch/t)"
expect_eq v "$(in_container /vol/v)"
expect_eq b "$(in_container /bound/b)"
expect_match Linux "$(in_container /proc/version)"
expect_match localhost "$(in_container /etc/hosts)"

test_case "into it, and it sees it"
echo new >new
expect_ok sandbox cp new c:/d/
expect_ok sandbox cp new c:/vol/
expect_ok sandbox cp new c:/bound/
expect_ok sandbox cp new c:/scratch/
expect_eq new "$(cat bound/new)"
expect_eq new "$(in_container /scratch/new)"
expect_eq new "$(in_container /vol/new)"
printf '127.0.0.1 replaced\n' >hosts
expect_ok sandbox cp hosts c:/etc/hosts
expect_match replaced "$(in_container /etc/hosts)"
expect_ok sandbox cp c:/d/file c:/d/copy
expect_eq content "$(in_container /d/copy)"
expect_error 1 'must be a directory or a regular file' sandbox cp new c:/d/fifo
expect_error 1 'must be a directory or a regular file' sandbox cp new c:/dev/null

test_case "magic links of /proc are no way"
for path in /proc/self/root/etc/passwd /proc/1/root/etc/passwd /d/proot/etc/passwd /proc/1/cwd/x \
    /proc/1/fd/0 /proc/self/exe /proc/self/fd/3; do
    expect_rc 1 sandbox cp -L "c:$path" leaked
    expect_no_file leaked
done
expect_eq "" "$(in_container /d/root/canary 2>/dev/null)"
expect_rc 1 sandbox cp "c:/d/root$WORK/new" leaked
expect_rc 1 sandbox cp "c:/../../../../../..$WORK/new" leaked

test_case "diff, export and commit while it runs"
expect_match 'A /d/file' "$(sandbox diff c)"
sandbox export c >c.tar
expect_eq 0 $?
expect_eq content "$(tar xOf c.tar d/file)"
expect_eq "" "$(tar tf c.tar | grep -E '^(proc|sys|vol|bound|scratch)/.')"
expect_eq "" "$(tar xOf c.tar etc/hosts)"
expect_ok sandbox commit c localhost/live
expect_eq content "$(sandbox run --rm localhost/live cat /d/file)"
expect_eq running "$(sandbox inspect --format '{{.State.Status}}' c)"
expect_ok sandbox commit --pause=false c localhost/live2

test_case "paused, it can be copied from and into as well"
if sandbox pause c >/dev/null 2>&1; then
    expect_ok sandbox cp new c:/d/paused
    expect_eq new "$(in_container /d/paused)"
    expect_ok sandbox commit c localhost/live3
    expect_eq paused "$(sandbox inspect --format '{{.State.Status}}' c)"
    expect_ok sandbox unpause c
fi

test_case "stopped, it has what came in"
expect_ok sandbox stop -t 1 c
expect_eq new "$(in_container /d/new)"
expect_ok sandbox start c
expect_eq new "$(in_container /d/new)"
expect_ok sandbox rm -f c

test_case "a container that swaps a directory for a link meanwhile reads and makes nothing outside"
mkdir -p outside/secret && echo SECRET >outside/secret/file && echo SECRET >outside/file
expect_ok sandbox run -d --name hostile localhost/busybox sh -c "
    mkdir -p /a/secret /b$WORK/outside/secret && echo inside >/a/file && echo inside >/a/secret/file
    touch /ready
    while :; do mv /a /c; ln -s $WORK/outside /a; rm /a; ln -s ../../../../../..$WORK/outside /a; rm /a
    mv /c /a; done"
on_exit sandbox rm -f hostile
wait_until 20 sandbox cp hostile:/ready ready2 || fail "it does not get ready"
echo evil >evil
for ((round = 0; round < ${SANDBOX_TEST_COPY_ROUNDS:-150}; round++)); do
    sandbox cp hostile:/a "got" >/dev/null 2>&1
    # A link is copied as a link: it is not what was read.
    [ ! -L got ] && grep -rqs SECRET got && fail "round $round: the host was read" && break
    rm -rf got
    sandbox cp evil hostile:/a/secret/file >/dev/null 2>&1
    sandbox cp evil hostile:/a/made >/dev/null 2>&1
done
expect_eq SECRET "$(cat outside/secret/file)"
expect_eq "file secret" "$(echo $(ls outside))"
expect_eq file "$(ls outside/secret)"
echo "  $round rounds of three copies"
expect_ok sandbox rm -f hostile

test_case "a container that is all links, and names that speak to terminals"
expect_ok sandbox run --name links localhost/busybox sh -c "
    rm -rf /home && ln -s $WORK/outside /home && ln -s / /root2 && ln -s /proc/self/cwd /cwd
    mkdir /n && touch \"/n/\$(printf 'a\nb\033]0;x\007')\" && ln -s $WORK/evil /n/link"
expect_error 1 'could not find the file' sandbox cp evil links:/home/made
expect_error 1 'could not find the file' sandbox cp links:/home/file x
expect_eq "file secret" "$(echo $(ls outside))"
expect_rc 1 sandbox cp evil links:/cwd/x
expect_ok sandbox cp links:/n names
expect_file "names/$(printf 'a\nb\033]0;x\007')"
expect_eq evil "$(cat evil)"
expect_error 1 '\\x1b' sandbox cp "links:/n/$(printf 'x\033[31m')" x
