"""The staff's tables of this room."""

from . import use_admin

__all__ = ["use_admin"]
