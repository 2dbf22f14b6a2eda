"""The memo of a pickle, which keeps values to be used again."""

from localmodel.pickles.values import UNKNOWN, Value


class Memo:
    """Values by number. Picklers count from 0, so that a list takes an eighth of a dictionary's memory."""

    def __init__(self, below: "Memo | None" = None) -> None:
        """Continue the memo `below` without changing it."""
        self._below = below
        self._counted: list[Value] = []
        self._others: dict[int, Value] = {}

    def __len__(self) -> int:
        return len(self._counted) + len(self._others) + (len(self._below) if self._below else 0)

    def put(self, index: int, value: Value) -> None:
        if index == len(self._counted) and self._below is None:
            self._counted.append(value)
            self._others.pop(index, None)
        elif 0 <= index < len(self._counted):
            self._counted[index] = value
        else:
            self._others[index] = value

    def get(self, index: int) -> Value:
        if 0 <= index < len(self._counted):
            return self._counted[index]
        if index not in self._others and self._below is not None:
            return self._below.get(index)
        return self._others.get(index, UNKNOWN)
