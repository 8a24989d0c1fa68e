"""Where this room's pages are. portal.urls mounts the list."""

from django.urls import path

from . import views

company = [
    path("wallet/", views.wallet, name="wallet"),
    path("wallet/top-up/", views.topup, name="topup"),
    path("wallet/top-up/<str:public_id>/", views.topup_detail, name="topup_detail"),
    path("bills/<str:public_id>/", views.bill, name="bill"),
]
