import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest

from marketplace.gateway import rankings, reference
from marketplace.gateway.models import AccessKey, AiModel, DailyUse, Endpoint
from tests.conftest import make_organisation
from tests.marketplace.catalogue.goods import make_region

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 11, 9)  # the newest week that is settled in the cast's time
URL, API, FILE = "/rankings/", "/api/v1/rankings/", "/rankings/csv/"


@pytest.fixture(autouse=True)
def _clock(monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)


@pytest.fixture
def use(now, bo, yongli):
    """use("deepseek", company, 900): a day's tokens of a company; company: a number or an organisation."""
    companies, keys, endpoints, models = {}, {}, {}, {}
    region = make_region()

    def company_of(name):
        if not isinstance(name, int):
            return name
        if name not in companies:
            companies[name] = make_organisation(f"c{name}", f"Company {name}", f"91330100MA2{name:07d}", "catering")
        return companies[name]

    def model_of(slug, country):
        if slug not in models:
            fields = {"name": slug.title(), "maker": f"{slug} lab", "context_tokens": 8192}
            models[slug] = AiModel.objects.create(slug=slug, country=country, **fields)
        return models[slug]

    def endpoint_of(model, provider):
        pair = (model.pk, provider.pk)
        if pair not in endpoints:
            endpoints[pair] = Endpoint.objects.create(
                model=model, provider=provider, region=region, base_url="https://example.test/v1",
                upstream_model="m", output_tokens=1000, created_at=now, state="published",
            )  # fmt: skip
        return endpoints[pair]

    def used(slug, company, tokens, *, day=MONDAY, country="CN", provider=yongli, output=0, **fields):
        company, model = company_of(company), model_of(slug, country)
        if company.pk not in keys:
            keys[company.pk] = AccessKey.objects.create(
                organisation=company, user=bo, created_by=bo, name="k", secret_hash="x", created_at=now
            )
        return DailyUse.objects.create(
            day=day, organisation=company, key=keys[company.pk], model=model, calls=1,
            endpoint=endpoint_of(model, provider) if provider else None,
            input_tokens=tokens, output_tokens=output, **fields,
        )  # fmt: skip

    return used


@pytest.fixture
def busy(use):
    """Two models that three companies used, one that two did and one that only one did."""
    for company in (1, 2, 3):
        use("deepseek", company, 200)
        use("kimi", company, 100)
    for company in (1, 2):
        use("grok", company, 40, country="US")
    use("secret", 3, 20, country="US")
    return use


def keys_of(lines):
    return [(line["key"], line["tokens"]) for line in lines]


def test_everybody_reads_the_week_without_an_account(client, busy):
    body = client.get(API).json()
    assert (body["week"], body["week_from"], body["week_to"]) == ("2026-W46", "2026-11-09", "2026-11-15")
    assert body["as_of"] == "2026-11-23T01:12:00Z"
    assert body["total_tokens"] == "1000"
    assert keys_of(body["models"]) == [("deepseek", "600"), ("kimi", "300"), ("other", "100")]
    assert [line["share_ppm"] for line in body["models"]] == [600_000, 300_000, 100_000]
    assert [line["rank"] for line in body["models"]] == [1, 2, None]
    assert body["users"] == [{"country": "CN", "tokens": "1000", "share_ppm": 1_000_000}]


def test_a_model_that_fewer_than_three_companies_used_has_no_row(client, busy):
    text = client.get(API).content.decode() + client.get(URL).content.decode() + client.get(FILE).content.decode()
    assert "deepseek" in text
    assert "grok" not in text.lower() and "secret" not in text


def test_two_days_and_two_keys_of_one_company_are_still_one_company(client, busy, use, bo, now):
    use("grok", 1, 40, day=MONDAY + timedelta(days=1), country="US")
    company = DailyUse.objects.filter(model__slug="grok").first().organisation
    other = AccessKey.objects.create(
        organisation=company, user=bo, created_by=bo, name="second", secret_hash="y", created_at=now
    )
    row = DailyUse.objects.filter(model__slug="grok").first()
    row.pk, row.key = None, other
    row.save()
    assert keys_of(client.get(API).json()["models"])[-1] == ("other", "180")
    use("grok", 3, 900, country="US")
    assert "grok" in [line["key"] for line in client.get(API).json()["models"]]


