#!/bin/bash
# identity.sh PROGRAM [ROUNDS]: what emulated identities cost. For a user without a range: prints
# medians of a trapped call, of files, and of the start of programs, emulated and faked.
# Needs the image debian-tools of tests/support/images.sh. In a store of its own.
set -eu
program=$1 rounds=${2:-5}
images=${SANDBOX_TEST_IMAGES:-/var/cache/sandbox-test-images}
work=$(mktemp -d)
finish() {
    "$program" system prune -af >/dev/null 2>&1 || true
    rm -rf -- "$work"
}
trap finish EXIT
export HOME=$work XDG_DATA_HOME=$work/data
"$program" pull -q "oci:$images/debian-tools" >/dev/null

# time_of MODE SCRIPT: median of the script's own time inside, in microseconds.
time_of() {
    for ((i = 0; i < rounds; ++i)); do
        "$program" run --rm --pull never --identity "$1" localhost/debian-tools bash -c "
            begin=\${EPOCHREALTIME/./}; $2
            end=\${EPOCHREALTIME/./}; echo \$((end - begin))"
    done | sort -n | sed -n "$((rounds / 2 + 1))p"
}
report() { # NAME DIVISOR SCRIPT
    local emulated faked
    emulated=$(time_of emulate "$3") faked=$(time_of fake "$3")
    awk -v n="$1" -v d="$2" -v e="$emulated" -v f="$faked" 'BEGIN {
        printf "%-44s emulate %9.2f us   fake %9.2f us   ratio %.2f\n", n, e / d, f / d, e / f }'
}
report "getpid (not trapped), each" 200000 'perl -e "syscall 39 for 1..200000"'
report "getuid (trapped), each" 20000 'perl -e "syscall 102 for 1..20000"'
report "stat of root's file, each" 20000 'perl -e "stat q(/etc/passwd) for 1..20000"'
report "stat of another's file, each" 20000 'perl -e "stat q(/etc/shadow) for 1..20000"'
report "a new file, each" 5000 'mkdir /tmp/n; perl -e "open F, q(>), qq(/tmp/n/\$_) for 1..5000"'
report "chown, each" 5000 'mkdir /tmp/n; cd /tmp/n; touch x{1..5000}; perl -e "chown 33, 33, qq(x\$_) for 1..5000"'
report "fork and exec of true, each" 200 'for ((i = 0; i < 200; ++i)); do /bin/true; done'
report "du of /usr" 1 'du -s /usr >/dev/null'
report "tar of /usr/share" 1 'tar cf /dev/null --ignore-failed-read /usr/share/. 2>/dev/null || true'
