"""The market of the marketplace's tests, for pages that stand above it."""

from tests.marketplace.conftest import cpu, funded, market, needs_sandbox

__all__ = ["cpu", "funded", "market", "needs_sandbox"]
