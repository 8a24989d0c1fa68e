from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "bank.ledger"
    label = "ledger"
