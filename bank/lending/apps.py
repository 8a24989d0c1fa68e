from django.apps import AppConfig


class LendingConfig(AppConfig):
    name = "bank.lending"
    label = "lending"
