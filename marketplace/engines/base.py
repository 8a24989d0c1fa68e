"""The contract between the portal and an engine: what goes in, what comes out, what may go wrong.

Everything is frozen and plain. Units are at the end of names: `_s`, `_ms`, `_mb` (2^20 bytes), `_bytes`;
`core_ms` is cores x elapsed milliseconds, the counter that is billed; `cpu_ms` is what the processors
really did. Times are aware datetimes in UTC of the real clock.

A work's `key` is the idempotency key, the native name and what every other verb asks by: it must be
unique for ever, across tenants and sites (the allocation's public id).

The program's side of the contract is in `marketplace/recipes/base.py`: WORK in its environment,
`$WORK/<file>`, `$WORK/params.json`, `$WORK/progress.jsonl`, `$WORK/out/`; CORES, MEMORY_MB and WALL_S
are in its environment too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

State = Literal["unknown", "waiting", "running", "succeeded", "failed", "stopped"]

# Why a work ended other than by succeeding (`Status.reason`, empty otherwise):
#   oom      used more memory than it bought            wall   ran longer than wall_s
#   cpu      used more processor time than cpu_limit_ms exit   the program left with another code than 0
#   lost     the engine's own process died              sandbox  the sandbox could not be built
#   stopped  by stop()
# oom, wall, cpu and exit are the work's own doing; lost and sandbox are the platform's.
REASONS = ("oom", "wall", "cpu", "exit", "lost", "sandbox", "stopped")
FINAL: frozenset[str] = frozenset({"succeeded", "failed", "stopped"})

BENCHMARK_PROGRAM = Path(__file__).parent / "local" / "benchmark.py"
BENCHMARK_DIGEST = "169b3013bfa990c3d735bdb1cb2dea067857bee723dd321cbada4b361cfde242"  # of every result
# Operations of benchmark.py per processor-second that count as one ordinary core (class CH:CPU).
# Source: measured in the sandbox on two-core cloud machines (Debian 12, Python 3.11): 270 on one, 401 to 426 on
# another, whose neighbours changed it by a twentieth. A third of the slower one, so that an older machine or one
# that shares its silicon passes, and a phone does not. `pytest tests/engines/test_benchmark.py -s` measures again.
REFERENCE_SCORE = 90


@dataclass(frozen=True)
class SiteRef:
    """A site as an engine sees it.

    key: the site's public id; engine: name for `engines.get`; settings: the engine's own. Local:
      root       folder of the site, absolute, on a local disk
      cores      int >= 1, sold at this site
      memory_mb  int, sold at this site
      runtime    python with the recipes' libraries (`runtime.python(folder)`); absent: no libraries
      disk_mb    optional, scratch and results of one work (1024)
      sandbox    optional: "bubblewrap" | "namespaces", instead of the best that works here
      cgroup     optional: "none" | mount point, instead of the one found
    """

    key: str
    engine: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """One run of one program. `files`: plain name in $WORK -> content, or the file to copy it from."""

    key: str
    tenant: str
    program: Path
    files: Mapping[str, bytes | Path] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    cores: int = 1
    memory_mb: int = 512
    wall_s: int = 60
    cpu_limit_ms: int | None = None  # None: cores x wall_s
    network: bool = False


@dataclass(frozen=True)
class Capacity:
    """What the site has now. `reason` (a code) and `params` say why it is not ready."""

    cores_total: int
    cores_free: int
    memory_mb: int
    ready: bool
    reason: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Feasibility:
    """Whether such a work can ever run here, and within how many seconds it starts at the latest."""

    feasible: bool
    earliest_in_s: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Started:
    """`already`: an earlier start with this key made it."""

    native_id: str
    already: bool


@dataclass(frozen=True)
class Status:
    """Where a work stands. While it runs `core_ms` and `cpu_ms` are live readings; at the end they equal
    its usage record. `progress` holds the newest lines of $WORK/progress.jsonl, capped."""

    state: State
    reason: str = ""
    exit_code: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    progress: list[dict[str, Any]] = field(default_factory=list)
    native_id: str = ""
    cores: int = 0
    core_ms: int = 0
    cpu_ms: int = 0
    mem_peak_bytes: int = 0

    @property
    def final(self) -> bool:
        return self.state in FINAL


@dataclass(frozen=True)
class Usage:
    """What one ended work used: written once, never changed. `seq` counts up from 1 without gaps."""

    seq: int
    key: str
    native_id: str
    started_at: datetime
    ended_at: datetime
    core_ms: int
    cpu_ms: int
    mem_peak_bytes: int


@dataclass(frozen=True)
class Protection:
    """How works are kept apart here, as codes for a page (`sandbox` is empty if there is none).

    enforced: filesystem network own_uid nested_namespaces memory cores processes disk wall cpu_time
    missing:  the same codes where the machine does not allow it, and always system_call_filter and
              own_kernel. `memory`, `cores`, `processes` missing: memory is sampled ten times a second
              and processor time limited, instead of being capped by the kernel.
    """

    sandbox: str
    enforced: tuple[str, ...]
    missing: tuple[str, ...]
    metered_by: str  # "cgroup" | "sampling" | ""


@dataclass(frozen=True)
class Abilities:
    """What an engine can do at all; the portal offers nothing that is false here."""

    can_reserve: bool
    can_quote_start: bool
    can_update_limits: bool
    kills_at_limit: bool
    limit_granularity_s: int
    max_overshoot_ms: int  # past wall_s, and past cpu_limit_ms for each core


class EngineUnavailable(Exception):
    """The site does not answer, or not yet: try again later. Nothing was started by this call,
    or if it was, the same key finds it."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        return f"{self.code} {self.params}" if self.params else self.code


