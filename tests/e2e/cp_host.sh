#!/bin/bash
# cp between the host and a container that does not run: docker's table of names, owners, links,
# special files, tar streams.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
expect_ok sandbox run --name c localhost/busybox sh -c '
    mkdir -p /d/sub /empty /own && echo content >/d/file && echo y >/d/sub/y && chmod 700 /d/sub
    ln -s file /d/link && ln -s sub /d/dirlink && ln -s / /d/root && mkfifo /d/fifo
    echo abs >/abs && ln -s /abs /d/abslink && ln -s /nowhere /d/dangling
    echo s >/d/setuid && chmod 6755 /d/setuid && touch -d @1600000000 /d/file
    echo owned >/own/file && chown 7:8 /own/file'

in_container() { sandbox cp "c:$1" - | tar xO; }
listing() { sandbox cp "c:$1" - | tar tf - | sort | tr '\n' ' '; }

test_case "a directory out of a container: made when missing, put below when there"
expect_ok sandbox cp c:/d out
expect_eq content "$(cat out/file)"
expect_eq "700 $(id -u)" "$(stat -c '%a %u' out/sub)"
expect_eq 1600000000 "$(stat -c %Y out/file)"
expect_eq file "$(readlink out/link)"
expect_eq / "$(readlink out/root)"
expect_eq fifo "$(stat -c %F out/fifo)"
expect_eq 755 "$(stat -c %a out/setuid)"
expect_ok sandbox cp c:/d out
expect_eq content "$(cat out/d/file)"

test_case "/. means what is in a directory"
mkdir contents
expect_ok sandbox cp c:/d/. contents
expect_eq content "$(cat contents/file)"
expect_no_file contents/d
expect_ok sandbox cp c:/d/sub/. new
expect_eq y "$(cat new/y)"

test_case "a file out of a container: onto a name, onto a file, into a directory"
expect_ok sandbox cp c:/d/file one
expect_eq content "$(cat one)"
echo old >two
expect_ok sandbox cp c:/d/file two
expect_eq content "$(cat two)"
mkdir into
expect_ok sandbox cp c:/d/file into
expect_ok sandbox cp c:/d/file into/
expect_eq content "$(cat into/file)"
expect_ok sandbox cp c:d/file relative
expect_eq content "$(cat relative)"

test_case "a link is copied as a link, followed with -L or a final slash"
expect_ok sandbox cp c:/d/link l
expect_eq file "$(readlink l)"
rm l
expect_ok sandbox cp -L c:/d/link l
expect_eq content "$(cat l)"
expect_ok sandbox cp -L c:/d/abslink .
expect_eq abs "$(cat abslink)"
expect_ok sandbox cp c:/d/dirlink/ d1
expect_eq y "$(cat d1/y)"
mkdir d2
expect_ok sandbox cp c:/d/dirlink/ d2
expect_eq y "$(cat d2/dirlink/y)"
expect_error 1 'no such file' sandbox cp -L c:/d/dangling x

test_case "a target that is a link is followed, and what is below the target never"
echo old >real && ln -s real pointer
expect_ok sandbox cp c:/d/file pointer
expect_eq content "$(cat real)"
expect_eq real "$(readlink pointer)"
mkdir dir && ln -s dir dirpointer
expect_ok sandbox cp c:/d/file dirpointer
expect_eq content "$(cat dir/file)"
mkdir -p merge/d && ln -s "$WORK/real" merge/d/file && echo canary >real
expect_ok sandbox cp c:/d merge
expect_eq canary "$(cat real)"
expect_eq content "$(cat merge/d/file)"
mkdir elsewhere && mkdir -p merge2/d && ln -s ../../elsewhere merge2/d/sub
expect_error 1 'cannot overwrite non-directory' sandbox cp c:/d merge2
expect_eq "" "$(ls elsewhere)"

test_case "docker's conflicts and docker's sentences"
expect_error 1 'no such directory' sandbox cp c:/d/file missing/
expect_error 1 'invalid output path.*does not exist' sandbox cp c:/d/file no/where
expect_error 1 'cannot copy directory' sandbox cp c:/d one
expect_error 1 'not a directory' sandbox cp c:/d/file one/
expect_error 1 'not a directory' sandbox cp c:/d/file/ x
expect_error 1 'not a directory' sandbox cp c:/d/file/. x
expect_error 1 'ould not find the file "/nope" in container "c"' sandbox cp c:/nope x
expect_error 1 'no such container' sandbox cp nosuch:/x x
expect_error 2 'at least one container' sandbox cp one two
mkdir -p clash/file
expect_error 1 'cannot overwrite directory' sandbox cp c:/d/file clash
expect_rc 1 sandbox cp c:/d/file /dev/null

