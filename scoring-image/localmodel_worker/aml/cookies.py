"""The value of a Set-Cookie header."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import format_datetime, formatdate
from http.cookies import CookieError, SimpleCookie
from typing import Any


def cookie_header(name: str, value: str, attributes: Mapping[str, Any]) -> str:
    """The cookie with the attributes (by their names in lower case) that are neither None nor False.

    Raises:
        ValueError: a name or value cannot stand in a cookie.
    """
    cookie = SimpleCookie()
    try:
        cookie[name] = value
        for attribute, setting in attributes.items():
            if setting is not None and setting is not False:
                cookie[name][attribute] = _date(setting) if attribute == "expires" else setting
            # Attributes are not quoted: what follows a semicolon would be one more of them.
            if ";" in str(setting):
                raise ValueError(f"cookie {name!r}: {attribute} must not have a semicolon")
        return cookie[name].OutputString()
    except CookieError as error:
        raise ValueError(f"cookie {name!r}: {error}") from error


def _date(setting: Any) -> str:
    if isinstance(setting, datetime):
        aware = setting if setting.tzinfo else setting.replace(tzinfo=timezone.utc)
        return format_datetime(aware.astimezone(timezone.utc), usegmt=True)
    return formatdate(setting, usegmt=True) if isinstance(setting, (int, float)) else str(setting)
