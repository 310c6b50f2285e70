"""Where a device is: ``scheme:///dev/ttyUSB0?baud=115200&key=value``, ``scheme://host:port`` over TCP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from amr.errors import PortError


@dataclass(frozen=True, slots=True)
class PortUrl:
    """One device's address."""

    text: str
    """As the person wrote it."""
    scheme: str
    path: str
    """``/dev/...``, or ``socket://host:port``: what ``open_transport`` takes."""
    options: Mapping[str, str]

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        """Option ``key`` as an integer from ``low`` to ``high``. Raises ``PortError``."""
        text = self.options.get(key)
        if text is None:
            return default
        digits = text.removeprefix("-")
        # more digits than a 64-bit number has are refused unread: int() of a long text takes its time
        if not (digits.isascii() and digits.isdigit() and len(digits) < 19 and low <= int(text) <= high):
            raise PortError(f"{self.text}: {key}={text}: expected an integer from {low} to {high}")
        return int(text)

    def positive(self, key: str, default: float) -> float:
        """Option ``key`` as a positive number up to a million. Raises ``PortError``."""
        text = self.options.get(key)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0.0 < value <= 1e6:
            raise PortError(f"{self.text}: {key}={text}: expected a positive number")
        return value

    def choice(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        """Option ``key``, one of ``choices``. Raises ``PortError``."""
        text = self.options.get(key, default)
        if text not in choices:
            raise PortError(f"{self.text}: {key}={text}: expected one of {', '.join(choices)}")
        return text

    def allow(self, *keys: str) -> None:
        """Raises ``PortError`` naming an option that is none of ``keys``."""
        for key in self.options:
            if key not in keys:
                raise PortError(f"{self.text}: no option is called {key!r}; there are: {', '.join(sorted(keys))}")


def parse_port_url(text: str) -> PortUrl:
    """The address. Raises ``PortError`` for a text that is none."""
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise PortError(f"{text}: {error}") from None
    is_path = parts.path.startswith("/") and parts.path.strip("/") != ""
    if not parts.scheme or bool(parts.netloc) == is_path or (parts.path and not parts.path.startswith("/")):
        raise PortError(f"{text}: expected scheme:///dev/... or scheme://host:port")
    given = parse_qs(parts.query, keep_blank_values=True)
    options = {key: values[-1] for key, values in given.items()}
    path = f"socket://{parts.netloc}" if parts.netloc else parts.path
    return PortUrl(text, parts.scheme, path, options)
