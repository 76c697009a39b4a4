"""`Arch`: one accelerator, checked and frozen; the attribute names are the keys of its YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from accelsim.arch.array import Array
from accelsim.arch.dram import Dram, SimpleDram
from accelsim.arch.memory import IndexUnit, Load, ScatterUnit, Scratchpad, Store, Vector
from accelsim.arch.units import (
    BYTES,
    PS_PER_SECOND,
    Bytes,
    BytesOrZero,
    Clock,
    CountOrZero,
    Rate,
    period_ps,
)
from accelsim.config.record import FieldError, Spec
from accelsim.errors import InputError

Dtype = Literal["fp32", "bf16", "fp16", "fp8", "int8", "int4", "mxfp8", "mxfp6", "mxfp4"]


class Control(Spec):
    """`dispatch_cycles` : what starting an operator costs, on every machine."""

    dispatch_cycles: CountOrZero


def _queries(value: object) -> object:
    """Refuse what is neither "auto" nor a count of queries."""
    if value != "auto" and (type(value) is not int or value < 1):
        raise ValueError(f"'{value}' is not valid, expected a number of queries or 'auto'")
    return value


class Placement(Spec):
    """Where tensors lie in DRAM; see `accelsim.mapping.placement`.

    `seed` : 0 places them one behind the other, others leave gaps of up to `spread`; `alignment` :
    of every tensor; `keys_by` : keys and values lie head by head or token by token;
    `interleaved` : a key and its value lie together.

    Attributes
    ----------
    spread : int, bytes
        Largest gap that a seed other than 0 leaves in front of a tensor.
    """

    seed: CountOrZero = 0
    spread: Bytes = 1 << 20
    alignment: Bytes = 4096
    keys_by: Literal["head", "token"] = "head"
    interleaved: Annotated[bool, Field(strict=True)] = False


class MappingPolicy(Spec):
    """What the mapping is told.

    Attributes
    ----------
    sparsity : bool
        False computes everything densely, so that a gain from shape is not called sparsity.
    chunk : int, bytes
        Granularity at which a producer hands over to a consumer.
    prefetch : int, bytes
        Scratchpad for loads that depend on no data, ahead of their operator.
    activation_storage : int, bytes
        Scratchpad in which results may stay for the next operator.
    tile_queries, dataflow : int or "auto", str or "auto"
        Fixed tile height (queries) and dataflow, or searched.
    index_bits : int or "auto"
        Of a stored index (of a kept key, a row of a table, a result of top-k): 8, 16, 24 or 32.
        "auto" takes 16 for kept keys where they reach, else 32. Formats of operands have their own.
    placement : Placement
        Where tensors lie in DRAM.
    """

    sparsity: Annotated[bool, Field(strict=True)]
    chunk: Bytes
    prefetch: BytesOrZero
    activation_storage: BytesOrZero
    tile_queries: Annotated[int | Literal["auto"], BeforeValidator(_queries)] = "auto"
    dataflow: Literal["auto", "ws", "os", "is"] = "auto"
    index_bits: Literal[8, 16, 24, 32, "auto"] = "auto"
    placement: Placement = Placement()


class Arch(Spec):
    """One accelerator.

    Attributes
    ----------
    clock : int, hertz
        As written; `clock_ps` is the period that runs.
    mac_rate : dict[str, float]
        MACs of a MAC unit in a cycle, per type.
    mac_type : str, optional
        The type that a MAC unit is built for, if others are converted to it: area and energy are
        of this one. Without it a unit computes in all types, and the largest decides its area.
    on_chip : int, bytes
        Everything: scratchpad, array-local storage, tags, windows and queues of the units.
    index, scatter : IndexUnit or None, ScatterUnit or None
        Units that not every machine has.
    name : str
        What results call the machine.
    description : str
        One line, for lists and reports.
    control : Control
        What the controller of operators costs.
    """

    name: Annotated[str, Field(min_length=1)]
    description: str
    clock: Clock
    mac_rate: Annotated[dict[Dtype, Rate], Field(min_length=1)]
    mac_type: Dtype | None = None
    on_chip: Bytes
    array: Array
    scratchpad: Scratchpad
    vector: Vector
    index: IndexUnit | None
    scatter: ScatterUnit | None
    load: Load
    store: Store
    control: Control
    dram: Dram
    mapping: MappingPolicy

    @property
    def clock_ps(self) -> int:
        """Period of the clock."""
        return period_ps(self.clock)

    @property
    def local_storage(self) -> dict[str, int]:
        """What of `on_chip` is not scratchpad, by name, bytes."""
        storage = {f"array {name}": size for name, size in self.array.storage.items()}
        storage["load tags"] = self.load.local_bytes
        if self.load.cache is not None:
            tags = self.load.cache.size // self.dram.line * self.load.tag_bytes
            storage["gather cache"] = self.load.cache.size + tags
        storage["store tags"] = self.store.local_bytes
        if self.index is not None:
            storage["index window"] = self.index.local_bytes
        if self.scatter is not None:
            storage["scatter queues"] = self.scatter.local_bytes
        return storage

    @property
    def scratchpad_bytes(self) -> int:
        """What of `on_chip` is left for the scratchpad."""
        return self.on_chip - sum(self.local_storage.values())

    def peak_macs_per_cycle(self, dtype: str) -> int:
        """MACs of the whole array in a cycle, in a type.

        Raises
        ------
        InputError
            A type that the array does not compute in.
        """
        return int(self.array.macs * self.rate(dtype))

    def at_dram_level(self, level: str) -> Arch:
        """The same machine with DRAM modelled at another level; itself if it has no other."""
        if isinstance(self.dram, SimpleDram):
            return self
        return self.model_copy(update={"dram": self.dram.model_copy(update={"level": level})})

    def rate(self, dtype: str) -> float:
        """MACs of a MAC unit in a cycle, in a type.

        Raises
        ------
        InputError
            A type that the array does not compute in.
        """
        return rate_of(self.mac_rate, dtype, self.name)

    def notes(self) -> list[str]:
        """What was rounded, and what a reader may not expect of these figures."""
        clocks = {"clock": self.clock}
        if isinstance(self.dram, SimpleDram):
            clocks["dram.clock"] = self.dram.clock
        notes = [
            f"{name}: {_ghz(hertz)} is no whole number of ps, runs at {period_ps(hertz)} ps"
            f" ({1000 / period_ps(hertz):.4f} GHz)"
            for name, hertz in clocks.items()
            if 10**12 % hertz
        ]
        notes += self.dram.notes()
        issued = self.load.lines_per_cycle * self.dram.line * PS_PER_SECOND // self.clock_ps
        if issued < self.dram.bandwidth:
            notes.append(
                f"load: {self.load.lines_per_cycle} lines of {self.dram.line} B a cycle ask for"
                f" {issued / 1e9:,.0f} GB/s of the DRAM's {self.dram.bandwidth / 1e9:,.0f} GB/s"
            )
        if self.array.kind == "systolic":
            if len({shape.macs for shape in self.array.shapes}) > 1:
                notes.append("array.shapes differ in MACs: the peak is that of the largest")
        elif self.array.kind == "sparse":
            want = self.array.multicast_buses * self.array.bus_bytes
            have = self.scratchpad.shares.array.read
            if have < want:
                notes.append(
                    f"array: the buses carry {want} B a cycle, its read share feeds {have} B"
                )
        for unit in ("index", "scatter"):
            if getattr(self, unit) is None and getattr(self.scratchpad.shares, unit) is not None:
                notes.append(f"scratchpad.shares.{unit}: unused, there is no {unit} unit")
        return notes

    @model_validator(mode="after")
    def _built_type_has_a_rate(self) -> Arch:
        if self.mac_type is not None and self.mac_type not in self.mac_rate:
            have = ", ".join(self.mac_rate)
            raise FieldError("mac_type", f"'{self.mac_type}' has no mac_rate, expected {have}")
        return self

    @model_validator(mode="after")
    def _units_have_shares(self) -> Arch:
        shares = self.scratchpad.shares
        for unit in ("index", "scatter"):
            if getattr(self, unit) is not None and getattr(shares, unit) is None:
                raise FieldError(
                    f"scratchpad.shares.{unit}", f"is missing: the {unit} unit needs a port share"
                )
        if self.load.return_bytes_per_cycle > shares.load.write:
            raise FieldError(
                "load.return_bytes_per_cycle",
                f"{self.load.return_bytes_per_cycle} B exceeds the load's scratchpad write share,"
                f" {shares.load.write} B a cycle",
            )
        if self.load.cache is not None:
            sets, rest = divmod(self.load.cache.size, self.load.cache.ways * self.dram.line)
            if rest or sets < 1 or sets & (sets - 1):
                raise FieldError(
                    "load.cache.size",
                    f"{BYTES.format(self.load.cache.size)} is not {self.load.cache.ways} ways x"
                    f" {self.dram.line} B x a power of two of sets",
                )
        stored = self.store.lines_per_cycle * self.dram.line
        if stored > shares.store.read:
            raise FieldError(
                "store.lines_per_cycle",
                f"{self.store.lines_per_cycle} lines are {stored} B, above the store's scratchpad"
                f" read share, {shares.store.read} B a cycle",
            )
        return self

    @model_validator(mode="after")
    def _storage_fits(self) -> Arch:
        local = self.local_storage
        if self.scratchpad_bytes <= 0:
            listed = " + ".join(f"{name} {BYTES.format(size)}" for name, size in local.items())
            raise FieldError(
                "on_chip",
                f"{BYTES.format(self.on_chip)} leaves no scratchpad: local storage takes"
                f" {BYTES.format(sum(local.values()))} ({listed})",
            )
        reserved = self.mapping.prefetch + self.mapping.activation_storage + self.mapping.chunk
        if reserved > self.scratchpad_bytes:
            raise FieldError(
                "mapping",
                f"prefetch + activation_storage + chunk = {BYTES.format(reserved)} exceed the"
                f" scratchpad, {BYTES.format(self.scratchpad_bytes)} of on_chip"
                f" {BYTES.format(self.on_chip)}",
            )
        for dtype, rate in self.mac_rate.items():
            if (self.array.macs * rate) % 1:
                raise FieldError(
                    f"mac_rate.{dtype}",
                    f"{rate} of {self.array.macs} MAC units is not a whole number of MACs a cycle",
                )
        return self


def rate_of(rates: Mapping[Dtype, float], dtype: str, name: str) -> float:
    """See `Arch.rate`; `name` : of the architecture."""
    for known, rate in rates.items():
        if known == dtype:
            return rate
    have = ", ".join(f"{known} {rate:g}" for known, rate in rates.items())
    raise InputError(
        f"the array has no rate for type '{dtype}', it has {have}",
        where=f"{name}: mac_rate",
        remedy=f"replay in one of these, or assume a rate: --set mac_rate.{dtype}=1",
    )


def _ghz(hertz: int) -> str:
    return f"{hertz / 1e9:g} GHz"
