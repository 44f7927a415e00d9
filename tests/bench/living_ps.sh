#!/bin/bash
# living_ps.sh SANDBOX [COUNT]: what `ps` takes with 100 running containers. As a user with a range,
# in a store of its own.
set -eu
program=$(readlink -f "$1")
count=${2:-100}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-bench.XXXXXX")
export XDG_DATA_HOME=$work/data
mkdir "$XDG_DATA_HOME"
remove() {
    "$program" rm -af >/dev/null 2>&1 || true
    "$program" system prune -af >/dev/null 2>&1 || true
    chmod -R u+rwX "$work"
    rm -rf "$work" 2>/dev/null || unshare --user --map-root-user --map-auto rm -rf "$work"
}
trap remove EXIT
python3 "$here/../support/make_image.py" "$work/image" --layer busybox --cmd '["sleep","100000"]' \
    >/dev/null
"$program" pull -q "oci:$work/image" >/dev/null
for ((i = 0; i < count; i++)); do
    "$program" run -d --name "n$i" -e "A=$i" --label "number=$i" -v "vol$i:/data" localhost/image \
        >/dev/null
done
python3 - "$program" "$count" <<'PYTHON'
import resource
import statistics
import subprocess
import sys
import time

program, count = sys.argv[1], int(sys.argv[2])
for words in (["ps"], ["ps", "-aq"], ["ps", "--format", "json"], ["--version"]):
    wall, processor = [], []
    for _ in range(31):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        subprocess.run([program, *words], check=True, stdout=subprocess.DEVNULL)
        wall.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    print(f"{' '.join(words):20} {count} containers: median {1000 * statistics.median(wall):.2f} ms, "
          f"least {1000 * min(wall):.2f} ms, processor {1000 * statistics.median(processor):.2f} ms")
PYTHON
