"""Lines of 25 columns and of 23, texts as in addresses, a video, names that cameras give."""

from __future__ import annotations

from pathlib import Path

from tests.stores import store


def line(number: int, title: str, description: str = "", marker: str = "0") -> list[str]:
    """Return the 23 columns of a picture."""
    cells = [""] * 23
    cells[0], cells[1], cells[2] = str(number), "12@N01", "some+body"
    cells[6], cells[7] = title, description
    cells[13] = f"http://www.flickr.example/photos/12@N01/{number}/"
    cells[14] = f"http://farm1.flickr.example/{number}.jpg"
    cells[15], cells[16] = "Attribution License", "http://creativecommons.org/licenses/by/2.0/"
    cells[21], cells[22] = "jpg", marker
    return cells


def build(folder: Path) -> None:
    """Write the lines and the store."""
    told = [
        line(1, "The+harbour+at+night", "Seen+%26amp%3B+liked+by+%3Cb%3Eall%3C%2Fb%3E"),
        line(2, "IMG_0123", "A+boat"),
        line(3, "DSC00017.JPG"),
        line(4, "A+film", marker="1"),
        line(5, "Not+stored"),
    ]
    wide = [[str(n), cells[0], "hash", *cells[1:]] for n, cells in enumerate(told)]
    narrow = [line(6, "Caf%C3%A9"), ["7", "short"]]
    rows = ["\t".join(cells) for cells in (*wide, *narrow)]
    (folder / "yfcc100m_dataset").write_text("\n".join(rows) + "\n")
    addresses = [f"http://farm1.flickr.example/{n}.jpg" for n in (1, 2, 3, 6)]
    store(folder / "store/00000.tar", addresses)
