#!/bin/bash
# alias docker=sandbox: an everyday script with postgres.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/docker_words.sh"
get_service postgres postgres:15

test_case "without a password it says why it does not start"
run_rc docker run --rm postgres:15
expect_eq 1 "$RC"
expect_match 'no POSTGRES_PASSWORD' "$OUT$ERR"

mkdir init
echo 'CREATE TABLE made_by_init (n int); INSERT INTO made_by_init VALUES (42);' >init/10.sql

test_case "the first start makes the cluster, runs the scripts and becomes healthy"
expect_ok docker run -d --name db -e POSTGRES_PASSWORD=geheim -e POSTGRES_DB=shop \
    -v db-data:/var/lib/postgresql/data -v "$PWD/init:/docker-entrypoint-initdb.d:ro" postgres:15
on_exit docker rm -f db
expect_healthy db 120
query() { docker exec db psql -U postgres -d shop -Atc "$1"; }
expect_eq 42 "$(query 'SELECT n FROM made_by_init')"
expect_eq postgres "$(docker exec db stat -c %U /proc/2)" "who the server runs as"

test_case "the password counts over the network, and only the right one"
login() { docker exec -e "PGPASSWORD=$1" db psql -h 127.0.0.1 -U postgres -d shop -Atc 'SELECT 1'; }
expect_eq 1 "$(login geheim)"
run_rc login falsch
expect_ne 0 "$RC"

test_case "SQL goes in by standard input, a dump comes out by cp and by standard output"
docker exec -i db psql -q -U postgres -d shop <<'SQL'
CREATE TABLE item (id serial PRIMARY KEY, name text);
INSERT INTO item (name) SELECT 'item ' || n FROM generate_series(1, 1000) n;
SQL
expect_eq 1000 "$(query 'SELECT count(*) FROM item')"
expect_ok docker exec -u postgres db pg_dump -d shop -f /tmp/shop.sql
expect_ok docker cp db:/tmp/shop.sql .
expect_match 'PostgreSQL database dump complete' "$(tail -n 5 shop.sql)"
expect_eq 1000 "$(grep -c '	item [0-9]*$' shop.sql)"
expect_eq "$(sort shop.sql | grep -v '^\\\|^--' | sha256sum)" \
    "$(docker exec db pg_dump -U postgres -d shop | sort | grep -v '^\\\|^--' | sha256sum)"

test_case "its log tells"
expect_match 'database system is ready to accept connections' "$(docker logs db 2>&1)"

test_case "it stops cleanly, and the volume keeps the data for another container"
expect_ok docker stop db
expect_eq 0 "$(docker inspect --format '{{.State.ExitCode}}' db)"
expect_ok docker rm db
expect_ok docker run -d --name db -v db-data:/var/lib/postgresql/data postgres:15
expect_healthy db 120
expect_eq 1000 "$(query 'SELECT count(*) FROM item')"
expect_ok docker rm -f db
expect_ok docker volume rm db-data
