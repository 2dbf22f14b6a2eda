"""What objects of a pack will take in memory, before a library unpacks them whole."""

import mmap
from typing import BinaryIO

from dulwich.object_format import SHA1
from dulwich.pack import DELTA_TYPES, read_pack_header_at, take_msb_bytes_at, unpack_object_at

from localmodel import reasons
from localmodel.errors import UserError

_LARGEST = 64 << 20
_LARGEST_SUM = 4 << 30  # a delta of a few bytes can make a file of the largest size, and a pack has many


def check(pack: BinaryIO, shown: str) -> None:
    """Check the sizes that the pack's objects will have.

    Raises:
        UserError: SourceTooLarge.
    """
    if not pack.tell():
        return
    with mmap.mmap(pack.fileno(), 0, access=mmap.ACCESS_READ) as contents:
        _, count = read_pack_header_at(contents)
        offset = 12
        total = 0
        for _ in range(count):
            head, _, _ = take_msb_bytes_at(contents, offset)
            size = _bounded(_number([head[0] & 0xF]) + (_number(head[1:]) << 4), shown)
            packed, offset = unpack_object_at(contents, offset, SHA1.hash_func)
            if packed.pack_type_num in DELTA_TYPES:
                delta = b"".join(packed.decomp_chunks)
                _, start, _ = take_msb_bytes_at(delta, 0)
                result, _, _ = take_msb_bytes_at(delta, start)
                size = _bounded(_number(result), shown)
            total += size
            if total > _LARGEST_SUM:
                raise _too_large(f"more than {_LARGEST_SUM >> 30} GiB of files; what is large", shown)


def _number(digits: list[int]) -> int:
    """A number in pieces of seven bits, the lowest first."""
    return sum((digit & 0x7F) << 7 * index for index, digit in enumerate(digits))


def _bounded(size: int, shown: str) -> int:
    if size > _LARGEST:
        raise _too_large(f"a file of {size >> 20} MiB; what is larger than {_LARGEST >> 20} MiB", shown)
    return size


def _too_large(what: str, shown: str) -> UserError:
    return UserError(reasons.SOURCE_TOO_LARGE, f"{shown}: the server sends {what} belongs into spec.models")
