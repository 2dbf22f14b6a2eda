"""Aliases: movable names of versions, such as a model's `champion`."""

import re
from typing import Any

from localmodel import digests, reasons
from localmodel.disk import state_file
from localmodel.errors import UserError
from localmodel.store.records import Records

_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")


class Aliases:
    """The aliases of one kind of records: one file for each name, replaced atomically."""

    def __init__(self, records: Records[Any]) -> None:
        self._records = records

    def of(self, name: str) -> dict[str, int]:
        """The name's aliases and their versions, without aliases of removed versions."""
        numbers = set(self._records.numbers(name))
        return {alias: number for alias, number in self._read(name).items() if number in numbers}

    def version(self, name: str, alias: str) -> int:
        """The number of the version that the alias names.

        Raises:
            UserError: AliasNotFound, StoreMissing, or the kind's `not_found`.
        """
        self._records.get(name)
        aliases = self.of(name)
        if alias not in aliases:
            names = ", ".join(sorted(aliases)) or "none"
            raise UserError(reasons.ALIAS_NOT_FOUND, f"{name} has no alias {alias}; its aliases: {names}")
        return aliases[alias]

    def set(self, name: str, alias: str, number: int) -> None:
        """Let the alias name this version.

        Raises:
            UserError: AliasInvalid.
        """
        if not _ALIAS.fullmatch(alias) or alias == "latest":
            raise UserError(
                reasons.ALIAS_INVALID,
                f"alias {alias!r}: letters, digits, '.', '_' and '-', at most 64, starting with a letter; "
                "'latest' always names the latest version",
            )
        with self._records.alone(name):
            self._write(name, {**self.of(name), alias: number})

    def remove(self, name: str, alias: str) -> None:
        """Remove the alias.

        Raises:
            UserError: the errors of `version()`.
        """
        self.version(name, alias)
        with self._records.alone(name):
            self._write(name, {other: number for other, number in self.of(name).items() if other != alias})

    def _read(self, name: str) -> dict[str, int]:
        path = self._records.folder(name) / "aliases"
        do = f"remove it, and name the aliases of {name} again (lmd model alias)"
        return state_file.read(path, dict[str, int], do) or {}

    def _write(self, name: str, aliases: dict[str, int]) -> None:
        self._records.set_aliases(name, digests.canonical_json(aliases))
