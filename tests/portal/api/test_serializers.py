"""Integers travel as strings."""

import pytest
from rest_framework.exceptions import ValidationError

from portal.api.serializers import IntegerString, ModelShape


def test_big_amounts_survive():
    field = IntegerString()
    assert field.to_representation(9_007_199_254_740_993) == "9007199254740993"
    assert field.to_internal_value("9007199254740993") == 9_007_199_254_740_993
    assert field.to_internal_value(79) == 79
    assert field.to_internal_value("-5") == -5


@pytest.mark.parametrize(
    "value", ["1.5", 1.5, True, None, "", "1e6", "٣", "0x10", " 1", "+1", "007", "1,000", "9" * 20, [], {}]
)
def test_anything_but_a_whole_number_is_refused(value):
    with pytest.raises(ValidationError):
        IntegerString().run_validation(value)


def test_bounds_are_inclusive():
    field = IntegerString(least=0, most=10)
    assert field.run_validation("0") == 0
    assert field.run_validation("10") == 10
    for value in ("-1", "11"):
        with pytest.raises(ValidationError):
            field.run_validation(value)


def test_a_column_with_a_unit_becomes_a_string_by_itself():
    from bank.ledger.models import Hold

    class HoldShape(ModelShape):
        class Meta:
            model = Hold
            fields = ("created_at",)

    assert type(HoldShape().fields["created_at"]).__name__ == "Instant"
