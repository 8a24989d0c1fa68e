"""What test_ordinary_user.py runs as somebody else: works of every kind; prints what came of them."""

import json
import os
import signal
import sys
import time
from pathlib import Path

from marketplace.engines import get
from marketplace.engines.base import SiteRef, Work

LOOK = """
import ctypes, json, os
caps = [l.split()[1] for l in open("/proc/self/status") if l.startswith("Cap")]
hidden = json.load(open("/work/params.json"))["hidden"]
seen = [p for p in hidden if os.path.lexists(p)]
unshared = ctypes.CDLL(None).unshare(0x10000000)
devices = [l.split(":")[0].strip() for l in open("/proc/net/dev") if ":" in l]
pids = [p for p in os.listdir("/proc") if p.isdigit()]
with open("/work/out/result.json", "w") as f:
    json.dump([os.getuid(), caps, seen, unshared, devices, len(pids)], f)
"""
OOM = """
import time
held = []
while True:
    held.append(bytearray(b"x" * (8 << 20)))
    time.sleep(.03)
"""
BOMB = """
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(.01)
"""
SLEEP = "import time; print('up', flush=True); time.sleep(60)"
PATIENCE_S = 30

engine, folder = get("local"), Path(sys.argv[1])
settings = {"root": str(folder / "site"), "cores": 2, "memory_mb": 1024, "disk_mb": 64}
site = SiteRef("s", "local", {**settings, "sandbox": sys.argv[2]})


def start(key: str, text: str, **fields) -> None:
    program = folder / f"{key}.py"
    program.write_text(text)
    engine.start(site, Work(key, "jiangnan", program, **{"memory_mb": 128, "wall_s": 20, **fields}))


def end_of(key: str) -> list[str]:
    until = time.monotonic() + PATIENCE_S
    while not (status := engine.check(site, key)).final and time.monotonic() < until:
        time.sleep(0.02)
    return [status.state, status.reason]


def run(key: str, text: str, **fields) -> list[str]:
    start(key, text, **fields)
    return end_of(key)


def killed() -> list[str]:
    start("lost", SLEEP)
    until = time.monotonic() + PATIENCE_S
    while "up" not in engine.log(site, "lost")[0] and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(json.loads((folder / "site/jobs/lost/shim.json").read_text())["pid"], signal.SIGKILL)
    return end_of("lost")


def main() -> dict:
    capacity = engine.capacity(site)
    if not capacity.ready:
        return {"skip": f"{capacity.reason} {capacity.params}"}
    hidden = ["/etc/shadow", "/home", "/root/.bashrc", "/var", str(folder), str(folder / "site")]
    told = {
        "missing": engine.capabilities(site).missing,
        "look": run("look", LOOK, params={"hidden": hidden}),
        "log": engine.log(site, "look")[0],
        "seen": [p.read_text() for _, p, _ in engine.results(site, "look")],
        "oom": run("oom", OOM),
        "cpu": run("cpu", "while True: pass", cpu_limit_ms=400),
        "bomb": run("bomb", BOMB, wall_s=2, cpu_limit_ms=60_000, memory_mb=768),
        "lost": killed(),
        "usage": [u.key for u in engine.usage(site, 0)[0]],
    }
    time.sleep(0.3)
    return {**told, "left": left()}


def left() -> list[str]:
    """Our processes but this one; not what only waits for process 1 to read its exit code."""
    mine = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if path.stat().st_uid == os.getuid() and ") Z " not in (path / "stat").read_text():
                mine.append((path / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return [text for text in mine if "script.py" not in text]


if __name__ == "__main__":
    print(json.dumps(main()))
