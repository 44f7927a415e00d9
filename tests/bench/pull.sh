#!/bin/bash
# pull.sh SANDBOX LAYOUT WORKDIR [ROUNDS]: `sandbox pull` of a whole image into an empty store, from
# a registry on the loopback, beside
#   floor    curl | igzip -dc | tar -x, the layers in parallel: nothing verified, nothing kept
#   podman   podman pull into an empty storage
#   umoci    skopeo copy into a layout, umoci unpack
# PEERS="podman" leaves the last one out, PEERS="" both. podman with its overlay driver: the one that
# it takes by itself on some file systems copies each layer once more. Then a second pull of the
# same, unchanged image. LAYOUT by make_image.py, tag "bench"; WORKDIR with run.sh: "." is a tmpfs.
set -eu
sandbox=$1 layout=$2 work=$(cd "$3" && pwd) rounds=${4:-5}
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d "$work/bench-pull.XXXXXX")
# podman's own, with a short name: what it leaves running is found and ended there.
XDG_RUNTIME_DIR=$(mktemp -d /tmp/podman.XXXXXX)
export XDG_RUNTIME_DIR
registry_pid=
finish() {
    [ -z "$registry_pid" ] || kill "$registry_pid" || true
    rm -rf "$scratch" 2>/dev/null || podman unshare rm -rf "$scratch"
    if read -r pause 2>/dev/null <"$XDG_RUNTIME_DIR/libpod/tmp/pause.pid"; then
        kill "$pause" || true
    fi
    rm -rf "$XDG_RUNTIME_DIR"
}
trap finish EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$scratch/registry.yml" <<YAML
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $scratch/registry}}
http: {addr: "127.0.0.1:$port"}
YAML
docker-registry serve "$scratch/registry.yml" >"$scratch/registry.log" 2>&1 &
registry_pid=$!
for _ in $(seq 100); do
    curl -s "http://127.0.0.1:$port/v2/" >/dev/null && break
    sleep 0.05
done
skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$layout:bench" \
    "docker://127.0.0.1:$port/bench:1"

image=127.0.0.1:$port/bench:1
url=http://127.0.0.1:$port/v2/bench/blobs
layers=$(curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
    "http://127.0.0.1:$port/v2/bench/manifests/1" |
    python3 -c 'import json, sys; print(*(l["digest"] for l in json.load(sys.stdin)["layers"]))')
data=$scratch/data
floor="i=0; for d in $layers; do mkdir -p $data/\$i
    curl -s $url/\$d | igzip -dc | tar -x -C $data/\$i & i=\$((i + 1)); done; wait"
ours="XDG_DATA_HOME=$data XDG_RUNTIME_DIR=$scratch/run $sandbox pull -q $image"
podman="podman --root $data/podman --runroot $XDG_RUNTIME_DIR/r --storage-driver overlay \
    pull -q --tls-verify=false $image"
umoci="skopeo --insecure-policy copy -q --src-tls-verify=false docker://$image oci:$data/l:b &&
    umoci unpack --image $data/l:b $data/bundle"
commands=("floor=$floor" "sandbox pull=$ours")
case " ${PEERS=podman umoci} " in *" podman "*) commands+=("podman pull=$podman") ;; esac
case " $PEERS " in *" umoci "*) commands+=("skopeo, umoci=$umoci") ;; esac
mkdir -m 700 "$scratch/run"
# A store may hold files of other ids, and the peers' directories mounts.
clean="umount -l $data/podman/overlay 2>/dev/null; rm -rf $data $XDG_RUNTIME_DIR/r 2>/dev/null ||
    podman unshare rm -rf $data $XDG_RUNTIME_DIR/r
    mkdir $data; sync -f $work"
python3 "$here/measure.py" --rounds "$rounds" --before "$clean" "${commands[@]}"

eval "$ours" >/dev/null
python3 "$here/measure.py" --rounds 20 "unchanged=$ours"
