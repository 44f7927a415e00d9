#!/bin/bash
# Entry point of the test image "postgres": root at first, then the user postgres; the first start
# makes the cluster.
set -euo pipefail

# A secret may come as a file's content: NAME_FILE.
take_file() { # NAME
    local file_name=$1_FILE
    if [ -n "${!file_name:-}" ]; then
        export "$1=$(<"${!file_name}")"
        unset "$file_name"
    fi
}

case ${1:-} in -*) set -- postgres "$@" ;; esac
if [ "${1:-}" != postgres ]; then exec "$@"; fi

if [ "$(id -u)" -eq 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA"
    chmod 3777 /var/run/postgresql
    find "$PGDATA" ! -user postgres -exec chown postgres {} +
    chown postgres /var/run/postgresql
    exec setpriv --reuid postgres --regid postgres --init-groups "$BASH_SOURCE" "$@"
fi

take_file POSTGRES_PASSWORD
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}

initialise() {
    if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
        echo 'postgres: no POSTGRES_PASSWORD and no POSTGRES_HOST_AUTH_METHOD=trust' >&2
        exit 1
    fi
    initdb --username="$user" --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-}") \
        --auth-host=scram-sha-256 --auth-local=trust ${POSTGRES_INITDB_ARGS:-}
    echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
    # Nobody gets in from outside before all is set up.
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    if [ "$database" != postgres ]; then
        createdb --username="$user" --maintenance-db=postgres "$database"
    fi
    local script
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
        *.sh) . "$script" ;;
        *.sql) psql -v ON_ERROR_STOP=1 --username="$user" --dbname="$database" -f "$script" ;;
        *.sql.gz)
            gunzip -c "$script" |
                psql -v ON_ERROR_STOP=1 --username="$user" --dbname="$database"
            ;;
        esac
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
    echo 'postgres: initialisation is complete'
}

[ -s "$PGDATA/PG_VERSION" ] || initialise
exec "$@" -c listen_addresses='*'
