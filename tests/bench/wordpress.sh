#!/bin/bash
# WordPress and its database, installed: from `up -d` to the first answered page, beside the same two
# processes started by hand in the same root file systems and volumes (wordpress_by_hand.py), the
# second when the first listens. In turns; medians. Needs a subuid range.
#   SANDBOX_BIN=… sh tests/bench/run.sh range wordpress.sh [ROUNDS]
. "$SANDBOX_TESTS/support/lib.sh"

rounds=${1:-11}
mkdir "$WORK/hand"
. "$SANDBOX_TESTS/support/wordpress.sh"

cat >sandbox.toml <<EOF
name = "blog"
[services.db]
image = "mariadb"
volumes = ["db_data:/var/lib/mysql"]
environment = { MARIADB_ROOT_PASSWORD = "word", MARIADB_DATABASE = "wordpress" }
ready = { port = 3306 }
[services.app]
image = "wordpress"
depends_on = ["db"]
ports = ["$port:80"]
volumes = ["app_data:/var/www/html"]
environment = { WORDPRESS_DB_HOST = "db", WORDPRESS_DB_USER = "root", WORDPRESS_DB_PASSWORD = "word" }
EOF
expect_ok sandbox up -d -q
expect_match 'Success!' "$(curl -sS "$site/wp-admin/install.php?step=2" -d weblog_title=Words \
    -d user_name=writer -d admin_password=pass-word-9 -d admin_password2=pass-word-9 -d pw_weak=1 \
    -d admin_email=writer@example.org -d Submit=Install -d language=)"
expect_match 'Words' "$(curl -sS "$site/")"

# The same files: what is in the containers and, stopped as at every end, in their volumes.
as_root() { unshare --user --map-root-user --map-auto "$@"; }
sandbox stop >/dev/null 2>&1
for name in db app; do
    mkdir "$WORK/hand/$name"
    sandbox export "blog-$name-1" | as_root tar -x -C "$WORK/hand/$name" --numeric-owner -p || exit 1
done
volumes=$XDG_DATA_HOME/sandbox/volumes
volume_of() { find "$volumes/blog_$1" -mindepth 1 -maxdepth 1 -type d | head -n 1; }
as_root sh -ec 'rm -rf "$1/db/var/lib/mysql" "$1/app/var/www/html"
    cp -a "$2" "$1/db/var/lib/mysql" && cp -a "$3" "$1/app/var/www/html"
    echo "127.0.0.1 localhost db" >"$1/app/etc/hosts"
    echo "127.0.0.1 localhost" >"$1/db/etc/hosts"' - "$WORK/hand" "$(volume_of db_data)" "$(volume_of app_data)" || exit 1
on_exit as_root rm -rf "$WORK/hand"
sandbox down -q

by_hand() { # milliseconds
    unshare --user --map-root-user --map-auto --mount --net --pid --fork --kill-child --mount-proc \
        sh -ec 'ip link set lo up
            for name in db app; do
                mount --rbind /dev "$1/$name/dev"
                mount -t proc proc "$1/$name/proc"
            done
            exec python3 "$2" "$1" "$3"' - \
        "$WORK/hand" "$SANDBOX_TESTS/bench/wordpress_by_hand.py" "$site/"
}
by_up() {
    python3 "$SANDBOX_TESTS/bench/wordpress_by_hand.py" --command "$SANDBOX_BIN" "$site/"
    sandbox down -q
}
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

echo "WordPress until its first page; $rounds rounds, load $(cut -d' ' -f1 /proc/loadavg)"
hand=() up=()
by_hand >/dev/null && by_up >/dev/null # what both have read once is in memory
for ((i = 0; i < rounds; i++)); do
    hand+=("$(by_hand)")
    up+=("$(by_up)")
done
first=$(printf '%s\n' "${hand[@]}" | median) second=$(printf '%s\n' "${up[@]}" | median)
[ -z "${VERBOSE:-}" ] || printf 'by hand %s\nup %s\n' "${hand[*]}" "${up[*]}"
printf 'by hand %7.1f ms   up %7.1f ms   ratio %s\n' "$first" "$second" "$(bc <<<"scale=2; $second/$first")"
