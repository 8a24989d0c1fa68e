"""Customers' files are deleted when their time is over, as the page says."""

from datetime import timedelta

import pytest
from django.core.files.storage import default_storage

from marketplace.orders import uploads
from marketplace.orders.models import Quote
from marketplace.provisioning import actions as provisioning
from portal.core.errors import Refused

pytestmark = pytest.mark.django_db


def test_a_file_is_kept_for_90_days_and_then_gone(market, funded, now):
    upload = market.upload(funded)
    assert uploads.forget_old(now=now + timedelta(days=89, hours=23)) == 0
    assert default_storage.exists(upload.storage_key)
    assert uploads.forget_old(now=now + timedelta(days=90)) == 1
    assert not default_storage.exists(upload.storage_key)
    assert uploads.forget_old(now=now + timedelta(days=90)) == 0


def test_a_deleted_file_cannot_be_quoted(market, funded, now):
    upload = market.upload(funded)
    uploads.forget_old(now=now + timedelta(days=90))
    upload.refresh_from_db()
    with pytest.raises(Refused, match="deleted"):
        uploads.claim(upload=upload, organisation=funded)
    assert not Quote.objects.exists()


@pytest.mark.sandbox
def test_results_go_and_the_receipt_stays(market, funded, now, needs_sandbox):
    order = market.finish(market.place(funded))
    provisioning.forget_old_results(now=now + timedelta(days=91))
    assert all(not default_storage.exists(f.storage_key) for f in order.allocation.files.all())
    order.allocation.refresh_from_db()
    assert order.allocation.result is not None
