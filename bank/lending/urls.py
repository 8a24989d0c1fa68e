"""Where this room's pages are. portal.urls mounts the lists."""

from django.urls import path

from . import api as rest
from . import apply_views, lender_views, views

company = [
    path("loans/", views.loans, name="loans"),
    path("loans/apply/", apply_views.apply, name="apply"),
    path("loans/credit/", views.repay_credit, name="credit"),
    path("loans/applications/<str:public_id>/", views.application, name="application"),
    path("loans/applications/<str:public_id>/offer/", lender_views.offer, name="make_offer"),
    path("loans/applications/<str:public_id>/reject/", lender_views.reject, name="reject"),
    path("loans/offers/<str:public_id>/", views.answer, name="answer"),
    path("loans/offers/<str:public_id>/withdraw/", lender_views.withdraw_offer, name="withdraw_offer"),
    path("loans/<str:public_id>/", views.loan, name="loan"),
    path("loans/<str:public_id>/repay/", views.repay, name="repay"),
    path("loans/<str:public_id>/pledge/", views.pledge, name="pledge"),
]
api = [
    path("loans/", rest.Loans.as_view(), name="loans"),
    path("loans/<str:public_id>/repayments/", rest.Repayments.as_view(), name="repayments"),
    path("loan-applications/", rest.Applications.as_view(), name="applications"),
    path("loan-applications/<str:public_id>/offers/", rest.Offers.as_view(), name="offers"),
    path("loan-offers/<str:public_id>/accept/", rest.Accept.as_view(), name="accept"),
]
