"""How a published mixture is loaded, in three lines, by those who train on it."""

from __future__ import annotations

SNIPPETS: dict[str, tuple[tuple[str, ...], str]] = {
    "datasets": (
        ("samples", "hub", "trl"),
        """\
from datasets import load_dataset
data = load_dataset("{place}", "{config}", split="train", streaming=True)
sample = next(iter(data))  # sample["images"] are PIL pictures
""",
    ),
    "torch, with the weights and in the order of the mixture": (
        ("samples",),
        """\
from cauldron.loader.dataset import PlainBatches
for batch in PlainBatches("{url}", samples=32):
    print(batch.drawn[0].sample["messages"], batch.state)  # load_state_dict(state) goes on here
    break
""",
    ),
    "TRL": (
        ("samples", "trl"),
        """\
from datasets import load_dataset
data = load_dataset("{place}", "{config}", split="train").select_columns(["messages", "images"])
# trl.SFTTrainer(model="HuggingFaceM4/idefics2-8b", train_dataset=data).train()
""",
    ),
    "nanoVLM and readers of The Cauldron": (
        ("hub",),
        """\
from datasets import load_dataset
data = load_dataset("{place}", "{config}", split="train")
turns = [(text["user"], text["assistant"]) for text in data[0]["texts"]]
""",
    ),
}
"""Forms that a reader takes, and the code; `place`, `config` and `url` are filled in."""


def snippets(form: str, place: str, config: str, url: str) -> dict[str, str]:
    """Return the code for each reader of a form.

    Args:
        place: what `load_dataset` takes.
        url: where the manifest lies.
    """
    return {
        reader: code.format(place=place, config=config, url=url)
        for reader, (forms, code) in SNIPPETS.items()
        if form in forms
    }
