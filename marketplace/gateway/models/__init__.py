"""The token gateway: models of AI that providers serve, keys that call them, and what every call came to.

Amounts end in `_uy` (micro-yuan), prices in `_uy_per_m` (micro-yuan for a million tokens); tokens are single tokens.
The gateway's own processes (marketplace/gateway/door) read these tables only away from the hot path.
"""

from .calls import Call, DailyUse, Lease
from .keys import AccessKey
from .published import PublishedFigure
from .shelf import AiModel, Direction, Endpoint, Price

__all__ = [
    "AccessKey", "AiModel", "Call", "DailyUse", "Direction", "Endpoint", "Lease", "Price", "PublishedFigure",
]
