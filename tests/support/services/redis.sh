#!/bin/sh
# Entry point of the test image "redis": root at first, then the user redis.
set -e
# Options alone, or a configuration file, are for the server.
case ${1:-} in
-* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ] && [ "$(id -u)" -eq 0 ]; then
    find . ! -user redis -exec chown redis {} +
    exec setpriv --reuid redis --regid redis --init-groups "$0" "$@"
fi
# Dumps are for nobody else.
umask 0077
exec "$@"
