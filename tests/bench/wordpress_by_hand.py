#!/usr/bin/env python3
"""wordpress_by_hand.py DIR URL            starts DIR/db and, when it listens, DIR/app
wordpress_by_hand.py --command PROGRAM URL  brings the project in the working directory up

Prints the milliseconds until the page answers; the site knows itself by URL, by hand too, where it
has port 80. By hand both are changed roots with the entry points
and the environment of the images; whoever calls has made the namespaces and the mounts.
"""
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

PAUSE = 0.002
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def start(root, variables, directory, words):
    inside = f"cd {directory} && exec env -i {PATH} {' '.join(variables)} docker-entrypoint.sh {words}"
    # Of its own session: apache ends its whole process group.
    return subprocess.Popen(["chroot", root, "sh", "-c", inside], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)


def await_port(port):
    while True:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(PAUSE)


def await_page(url, host):
    page = urllib.request.Request(url, headers={"Host": host})
    while True:
        try:
            with urllib.request.urlopen(page, timeout=30) as answer:
                if b"Words" in answer.read():
                    return
        except (urllib.error.URLError, ConnectionError, OSError):
            pass
        time.sleep(PAUSE)


def host_of(url):
    return url.split("/")[2]


def main():
    if sys.argv[1] == "--command":
        begin = time.monotonic()
        command = subprocess.Popen([sys.argv[2], "up", "-d", "-q"])
        await_page(sys.argv[3], host_of(sys.argv[3]))
        print(f"{(time.monotonic() - begin) * 1000:.1f}")
        sys.exit(command.wait())
    root, url = sys.argv[1:]
    begin = time.monotonic()
    database = start(f"{root}/db", ["MARIADB_ROOT_PASSWORD=word", "MARIADB_DATABASE=wordpress"], "/",
                     "mariadbd")
    await_port(3306)
    site = start(f"{root}/app", ["WORDPRESS_DB_HOST=db", "WORDPRESS_DB_USER=root",
                                 "WORDPRESS_DB_PASSWORD=word"], "/var/www/html",
                 "apache2-foreground")
    await_page("http://127.0.0.1/", host_of(url))
    print(f"{(time.monotonic() - begin) * 1000:.1f}", flush=True)
    for one, how in (site, signal.SIGWINCH), (database, signal.SIGTERM):
        one.send_signal(how)
        one.wait()
    os._exit(0)


main()
