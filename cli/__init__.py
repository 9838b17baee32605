"""The command line ``minclub``.

Nothing heavy is imported before a command needs it. The relative import makes ``import cli``
from the root of the repository fail instead of making a second copy of the room.
"""

from .. import __version__

__all__ = ["__version__"]
