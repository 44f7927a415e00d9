#!/bin/bash
# Examples of profiles/ with databases, brought up as they are; the others are in
# project_examples_web.sh.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/examples.sh"

stand_in languages languages
changed_image languages python:3.13-alpine 'ln -s python3 /usr/bin/python' 'ENTRYPOINT []'
changed_image languages adminer:5 true 'ENTRYPOINT []' 'EXPOSE 8080' \
    'CMD ["php", "-S", "0.0.0.0:8080", "-t", "/srv/adminer"]'
# A check that asks the server would wait for ever in a worker.
for name in redis:7-alpine postgres:17-alpine; do
    stand_in "${name%%:*}" "${name%%:*}:debian"
    expect_ok sandbox create --name plain "${name%%:*}:debian"
    expect_ok sandbox commit -q -c 'HEALTHCHECK NONE' plain "$name"
    expect_ok sandbox rm -v plain
done
mariadb_image mariadb:11

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
brought_up
expect_match '<p>python</p>' "$(get "$site/")"
table() { sandbox exec -e PGPASSWORD=change-me db psql -h db -U postgres -d app -Atc "$1"; }
expect_eq 1 "$(table "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")"
id=$(sandbox inspect -f '{{.Id}}' python-postgres-migrate-1)
brought_up
expect_eq "$id" "$(sandbox inspect -f '{{.Id}}' python-postgres-migrate-1)"
echo 'CREATE TABLE later (id int);' >migrations/001_create.sql
brought_up
expect_ne "$id" "$(sandbox inspect -f '{{.Id}}' python-postgres-migrate-1)"
expect_eq 0 "$(table 'SELECT count(*) FROM later')"
expect_ok sandbox down -q -v

test_case "postgres-client: the client comes when it is asked for, and gets in"
go postgres-client
brought_up
expect_eq db "$(sandbox ps -p postgres-client --format '{{.Label "com.docker.compose.service"}}')"
expect_match '^131072 ' "$(sandbox exec db sh -c 'df -k /dev/shm | tail -n 1' | awk '{ print $2, $6 }')"
brought_up --profile tools
expect_match 'name=.auth\[driver\].' "$(get "$site/")"
expect_match '<option selected>app<' "$(get -L -c "$WORK/cookies" -b "$WORK/cookies" \
    "$site/?pgsql=db&username=postgres&db=app" -d 'auth[driver]=pgsql' -d 'auth[server]=db' \
    -d 'auth[username]=postgres' -d 'auth[password]=change-me' -d 'auth[db]=app')"
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
go mariadb-backup
brought_up db
expect_ok sandbox run-task -q dump
expect_match 'Dump completed' "$(tail -n 1 backup/all.sql)"
expect_eq "$(id -un)" "$(stat -c %U backup/all.sql)"
expect_ok sandbox down -q -v
