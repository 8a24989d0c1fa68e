"""`company` is mounted under /c/<slug>/, `api` under /api/v1/."""

from django.urls import path

from . import api as rest
from . import views

company = [
    path("offerings/<str:public_id>/where/", views.listing, name="listing"),
]
api = [
    path("provider/offerings/<str:public_id>/sites", rest.OwnListing.as_view(), name="own_listing"),
]
