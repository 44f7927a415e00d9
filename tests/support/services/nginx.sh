#!/bin/sh
# Entry point of the test image "nginx": configures itself, then the command; nginx drops its
# workers to www-data itself.
set -e
if [ "$1" = nginx ]; then
    for template in /etc/nginx/templates/*.template; do
        [ -f "$template" ] || continue
        target=/etc/nginx/conf.d/$(basename "$template" .template)
        sed "s|\${NGINX_PORT}|${NGINX_PORT:-80}|g; s|\${NGINX_HOST}|${NGINX_HOST:-localhost}|g" \
            "$template" >"$target"
        echo "entry point: made $target" >&2
    done
    for part in /docker-entrypoint.d/*.sh; do
        [ -f "$part" ] || continue
        sh "$part"
    done
fi
exec "$@"
