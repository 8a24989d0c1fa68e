"""Staff's doors to this room: money that comes in, what a second person confirms, and money that goes out."""

from .bookings import BookingAdmin
from .corrections import CorrectionAdmin
from .payments import BillAdmin, ChargeAdmin, TopUpAdmin
from .withdrawals import WithdrawalAdmin

__all__ = ["BillAdmin", "BookingAdmin", "ChargeAdmin", "CorrectionAdmin", "TopUpAdmin", "WithdrawalAdmin"]
