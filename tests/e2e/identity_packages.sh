#!/bin/bash
# A package with a system user of its own is installed, by dpkg and by apt-get, as in a real system.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image debian-tools)"
cat >install.sh <<'SCRIPT'
set -e
mkdir -p /tmp/p/DEBIAN /tmp/p/var/lib/keeper /tmp/p/usr/share/keeper
cat >/tmp/p/DEBIAN/control <<'CONTROL'
Package: keeper
Version: 1.0
Architecture: all
Maintainer: Nobody <nobody@localhost>
Description: keeps something
CONTROL
cat >/tmp/p/DEBIAN/postinst <<'POSTINST'
#!/bin/sh
set -e
getent passwd keeper >/dev/null || useradd --system --user-group --home-dir /var/lib/keeper keeper
chown keeper:adm /var/lib/keeper
chmod 2750 /var/lib/keeper
runuser -u keeper -- sh -c 'echo data >/var/lib/keeper/data'
POSTINST
chmod 755 /tmp/p/DEBIAN/postinst
echo text >/tmp/p/usr/share/keeper/text
chown games:games /tmp/p/usr/share/keeper/text
dpkg-deb -b /tmp/p /tmp/keeper.deb >/dev/null
"$@" >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }
cd /var/lib/keeper
stat -c '%n %U %G %a' . data /usr/share/keeper/text
dpkg-query -W -f '${Status}\n' keeper
SCRIPT
wanted='. keeper adm 2750
data keeper adm 644
/usr/share/keeper/text games games 644
install ok installed'
# Nothing is fetched: there is one list, and it is empty.
apt='apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=/dev/null -y'

for how in 'dpkg -i /tmp/keeper.deb' "$apt install /tmp/keeper.deb"; do
    test_case "${how%% *} installs it, and its files are its user's"
    # shellcheck disable=SC2086  # words
    expect_ok sandbox run --rm -v "$PWD/install.sh:/install.sh:ro" localhost/debian-tools \
        sh /install.sh $how
    expect_eq "$wanted" "$OUT"
done
