"""Localized Narratives for pre-training: a picture, then what somebody said of it, no request.

Pont-Tuset et al. 2020, arXiv:1912.03098, as a part of PMD; as question and answer it is the source
`localized_narratives`. Public recipes use the splits `train` (Open Images) and `ade20k_train`; the
others have the pictures of COCO and Flickr30k, which are those of benchmarks.
"""

from __future__ import annotations

from cauldron.readers.raw import Row
from cauldron.sample import Draft, Picture, Reject
from cauldron.sources._narratives import dataset, narrative_forms
from cauldron.sources.base import Source


def _said(row: Row, picture: Picture, narrative: str) -> Draft | Reject:
    if not narrative:
        return Reject(reason="empty_caption")
    return Draft(images=(picture,), parts=(0, narrative), extra=dataset(row.data))


SOURCE = Source(
    name="localized_narratives_pretrain",
    forms=narrative_forms("localized_narratives_pretrain", _said),
)
