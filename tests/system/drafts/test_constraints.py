"""What a prompt demands in plain words becomes a scorer; what it does not say, or says twice, does not."""

from __future__ import annotations

import pytest

from headworks.system.drafts.constraints import demands

PRICES = "$€£¥"


@pytest.mark.parametrize(
    ("prompt", "scorers"),
    [
        ("Antworte nur auf Deutsch.", ["{kind: language, value: de}"]),
        ("You speak to people in Germany. Reply only in German.", ["{kind: language, value: de}"]),
        ("Translate what you are given from German into English.", ["{kind: language, value: en}"]),
        ("Answer in English or German.", ["{kind: language, value: [en, de]}"]),
        ("Never answer in French.", ["{kind: language, value: fr, negate: true}"]),
        ("Réponds toujours en français.", ["{kind: language, value: fr}"]),
        ("Answer in German. Answer in English.", []),  # a person has to say which
        ("Answer in two sentences.", ["{kind: sentences, at_most: 2}"]),
        ("Respond in 2-3 sentences.", ["{kind: sentences, at_most: 3}"]),
        ("Höchstens drei Sätze.", ["{kind: sentences, at_most: 3}"]),
        ("Use at least 20 words.", ["{kind: words, at_least: 20}"]),
        ("Summarise it in under 100 words.", ["{kind: words, at_most: 100}"]),
        ("Return valid JSON only.", ["{kind: json_schema}"]),
        ("Never output JSON.", []),
        ("Answer in bullet points.", [r"{kind: regex, pattern: '(?:^|\n)\s*(?:[-*•]|\d{1,3}[.)])\s'}"]),
        ("Answer yes or no.", [r"{kind: regex, pattern: '^\W*(?:yes|no)\b', ignore_case: true}"]),
        ('Never say "delve".', ['{kind: contains, value: "delve", ignore_case: true, negate: true}']),
        ("Sage niemals „leider“.", ['{kind: contains, value: "leider", ignore_case: true, negate: true}']),
        ('Do not guess; say "I do not know".', []),
        ('End every answer with "Cheers!"', [r'{kind: regex, pattern: "Cheers!\\s*$"}']),
        ("You are a kind assistant who knows garden tools.", []),
    ],
)
def test_a_demand_becomes_a_scorer(prompt: str, scorers: list[str]) -> None:
    assert [one.scorer for one in demands(prompt)] == scorers


@pytest.mark.parametrize("prompt", ["Never name a price.", "Nenne nie einen Preis.", "Answer without any prices."])
def test_a_price_that_must_not_be_named_is_an_amount_of_money(prompt: str) -> None:
    [one] = demands(prompt)
    assert one.scorer.startswith("{kind: regex")
    assert "$€£¥" in one.scorer
    assert one.scorer.endswith("negate: true}")
    assert one.said == prompt


def test_a_long_prompt_is_read_in_a_bounded_number_of_steps() -> None:
    assert (
        demands("never never never " * 50_000 + "\n" + "Answer in German.\n" * 100_000)[-1].said == "Answer in German."
    )
