#!/bin/sh
# fetch_source.sh PACKAGE VERSION DIR: unpacks a Debian source package to DIR/source and leaves its
# files in DIR.
#
# The machine's own apt entries serve as the model: each Debian entry becomes a deb-src entry in a
# throw-away apt configuration, with the same keys, so that apt checks the chain signed release
# file, source index, .dsc, tarballs. The system's own configuration and lists are only read.
set -eu
package=$1 version=$2 dir=$3
mkdir -p "$dir/apt/state/lists/partial" "$dir/apt/cache/archives/partial" "$dir/apt/sources.d"

codename=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
etc=$(apt-config shell dir Dir::Etc/d | sed "s/^dir='\(.*\)'$/\1/")
etc=${etc:-/etc/apt/}

# One-line entries: "deb [options] uri suite component…".
for list in "$etc"/sources.list "$etc"/sources.list.d/*.list; do
    [ -f "$list" ] || continue
    awk -v codename="$codename" '
        /^deb[ \t]/ {
            line = $0
            sub(/^deb[ \t]+/, "", line)
            rest = line
            sub(/^\[[^]]*\][ \t]*/, "", rest)
            split(rest, word, /[ \t]+/)
            suite = word[2]
            if (suite == codename || suite ~ "^" codename "(-updates|-security|/updates)$")
                print "deb-src " line
        }' "$list"
done >"$dir/apt/sources.d/machine.list"

# Stanzas: the Types line is replaced, the rest stays.
for list in "$etc"/sources.list.d/*.sources; do
    [ -f "$list" ] || continue
    awk -v codename="$codename" -v RS= -v ORS='\n\n' '
        $0 ~ "(^|\n)Suites:[^\n]*[ \t]" codename "(-updates|-security|/updates)?([ \t\n]|$)" {
            gsub(/(^|\n)Types:[^\n]*/, "\nTypes: deb-src")
            sub(/^\n/, "")
            print
        }' "$list" >"$dir/apt/sources.d/$(basename "$list")"
done

apt_here() {
    apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$dir/apt/sources.d" \
        -o Dir::State="$dir/apt/state" -o Dir::State::status=/var/lib/dpkg/status \
        -o Dir::Cache="$dir/apt/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}
cd "$dir"
apt_here update
apt_here source --download-only "$package=$version"
dpkg-source --no-check -x "$package"_*.dsc source
