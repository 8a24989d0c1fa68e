"""What the door answers besides what a provider said: errors in OpenAI's shape. Pure.

402 where money is missing: official clients repeat 408, 409, 429 and 5xx by themselves, but not 402.
"""

from __future__ import annotations

import json
from typing import Any

NOTHING = "Nothing was charged."


class Trouble(Exception):
    """Answered to the caller as an error body. `retry_after`: seconds, for a Retry-After header.

    The message ends with what happened to the money: nothing, unless it was `charged`.
    """

    def __init__(self, status: int, code: str, message: str, *, param: str | None = None, retry_after: int = 0,
                 charged: bool = False) -> None:
        super().__init__(message)
        self.status, self.code = status, code
        self.message = message if charged else f"{message} {NOTHING}"
        self.param, self.retry_after = param, retry_after

    def body(self) -> bytes:
        return error_body(self.status, self.code, self.message, self.param)


KINDS = {401: "authentication_error", 402: "insufficient_quota", 403: "permission_error", 404: "not_found_error",
         413: "invalid_request_error", 429: "rate_limit_error"}


def error_body(status: int, code: str, message: str, param: str | None = None) -> bytes:
    kind = KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    return dump({"error": {"message": message, "type": kind, "param": param, "code": code}})


def dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def bad_key() -> Trouble:
    return Trouble(
        401, "invalid_api_key", "This key is not valid: it is mistyped, revoked or expired.")


def store_down() -> Trouble:
    return Trouble(
        503, "unavailable", "The gateway cannot reserve money just now. Try again.", retry_after=2)


def short(left_uy: int, least_uy: int) -> Trouble:
    return Trouble(
        402, "insufficient_quota",
        f"Not enough money for this call: it needs at least CNY {least_uy / 1e6:.6f}, CNY {left_uy / 1e6:.6f} is free. "
        "Top up the wallet or ask for a shorter output.")
