"""Randomness without state: a value is a pure function of a key and an index.

That is why a simulation needs no generator's state in its file, and why the weather of a day does not depend on when
the simulation began. The same function stands twice: for one number, and for arrays; both give the same bits.
"""

from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
Flags = NDArray[np.bool_]

_MASK: Final = (1 << 64) - 1
_UNIT: Final = 2.0**-53
_GAMMA: Final = 0x9E3779B97F4A7C15
_MIX: Final = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def key(seed: int, *names: str) -> int:
    """A key for one thing of the simulation: 64 bits from the seed and its names."""
    digest = blake2b("\0".join(names).encode(), digest_size=8, key=seed.to_bytes(8, "little", signed=True))
    return int.from_bytes(digest.digest(), "little")


def keys(numbers: list[int], plus: int = 0) -> Keys:
    """Keys as an array, all moved on to their stream `plus`."""
    return np.array([(number + plus) & _MASK for number in numbers], dtype=np.uint64)


def uniform(of: int, index: int = 0) -> float:
    """Uniform in 0 (inclusive) to 1 (exclusive); SplitMix64's finaliser (Steele, Lea and Flood 2014)."""
    x = (of + index * _GAMMA) & _MASK
    x = ((x ^ (x >> 30)) * _MIX[0]) & _MASK
    x = ((x ^ (x >> 27)) * _MIX[1]) & _MASK
    return ((x ^ (x >> 31)) >> 11) * _UNIT


def uniforms(of: Keys, index: Ints, stream: int = 0) -> Floats:
    """`uniform(of + stream, index)` for arrays that broadcast against each other; at least one dimension."""
    x = of + np.uint64(stream) + index.astype(np.uint64) * np.uint64(_GAMMA)
    x ^= x >> np.uint64(30)
    x *= np.uint64(_MIX[0])
    x ^= x >> np.uint64(27)
    x *= np.uint64(_MIX[1])
    x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(np.float64) * _UNIT


def spreads(of: Keys, index: Ints, stream: int = 0) -> Floats:
    """Triangular in -1 to 1 with mean 0, the shape of a sensor's small error."""
    return uniforms(of, 2 * index, stream) - uniforms(of, 2 * index + 1, stream)


def smooths(of: Keys, at: Floats, stream: int = 0) -> Floats:
    """A curve through one uniform value for each whole `at`, with flat tangents there; 0 to 1."""
    index = np.floor(at).astype(np.int64)
    x = at - index
    a = uniforms(of, index, stream)
    answer: Floats = a + (uniforms(of, index + 1, stream) - a) * x * x * (3 - 2 * x)
    return answer
