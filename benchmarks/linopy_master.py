"""The peer of the Pyomo master: the same rows over the same plans, written in linopy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import linopy
import numpy as np
import pandas as pd
import xarray as xr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from minclub.models.master import Master

    Array = NDArray[np.float64]


def linopy_model(master: Master) -> linopy.Model:
    """Write ``Master.model()`` in linopy: one plan per cluster, basket, outlay, tails (C23, C26); money in musd.

    Crossing rows are one block each, as linopy's users write them: a table of numbers times the vector of plans.
    """
    table, limits, pool = master.table, master.limits, master.everything
    model = linopy.Model()
    plans = pd.RangeIndex(len(master.plans), name="plan")
    upper = xr.DataArray([float(plan.in_band) for plan in master.plans], coords=[plans])
    x = model.add_variables(binary=True, coords=[plans], name="x")
    model.add_constraints(x <= upper, name="in_band")
    clusters = (1 * x).groupby(pd.Series(table.cluster, index=plans, name="cluster")).sum()
    model.add_constraints(clusters == 1, name="one_plan")

    def rows(name: str, numbers: Array, sides: Array) -> None:
        if len(numbers):
            coords = [pd.RangeIndex(len(numbers), name=name), plans]
            side = xr.DataArray(sides, coords=coords[:1])
            model.add_constraints((xr.DataArray(numbers, coords=coords) * x).sum("plan") <= side, name=name)

    finite = np.isfinite(limits.basket)
    rows("basket", table.burden.T[finite], limits.basket[finite])
    capped = master.capped(pool)
    rows("outlay", np.array([table.outlay[:, k, t] for k, t in capped]), np.array([limits.outlay[k, t] for k, t in capped]))
    rows("worst", np.array([table.scenario_outlay @ cut for cut in master.outlay_cuts]), np.full(len(master.outlay_cuts), limits.worst))
    cost = (xr.DataArray(table.direct, coords=[plans]) * x).sum()
    if master.cost_cuts:
        theta = model.add_variables(name="theta")
        cuts = np.array([table.scenario @ cut for cut in master.cost_cuts])
        coords = [pd.RangeIndex(len(cuts), name="tail"), plans]
        model.add_constraints((xr.DataArray(cuts, coords=coords) * x).sum("plan") - theta <= 0, name="tail")
        cost = cost + limits.cvar_weight * theta
    model.add_objective(cost)
    return model
