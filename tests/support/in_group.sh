#!/bin/sh
# in_group.sh CGROUP COMMAND…: runs the command in that cgroup.
echo $$ >"$1/cgroup.procs" || exit 1
shift
exec "$@"
