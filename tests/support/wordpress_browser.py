#!/usr/bin/env python3
"""wordpress_browser.py SITE install|post|see [TEXT]

What a person does with a fresh WordPress, in a headless Chromium that is spoken to over a pipe
(DevTools protocol): fill in the page of the installation, log in and write a post, look for a text
on the front page. Exits 0 when it was seen to work. Nothing leaves this machine.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--remote-debugging-pipe"]
PATIENCE = 30
PASSWORD = "Einst-lagen 9 Woerter!"


class Browser:
    def __init__(self, profile):
        # --remote-debugging-pipe: the browser reads descriptor 3 and writes to 4, NUL after each.
        to_browser, self.sink = os.pipe()
        self.source, from_browser = os.pipe()
        def arrange():
            os.dup2(to_browser, 100)
            os.dup2(from_browser, 101)
            os.dup2(100, 3)
            os.dup2(101, 4)
        self.process = subprocess.Popen(
            ["chromium", *FLAGS, "--user-data-dir=" + profile, "about:blank"],
            preexec_fn=arrange, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.number, self.session = b"", 0, None
        pages = self.call("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.sink, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def read(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.source, 65536)
            if not piece:
                raise RuntimeError("the browser has ended")
            self.buffer += piece
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def evaluate(self, script):
        try:
            return self.call("Runtime.evaluate", expression=script, awaitPromise=True,
                             returnByValue=True)["result"].get("value")
        except RuntimeError:  # the page went away under it
            return None

    def until(self, script):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            value = self.evaluate(f"!!({script})")
            if value:
                return value
            time.sleep(0.05)
        raise RuntimeError(f"never true: {script}\n{self.evaluate('document.body.innerText')}")

    def open(self, address):
        self.evaluate("window.wasHereBefore = true")
        self.call("Page.navigate", url=address)
        self.until("!window.wasHereBefore && document.readyState == 'complete'")

    def end(self):
        self.process.terminate()
        self.process.wait()


def fill(**fields):
    return "".join(f"document.getElementById({json.dumps(name)}).value = {json.dumps(value)};"
                   for name, value in fields.items())


def install(browser, site, _):
    browser.open(site + "/")  # leads to the installation
    # Its own script proposes a password first.
    browser.until("(document.getElementById('pass1') || {}).value")
    browser.evaluate(fill(weblog_title="Words", user_login="writer",
                          admin_email="writer@example.org", pass1=PASSWORD, pass2=PASSWORD) +
                     "const typed = document.getElementById('pass1');"
                     "typed.dispatchEvent(new Event('input', {bubbles: true}));"
                     "document.getElementById('pass2').value = typed.value;"
                     "const button = document.getElementById('submit');"
                     "button.disabled = false; button.click();")
    browser.until("document.body.innerText.includes('Success!')")


def post(browser, site, title):
    browser.open(site + "/wp-login.php")
    browser.until("document.getElementById('user_login')")
    browser.evaluate(fill(user_login="writer", user_pass=PASSWORD) +
                     "document.getElementById('wp-submit').click();")
    browser.until("document.getElementById('wpadminbar')")
    # The page for a new post, asked to do what its button does.
    browser.open(site + "/wp-admin/post-new.php")
    browser.until("window.wp && wp.data && wp.data.select('core/editor') &&"
                  " wp.data.select('core/editor').getCurrentPostId()")
    browser.evaluate("wp.data.dispatch('core/editor').editPost("
                     f"{{title: {json.dumps(title)}, content: 'stay', status: 'publish'}})"
                     ".then ? 1 : 1")
    browser.evaluate("Promise.resolve(wp.data.dispatch('core/editor').savePost()).then(() => 1)")
    browser.until("wp.data.select('core/editor').isCurrentPostPublished()")
    see(browser, site, title)


def see(browser, site, title):
    browser.open(site + "/")
    browser.until(f"document.body.innerText.includes({json.dumps(title)})")


def main():
    site, step = sys.argv[1], sys.argv[2]
    profile = tempfile.mkdtemp(prefix="browser-")
    browser = Browser(profile)
    try:
        {"install": install, "post": post, "see": see}[step](browser, site, (sys.argv[3:] or [""])[0])
    finally:
        browser.end()
        shutil.rmtree(profile, ignore_errors=True)


main()
