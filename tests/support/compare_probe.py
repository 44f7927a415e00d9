#!/usr/bin/env python3
"""compare_probe.py GOLDEN VARIANT FILE: prints where FILE (the prober's output) differs from what
GOLDEN says for VARIANT, one line each. GOLDEN is {"common": {...}, VARIANT: {...}, ...}; a variant
"a-b" also takes what stands under "a" and "-b". "*": any value. "a|b": either. null: the key must
not be there. With --update as a fourth argument the difference is printed as JSON instead."""
import json
import sys

golden, variant, path = sys.argv[1:4]
table = json.load(open(golden))
found = json.load(open(path))
wanted = dict(table["common"])
parts = variant.split("-")
wanted.update(table.get(parts[0], {}))
for part in parts[1:]:
    wanted.update(table.get("-" + part, {}))
    wanted.update(table.get(parts[0] + "-" + part, {}))
if "--update" in sys.argv:
    print(json.dumps({k: v for k, v in found.items() if wanted.get(k) != v}, indent=2))
    sys.exit(0)
for key in sorted(set(wanted) | set(found)):
    want, have = wanted.get(key), found.get(key)
    if want == "*" and have is not None:
        continue
    if want is not None and have is not None and have in want.split("|"):
        continue
    if want != have:
        print(f"{key}: wanted {want!r}, found {have!r}")
