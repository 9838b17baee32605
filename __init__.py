"""Design a North American critical-minerals club at least public cost.

The public names load on first use, so that ``import minclub`` and ``minclub --help`` stay fast:

* ``load(name_or_path, overrides)`` and ``list_instances()``: the input;
* ``solve(instance)``, ``evaluate(instance, design)``, ``audit(design, instance)``: the work;
* ``frontier(instance, over, points)``, ``strikes(instance, project, values)``: many solves in one pass;
* ``caching(folder)``: a ``with`` block in which what plants cost is kept on disk, for later solves;
* ``payments(instance, design)``: what the state pays under each contract, by year;
* ``claims(instance)``: the claims of the chapter, examined one by one;
* ``Design``, and what may be raised: ``InstanceError``, ``Infeasible``, ``NoDesign``, ``AuditFailed``;
* ``instances``, ``models``, ``solvers``, ``reports``: the rooms, with their submodules as attributes.
"""

from typing import TYPE_CHECKING

from ._lazy import attributes

__version__ = "0.1.0"
__all__ = [
    "AuditFailed",
    "Design",
    "Infeasible",
    "Instance",
    "InstanceError",
    "NoDesign",
    "__version__",
    "audit",
    "caching",
    "claims",
    "evaluate",
    "frontier",
    "instances",
    "list_instances",
    "load",
    "models",
    "payments",
    "reports",
    "solve",
    "solvers",
    "strikes",
]

if TYPE_CHECKING:
    from . import instances, models, reports, solvers
    from .instances.catalogue import names as list_instances
    from .instances.errors import InstanceError
    from .instances.instance import Instance
    from .instances.loader import load
    from .models.store import caching
    from .solvers.audit import audit
    from .solvers.claims import claims
    from .solvers.design import Design
    from .solvers.evaluate import evaluate
    from .solvers.explain import Infeasible
    from .solvers.frontier import frontier
    from .solvers.payments import payments
    from .solvers.solve import AuditFailed, NoDesign, solve
    from .solvers.sweep import strikes
else:
    __getattr__ = attributes(
        __name__,
        {
            "load": ".instances.loader:load",
            "list_instances": ".instances.catalogue:names",
            "solve": ".solvers.solve:solve",
            "evaluate": ".solvers.evaluate:evaluate",
            "audit": ".solvers.audit:audit",
            "frontier": ".solvers.frontier:frontier",
            "strikes": ".solvers.sweep:strikes",
            "payments": ".solvers.payments:payments",
            "claims": ".solvers.claims:claims",
            "caching": ".models.store:caching",
            "Design": ".solvers.design:Design",
            "AuditFailed": ".solvers.solve:AuditFailed",
            "Infeasible": ".solvers.explain:Infeasible",
            "NoDesign": ".solvers.solve:NoDesign",
            "Instance": ".instances.instance:Instance",
            "InstanceError": ".instances.errors:InstanceError",
        },
    )


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
