#!/usr/bin/env python3
"""Kills a pull at random points and looks at the store each time.

  kill_points.py PROGRAM IMAGE COUNT SECONDS

Each round: pull in a process group of its own, SIGKILL (to the program alone, or to all of it) after
a random time; then `images` names the image only when it is whole, `system check` is clean, and no
staging is left. Every tenth round the pull is completed and the image removed again.
Prints one line; exits 1 at the first failure. COUNT rounds at most, for SECONDS at most."""
import os
import random
import signal
import subprocess
import sys
import time

program, image, count, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
seed = int(os.environ.get("SANDBOX_TEST_SEED", str(time.time_ns() % 1000000)))
random.seed(seed)
store = os.path.join(os.environ["XDG_DATA_HOME"], "sandbox")


def call(*words, may_fail=False):
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60)
    if done.returncode != 0 and not may_fail:
        sys.exit(f"seed {seed}: {words}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done


def staging():
    found = []
    for directory, dirs, files in os.walk(store):
        found += [os.path.join(directory, name) for name in dirs + files
                  if name.startswith(".tmp-")]
        if os.path.basename(directory) == "fs":
            dirs.clear()
    return found


def time_of_pull():
    start = time.monotonic()
    call("pull", "-q", image)
    took = time.monotonic() - start
    call("rmi", image)
    return took


def main():
    longest = max(time_of_pull() for _ in range(3)) * 1.1
    deadline = time.monotonic() + seconds
    listed = killed = rounds = 0
    while rounds < count and time.monotonic() < deadline:
        rounds += 1
        pull = subprocess.Popen([program, "pull", "-q", image], start_new_session=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0, longest))
        if rounds % 2:
            os.kill(pull.pid, signal.SIGKILL)
        else:
            os.killpg(pull.pid, signal.SIGKILL)
        killed += pull.wait() == -signal.SIGKILL
        names = call("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
        if names not in ([], [image]):
            sys.exit(f"seed {seed}: images lists {names}")
        # The killed program's children follow it at once, but hold their staging until they do.
        for _ in range(10):
            call("system", "check")
            if not staging():
                break
            time.sleep(0.1)
        else:
            sys.exit(f"seed {seed}: staging is left: {staging()}")
        if names:
            listed += 1
            call("run", "--pull=never", image, "true")
            call("rmi", image)
        elif rounds % 10 == 0:
            call("pull", "-q", image)
            call("run", "--pull=never", image, "true")
            call("rmi", image)
    call("pull", "-q", image)
    call("system", "check")
    print(f"{rounds} rounds, {killed} killed before the end, {listed} found whole, seed {seed}")
    if rounds < min(count, 10) or killed == 0:
        sys.exit("too few rounds to say anything")


main()
