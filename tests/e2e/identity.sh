#!/bin/bash
# Identities: programs that change user, own files and ask who they are get the answers of a real
# system, with a range of ids and without.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image debian-tools)"
in_debian() { sandbox run --rm localhost/debian-tools sh -c "$1"; }
expect_lines() { # WANTED, lines joined by "|"
    expect_eq "$1" "$(printf '%s\n' "$OUT" | tr '\n' '|')"
}

test_case "who is asked says who it is"
expect_ok in_debian 'id; setpriv --reuid=33 --regid=33 --init-groups id; runuser -u someone -- id'
expect_lines "uid=0(root) gid=0(root) groups=0(root)|uid=33(www-data) gid=33(www-data) groups=33(www-data)|uid=1000(someone) gid=1000(someone) groups=1000(someone)|"
expect_ok in_debian 'setpriv --reuid=33 --regid=4 --groups 24,8 id; su -s /bin/sh mail -c "id -un; id -g"'
expect_lines "uid=33(www-data) gid=4(adm) groups=4(adm),8(mail),24(cdrom)|mail|8|"

test_case "who has dropped root cannot take it back"
expect_ok in_debian 'setpriv --reuid=33 --regid=33 --clear-groups perl -e "
    \$> = 0; print \"\$>\n\"; \$< = 0; print \"\$<\n\"; \$) = \"0 0\"; print \$), \"\n\""'
expect_lines "33|33|33|"
expect_ok in_debian 'perl -e "\$> = 33; print \"\$< \$>\n\"; \$> = 0; print \"\$< \$>\n\""'
expect_lines "0 33|0 0|"
expect_ok in_debian 'setpriv --reuid=33 --clear-groups setpriv --reuid=0 id 2>&1 || echo refused'
expect_match 'refused$' "$OUT"

test_case "capabilities are shown as they would be"
expect_ok in_debian 'setpriv --reuid=33 --clear-groups setpriv --dump | grep -E "^(uid|gid|Inh|Amb)"'
expect_lines "uid: 33|gid: 0|Inheritable capabilities: [none]|Ambient capabilities: [none]|"

test_case "children, orphans and threads have the identity of whoever made them"
expect_ok in_debian 'setpriv --reuid=33 --clear-groups sh -c "(sleep 0.2; id -u >/tmp/orphan) & (id -u)"
    until [ -s /tmp/orphan ]; do sleep 0.05; done; cat /tmp/orphan; id -u'
