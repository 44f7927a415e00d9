# lib.sh: what every end-to-end script sources first (bash). It gives the script a home, a store
# and a scratch directory of its own, assertions, a local registry, and cleans up at the end.
#
#   #!/bin/bash
#   # users: range plain          (optional: which of range, plain and root the script is for;
#                                  range and plain by default)
#   . "$SANDBOX_TESTS/support/lib.sh"
#   test_case "a cached image runs without any network"
#   run_rc sandbox run busybox true
#   expect_eq 0 "$RC"
#
# Given by run_e2e.sh: SANDBOX_BIN, SANDBOX_TESTS, SANDBOX_TEST_USER (range, plain or root),
# SANDBOX_TEST_IMAGES (images that images.sh made, read-only).
# Set here: WORK (scratch), HOME and all XDG directories below it; OUT, ERR, RC by run_rc.
# A script goes on after a failed assertion; its exit status says whether all held.

set -u
: "${SANDBOX_BIN:?path of the program}" "${SANDBOX_TESTS:?path of tests/}"
SANDBOX_TEST_USER=${SANDBOX_TEST_USER:-range}

failures=0
assertions=0
current_case="before the first test case"
exit_commands=()
skipped=
lib_pid=$BASHPID

if [ -z "${SANDBOX_TEST_IMAGES:-}" ]; then
    SANDBOX_TEST_IMAGES=/var/cache/sandbox-test-images
    if [ "$(id -u)" -ne 0 ] && [ ! -d "$SANDBOX_TEST_IMAGES" ]; then
        SANDBOX_TEST_IMAGES=${XDG_CACHE_HOME:-$HOME/.cache}/sandbox-test-images
    fi
fi
export SANDBOX_TEST_IMAGES

WORK=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-test.XXXXXXXX")
chmod 700 "$WORK"
export WORK HOME=$WORK/home
export XDG_DATA_HOME=$HOME/.local/share XDG_CONFIG_HOME=$HOME/.config XDG_CACHE_HOME=$HOME/.cache
export XDG_RUNTIME_DIR=$WORK/run
mkdir -p "$XDG_DATA_HOME" "$XDG_CONFIG_HOME" "$XDG_CACHE_HOME"
mkdir -m 700 "$XDG_RUNTIME_DIR"
unset DOCKER_CONFIG REGISTRY_AUTH_FILE SSL_CERT_FILE SSL_CERT_DIR
unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
cd "$WORK" || exit 1

sandbox() { "$SANDBOX_BIN" "$@"; }

# --- test cases and assertions ---------------------------------------------------------------

test_case() {
    current_case=$1
    echo "- $current_case"
}

fail() {
    failures=$((failures + 1))
    local frame=1
    while [[ ${BASH_SOURCE[frame]:-} == */lib.sh ]]; do frame=$((frame + 1)); done
    printf 'FAILED %s:%s: %s\n    %s\n' "${BASH_SOURCE[frame]:-?}" "${BASH_LINENO[frame - 1]}" \
        "$current_case" "$1" >&2
}

# Leaves the script as skipped; with SANDBOX_TESTS_MUST_RUN=1 that is a failure.
skip() {
    echo "skipped: $1"
    if [ "${SANDBOX_TESTS_MUST_RUN:-0}" = 1 ]; then
        fail "skip is forbidden by SANDBOX_TESTS_MUST_RUN=1: $1"
    else
        skipped=yes
    fi
    exit
}

# run_rc COMMAND…: runs it, keeps stdout in OUT, stderr in ERR, the exit status in RC. Its stdin is
# the caller's. Trailing newlines are cut, as $( ) does.
run_rc() {
    RC=0
    "$@" >"$WORK/.out" 2>"$WORK/.err" || RC=$?
    OUT=$(tr -d '\0' <"$WORK/.out")
    ERR=$(tr -d '\0' <"$WORK/.err")
}

last_run() { printf 'exit %s, stdout: %s\n    stderr: %s' "${RC:-?}" "${OUT:-}" "${ERR:-}"; }

expect_eq() { # WANTED ACTUAL [WHAT]
    assertions=$((assertions + 1))
    [ "$1" = "$2" ] && return 0
    fail "${3:-value}: wanted \"$1\", got \"$2\"
    last run: $(last_run)"
    return 1
}

expect_ne() { # UNWANTED ACTUAL [WHAT]
    assertions=$((assertions + 1))
    [ "$1" != "$2" ] && return 0
    fail "${3:-value}: did not want \"$1\""
    return 1
}

