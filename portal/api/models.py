"""First answers to writes, kept for a day, so that a repeated request is answered and not done again."""

from __future__ import annotations

from django.db import models


class IdempotencyRecord(models.Model):
    """One answer. Written in the transaction of what it answers: both are there, or neither.

    `owner` is text (a company's or a person's public name), because this room knows no company.
    """

    owner = models.CharField(max_length=80)
    method = models.CharField(max_length=7)
    path = models.CharField(max_length=300)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64, help_text="sha256 of what was asked")
    status = models.PositiveSmallIntegerField(
        default=0, help_text="0 only inside the transaction that is answering"
    )
    body = models.TextField(blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "method", "path", "key"], name="one_answer_per_key"),
        ]
        indexes = [models.Index(fields=["expires_at"])]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"
