"""What a program sees of the machine it runs on: nothing that is not its own.

Asked from inside, by programs that try; in every combination of sandbox and limits.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from marketplace.engines.local import sandbox

pytestmark = pytest.mark.sandbox


def told(place, program: str, **fields):
    """What the program printed as JSON in its last line."""
    key = place.start(program, **fields)
    status = place.end_of(key)
    assert status.state == "succeeded", place.log(key)
    return json.loads(place.log(key).splitlines()[-1])


def test_no_file_of_the_host_is_seen(any_place, tmp_path, request):
    (tmp_path / "secret").write_text("secret")
    (any_place.folder / "data").mkdir()
    paths = [
        str(tmp_path / "secret"),
        str(tmp_path),
        str(any_place.root),
        str(any_place.folder / "data"),
        str(sandbox.PROJECT / "marketplace"),
        str(sandbox.PROJECT / "manage.py"),
        str(Path(request.fspath)),
        "/etc/shadow",
        "/etc/hostname",
        "/home",
        "/var",
        "/var/tmp",
        "/run",
        "/sys",
        "/mnt",
        "/boot",
        "/root/.ssh",
        "/root/.bashrc",
        os.environ.get("SUANLI_DATA", "/var/tmp"),  # the database and its socket, when the whole suite runs
    ]
    seen = told(
        any_place,
        """
        import json, os
        paths = json.load(open("/work/params.json"))["paths"]
        print(json.dumps([p for p in paths if os.path.lexists(p)]))
        """,
        params={"paths": paths},
    )
    assert seen == []


def test_the_root_and_the_work_folder_hold_what_they_should(any_place):
    root, work, mounts = told(
        any_place,
        """
        import json, os
        mounts = [line.split()[3:5] for line in open("/proc/self/mountinfo")]
        print(json.dumps([sorted(os.listdir("/")), sorted(os.listdir("/work")), mounts]))
        """,
        files={"input.csv": b"1"},
    )
    python = sandbox.interpreter(None)
    allowed = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "proc", "dev", "tmp", "work"}
    assert set(root) <= allowed | {Path(python.base_prefix).parts[1]}
    assert work == ["input.csv", "out", "params.json", "program.py"]
    assert not [m for m in mounts if str(any_place.folder) in " ".join(m)], (
        "not even the path of a data folder"
    )


def test_only_the_interpreter_and_the_libraries_are_shown(make_any_place, tmp_path):
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    libraries = next(home.glob("lib/python*/site-packages"))
    (libraries / "ours.py").write_text("answer = 42")
    (home / "secret").write_text("secret")
    place = make_any_place(runtime=str(home / "bin" / "python"))
    seen = told(
        place,
        """
        import json, os, sys, ours
        home = json.load(open("/work/params.json"))["home"]
        try:
            open(ours.__file__, "a")
            wrote = True
        except OSError:
            wrote = False
        print(json.dumps([ours.answer, os.path.lexists(home), os.listdir("/opt"), wrote, sys.executable]))
        """,
        params={"home": str(home)},
    )
    base = sandbox.interpreter(str(home / "bin" / "python"))
    assert seen == [42, False, ["libraries-1"], False, base.executable]


def test_a_checkout_beneath_usr_is_masked(tmp_path):
    stage = type("FakeStage", (), {"quota": tmp_path, "work": tmp_path, "bind": lambda s, p: str(p)})()
    stage.text = lambda name, content: f"/{name}"
    python = sandbox.Interpreter(
        "/usr/src/app/py/bin/python", "/usr/src/app/py", ["/usr/src/app/data/site-packages"]
    )
    steps = sandbox.plan(stage, python, [Path("/usr/src/app/data"), Path("/usr/src/app"), Path("/srv/x")])
    kinds = [s for s in steps if s[-1].startswith(("/usr/src", "/opt"))]
    assert kinds == [
        ("mask", "/usr/src/app/data"),
        ("mask", "/usr/src/app"),
        ("ro", "/usr/src/app/py", "/usr/src/app/py"),
        ("ro", "/usr/src/app/data/site-packages", "/opt/libraries-1"),
        ("seal", "/usr/src/app/data"),
        ("seal", "/usr/src/app"),
    ]


def test_there_is_no_network_and_no_socket_of_the_host(any_place, tmp_path):
    path = str(tmp_path / "s.PGSQL.5432")
    with (
        socket.socket() as tcp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        tcp.bind(("127.0.0.1", 0))
        unix.bind(path)
        abstract.bind(f"\0engines-test-{os.getpid()}")
        for s in (tcp, unix, abstract):
            s.listen()
        addresses = {"tcp": tcp.getsockname()[1], "unix": path, "abstract": f"engines-test-{os.getpid()}"}
        reached, devices = told(
            any_place,
            """
            import json, socket
            at = json.load(open("/work/params.json"))
            tries = [
                (socket.AF_INET, ("127.0.0.1", at["tcp"])),
                (socket.AF_INET, ("1.1.1.1", 53)),
                (socket.AF_UNIX, at["unix"]),
                (socket.AF_UNIX, "\\0" + at["abstract"]),
            ]
            reached = []
            for family, address in tries:
                with socket.socket(family) as s:
                    s.settimeout(1)
                    try:
                        s.connect(address)
                        reached.append(str(address))
                    except OSError:
                        pass
            devices = [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line]
            print(json.dumps([reached, devices]))
            """,
            params=addresses,
        )
    assert reached == []
    assert devices == ["lo"]


def test_no_secret_of_the_environment_comes_in(any_place, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://owner:hunter2@db/suanli")
    everything = told(
        any_place,
        """
        import json, os
        found = [f"{k}={v}" for k, v in os.environ.items()]
        for pid in filter(str.isdigit, os.listdir("/proc")):
            for name in ("environ", "cmdline"):
                try:
                    found.append(open(f"/proc/{pid}/{name}", errors="replace").read())
                except OSError:
                    pass
        print(json.dumps(found))
        """,
    )
    assert "hunter2" not in str(everything)
    assert "DATABASE_URL" not in str(everything)


def test_other_processes_are_out_of_sight_and_reach(any_place):
    pids, killed, descriptors = told(
        any_place,
        """
        import json, os
        pids = sorted(int(p) for p in os.listdir("/proc") if p.isdigit())
        try:
            os.kill(json.load(open("/work/params.json"))["pid"], 0)
            killed = True
        except ProcessLookupError:
            killed = False
        descriptors = []
        for pid in pids:
            try:
                descriptors += [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
            except OSError:
                pass
        print(json.dumps([pids, killed, descriptors]))
        """,
        params={"pid": os.getpid()},
    )
    assert len(pids) <= 3
    assert not killed
    inherited = [d for d in descriptors if not d.startswith(("pipe:", "/dev/null", "/proc", "anon_inode:"))]
    assert inherited == []


def test_it_has_no_privileges_and_cannot_get_any(any_place):
    facts = told(
        any_place,
        """
        import ctypes, json, os
        libc = ctypes.CDLL(None, use_errno=True)
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        tried = {
            "user namespace": libc.unshare(0x10000000),
            "mount": libc.mount(b"none", b"/tmp", b"tmpfs", 0, b""),
            "remount": libc.mount(b"none", b"/usr", b"", 0x20 | 0x1000, b""),
            "setuid": libc.setuid(0),
            "host name": libc.sethostname(b"x", 1),
        }
        for path in ("/x", "/usr/x", "/etc/passwd", "/dev/x", "/proc/sys/kernel/core_pattern"):
            try:
                open(path, "a").close()
                tried[path] = 0
            except OSError:
                tried[path] = -1
        caps = [int(status[n].strip(), 16) for n in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
        print(json.dumps([tried, caps, status["NoNewPrivs"].strip(), status["Groups"].split(), os.getuid()]))
        """,
    )
    tried, caps, no_new_privileges, groups, uid = facts
    assert [name for name, result in tried.items() if result == 0] == []
    assert caps == [0] * 5
    assert no_new_privileges == "1"
    if os.geteuid() == 0:
        assert groups == []
        assert uid >= 1_900_000_000


def test_tenant_b_sees_nothing_of_tenant_a(any_place):
    a = any_place.start(
        """
        import pathlib, time
        for folder in ("/work", "/work/out", "/tmp", "/dev/shm"):
            pathlib.Path(folder, "a-was-here").write_text("trade secret")
        print("up", flush=True)
        time.sleep(30)
        """,
        tenant="jiangnan",
        key="alc_of_a",
        files={"input.csv": b"trade secret"},
    )
    any_place.until_it_says(a, "up")
    found = told(
        any_place,
        """
        import json, os
        found = []
        for top in ("/work", "/tmp", "/dev", "/etc", "/root", "/var", "/run", "/home"):
            for at, folders, files in os.walk(top):
                found += [f for f in files + folders if "a-was-here" in f or "alc_of_a" in f]
        text = " ".join(open(f"/proc/{p}/cmdline").read() for p in os.listdir("/proc") if p.isdigit())
        print(json.dumps([found, "alc_of_a" in text, open("/proc/self/mountinfo").read().count("alc_of_a")]))
        """,
        tenant="yongli",
    )
    assert found == [[], False, 0]
    assert any_place.check(a).state == "running"


def test_links_and_devices_in_out_are_not_followed(any_place, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    key = any_place.start(
        """
        import json, os
        secret = json.load(open("/work/params.json"))["secret"]
        os.chdir("/work/out")
        open("good.csv", "w").write("a,b")
        os.mkdir("sub")
        open("sub/also.csv", "w").write("c")
        os.symlink(secret, "link.csv")
        os.symlink("/", "all")
        os.symlink("../..", "sub/up")
        os.mkfifo("pipe")
        os.symlink(secret, "/work/progress.jsonl")
        os.makedirs("a/b/c/d/e/f")
        open("a/b/c/d/e/f/deep", "w").write("x")
        open(b"bad\\xff.csv", "w").write("x")
        open("new\\nline.csv", "w").write("x")
        """,
        params={"secret": str(secret)},
    )
    status = any_place.end_of(key)
    kept = any_place.engine.results(any_place.site, key)
    assert [(name, size) for name, _, size in kept] == [("good.csv", 3), ("sub/also.csv", 1)]
    assert all(path.read_text() != "secret" for _, path, _ in kept)
    assert status.progress == []
    assert "not kept: link.csv" in any_place.log(key)


def test_out_itself_may_not_be_a_link(any_place):
    key = any_place.start("import os; os.rmdir('/work/out'); os.symlink('/etc', '/work/out')")
    assert any_place.end_of(key).state == "succeeded"
    assert any_place.engine.results(any_place.site, key) == []


def test_a_customers_file_cannot_pose_as_a_library(any_place):
    seen = told(
        any_place,
        "import csv, json; print(json.dumps(csv.__file__.startswith('/work')))",
        files={"csv.py": b"raise SystemExit(9)", "json.py": b"raise SystemExit(9)"},
    )
    assert seen is False
