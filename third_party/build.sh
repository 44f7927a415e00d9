#!/bin/sh
# build.sh RECIPE [ARCH]: makes sure that the library of recipes/RECIPE.sh is built, and prints the
# directory that holds its include/, lib/ and copyright file. The result is kept outside of the
# tree, under a key of everything that went into it: recipe, source version, architecture.
#
# A recipe sets
#   source        name of the Debian source package
#   binary        a binary package of it; tells which version this machine's apt offers
#   upstream      upstream version that the recipe was written for
#   orig_sha256   sha256 of the upstream tarball; Debian's patches on top are checked by apt alone
# and defines build(), which runs in the unpacked source with $prefix, $arch, $host_triplet, $jobs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
recipe=$1
arch=${2:-$(dpkg --print-architecture)}
recipe_file=$here/recipes/$recipe.sh
. "$recipe_file"

version=$(apt-cache policy "$binary" | sed -n 's/^ *Candidate: //p')
version=$(echo "$version" | sed 's/+b[0-9]*$//')
if [ -z "$version" ] || [ "$version" = "(none)" ]; then
    echo "build.sh: apt knows no package \"$binary\"; run third_party/setup.sh --build" >&2
    exit 1
fi
case $version in
"$upstream" | "$upstream"[-+]*) ;;
*)
    echo "build.sh: apt offers $source $version, the recipe is for $upstream:" \
        "set upstream and orig_sha256 in $recipe_file" >&2
    exit 1
    ;;
esac

key=$(cat "$recipe_file" "$0" "$here/fetch_source.sh" | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sandbox-third-party
prefix=$cache/$recipe-$version-$key-$arch
if [ -e "$prefix/complete" ]; then
    echo "$prefix"
    exit 0
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ -e "$prefix/complete" ]; then
    echo "$prefix"
    exit 0
fi
work=$(mktemp -d "$cache/work.XXXXXXXX")
trap 'rm -rf -- "$work"' EXIT
host_triplet=$(dpkg-architecture -a"$arch" -qDEB_HOST_GNU_TYPE 2>/dev/null)
jobs=$(nproc)
log=$cache/$recipe-$arch.log
# The && matter: "set -e" is off inside a condition.
if ! {
    sh "$here/fetch_source.sh" "$source" "$version" "$work" &&
        echo "$orig_sha256  $(echo "$work/$source"_*.orig.tar.?z)" | sha256sum -c -
} >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "build.sh: cannot get the source of $source $version; the log is $log" >&2
    exit 1
fi
final=$prefix
prefix=$work/out
mkdir "$prefix"
rc=0
# In a shell of its own, since "set -e" is off inside a condition.
(cd "$work/source" && set -ex && build) >>"$log" 2>&1 </dev/null &
wait $! || rc=$?
if [ "$rc" -ne 0 ]; then
    tail -n 30 "$log" >&2
    echo "build.sh: cannot build $source $version for $arch; the log is $log" >&2
    exit 1
fi
cp "$work/source/debian/copyright" "$prefix/copyright"
echo "$source $version" >"$prefix/complete"
rm -rf -- "$final"
mv "$prefix" "$final"
echo "$final"
