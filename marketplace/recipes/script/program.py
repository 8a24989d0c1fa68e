"""Run the customer's own script for up to the time bought, and gather what it leaves.

Stand-alone, for the sandbox: needs only the standard library.

reads    $WORK/input.csv    the script (every recipe's file comes under this name)
         $WORK/params.json  core_hours: the most it may use; the engine's WALL_S counts too
writes   $WORK/progress.jsonl, $WORK/out/result.json, out/output.txt (stdout and stderr together)

The script runs with out/ as its folder: files it writes there are the customer's. A line it prints like
`progress 3/40 years simulated` becomes the progress shown. Whatever its exit code, the time was used and
the result says so; this program fails only when it could not run the script at all.
"""

from __future__ import annotations

import json
import os
import re
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

WORK = Path(os.environ.get("WORK", "/work"))
OUT = WORK / "out"
SCRIPT = WORK / "script.py"
GATHER_S = 5  # kept back of the time bought, to write the result
TAIL_LINES = 200
SHOWN_LINES = 30
LINE_CHARS = 500
OUTPUT_BYTES = 5_000_000
FILES = 99  # the engine keeps 100, one is the result
DEPTH = 4
SAY_EVERY_S = 0.5
BEAT_S = 5

_PROGRESS = re.compile(r"progress\s+(\d{1,9})\s*/\s*(\d{1,9})(?:\s+(.*))?", re.IGNORECASE)


def both(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh": zh}


def step(key: str, done: int, of: int, en: str, zh: str) -> None:
    line = {"step": key, "done": done, "of": of, "text_en": en, "text_zh": zh}
    with (WORK / "progress.jsonl").open("a", encoding="utf-8") as out:
        out.write(json.dumps(line, ensure_ascii=False) + "\n")


def limit_s(params: dict[str, Any]) -> float:
    """Seconds the script may run: what was bought, what the engine allows, less the time to gather."""
    cores = max(1, int(os.environ.get("CORES", 1)))
    bought = [float(params["core_hours"]) * 3600 / cores] if params.get("core_hours") else []
    wall = float(os.environ.get("WALL_S", 3600))
    return max(1.0, min([wall, *bought]) - GATHER_S)


class Output:
    """What the script prints: in a file up to OUTPUT_BYTES, its last lines in memory, progress passed on."""

    def __init__(self, limit: float) -> None:
        self.file = (OUT / "output.txt").open("wb")
        self.tail: deque[tuple[int, str]] = deque(maxlen=TAIL_LINES)
        self.lines = self.bytes = 0
        self.rest = b""
        self.limit = limit
        self.began = self.said = time.monotonic()
        self.own_progress = False

    def take(self, data: bytes) -> None:
        self.file.write(data[: max(0, OUTPUT_BYTES - self.bytes)])
        self.bytes += len(data)
        *whole, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) > 64 * LINE_CHARS:  # a line without end
            whole, self.rest = [*whole, self.rest], b""
        for line in whole:
            self._line(line)

    def _line(self, raw: bytes) -> None:
        text = raw.decode("utf-8", "replace").rstrip("\r")[:LINE_CHARS]
        self.lines += 1
        found = _PROGRESS.fullmatch(text.strip())
        if not found or not 0 < int(found[2]) >= int(found[1]):
            shown = "".join(c if c.isprintable() or c == "\t" else "?" for c in text)
            self.tail.append((self.lines, shown))
        else:
            self.own_progress = True
            done, of = int(found[1]), int(found[2])
            if done == of or time.monotonic() - self.said >= SAY_EVERY_S:
                self.said = time.monotonic()
                step("run", done, of, found[3] or f"{done} / {of}", found[3] or f"{done} / {of}")

    def beat(self) -> None:
        """Where the script says nothing of itself, the time is all that can honestly be shown."""
        now = time.monotonic()
        if not self.own_progress and now - self.said >= BEAT_S:
            self.said = now
            ran, most = round(now - self.began), round(self.limit)
            step("run", ran, most, f"{ran} s of at most {most} s", f"已运行 {ran} 秒，最多 {most} 秒")

    def close(self) -> None:
        if self.rest:
            self._line(self.rest)
        self.file.close()