expect_match() { # REGEX TEXT [WHAT]: an extended regular expression, anywhere in the text
    assertions=$((assertions + 1))
    [[ $2 =~ $1 ]] && return 0
    fail "${3:-text}: wanted a match of /$1/, got \"$2\"
    last run: $(last_run)"
    return 1
}

expect_no_match() { # REGEX TEXT [WHAT]
    assertions=$((assertions + 1))
    [[ $2 =~ $1 ]] || return 0
    fail "${3:-text}: did not want a match of /$1/, got \"$2\""
    return 1
}

expect_ok() { # COMMAND…: exits 0
    assertions=$((assertions + 1))
    run_rc "$@"
    [ "$RC" -eq 0 ] && return 0
    fail "wanted exit 0 of: $*
    $(last_run)"
    return 1
}

expect_rc() { # STATUS COMMAND…
    local wanted=$1
    shift
    assertions=$((assertions + 1))
    run_rc "$@"
    [ "$RC" -eq "$wanted" ] && return 0
    fail "wanted exit $wanted of: $*
    $(last_run)"
    return 1
}

# An error as the project promises it: this status, nothing on stdout, one line on stderr (with or
# without a second line for the hint) that matches.
expect_error() { # STATUS REGEX COMMAND…
    local wanted=$1 regex=$2
    shift 2
    assertions=$((assertions + 1))
    run_rc "$@"
    if [ "$RC" -eq "$wanted" ] && [ -z "$OUT" ] && [[ $ERR =~ $regex ]] &&
        [ "$(printf '%s\n' "$ERR" | wc -l)" -le 2 ]; then
        return 0
    fi
    fail "wanted exit $wanted and one line that matches /$regex/ of: $*
    $(last_run)"
    return 1
}

expect_file() { # PATH: exists
    assertions=$((assertions + 1))
    [ -e "$1" ] && return 0
    fail "no such file: \"$1\""
    return 1
}

expect_no_file() { # PATH
    assertions=$((assertions + 1))
    [ ! -e "$1" ] && [ ! -L "$1" ] && return 0
    fail "there is a file: \"$1\""
    return 1
}

# wait_until SECONDS COMMAND…: polls until the command succeeds; false when the time is over.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# has_open PID PATH: whether that process has a file open whose path ends so.
has_open() { find "/proc/$1/fd" -lname "*$2" 2>/dev/null | grep -q .; }

# --- cleaning up -----------------------------------------------------------------------------

# on_exit COMMAND…: runs at the end, last one first.
on_exit() { exit_commands+=("$(printf '%q ' "$@")"); }

# stop_pid PID: ends a process that this script started, and reaps it.
stop_pid() {
    kill "$1" 2>/dev/null
    wait "$1" 2>/dev/null
    return 0
}

# Whatever uid made it: files of the subuid range are only the range's to remove.
remove_all() {
    [ -e "$1" ] || return 0
    chmod -R u+rwX -- "$1" 2>/dev/null
    rm -rf -- "$1" 2>/dev/null && return 0
    if [ "$SANDBOX_TEST_USER" = range ]; then
        unshare --user --map-root-user --map-auto rm -rf -- "$1" && return 0
    fi
    echo "lib.sh: cannot remove $1" >&2
    return 1
}

