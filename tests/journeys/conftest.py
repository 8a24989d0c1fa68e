"""The whole site as `make run` starts it, and a real browser in front of it.

`manage.py serve` in a data folder of its own: web, worker, beat, PostgreSQL and Redis. The recipes' libraries are
those of SUANLI_RECIPE_PYTHON, so that nothing is downloaded by a test.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _runtime() -> Path | None:
    """The folder in which the recipes' libraries are installed, from the interpreter that the suite was given."""
    python = os.environ.get("SUANLI_RECIPE_PYTHON", "")
    root = Path(python).parents[2] if python else None
    return root if root and (root / "current").exists() else None


@dataclass(frozen=True)
class Served:
    """A running site, and manage.py beside it."""

    address: str
    env: dict[str, str] = field(repr=False)

    def manage(self, *arguments: str, timeout: float = 120) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


@pytest.fixture(scope="session")
def site(served):
    """Address of a running site."""
    return served.address


@pytest.fixture(scope="session")
def staged(served) -> dict[str, str]:
    """One thing of every kind (stage.py), by the names used there."""
    told = served.manage("shell", "--verbosity", "0", "-c", "from tests.journeys import stage; stage.main()")
    return json.loads(told.splitlines()[-1])


@pytest.fixture(scope="session")
def served():
    """`manage.py serve` with the demonstration."""
    runtime = _runtime()
    if runtime is None:
        pytest.skip("SUANLI_RECIPE_PYTHON names no installed recipe runtime (marketplace.engines.local.runtime)")
    folder = Path(tempfile.mkdtemp(prefix="suanli-journey-"))
    engine = folder / "engine"
    engine.mkdir()
    for part in runtime.iterdir():
        if part.name not in {"sites", "lock"}:
            (engine / part.name).symlink_to(part.resolve() if part.is_symlink() else part)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {
        k: v
        for k, v in os.environ.items()
        if k not in {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SUANLI_TESTING", "SECRET_KEY"}
    }
    env |= {"SUANLI_DATA": str(folder), "DEMO": "1", "DEBUG": "0", "SITE_URL": f"http://127.0.0.1:{port}"}
    log = (folder / "serve.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port)],
        cwd=ROOT,
        env=env,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, process, folder)
        yield Served(address, env)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(address: str, process: subprocess.Popen, folder: Path) -> None:
    """Until the site answers and its machine has passed its benchmark, so that something can be sold."""
    until = time.monotonic() + 180
    while time.monotonic() < until:
        assert process.poll() is None, (folder / "serve.log").read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"{address}/figures/", timeout=20) as answer:
                if b"Hall A" in answer.read():
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(1)
    raise AssertionError("the site did not open: " + (folder / "serve.log").read_text()[-3000:])


@pytest.fixture(scope="module")  # while Playwright runs, its event loop keeps Django's tests of this thread out
def chromium():
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


DEVICES = {
    "phone-en": (390, "en-US"),
    "desk-zh": (1280, "zh-CN"),
    "phone-zh": (390, "zh-CN"),
    "desk-en": (1280, "en-US"),
}
# for a main story: both widths in both languages
everywhere = pytest.mark.parametrize("page", DEVICES.values(), ids=DEVICES, indirect=True)


def watched(browser, width: int, locale: str, errors: list[str]):
    """A fresh browser whose console is listened to. A 422 is a form that was refused, as it should be."""
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=locale)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" and "422" not in m.text else None)
    page.on("pageerror", lambda e: errors.append(str(e)))
    return page


@pytest.fixture(params=[DEVICES["phone-en"], DEVICES["desk-zh"]], ids=["phone-en", "desk-zh"])
def page(request, chromium):
    """A fresh browser; any error in its console fails the test, so the strict CSP is tested on every page."""
    errors: list[str] = []
    page = watched(chromium, *request.param, errors)
    yield page
    page.context.close()
    assert not errors, errors


@pytest.fixture
def another(page, chromium):
    """A second person with a browser of the same kind."""
    errors: list[str] = []
    width = page.viewport_size["width"]
    other = watched(chromium, width, page.evaluate("navigator.language"), errors)
    yield other
    other.context.close()
    assert not errors, errors


@pytest.fixture
def chinese(page) -> bool:
    return page.evaluate("navigator.language").startswith("zh")
