"""Hashes of bytes that stay the same on all machines and for good: those that TensorFlow, and so Keras, puts words into bins by.

`fingerprint64` is FarmHash's Fingerprint64 (https://github.com/google/farmhash), `siphash64` is SipHash-2-4 with a key (Aumasson and
Bernstein, "SipHash: a fast short-input PRF", 2012), `joined64` TensorFlow's way to make one fingerprint of two.
"""

from __future__ import annotations

_ALL = 0xFFFFFFFFFFFFFFFF
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_JOIN = 0xC6A4A7935BD1E995


def _turned(value: int, right: int) -> int:
    """The low 64 bits of `value`, rotated."""
    value &= _ALL
    return (value >> right | value << (64 - right)) & _ALL


def _shifted(value: int) -> int:
    value &= _ALL
    return value ^ value >> 47


def _mixed(u: int, v: int, factor: int) -> int:
    """64 bits of two times 64."""
    a = _shifted((u ^ v) * factor)
    return _shifted(((v & _ALL) ^ a) * factor) * factor & _ALL


def _word(data: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(data[at : at + size], "little")


def fingerprint64(data: bytes) -> int:
    """FarmHash's Fingerprint64, from 0 up to 2 ** 64.

    >>> fingerprint64(b"fooBAR") == fingerprint64(b"fooBAR")
    True
    """
    size = len(data)
    if size <= 16:
        return _up_to_16(data, size)
    if size <= 64:
        return _up_to_64(data, size)
    return _longer(data, size)


def _up_to_16(data: bytes, size: int) -> int:
    factor = _K2 + 2 * size
    if size >= 8:
        a, b = _word(data, 0) + _K2, _word(data, size - 8)
        return _mixed(_turned(b, 37) * factor + a & _ALL, (_turned(a, 25) + b) * factor & _ALL, factor)
    if size >= 4:
        return _mixed(size + (_word(data, 0, 4) << 3), _word(data, size - 4, 4), factor)
    if size:
        y, z = data[0] + (data[size >> 1] << 8), size + (data[-1] << 2)
        return _shifted(y * _K2 ^ z * _K0) * _K2 & _ALL
    return _K2


def _up_to_64(data: bytes, size: int) -> int:
    factor, first = _K2 + 2 * size, _K1 if size <= 32 else _K2
    a, b = _word(data, 0) * first, _word(data, 8)
    c, d = _word(data, size - 8) * factor, _word(data, size - 16) * _K2
    y = _turned(a + b, 43) + _turned(c, 30) + d & _ALL
    z = _mixed(y, a + _turned(b + _K2, 18) + c & _ALL, factor)
    if size <= 32:
        return z
    e, f = _word(data, 16) * factor, _word(data, 24)
    g, h = (y + _word(data, size - 32)) * factor, (z + _word(data, size - 24)) * factor
    return _mixed(_turned(e + f, 43) + _turned(g, 30) + h & _ALL, e + _turned(f + a, 18) + g & _ALL, factor)


def _weak(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    """128 bits of 32 bytes and two seeds."""
    w, x, y, z = (_word(data, at + 8 * i) for i in range(4))
    a += w
    b = _turned(b + a + z, 21)
    last = a + x + y
    return last + z & _ALL, b + _turned(last, 44) + a & _ALL


def _longer(data: bytes, size: int) -> int:
    x, y = 81, 81 * _K1 + 113 & _ALL
    z = _shifted(y * _K2 + 113) * _K2 & _ALL
    v, w = (0, 0), (0, 0)
    x = x * _K2 + _word(data, 0)
    for at in range(0, (size - 1) // 64 * 64, 64):
        x, y, z, v, w = _block(data, at, x, y, z, v, w, _K1, 1)
    factor = _K1 + ((z & 0xFF) << 1)
    w = (w[0] + (size - 1 & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _block(data, size - 64, x, y, z, v, w, factor, 9)
    return _mixed(_mixed(v[0], w[0], factor) + _shifted(y) * _K0 + z & _ALL, _mixed(v[1], w[1], factor) + x & _ALL, factor)


def _block(
    data: bytes, at: int, x: int, y: int, z: int, v: tuple[int, int], w: tuple[int, int], factor: int, times: int
) -> tuple[int, int, int, tuple[int, int], tuple[int, int]]:
    """The state after 64 more bytes."""
    x = _turned(x + y + v[0] + _word(data, at + 8), 37) * factor & _ALL
    y = _turned(y + v[1] + _word(data, at + 48), 42) * factor
    x ^= w[1] * times & _ALL
    y = y + v[0] * times + _word(data, at + 40) & _ALL
    z = _turned(z + w[0], 33) * factor & _ALL
    v = _weak(data, at, v[1] * factor, x + w[0])
    w = _weak(data, at + 32, z + w[1], y + _word(data, at + 16))
    return z, y, x, v, w


def siphash64(data: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 under a key of two numbers of 64 bits."""
    k0, k1 = key[0] & _ALL, key[1] & _ALL
    state = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    whole = len(data) // 8 * 8
    blocks = [_word(data, at) for at in range(0, whole, 8)]
    for block in [*blocks, int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56]:
        state[3] ^= block
        _rounds(state, 2)
        state[0] ^= block
    state[2] ^= 0xFF
    _rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _rounds(state: list[int], count: int) -> None:
    a, b, c, d = state
    for _ in range(count):
        a, c = a + b & _ALL, c + d & _ALL
        b, d = _turned(b, 51) ^ a, _turned(d, 48) ^ c
        a = _turned(a, 32)
        a, c = a + d & _ALL, c + b & _ALL
        d, b = _turned(d, 43) ^ a, _turned(b, 47) ^ c
        c = _turned(c, 32)
    state[:] = a, b, c, d


def joined64(first: int, second: int) -> int:
    """One fingerprint of two, in their order."""
    mixed = ((first ^ _JOIN) ^ _shifted((second & _ALL) * _JOIN) * _JOIN & _ALL) * _JOIN
    return _shifted(_shifted(mixed) * _JOIN)
