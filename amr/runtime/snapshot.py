"""State trees as bytes and back, exact, without pickle: a file from elsewhere can make values, never run code.

Tagged format: one byte for the kind, then the value; lengths are unsigned 64-bit little endian. Classes are named
``module:name`` and only dataclasses and enums of this project are made again. The whole is compressed with zlib.
"""

from __future__ import annotations

import math
import struct
import sys
import zlib
from collections import deque
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import import_module
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from amr.errors import DataError
from amr.state import ComponentState, class_name_of, restore_into, tree_of

__all__ = ["decode", "encode", "pack", "restore_into", "tree_of", "unpack"]

MAGIC: Final = b"AMRS\x01"
MAX_BYTES: Final = 2**30
_PACKAGES: Final = ("amr", "firmware_bridge", "sim")
_U64: Final = struct.Struct("<Q")
_I64: Final = struct.Struct("<q")
_F64: Final = struct.Struct("<d")


def encode(tree: Any) -> bytes:
    """Bytes of a tree (``amr.state.tree_of``). Raises ``TypeError`` for what a tree must not hold."""
    body = pack(tree)
    return MAGIC + _U64.pack(len(body)) + zlib.compress(body, 1)


def pack(tree: Any) -> bytes:
    """``encode`` without compression and check: for the way to a process of our own."""
    writer = _Writer()
    writer.value(tree)
    return b"".join(writer.parts)


def unpack(body: bytes) -> Any:
    """Inverse of ``pack``; raises ``ValueError`` or another of its kind on other bytes."""
    return _Reader(body).value()


def decode(data: bytes) -> Any:
    """Inverse of ``encode``. Raises ``DataError`` on any other bytes."""
    try:
        if data[: len(MAGIC)] != MAGIC:
            raise ValueError("no snapshot of this version")
        (size,) = _U64.unpack_from(data, len(MAGIC))
        if size > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES} bytes")
        inflater = zlib.decompressobj()
        body = inflater.decompress(data[len(MAGIC) + _U64.size :], size + 1)
        if len(body) != size or not inflater.eof:
            raise ValueError("length does not fit")
        reader = _Reader(body)
        value = reader.value()
        if reader.offset != size:
            raise ValueError("bytes left over")
    except (ValueError, TypeError, KeyError, struct.error, zlib.error, RecursionError, OverflowError) as error:
        raise DataError(f"snapshot cannot be read: {error}") from None
    return value


class _Writer:
    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._owners: dict[int, tuple[int, NDArray[Any]]] = {}

    def value(self, value: Any) -> None:
        put = self.parts.append
        if value is None:
            put(b"N")
        elif value is True or value is False:
            put(b"T" if value else b"F")
        elif isinstance(value, Enum):
            put(b"e")
            self._text(class_name_of(value))
            self._text(value.name)
        elif isinstance(value, np.generic):
            put(b"g")
            self._text(value.dtype.str)
            put(value.tobytes())
        elif type(value) is int:
            self._integer(value)
        elif type(value) is float:
            put(b"d" + _F64.pack(value))
        elif type(value) is str:
            put(b"s")
            self._text(value)
        elif isinstance(value, bytes | bytearray):
            put((b"b" if isinstance(value, bytes) else b"y") + _U64.pack(len(value)))
            put(bytes(value))
        elif isinstance(value, np.ndarray):
            self._array(value)
        else:
            self._container(value)

    def _container(self, value: Any) -> None:
        put = self.parts.append
        if isinstance(value, ComponentState):
            put(b"C")
            self._text(value.class_name)
            self.value(value.attributes)
        elif is_dataclass(value) and not isinstance(value, type):
            put(b"c")
            self._text(class_name_of(value))
            items = fields(value)
            put(_U64.pack(len(items)))
            for item in items:
                self._text(item.name)
                self.value(getattr(value, item.name))
        elif isinstance(value, tuple) and hasattr(value, "_fields"):
            put(b"n")
            self._text(class_name_of(value))
            self._sequence(list(value))
        elif type(value) in _SEQUENCES:
            put(_SEQUENCES[type(value)])
            # Sets have no order of their own: sorted, so that equal states are equal bytes.
            self._sequence(sorted(value, key=repr) if isinstance(value, set | frozenset) else list(value))
        elif isinstance(value, deque):
            put(b"q")
            self.value(value.maxlen)
            self._sequence(list(value))
        elif type(value) is dict:
            put(b"m" + _U64.pack(len(value)))
            for key, part in value.items():
                self.value(key)
                self.value(part)
        else:
            raise TypeError(f"{type(value).__name__} cannot be part of a snapshot")

    def _text(self, text: str) -> None:
        raw = text.encode("utf-8", "surrogatepass")
        self.parts.append(_U64.pack(len(raw)) + raw)

    def _integer(self, value: int) -> None:
        if -(2**63) <= value < 2**63:
            self.parts.append(b"i" + _I64.pack(value))
        else:
            raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            self.parts.append(b"I" + _U64.pack(len(raw)) + raw)

    def _sequence(self, parts: list[Any]) -> None:
        self.parts.append(_U64.pack(len(parts)))
        for part in parts:
            self.value(part)

    def _array(self, array: NDArray[Any]) -> None:
        """An array that owns its memory once in full, later and for its views by number (views keep sharing)."""
        if array.dtype.hasobject:
            raise TypeError("an array of objects cannot be part of a snapshot")
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        if not (owner.flags.c_contiguous or owner.flags.f_contiguous):
            owner = array = np.ascontiguousarray(array)
        if id(owner) not in self._owners:
            self._owners[id(owner)] = (len(self._owners), owner)
            self.parts.append(b"a" if owner.flags.c_contiguous else b"A")
            self._text(owner.dtype.str)
            self._shape(owner.shape)
            self.parts.append(owner.tobytes(order="A"))
        self._reference(array, owner, self._owners[id(owner)][0])

    def _reference(self, array: NDArray[Any], owner: NDArray[Any], number: int) -> None:
        self.parts.append(b"v" + _U64.pack(number) + (b"\x01" if array is owner else b"\x00"))
        if array is owner:
            return
        self._text(array.dtype.str)
        self._shape(array.shape)
        offset = array.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        self.parts.append(_U64.pack(offset))
        self.parts.extend(_I64.pack(stride) for stride in array.strides)
        self.parts.append(b"\x01" if array.flags["W"] else b"\x00")

    def _shape(self, shape: tuple[int, ...]) -> None:
        self.parts.append(_U64.pack(len(shape)) + b"".join(_U64.pack(length) for length in shape))


