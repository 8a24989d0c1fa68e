"""`public` is mounted under /, `company` under /c/<slug>/, `api` under /api/v1/."""

from django.urls import path

from . import api as api_doors
from . import provider_views, views

public = [
    path("shop/", views.shop, name="shop"),
    path("industry/<slug:key>/", views.industry, name="industry"),
    path("search/", views.search, name="search"),
    path("compare/", views.compare, name="compare"),
    path("p/<slug:code>/sample", views.sample_file, name="sample"),
    path("p/<slug:code>/tell-me/", views.tell_me, name="tell_me"),
    path("p/<slug:code>/tell-me/undo/", views.untell, name="untell"),
]
company = [
    path("offerings/", provider_views.offerings, name="offerings"),
    path("offerings/new/", provider_views.create, name="offering_new"),
    path("offerings/<str:public_id>/", provider_views.offering, name="offering"),
    path("offerings/<str:public_id>/preview/", provider_views.preview, name="offering_preview"),
    path("offerings/<str:public_id>/price/", provider_views.price, name="offering_price"),
    path("offerings/<str:public_id>/<slug:step>/", provider_views.step, name="offering_step"),
]
api = [
    path("packages", api_doors.Packages.as_view(), name="packages"),
    path("packages/<slug:code>", api_doors.OnePackage.as_view(), name="package"),
    path("offerings", api_doors.Offerings.as_view(), name="offerings"),
    path("offerings/<str:public_id>", api_doors.OneOffering.as_view(), name="offering"),
    path("provider/offerings", api_doors.OwnOfferings.as_view(), name="own_offerings"),
    path("provider/offerings/<str:public_id>", api_doors.OwnOffering.as_view(), name="own_offering"),
    path("provider/offerings/<str:public_id>/price", api_doors.OwnPrice.as_view(), name="own_price"),
    path("provider/offerings/<str:public_id>/steps", api_doors.OwnStep.as_view(), name="own_step"),
]
