#!/bin/bash
# alias docker=sandbox: an everyday script with redis.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/docker_words.sh"
get_service redis redis:7

test_case "redis starts detached and becomes healthy"
expect_ok docker run -d --name cache --label role=cache -v cache-data:/data redis:7
expect_match '^[0-9a-f]{64}$' "$OUT"
id=$OUT
on_exit docker rm -f cache
expect_healthy cache 60
expect_eq cache "$(docker ps --filter health=healthy --filter label=role=cache --format '{{.Names}}')"
expect_match '^Up .* \(healthy\)$' "$(docker ps --format '{{.Status}}')"
expect_eq 6379/tcp "$(docker ps --format '{{.Ports}}')"
expect_eq "${id:0:12}" "$(docker ps -q)"

test_case "commands in it have its service"
expect_ok docker exec cache redis-cli set greeting 'hello world'
expect_eq OK "$OUT"
expect_eq 'hello world' "$(docker exec cache redis-cli get greeting)"
expect_eq 'hello world' "$(echo 'get greeting' | docker exec -i cache redis-cli)"
expect_rc 3 docker exec cache sh -c 'exit 3'
expect_eq redis "$(docker exec cache stat -c %U /proc/2)" "who the server runs as"

test_case "its log is kept"
expect_match 'Ready to accept connections' "$(docker logs cache 2>&1)"

test_case "a dump can be copied out"
expect_ok docker exec cache redis-cli save
expect_ok docker cp cache:/data/dump.rdb .
expect_eq REDIS "$(head -c 5 dump.rdb)"

test_case "it stops at once and cleanly"
start=$SECONDS
expect_ok docker stop cache
expect_eq cache "$OUT"
expect_eq yes "$([ $((SECONDS - start)) -lt 9 ] && echo yes)" "within the time that it has"
expect_eq 'exited 0 false' \
    "$(docker inspect --format '{{.State.Status}} {{.State.ExitCode}} {{.State.Running}}' cache)"
expect_eq '' "$(docker ps -q)"
expect_eq cache "$(docker ps -a --filter status=exited --filter exited=0 --format '{{.Names}}')"

test_case "it starts again, with its data"
expect_ok docker start cache
expect_healthy cache 60
expect_eq 'hello world' "$(docker exec cache redis-cli get greeting)"
expect_ok docker rm -f cache
expect_ok docker run -d --name cache -v cache-data:/data redis:7 redis-server --save ''
expect_healthy cache 60
expect_eq 'hello world' "$(docker exec cache redis-cli get greeting)" "from the volume"

test_case "it goes"
expect_ok docker rm -f cache
expect_rc 1 docker inspect --type container cache
expect_match 'no such container' "$ERR"
expect_ok docker volume rm cache-data
