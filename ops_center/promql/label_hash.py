"""Prometheus' hash of a label set, by which `limit_ratio` chooses; knows nothing of series or expressions.

xxHash64 (Y. Collet, seed 0) over the labels in order: each name and value led by its length, as in Prometheus' `stringlabels`.
"""

from __future__ import annotations

from ops_center.label_sets import Labels

_ONE, _TWO, _THREE = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_FOUR, _FIVE = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_MASK = (1 << 64) - 1
LARGEST = float(_MASK)


def _turn(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _round(lane: int, word: int) -> int:
    return _turn((lane + word * _TWO) & _MASK, 31) * _ONE & _MASK


def _long(data: bytes) -> tuple[int, int]:
    """The hash of all whole 32 bytes, and how many bytes those are."""
    lanes = [(_ONE + _TWO) & _MASK, _TWO, 0, -_ONE & _MASK]
    end = len(data) // 32 * 32
    for at in range(0, end, 8):
        lane = at // 8 % 4
        lanes[lane] = _round(lanes[lane], int.from_bytes(data[at : at + 8], "little"))
    total = sum(_turn(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
    for lane in lanes:
        total = ((total ^ _round(0, lane)) * _ONE + _FOUR) & _MASK
    return total, end


def xxh64(data: bytes) -> int:
    """xxHash64 with seed 0."""
    total, at = _long(data) if len(data) >= 32 else (_FIVE, 0)
    total = (total + len(data)) & _MASK
    while at + 8 <= len(data):
        total ^= _round(0, int.from_bytes(data[at : at + 8], "little"))
        total, at = (_turn(total, 27) * _ONE + _FOUR) & _MASK, at + 8
    if at + 4 <= len(data):
        total ^= int.from_bytes(data[at : at + 4], "little") * _ONE & _MASK
        total, at = (_turn(total, 23) * _TWO + _THREE) & _MASK, at + 4
    for byte in data[at:]:
        total = _turn(total ^ (byte * _FIVE & _MASK), 11) * _ONE & _MASK
    total = (total ^ (total >> 33)) * _TWO & _MASK
    total = (total ^ (total >> 29)) * _THREE & _MASK
    return total ^ (total >> 32)


def _sized(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    size = bytes([len(raw)]) if len(raw) < 255 else b"\xff" + len(raw).to_bytes(3, "little")
    return size + raw


def hash_share(labels: Labels) -> float:
    """Where a label set lies in 0…1 by its hash."""
    return xxh64(b"".join(_sized(part) for pair in labels for part in pair)) / LARGEST
