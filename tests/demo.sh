#!/bin/sh
# demo.sh [--registry HOST/PATH/IMAGE[:TAG]]
#
# Shows what sandbox does, with comments, and cleans up. It makes an image itself, pushes it into a
# registry of its own on the loopback, and pulls and runs it as an unprivileged user: the caller, or
# when root calls, the user sbx-plain, which is made when missing. With --registry it pulls that
# image from the network too. Does its own set-up like run.sh.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
export HOME

remote=
case ${1:-} in
'') ;;
--registry) remote=${2:?demo.sh: --registry wants an image} ;;
*)
    echo "usage: demo.sh [--registry HOST/PATH/IMAGE[:TAG]]" >&2
    exit 2
    ;;
esac

# --- set-up ---
log=$(mktemp)
work=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-demo.XXXXXXXX")
registry_pid=
clean_up() {
    [ -z "$registry_pid" ] || kill "$registry_pid" 2>/dev/null || true
    rm -rf -- "$log" "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
quietly() {
    if ! "$@" >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        echo "demo.sh: failed: $*" >&2
        exit 1
    fi
}
echo "Set-up: packages, libraries, the program (minutes the first time, seconds later)…"
quietly sh third_party/setup.sh --build
for package in busybox-static docker-registry skopeo python3; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        quietly sh third_party/setup.sh --test --no-recipes
done
quietly cmake --preset release-static
quietly cmake --build --preset release-static --target sandbox

chmod 755 "$work"
cp build/release-static/sandbox "$work/sandbox"
mkdir -m 700 "$work/home" "$work/run"
as_user=
if [ "$(id -u)" -eq 0 ]; then
    sh tests/support/users.sh
    chown sbx-plain: "$work/home" "$work/run"
    as_user="setpriv --reuid $(id -u sbx-plain) --regid $(id -g sbx-plain) --init-groups"
fi

quietly python3 tests/support/make_image.py "$work/image" --layer busybox --cmd '["sh"]'
mkdir "$work/registry"
cat >"$work/registry/config.yml" <<CONFIG
version: 0.1
storage: { filesystem: { rootdirectory: $work/registry/storage } }
http: { addr: 127.0.0.1:0 }
CONFIG
docker-registry serve "$work/registry/config.yml" >"$work/registry/log" 2>&1 &
registry_pid=$!
tries=0
until grep -q 'listening on 127' "$work/registry/log"; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { cat "$work/registry/log" >&2 && exit 1; }
    sleep 0.1
done
registry=$(sed -n 's/.*listening on \(127[0-9.:]*\).*/\1/p' "$work/registry/log" | head -n 1)
quietly skopeo --insecure-policy copy --dest-tls-verify=false "oci:$work/image:latest" \
    "docker://$registry/demo:1"

# --- the show ---
say() { printf '\n# %s\n' "$*"; }
failed=0
show() { # STATUS ARGUMENT…: runs sandbox as the user, shows the command, checks its status
    wanted=$1
    shift
    printf '$ sandbox'
    for word in "$@"; do
        case $word in *[!A-Za-z0-9_./:=@%,+-]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '\n'
    rc=0
    (cd "$work/home" && exec $as_user env -i HOME="$work/home" XDG_RUNTIME_DIR="$work/run" \
        PATH=/usr/bin:/bin:/usr/sbin LANG=C.UTF-8 "$work/sandbox" "$@") </dev/null || rc=$?
    if [ "$rc" -ne "$wanted" ]; then
        echo "demo.sh: exit status $rc, wanted $wanted" >&2
        failed=1
    fi
}

say "One file, no daemon, no root. Who am I?"
echo "$($as_user id -un), uid $($as_user id -u); the program is" \
    "$(stat -c %s "$work/sandbox") bytes: $(file -b "$work/sandbox" 2>/dev/null | cut -d, -f1-4)"
say "What does this machine permit, and what would each missing thing need?"
show 0 doctor
say "Pull an image from a registry (this one lives on the loopback)."
show 0 pull "$registry/demo:1"
show 0 images
say "Run it: inside I am root, in namespaces of my own."
show 0 run "$registry/demo:1" sh -c 'echo "hello from pid $$, uid $(id -u), on $(hostname)"; ls /'
say "Exit codes are the payload's own."
show 7 run "$registry/demo:1" sh -c 'exit 7'
say "A command that does not exist is 127, one that is no program 126."
show 127 run "$registry/demo:1" no-such-command
show 126 run "$registry/demo:1" /etc
say "A directory of mine inside, written from there, owned by me outside."
show 0 run -v "$work/home:/mine" "$registry/demo:1" sh -c 'echo written inside >/mine/note'
ls -ln "$work/home/note" && cat "$work/home/note"
say "An error is one line that names the cure."
show 125 run --pull=never "$registry/nothing:1" true
say "Where the bytes are, and whether they are all still right."
show 0 system df
show 0 system check
if [ -n "$remote" ]; then
    say "The same from the network."
    show 0 pull "$remote"
    show 0 run "$remote" true
    show 0 rmi "$remote"
fi
say "And nothing is left."
show 0 rmi "$registry/demo:1"
show 0 system prune --all --force
show 0 system df
[ "$failed" -eq 0 ] && echo && echo "The demo went as written."
exit "$failed"
