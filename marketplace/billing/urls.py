"""Where this room's pages are. portal.urls mounts the list."""

from django.urls import path

from . import api as rest
from . import views

company = [
    path("wallet/", views.wallet, name="wallet"),
    path("wallet/top-up/", views.topup, name="topup"),
    path("wallet/top-up/<str:public_id>/", views.topup_detail, name="topup_detail"),
    path("bills/<str:public_id>/", views.bill, name="bill"),
]
api = [
    path("wallet/", rest.Wallet.as_view(), name="wallet"),
    path("topups/", rest.TopUps.as_view(), name="topups"),
    path("charges/", rest.Charges.as_view(), name="charges"),
    path("bills/", rest.Bills.as_view(), name="bills"),
]
