"""A supervisor with parts that do next to nothing; a program for test_supervisor.py.

    python parts.py FOLDER [part ...]
"""

import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from portal.embedded.supervisor import Part, Place, Supervisor


def steady(ready):
    ready()
    print("steady runs")
    time.sleep(1000)


def stubborn(ready):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("stubborn runs")
    ready()
    time.sleep(1000)


def dying(ready):
    print("dying runs")
    sys.exit(3)


def refusing(ready):
    sys.exit("there is no sandbox here")


def finishing(ready):
    print("finishing runs")


def noisy(ready):
    for n in range(20_000):
        print(f"line {n} " + "x" * 50)
    ready()
    time.sleep(1000)


if __name__ == "__main__":
    place = Place(Path(sys.argv[1]), address="http://here/")
    place.take()
    supervisor = Supervisor(place, until_parent_ends="--child" in sys.argv)
    for name in sys.argv[2:]:
        if name == "--child":
            continue
        part = Part(name, globals()[name], once=name == "finishing")
        supervisor.start(part, lambda n=name: print(f"{n} is ready"))
    supervisor.run()
    print("stopped")
