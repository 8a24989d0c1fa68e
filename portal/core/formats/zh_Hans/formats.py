"""How Django's own tables write a moment; the same as portal.core.templatetags.suanli."""

DATETIME_FORMAT = "Y 年 n 月 j 日 H:i"
DATE_FORMAT = "Y 年 n 月 j 日"
TIME_FORMAT = "H:i"
