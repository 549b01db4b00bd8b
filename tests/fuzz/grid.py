"""NetCDF: changes to names, attributes, types and values, written as a sound file again."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

_VALUES = (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e30, -1e30, 9_999.0, -32_768.0, 150.0, 400.0)
_ATTRIBUTES = ("units", "_FillValue", "missing_value", "scale_factor", "add_offset", "valid_min")
_UNITS = ("K", "degC", "C", "1", "", "kelvin", "days since 1858-11-17 00:00:00", "seconds", "\x00")


def changed(payload: bytes, rng: Random) -> bytes:
    """One to three changes to a copy."""
    import netCDF4

    with netCDF4.Dataset("in", memory=payload) as source:
        source.set_auto_maskandscale(False)
        plan = _Plan(source)
        for _ in range(rng.choice((1, 1, 2, 3))):
            rng.choice(_CHANGES)(plan, rng)
        return plan.written()


class _Plan:
    """A data set as plain values, to be changed and written."""

    def __init__(self, source: Any) -> None:
        self.sizes = {name: len(size) for name, size in source.dimensions.items()}
        self.attributes = {name: source.getncattr(name) for name in source.ncattrs()}
        self.names = list(source.variables)
        self.values = {name: np.array(v[...]) for name, v in source.variables.items()}
        self.dims = {name: v.dimensions for name, v in source.variables.items()}
        self.own = {
            name: {key: v.getncattr(key) for key in v.ncattrs()}
            for name, v in source.variables.items()
        }

    def written(self) -> bytes:
        import netCDF4

        out = netCDF4.Dataset("out.nc", "w", memory=1_024)
        for name, size in self.sizes.items():
            out.createDimension(name, size)
        for name in self.names:
            self._write(out, name)
        for key, value in self.attributes.items():
            _set(out, key, value)
        return bytes(out.close())

    def _write(self, out: Any, name: str) -> None:
        own = dict(self.own[name])
        values = self.values[name]
        fill = own.pop("_FillValue", None)
        try:
            fill = None if fill is None else values.dtype.type(fill)
            variable = out.createVariable(name, values.dtype, self.dims[name], fill_value=fill)
        except (ValueError, TypeError, RuntimeError, KeyError, OverflowError):
            return
        variable.set_auto_maskandscale(False)
        for key, value in own.items():
            _set(variable, key, value)
        if variable.shape == values.shape:
            variable[...] = values


def _set(target: Any, key: str, value: Any) -> None:
    try:
        target.setncattr(key, value)
    except (TypeError, ValueError, RuntimeError, AttributeError):
        return


def _any(plan: _Plan, rng: Random) -> str:
    return rng.choice(plan.names) if plan.names else ""


def _drop(plan: _Plan, rng: Random) -> None:
    if plan.names:
        plan.names.remove(_any(plan, rng))


def _rename(plan: _Plan, rng: Random) -> None:
    if plan.names:
        name, new = _any(plan, rng), rng.choice(("x", "IR", "tbb_13", "latitude", "lat", "v" * 200))
        if new not in plan.names:
            plan.names[plan.names.index(name)] = new
            for table in (plan.values, plan.dims, plan.own):
                table[new] = table[name]


def _attribute(plan: _Plan, rng: Random) -> None:
    own = plan.own.get(_any(plan, rng), plan.attributes)
    key = rng.choice((*_ATTRIBUTES, *(own or ("units",))))
    if rng.random() < 0.3:
        own.pop(key, None)
    elif key == "units":
        own[key] = rng.choice(_UNITS)
    else:
        own[key] = rng.choice((*_VALUES, "text", np.arange(3), rng.choice(_UNITS)))


def _poke(plan: _Plan, rng: Random) -> None:
    """Some values, or all, or a row, to something else."""
    name = _any(plan, rng)
    if not name:
        return
    values = plan.values[name]
    new = _fitting(rng.choice(_VALUES), values.dtype)
    flat = values.reshape(-1)
    if not flat.size:
        return
    start = rng.randrange(flat.size)
    flat[start : start + rng.choice((1, 20, flat.size))] = new


def _fitting(value: float, dtype: Any) -> Any:
    if np.issubdtype(dtype, np.floating):
        return value
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return (
            limits.max if not np.isfinite(value) or value > limits.max else max(value, limits.min)
        )
    return np.zeros(1, dtype)[0]


def _flip(plan: _Plan, rng: Random) -> None:
    name = _any(plan, rng)
    if name and plan.values[name].ndim:
        plan.values[name] = np.flip(plan.values[name], rng.randrange(plan.values[name].ndim)).copy()


def _scale(plan: _Plan, rng: Random) -> None:
    name = _any(plan, rng)
    if name and plan.values[name].dtype.kind in "fiu":
        values = plan.values[name]
        with np.errstate(all="ignore"):
            plan.values[name] = (values * rng.choice((-1, 0.01, 10, 1_000))).astype(values.dtype)


def _retype(plan: _Plan, rng: Random) -> None:
    name = _any(plan, rng)
    if name and plan.values[name].dtype.kind in "fiu":
        kind = rng.choice(("f4", "f8", "i2", "i4", "u1", "i8"))
        with np.errstate(all="ignore"):
            plan.values[name] = plan.values[name].astype(kind)


def _dims(plan: _Plan, rng: Random) -> None:
    name = _any(plan, rng)
    if name:
        order = list(plan.dims[name])
        rng.shuffle(order)
        plan.dims[name] = tuple(order)


def _size(plan: _Plan, rng: Random) -> None:
    if plan.sizes:
        name = rng.choice(list(plan.sizes))
        plan.sizes[name] = rng.choice((0, 1, 2, plan.sizes[name] + 1, 3_000))
        if np.prod([float(size) for size in plan.sizes.values()]) > 20_000_000:
            plan.sizes[name] = 1


_CHANGES: tuple[Callable[[_Plan, Random], None], ...] = (
    _drop,
    _rename,
    _attribute,
    _attribute,
    _attribute,
    _poke,
    _poke,
    _poke,
    _flip,
    _scale,
    _retype,
    _dims,
    _size,
)
