from django.apps import AppConfig


class DepositsConfig(AppConfig):
    name = "bank.deposits"
    label = "deposits"
