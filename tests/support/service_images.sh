# service_images.sh: images of services from Debian's packages, in the manner of those that people
# use: an entry point that is root at first and then the service's user, a volume for the data, a
# health check. Sourced by images.sh; "test_image redis" and so on.

# debian_service TAR WORK HOOK PACKAGE…: Debian's essential packages and these, without apt.
debian_service() {
    local tar=$1 work=$2 hook=$3
    shift 3
    . /etc/os-release
    local mode=unshare
    if [ "$(id -u)" -eq 0 ]; then mode=root; fi
    mkdir "$work/apt"
    machine_apt_entries "$VERSION_CODENAME" "$work/apt"
    cat "$work"/apt/*.list "$work"/apt/*.sources 2>/dev/null |
        TMPDIR=$work mmdebstrap --quiet --mode="$mode" --variant=essential \
            --include="$(
                IFS=,
                echo "$*"
            )" --aptopt='APT::Install-Recommends "false"' \
            --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/info/*' \
            --customize-hook="$hook" "$VERSION_CODENAME" "$tar" -
}

# service_image OUT WORK NAME OPTION…: the packages of WORK/NAME.tar, the entry point above them.
service_image() {
    local out=$1 work=$2 name=$3
    shift 3
    mkdir -p "$work/entry/usr/local/bin" "$work/entry/docker-entrypoint-initdb.d"
    install -m 755 "$images_support/services/$name.sh" \
        "$work/entry/usr/local/bin/docker-entrypoint.sh"
    python3 "$images_support/make_image.py" "$out" --compress zstd --layer "$work/$name.tar" \
        --layer "$work/entry" --entrypoint '["docker-entrypoint.sh"]' "$@"
}

# A health check that is asked often at first: tests wait for it.
healthcheck() { # COMMAND
    python3 -c 'import json, sys; print(json.dumps({"Test": ["CMD-SHELL", sys.argv[1]],
"Interval": 1000000000, "Timeout": 5000000000, "StartPeriod": 60000000000, "Retries": 3}))' "$1"
}

service_path=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

make_redis_image() {
    debian_service "$2/redis.tar" "$2" \
        'mkdir "$1/data" && chroot "$1" chown redis:redis /data' redis-server
    service_image "$1" "$2" redis --env "$service_path" --env REDIS_VERSION=debian \
        --workdir /data --volume /data --expose 6379/tcp \
        --cmd '["redis-server","--protected-mode","no"]' \
        --healthcheck "$(healthcheck 'redis-cli ping | grep -q PONG')"
}

make_nginx_image() {
    # Logs go to the container's own streams.
    debian_service "$2/nginx.tar" "$2" 'ln -sf /dev/stdout "$1/var/log/nginx/access.log" &&
        ln -sf /dev/stderr "$1/var/log/nginx/error.log" &&
        mkdir -p "$1/docker-entrypoint.d" "$1/etc/nginx/templates"' nginx-light
    service_image "$1" "$2" nginx --env "$service_path" --expose 80/tcp --stop-signal SIGQUIT \
        --cmd '["nginx","-g","daemon off;"]' --healthcheck \
        "$(healthcheck 'bash -c "exec 3<>/dev/tcp/127.0.0.1/80 && printf \"GET / HTTP/1.0\r\n\r\n\" >&3 && grep -q 200 <&3"')"
}

make_postgres_image() {
    # The package makes a cluster of its own, which would be part of the image.
    debian_service "$2/postgres.tar" "$2" 'rm -rf "$1"/var/lib/postgresql/* &&
        rm -rf "$1"/etc/postgresql/* && mkdir -p "$1/var/lib/postgresql/data" &&
        chroot "$1" chown postgres:postgres /var/lib/postgresql/data' postgresql-15
    service_image "$1" "$2" postgres --env "${service_path}:/usr/lib/postgresql/15/bin" \
        --env LANG=C.UTF-8 --env PGDATA=/var/lib/postgresql/data \
        --volume /var/lib/postgresql/data --expose 5432/tcp --stop-signal SIGINT \
        --cmd '["postgres"]' --healthcheck \
        "$(healthcheck 'pg_isready -h 127.0.0.1 -U "${POSTGRES_USER:-postgres}"')"
}

make_mariadb_image() {
    # So does this one.
    debian_service "$2/mariadb.tar" "$2" 'rm -rf "$1/var/lib/mysql" &&
        mkdir -p "$1/var/lib/mysql" "$1/run/mysqld" &&
        chroot "$1" chown mysql:mysql /var/lib/mysql /run/mysqld &&
        sed -i "s/^bind-address.*/bind-address = 0.0.0.0/" \
            "$1/etc/mysql/mariadb.conf.d/50-server.cnf"' mariadb-server
    service_image "$1" "$2" mariadb --env "$service_path" --volume /var/lib/mysql \
        --expose 3306/tcp --cmd '["mariadbd"]' --healthcheck "$(healthcheck \
            'mariadb-admin --user=root --password="$MARIADB_ROOT_PASSWORD" --host=127.0.0.1 ping')"
}

