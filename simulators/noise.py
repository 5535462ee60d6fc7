"""Randomness without state: a value is a pure function of a key and an index.

That is why a simulation needs no generator's state in its file, and why the weather of a day does not depend on when
the simulation began.
"""

from hashlib import blake2b

_MASK = (1 << 64) - 1
_UNIT = 2.0**-64


def key(seed: int, *names: str) -> int:
    """A key for one thing of the simulation: 64 bits from the seed and its names."""
    digest = blake2b("\0".join(names).encode(), digest_size=8, key=seed.to_bytes(8, "little", signed=True))
    return int.from_bytes(digest.digest(), "little")


def uniform(of: int, index: int = 0) -> float:
    """Uniform in 0 (inclusive) to 1 (exclusive); SplitMix64's finaliser (Steele, Lea and Flood 2014)."""
    x = (of + index * 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return (x ^ (x >> 31)) * _UNIT % 1.0


def spread(of: int, index: int = 0) -> float:
    """Triangular in -1 to 1 with mean 0, the shape of a sensor's small error."""
    return uniform(of, 2 * index) - uniform(of, 2 * index + 1)


def smooth(of: int, at: float) -> float:
    """A curve through one uniform value for each whole `at`, with flat tangents there; 0 to 1."""
    index = int(at // 1)
    x = at - index
    a = uniform(of, index)
    return a + (uniform(of, index + 1) - a) * x * x * (3 - 2 * x)
