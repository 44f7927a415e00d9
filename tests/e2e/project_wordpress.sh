#!/bin/bash
# WordPress with its database from one profile, both images from Debian's packages: the install
# page, the installation, a post; down and up, and the post is still there.
#   SANDBOX_TEST_BROWSER=1: the same in a headless Chromium, by hand (it must be installed)
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/wordpress.sh"

cat >sandbox.toml <<EOF
name = "blog"
[services.db]
image = "mariadb"
volumes = ["db_data:/var/lib/mysql"]
secrets = ["db_password"]
stop_grace_period = "60s"
[services.db.environment]
MARIADB_ALLOW_EMPTY_ROOT_PASSWORD = "1"
MARIADB_DATABASE = "wordpress"
MARIADB_USER = "writer"
MARIADB_PASSWORD_FILE = "/run/secrets/db_password"
[services.app]
image = "wordpress"
depends_on = ["db"]
ports = ["$port:80"]
volumes = ["app_data:/var/www/html"]
secrets = ["db_password"]
[services.app.environment]
WORDPRESS_DB_HOST = "db"
WORDPRESS_DB_USER = "writer"
WORDPRESS_DB_PASSWORD_FILE = "/run/secrets/db_password"
[secrets.db_password]
content = "gehe'im\$\$1"
EOF
get() { curl -sS -L --max-time 60 -b cookies -c cookies "$@"; }

test_case "it comes up, the database first, and shows the page of the installation"
run_rc sandbox up -d
expect_eq 0 "$RC" "$ERR$(sandbox logs)"
expect_match 'db +ready.*app +creating' "$(tr '\n' ' ' <<<"$ERR")"
expect_match 'id="weblog_title"' "$(get "$site/")"
expect_eq mysql "$(sandbox exec db stat -c %U /var/lib/mysql/ibdata1)"
expect_eq www-data "$(sandbox exec app stat -c %U /var/www/html/wp-config.php)"

by_browser() { python3 "$SANDBOX_TESTS/support/wordpress_browser.py" "$site" "$@"; }
if [ "${SANDBOX_TEST_BROWSER:-0}" = 1 ]; then
    test_case "the installation and a post in a browser"
    expect_ok by_browser install
    expect_ok by_browser post 'Words that stay'
else
    test_case "the installation and a post"
    page=$(get "$site/wp-admin/install.php?step=2" -d weblog_title=Words -d user_name=writer \
        -d admin_password=pass-word-9 -d admin_password2=pass-word-9 -d pw_weak=1 \
        -d admin_email=writer@example.org -d Submit=Install -d language=)
    expect_match 'wp-login.php' "$page"
    expect_match 'Success!' "$page"
    get -o "$WORK/login" "$site/wp-login.php" -d log=writer -d pwd=pass-word-9 -d testcookie=1
    nonce=$(get "$site/wp-admin/admin-ajax.php?action=rest-nonce")
    expect_match '^[0-9a-f]{10}$' "$nonce"
    expect_match '"status":"publish"' "$(get "$site/?rest_route=/wp/v2/posts" -H "X-WP-Nonce: $nonce" \
        -d 'title=Words that stay' -d content=stay -d status=publish)"
fi
expect_match 'Words that stay' "$(get "$site/")"

test_case "down and up, and the post is still there"
expect_ok sandbox down -q
expect_eq '' "$(sandbox ps -aq)"
expect_ok sandbox up -d -q
expect_match 'Words that stay' "$(get "$site/")"
if [ "${SANDBOX_TEST_BROWSER:-0}" = 1 ]; then expect_ok by_browser see 'Words that stay'; fi

test_case "down --volumes leaves nothing of it"
expect_ok sandbox down -q -v
expect_eq '' "$(sandbox volume ls -q)"
expect_eq '' "$(get "$site/" 2>/dev/null)"
