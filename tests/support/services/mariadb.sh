#!/bin/bash
# Entry point of the test image "mariadb": root at first, then the user mysql; the first start
# makes the system tables.
set -euo pipefail
data=/var/lib/mysql socket=/run/mysqld/mysqld.sock

take_file() { # NAME
    local file_name=$1_FILE
    if [ -n "${!file_name:-}" ]; then
        export "$1=$(<"${!file_name}")"
        unset "$file_name"
    fi
}

case ${1:-} in -*) set -- mariadbd "$@" ;; esac
if [ "${1:-}" != mariadbd ]; then exec "$@"; fi

if [ "$(id -u)" -eq 0 ]; then
    mkdir -p "$data" /run/mysqld
    find "$data" /run/mysqld ! -user mysql -exec chown mysql:mysql {} +
    exec setpriv --reuid mysql --regid mysql --init-groups "$BASH_SOURCE" "$@"
fi

take_file MARIADB_ROOT_PASSWORD
take_file MARIADB_PASSWORD

quoted() { printf '%s' "$1" | sed "s/[\\\\']/\\\\&/g"; }

initialise() {
    if [ -z "${MARIADB_ROOT_PASSWORD:-}" ] && [ -z "${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-}" ]; then
        echo 'mariadb: no MARIADB_ROOT_PASSWORD and no MARIADB_ALLOW_EMPTY_ROOT_PASSWORD' >&2
        exit 1
    fi
    mariadb-install-db --datadir="$data" --skip-test-db --auth-root-authentication-method=normal \
        --skip-name-resolve >/dev/null
    # Nobody gets in from outside before all is set up.
    mariadbd --skip-networking --skip-name-resolve --socket="$socket" &
    local server=$! tries=0
    until mariadb-admin --user=root --socket="$socket" ping >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
            echo 'mariadb: the server for the initialisation does not answer' >&2
            exit 1
        fi
        sleep 0.1
    done
    local password
    password=$(quoted "${MARIADB_ROOT_PASSWORD:-}")
    {
        if [ -n "${MARIADB_DATABASE:-}" ]; then
            echo "CREATE DATABASE IF NOT EXISTS \`$MARIADB_DATABASE\`;"
        fi
        if [ -n "${MARIADB_USER:-}" ]; then
            echo "CREATE USER '$MARIADB_USER'@'%'" \
                "IDENTIFIED BY '$(quoted "${MARIADB_PASSWORD:-}")';"
            if [ -n "${MARIADB_DATABASE:-}" ]; then
                echo "GRANT ALL ON \`$MARIADB_DATABASE\`.* TO '$MARIADB_USER'@'%';"
            fi
        fi
        echo "CREATE USER 'root'@'%' IDENTIFIED BY '$password';"
        echo "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
        echo "ALTER USER 'root'@'localhost' IDENTIFIED BY '$password';"
    } | mariadb --user=root --socket="$socket" mysql
    local script
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
        *.sh) . "$script" ;;
        *.sql)
            mariadb --user=root --password="${MARIADB_ROOT_PASSWORD:-}" --socket="$socket" \
                ${MARIADB_DATABASE:-} <"$script"
            ;;
        esac
    done
    mariadb-admin --user=root --password="${MARIADB_ROOT_PASSWORD:-}" --socket="$socket" shutdown
    wait "$server"
    echo 'mariadb: initialisation is complete'
}

[ -d "$data/mysql" ] || initialise
exec "$@"
