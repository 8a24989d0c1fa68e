"""Where this room's pages are. portal.urls mounts the lists."""

from django.urls import path

from . import api as rest
from . import views

public = [
    path("p/<slug:code>/", views.package, name="package"),
    path("p/<slug:code>/try/", views.try_sample, name="try"),
    path("try/<str:public_id>/", views.sample, name="sample"),
]
company = [
    path("quotes/<str:public_id>/", views.quote, name="quote"),
    path("orders/", views.orders, name="list"),
    path("orders/<str:public_id>/", views.order, name="detail"),
    path("orders/<str:public_id>/why/", views.why, name="why"),
    path("orders/<str:public_id>/files/<str:file_id>/", views.file, name="file"),
]
api = [
    path("uploads/", rest.Uploads.as_view(), name="uploads"),
    path("quotes/", rest.Quotes.as_view(), name="quotes"),
    path("quotes/<str:public_id>/", rest.OneQuote.as_view(), name="quote"),
    path("orders/", rest.Orders.as_view(), name="orders"),
    path("orders/<str:public_id>/", rest.OneOrder.as_view(), name="order"),
    path("orders/<str:public_id>/stop/", rest.StopOrder.as_view(), name="stop"),
    path("orders/<str:public_id>/files/<str:file_id>/", rest.OrderFile.as_view(), name="file"),
]
