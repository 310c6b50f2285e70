"""The mutable state of components as plain trees, and back: how a core is copied, stored and compared.

A component needs no code for it. ``tree_of`` walks ``vars(obj)`` and ``__slots__``: numbers, strings, enums, ``amr``
dataclasses, containers, arrays (views keep sharing memory with what they are views of) and further components inside.
Left out, for they are made again by construction: config sections, functions and classes, and the attributes named in
a class's ``snapshot_constants: ClassVar[tuple[str, ...]]`` (tables made from config and seed, such as a noise pool).
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.config.base import Section


@dataclass(frozen=True, slots=True, eq=False)
class ComponentState:
    """All mutable attributes of one component."""

    class_name: str
    attributes: dict[str, Any]


def tree_of(component: object) -> dict[str, Any]:
    """Copy of the component's state that shares nothing with it. ``TypeError`` names what cannot be copied."""
    return _Copier().attributes(component, type(component).__name__)


def restore_into(component: object, tree: dict[str, Any]) -> None:
    """Give ``component``, made with the same config and seed, the state in ``tree`` (which stays usable).

    Raises ``TypeError`` when the tree is not one of such a component.
    """
    _Restorer(_Copier()).attributes(component, tree, type(component).__name__)


def is_component(value: object) -> bool:
    """An object of ours with state of its own, to be walked: neither a value nor a function nor a class."""
    return (
        type(value).__module__.partition(".")[0] not in _FOREIGN
        and not isinstance(value, type | Enum | Section | ComponentState)
        and not is_dataclass(value)
    )


_FOREIGN = sys.stdlib_module_names | {"numpy", "numba", "scipy", "pydantic", "pydantic_core"}


def _is_constant(value: object) -> bool:
    """Made again by construction."""
    return isinstance(value, Section) or (callable(value) and not is_component(value))


def attributes_of(component: object) -> Iterator[tuple[str, Any]]:
    """(name, value) of every attribute that is state, in a fixed order."""
    constants: set[str] = set()
    names: dict[str, None] = {}
    for kind in type(component).__mro__:
        constants.update(getattr(kind, "snapshot_constants", ()))
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            private = name.startswith("__") and not name.endswith("__")
            names[f"_{kind.__name__.lstrip('_')}{name}" if private else name] = None
    names.update(dict.fromkeys(getattr(component, "__dict__", ())))
    for name in names:
        if name in constants or name in {"__dict__", "__weakref__"} or not hasattr(component, name):
            continue
        value = getattr(component, name)
        if not _is_constant(value):
            yield name, value


class _Copier:
    """Deep copy of values; arrays that share memory share it in the copy, too."""

    def __init__(self) -> None:
        self._owners: dict[int, tuple[NDArray[Any], NDArray[Any]]] = {}

    def attributes(self, component: object, path: str) -> dict[str, Any]:
        return {name: self.copy(value, f"{path}.{name}") for name, value in attributes_of(component)}

    def copy(self, value: Any, path: str) -> Any:
        if value is None or isinstance(value, bool | int | float | str | bytes | Enum | np.generic):
            return value
        if isinstance(value, np.ndarray):
            return self._array(value, path)
        if isinstance(value, ComponentState):
            return ComponentState(value.class_name, self.copy(value.attributes, path))
        if is_dataclass(value) and not isinstance(value, type):
            return copy_fields(value, lambda name, part: self.copy(part, f"{path}.{name}"))
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self.copy(part, f"{path}[{i}]") for i, part in enumerate(value)))
        if isinstance(value, tuple | list):
            return type(value)([self.copy(part, f"{path}[{i}]") for i, part in enumerate(value)])
        if isinstance(value, deque):
            return deque((self.copy(part, f"{path}[{i}]") for i, part in enumerate(value)), value.maxlen)
        if isinstance(value, set | frozenset):
            return type(value)(self.copy(part, path) for part in value)
        if isinstance(value, bytearray):
            return bytearray(value)
        if isinstance(value, dict):
            return {self.copy(key, path): self.copy(part, f"{path}[{key!r}]") for key, part in value.items()}
        if is_component(value):
            return ComponentState(class_name_of(value), self.attributes(value, path))
        raise TypeError(f"{path}: {type(value).__name__} cannot be part of the state")

    def _array(self, array: NDArray[Any], path: str) -> NDArray[Any]:
        if array.dtype.hasobject:
            raise TypeError(f"{path}: an array of objects cannot be part of the state")
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        if id(owner) not in self._owners:
            self._owners[id(owner)] = (owner, owner.copy(order="K"))
        _, copied = self._owners[id(owner)]
        if owner is array:
            return copied
        return same_view(array, owner, copied)


def same_view(array: NDArray[Any], owner: NDArray[Any], copied: NDArray[Any]) -> NDArray[Any]:
    """What ``array`` is of ``owner``, of ``copied`` (equal to ``owner`` in layout)."""
    if not (owner.flags.c_contiguous or owner.flags.f_contiguous):
        return array.copy()
    offset = array.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    flat = copied.reshape(-1, order="A").view(np.uint8)
    view: NDArray[Any] = np.ndarray(array.shape, array.dtype, flat, offset, array.strides)
    view.setflags(write=bool(array.flags["W"]))
    return view


def copy_fields(value: Any, change: Callable[[str, Any], Any]) -> Any:
    """A dataclass with each field changed, made without its ``__init__``: what is stored was valid before."""
    twin = object.__new__(type(value))
    for item in fields(value):
        object.__setattr__(twin, item.name, change(item.name, getattr(value, item.name)))
    return twin


def class_name_of(value: object) -> str:
    """``module:name`` of an object's class."""
    return f"{type(value).__module__}:{type(value).__qualname__}"


class _Restorer:
    """Puts copied values into a component; components inside are kept and filled."""

    def __init__(self, copier: _Copier) -> None:
        self._copier = copier

    def attributes(self, component: object, tree: dict[str, Any], path: str) -> None:
        present = dict(attributes_of(component))
        missing = sorted(present.keys() - tree.keys())
        if missing:
            raise TypeError(f"{path}: the state has no attribute {missing[0]}")
        for name, stored in tree.items():
            value = self._fill(present.get(name), stored, f"{path}.{name}")
            object.__setattr__(component, name, value)

    def _fill(self, existing: Any, stored: Any, path: str) -> Any:
        """The value for an attribute, element or key; ``existing`` itself when it is a component."""
        if isinstance(stored, ComponentState):
            if existing is None or class_name_of(existing) != stored.class_name:
                found = "nothing" if existing is None else class_name_of(existing)
                raise TypeError(f"{path}: the state is of {stored.class_name}, here is {found}")
            self.attributes(existing, stored.attributes, path)
            return existing
        if isinstance(stored, dict) and _holds_components(stored.values()):
            present = existing if isinstance(existing, dict) else {}
            return {key: self._fill(present.get(key), part, f"{path}[{key!r}]") for key, part in stored.items()}
        if isinstance(stored, list | tuple) and _holds_components(stored):
            fits = isinstance(existing, list | tuple) and len(existing) == len(stored)
            parts = existing if fits else [None] * len(stored)
            return type(stored)([self._fill(parts[i], part, f"{path}[{i}]") for i, part in enumerate(stored)])
        return self._copier.copy(stored, path)


def _holds_components(parts: Any) -> bool:
    return any(isinstance(part, ComponentState) for part in parts)
