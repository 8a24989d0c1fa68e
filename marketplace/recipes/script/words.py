"""What the check of a script says, by code; shaped as marketplace/recipes/words.py."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = tuple[str | Promise, str | Promise]

REFUSALS: dict[str, Words] = {
    "script_not_utf8": (
        _("The script is not written in UTF-8."),
        _("Save it as UTF-8 in your editor (its first line must not say otherwise), then drop it in again."),
    ),
    "script_syntax": (
        _("Line %(line)s is not valid Python: %(message)s."),
        _("Correct that line; `python -m py_compile yourscript.py` shows the same."),
    ),
    "script_too_deep": (
        _("The script is nested too deeply to be read."),
        _("Move the long data out of the program text."),
    ),
    "script_import": (
        _("Line %(line)s imports “%(module)s”, which is not there."),
        _("There are the standard library and %(there)s: do without it, or bring the code in the script."),
    ),
}

NOTES: dict[str, str | Promise] = {}