finish() {
    local rc=$?
    # A background subshell of the script must not clean up for it.
    [ "$BASHPID" = "$lib_pid" ] || exit "$rc"
    trap - EXIT
    local i
    for ((i = ${#exit_commands[@]} - 1; i >= 0; i--)); do
        eval "${exit_commands[i]}"
    done
    cd /
    remove_all "$WORK"
    if [ "$failures" -gt 0 ]; then
        echo "$failures of $assertions assertions failed" >&2
        exit 1
    fi
    if [ "$skipped" = yes ]; then exit 77; fi
    if [ "$rc" -eq 0 ] && [ "$assertions" -eq 0 ]; then
        echo "the script made no assertion" >&2
        exit 1
    fi
    echo "$assertions assertions held"
    exit "$rc"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# --- the neighbour -----------------------------------------------------------------------------

# in_peer COMMAND…: runs it on the neighbour's side ("# network: own", see own_network.sh), with this
# shell's directory; waits, and answers its exit status.
in_peer() {
    local note
    note=$(mktemp "$WORK/.peer.XXXXXX")
    mkfifo "$note.end"
    printf 'cd %q; { %s; } >%q 2>%q </dev/null; echo $? >%q\n' "$PWD" "$(printf '%q ' "$@")" \
        "$note" "$note.err" "$note.end" >"$SANDBOX_TEST_PEER"
    local rc
    read -r rc <"$note.end"
    cat "$note"
    cat "$note.err" >&2
    rm -f "$note" "$note.err" "$note.end"
    return "$rc"
}

# start_in_peer COMMAND…: the same without waiting; it ends with the neighbour.
start_in_peer() { printf '%s >/dev/null 2>&1 </dev/null\n' "$(printf '%q ' "$@")" >"$SANDBOX_TEST_PEER"; }

# --- registry --------------------------------------------------------------------------------

# start_registry [--user NAME:PASSWORD] [--tls]: a docker-registry of its own on a free loopback
# port. Sets REGISTRY (host:port), REGISTRY_PID, REGISTRY_DIR (config, storage and log); with --tls
# also REGISTRY_CA. It ends with the script, or earlier by stop_registry.
start_registry() {
    local login='' tls=''
    while [ $# -gt 0 ]; do
        case $1 in
        --user) login=$2 && shift ;;
        --tls) tls=yes ;;
        esac
        shift
    done
    REGISTRY_DIR=$(mktemp -d "$WORK/registry.XXXX")
    {
        echo 'version: 0.1'
        echo 'log: { level: info, accesslog: { disabled: false } }'
        echo "storage: { filesystem: { rootdirectory: $REGISTRY_DIR/storage }," \
            "delete: { enabled: true } }"
        echo 'http:'
        echo '  addr: 127.0.0.1:0'
        if [ -n "$tls" ]; then
            make_certificate "$REGISTRY_DIR" && REGISTRY_CA=$REGISTRY_DIR/ca.pem
            echo "  tls: { certificate: $REGISTRY_DIR/server.pem, key: $REGISTRY_DIR/server.key }"
        fi
        if [ -n "$login" ]; then
            # bcrypt, as the registry wants it; the lowest cost keeps each request fast.
            python3 -W ignore -c 'import crypt, sys; name, word = sys.argv[1].split(":", 1)
print(name + ":" + crypt.crypt(word, "$2b$04$abcdefghijklmnopqrstuu"))' \
                "$login" >"$REGISTRY_DIR/htpasswd"
            echo "auth: { htpasswd: { realm: test, path: $REGISTRY_DIR/htpasswd } }"
        fi
    } >"$REGISTRY_DIR/config.yml"
    OTEL_TRACES_EXPORTER=none docker-registry serve "$REGISTRY_DIR/config.yml" \
        >"$REGISTRY_DIR/log" 2>&1 </dev/null &
    REGISTRY_PID=$!
    on_exit stop_pid "$REGISTRY_PID"
    if ! wait_until 20 grep -q 'listening on 127' "$REGISTRY_DIR/log"; then
        cat "$REGISTRY_DIR/log" >&2
        fail "the registry does not start"
        exit 1
    fi
    REGISTRY=$(sed -n 's/.*listening on \(127[0-9.:]*\).*/\1/p' "$REGISTRY_DIR/log" | head -n 1)
}

stop_registry() { stop_pid "$REGISTRY_PID"; }

# How many requests the registry has answered that match an extended regular expression.
count_requests() { grep -cE "$1" "$REGISTRY_DIR/log"; }

# make_certificate DIR: ca.pem, and server.pem and server.key for 127.0.0.1 and localhost.
make_certificate() {
    (
        cd "$1" || exit 1
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=sandbox-test-ca \
            -keyout ca.key -out ca.pem &&
            openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key \
                -out server.csr &&
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
                -extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1') -out server.pem
    ) >/dev/null 2>&1
}

# --- images ----------------------------------------------------------------------------------

. "$SANDBOX_TESTS/support/images.sh"

# image NAME: path of the ready-made OCI layout (tag "latest"): busybox, debian, big. It is made on
# first use and kept, outside of the tree.
image() { test_image "$1"; }

# push_image LAYOUT[:TAG] REPOSITORY[:TAG]: copies an OCI layout into the running registry.
push_image() {
    local source=$1
    [[ ${source##*/} == *:* ]] || source=$source:latest
    skopeo --insecure-policy --tmpdir "$WORK" copy -q --dest-tls-verify=false "oci:$source" \
        "docker://$REGISTRY/$2" || { fail "cannot push $1 to $2" && exit 1; }
}

# push_busybox [REPOSITORY[:TAG]]: the image that most scripts want.
push_busybox() { push_image "$(image busybox)" "${1:-busybox:latest}"; }

# make_image DIR OPTION…: an OCI layout for one test, see make_image.py --help.
make_image() {
    local dir=$1
    shift
    python3 "$SANDBOX_TESTS/support/make_image.py" "$dir" "$@"
}

# A port of the loopback that nobody has just now.
free_port() {
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
