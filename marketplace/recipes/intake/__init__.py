"""Reads what people drop in, safely, before anything is charged.

    table = open_table(data, filename, manifest)   refuses what is no table of ours, or repairs it with a note
    for row in table:                              streaming: one line in memory
        row.line, row.text("series"), row.date("date"), row.number("value")
        raise table.refused("own_code", row, "value", limit=3)
    table.notes()                                    what was repaired

`open_source(...)` stops one step earlier, at decoded lines, for formats that are no table (TSPLIB).
Archives are never opened, formulas never kept, nothing is guessed twice: what is unclear is refused with
the line in the customer's own file and what to do. One thing is guessed, and said before anything is paid: that
the only column of numbers nobody knows is the one of a manifest's column that is_guessable.
"""

from marketplace.recipes.intake.cells import Moment, is_formula, parse_moment, parse_number
from marketplace.recipes.intake.header import normal
from marketplace.recipes.intake.source import Source, open_source
from marketplace.recipes.intake.table import Row, Table, open_table

__all__ = [
    "Moment",
    "Row",
    "Source",
    "Table",
    "is_formula",
    "normal",
    "open_source",
    "open_table",
    "parse_moment",
    "parse_number",
]
