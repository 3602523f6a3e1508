"""XML read safely: no entities of its own, no outside files, bounded depth and size."""

from __future__ import annotations

import html
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from cauldron.media.limits import LIMITS


class XmlError(ValueError):
    """XML that is not well formed, too deep, or declares entities."""


def xml_element(payload: bytes) -> Element:
    """Parse a whole XML document into its root element.

    Document types are ignored; the five built-in entities and character numbers are decoded.

    Raises:
        XmlError: if it is not well formed, is nested too deep or declares an entity. Inside
            `open` and `convert` of a source it becomes a reject by itself.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > LIMITS.max_html_depth:
            raise XmlError(f"nested deeper than {LIMITS.max_html_depth}")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def entity(*declared: Any) -> None:
        raise XmlError(f"declares an entity: {declared[0]!r}")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = entity
    parser.SkippedEntityHandler = lambda name, _: builder.data(html.unescape(f"&{name};"))
    try:
        parser.Parse(payload, True)
    except (expat.ExpatError, LookupError) as error:  # the latter: an encoding of no known name
        raise XmlError(str(error)) from error
    return builder.close()
