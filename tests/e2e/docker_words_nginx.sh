#!/bin/bash
# alias docker=sandbox: an everyday script with nginx.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/docker_words.sh"
get_service nginx nginx:1

mkdir html
echo '<h1>it works</h1>' >html/index.html
fetch() { # PATH
    docker exec web bash -c "exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET $1 HTTP/1.0\r\n\r\n' >&3; cat <&3"
}

test_case "nginx serves a directory of the host, detached"
expect_ok docker run -d --name web -v "$PWD/html:/var/www/html:ro" nginx:1
on_exit docker rm -f web
expect_healthy web 60
expect_match '<h1>it works</h1>' "$(fetch /)"
echo '<h1>changed</h1>' >html/index.html
expect_match '<h1>changed</h1>' "$(fetch /)"

test_case "its access log is the container's output"
fetch /no-such-page >/dev/null
expect_eq yes "$(wait_until 5 sh -c '"$0" logs web 2>/dev/null | grep -q "GET /no-such-page.* 404"' \
    "$SANDBOX_BIN" && echo yes)"
expect_eq 1 "$(docker logs --tail 1 web 2>/dev/null | wc -l)"

test_case "workers run as the service's user"
expect_match 'www-data' "$(docker exec web sh -c 'stat -c %U /proc/[0-9]*')"

test_case "a configuration is copied in and reloaded by a signal"
cat >extra.conf <<'CONF'
server { listen 80; server_name other; location / { return 200 "other\n"; } }
CONF
expect_ok docker cp extra.conf web:/etc/nginx/conf.d/extra.conf
expect_ok docker exec web nginx -t
expect_ok docker kill -s HUP web
ask_other() {
    docker exec web bash -c "exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET / HTTP/1.0\r\nHost: other\r\n\r\n' >&3; cat <&3" |
        grep -q '^other'
}
expect_eq yes "$(wait_until 10 ask_other && echo yes)" "the new server answers"

test_case "it stops by its image's own signal"
expect_eq SIGQUIT "$(docker inspect --format '{{.Config.StopSignal}}' web)"
expect_ok docker stop web
expect_eq 0 "$(docker inspect --format '{{.State.ExitCode}}' web)"
expect_ok docker restart web
expect_healthy web 60
expect_ok docker rm -f web
