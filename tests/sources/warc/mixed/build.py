from __future__ import annotations

from pathlib import Path

from tests.conftest import picture
from tests.web_archives import chunked, gz, http, record


def build(folder: Path) -> None:
    red, green = picture((200, 0, 0)), picture((0, 200, 0))
    page = (
        '<html lang="en"><head><title>Two boats</title><base href="/pics/"></head><body>'
        '<p>A caf\u00e9 by the sea.</p><img src="red.png" alt="a red boat"><p>Then &amp; now.</p>'
        '<img src="old.png"><img src="gone.png"><p>The end.</p></body></html>'
    )
    older = page.replace("Two boats", "One boat")
    stored = {"WARC_Date": "2023-01-01T00:00:00Z"}
    first = gz(
        record("http://a.org/p?x=1", http(older.encode()), **stored),
        record("http://a.org/pics/red.png", http(red, "image/png")),
        record("http://a.org/pics/old.png", http(b"", status="301 Moved", Location="new.png")),
        record("http://a.org/none", http(b"gone", status="404 Not Found")),
        record("http://a.org/p", b"GET /p HTTP/1.1\r\n\r\n", "request"),
    )
    broken = gz(record("http://a.org/broken", http(b"<p>x</p>" * 50)))
    second = [
        gz(
            record(
                "http://A.org:80/p?x=1#top",
                http(
                    chunked(page.encode("latin-1")),
                    "text/html; charset=iso-8859-1",
                    Transfer_Encoding="chunked",
                ),
            )
        ),
        broken[: len(broken) // 2],
        gz(
            record("http://a.org/pics/new.png", http(green, "image/png")),
            record("http://a.org/text", http(b"<p>Words only.</p>")),
        ),
    ]
    (folder / "crawl-1.warc.gz").write_bytes(first)
    (folder / "crawl-2.warc.gz").write_bytes(b"".join(second))
    (folder / "crawl-1.warc.wet.gz").write_bytes(
        gz(record("http://a.org/p", b"words", "conversion"))
    )
