"""A region and a model; what stands on the shelf is made by models_for_sale."""

import pytest

from tests.marketplace.catalogue.goods import make_region
from tests.marketplace.gateway.models_for_sale import make_draft, make_endpoint, make_model


@pytest.fixture
def region(db):
    return make_region()


@pytest.fixture
def model(db):
    return make_model()


@pytest.fixture
def vectors(db):
    no_note = {"note_zh": "", "note_en": ""}
    return make_model("bge-m3", name="BGE M3", maker="BAAI", kind="embedding", context_tokens=8192, **no_note)


@pytest.fixture
def draft(yongli, model, region, now):
    return make_draft(yongli, model, region, now)


@pytest.fixture
def endpoint(yongli, model, region, now):
    """Published: input CNY 2, output CNY 8 for a million tokens."""
    return make_endpoint(yongli, model, region, now)