_SEQUENCES: Final[dict[type, bytes]] = {list: b"l", tuple: b"t", set: b"S", frozenset: b"Z"}
_SEQUENCE_TAGS: Final = {tag: kind for kind, tag in _SEQUENCES.items()}


class _Reader:
    def __init__(self, body: bytes) -> None:
        self.offset = 0
        self._body = body
        self._owners: list[NDArray[Any]] = []

    def value(self) -> Any:
        tag = self._take(1)
        if tag in _SIMPLE:
            return _SIMPLE[tag]
        if tag == b"i":
            return _I64.unpack(self._take(8))[0]
        if tag == b"I":
            return int.from_bytes(self._take(self._length()), "little", signed=True)
        if tag == b"d":
            return _F64.unpack(self._take(8))[0]
        if tag == b"s":
            return self._text()
        if tag in {b"b", b"y"}:
            raw = self._take(self._length())
            return raw if tag == b"b" else bytearray(raw)
        if tag == b"e":
            kind = _class(self._text(), Enum)
            return kind[self._text()]
        if tag == b"g":
            dtype = _plain_dtype(self._text())
            return np.frombuffer(self._take(dtype.itemsize), dtype)[0]
        if tag in {b"a", b"A"}:
            self._owner("C" if tag == b"a" else "F")
            return self.value()
        if tag == b"v":
            return self._view()
        return self._container(tag)

    def _container(self, tag: bytes) -> Any:
        if tag in _SEQUENCE_TAGS:
            return _SEQUENCE_TAGS[tag]([self.value() for _ in range(self._length())])
        if tag == b"m":
            return {self.value(): self.value() for _ in range(self._length())}
        if tag == b"q":
            longest = self.value()
            return deque((self.value() for _ in range(self._length())), longest)
        if tag == b"C":
            return ComponentState(self._text(), self.value())
        if tag == b"c":
            twin = object.__new__(_class(self._text(), None))
            names = {item.name for item in fields(twin)}
            for _ in range(self._length()):
                name = self._text()
                if name not in names:
                    raise ValueError(f"{type(twin).__name__} has no field {name}")
                names.discard(name)
                object.__setattr__(twin, name, self.value())
            if names:
                raise ValueError(f"{type(twin).__name__}: field {min(names)} is missing")
            return twin
        if tag == b"n":
            return _class(self._text(), tuple)(*[self.value() for _ in range(self._length())])
        raise ValueError(f"unknown tag {tag!r}")

    def _take(self, length: int) -> bytes:
        end = self.offset + length
        if end > len(self._body):
            raise ValueError("ends early")
        raw = self._body[self.offset : end]
        self.offset = end
        return raw

    def _length(self) -> int:
        length: int = _U64.unpack(self._take(8))[0]
        if length > len(self._body):
            raise ValueError("a length is larger than the snapshot")
        return length

    def _text(self) -> str:
        return self._take(self._length()).decode("utf-8", "surrogatepass")

    def _shape(self) -> tuple[int, ...]:
        return tuple(_U64.unpack(self._take(8))[0] for _ in range(self._length()))

    def _owner(self, order: Literal["C", "F"]) -> None:
        dtype, shape = _plain_dtype(self._text()), self._shape()
        raw = self._take(math.prod(shape) * dtype.itemsize)
        self._owners.append(np.frombuffer(raw, dtype).reshape(shape, order=order).copy(order="A"))

    def _view(self) -> NDArray[Any]:
        number = self._length()
        if number >= len(self._owners):
            raise ValueError("a view of an unknown array")
        owner = self._owners[number]
        if self._take(1) == b"\x01":
            return owner
        dtype, shape = _plain_dtype(self._text()), self._shape()
        offset = self._length()
        strides = tuple(_I64.unpack(self._take(8))[0] for _ in shape)
        flat = owner.reshape(-1, order="A").view(np.uint8)
        view: NDArray[Any] = np.ndarray(shape, dtype, flat, offset, strides)
        view.setflags(write=self._take(1) == b"\x01")
        return view


_SIMPLE: Final = {b"N": None, b"T": True, b"F": False}


def _plain_dtype(text: str) -> np.dtype[Any]:
    dtype = np.dtype(text)
    if dtype.hasobject:
        raise ValueError("an array of objects")
    return dtype


def _class(name: str, base: type | None) -> Any:
    """The dataclass (``base`` None), or the subclass of ``base``, of that name in this project."""
    module_name, _, qualified = name.partition(":")
    if module_name.partition(".")[0] not in _PACKAGES:
        raise ValueError(f"{name} is no class of this project")
    try:
        found: Any = sys.modules.get(module_name) or import_module(module_name)
        for part in qualified.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        raise ValueError(f"{name} is not in this version") from None
    if not isinstance(found, type) or not (is_dataclass(found) if base is None else issubclass(found, base)):
        raise ValueError(f"{name} is of another kind")
    return found
