# launch_peers.sh: other tools' commands for launch.sh, which sources it. Each function that makes a
# peer ready answers whether it runs here; PEER_WHY says why not.

PEER_WHY=

# A root for those who take a directory.
make_bundle() {
    local lower=$WORK/bundle/lower name
    mkdir -p "$lower"/{bin,proc,sys,dev,tmp,etc} "$WORK/bundle/merged"
    cp /bin/busybox "$lower/bin/"
    ln -s busybox "$lower/bin/true"
    for name in hosts hostname resolv.conf; do
        echo x >"$WORK/bundle/$name"
        : >"$lower/etc/$name"
    done
}

# The default filter of a run that was made before, without the head of its cache entry.
write_filter() {
    python3 - "$XDG_DATA_HOME/sandbox/cache" "$WORK/filter.bpf" <<'PYTHON'
import glob, sys
entry = open(glob.glob(sys.argv[1] + "/seccomp-*.bpf")[0], "rb").read()
open(sys.argv[2], "wb").write(entry.split(b"\n", 2)[2])
PYTHON
}

# bwrap with what a run has by default, as far as bwrap can: all namespaces, an own /proc with the
# same paths hidden (if the host has them) and read-only, /sys, /dev with its own pts, shm and
# mqueue, three files in /etc, a session, the same seccomp filter. Not like a run: the root is a
# read-only bind mount and no overlay (which bwrap has from version 0.11 on); /sys and the read-only
# parts of /proc are bind mounts of the host's; no capability sets, limits, keyring; no record, lock
# or directory of its own in a store, no look at the image's configuration or accounts.
# Leaves the words in BWRAP. The filter is read from descriptor 9.
bwrap_ready() {
    command -v bwrap >/dev/null || return 1
    local path name
    BWRAP=(--unshare-all --hostname x --new-session --die-with-parent
        --ro-bind "$WORK/bundle/lower" / --proc /proc --ro-bind /sys /sys
        --dev /dev --tmpfs /dev/shm --mqueue /dev/mqueue)
    for path in /proc/{acpi,asound,interrupts,kcore,keys,latency_stats,sched_debug,scsi} \
        /proc/{timer_list,timer_stats} /sys/{firmware,devices/virtual/powercap,dev/block}; do
        if [ -d "$path" ]; then
            BWRAP+=(--tmpfs "$path" --remount-ro "$path")
        elif [ -e "$path" ]; then
            BWRAP+=(--ro-bind /dev/null "$path")
        fi
    done
    for path in /proc/{bus,fs,irq,sys,sysrq-trigger}; do
        [ ! -e "$path" ] || BWRAP+=(--ro-bind "$path" "$path")
    done
    for name in hosts hostname resolv.conf; do
        BWRAP+=(--ro-bind "$WORK/bundle/$name" "/etc/$name")
    done
    BWRAP+=(--seccomp 9)
}

crun_ready() {
    command -v crun >/dev/null || return 1
    mkdir -p "$WORK/crun/rootfs"
    cp -a "$WORK/bundle/lower/." "$WORK/crun/rootfs/"
    (cd "$WORK/crun" && crun spec --rootless) || return 1
    python3 - "$WORK/crun/config.json" <<'PYTHON'
import json, sys
config = json.load(open(sys.argv[1]))
config["process"]["terminal"] = False
config["process"]["args"] = ["/bin/true"]
json.dump(config, open(sys.argv[1], "w"))
PYTHON
    timeout -k 5 30 crun --root "$WORK/crun-state" run -b "$WORK/crun" probe \
        >/dev/null 2>"$WORK/crun.err" </dev/null || {
        PEER_WHY=$(tail -1 "$WORK/crun.err")
        return 1
    }
}

# A runtime directory with a short name: below a long one, podman does not see how a container ended
# and waits for 20 seconds. The first call leaves a process behind that keeps podman's namespaces,
# and with them whatever streams it was given: none of ours, or who reads them waits for ever.
podman_quietly() {
    timeout -k 5 60 env XDG_RUNTIME_DIR="$PODMAN_RUN" podman "$@" </dev/null \
        >/dev/null 2>"$WORK/podman.err"
}

podman_end() {
    local pid
    podman_quietly system reset -f
    read -r pid 2>/dev/null <"$PODMAN_RUN/libpod/tmp/pause.pid" && kill "$pid"
    rm -rf -- "$PODMAN_RUN"
}

# Leaves the command that runs podman in PODMAN.
podman_ready() {
    command -v podman >/dev/null || return 1
    if [ "$kind" != range ]; then
        PEER_WHY="it wants a range of subordinate ids"
        return 1
    fi
    skopeo --insecure-policy --tmpdir "$WORK" copy -q "oci:$(image busybox):latest" \
        "docker-archive:$WORK/busybox.tar:localhost/busybox:latest" || return 1
    # Not vfs, which copies the image for every container.
    mkdir -p "$XDG_CONFIG_HOME/containers"
    printf '[storage]\ndriver = "overlay"\n' >"$XDG_CONFIG_HOME/containers/storage.conf"
    PODMAN_RUN=$(mktemp -d /tmp/podman.XXXXXX)
    PODMAN=(env XDG_RUNTIME_DIR="$PODMAN_RUN" podman)
    on_exit podman_end
    podman_quietly load -q -i "$WORK/busybox.tar" &&
        podman_quietly run --rm --network none localhost/busybox true && return 0
    PEER_WHY=$(tail -1 "$WORK/podman.err")
    return 1
}
