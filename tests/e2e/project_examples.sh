#!/bin/bash
# Examples of profiles/ whose images Debian's packages can stand in for, brought up as they are.
# users: range
. "$SANDBOX_TESTS/support/lib.sh"

examples=$SANDBOX_TESTS/../profiles
cp -R "$examples" "$WORK/examples"
stand_in() { # SERVICE NAME:TAG
    expect_ok sandbox pull -q "oci:$(image "$1")"
    expect_ok sandbox tag "localhost/$1:latest" "$2"
}
# The official ones have no check; one that asks the server would wait for ever in a worker.
for name in redis:7-alpine postgres:17-alpine; do
    stand_in "${name%%:*}" "${name%%:*}:debian"
    expect_ok sandbox create --name plain "${name%%:*}:debian"
    expect_ok sandbox commit -q -c 'HEALTHCHECK NONE' plain "$name"
    expect_ok sandbox rm -v plain
done
stand_in mariadb mariadb:10

go() { # EXAMPLE
    cd "$WORK/examples/$1" || exit 1
    on_exit sandbox down -q -t 0 -v -f "$PWD/sandbox.toml"
}
brought_up() { # ARGUMENTS of up
    run_rc sandbox up -d "$@"
    expect_eq 0 "$RC" "$ERR$(sandbox logs -n 10)"
}

test_case "redis-worker: three workers take turns"
go redis-worker
# The official image is built to trust its network; Debian's is not.
sed -i 's/"yes"\]/"yes", "--protected-mode", "no"]/' sandbox.toml
brought_up
for job in one two three four five six; do
    expect_ok sandbox exec redis redis-cli rpush jobs "$job"
done
# blpop says the list's name as well.
jobs_done() { [ "$(sandbox logs worker | sed 's/.*| //; /^jobs$/d' | sort | xargs)" = 'five four one six three two' ]; }
wait_until 20 jobs_done || fail "$(sandbox logs -n 3)"
expect_ok sandbox down -q -v

test_case "python-postgres: the migration runs once, and again when it has changed"
go python-postgres
brought_up migrate
table() { sandbox exec -e PGPASSWORD=change-me db psql -h db -U postgres -d app -Atc "$1"; }
expect_eq 1 "$(table "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")"
id=$(sandbox inspect -f '{{.Id}}' python-postgres-migrate-1)
brought_up migrate
expect_eq "$id" "$(sandbox inspect -f '{{.Id}}' python-postgres-migrate-1)"
echo 'CREATE TABLE later (id int);' >migrations/001_create.sql
brought_up migrate
expect_ne "$id" "$(sandbox inspect -f '{{.Id}}' python-postgres-migrate-1)"
expect_eq 0 "$(table 'SELECT count(*) FROM later')"
expect_ok sandbox down -q -v

test_case "secrets-and-groups: the password is a file in memory, the group comes when it is asked for"
go secrets-and-groups
expect_error 2 'DB_PASSWORD' sandbox up -d -q
export DB_PASSWORD='ge heim$'
brought_up
expect_eq '444 ge heim$' "$(sandbox exec db sh -c 'stat -c %a /run/secrets/db_password; cat /run/secrets/db_password' | xargs -d '\n')"
expect_eq '' "$(sandbox ps -q shell 2>/dev/null)"
brought_up --profile debug
expect_eq 1 "$(sandbox exec -e PGPASSWORD="$DB_PASSWORD" shell psql -h db -U postgres -Atc 'SELECT 1')"
expect_ok sandbox down -q -v
unset DB_PASSWORD

test_case "mariadb-backup: the dump is there, owned by whoever made it"
# The official image brings a script that asks the server; ours gets one.
printf '#!/bin/sh\nexec mariadb-admin --user=root --password="$MARIADB_ROOT_PASSWORD" --host=127.0.0.1 ping\n' \
    >healthcheck.sh
chmod 755 healthcheck.sh
expect_ok sandbox create --name with-script mariadb:10
expect_ok sandbox cp healthcheck.sh with-script:/usr/local/bin/healthcheck.sh
expect_ok sandbox commit -q with-script mariadb:11
expect_ok sandbox rm -v with-script
go mariadb-backup
brought_up db
expect_ok sandbox run-task -q dump
expect_match 'Dump completed' "$(tail -n 1 backup/all.sql)"
expect_eq "$(id -un)" "$(stat -c %U backup/all.sql)"
expect_ok sandbox down -q -v
