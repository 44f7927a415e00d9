# network_peers.sh: how each way into and out of a namespace is run. Sourced by network.sh.
#   out_PEER PORT COMMAND…: the command in the namespace; its word ADDRESS is where the host's
#       loopback is, at port PORT
#   in_PEER PORT COMMAND…: the command serves at port 5201 inside, which is 127.0.0.1:PORT outside
# shellcheck disable=SC2154  # "seconds" is network.sh's

# The programs are the host's own in all rows: containers see them through read-only binds.
binds=(-v "$WORK:$WORK" -v "$SANDBOX_TESTS:$SANDBOX_TESTS:ro")
for place in /usr /lib /lib64; do binds+=(-v "$place:$place:ro"); done
limit=$((seconds + 20))
has() { command -v "$1" >/dev/null || { echo "left out: $1 is not installed" >&2; false; }; }
# stop_tree PID: a background function, and what it has started.
stop_tree() {
    local child
    for child in $(pgrep -P "$1"); do stop_tree "$child"; done
    kill -9 "$1" 2>/dev/null
    wait "$1" 2>/dev/null
    return 0
}

out_loopback() { local words=("${@:2}"); timeout "$limit" "${words[@]/#ADDRESS/127.0.0.1}" 2>/dev/null; }
in_loopback() { # what serves at 5201 elsewhere serves at PORT here
    local words=("${@:2}")
    sed "s/5201/$1/" "$WORK/nginx.conf" >"$WORK/nginx.conf.here" 2>/dev/null
    words=("${words[@]/#5201/$1}")
    timeout "$limit" "${words[@]/%nginx.conf/nginx.conf.here}"
}

out_sandbox() {
    local words=("${@:2}")
    timeout "$limit" "$SANDBOX_BIN" run --rm --host-access "$1" "${binds[@]}" localhost/busybox \
        "${words[@]/#ADDRESS/10.89.0.1}" 2>/dev/null
}
in_sandbox() {
    timeout "$limit" "$SANDBOX_BIN" run --rm -p "127.0.0.1:$1:5201" "${binds[@]}" localhost/busybox "${@:2}"
}

# As podman had it by default up to 4.x, and docker without root.
out_slirp4netns() {
    local words=("${@:2}") inner peer
    rm -f "$WORK/slirp.pid" "$WORK/slirp.up"
    # shellcheck disable=SC2016 # the inner shell expands it
    unshare -Urn bash -c 'echo $$ >"$0/slirp.pid"; until [ -e "$0/slirp.up" ]; do sleep 0.05; done
        exec "$@"' "$WORK" timeout "$limit" "${words[@]/#ADDRESS/10.0.2.2}" 2>/dev/null &
    inner=$!
    wait_until 10 test -s "$WORK/slirp.pid"
    slirp4netns --configure --mtu=65520 "$(cat "$WORK/slirp.pid")" tap0 >/dev/null 2>&1 &
    peer=$!
    sleep 0.7
    : >"$WORK/slirp.up"
    wait "$inner"
    stop_tree "$peer"
}

# As podman has it by default since 5.0; here through its tap, as connections to other hosts go.
out_pasta() {
    local words=("${@:2}")
    timeout "$limit" pasta -q --config-net -a 10.0.2.15 -n 24 -g 10.0.2.2 -- \
        "${words[@]/#ADDRESS/10.0.2.2}" 2>/dev/null
}
in_pasta() { timeout "$limit" pasta -q -f --config-net -t "127.0.0.1/$1:5201" -- "${@:2}"; }

# The port driver of docker without root; podman's rootlessport is the same code.
in_rootlesskit() {
    timeout "$limit" rootlesskit --net=slirp4netns --disable-host-loopback --copy-up=/etc \
        --port-driver=builtin -p "127.0.0.1:$1:5201/tcp" "${@:2}"
}

# A page as nginx comes with one, at /; and at /said an answer for which it opens no file.
write_nginx_conf() {
    mkdir -p "$WORK/www"
    head -c 615 /dev/zero | tr '\0' x >"$WORK/www/index.html"
    chmod 755 "$WORK" "$WORK/www"
    cat >"$WORK/nginx.conf" <<N
daemon off;
master_process off;
user root root;
pid $WORK/nginx.pid;
error_log stderr;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000000;
    $(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $WORK/$kind;"; done)
    sendfile on;
    server {
        listen 5201 backlog=4096;
        root $WORK/www;
        location /said { return 200 "hello, here are some bytes of an answer"; }
    }
}
N
}
