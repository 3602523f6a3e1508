"""XML and arrays from strangers."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from cauldron.readers import XmlError, npz_arrays, xml_element


def test_elements_attributes_and_texts_are_read() -> None:
    root = xml_element(
        b'<?xml version="1.0" encoding="ISO-8859-1"?><form id="7"><line>a\xe9&quot;</line></form>'
    )
    assert (root.get("id"), root.findtext("line")) == ("7", 'aé"')


def test_a_document_type_is_passed_over() -> None:
    payload = b'<!DOCTYPE form SYSTEM "http://127.0.0.1:9/form.dtd"><form>&eacute;</form>'
    assert xml_element(payload).text == "é"


@pytest.mark.parametrize(
    "payload",
    [
        b'<!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/">%x;]><a/>',
    ],
)
def test_declared_entities_are_refused(payload: bytes) -> None:
    with pytest.raises(XmlError, match="declares an entity"):
        xml_element(payload)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(XmlError, match="nested deeper"):
        xml_element(b"<a>" * 100_000)


@pytest.mark.parametrize("payload", [b"", b"<a>", b"plain", b"<a>&nosuch;</a>"])
def test_what_is_not_well_formed_is_refused(payload: bytes) -> None:
    with pytest.raises(XmlError):
        xml_element(payload)


def npz(**arrays: object) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def test_arrays_are_read_by_name() -> None:
    found = npz_arrays(npz(image=np.full((16, 160, 160), 7, np.uint8), target=5))
    assert (found["image"].shape, int(found["target"])) == ((16, 160, 160), 5)


def test_arrays_that_need_pickle_are_left_out() -> None:
    assert set(npz_arrays(npz(a=np.array([{}], dtype=object), b=np.zeros(3)))) == {"b"}


def test_arrays_that_unpack_to_too_much_are_refused() -> None:
    with pytest.raises(ValueError, match="unpacks to"):
        npz_arrays(npz(a=np.zeros(100 << 20, np.uint8)))


@pytest.mark.parametrize("payload", [b"", b"PK\x03\x04", npz(a=np.zeros(9))[:-60]])
def test_damaged_arrays_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueError):
        npz_arrays(payload)


def test_an_array_head_that_lies_is_refused() -> None:
    head = (
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999999,), }"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.npy", head.ljust(128))
    with pytest.raises(ValueError):
        npz_arrays(out.getvalue())
