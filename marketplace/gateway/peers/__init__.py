"""LiteLLM's proxy beside the door, in the same run: one worker each, the same trivial provider, the same callers.

It forwards without a database, so it counts spend in memory only; ours reserves, settles and spools every call.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import bench, load

PEER = "LiteLLM 1.99.4"
PORT, SECRET = 9474, "sk-bench"
STARTS_S = 120
CONFIG = """
model_list:
  - model_name: stub
    litellm_params: {model: openai/stub, api_base: "http://127.0.0.1:9471/v1", api_key: none}
general_settings: {master_key: sk-bench}
"""


def run(python: Path) -> list[dict[str, Any]]:
    """Ours with LiteLLM's beside them; `python` has what requirements.txt names."""
    provider = load.provide(9471)
    secret = bench.goods(9471, 9472)
    try:
        with bench.door(9473) as pid:
            ours = {kind: bench.measured(9473, pid, _ask(kind, secret)) for kind in ("nonstream", "stream")}
        with _litellm(python) as pid:
            theirs = {kind: bench.measured(PORT, pid, _ask(kind, SECRET)) for kind in ours}
    finally:
        provider.terminate()
    rows = []
    for kind, (per_s, cpu) in ours.items():
        their_per_s, their_cpu = theirs[kind]
        rows += [
            {"name": f"gateway.{kind}_per_s", "value": round(per_s), "unit": "1/s",
             "peer": f"{PEER}, {their_per_s:.0f}/s", "ratio": round(per_s / their_per_s, 1)},
            {"name": f"gateway.{kind}_cpu_ms", "value": round(cpu, 3), "unit": "ms",
             "peer": f"{PEER}, {their_cpu:.1f} ms", "ratio": round(cpu / their_cpu, 3)}]
    return rows


def _ask(kind: str, secret: str) -> bytes:
    body = bench.BODY if kind == "nonstream" else bench.STREAM
    return load.request("/v1/chat/completions", body.encode(), secret)


@contextmanager
def _litellm(python: Path) -> Iterator[int]:
    """Its proxy with one worker; the pid that answers."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(CONFIG, encoding="utf-8")
        env = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        process = subprocess.Popen(
            [python.with_name("litellm"), "--config", config, "--host", "127.0.0.1", "--port", str(PORT),
             "--num_workers", "1", "--telemetry", "False"],
            env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(process)
            yield process.pid
        finally:
            process.terminate()
            process.wait(20)


def _wait(process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTS_S
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health/liveliness", timeout=2)
            return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("LiteLLM's proxy did not start")
