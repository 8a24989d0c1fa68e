"""What any Django user types first, on a machine where nothing is set."""

import subprocess
import sys
import urllib.request

import pytest

from .conftest import ROOT, until
from .test_serve import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_migrate_createsuperuser_shell_and_runserver_work(folder, bare, manage):
    assert (done := manage("migrate", "-v0")).returncode == 0, done.stderr
    done = manage("createsuperuser", "--noinput", "--email", "chief@suanli.test",
                  DJANGO_SUPERUSER_PASSWORD="a long enough one")
    assert done.returncode == 0, done.stderr
    say = "from portal.accounts.models import User; print(User.objects.get().email)"
    done = manage("shell", "-c", say)
    assert done.stdout.splitlines()[-1:] == ["chief@suanli.test"], done.stderr

    port = free_port()
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([sys.executable, "manage.py", "runserver", str(port)], cwd=ROOT, env=bare,
                                  stdout=log, stderr=log)
    try:
        until(lambda: _status(port, "/accounts/login/") == 200, 40, (folder / "log").read_text())
        assert _status(port, "/static/css/suanli.css") == 200
    finally:
        server.terminate()
        server.wait(20)


def _status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status
    except OSError:
        return 0
