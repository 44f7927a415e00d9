#!/bin/bash
# pull.sh SANDBOX LAYOUT WORKDIR [ROUNDS]: `sandbox pull` of a whole image into an empty store, from
# a registry on the loopback, beside
#   floor    curl | igzip -dc | tar -x, the layers in parallel: nothing verified, nothing kept
#   podman   podman pull into an empty storage
#   umoci    skopeo copy into a layout, umoci unpack
# PEERS="" leaves the last two out. Then a second pull of the same, unchanged image. LAYOUT by
# make_image.py, tag "bench".
set -eu
sandbox=$1 layout=$2 work=$3 rounds=${4:-5}
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d "$work/bench-pull.XXXXXX")
registry_pid=
finish() {
    [ -z "$registry_pid" ] || kill "$registry_pid" || true
    [ ! -e "$scratch/podman" ] || podman --root "$scratch/podman" system reset -f >/dev/null 2>&1 || true
    rm -rf "$scratch"
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
podman="podman --root $data/podman --runroot $data/podman-run pull -q --tls-verify=false $image"
umoci="skopeo --insecure-policy copy -q --src-tls-verify=false docker://$image oci:$data/l:b &&
    umoci unpack --image $data/l:b $data/bundle"
commands=("floor=$floor" "sandbox pull=$ours")
if [ "${PEERS-all}" = all ]; then
    commands+=("podman pull=$podman" "skopeo, umoci=$umoci")
fi
mkdir -m 700 "$scratch/run"
# A store may hold files of other ids, and the peers' directories mounts.
clean="umount -l $data/podman/overlay 2>/dev/null; rm -rf $data 2>/dev/null || podman unshare rm -rf $data
    mkdir $data; sync -f $work"
python3 "$here/measure.py" --rounds "$rounds" --before "$clean" "${commands[@]}"

eval "$ours" >/dev/null
python3 "$here/measure.py" --rounds 20 "unchanged=$ours"
