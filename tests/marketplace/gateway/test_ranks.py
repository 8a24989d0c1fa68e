import random

from marketplace.gateway.ranks import Cell, Sums, Tokens, change_ppm, publish, rank, ratio_ppm


def cell(model, provider, tokens, *companies):
    """A cell as the query reads it: of one or two companies it knows who, of more only two."""
    known = frozenset({min(companies), max(companies)})
    return Cell(model, provider, "CN", Tokens(tokens), len(companies), known)


def rows(sums):
    return {key: tokens.total for key, tokens in sums.rows.items()}


def test_a_model_with_three_companies_at_three_providers_has_a_row_and_no_provider_has():
    week = publish([cell("kimi", "x", 5, 1), cell("kimi", "y", 6, 2), cell("kimi", "z", 7, 3)])
    assert rows(week.models) == {"kimi": 18}
    assert (rows(week.providers), week.providers.other.total) == ({}, 18)


def test_the_same_company_at_three_providers_is_one_company():
    assert publish([cell("kimi", "x", 5, 1), cell("kimi", "y", 6, 1), cell("kimi", "z", 7, 2)]) is None


def test_use_at_an_unknown_provider_counts_for_its_model_alone():
    week = publish([cell("kimi", "", 50, 1, 2, 3), cell("kimi", "x", 70, 1, 2, 3)])
    assert rows(week.models) == {"kimi": 120}
    assert (rows(week.providers), week.providers.other.total) == ({"x": 70}, 50)


def test_models_that_three_companies_used_only_together_are_one_sum():
    week = publish([cell("a", "x", 5, 1), cell("b", "x", 6, 2), cell("c", "x", 7, 3)])
    assert (rows(week.models), week.models.other.total) == ({}, 18)


def test_equal_rows_stand_by_name():
    found, other = rank([Sums({"b": Tokens(5), "a": Tokens(0, 5)}), None], 10)
    assert [(row.rank, row.key) for row in found] == [(1, "a"), (2, "b")]
    assert other is None


def test_ratios_round_halves_upwards_and_a_fall_is_negative():
    assert ratio_ppm(1, 2_000_000) == 1
    assert ratio_ppm(1, 2_000_001) == 0
    assert change_ppm(Tokens(50), Tokens(75)) == -333_333
    assert change_ppm(Tokens(50), Tokens(0)) is None
    assert change_ppm(Tokens(50), None) is None


def test_no_combination_of_sums_is_the_use_of_fewer_than_three_companies():
    """Every sum of rows is made of the same parts, and each part has three companies behind it."""
    dice = random.Random(4)
    for _ in range(300):
        uses = {
            (m, p, c): 2 ** (n + 1)
            for n, (m, p, c) in enumerate(
                (m, p, c) for m in "abcd" for p in "xyz" for c in range(5) if dice.random() < 0.35
            )
        }
        cells = []
        for m in "abcd":
            for p in "xyz":
                who = [c for c in range(5) if (m, p, c) in uses]
                if who:
                    tokens = Tokens(sum(uses[m, p, c] for c in who))
                    known = frozenset({min(who), max(who)})
                    cells.append(Cell(m, p, "CN" if m in "ab" else "US", tokens, len(who), known))
        week = publish(cells)
        if week is None:
            assert len({c for _m, _p, c in uses}) < 3
            continue
        sums = [
            tokens.total
            for table in (week.models, week.providers, week.countries)
            for tokens in (*table.rows.values(), table.other, table.total)
        ]
        # every use is a bit of its own: a difference of two sums shows by its bits whose use it would be
        for one in sums:
            for two in sums:
                left = one & ~two
                who = {c for (_m, _p, c), bit in uses.items() if left & bit}
                assert not left or len(who) >= 3, (uses, one, two)
