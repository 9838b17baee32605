"""Read, check, describe and generate instances; draw their price scenarios.

Submodules load on first use. The relative import comes first on purpose: it makes ``import instances``
from the root of the repository fail instead of making a second copy of the room.
"""

from .._lazy import attributes  # isort: split

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import InstanceError as InstanceError
    from .instance import Instance as Instance
    from .loader import load as load
else:
    __getattr__ = attributes(__name__, {"Instance": ".instance:Instance", "InstanceError": ".errors:InstanceError", "load": ".loader:load"})
