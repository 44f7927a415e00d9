#!/bin/bash
# Servers that insist on their own user, and check what they have become: the same with a range of
# ids and without.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image servers)"
expect_ok sandbox run -d --name servers localhost/servers sleep 1000
on_exit sandbox rm -f servers
inside() { sandbox exec servers sh -c "$1"; }
# That a port is open: the last thing that these do at their start.
ready() { wait_until 20 sandbox exec servers bash -c "exec 3<>/dev/tcp/127.0.0.1/$1" || fail "port $1"; }

test_case "apache with php: its workers are www-data, and cannot go back"
cat >page.php <<'PHP'
<?php
$mine = tempnam("/var/www/data", "p");
$owner = stat($mine);
echo posix_geteuid(), " ", posix_getuid(), " ", implode(",", posix_getgroups()), " ",
    $owner["uid"], ":", $owner["gid"], " ", posix_setuid(0) ? "root again" : "stays", " ",
    fileowner("/etc/shadow"), ":", filegroup("/etc/shadow"), " ", get_current_user(), "\n";
PHP
expect_ok sandbox cp page.php servers:/var/www/html/page.php
expect_ok inside 'mkdir /var/www/data && chown www-data:www-data /var/www/data /var/www/html/page.php &&
    chmod 700 /var/www/data && apache2ctl start'
ready 80
expect_ok inside 'bash -c "exec 3<>/dev/tcp/127.0.0.1/80; printf \"GET /page.php HTTP/1.0\r\n\r\n\" >&3; tail -n 1 <&3"'
expect_eq "33 33 33 33:33 stays 0:42 www-data" "$OUT"
expect_ok inside 'for p in $(pidof apache2); do stat -c %U /proc/$p; done | sort -u; stat -c %U:%a /var/log/apache2/access.log
    ls -ld /var/cache/apache2/mod_cache_disk | cut -d " " -f 3,4'
expect_eq "root www-data root:640 www-data www-data" "$(echo $OUT)"
expect_ok inside 'apache2ctl graceful && apache2ctl stop'

test_case "sshd: separated privileges, strict modes, a session of the user who logs in"
expect_ok inside 'mkdir -p /run/sshd && ssh-keygen -q -A && /usr/sbin/sshd -E /tmp/log &&
    su someone -c "mkdir -m 700 ~/.ssh && ssh-keygen -q -N \"\" -f ~/.ssh/id_ed25519 -t ed25519 &&
        cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys"'
ready 22
ssh='ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR -o BatchMode=yes someone@127.0.0.1'
expect_ok inside "su someone -c '$ssh \"id; touch made; stat -c %U made\"'; grep -c 'Accepted publickey' /tmp/log"
expect_match '^uid=1000\(someone\) gid=1000\(someone\) groups=1000\(someone\)
someone
1$' "$OUT"
expect_ok inside 'chown www-data /home/someone/.ssh/authorized_keys'
expect_rc 255 inside "su someone -c '$ssh id'"
expect_ok inside 'grep -c "bad ownership or modes for file /home/someone/.ssh/authorized_keys" /tmp/log'

test_case "memcached: not as root, but as somebody"
expect_rc 64 inside 'memcached -l 127.0.0.1 2>&1'
expect_match "can't run as root without the -u switch" "$OUT"
expect_ok inside 'memcached -d -u memcache -l 127.0.0.1 -P /tmp/pid'
ready 11211
expect_ok inside 'stat -c %U /proc/$(pidof memcached); bash -c "exec 3<>/dev/tcp/127.0.0.1/11211; printf \"set k 0 0 1\r\nv\r\nquit\r\n\" >&3; cat <&3"'
expect_match 'memcache.STORED' "$(echo $OUT)"

test_case "the bus drops to its user, and knows who asks"
expect_ok inside 'mkdir -p /run/dbus && dbus-daemon --system --fork --print-pid >/tmp/pid'
# It drops when its parent has gone already.
expect_ok wait_until 10 sandbox exec servers sh -c '[ "$(stat -c %U /proc/$(cat /tmp/pid))" = messagebus ]'
ask='dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus'
expect_ok inside "setpriv --reuid=33 --regid=33 --clear-groups sh -c '$ask.ListNames' | grep -c string"
expect_ok inside "setpriv --reuid=33 --regid=33 --clear-groups dbus-monitor --system >/tmp/monitor 2>&1 &
    until [ -s /tmp/monitor ]; do sleep 0.1; done
    for name in \$($ask.ListNames | grep -o ':1[^\"]*'); do
        $ask.GetConnectionUnixUser string:\$name 2>/dev/null; done | grep -c 'uint32 33'"
expect_eq 1 "$OUT"