# Servers that check whom they have become, all in one: apache with php, sshd, memcached, the bus.
make_servers_image() {
    debian_service "$2/servers.tar" "$2" \
        'chroot "$1" useradd --create-home --shell /bin/sh --uid 1000 someone' \
        apache2 libapache2-mod-php openssh-server openssh-client memcached dbus
    python3 "$images_support/make_image.py" "$1" --compress zstd --layer "$2/servers.tar" \
        --env "$service_path" --cmd '["bash"]'
}

# What programs are written in, for examples whose images have one of them each: php with its fpm,
# node, python; and adminer, which is one page of php.
make_languages_image() {
    debian_service "$2/languages.tar" "$2" \
        'sed -i "s/^listen = .*/listen = 9000/" "$1/etc/php/8.2/fpm/pool.d/www.conf" &&
        mkdir -p "$1/run/php" "$1/srv/adminer" &&
        chroot "$1" cp -L /usr/share/adminer/adminer.php /srv/adminer/index.php' \
        php-fpm php-pgsql adminer nodejs python3
    python3 "$images_support/make_image.py" "$1" --compress zstd --layer "$2/languages.tar" \
        --env "$service_path" --cmd '["bash"]'
}

make_wordpress_image() {
    # Debian spreads it over several packages' directories; a site has all of it in one place.
    debian_service "$2/wordpress.tar" "$2" 'set -e
        mkdir -p "$1/usr/src" "$1/var/www/html"
        chroot "$1" cp -rL /usr/share/wordpress /usr/src/wordpress
        rm -rf "$1/var/www/html"/* "$1/usr/share/wordpress" "$1/var/lib/wordpress"
        rm -f "$1/usr/src/wordpress/wp-config.php"
        chroot "$1" chown -R www-data:www-data /usr/src/wordpress /var/www/html
        ln -sf /dev/stdout "$1/var/log/apache2/access.log"
        ln -sf /dev/stderr "$1/var/log/apache2/error.log"
        echo "ServerName localhost" >"$1/etc/apache2/conf-enabled/name.conf"
        sed -i "/^Listen 443/d" "$1/etc/apache2/ports.conf"' \
        wordpress wordpress-theme-twentytwentythree libapache2-mod-php php-mysql
    mkdir -p "$2/entry/usr/src" "$2/entry/usr/local/bin"
    cp "$images_support/services/wordpress.config.php" "$2/entry/usr/src/wordpress.config.php"
    printf '#!/bin/sh\nset -e\nrm -f /run/apache2/apache2.pid\n. /etc/apache2/envvars\n%s\n' \
        'mkdir -p "$APACHE_RUN_DIR" "$APACHE_LOCK_DIR"
exec apache2 -DFOREGROUND "$@"' >"$2/entry/usr/local/bin/apache2-foreground"
    chmod 755 "$2/entry/usr/local/bin/apache2-foreground"
    service_image "$1" "$2" wordpress --env "$service_path" --workdir /var/www/html \
        --volume /var/www/html --expose 80/tcp --stop-signal SIGWINCH --cmd '["apache2-foreground"]'
}
