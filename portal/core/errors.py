"""What an action raises when it does not do what was asked. Nothing has changed then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# code → sentence, or (sentence, HTTP status)
Refusals = Mapping[str, "Promise | str | tuple[Promise | str, int]"]
_texts: dict[str, tuple[Promise | str, int]] = {}


def register_refusals(texts: Refusals) -> None:
    """Give codes their sentence, or (sentence, HTTP status). A room calls this in AppConfig.ready()."""
    for code, text in texts.items():
        _texts[code] = text if isinstance(text, tuple) else (text, 409)


class Refused(Exception):
    """A rule says no. `code` is stable and stored; the sentence is made when it is shown.

    Params are plain values (str, int) that the sentence names with {braces}: amounts end in `_uy`
    and are shown in yuan, banked hours end in `_cms`; what is available or the most
    (`available_…`, `most_…`) is rounded down, so that the figure shown is accepted when it is typed.
    """

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params

    @property
    def status(self) -> int:
        return _texts.get(self.code, ("", 409))[1]

    def __str__(self) -> str:
        return sentence(self.code, self.params)


class Stale(Refused):
    """Somebody else was faster: the row is no longer in the state the action began with."""

    def __init__(self, what: str = "", **params: Any) -> None:
        super().__init__("stale", what=what, **params)


def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """The words for a stored code, in the language of the moment; the bare code when nobody knows it."""
    from .words import banked, floor_fen, yuan  # words imports Django's formats; keep this module light

    text = _texts.get(code)
    if text is None:
        return code
    shown: dict[str, Any] = {}
    for key, value in (params or {}).items():
        shown[key] = value
        limit = key.startswith(("available_", "most_"))
        if key.endswith("_uy"):
            shown[key] = yuan(floor_fen(int(value)) if limit else int(value))
        elif key.endswith("_cms"):
            shown[key] = banked(int(value), "down" if limit else "up")
    try:
        return str(text[0]).format(**shown)
    except (KeyError, IndexError):
        return str(text[0])


register_refusals(
    {
        "stale": (
            _("This changed while you were looking. Load the page again and look before you repeat it."),
            409,
        )
    }
)
