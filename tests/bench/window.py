"""The rows about the window: start, memory, scrolling, each beside an empty window with the same webview."""

import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Desktop:
    """A screen that nobody sees and a driver for the webviews on it."""

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="strata-bench-")
        self.xvfb = subprocess.Popen(
            ["Xvfb", "-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        display = ":" + self.xvfb.stdout.readline().decode().strip()
        self.bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--print-address=1"], stdout=subprocess.PIPE)
        address = self.bus.stdout.readline().decode().strip()
        self.port = free_port()
        # There is no GPU on a virtual screen: without this the webview draws through a software GL, in both programs.
        env = dict(
            os.environ, DISPLAY=display, DBUS_SESSION_BUS_ADDRESS=address, GDK_BACKEND="x11", NO_AT_BRIDGE="1", HOME=self.home,
            XDG_DATA_HOME=self.home, XDG_CONFIG_HOME=self.home, XDG_CACHE_HOME=self.home, XDG_RUNTIME_DIR=self.home,
            TAURI_WEBVIEW_AUTOMATION="true", WEBKIT_DISABLE_DMABUF_RENDERER="1",
        )
        self.driver = subprocess.Popen(
            ["WebKitWebDriver", f"--port={self.port}", "--host=127.0.0.1"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() or True)
        return self

    def __exit__(self, *_):
        for process in (self.driver, self.bus, self.xvfb):
            process.send_signal(signal.SIGTERM)
            process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = condition()
            if value:
                return value
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise SystemExit("the window did not get there in time")
        time.sleep(0.02)


class Window:
    def __init__(self, desktop, binary, arguments=()):
        self.desktop, self.binary = desktop, str(binary)
        options = {"binary": self.binary, "args": [str(argument) for argument in arguments]}
        spawned = time.time() * 1000
        self.session = desktop.call("POST", "/session", {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}})["sessionId"]
        paint = until(lambda: self.js("return performance.getEntriesByType('paint').find((p) => p.name === 'first-contentful-paint')?.startTime"))
        self.first_paint = self.js("return performance.timeOrigin") - spawned + paint

    def js(self, script):
        return self.desktop.call("POST", f"/session/{self.session}/execute/sync", {"script": script, "args": []})

    def memory(self):
        """Sum of the proportional set sizes of the program and its webview's processes, in bytes."""
        return 1024 * sum(pss(process) for process in tree(self.binary))

    def close(self):
        self.desktop.call("DELETE", f"/session/{self.session}")
        until(lambda: not tree(self.binary))


def tree(binary):
    parents = {}
    roots = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if os.readlink(folder / "exe") == os.path.realpath(binary):
                roots.append(int(folder.name))
        except OSError:
            continue
    found = set(roots)
    while True:
        more = {process for process, parent in parents.items() if parent in found} - found
        if not more:
            return sorted(found)
        found |= more


def pss(process):
    try:
        for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


SCROLL = """
const list = [...document.querySelectorAll('*')].filter((e) => e.scrollHeight > e.clientHeight + 50 && getComputedStyle(e).overflowY !== 'visible')
  .sort((a, b) => b.scrollHeight - a.scrollHeight)[0];
window.__gaps = [];
let last = performance.now(), frames = 0;
function frame(now) {
  window.__gaps.push(now - last);
  last = now;
  list.scrollTop += 60;
  if (++frames < 300) requestAnimationFrame(frame); else window.__done = true;
}
requestAnimationFrame(frame);
"""


def rows(table, program, blank, store, runs):
    paints, memories, gaps = {"app": [], "blank": []}, {"app": [], "blank": []}, []
    with Desktop() as desktop:
        for _ in range(runs):
            for kind, binary, arguments in (("app", program, ["--store", store]), ("blank", blank, [])):
                window = Window(desktop, binary, arguments)
                paints[kind].append(window.first_paint)
                if kind == "app":
                    until(lambda: window.js("return document.querySelectorAll('[data-target]').length > 3"))
                    window.js(SCROLL)
                    until(lambda: window.js("return window.__done === true"), 60)
                    gaps += window.js("return window.__gaps.slice(2)")
                memories[kind].append(window.memory())
                window.close()
    app, empty = statistics.median(paints["app"]), statistics.median(paints["blank"])
    table.add("window: start to first paint, 10 000 images", f"{app:.0f} ms", f"empty window {empty:.0f} ms", f"{app / empty:.2f}x", "<= 1.2x")
    app, empty = statistics.median(memories["app"]), statistics.median(memories["blank"])
    table.add("window: memory after scrolling", f"{app / 1e6:.0f} MB", f"empty window {empty / 1e6:.0f} MB", f"{app / empty:.2f}x", "<= 1.3x")
    late = sum(gap > 33.4 for gap in gaps)
    table.add("window: scroll 10 000 cards", f"longest frame {max(gaps):.0f} ms", f"{late} of {len(gaps)} frames over 33 ms", "", "none over 33 ms")


# From the press of the button to the frame that has the picture: asked for, laid out, made into elements and painted. What a
# message brings after a frame began runs when that frame is done.
MAP = """
const named = (selector, name) => [...document.querySelectorAll(selector)].find((e) => e.textContent.trim() === name);
window.__map = null;
const button = named('button', 'Treemap');
const start = performance.now();
function look() {
  if (document.querySelectorAll('.map [data-tile]').length === 0) return requestAnimationFrame(look);
  requestAnimationFrame(() => {
    const after = new MessageChannel();
    after.port1.onmessage = () => { window.__map = performance.now() - start; };
    after.port2.postMessage(0);
  });
}
button.click();
requestAnimationFrame(look);
"""
PRESS = "const found = [...document.querySelectorAll('%s')].find((e) => e.textContent.trim().startsWith('%s')); found?.click(); return Boolean(found)"


def map_rows(table, program, store, runs):
    """The first treemap that a window draws of an image of 50 000 files."""
    times = []
    with Desktop() as desktop:
        for _ in range(runs):
            window = Window(desktop, program, ["--store", store])
            until(lambda: window.js(PRESS % ("[role=gridcell]", "")))
            until(lambda: window.js(PRESS % ("[role=tab]", "Files")))
            until(lambda: window.js("return document.querySelectorAll('[role=treeitem]').length > 0"))
            window.js(MAP)
            until(lambda: window.js("return window.__map !== null"))
            times.append(window.js("return window.__map"))
            window.close()
    table.add("window: treemap of 50 000 files, from the click to the picture", f"{statistics.median(times):.0f} ms", "", "", "<= 200 ms")
