"""Opt-out lists: what is named on a list by domain, address or hash is not used."""

from __future__ import annotations

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.readers.raw import Raw, Row
from cauldron.sample import Picture
from cauldron.sources._options import listed
from cauldron.sources.base import Option
from cauldron.web.opt_out import OptOut, opt_out_list

OPT_OUT = Option(
    name="opt_out",
    read=listed,
    help="a file of domains, addresses and sha256:... of pictures that are not used, one a line",
)


def list_of(row: Row) -> OptOut | None:
    """Return the list that was asked for, None for none."""
    told = row.options.get("opt_out")
    return opt_out_list(told["path"], told["sha256"]) if told else None


def has_picture(opted_out: OptOut, picture: Picture, raw: Raw, folder: str) -> bool:
    """Say whether the bytes of a picture are listed; one that lies in a file is read for it.

    Args:
        folder: of the record.
    """
    if not opted_out.has_files:
        return False
    payload = picture.bytes
    if payload is None:
        try:
            payload = raw.picture(picture.candidates, LIMITS.max_image_bytes, folder)
        except StorageError:
            return False  # reading it into the sample will say why
    return opted_out.has_file(payload or b"")
