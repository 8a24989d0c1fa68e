"""Where this room's pages are. portal.urls mounts the lists."""

from django.urls import path

from . import api as rest
from . import site_views, views

company = [
    path("bank/", views.bank, name="bank"),
    path("bank/withdraw/", views.withdraw, name="withdraw"),
    path("bank/earnings/", views.earnings, name="earnings"),
    path("bank/deposits/<str:public_id>/take-back/", views.take_back, name="take_back"),
    path("sites/", site_views.sites, name="sites"),
    path("sites/new/", site_views.register, name="site_new"),
    path("sites/<str:public_id>/", site_views.site, name="site"),
]
api = [
    path("sites/", rest.Sites.as_view(), name="sites"),
    path("sites/<str:public_id>/", rest.OneSite.as_view(), name="site"),
    path("deposits/", rest.Deposits.as_view(), name="deposits"),
    path("slots/", rest.Slots.as_view(), name="slots"),
    path("banked-hours/", rest.BankedHours.as_view(), name="banked"),
]
