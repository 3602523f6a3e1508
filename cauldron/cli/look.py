"""Commands that look: sources, show, why, stats, report, verify."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cauldron.cli.options import Json, Work
from cauldron.cli.run import emit, guarded, message, table, visible


def sources(
    name: Annotated[str | None, typer.Argument(help="One source, to see its card.")] = None,
    category: Annotated[str | None, typer.Option(help="Part of a category's name.")] = None,
    license_: Annotated[
        str | None, typer.Option("--licence", "--license", help="Beginning of a licence's name.")
    ] = None,
    commercial: Annotated[
        bool | None, typer.Option(help="Whether the licence is known to allow commercial use.")
    ] = None,
    gated: Annotated[bool | None, typer.Option(help="Whether access must be asked for.")] = None,
    multi_image: Annotated[
        bool | None, typer.Option(help="Whether samples have several pictures.")
    ] = None,
    bibtex: Annotated[
        bool, typer.Option("--bibtex", help="Write the citations of these sources as BibTeX.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the catalogue, or show one source's card.

    Example: cauldron sources --category chart --commercial
    """
    with guarded():
        from cauldron.sources.card import card, card_names, fits_query
        from cauldron.sources.catalogue import source_names

        readable = set(source_names())
        if name:
            facts = card(name)
            if bibtex:
                _print_citations([facts], as_json)
            elif as_json:
                emit({**facts.model_dump(), "forms": _forms(name, readable)})
            else:
                _print_card(facts, _forms(name, readable))
            return
        wanted = {
            "category": category,
            "license": license_,
            "commercial": commercial,
            "gated": gated,
            "multi_image": multi_image,
        }
        cards = [c for n in card_names() if fits_query(c := card(n), wanted)]
        if bibtex:
            _print_citations(cards, as_json)
            return
        listed = [{**c.model_dump(), "forms": _forms(c.name, readable)} for c in cards]
        if as_json:
            emit({"sources": listed})
            return
        rows = [[c["name"], c["category"], c["license"], ", ".join(c["forms"])] for c in listed]
        table(f"{len(rows)} sources", ["name", "category", "licence", "reads"], rows)
        known = "; ".join(sorted({card(n).category for n in card_names()}))
        message(
            "next: cauldron sources NAME says how to get its raw data"
            if rows
            else f"no source fits all of these; categories: {known}"
        )


def _print_citations(cards: list[Any], as_json: bool) -> None:
    """Write each BibTeX entry once; say which sources are cited in words only."""
    entries = list(dict.fromkeys(c.citation.strip() for c in cards if c.citation.startswith("@")))
    others = [c.name for c in cards if not c.citation.startswith("@")]
    if as_json:
        emit({"bibtex": "\n\n".join(entries), "without_bibtex": others})
        return
    print(visible("\n\n".join(entries)))
    if others:
        message(f"without BibTeX, see their cards: {', '.join(others)}")


def card(
    name: Annotated[str | None, typer.Argument(help="A source.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Check all cards, or the one named.")] = (
        False
    ),
    as_json: Json = False,
) -> None:
    """Show the data card of a source as it is written, or check the cards.

    Example: cauldron card --check
    """
    with guarded():
        from cauldron.errors import CheckError, UsageError
        from cauldron.sources.card import card as read
        from cauldron.sources.card import card_names, card_text
        from cauldron.sources.card_checks import faults

        if not check:
            if not name:
                raise UsageError("no source named", hint="cauldron card NAME, or --check")
            emit(read(name).model_dump()) if as_json else print(visible(card_text(name)))
            return
        names = [name] if name else card_names()
        found = {n: told for n in names if (told := faults(n))}
        if as_json:
            emit({"checked": len(names), "faults": found})
        else:
            for n, told in found.items():
                message(f"{n}: {'; '.join(told)}")
            message(f"{len(names)} cards checked, {len(found)} with faults")
        if found:
            raise CheckError(f"{len(found)} cards have faults")


def _forms(name: str, readable: set[str]) -> list[str]:
    from cauldron.sources.catalogue import source_named

    return [f.name for f in source_named(name).forms] if name in readable else ["hub"]


