"""Staff's doors to this room: money that comes in, and money that goes out."""

from .payments import BillAdmin, ChargeAdmin, CorrectionAdmin, TopUpAdmin
from .withdrawals import WithdrawalAdmin

__all__ = ["BillAdmin", "ChargeAdmin", "CorrectionAdmin", "TopUpAdmin", "WithdrawalAdmin"]
