"""State trees: walked, copied, written as bytes, and put back."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr.errors import DataError
from amr.geometry import Pose2
from amr.messages import Goal, LinkState, McuState, StopReason
from amr.runtime.files import load_robot
from amr.runtime.snapshot import decode, encode
from amr.state import ComponentState, restore_into, tree_of

NUMBERS = st.floats(allow_nan=True, width=64)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**80), 2**80),
    NUMBERS,
    st.text(max_size=8),
    st.binary(max_size=8),
    st.sampled_from([McuState.ARMED, LinkState.UP, StopReason.OBSTACLE]),
    st.builds(Pose2, NUMBERS, NUMBERS, NUMBERS),
    st.builds(Goal, NUMBERS, NUMBERS, st.none() | NUMBERS, NUMBERS),
)
KEYS = st.one_of(st.text(max_size=4), st.integers(), st.tuples(st.integers(), st.text(max_size=2)))
TREES = st.recursive(
    LEAVES,
    lambda part: st.one_of(
        st.lists(part, max_size=4),
        st.lists(part, max_size=4).map(tuple),
        st.dictionaries(KEYS, part, max_size=4),
        st.lists(part, max_size=3).map(lambda parts: deque(parts, 7)),
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_any_tree_survives_encoding_to_the_bit(tree: Any) -> None:
    twin = decode(encode(tree))
    assert encode(twin) == encode(tree)
    assert repr(twin) == repr(tree)
    assert type(twin) is type(tree)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "u8", "?", "i8", "c16"])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (3, 4), (2, 0, 3)])
def test_arrays_keep_type_shape_and_bits(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.frombuffer(np.random.default_rng(1).bytes(800), np.uint8)[: math.prod(shape) * np.dtype(dtype).itemsize]
    array = (array % 2 if dtype == "?" else array).view(dtype).reshape(shape)
    for variant in (array.copy(), np.asfortranarray(array)):
        twin = decode(encode({"a": variant}))["a"]
        assert twin.dtype == variant.dtype
        assert twin.shape == variant.shape
        assert twin.tobytes() == variant.tobytes()
        assert twin.flags.f_contiguous == variant.flags.f_contiguous


def test_numpy_scalars_keep_their_type() -> None:
    for value in (np.float32(1.5), np.int64(-3), np.bool_(True), np.uint64(2**63)):
        twin = decode(encode(value))
        assert twin == value
        assert twin.dtype == value.dtype


class Filter:
    """A component like those of the core."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_pool",)
    __slots__ = ("_buffer", "_history", "_pool", "_window", "count", "pose")

    def __init__(self, seed: int) -> None:
        self._pool = np.random.default_rng(seed).normal(size=100)
        self._buffer = np.zeros((4, 3))
        self._window = self._buffer[1:3]
        self._history: deque[tuple[int, float]] = deque(maxlen=3)
        self.pose = Pose2(0.0, 0.0, 0.0)
        self.count = 0

    def step(self) -> float:
        self.count += 1
        self._window += self._pool[self.count % 100]
        self._history.append((self.count, float(self._buffer.sum())))
        self.pose = Pose2(self.count * 0.1, 0.0, 0.0)
        return self._history[0][1]


class Whole:
    """A component of components."""

    def __init__(self) -> None:
        self.config = load_robot("jackal")
        self.filters = [Filter(1), Filter(2)]
        self.by_name = {"main": Filter(3)}
        self.convert = math.sqrt
        self.last: float | None = None

    def step(self) -> float:
        self.last = sum(item.step() for item in [*self.filters, *self.by_name.values()])
        return self.last


def test_restored_component_goes_on_as_the_original() -> None:
    original = Whole()
    for _ in range(5):
        original.step()
    data = encode(tree_of(original))
    twin = Whole()
    restore_into(twin, decode(data))
    assert [original.step() for _ in range(10)] == [twin.step() for _ in range(10)]
    assert encode(tree_of(original)) == encode(tree_of(twin))


def test_tree_shares_nothing_with_the_component_and_can_be_used_twice() -> None:
    original = Whole()
    original.step()
    tree = tree_of(original)
    before = encode(tree)
    original.step()
    twins = [Whole(), Whole()]
    for twin in twins:
        restore_into(twin, tree)
        twin.step()
    assert encode(tree) == before
    assert encode(tree_of(twins[0])) == encode(tree_of(twins[1])) == encode(tree_of(original))


def test_views_share_memory_after_restoring() -> None:
    twin = Filter(1)
    restore_into(twin, decode(encode(tree_of(Filter(1)))))
    twin._window[0, 0] = 7.0
    assert twin._buffer[1, 0] == 7.0


def test_constants_config_and_functions_are_left_out() -> None:
    tree = tree_of(Whole())
    assert set(tree) == {"filters", "by_name", "last"}
    assert isinstance(tree["filters"][0], ComponentState)
    assert "_pool" not in tree["filters"][0].attributes


def test_state_of_another_kind_is_refused_with_its_path() -> None:
    tree = tree_of(Whole())
    tree["filters"] = tree["filters"][:1]
    with pytest.raises(TypeError, match=r"Whole\.filters\[0\]: the state is of .*Filter, here is nothing"):
        restore_into(Whole(), tree)
    del tree["last"]
    with pytest.raises(TypeError, match=r"Whole: the state has no attribute last"):
        restore_into(Whole(), tree)


def test_generator_in_a_component_is_named() -> None:
    broken = Whole()
    broken.last = (i for i in range(3))  # type: ignore[assignment]
    with pytest.raises(TypeError, match=r"Whole\.last: generator cannot be part of the state"):
        tree_of(broken)
    with pytest.raises(TypeError, match="object cannot be part of a snapshot"):
        encode({"a": object()})
    with pytest.raises(TypeError, match="array of objects"):
        encode(np.array([None]))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_damaged_snapshot_is_a_data_error_never_another(position: int, change: int) -> None:
    data = bytearray(encode({"a": np.arange(10), "b": [Pose2(1.0, 2.0, 3.0), "text", None, 5, McuState.IDLE]}))
    data[position % len(data)] ^= change
    with contextlib.suppress(DataError):
        decode(bytes(data))
    with pytest.raises(DataError):
        decode(bytes(data[: position % len(data)]))


def test_snapshot_cannot_name_foreign_classes() -> None:
    good = encode(Pose2(1.0, 2.0, 3.0))
    import zlib

    body = zlib.decompress(good[13:]).replace(b"amr.geometry:Pose2", b"subprocess0:Popen0")
    with pytest.raises(DataError, match="no class of this project"):
        decode(good[:13] + zlib.compress(body))
