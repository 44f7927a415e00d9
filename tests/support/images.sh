# images.sh: the images that tests share. Sourced by lib.sh; as a program it makes images ahead:
#   bash images.sh NAME…     e.g. by root, before the tests run as users who may not
#
# They are kept outside of the tree in SANDBOX_TEST_IMAGES, each as an OCI layout with the tag
# "latest" (busybox, debian, big; services, see service_images.sh) or as what that tool writes
# (buildah, podman, skopeo, umoci).

test_images_dir() {
    if [ -n "${SANDBOX_TEST_IMAGES:-}" ]; then
        echo "$SANDBOX_TEST_IMAGES"
    elif [ "$(id -u)" -eq 0 ]; then
        # Below /root the test users could not read them.
        echo /var/cache/sandbox-test-images
    else
        echo "${XDG_CACHE_HOME:-$HOME/.cache}/sandbox-test-images"
    fi
}

images_support=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# test_image NAME: prints its path; makes it when it is missing.
test_image() {
    local name=$1 dir
    dir=$(test_images_dir)
    if [ ! -e "$dir/$name" ]; then
        make_test_image "$name" "$dir" >&2 || {
            echo "images.sh: cannot make the image \"$name\"" >&2
            return 1
        }
    fi
    echo "$dir/$name"
}

make_test_image() {
    local name=$1 dir=$2
    (
        set -e
        umask 022
        mkdir -p "$dir"
        exec 9>"$dir/.lock"
        flock 9
        [ ! -e "$dir/$name" ] || exit 0
        work=$(mktemp -d "$dir/.work.XXXXXX")
        trap 'rm -rf -- "$work"' EXIT
        chmod 755 "$work"
        # In a shell of its own: "set -e" would be off on the left of ||.
        bash -euc '. "$1"; "make_$2_image" "$3/out" "$3"' - "$images_support/images.sh" \
            "$name" "$work" 9>&-
        chmod -R a+rX "$work/out"
        mv "$work/out" "$dir/$name"
    )
}

make_busybox_image() { # OUT WORK
    python3 "$images_support/make_image.py" "$1" --layer busybox --cmd '["sh"]'
}

# Debian's smallest system, from the same archive as this machine's own packages.
make_debian_image() { # OUT WORK
    debian_tar "$2"
    python3 "$images_support/make_image.py" "$1" --layer "$2/debian.tar" --cmd '["bash"]'
}

# With the programs that people become another user by, and ping; "someone" may use sudo.
make_debian-tools_image() { # OUT WORK
    debian_tar "$2" --include=sudo,iputils-ping \
        --customize-hook='chroot "$1" useradd --create-home --uid 1000 someone' \
        --customize-hook='echo "someone ALL=(ALL) NOPASSWD: ALL" >"$1/etc/sudoers.d/someone"' \
        --customize-hook='echo someone:word | chroot "$1" chpasswd'
    python3 "$images_support/make_image.py" "$1" --layer "$2/debian.tar" --cmd '["bash"]'
}

debian_tar() { # WORK OPTION…: WORK/debian.tar
    . /etc/os-release
    local mode=unshare work=$1
    shift
    if [ "$(id -u)" -eq 0 ]; then mode=root; fi
    mkdir "$work/apt"
    machine_apt_entries "$VERSION_CODENAME" "$work/apt"
    cat "$work"/apt/*.list "$work"/apt/*.sources 2>/dev/null |
        TMPDIR=$work mmdebstrap --quiet --mode="$mode" --variant=minbase "$@" \
            --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
            "$VERSION_CODENAME" "$work/debian.tar" -
}

# The machine's apt entries of its own suite, without those of other vendors.
machine_apt_entries() { # CODENAME DIR
    local list
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ ! -f "$list" ] || grep -E "^deb (\[[^]]*\] *)?[^ ]+ $1 " "$list" >>"$2/machine.list" || true
    done
    for list in /etc/apt/sources.list.d/*.sources; do
        [ -f "$list" ] || continue
        awk -v codename="$1" -v RS= -v ORS='\n\n' \
            '$0 ~ "(^|\n)Suites:[^\n]*[ \t]" codename "([ \t\n]|$)"' "$list" >>"$2/machine.sources"
    done
}

# 3 layers, 600 MB and 40,000 files unpacked, as easy to compress as programs and texts are.
make_big_image() {
    python3 "$images_support/make_tree_layers.py" "$2" --layers 3 --files 40000 --mbytes 600
    python3 "$images_support/make_image.py" "$1" --layer busybox --layer "$2/layer1.tar" \
        --layer "$2/layer2.tar" --layer "$2/layer3.tar" --cmd '["sh"]'
}

# Made by other tools, in a storage of their own that goes away with the work directory.
foreign_storage() { # WORK
    printf '%s\n' --root "$1/storage" --runroot "$1/run" --storage-driver vfs
}

busybox_tar() { # OUT
    python3 - "$images_support" "$1" <<'PYTHON'
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import make_image
with open(sys.argv[2], "wb") as out:
    out.write(make_image.layer_tar("busybox"))
PYTHON
}

make_buildah_image() { # an OCI archive
    local storage container
    mapfile -t storage < <(foreign_storage "$2")
    busybox_tar "$2/busybox.tar"
    container=$(buildah "${storage[@]}" from scratch)
    buildah "${storage[@]}" add -q "$container" "$2/busybox.tar" /
    buildah "${storage[@]}" config --cmd '["echo","made by buildah"]' "$container"
    buildah "${storage[@]}" commit -q "$container" "oci-archive:$1:latest"
    buildah "${storage[@]}" rm "$container" >/dev/null
}

make_podman_image() { # a docker archive
    local storage
    mapfile -t storage < <(foreign_storage "$2")
    busybox_tar "$2/busybox.tar"
    podman "${storage[@]}" import -q --change 'CMD ["echo","made by podman"]' \
        "$2/busybox.tar" localhost/made-by-podman:latest
    podman "${storage[@]}" save -q --format docker-archive -o "$1" localhost/made-by-podman:latest
}

make_skopeo_image() { # an OCI layout, through docker's format and back
    make_busybox_image "$2/busybox" "$2"
    skopeo --insecure-policy --tmpdir "$2" copy -q "oci:$2/busybox:latest" \
        "docker-archive:$2/busybox.docker:made-by-skopeo:latest"
    skopeo --insecure-policy --tmpdir "$2" copy -q "docker-archive:$2/busybox.docker" "oci:$1:latest"
}

make_umoci_image() { # an OCI layout
    umoci init --layout "$1"
    umoci new --image "$1:latest"
    make_busybox_image "$2/busybox" "$2"
    umoci unpack --rootless --image "$1:latest" "$2/bundle"
    busybox_tar "$2/busybox.tar"
    tar -xf "$2/busybox.tar" -C "$2/bundle/rootfs" --no-same-owner --exclude=dev
    umoci repack --image "$1:latest" "$2/bundle"
    umoci config --image "$1:latest" --config.cmd echo --config.cmd 'made by umoci'
}

. "$images_support/service_images.sh"

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    for image_name in "$@"; do
        test_image "$image_name" || exit 1
    done
fi
