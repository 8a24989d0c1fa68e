"""How Django's own tables write a moment; the same as portal.core.templatetags.suanli."""

DATETIME_FORMAT = "j F Y, H:i"
DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
