#!/bin/sh
# Makes the two test users, once; needs root. sbx-range has a subordinate id range, sbx-plain none.
# sbx-range is a member of the group sbx-shared; sbx-plain of no second one, since with one id groups
# cannot be given up and would be seen in containers.
set -eu
for user in sbx-range sbx-plain; do
    getent passwd "$user" >/dev/null || useradd --create-home --shell /bin/sh "$user"
done
getent group sbx-shared >/dev/null || groupadd sbx-shared
id -Gn sbx-range | tr ' ' '\n' | grep -qx sbx-shared || usermod --append --groups sbx-shared sbx-range
for file in /etc/subuid /etc/subgid; do
    touch "$file"
    if grep -q '^sbx-plain:' "$file"; then
        sed -i '/^sbx-plain:/d' "$file"
    fi
    if ! grep -q '^sbx-range:' "$file"; then
        # Behind the last range that is taken, so that nobody's ids are shared.
        start=$(awk -F: 'BEGIN { end = 1000000 } NF >= 3 && $2 + $3 > end { end = $2 + $3 }
                         END { print end }' "$file")
        echo "sbx-range:$start:65536" >>"$file"
    fi
done
