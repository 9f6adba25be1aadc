#!/usr/bin/env python3
"""Measures Strata beside its peers and writes docs/benchmarks.md. `./x bench` calls it.

Every row runs the two programs in turn (ours, theirs, ours, theirs, ...) on the same machine in the same minutes and
compares medians, so that a busy machine slows both. Whole processes are timed, from start to exit; memory is the largest
resident set that the operating system saw of the process. A peer that is not installed is named and left out.
"""

import argparse
import datetime
import gzip
import hashlib
import io
import json
import os
import pathlib
import platform
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# What is shipped is what is measured.
SHIPPED = ROOT / "target/dist"


# The system counts in a process's peak memory what the process was before it became another program: started from here, each
# would count all that this program holds. So a small process starts them, waits for them, and tells what they took.
STARTER = r"""
import json, os, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    out = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    out += [(os.POSIX_SPAWN_DUP2, int(sys.argv[1]), stream) for stream in (1, 2)]
    start = time.perf_counter()
    process = os.posix_spawnp(asked["command"][0], asked["command"], asked["env"], file_actions=out)
    _, status, usage = os.wait4(process, 0)
    took = time.perf_counter() - start
    print(json.dumps([took, os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss]), flush=True)
"""


class Starter:
    """The small process that starts what is measured. Its own memory, some 10 MB, is the least that a row can show."""

    def __init__(self):
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", STARTER, str(self.output.fileno())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=[self.output.fileno()],
        )

    def run(self, command, env):
        self.output.seek(0)
        self.output.truncate()
        print(json.dumps({"command": command, "env": dict(env or os.environ)}), file=self.process.stdin, flush=True)
        wall, code, cpu, kilobytes = json.loads(self.process.stdout.readline())
        self.output.seek(0)
        return wall, code, cpu, kilobytes * 1024, self.output.read().decode(errors="replace")


STARTS = Starter()


class Run:
    """One finished process: wall seconds, CPU seconds, peak memory in bytes, output."""

    def __init__(self, command, env=None):
        command = [str(part) for part in command]
        self.wall, code, self.cpu, self.memory, self.output = STARTS.run(command, env)
        if code != 0:
            raise SystemExit(f"{' '.join(command)}\nfailed with {code}:\n{self.output}")


class Side:
    """A program in a comparison: what to do before each run (not timed), and the run."""

    def __init__(self, name, command, before=lambda: None, env=None):
        self.name, self.command, self.before, self.env = name, command, before, env
        self.runs = []

    def once(self, count=True):
        self.before()
        run = Run(self.command, self.env)
        if count:
            self.runs.append(run)

    def median(self, what):
        return statistics.median(getattr(run, what) for run in self.runs)


def compare(sides, runs):
    for side in sides:
        side.once(count=False)
    for _ in range(runs):
        for side in sides:
            side.once()


