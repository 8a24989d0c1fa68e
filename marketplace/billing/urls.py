"""Where this room's pages are. portal.urls mounts the list."""

from django.urls import path

from . import api as rest
from . import views, withdrawal_views

company = [
    path("wallet/", views.wallet, name="wallet"),
    path("wallet/top-up/", views.topup, name="topup"),
    path("wallet/top-up/<str:public_id>/", views.topup_detail, name="topup_detail"),
    path("wallet/withdraw/", withdrawal_views.withdraw, name="withdraw"),
    path("wallet/withdrawals/", withdrawal_views.withdrawals_of, name="withdrawals"),
    path("wallet/withdrawals/<str:public_id>/", withdrawal_views.withdrawal, name="withdrawal"),
    path("bills/<str:public_id>/", views.bill, name="bill"),
]
api = [
    path("wallet/", rest.Wallet.as_view(), name="wallet"),
    path("topups/", rest.TopUps.as_view(), name="topups"),
    path("withdrawals/", rest.Withdrawals.as_view(), name="withdrawals"),
    path("withdrawals/<str:public_id>/", rest.OneWithdrawal.as_view(), name="withdrawal"),
    path("withdrawals/<str:public_id>/take-back/", rest.TakeBack.as_view(), name="take_back"),
    path("charges/", rest.Charges.as_view(), name="charges"),
    path("bills/", rest.Bills.as_view(), name="bills"),
]