expect_lines "33|33|0|"
expect_ok in_debian 'perl -e "
    if (my \$pid = fork) { \$> = 33; select undef, undef, undef, 0.3; print \"parent \$>\n\"; wait }
    else { select undef, undef, undef, 0.1; exec \"id\", \"-u\" }"'
expect_lines "0|parent 33|"

test_case "files belong to whoever made them"
expect_ok in_debian 'su -s /bin/sh www-data -c "cd /tmp; umask 22; touch file; mkdir dir; ln -s file link
    mkfifo fifo; echo x >temporary; mv temporary final; touch dir/below; perl -MIO::Socket::UNIX -e \"
    IO::Socket::UNIX->new(Local => q(socket), Listen => 1)\""
    cd /tmp; stat -c "%n %U %G" file dir link fifo final dir/below socket; touch mine; stat -c %U mine'
expect_lines "file www-data www-data|dir www-data www-data|link www-data www-data|fifo www-data www-data|final www-data www-data|dir/below www-data www-data|socket www-data www-data|root|"

test_case "chown is remembered, for what may do it, and clears the setuid bit"
expect_ok in_debian 'cd /tmp; touch a; ln -s a l; chown 33:44 a; chown -h 5:6 l; stat -c "%u %g" a l
    chown :4 a; chown 8 a; stat -c "%u %g" a; chown 0:0 a; stat -c "%u %g" a
    chmod 6755 a; chown mail a; stat -c "%u %a" a
    mv a b; stat -c %U b; su -s /bin/sh www-data -c "chown www-data b 2>&1; chown :www-data b 2>&1"
    stat -c "%U %G" b; su -s /bin/sh mail -c "chown :mail b"; stat -c "%U %G" b'
expect_match "^33 44
5 6
8 4
0 0
8 755
mail
.*not permitted
.*not permitted
mail root
mail mail\$" "$OUT"

test_case "the image's files have their owners, and keep them when they change"
expect_ok in_debian 'stat -c "%U %G %a" /etc/shadow /var/mail /usr/bin/chage /home/someone
    echo >>/etc/shadow; stat -c "%U %G" /etc/shadow; mv /etc/shadow /tmp/s; stat -c "%U %G" /tmp/s'
expect_lines "root shadow 640|root mail 2775|root shadow 2755|someone someone 755|root shadow|root shadow|"

test_case "a directory with a setgid bit gives its group on"
expect_ok in_debian 'mkdir /tmp/d; chown 33:44 /tmp/d; chmod 2775 /tmp/d
    su -s /bin/sh www-data -c "touch /tmp/d/f; mkdir /tmp/d/e; touch /tmp/d/e/g"
    stat -c "%u %g" /tmp/d/f /tmp/d/e /tmp/d/e/g'
expect_lines "33 44|33 44|33 44|"

test_case "setuid and setgid programs are their owners', unless no_new_privileges forbids it"
expect_ok in_debian 'cp /usr/bin/id /tmp/id; chown mail /tmp/id; chmod 4755 /tmp/id
    su -s /bin/sh www-data -c "/tmp/id; id -u"; chage -l www-data | head -n 1 | cut -c 1-4'
expect_lines "uid=33(www-data) gid=33(www-data) euid=8(mail) groups=33(www-data)|33|Last|"
expect_ok in_debian 'su someone -c "sudo -n id -u; sudo -n -u mail id -un; chage -l someone | wc -l"'
expect_lines "0|mail|7|"
expect_ok in_debian 'su someone -c "echo word | su mail -s /bin/sh -c id 2>&1; echo word | su someone -c id"'
expect_match '(Authentication failure|Permission denied|not have).*uid=1000' "$(echo $OUT)"
expect_ok sandbox run --rm --security-opt no-new-privileges localhost/debian-tools \
    setpriv --reuid=33 --clear-groups sh -c 'cp /usr/bin/id /tmp/id; chmod 4755 /tmp/id; /tmp/id -u'
expect_eq 33 "$OUT"

test_case "a program with capabilities of its own has them, whoever runs it, but not from a mount without setuid"
expect_ok in_debian 'cp /usr/bin/setpriv /tmp/p; setcap cap_kill=ep /tmp/p
    setpriv --reuid=33 --clear-groups /tmp/p --dump | grep -c "no_new_privs: 0"
    setpriv --reuid=33 --clear-groups perl -e "exec q(/tmp/p), q(--reuid=8), q(true)" 2>&1 | grep -c permitted
    setcap cap_setuid=ep /tmp/p; setpriv --reuid=33 --clear-groups /tmp/p --reuid=8 id -u'
expect_lines "1|1|8|"
install -m 4755 /usr/bin/id ./id
expect_ok sandbox run --rm -v "$PWD/id:/tmp/id" localhost/debian-tools setpriv --reuid=33 --clear-groups /tmp/id -u
expect_eq 33 "$OUT"

expect_ok cc -O1 -static -o ids32 "$SANDBOX_TESTS/support/ids32.c"
./ids32 >/dev/null 2>&1
if [ "$?" -lt 128 ]; then
    test_case "programs of 32 bits get the same answers"
    expect_ok sandbox run --rm -v "$PWD/ids32:/ids32:ro" localhost/debian-tools sh -c \
        'cd /tmp; setpriv --reuid=33 --regid=8 --clear-groups /ids32; /ids32; stat -c "%u %g" made'
    expect_lines "33 33 8 drop -1 0:42|0 0 0 drop 0 0:42|1000 8|"
else
    test_case "this kernel runs no programs of 32 bits (ia32_emulation), inside neither"
    expect_rc 139 sandbox run --rm -v "$PWD/ids32:/ids32:ro" localhost/debian-tools /ids32
fi

test_case "a thread may be somebody for itself, and all become another together"
expect_ok cc -O1 -static -pthread -o thread_ids "$SANDBOX_TESTS/support/thread_ids.c"
expect_ok sandbox run --rm -v "$PWD/thread_ids:/thread_ids:ro" localhost/debian-tools /thread_ids
expect_eq "0 33 33 0 8 8 -1" "$OUT"

test_case "tar gives and keeps owners, cp -a too"
expect_ok in_debian 'mkdir /tmp/s /tmp/t; cd /tmp/s; echo data >a; mkdir d; touch d/b; ln -s a l
    chown 33:44 a; chown -R mail:adm d; chown -h 5:6 l; tar cf /tmp/x.tar . ; tar xf /tmp/x.tar -C /tmp/t
    tar tvf /tmp/x.tar | tr -s " " | cut -d " " -f 2,6- | LC_ALL=C sort; cp -a /tmp/s /tmp/u
    cd /tmp/t; stat -c "%n %u %g" a d d/b l; cd /tmp/u; stat -c "%n %u %g" a d d/b l'
expect_lines "games/disk ./l -> a|mail/adm ./d/|mail/adm ./d/b|root/root ./|www-data/video ./a|$(
    )a 33 44|d 8 4|d/b 8 4|l 5 6|a 33 44|d 8 4|d/b 8 4|l 5 6|"

test_case "users can be made, and have their home"
expect_ok in_debian 'useradd -m -s /bin/sh joe && stat -c "%U %G" /home/joe /home/joe/.profile &&
    su - joe -c "id -un; pwd; touch new; stat -c %U new" && groupadd crew && usermod -aG crew joe &&
    id -Gn joe && su joe -c "id -Gn" && userdel -r joe && ls /home'
expect_lines "joe joe|joe joe|joe|/home/joe|joe|joe crew|joe crew|someone|"

test_case "processes belong to whom they are"
expect_ok in_debian 'setpriv --reuid=33 --regid=8 --clear-groups sleep 5 & sleep 0.2
    stat -c "%U %G" /proc/$! /proc/$!/stat /proc/$!/exe /proc/$$ /proc/$$/cwd'
expect_lines "www-data mail|www-data mail|www-data mail|root root|root root|"

test_case "in another root directory paths mean what they mean there"
run_rc in_debian 'perl -e "
    mkdir q(/jail); mkdir q(/jail/work); chroot q(/jail) or die; chdir q(/work);
    open F, q(>f); symlink q(/work/f), q(l); chown 33, 44, q(/work/f); chown 8, -1, q(l);
    print join(q( ), (stat q(l))[4,5]), qq(\n), (stat q(../work/f))[4], qq(\n)"
    stat -c "%u %g" /jail/work/f; ls -d /work 2>&1'
expect_match '^8 44
8
8 44
' "$OUT"

test_case "identities stay over stop and start, commit and cp"
expect_ok sandbox run -d --name keeper localhost/debian-tools sh -c \
    '[ -e /srv/f ] || { cd /srv; touch f; mkdir d; chown 33:44 f; chown 8 d; ln -s f l; chown -h 5 l; touch done; }; sleep 1000'
on_exit sandbox rm -f keeper
expect_ok wait_until 20 sandbox exec keeper test -e /srv/done
owners='stat -c "%n %u %g" /srv/f /srv/d /srv/l'
expect_ok sandbox exec keeper sh -c "$owners"
expect_lines "/srv/f 33 44|/srv/d 8 0|/srv/l 5 0|"
expect_ok sandbox stop -t 0 keeper
expect_ok sandbox start keeper
expect_ok sandbox exec keeper sh -c "$owners"
expect_lines "/srv/f 33 44|/srv/d 8 0|/srv/l 5 0|"
expect_ok sandbox commit -q keeper localhost/committed
expect_ok sandbox run --rm localhost/committed sh -c "$owners"
expect_lines "/srv/f 33 44|/srv/d 8 0|/srv/l 5 0|"
sandbox cp keeper:/srv - >srv.tar || fail "cp to a tar"
expect_match ' 33/44 .* srv/f' "$(tar --numeric-owner -tvf srv.tar)"
expect_match ' 5/0 .* srv/l' "$(tar --numeric-owner -tvf srv.tar)"
expect_ok sandbox exec keeper rm -r /srv
sandbox cp - keeper:/ <srv.tar || fail "cp from a tar"
expect_ok sandbox exec keeper stat -c '%n %u %g' /srv/f /srv/d
expect_lines "/srv/f 33 44|/srv/d 8 0|"
sandbox export keeper >all.tar || fail "export"
expect_match ' 33/44 .* srv/f' "$(tar --numeric-owner -tvf all.tar srv/f)"

test_case "a program that joins is who it shall be"
expect_ok sandbox exec -u www-data keeper id
expect_eq "uid=33(www-data) gid=33(www-data) groups=33(www-data)" "$OUT"
expect_ok sandbox exec -u mail:adm keeper sh -c 'touch /tmp/made; stat -c "%U %G" /tmp/made'
expect_eq "mail adm" "$OUT"
expect_ok sandbox exec -u 4321 keeper sh -c 'id -u; id -g'
expect_lines "4321|0|"
expect_rc 127 sandbox exec -u mail keeper setpriv --reuid=0 true

test_case "who looks from outside sees who they are"
expect_ok sandbox exec -d -u 4321 keeper sleep 987
expect_ok wait_until 10 sh -c '"$0" top keeper | grep -q "^4321 .*sleep 987$"' "$SANDBOX_BIN"
expect_ok sandbox top keeper
expect_match '^0 .*sleep 1000' "$(grep -v 987 <<<"$OUT" | grep sleep)"

test_case "the limit that identities are kept in looks and behaves like any other"
expect_ok in_debian 'setpriv --reuid=33 --clear-groups bash -c "ulimit -x; ulimit -x 5; ulimit -x unlimited; id -u"'
if [ "$SANDBOX_TEST_USER" = plain ]; then expect_lines "unlimited|33|"; fi

test_case "the other end of a socket is who it is"
expect_ok in_debian 'perl -MSocket -e "
    socket S, PF_UNIX, SOCK_STREAM, 0; bind S, pack_sockaddr_un(q(/tmp/s)); listen S, 1; \$| = 1;
    chmod 0777, q(/tmp/s);
    if (!fork) { \$) = 8; \$( = 8; \$< = \$> = 33; \$> = 33; socket C, PF_UNIX, SOCK_STREAM, 0;
        connect C, pack_sockaddr_un(q(/tmp/s)); sysread C, \$_, 1; exit }
    accept A, S; my (\$pid, \$uid, \$gid) = unpack q(iII), getsockopt A, SOL_SOCKET, 17;
    print qq(\$uid \$gid ), \$pid > 1 ? 1 : 0, qq(\n); close A; wait"'
expect_eq "33 8 1" "$OUT"

test_case "a bind forgets owners at the end, unless it is to keep them"
mkdir kept forgotten
expect_ok sandbox run --rm -v "$PWD/kept:/k:owners" -v "$PWD/forgotten:/f" localhost/debian-tools sh -c \
    'touch /k/a /f/a; chown 33:44 /k/a /f/a; stat -c "%u %g" /k/a /f/a'
expect_lines "33 44|33 44|"
if [ "$SANDBOX_TEST_USER" = plain ]; then
    expect_ok sandbox run --rm --mount type=bind,src="$PWD/kept",dst=/k,bind-owners=true -v "$PWD/forgotten:/f" \
        localhost/debian-tools stat -c "%u %g" /k/a /f/a
    expect_lines "33 44|0 0|"
    # Not what the host has mounted below a bind, either.
    shared=$(mktemp -p /dev/shm) && on_exit rm -f "$shared"
    expect_ok sandbox run --rm -v /:/h localhost/debian-tools sh -c "chown 33 /h$shared; stat -c %u /h$shared"
    expect_eq 33 "$OUT"
    expect_eq '[]' "$(python3 -c 'import os, sys; print(os.listxattr(sys.argv[1]))' "$shared")"
fi
expect_error 125 'for a host path' sandbox run -v vol:/v:owners localhost/debian-tools true

test_case "inspect and doctor say how the ids are made"
if [ "$SANDBOX_TEST_USER" = plain ]; then how=emulate; else how=subuid; fi
expect_ok sandbox inspect --format '{{.HostConfig.Identity}}' keeper
expect_eq "$how" "$OUT"
run_rc sandbox doctor
if [ "$how" = emulate ]; then expect_match 'ids: one id: .* emulated' "$OUT"; else expect_match 'ids: a range' "$OUT"; fi

test_case "the way can be chosen by hand"
by_hand() { sandbox run --rm --identity "$1" localhost/debian-tools sh -c "$2"; }
expect_ok by_hand emulate 'setpriv --reuid=33 --clear-groups id -u; stat -c %G /etc/shadow'
expect_lines "33|shadow|"
expect_ok by_hand fake 'setpriv --reuid=33 --clear-groups id -u; chown 33 /tmp; stat -c %u /tmp'
expect_lines "0|0|"
expect_ok sandbox run --rm --identity map-user -u 33:33 localhost/debian-tools sh -c 'id -u; awk "{print \$1, \$3}" /proc/self/uid_map'
expect_lines "33|33 1|"
if [ "$SANDBOX_TEST_USER" = plain ]; then
    expect_error 125 'identity subuid: this account has no range' \
        sandbox run --identity subuid localhost/debian-tools true
else
    expect_ok by_hand subuid 'setpriv --reuid=33 --clear-groups grep Uid /proc/self/status'
    expect_match 'Uid:.33' "$OUT"
fi
expect_error 125 'identity: use subuid' sandbox run --identity keep-id localhost/debian-tools true

test_case "a container stays as it was made, whatever its maker has later"
expect_ok sandbox create --name fixed --identity emulate localhost/debian-tools \
    sh -c 'su -s /bin/sh www-data -c "id -u; touch /tmp/f"; stat -c %U /tmp/f'
expect_ok sandbox start -a fixed
expect_lines "33|www-data|"
expect_ok sandbox inspect --format '{{.HostConfig.Identity}}' fixed
expect_eq emulate "$OUT"
expect_ok sandbox cp fixed:/tmp/f f
expect_ok sandbox start -a fixed
expect_ok sandbox rm fixed

if [ "$SANDBOX_TEST_USER" = plain ]; then
    test_case "a device is remembered, and opens for nobody"
    run_rc in_debian 'cd /tmp; umask 22; mknod null c 1 3 && mknod -m 600 disk b 8 300 && chown mail disk
        stat -c "%n %F %t,%T %U %a" null disk; cat null 2>&1; (echo x >disk) 2>&1
        tar cf x.tar null disk && rm null disk && tar xf x.tar && stat -c "%n %F %t,%T %U" null disk
        mknod null c 1 3 2>&1; mknod fifo p && stat -c %F fifo
        setpriv --reuid=33 --clear-groups mknod mine c 1 3 2>&1'
    expect_match "^null character special file 1,3 root 644
disk block special file 8,12c mail 600
cat: null: No such device or address
.*disk: No such device or address
null character special file 1,3 root
disk block special file 8,12c mail
mknod: null: File exists
fifo
mknod: mine: Operation not permitted\$" "$OUT"
    expect_ok sandbox run --name maker localhost/debian-tools mknod -m 600 /dev-null c 1 3
    sandbox export maker >maker.tar || fail export
    expect_match '^crw------- 0/0 +1,3 .* dev-null$' "$(tar --numeric-owner -tvf maker.tar dev-null)"
    expect_ok sandbox rm maker
else
    test_case "a volume's owners are turned, for those who have a range and those who have not"
    with() { sandbox run --rm --identity "$1" -v turned:/v localhost/debian-tools sh -c "$2"; }
    look='cd /v; find . -exec stat -c "%n %u %g %a" {} + | LC_ALL=C sort'
    expect_ok with emulate "mkdir -m 2750 /v/d; cp /usr/bin/id /v/d/id; chown -R mail:adm /v; chmod 4755 /v/d/id; $look"
    wanted=". 8 4 755|./d 8 4 2750|./d/id 8 4 4755|"
    expect_lines "$wanted"
    expect_ok with subuid "$look; touch /v/d/real; chown 33:33 /v/d/real; su -s /bin/sh mail -c 'cat /v/d/id | wc -c' | grep -c ."
    expect_lines "${wanted}1|"
    expect_ok with emulate "$look; stat -c %U /v/d/real; rm /v/d/real"
    expect_lines "${wanted%|}|./d/real 33 33 644|www-data|"
    expect_ok sandbox run -d --name user --identity emulate -v turned:/v localhost/debian-tools sleep 100
    expect_ok with subuid true
    expect_match "volume .turned.* turned when it has ended" "$ERR"
    expect_ok sandbox rm -f user
    expect_ok with subuid "$look"
    expect_lines "$wanted"
    expect_ok sandbox volume rm turned
fi

test_case "a file is shown as its owner's by whatever way it is found"
# The link has an owner that no attribute can say: files beside it are asked for in another way.
expect_ok in_debian 'mkdir -p /tmp/d; cd /tmp/d; touch mine theirs; chown 33:44 theirs
    ln -s theirs l; ln -s d/theirs ../x; show() { stat "$@" 2>&1 | tr "\n" " "; }
    look() { show -c %u mine theirs l /tmp/d/mine /tmp/d/theirs ./theirs ../d/theirs /tmp/x
        show -L -c %u l ../x /tmp/x ./l; find /tmp/d . -user 33 | sort | tr "\n" " "
        stat -L -c %u /dev/stdin <theirs; stat -L -c %u /proc/self/fd/0 <theirs; stat -L -c %u - <mine
        show missing missing/below theirs/below /tmp/missing | grep -o "No such file\|Not a dir" | tr "\n" " "; }
    look; chown -h 5 l; look; chown 8 l; stat -c %u theirs l; chown 0:0 theirs; stat -c %u theirs mine'
found='0 33 0 0 33 33 33 0 33 33 33 33 ./theirs /tmp/d/theirs 33|33|0|No such file No such file Not a dir No such file '
expect_lines "$found${found/0 33 0 0/0 33 5 0}8|5|0|0|"

test_case "who answers for identities is one process, not seen inside, and the container does not outlive it"
if [ "$SANDBOX_TEST_USER" = plain ]; then
    expect_ok sandbox exec keeper sh -c 'cat /proc/[0-9]*/comm'
    expect_no_match 'sandbox-ident' "$OUT"
    helper=$(pgrep -u "$(id -u)" -f "__supervise .*$(sandbox inspect --format '{{.Id}}' keeper)" |
        while read -r pid; do grep -lx sandbox-ident "/proc/$pid/comm"; done | tr -cd 0-9)
    expect_match '^[0-9]+$' "$helper" "one process"
    expect_eq "000000000008000e 2 1" "$(awk '/^(CapEff|Seccomp|NoNewPrivs):/ { seen[$1] = $2 }
        END { print seen["CapEff:"], seen["Seccomp:"], seen["NoNewPrivs:"] }' "/proc/$helper/status")"
    kill -9 "$helper"
    expect_eq yes "$(wait_until 10 sh -c '[ "$("$0" inspect --format "{{.State.Running}}" keeper)" = false ]' \
        "$SANDBOX_BIN" && echo yes)" "ended"
    expect_eq 137 "$(sandbox inspect --format '{{.State.ExitCode}}' keeper)"
fi
