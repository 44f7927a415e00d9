#!/usr/bin/env python3
"""measure.py [--rounds N] [--before COMMAND] LABEL=COMMAND...

Runs the commands in turn, N rounds, so that all of them meet the same weather; before each the
--before command, which is not counted. Prints for each the median wall time (and its range), the
CPU time, and the peak memory of the whole process tree, taken in one more round by looking at
/proc every few milliseconds. The last column is the wall time in terms of the first label's.
"""
import argparse
import os
import resource
import statistics
import subprocess
import time


def run(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    subprocess.run(["sh", "-c", command], check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def resident_kib(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            for line in rollup:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
        return 0
    except PermissionError:  # a confined child of another user: all of it counts
        with open(f"/proc/{pid}/statm") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize() // 1024


def tree_of(root):
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as stat:
                    parent = stat.read().rsplit(")", 1)[1].split()[1]
            except OSError:
                continue
            children.setdefault(int(parent), []).append(int(name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def peak_mib(command):
    process = subprocess.Popen(["sh", "-c", command], stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        total = 0
        for pid in tree_of(process.pid):
            try:
                total += resident_kib(pid)
            except OSError:
                pass
        peak = max(peak, total)
        time.sleep(0.005)
    return peak / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", default="true")
    parser.add_argument("commands", nargs="+")
    args = parser.parse_args()
    commands = [one.split("=", 1) for one in args.commands]
    results = {label: [] for label, _ in commands}
    for _ in range(args.rounds):
        for label, command in commands:
            subprocess.run(["sh", "-c", args.before], check=True)
            results[label].append(run(command))
    base = None
    print(f"{'':24} {'wall s':>8} {'range':>15} {'CPU s':>8} {'peak MiB':>9} {'ratio':>6}")
    for label, command in commands:
        subprocess.run(["sh", "-c", args.before], check=True)
        memory = peak_mib(command)
        walls = [wall for wall, _ in results[label]]
        cpu = statistics.median(cpu for _, cpu in results[label])
        wall = statistics.median(walls)
        base = base or wall
        spread = f"{min(walls):.3f}-{max(walls):.3f}"
        print(f"{label:24} {wall:8.3f} {spread:>15} {cpu:8.3f} {memory:9.1f} {wall / base:6.2f}")
    subprocess.run(["sh", "-c", args.before], check=True)


if __name__ == "__main__":
    main()