def run(limit: float) -> tuple[int | None, float, Output]:
    """(exit code, None when stopped at the limit; seconds; output)."""
    output = Output(limit)
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-s", "-u", "-B", str(SCRIPT)],
        cwd=OUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while process.poll() is None and time.monotonic() - began < limit:
            if ready.select(timeout=0.5):
                data = os.read(process.stdout.fileno(), 1 << 16)
                if not data and process.poll() is None:
                    time.sleep(0.05)  # it closed its output and goes on
                output.take(data)
            output.beat()
        seconds = time.monotonic() - began
        code = process.poll()
        end(process)
        while ready.select(timeout=0) and (data := os.read(process.stdout.fileno(), 1 << 16)):
            output.take(data)
    output.close()
    return code, seconds, output


def end(process: subprocess.Popen[bytes]) -> None:
    """End the script and all it started: asked first, two seconds later made to."""
    for signal_ in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signal_)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            continue


def left_files() -> list[tuple[str, int]]:
    """(name inside out/, bytes) of regular files; no link is followed, the result itself is not listed."""
    found: list[tuple[str, int]] = []
    for folder, folders, names in os.walk(OUT):
        at = Path(folder)
        if len(at.relative_to(OUT).parts) >= DEPTH - 1:
            folders.clear()
        for name in names:
            path = at / name
            inside = path.relative_to(OUT).as_posix()
            if path.is_symlink() or not path.is_file() or inside == "result.json" or not inside.isprintable():
                continue
            found.append((inside, path.stat().st_size))
    return sorted(found)[:FILES]


def how_it_ended(code: int | None) -> dict[str, str]:
    if code is None:
        return both(
            "stopped at the time you bought; what it left is kept", "到达所购时长后停止；已留下的文件均保留"
        )
    if code == 0:
        return both("your script ran to its end", "脚本正常结束")
    if code < 0:
        return both(f"your script was ended by signal {-code}", f"脚本被信号 {-code} 终止")
    return both(
        f"your script ended with exit code {code}; see its last lines",
        f"脚本以退出码 {code} 结束，请看最后几行输出",
    )


def result(code: int | None, seconds: float, output: Output) -> dict[str, Any]:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    files = left_files()
    shown = list(output.tail)[-SHOWN_LINES:]
    stats = [
        ("–" if code is None else code, both("exit code", "退出码")),
        (f"{used.ru_utime + used.ru_stime:.1f}", both("processor time, seconds", "处理器时间（秒）")),
        (f"{used.ru_maxrss / 1024:.0f} MB", both("most memory at once", "内存峰值")),
        (output.lines, both("lines printed", "输出行数")),
        (len(files) - 1, both("files left for you", "留下的文件")),
    ]
    printed = both("All it printed", "全部输出")
    notes = []
    if output.bytes > OUTPUT_BYTES:
        notes.append(both("Only the first 5 MB of the output were kept.", "输出只保留前 5 MB。"))
    return {
        "recipe": "script",
        "headline": {
            "value": round(seconds, 1),
            "unit_key": "value",
            "low": None,
            "high": None,
            "label": how_it_ended(code),
        },
        "stats": [{"value": value, "label": label} for value, label in stats],
        "chart": None,
        "table": {
            "columns": [
                {"key": "line", "label": both("Line", "行"), "align": "right"},
                {"key": "text", "label": both("Last lines of the output", "最后几行输出"), "align": "left"},
            ],
            "rows": [[number, text] for number, text in shown],
            "total": None,
        },
        "files": [
            {"name": name, "label": printed if name == "output.txt" else both(name, name), "bytes": size}
            for name, size in files
        ],
        "units_done": {"core_seconds": round(seconds * max(1, int(os.environ.get("CORES", 1))), 1)},
        "exit_code": code,
        "stdout_tail": "\n".join(text for _, text in output.tail),
        "notes": notes,
    }


def write(name: str, content: str) -> None:
    """Into out/, whatever the script has put in its place."""
    target, beside = OUT / name, WORK / f"{name}.new"
    beside.write_text(content, encoding="utf-8")
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    beside.replace(target)


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    params = json.loads((WORK / "params.json").read_text(encoding="utf-8"))
    shutil.copyfile(WORK / "input.csv", SCRIPT)
    limit = limit_s(params)
    step("run", 0, round(limit), "your script starts", "脚本开始运行")
    code, seconds, output = run(limit)
    ending = how_it_ended(code)
    step("write", 1, 1, ending["en"], ending["zh"])
    write("result.json", json.dumps(result(code, seconds, output), ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
