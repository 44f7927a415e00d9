#!/bin/bash
# Entry point of the test image "wordpress": root at first, which fills the site's directory, writes
# a configuration that reads the environment, and leaves it to apache to become www-data.
set -euo pipefail
source=/usr/src/wordpress

take_file() { # NAME
    local file_name=$1_FILE
    if [ -n "${!file_name:-}" ]; then
        export "$1=$(<"${!file_name}")"
        unset "$file_name"
    fi
}

case ${1:-} in apache2*) ;; *) exec "$@" ;; esac

for name in DB_HOST DB_NAME DB_USER DB_PASSWORD; do take_file "WORDPRESS_$name"; done

# A directory that somebody has filled is not touched.
if [ ! -e index.php ] && [ ! -e wp-includes/version.php ]; then
    echo "wordpress: filling $PWD" >&2
    tar --create --file - --directory "$source" --owner www-data --group www-data . |
        tar --extract --file - --no-overwrite-dir
    echo 'wordpress: complete' >&2
fi
if [ ! -s wp-config.php ]; then
    salt=$(head -c 48 /dev/urandom | base64 -w 0)
    sed "s|@SALT@|$salt|" "$source.config.php" >wp-config.php
    chown www-data:www-data wp-config.php
fi
exec "$@"