class Registry:
    """Debian's docker-registry on a free loopback port, its files in a folder that is kept between benchmarks."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        config = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": {"addr": f"127.0.0.1:{self.port}"},
        }
        (folder / "config.json").write_text(json.dumps(config))
        self.process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "config.json")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v2/", timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise SystemExit("docker-registry did not start")
                time.sleep(0.05)

    def name(self, repository):
        return f"127.0.0.1:{self.port}/{repository}"

    def push(self, layout, repository):
        subprocess.run(
            ["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}", f"docker://{self.name(repository)}"], check=True
        )

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Dockerd:
    """Debian's dockerd on a private socket, its files in a folder that goes away with it."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "daemon.json").write_text("{}")
        self.command = ["docker", "-H", f"unix://{folder}/docker.sock"]
        self.process = subprocess.Popen(
            [
                "dockerd", "-H", f"unix://{folder}/docker.sock", "--data-root", folder / "data", "--exec-root", folder / "exec",
                "--pidfile", folder / "pid", "--config-file", folder / "daemon.json", "--iptables=false", "--ip6tables=false",
                "--ip-masq=false", "--bridge=none",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while subprocess.run([*self.command, "version"], capture_output=True).returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit("dockerd did not start: it needs root")
            time.sleep(0.1)

    def run(self, *arguments):
        subprocess.run([*self.command, *map(str, arguments)], check=True, capture_output=True)

    def empty(self):
        ids = subprocess.run([*self.command, "images", "-q"], capture_output=True, text=True).stdout.split()
        if ids:
            self.run("rmi", "-f", *ids)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        subprocess.run(["umount", self.folder / "exec/netns/default"], capture_output=True)


def put_blob(layout, data):
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def next_version(source, target, megabytes=20):
    """Copies an OCI layout with another top layer: files of random bytes, so that compression does not help."""
    if (target / "index.json").exists():
        return
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    index = json.loads((target / "index.json").read_text())
    blob = lambda descriptor: target / "blobs/sha256" / descriptor["digest"].split(":")[1]
    manifest = json.loads(blob(index["manifests"][0]).read_text())
    config = json.loads(blob(manifest["config"]).read_text())
    tar = io.BytesIO()
    noise = random.Random(20)
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for number in range(megabytes):
            info = tarfile.TarInfo(f"srv/next/{number}")
            info.size = 1_000_000
            archive.addfile(info, io.BytesIO(noise.randbytes(info.size)))
    layer = gzip.compress(tar.getvalue(), 6, mtime=0)
    config["rootfs"]["diff_ids"][-1] = "sha256:" + hashlib.sha256(tar.getvalue()).hexdigest()
    manifest["layers"][-1].update(put_blob(target, layer))
    manifest["config"].update(put_blob(target, json.dumps(config).encode()))
    index["manifests"][0].update(put_blob(target, json.dumps(manifest).encode()))
    (target / "index.json").write_text(json.dumps(index))


def seconds(value):
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def megabytes(value):
    return f"{value / 1e6:.0f} MB"


class Table:
    def __init__(self):
        self.rows, self.notes = [], []

    def versus(self, work, ours, peers, target):
        for peer in peers:
            ratio = ours.median("wall") / peer.median("wall")
            self.add(work, seconds(ours.median("wall")), f"{peer.name} {seconds(peer.median('wall'))}", f"{ratio:.2f}x", target)

    def add(self, *cells):
        self.rows.append(cells)
        print("  ".join(cells), flush=True)

    def text(self):
        head = ["| work | Strata | peer | ratio | target |", "|---|---|---|---|---|"]
        return "\n".join(head + ["| " + " | ".join(row) + " |" for row in self.rows])


def version_of(program):
    if not shutil.which(program):
        return None
    told = subprocess.run([program, "version" if program == "openssl" else "--version"], capture_output=True, text=True)
    return next(iter((told.stdout + told.stderr).strip().splitlines()), program)


def pull_rows(table, strata, registry, cache, work, runs):
    large = cache / "large/oci"
    registry.push(f"{large}:data", "bench/data:1")
    next_version(large, cache / "next")
    registry.push(f"{cache / 'next'}:data", "bench/data:2")
    name = registry.name("bench/data")
    store, layout, podman = work / "store", work / "layout", work / "podman"

    def wipe(*folders):
        return lambda: [shutil.rmtree(folder, ignore_errors=True) for folder in folders]

    ours = Side("strata", [strata, "--store", store, "pull", "-q", f"{name}:1"], wipe(store))
    skopeo = Side("skopeo copy", ["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{name}:1", f"oci:{layout}:1"], wipe(layout))
    # podman takes no run root that is longer than 50 characters.
    podman_run = tempfile.TemporaryDirectory(prefix="run-")
    storage = ["podman", "--root", podman / "root", "--runroot", podman_run.name, "--storage-driver", "overlay"]

    def wipe_podman():
        subprocess.run([*map(str, storage), "rmi", "-a", "-f"], capture_output=True)
        shutil.rmtree(podman, ignore_errors=True)

    peers = [skopeo]
    compare([ours, skopeo], runs)
    if shutil.which("podman"):
        peer = Side("podman pull", [*storage, "pull", "-q", "--tls-verify=false", f"{name}:1"], wipe_podman)
        for _ in range(max(2, runs // 2)):
            peer.once()
        wipe_podman()
        peers.append(peer)
    else:
        table.notes.append("podman is not installed: its rows are missing.")
    size = sum(layer["size"] for layer in manifest_of(large)["layers"])
    table.versus(f"pull {megabytes(size)} in {len(manifest_of(large)['layers'])} layers", ours, [skopeo], "<= 2.0x")
    for peer in peers[1:]:
        table.versus("the same", ours, [peer], "<= 0.2x")
    table.add("the same: memory", megabytes(ours.median("memory")), f"skopeo {megabytes(skopeo.median('memory'))}", "", "<= 105 MB (100 MiB)")
    table.add("the same: CPU seconds", f"{ours.median('cpu'):.2f}", f"skopeo {skopeo.median('cpu'):.2f}", "", "")

    again = Side("strata", [strata, "--store", store, "pull", "-q", f"{name}:1"])
    again_peer = Side("skopeo copy", ["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{name}:1", f"oci:{layout}:1"])
    compare([again, again_peer], runs * 2)
    table.versus("pull again, nothing changed", again, [again_peer], "<= 30 ms")

    saved = work / "saved"
    shutil.rmtree(saved, ignore_errors=True)
    shutil.copytree(store, saved)

    def restore():
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(saved, store)

    update = Side("strata", [strata, "--store", store, "--json", "pull", f"{name}:2"], restore)
    for _ in range(runs):
        update.once()
    fetched = json.loads(update.runs[-1].output)["fetched_bytes"]
    top = manifest_of(cache / "next")["layers"][-1]["size"]
    table.add(
        "pull a version that shares 2 of 3 layers", seconds(update.median("wall")), f"fetched {megabytes(fetched)}", "",
        f"the one layer, {megabytes(top)}",
    )
    check = Side("strata", [strata, "--store", store, "check", "--read-data"])
    openssl_files = sorted((store / "blobs/sha256").iterdir())
    openssl = Side("openssl dgst -sha256", ["openssl", "dgst", "-sha256", *openssl_files])
    compare([check, openssl], runs)
    table.versus("`check --read-data` of that store", check, [openssl], ">= 0.8x the rate per core, all cores: <= 0.63x on 2")


def push_rows(table, strata, cache, work, runs):
    large = cache / "large/oci"
    store, folder = work / "pushed", work / "push-registry"
    subprocess.run([strata, "--store", store, "-q", "copy", f"oci:{large}:data", "bench/data:1"], check=True, stdout=subprocess.DEVNULL)
    running = []

    def fresh(side, command):
        """An empty registry on a port of its own, about which no program has noted anything yet."""

        def start():
            stop()
            shutil.rmtree(folder, ignore_errors=True)
            running.append(Registry(folder))
            side.command = command(running[0].name("bench/data:1"))

        side.before = start

    def stop():
        while running:
            running.pop().stop()

    ours, skopeo = Side("strata", []), Side("skopeo copy", [])
    fresh(ours, lambda name: [strata, "--store", store, "push", "-q", "bench/data:1", name])
    fresh(skopeo, lambda name: ["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{large}:data", f"docker://{name}"])
    try:
        compare([ours, skopeo], runs)
        size = sum(layer["size"] for layer in manifest_of(large)["layers"])
        table.versus(f"push {megabytes(size)} to an empty registry", ours, [skopeo], "<= 1.0x")
        table.add("the same: memory", megabytes(ours.median("memory")), f"skopeo {megabytes(skopeo.median('memory'))}", "", "<= 105 MB (100 MiB)")
        table.add("the same: CPU seconds", f"{ours.median('cpu'):.2f}", f"skopeo {skopeo.median('cpu'):.2f}", "", "")
        name = running[0].name("bench/data:1")
        again = Side("strata", [strata, "--store", store, "push", "-q", "bench/data:1", name])
        again_peer = Side("skopeo copy", ["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{large}:data", f"docker://{name}"])
        compare([again, again_peer], runs * 2)
        table.versus("push again, nothing changed", again, [again_peer], "<= 1.0x")
    finally:
        stop()


def manifest_of(layout):
    index = json.loads((layout / "index.json").read_text())
    return json.loads((layout / "blobs/sha256" / index["manifests"][0]["digest"].split(":")[1]).read_text())


def archive_rows(table, strata, cache, work, runs):
    """Loading and saving the large image, beside docker and skopeo. What the peers read is written by themselves."""
    large = cache / "large/oci"
    store, layout, saved = work / "archive-store", work / "archive-layout", work / "saved.tar"

    def wipe(*places):
        def run():
            for place in places:
                shutil.rmtree(place, ignore_errors=True) if place.is_dir() else place.unlink(missing_ok=True)

        return run

    oci = work / "oci.tar"
    subprocess.run(["skopeo", "copy", "-q", f"oci:{large}:data", f"oci-archive:{oci}:docker.io/bench/data:1"], check=True)
    ours = Side("strata", [strata, "--store", store, "load", "-q", "-i", oci], wipe(store))
    skopeo = Side("skopeo copy", ["skopeo", "copy", "-q", f"oci-archive:{oci}", f"oci:{layout}:1"], wipe(layout))
    compare([ours, skopeo], runs)
    table.versus("load an OCI archive of it", ours, [skopeo], "<= 2.0x")
    table.add("the same: memory", megabytes(ours.median("memory")), f"skopeo {megabytes(skopeo.median('memory'))}", "", "<= 105 MB (100 MiB)")

    save = [strata, "--store", store, "save", "-q", "-o", saved]
    ours = Side("strata", [*save, "--format", "oci", "bench/data:1"], wipe(saved))
    skopeo = Side("skopeo copy", ["skopeo", "copy", "-q", f"oci:{layout}:1", f"oci-archive:{saved}:1"], wipe(saved))
    compare([ours, skopeo], runs)
    table.versus("save it as an OCI archive", ours, [skopeo], "<= 1.0x")
    table.add("the same: memory", megabytes(ours.median("memory")), f"skopeo {megabytes(skopeo.median('memory'))}", "", "<= 105 MB (100 MiB)")

    if not shutil.which("dockerd"):
        table.notes.append("docker.io is not installed: its rows are missing.")
        return
    docker = Dockerd(work / "docker")
    try:
        tar = work / "docker.tar"
        docker.run("load", "-i", oci_as_docker(large, work))
        docker.run("save", "-o", tar, "bench/data:1")
        ours = Side("strata", [strata, "--store", store, "load", "-q", "-i", tar], wipe(store))
        peer = Side("docker load", [*docker.command, "load", "-q", "-i", tar], docker.empty)
        compare([ours, peer], max(2, runs // 2))
        table.versus("load the tar of `docker save`", ours, [peer], "<= 0.4x")
        table.add("the same: memory", megabytes(ours.median("memory")), "", "", "<= 105 MB (100 MiB)")
        ours = Side("strata", [*save, "bench/data:1"], wipe(saved))
        peer = Side("docker save", [*docker.command, "save", "-o", saved, "bench/data:1"], wipe(saved))
        compare([ours, peer], max(2, runs // 2))
        table.versus("save that one as a docker-archive", ours, [peer], "<= 0.3x")
    finally:
        docker.stop()


def oci_as_docker(layout, work):
    """What docker before version 25 can load."""
    tar = work / "for-docker.tar"
    # skopeo adds nothing to an archive that is there.
    tar.unlink(missing_ok=True)
    subprocess.run(["skopeo", "copy", "-q", f"oci:{layout}:data", f"docker-archive:{tar}:bench/data:1"], check=True)
    return tar


def filled_store(cache, count):
    """A store of that many images, kept for the next time."""
    store = cache / f"store-{count}"
    if not store.exists():
        # Under another name until it is whole: it may be interrupted.
        growing = cache / f"store-{count}.new"
        shutil.rmtree(growing, ignore_errors=True)
        subprocess.run([SHIPPED / "examples" / "fill_store", growing, str(count)], check=True)
        growing.rename(store)
    return store


def many_files(cache, strata):
    """A store with an image of 50 000 files of many sizes, kept for the next time."""
    store = cache / "store-files"
    if not store.exists():
        growing = cache / "store-files.new"
        shutil.rmtree(growing, ignore_errors=True)
        sizes = random.Random(3)
        with tempfile.NamedTemporaryFile(dir=cache, suffix=".tar") as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                for number in range(50_000):
                    name = f"usr/{number % 10}/{number // 10 % 20}/{number // 200 % 10}/file-{number}"
                    entry = tarfile.TarInfo(name)
                    entry.size = int(sizes.paretovariate(1.1) * 200) % 200_000
                    tar.addfile(entry, io.BytesIO(b"x" * entry.size))
            file.flush()
            subprocess.run([strata, "--store", growing, "import", "-q", file.name, "bench/files:1"], check=True, stdout=subprocess.DEVNULL)
        growing.rename(store)
    return store


def list_rows(table, strata, cache, work, runs):
    stores = {}
    for count in (10, 10_000):
        stores[count] = filled_store(cache, count)
    listing = Side("strata", [strata, "--store", stores[10_000], "images"])
    compare([listing], runs * 2)
    table.add("`images` over 10 000 images", seconds(listing.median("wall")), "", "", "<= 50 ms")
    table.add("the same: memory", megabytes(listing.median("memory")), "", "", "<= 105 MB (100 MiB)")
    for verb, command in {
        "`tag`": ["tag", "bench/image-1", "bench/again"],
        "`rmi`": ["rmi", "bench/again"],
    }.items():
        medians = {}
        for count, store in stores.items():
            if verb == "`rmi`":
                before = lambda store=store: Run([strata, "--store", store, "tag", "bench/image-1", "bench/again"])
            else:
                before = lambda store=store: subprocess.run([strata, "--store", str(store), "rmi", "bench/again"], capture_output=True)
            side = Side("strata", [strata, "--store", store, *command], before)
            compare([side], runs * 3)
            medians[count] = side.median("wall")
            subprocess.run([strata, "--store", str(store), "rmi", "bench/again"], capture_output=True)
        table.add(
            f"{verb}, store of 10 000 and of 10", seconds(medians[10_000]), seconds(medians[10]),
            f"{medians[10_000] / medians[10]:.2f}x", "<= 1.5x",
        )


def inside_rows(table, strata, cache, work, runs):
    """Listing, one file out of the middle, unpacking: of the large image, stored."""
    large = cache / "large/oci"
    store = work / "inside"
    registry = Registry(work / "registry-inside")
    try:
        registry.push(f"{large}:data", "bench/data:1")
        name = registry.name("bench/data:1")
        Run([strata, "--store", store, "pull", "-q", name])
    finally:
        registry.stop()
    first = Side("strata", [strata, "--store", store, "ls", name, "/usr/bin"])
    whole = Side("strata", [strata, "--store", store, "ls", "-R", name])
    compare([first, whole], runs * 2)
    count = len(whole.runs[-1].output.splitlines())
    table.add(f"list one folder of {count} files", seconds(first.median("wall")), "", "", "<= 50 ms")
    table.add("list them all", seconds(whole.median("wall")), "", "", "<= 200 ms")
    rows = json.loads(Run([strata, "--store", store, "ls", "-R", "--json", name]).output)
    files = [row["path"] for row in rows if row["type"] == "file" and row["layer"] == len(manifest_of(large)["layers"])]
    samples = random.Random(7).sample(sorted(files), 3)
    reads = [Side("strata", [strata, "--store", store, "cat", name, path]) for path in samples]
    compare(reads, runs * 2)
    table.add(
        "read one file out of the top layer", seconds(statistics.median(side.median("wall") for side in reads)),
        "", "", "<= 50 ms once indexed",
    )
    ours, theirs = work / "unpacked", work / "umoci"
    wipe = lambda folder: lambda: shutil.rmtree(folder, ignore_errors=True)
    unpack = Side("strata", [strata, "--store", store, "unpack", "-q", name, ours], wipe(ours))
    if not shutil.which("umoci"):
        table.notes.append("umoci is not installed: its row is missing.")
        return
    umoci = Side("umoci unpack", ["umoci", "unpack", "--image", f"{large}:data", theirs], wipe(theirs))
    compare([unpack, umoci], max(2, runs // 2))
    table.versus("unpack it to a folder", unpack, [umoci], "<= 0.3x")


def container_rows(table, strata, cache, work, runs):
    """Working containers of the large image: made, ten files changed and committed, and 120 MB put in and committed."""
    large = cache / "large/oci"
    store, name = work / "containers", "bench/data:1"
    Run([strata, "--store", store, "load", "-q", "-i", f"{large}"])
    names = Run([strata, "--store", store, "images", "-q"]).output.split()
    Run([strata, "--store", store, "tag", names[0], name])
    remove = lambda *containers: lambda: subprocess.run([strata, "--store", store, "rm", "-f", *containers], capture_output=True)
    create = Side("strata", [strata, "--store", store, "create", "--name", "made", name], remove("made"))
    compare([create], runs * 3)
    table.add("create a container of it", seconds(create.median("wall")), "", "", "<= 50 ms")
    ten, much = work / "ten", work / "much"
    ten.mkdir()
    for number in range(10):
        (ten / f"file-{number}").write_bytes(random.Random(number).randbytes(2000))
    much.mkdir()
    # Half noise, half text, as programs and their data are.
    for number in range(120):
        noise = random.Random(number)
        words = " ".join(str(noise.randrange(50_000)) for _ in range(85_000)).encode()
        (much / f"file-{number}").write_bytes((noise.randbytes(500_000) + words)[:1_000_000])
    for container, folder in {"few": ten, "many": much}.items():
        Run([strata, "--store", store, "create", "--name", container, name])
        Run([strata, "--store", store, "cp", "-q", folder, f"{container}:/srv"])
    commit = lambda container: [strata, "--store", store, "commit", "-q", container, f"bench/{container}"]
    # A layer that is here already is not written again: that is not what is measured.
    drop = lambda container: lambda: subprocess.run([strata, "--store", store, "rmi", "--now", f"bench/{container}"], capture_output=True)
    ours = Side("strata", commit("few"), drop("few"))
    if shutil.which("dockerd"):
        docker = Dockerd(work / "docker-containers")
        try:
            docker.run("load", "-i", oci_as_docker(large, work))
            docker.run("create", "--name", "few", name)
            docker.run("cp", ten, "few:/srv")
            peer = Side("docker commit", [*docker.command, "commit", "few", "bench/few"])
            compare([ours, peer], runs * 3)
            table.versus("commit 10 changed files", ours, [peer], "<= 0.5x")
            run_row(table, strata, store, docker, work, runs)
        finally:
            docker.stop()
    else:
        table.notes.append("docker.io is not installed: its row is missing.")
    if not shutil.which("buildah"):
        table.notes.append("buildah is not installed: its row is missing.")
        return
    storage = ["--root", work / "buildah", "--runroot", work / "buildah-run", "--storage-driver", "overlay"]
    buildah = lambda *arguments: subprocess.run(["buildah", *map(str, storage), *map(str, arguments)], check=True, capture_output=True, text=True).stdout.strip()
    container = buildah("from", "scratch")
    buildah("copy", "--quiet", container, much, "/srv")
    target = work / "buildah-oci"
    # To a layout: there it compresses, as ours does; in its own storage it would not.
    peer = Side(
        "buildah commit",
        ["buildah", *storage, "commit", "--quiet", "--disable-compression=false", container, f"oci:{target}:1"],
        lambda: shutil.rmtree(target, ignore_errors=True),
    )
    ours = Side("strata", commit("many"), drop("many"))
    compare([ours, peer], max(2, runs // 2))
    table.versus("commit 120 MB of changes, gzip", ours, [peer], "<= 0.5x")
    table.add("the same: memory", megabytes(ours.median("memory")), f"buildah {megabytes(peer.median('memory'))}", "", "<= 105 MB (100 MiB)")


def run_row(table, strata, store, docker, work, runs):
    """A no-op in a container that is removed after it, of an image that is unpacked already."""
    root = work / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    Run([strata, "--store", store, "import", "-q", root, "bench/run:1"])
    saved = work / "run.tar"
    Run([strata, "--store", store, "save", "-q", "-o", saved, "bench/run:1"])
    docker.run("load", "-i", saved)
    options = ["run", "--rm", "--network", "none", "bench/run:1", "/bin/busybox", "true"]
    ours = Side("strata", [strata, "--store", store, *options])
    peer = Side("docker run", [*docker.command, *options])
    compare([ours, peer], runs * 3)
    table.versus("run `true` in a container and remove it", ours, [peer], "<= 0.3x")


def window_rows(table, strata, cache, runs):
    program, blank = SHIPPED / "strata-desktop", SHIPPED / "examples/blank_window"
    if not (program.exists() and blank.exists() and shutil.which("Xvfb")):
        table.notes.append("The window's rows need Xvfb and a build of the app: they are missing.")
        return
    import window

    window.rows(table, program, blank, filled_store(cache, 10_000), runs)
    window.map_rows(table, program, many_files(cache, strata), runs)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--only", choices=["pull", "push", "archive", "list", "inside", "containers", "window"])
    arguments.add_argument("--no-write", action="store_true", help="print the table, leave docs/benchmarks.md alone")
    options = arguments.parse_args()
    strata = str(SHIPPED / "strata")
    cache = ROOT / "target/bench"
    cache.mkdir(parents=True, exist_ok=True)
    table = Table()
    with tempfile.TemporaryDirectory(prefix="work-", dir=cache, ignore_cleanup_errors=True) as work:
        work = pathlib.Path(work)
        if options.only in (None, "pull"):
            subprocess.run([str(HERE / "large-image.sh"), str(cache / "large")], check=True)
            registry = Registry(work / "registry")
            try:
                pull_rows(table, strata, registry, cache, work, options.runs)
            finally:
                registry.stop()
        if options.only in (None, "push"):
            subprocess.run([str(HERE / "large-image.sh"), str(cache / "large")], check=True)
            push_rows(table, strata, cache, work, options.runs)
        if options.only in (None, "archive"):
            subprocess.run([str(HERE / "large-image.sh"), str(cache / "large")], check=True)
            archive_rows(table, strata, cache, work, options.runs)
        if options.only in (None, "list"):
            list_rows(table, strata, cache, work, options.runs)
        if options.only in (None, "inside"):
            subprocess.run([str(HERE / "large-image.sh"), str(cache / "large")], check=True)
            inside_rows(table, strata, cache, work, options.runs)
        if options.only in (None, "containers"):
            subprocess.run([str(HERE / "large-image.sh"), str(cache / "large")], check=True)
            container_rows(table, strata, cache, work, options.runs)
        if options.only in (None, "window"):
            window_rows(table, strata, cache, options.runs)
    peers = ", ".join(filter(None, map(version_of, ["skopeo", "podman", "dockerd", "umoci", "openssl"])))
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    text = (HERE / "benchmarks.template.md").read_text().format(
        date=datetime.date.today().isoformat(), cores=os.cpu_count(), model=model, peers=peers, runs=options.runs,
        table=table.text(), notes="\n".join(f"- {note}" for note in table.notes) or "None.",
    )
    if options.no_write or options.only:
        print(table.text())
    else:
        (ROOT / "docs/benchmarks.md").write_text(text)
        print("written: docs/benchmarks.md")


if __name__ == "__main__":
    sys.exit(main())