def _print_card(card: Any, forms: list[str]) -> None:
    print(f"{card.name}: {card.title}\n")
    facts = {
        "category": card.category,
        "licence": card.license + (" (gated)" if card.gated else ""),
        "home page": card.homepage,
        "splits": ", ".join(card.splits),
        "languages": ", ".join(card.languages),
        "pictures": card.image_origin,
        "forms": ", ".join(forms),
        "raw data": card.download,
    }
    for key, value in facts.items():
        if value:
            print(f"  {key:<11}{visible(value)}")
    for path in card.layout:
        print(f"    {visible(path)}")
    for fault in card.faults:
        print(f"  known fault: {visible(fault)}")
    print(f"\n{visible(card.prose)}\n\n{visible(card.citation)}")


def show(
    work: Annotated[str, typer.Argument(help="A work folder or a manifest.")],
    sample_id: Annotated[str | None, typer.Argument(help="One sample's id.")] = None,
    number: Annotated[int, typer.Option("-n", help="How many samples of each source.")] = 2,
    as_json: Json = False,
) -> None:
    """Show samples as text.

    Example: cauldron show work vsr/train/000000000009
    """
    with guarded():
        from cauldron import samples_text

        found = list(samples_text.chosen(work, sample_id, number))
        if as_json:
            emit({"samples": found})
            return
        for sample in found:
            print(visible(samples_text.as_text(sample)) + "\n")


def why(work: Work, sample_id: str, as_json: Json = False) -> None:
    """Tell where a sample came from, every signal, every decision, its weight.

    Example: cauldron why work vsr/train/000000000009
    """
    with guarded():
        from cauldron.errors import UsageError
        from cauldron.lineage import explain
        from cauldron.samples_text import why_text

        found = explain(work, sample_id)
        if as_json:
            emit(found)
        elif found["found"] or found["quarantined"]:
            print(visible(why_text(found)))
        if not found["found"] and not found["quarantined"]:
            hint = ", ".join(found["near"]) or "cauldron show lists some"
            raise UsageError(f"no sample '{sample_id}'", place=work, hint=f"near: {hint}")


def stats(work: Work, as_json: Json = False) -> None:
    """Count by source: read, kept, dropped by reason, images, turns.

    Example: cauldron stats work
    """
    with guarded():
        from cauldron.errors import CheckError
        from cauldron.stats import work_stats
        from cauldron.storage.work import require

        require(work)
        found = work_stats(work)
        if as_json:
            emit(found)
        else:
            print_stats(found)
        if not found["balanced"]:
            raise CheckError(found["problems"][0], place=work, hint=f"cauldron verify {work}")


def print_stats(found: dict[str, Any]) -> None:
    """Print the funnel of each source, then every reason with its count."""
    print_funnel(found)
    reasons = [
        [name, kind, reason, number]
        for name, counts in found["sources"].items()
        for kind in ("quarantined", "skipped", "dropped")
        for reason, number in counts[kind].items()
    ]
    if reasons:
        print()
        table("Why records were left out", ["source", "", "reason", "records"], reasons)


def print_funnel(found: dict[str, Any]) -> None:
    """Print how many records of each source were read, written, kept and dropped."""
    columns = ["read", "written", "quarantined", "skipped", "kept", "dropped", "images", "turns"]
    listed = {**found["sources"], "all": found["totals"]}
    rows = [
        [name, *(sum(c[k].values()) if isinstance(c[k], dict) else c[k] for k in columns)]
        for name, c in listed.items()
    ]
    table("From raw records to kept samples", ["source", *columns], rows)


def report(work: Work, as_json: Json = False) -> None:
    """Write the HTML report.

    Example: cauldron report work
    """
    with guarded():
        from cauldron.report.page import write_report
        from cauldron.storage.work import require

        require(work)
        place = write_report(work)
        if as_json:
            emit({"report": place})
        else:
            message(f"report: {place}")


def verify(
    path: Annotated[str, typer.Argument(help="A work folder or a manifest.")], as_json: Json = False
) -> None:
    """Check every checksum and count; say what is missing or changed.

    Example: cauldron verify work
    """
    with guarded():
        from cauldron.errors import CheckError
        from cauldron.mixture.verify import verify as check

        problems = check(path)
        if as_json:
            emit({"path": path, "ok": not problems, "problems": problems})
        else:
            for problem in problems:
                message(f"problem: {problem}")
        if problems:
            raise CheckError(f"{len(problems)} problems found", place=path)
        if not as_json:
            message(f"{path}: everything is as recorded")
