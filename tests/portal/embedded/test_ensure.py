"""What a process sees that calls `ensure`: in Pythons of their own, because it changes the environment."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from portal import embedded

from .conftest import ROOT, gone, until

pytestmark = pytest.mark.slow
SAY = "import os; from portal import embedded; embedded.ensure(); "


def popen(env: dict[str, str], code: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def user_of(env: dict[str, str], code: str = SAY) -> subprocess.Popen:
    """A process that uses the services until it is sent a line."""
    user = popen(env, code + "print('up', flush=True); input()")
    assert user.stdout.readline() == "up\n"
    return user


def alive(folder) -> list[bool]:
    return [each.alive() for each in embedded.services(folder)]


def test_it_sets_the_urls_and_the_last_user_stops_the_services(folder, python):
    said = python(SAY + "print(os.environ['DATABASE_URL'], os.environ['DATABASE_OWNER_URL'], "
                        "os.environ['REDIS_URL'], len(os.environ['SECRET_KEY']))").split()
    assert said[0].startswith("postgresql://suanli:")
    assert said[1].startswith("postgresql://suanli_owner:")
    assert said[2].startswith("unix:///")
    assert int(said[3]) >= 48
    assert alive(folder) == [False, False]


def test_the_services_stay_while_somebody_uses_them(folder, bare, python):
    user = user_of(bare)
    python(SAY)
    assert alive(folder) == [True, True]
    user.communicate("\n", timeout=30)
    assert alive(folder) == [False, False]


def test_four_starts_at_once_share_one_database(folder, bare):
    users = [popen(bare, SAY + "print(os.environ['DATABASE_URL'], flush=True); input()") for _ in range(4)]
    assert len({user.stdout.readline() for user in users}) == 1
    for user in users:
        _, errors = user.communicate("\n", timeout=60)
        assert user.returncode == 0, errors
    assert alive(folder) == [False, False]


def test_a_user_that_is_killed_leaves_a_database_that_the_next_one_takes_over(folder, bare, python):
    user = user_of(bare)
    user.send_signal(signal.SIGKILL)
    user.communicate()
    assert alive(folder) == [True, True]
    python(SAY)
    assert alive(folder) == [False, False]


def test_a_killed_test_run_is_cleaned_up_by_the_next(folder, bare, python):
    code = SAY.replace("ensure()", "ensure(durable=False)")
    user = user_of(bare, code)
    home = (folder / "services").resolve()
    pids = [each.pid() for each in embedded.services(folder, durable=False)]
    user.send_signal(signal.SIGKILL)
    user.communicate()
    python(code, SUANLI_DATA=f"{folder}/next")
    assert not home.exists()
    until(lambda: all(gone(pid) for pid in pids), 10, "the services of the killed run have ended")


def test_a_fresh_data_folder_never_meets_an_old_database(folder, python):
    make = SAY + (
        "import psycopg\nwith psycopg.connect(os.environ['DATABASE_OWNER_URL']) as c:"
        " c.execute('CREATE TABLE old (n int)')"
    )
    python(make)
    old = (folder / "services").resolve()
    (folder / "services").rename(folder / "before")
    python(make)
    shutil.rmtree(old, ignore_errors=True)


def test_with_both_urls_given_nothing_is_started(folder, python):
    given = {"DATABASE_URL": "postgresql://127.0.0.1/x", "REDIS_URL": "redis://127.0.0.1/0"}
    said = python(SAY + "print(os.environ['DATABASE_URL'], embedded.running())", **given)
    assert said == "postgresql://127.0.0.1/x []"
    assert list(folder.iterdir()) == []


def test_with_one_url_given_only_the_other_is_started(folder, python):
    said = python(SAY + "print(os.environ.get('DATABASE_URL'), [s.name for s in embedded.running()])",
                  REDIS_URL="redis://127.0.0.1/0")
    assert said.endswith("['PostgreSQL']")
    assert not embedded.services(folder)[1].folder.exists()


def test_a_data_folder_that_cannot_be_made_is_said_in_a_sentence(manage):
    done = manage("check", SUANLI_DATA="/proc/suanli")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr


def test_a_folder_of_somebody_else_is_refused(folder, python):
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder of somebody else")
    (folder / "services").mkdir()
    os.chown(folder / "services", 65534, 65534)
    said = python(
        "from portal import embedded\ntry: embedded.ensure()\nexcept embedded.ServiceError as e: print(e)"
    )
    assert "is used by" in said
