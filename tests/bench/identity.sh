#!/bin/bash
# identity.sh PROGRAM [ROUNDS]: what emulated identities cost. Prints medians of calls, files and the
# start of programs, of an installation, of servers' starts and of loads, beside the same with the
# account's range of ids (without one: beside identities that are faked, and without the servers).
# Needs the images debian-tools, and with a range nginx, servers, mariadb and postgres, of
# tests/support/images.sh, and wrk. In a store of its own.
set -eu
program=$1 rounds=${2:-5}
images=${SANDBOX_TEST_IMAGES:-/var/cache/sandbox-test-images}
work=$(mktemp -d)
finish() {
    "$program" rm -f bench >/dev/null 2>&1 || true
    "$program" system prune -af --volumes >/dev/null 2>&1 || true
    rm -rf -- "$work"
}
trap finish EXIT
export HOME=$work XDG_DATA_HOME=$work/data
"$program" pull -q "oci:$images/debian-tools" >/dev/null
other=fake
if "$program" run --rm --identity subuid localhost/debian-tools true 2>/dev/null; then other=subuid; fi

median() { sort -n | sed -n "$((rounds / 2 + 1))p"; }
now() { echo "${EPOCHREALTIME/./}"; }
print() { # NAME DIVISOR EMULATED OTHER
    awk -v n="$1" -v d="$2" -v e="$3" -v f="$4" -v o="$other" 'BEGIN {
        printf "%-38s emulate %12.2f us   %s %12.2f us   ratio %.2f\n", n, e / d, o, f / d, e / f }'
}

# time_of MODE SCRIPT: median of the script's own time inside, in microseconds.
time_of() {
    for ((i = 0; i < rounds; ++i)); do
        "$program" run --rm --pull never --identity "$1" localhost/debian-tools bash -c "
            ${before:-:}; begin=\${EPOCHREALTIME/./}; $2
            end=\${EPOCHREALTIME/./}; echo \$((end - begin))"
    done | median
}
report() { # NAME DIVISOR SCRIPT [BEFORE]
    local before=${4:-:}
    print "$1" "$2" "$(time_of emulate "$3")" "$(time_of "$other" "$3")"
}
report "getpid (not trapped), each" 200000 'perl -e "syscall 39 for 1..200000"'
report "getuid (trapped), each" 20000 'perl -e "syscall 102 for 1..20000"'
report "stat of root's file, each" 20000 'perl -e "stat q(/etc/passwd) for 1..20000"'
report "stat of another's file, each" 20000 'perl -e "stat q(/etc/shadow) for 1..20000"'
report "a new file, each" 5000 'perl -e "open F, q(>), qq(/tmp/n/\$_) for 1..5000"' 'mkdir /tmp/n'
report "chown, each" 5000 'perl -e "chown 33, 33, qq(x\$_) for 1..5000"' 'mkdir /tmp/n; cd /tmp/n; touch x{1..5000}'
report "fork and exec of true, each" 200 'for ((i = 0; i < 200; ++i)); do /bin/true; done'
report "du of /usr" 1 'du -s /usr >/dev/null'
report "tar of /usr/share" 1 'tar cf /dev/null --ignore-failed-read /usr/share/. 2>/dev/null || true'
# A package of some size: half of the system's documents and programs, and a user of its own.
package='mkdir -p /p/DEBIAN /p/opt; cp -a /usr/share /usr/bin /p/opt/
    printf "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: n <n@localhost>\nDescription: d\n" >/p/DEBIAN/control
    printf "#!/bin/sh\nuseradd --system p; chown -R p /opt/share/doc\n" >/p/DEBIAN/postinst
    chmod 755 /p/DEBIAN/postinst; dpkg-deb -Znone -b /p /p.deb >/dev/null; rm -r /p'
report "apt-get install of a package" 1 \
    'apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=/dev/null -y install /p.deb >/dev/null 2>&1' \
    "$package"
[ "$other" = subuid ] || exit 0

# start_of MODE IMAGE LINE FLAG…: median time from the start of a server, whose volume is filled, to
# the last of its lines with LINE; the container "bench" runs then.
start_of() {
    local mode=$1 name=$2 line=$3
    shift 3
    "$program" rm -f bench >/dev/null 2>&1 || true
    "$program" run -d --name bench --identity "$mode" "$@" "localhost/$name" >/dev/null
    # The first start makes its files, and prints the line twice.
    await "$line" 2
    for ((i = 0; i < rounds; ++i)); do
        "$program" stop bench >/dev/null
        local begin
        begin=$(now)
        "$program" start bench >/dev/null
        await "$line" "$((3 + i))"
        echo $(($(now) - begin))
    done | median
}
await() { # LINE TIMES
    until [ "$("$program" logs bench 2>&1 | grep -c "$1")" -ge "$2" ]; do sleep 0.01; done
}
load_of() { # SCRIPT: median of what it prints, in the container "bench"
    for ((i = 0; i < rounds; ++i)); do "$program" exec bench bash -c "$1"; done | median
}

for name in mariadb nginx postgres servers; do "$program" pull -q "oci:$images/$name" >/dev/null; done
slap='begin=${EPOCHREALTIME/./}; mariadb-slap -uroot -pword --auto-generate-sql --auto-generate-sql-load-type=read \
    --number-of-queries=4000 --concurrency=4 >/dev/null
    end=${EPOCHREALTIME/./}; echo $((end - begin))'
mariadb() { start_of "$1" mariadb 'ready for connections' -e MARIADB_ROOT_PASSWORD=word; }
postgres() { start_of "$1" postgres 'ready to accept connections' -e POSTGRES_PASSWORD=word; }
emulated=$(mariadb emulate) emulated_load=$(load_of "$slap")
ranged=$(mariadb subuid) ranged_load=$(load_of "$slap")
print "start of mariadb" 1 "$emulated" "$ranged"
print "query of mariadb, each" 4000 "$emulated_load" "$ranged_load"
emulated=$(postgres emulate) ranged=$(postgres subuid)
print "start of postgres" 1 "$emulated" "$ranged"
web() { # MODE
    "$program" rm -f bench >/dev/null 2>&1 || true
    "$program" run -d --name bench --identity "$1" localhost/servers apache2ctl -D FOREGROUND >/dev/null
    sleep 1
    load_of 'begin=${EPOCHREALTIME/./}; ab -q -k -n 50000 -c 4 http://127.0.0.1/ >/dev/null
        end=${EPOCHREALTIME/./}; echo $((end - begin))'
}
emulated=$(web emulate) ranged=$(web subuid)
print "request of apache, each" 50000 "$emulated" "$ranged"
# Debian's nginx looks for files with six stats a page, each of which is trapped.
page() { # MODE: microseconds of two processors for a page
    "$program" rm -f bench >/dev/null 2>&1 || true
    "$program" run -d --name bench --identity "$1" -p 80 localhost/nginx >/dev/null
    sleep 1
    local place
    place=$("$program" port bench 80 | head -n 1)
    for ((i = 0; i < rounds; ++i)); do
        wrk -t2 -c50 -d2 "http://$place/" | awk '/^Requests.sec/ { print 1000000 / $2 }'
    done | median
}
emulated=$(page emulate) ranged=$(page subuid)
print "page of nginx, each" 1 "$emulated" "$ranged"