class WorkRefused(Exception):
    """This work will never run here as it is. Codes: no_sandbox bad_key bad_limits bad_file too_large
    too_many_cores too_much_memory network_not_offered key_taken already_ended."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        return f"{self.code} {self.params}" if self.params else self.code


class Engine(ABC):
    """The verbs. Every one may raise EngineUnavailable; each is safe to repeat."""

    name: str
    abilities: Abilities

    def machine_cores(self) -> int | None:
        """Cores of the machine that new sites of this engine stand on; None where it does not know."""
        return None

    @abstractmethod
    def capacity(self, site: SiteRef) -> Capacity:
        """What the site has, what is free now, and whether it is ready to work."""

    @abstractmethod
    def capabilities(self, site: SiteRef) -> Protection:
        """How works are kept apart and limited at this site."""

    @abstractmethod
    def quote(self, site: SiteRef, cores: int, wall_s: int) -> Feasibility:
        """Whether and when such a work could start. Promises nothing."""

    @abstractmethod
    def start(self, site: SiteRef, work: Work) -> Started:
        """Make the work exist, exactly once for its key. Raises WorkRefused."""

    @abstractmethod
    def check(self, site: SiteRef, key: str) -> Status:
        """Where it stands. Also mends: a work whose engine process died is ended here."""

    @abstractmethod
    def usage(self, site: SiteRef, since_seq: int) -> tuple[list[Usage], int]:
        """The records after the watermark, oldest first, and the next watermark. Every ended work has
        exactly one record, also one that never ran (zeros). At most 1,000 a call."""

    @abstractmethod
    def stop(self, site: SiteRef, key: str) -> Status:
        """End it if it has not ended; what it used so far is recorded. Unknown keys are no error."""

    @abstractmethod
    def log(self, site: SiteRef, key: str, offset: int = 0) -> tuple[str, int]:
        """The program's output from a byte offset, at most 64 KiB, and the next offset."""

    @abstractmethod
    def results(self, site: SiteRef, key: str) -> list[tuple[str, Path, int]]:
        """The regular files it left under out/: name inside out/, where it lies, bytes."""

    @abstractmethod
    def forget(self, site: SiteRef, key: str) -> None:
        """Stop it if need be and remove its files. Its usage record stays; its key cannot start again."""
