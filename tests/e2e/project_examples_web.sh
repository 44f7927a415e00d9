#!/bin/bash
# Examples of profiles/ that serve pages, brought up as they are.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/examples.sh"

stand_in nginx nginx:debian
# Where the official image has its pages and keeps what it is receiving.
changed_image nginx:debian nginx:1.27-alpine 'rm /etc/nginx/sites-enabled/default
    printf "server { listen 80; root /usr/share/nginx/html; }\n" >/etc/nginx/conf.d/default.conf
    for part in client_body proxy fastcgi uwsgi scgi; do
        printf "%s_temp_path /var/cache/nginx/%s;\n" "$part" "$part"
    done >/etc/nginx/conf.d/places.conf
    mkdir -p /var/cache/nginx' 'ENTRYPOINT ["docker-entrypoint.sh"]' \
    'CMD ["nginx", "-g", "daemon off;"]'
stand_in languages languages node:22-alpine
changed_image languages php:8.3-fpm-alpine 'mkdir -p /run/php' 'EXPOSE 9000' 'CMD ["php-fpm8.2", "-F"]' \
    'ENTRYPOINT []'

test_case "static-site: the page as it is at that moment, and nothing can be written"
go static-site
brought_up
expect_match 'It works' "$(get "$site/")"
echo '<p>Other words' >site/index.html
expect_eq '<p>Other words' "$(get "$site/")"
expect_ne 0 "$(sandbox exec web sh -c 'touch /etc/x /usr/share/nginx/html/x' 2>/dev/null; echo $?)"
expect_ok sandbox down -q -v

test_case "nginx-php: PHP answers behind nginx, and what is edited is there"
go nginx-php
brought_up
expect_match '^PHP 8\.' "$(get "$site/")"
echo '<?php echo 6 * 7, " ", $_SERVER["REQUEST_URI"], "\n";' >public/index.php
edited() { [ "$(get "$site/?a=b")" = '42 /?a=b' ]; }
wait_until 10 edited || fail "$(get "$site/?a=b")" # PHP looks at its files every two seconds
expect_ok sandbox down -q -v

test_case "load-balanced: all three answer, in a network without a way out"
go load-balanced
brought_up
# Each of nginx's own processes begins with the first of them.
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do get "$site/" >/dev/null; done
answering() { sandbox logs backend | sed -n 's/ .*GET \/ .*//p' | sort | uniq -c | xargs; }
all_answered() { [[ $(answering) =~ backend-1.*backend-2.*backend-3 ]]; }
wait_until 10 all_answered || fail "$(answering)"
expect_eq true "$(sandbox network inspect -f '{{.Internal}}' load-balanced_inside)"
expect_eq 67108864 "$(sandbox inspect -f '{{.HostConfig.Memory}}' load-balanced-backend-1)"
expect_ok sandbox down -q -v

test_case "node-live: an edited program is there without being asked, its modules stay in a volume"
go node-live
brought_up
expect_eq 'hello from /a' "$(get "$site/a")"
expect_ok sandbox exec app sh -c 'echo stays >node_modules/note'
sed -i 's/hello from/greetings from/' app.js
changed() { [ "$(get "$site/b")" = 'greetings from /b' ]; }
wait_until 20 changed || fail "$(sandbox logs -n 5)"
expect_ok sandbox down -q
expect_eq '' "$(ls -A node_modules)"
brought_up
expect_eq stays "$(sandbox exec app cat node_modules/note)"
expect_ok sandbox down -q -v

test_case "wordpress-mariadb: the page of the installation, the database behind it"
mariadb_image mariadb:11
stand_in wordpress wordpress:6-apache
go wordpress-mariadb
brought_up
expect_match 'id="weblog_title"' "$(get -L "$site/")"
expect_eq wordpress "$(sandbox exec -e MYSQL_PWD=change-me db mariadb -h db -u wordpress -Ne 'SHOW DATABASES' | grep -v schema)"
expect_ok sandbox down -q -v