def test_a_call_that_came_to_no_token_makes_no_user(client, busy, use):
    use("grok", 3, 0, country="US", failed=1)
    assert "grok" not in [line["key"] for line in client.get(API).json()["models"]]


def test_a_hidden_model_never_stands_alone_under_other(client, use):
    """One company's secret model is not the difference of the total and the rows: the smallest row joins it."""
    for company in (1, 2, 3):
        use("deepseek", company, 200)
        use("kimi", company, 100)
    use("secret", 3, 20)
    assert keys_of(client.get(API).json()["models"]) == [("deepseek", "600"), ("other", "320")]


def test_a_country_counts_no_hidden_model(client, busy):
    """Grok and Secret together have three users, each of them has fewer; China less its models is not a leak."""
    body = client.get(API).json()
    assert keys_of(body["countries"]) == [("CN", "900"), ("other", "100")]


def test_a_provider_counts_only_what_three_companies_used_of_a_model_there(client, busy, use, harbour, yongli):
    use("deepseek", 4, 5, provider=harbour)  # the only one there
    body = client.get(API).json()
    assert keys_of(body["models"])[0] == ("deepseek", "605")
    # what harbour served is not the difference either: all of deepseek went to `other` with it
    assert keys_of(body["providers"]) == [(yongli.public_id, "300"), ("other", "705")]


def test_tables_add_up_to_the_same_total(client, busy, use, harbour):
    for company in (1, 2, 3, 4):
        use("kimi", company, 7, provider=harbour, output=3)
    body = client.get(API).json()
    for table in rankings.TABLES:
        assert sum(int(line["tokens"]) for line in body[table]) == int(body["total_tokens"]) == 1040
    assert body["models"][1]["prompt_tokens"] == "328"
    assert body["models"][1]["completion_tokens"] == "12"


def test_fewer_than_three_companies_publish_no_sum_at_all(client, use):
    use("deepseek", 1, 271_828)
    use("deepseek", 2, 271_828)
    body = client.get(API).json()
    assert (body["total_tokens"], body["models"], body["providers"], body["users"]) == (None, [], [], [])
    page = client.get(URL).content.decode()
    assert "No ranking for this week" in page and "271" not in page and "543" not in page


def test_the_operator_is_no_user(client, busy, platform):
    busy("grok", platform, 40, country="US")
    body = client.get(API).json()
    assert body["total_tokens"] == "1000"
    assert "grok" not in [line["key"] for line in body["models"]]


def test_a_week_is_shown_only_when_it_is_over_and_settled(client, busy, use, monkeypatch):
    for company in (1, 2, 3):
        use("kimi", company, 5, day=date(2026, 11, 22))  # a Sunday
        use("kimi", company, 9, day=date(2026, 11, 23))
    at = datetime(2026, 11, 23, 5, 59, tzinfo=UTC)
    monkeypatch.setattr("portal.core.clock.now", lambda: at)
    assert client.get(API).json()["week"] == "2026-W46"
    assert client.get(f"{API}?week=2026-W47").status_code == 400
    monkeypatch.setattr("portal.core.clock.now", lambda: at + timedelta(minutes=1))
    body = client.get(API).json()
    assert (body["week"], body["total_tokens"]) == ("2026-W47", "15")


def test_the_change_is_on_the_week_before_and_nothing_without_a_row_there(client, busy, use):
    for company in (1, 2, 3):
        use("deepseek", company, 250, day=MONDAY - timedelta(days=1))
    body = client.get(API).json()
    assert [line["change_ppm"] for line in body["models"]] == [-200_000, None, None]
    assert body["change_ppm"] == 333_333
    assert "−20.0 %" in client.get(URL).content.decode()


def test_weeks_in_the_lead_are_counted_back_to_the_first_that_another_led(client, busy, use):
    for back, model in ((1, "deepseek"), (2, "kimi"), (3, "deepseek")):
        for company in (1, 2, 3):
            use(model, company, 10, day=MONDAY - timedelta(weeks=back))
    models = client.get(API).json()["models"]
    assert [line["weeks_in_lead"] for line in models] == [2, 0, 0]
    assert client.get(API).json()["countries"][0]["weeks_in_lead"] == 4


