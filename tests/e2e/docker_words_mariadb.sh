#!/bin/bash
# alias docker=sandbox: an everyday script with mariadb.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/docker_words.sh"
get_service mariadb mariadb:10

printf geheim >password
chmod 644 password

test_case "the first start makes the tables, the database and its user, and becomes healthy"
expect_ok docker run -d --name db -e MARIADB_ROOT_PASSWORD=geheim -e MARIADB_DATABASE=shop \
    -e MARIADB_USER=seller -e MARIADB_PASSWORD_FILE=/run/secret -v "$PWD/password:/run/secret:ro" \
    -v db-data:/var/lib/mysql -p 127.0.0.1::3306 mariadb:10
on_exit docker rm -f db
expect_healthy db 180
query() { docker exec db mariadb -useller -pgeheim -h127.0.0.1 -N shop -e "$1"; }
expect_eq 1 "$(query 'SELECT 1')"
expect_eq mysql "$(docker exec db stat -c %U /proc/2)" "who the server runs as"

test_case "SQL goes in by standard input, and a dump comes out"
docker exec -i db mariadb -useller -pgeheim -h127.0.0.1 shop <<'SQL'
CREATE TABLE item (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50));
INSERT INTO item (name) SELECT CONCAT('item ', seq) FROM seq_1_to_1000;
SQL
expect_eq 1000 "$(query 'SELECT COUNT(*) FROM item')"
expect_ok docker exec db sh -c 'mariadb-dump -uroot -p"$MARIADB_ROOT_PASSWORD" shop >/tmp/shop.sql'
expect_ok docker cp db:/tmp/shop.sql .
expect_match 'Dump completed' "$(tail -n 1 shop.sql)"

test_case "the host's own client reaches it through the published port"
expect_ok mariadb -useller -pgeheim -h127.0.0.1 -P "$(docker port db 3306 | sed 's/.*://')" -N shop \
    -e 'SELECT COUNT(*) FROM item'
expect_eq 1000 "$OUT"

test_case "its log tells, and what exec runs is not in it"
expect_match 'ready for connections' "$(docker logs db 2>&1)"
expect_no_match 'Dump completed' "$(docker logs db 2>&1)"

test_case "it stops cleanly, and the volume keeps the data"
expect_ok docker stop -t 60 db
expect_eq 0 "$(docker inspect --format '{{.State.ExitCode}}' db)"
expect_ok docker start db
expect_healthy db 120
expect_eq 1000 "$(query 'SELECT COUNT(*) FROM item')"
expect_ok docker rm -fv db
expect_ok docker volume rm db-data