test_case "into a container: docker's table the other way round"
mkdir -p src/e && echo 1 >src/e/1 && ln -s e src/l && mkfifo src/p && chmod 750 src/e
expect_ok sandbox cp src c:/new
expect_eq "new/ new/e/ new/e/1 new/l new/p " "$(listing /new)"
expect_ok sandbox cp src c:/empty
expect_eq "empty/ empty/src/ empty/src/e/ empty/src/e/1 empty/src/l empty/src/p " "$(listing /empty)"
expect_ok sandbox cp src/. c:/tmp/
expect_eq 1 "$(in_container /tmp/e/1)"
expect_ok sandbox cp one c:/onefile
expect_eq content "$(in_container /onefile)"
expect_ok sandbox cp two c:/d/
expect_eq content "$(in_container /d/two)"
echo changed >three
expect_ok sandbox cp three c:/d/link
expect_eq changed "$(in_container /d/file)"
expect_ok sandbox cp three c:/d/dirlink
expect_eq changed "$(in_container /d/sub/three)"
expect_ok sandbox cp three c:/d/root/etc/three
expect_eq changed "$(in_container /etc/three)"
expect_no_file /etc/three
expect_error 1 'could not find the file' sandbox cp one c:/no/where
expect_error 1 'no such directory' sandbox cp one c:/nodir/
expect_error 1 'cannot copy directory' sandbox cp src c:/onefile
expect_error 1 'must be a directory or a regular file' sandbox cp one c:/d/fifo
expect_error 1 'no such file' sandbox cp nosuchfile c:/x
expect_rc 1 sandbox cp - c:/onefile </dev/null
expect_match 'must be a directory' "$ERR"

test_case "what comes in belongs to root, in a tar as it says, with -a as it did"
expect_match '^-rw-r--r-- 0/0 ' "$(sandbox cp c:/onefile - | tar tv --numeric-owner)"
expect_ok sandbox cp - c:/own < <(tar c -C src --owner=5 --group=6 --numeric-owner e)
expect_ok sandbox cp c:/own copy
expect_eq "$(id -u)" "$(stat -c %u copy/e/1)"
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_match ' 5/6 .* e/1' "$(sandbox cp c:/own/e - | tar tv --numeric-owner)"
    expect_match ' 7/8 .*own/file' "$(sandbox cp c:/own - | tar tv --numeric-owner)"
    expect_ok sandbox cp -a c:/own c:/own2
    expect_match ' 7/8 .*own2/file' "$(sandbox cp c:/own2 - | tar tv --numeric-owner)"
    expect_ok sandbox cp c:/own c:/own3
    expect_match ' 0/0 .*own3/file' "$(sandbox cp c:/own3 - | tar tv --numeric-owner)"
fi

test_case "compressed tars are taken, damaged ones refused"
expect_ok sandbox cp - c:/tmp < <(tar cz src)
expect_eq 1 "$(in_container /tmp/src/e/1)"
expect_error 1 'bad tar' sandbox cp - c:/tmp < <(head -c 3000 /dev/urandom)
expect_error 1 'bad tar' sandbox cp - c:/tmp <<<src/e

test_case "from container to container, and within one"
expect_ok sandbox run --name c2 localhost/busybox true
expect_ok sandbox cp c:/d/sub c2:/got
expect_eq y "$(sandbox cp c2:/got/y - | tar xO)"
expect_ok sandbox cp c:/d/sub c:/within
expect_eq y "$(in_container /within/y)"
expect_eq y "$(sandbox run --rm --volumes-from c2 localhost/busybox echo y)"

test_case "odd names, long names, holes, many files"
mkdir odd && echo 1 >"odd/$(printf 'a\nb\033[31m\377')" && echo 2 >"odd/$(printf 'n%.0s' {1..250})"
truncate -s 50M odd/hole && printf end >>odd/hole
(cd odd && seq 500 | xargs touch)
expect_ok sandbox cp odd c:/odd
expect_ok sandbox cp c:/odd odd2
expect_ok diff -r odd odd2
[ "$(du -k odd2/hole | cut -f1)" -lt 1024 ] || fail "the hole was filled"

test_case "volumes and binds are part of the container"
mkdir bound && echo b >bound/b
expect_ok sandbox run --name v -v "$WORK/bound:/bound" -v vol:/vol localhost/busybox \
    sh -c 'echo v >/vol/v'
expect_eq v "$(sandbox cp v:/vol/v - | tar xO)"
expect_eq b "$(sandbox cp v:/bound/b - | tar xO)"
expect_ok sandbox cp one v:/vol/
expect_eq content "$(sandbox run --rm -v vol:/vol localhost/busybox cat /vol/one)"
expect_ok sandbox cp one v:/bound/
expect_eq content "$(cat bound/one)"
expect_ok sandbox run --name ro --read-only -v vol:/vol:ro localhost/busybox true
expect_error 1 'container rootfs is marked read-only' sandbox cp one ro:/etc/
expect_error 1 'mounted volume is marked read-only' sandbox cp one ro:/vol/

test_case "nothing copied is no success"
expect_error 1 'not copied' sandbox cp <(echo x) c:/tmp/

test_case "nothing is left behind"
expect_eq "" "$(find . -name '.sandbox-cp*' 2>"$WORK/.find")"
expect_ok sandbox rm c c2 v ro