def test_a_week_without_a_ranking_breaks_the_lead(client, busy, use):
    for company in (1, 2, 3):
        use("deepseek", company, 10, day=MONDAY - timedelta(weeks=2))
    assert client.get(API).json()["models"][0]["weeks_in_lead"] == 1


def test_what_comes_after_the_first_rows_joins_the_row_of_the_others(client, use, monkeypatch):
    monkeypatch.setattr(rankings, "TOP", 2)
    for n, model in enumerate(("a1", "b2", "c3", "d4")):
        for company in (1, 2, 3):
            use(model, company, 10 + n)
    body = client.get(API).json()
    assert keys_of(body["models"]) == [("d4", "39"), ("c3", "36"), ("other", "63")]


def test_week_and_table_stand_in_the_address(client, busy, use, yongli):
    for company in (1, 2, 3):
        use("deepseek", company, 1, day=MONDAY - timedelta(weeks=1))
    page = client.get(f"{URL}?week=2026-W45&table=providers").content.decode()
    assert "2026-W45" in page and "Yongli Mould" in page
    assert client.get(f"{API}?week=2026-W45").json()["total_tokens"] == "3"
    assert client.get(f"{API}?week=2026-W44").json()["total_tokens"] is None


@pytest.mark.parametrize("week", ["yesterday", "2026-W54", "2026-W4", "0001-W01", "9999-W52", "2026-W60"])
def test_what_is_no_week_is_refused_by_rest_and_the_page_shows_the_newest(client, busy, week):
    answer = client.get(f"{API}?week={week}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "week"
    page = client.get(f"{URL}?week={week}&table=nonsense")
    assert page.status_code == 200
    assert "2026-W46" in page.content.decode()


def test_the_file_has_the_table_of_the_page(client, busy):
    answer = client.get(f"{FILE}?week=2026-W46&table=models")
    assert answer["Content-Disposition"] == 'attachment; filename="token-rankings-models-2026-W46.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(r["rank"], r["key"], r["tokens"], r["share_percent"]) for r in rows] == [
        ("1", "deepseek", "600", "60.0000"), ("2", "kimi", "300", "30.0000"), ("", "other", "100", "10.0000")
    ]  # fmt: skip


def test_a_name_is_no_formula_in_the_file(client, busy, yongli):
    type(yongli).objects.filter(pk=yongli.pk).update(name="=HYPERLINK(1)")
    rows = list(csv.DictReader(io.StringIO(client.get(f"{FILE}?table=providers").content.decode("utf-8-sig"))))
    assert rows[0]["name"] == "'=HYPERLINK(1)"


def test_data_may_be_cached_by_anybody(client, busy):
    for url in (API, FILE):
        said = client.get(url)["Cache-Control"]
        assert "public" in said and "max-age=600" in said


def test_published_figures_stand_apart_and_in_no_sum(client, busy):
    reference.load()
    body = client.get(API).json()
    assert [(f["country"], f["tokens"], f["change_ppm"]) for f in body["published_elsewhere"]] == [
        ("CN", "12960000000000", 315_000), ("US", "3030000000000", 7_600)
    ]  # fmt: skip
    assert body["total_tokens"] == "1000"
    assert "press" in body["published_elsewhere"][0]["source_en"]
    page = client.get(URL).content.decode()
    assert "12.96 T" in page and "+31.50 %" in page and "+0.76 %" in page
    assert "none of the sums above" in page and "30 March–5 April 2026" in page


def test_the_page_speaks_chinese(client, busy):
    reference.load()
    page = client.get(URL, headers={"accept-language": "zh-CN"}).content.decode()
    assert "词元排行" in page and "12.96 万亿" in page and "中国" in page
    assert "Token rankings" not in page


def test_ten_times_the_companies_models_and_weeks_cost_the_same_queries(
    client, busy, use, django_assert_num_queries
):
    with django_assert_num_queries(2):  # use, figures published elsewhere
        client.get(API)
    with django_assert_num_queries(2):
        client.get(URL)
    with django_assert_num_queries(1):
        client.get(FILE)
    for back in range(10):
        for company in range(1, 11):
            use(f"m{company % 5}{back}", company, 10, day=MONDAY - timedelta(weeks=back))
    with django_assert_num_queries(2):
        client.get(API)
    with django_assert_num_queries(2):
        client.get(URL)
    with django_assert_num_queries(1):
        client.get(FILE)
