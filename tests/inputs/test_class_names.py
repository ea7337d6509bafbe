"""Class names, and matching with folder names."""

import json
from pathlib import Path

import numpy as np
import pytest

from vulneuron.errors import ImagesError
from vulneuron.inputs.class_name_files import as_class_names, parse_class_names
from vulneuron.inputs.class_names import imagenet_indices, match_names

CLASS_NAMES = ("tench, Tinca tinca", "great white shark", "crane", "Crane", "ice-cream", "bird", "bird")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "cat\n great dane \nowl\n\n"),
        ("b.txt", "\ufeffcat\r\ngreat dane\r\nowl"),
        ("c.json", json.dumps(["cat", "great dane", "owl"])),
        ("d.json", json.dumps({"2": "owl", "0": "cat", "1": "great dane"})),
        ("e.json", json.dumps({"0": ["n1", "cat"], "1": ["n2", "great dane"], "2": ["n3", "owl"]})),
    ],
)
def test_names_from_files(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert parse_class_names(str(path)) == ("cat", "great dane", "owl")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("A.TXT", "cat\ngreat dane\nowl"),
        ("coco.names", "cat\ngreat dane\nowl"),
        ("classes", "cat\ngreat dane\nowl\n"),
        ("places.txt", "owl 2\ncat 0\ngreat dane 1"),
        ("places.txt", "/o/owl 2\n/c/cat 0\n/g/great dane 1\n"),
        ("numbered.txt", "1: great dane\n0: cat\n2: owl"),
        ("numbered.txt", "0 cat\n1 great dane\n2 owl"),
        ("synset_words.txt", "n00000001 cat\nn00000002 great dane\nn00000003 owl"),
        ("class_to_idx.json", '{"owl": 2, "cat": 0, "great dane": 1}'),
        ("config.json", '{"layers": [1, 2], "id2label": {"1": "great dane", "0": "cat", "2": "owl"}}'),
        ("config.json", '{"label2id": {"cat": 0, "owl": 2, "great dane": 1}, "num_labels": 3}'),
        ("data.yaml", "nc: 3\nnames: [cat, great dane, owl]"),
        ("data.YML", "names:\n  0: cat\n  1: great dane\n  2: owl"),
        ("list.yaml", "- cat\n- great dane\n- owl"),
        ("a.csv", "cat\ngreat dane\nowl"),
        ("a.csv", "name\ncat\ngreat dane\nowl\n"),
        ("a.csv", "index,name\n2,owl\n0,cat\n1,great dane\n"),
        ("a.csv", "label,class_id\nowl,2\ncat,0\ngreat dane,1\n"),
        ("a.csv", "0,cat\n1,great dane\n2,owl"),
        ("a.csv", 'id,wnid,name\n0,n1,"cat"\n1,n2,great dane\n2,n3,owl'),
        ("a.tsv", "0\tcat\n1\tgreat dane\n2\towl"),
    ],
)
def test_names_from_lists_of_other_programs(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert parse_class_names(str(path)) == ("cat", "great dane", "owl")


def test_numbers_in_names_are_not_indices(tmp_path: Path) -> None:
    path = tmp_path / "aircraft.txt"
    path.write_text("Boeing 737\nBoeing 747\nFokker 100\n")
    assert parse_class_names(str(path)) == ("Boeing 737", "Boeing 747", "Fokker 100")
    path.write_text("3 towers\n2 towers\n")
    assert parse_class_names(str(path)) == ("3 towers", "2 towers")


@pytest.mark.parametrize(
    "names",
    [
        {2: "owl", 0: "cat", 1: "great dane"},
        {"2": "owl", "0": "cat", "1": "great dane"},
        {"owl": 2, "cat": 0, "great dane": 1},
        {np.int64(2): "owl", np.int64(0): "cat", np.int64(1): "great dane"},
        ["cat", "great dane", "owl"],
        np.array(["cat", "great dane", "owl"]),
        '["cat", "great dane", "owl"]',
        '{"owl": 2, "cat": 0, "great dane": 1}',
        "cat,great dane,owl",
    ],
)
def test_names_by_index_in_any_order(names: object) -> None:
    assert as_class_names(names) == ("cat", "great dane", "owl")


def test_names_with_commas_and_colons() -> None:
    assert parse_class_names('["tench, Tinca tinca", "a:b"]') == ("tench, Tinca tinca", "a:b")
    assert parse_class_names("a:b,c.txt,d.json") == ("a:b", "c.txt", "d.json")
    assert as_class_names([0, 1]) == ("0", "1")
    assert as_class_names(["cafe\u0301"]) == ("caf\u00e9",)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({1: "a", 2: "b"}, r"2 entries but none for 0\. Allowed: the keys 0 to 1"),
        ({"a": 0, "b": 0}, r"2 entries but none for 0"),
        ({}, "which is empty"),
        ([], "which is empty"),
        ([None], "name number 0 is None"),
        (None, "name number 0 is None"),
        ("{", r"cannot be read \(JSONDecodeError"),
        ("[" * 100_000, r"cannot be read \(RecursionError"),
    ],
)
def test_bad_names_are_refused(names: object, message: str) -> None:
    with pytest.raises(ImagesError, match=message):
        as_class_names(names)


def test_names_from_a_list() -> None:
    assert parse_class_names("cat, great dane ,owl") == ("cat", "great dane", "owl")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.txt",
            None,
            r"a\.txt', which cannot be read \(FileNotFoundError.* Allowed: 'a,b,c'; .* \.txt .* Check",
        ),
        ("a.json", "{", r"which cannot be read \(JSONDecodeError"),
        ("a.txt", b"\xff\xfe\xff", r"which cannot be read \(UnicodeDecodeError"),
        ("a.txt", "cat\n\nowl\n", r"name number 1 is ''\. Allowed: .* Provide a name"),
        ("a.txt", "", r"which is empty\. Allowed"),
        ("a.json", '["cat", 3]', r"name number 1 is 3"),
        ("a.json", '"cat" ', None),
        ("a.json", "7", r"name number 0 is 7"),
        ("a.json", "[]", r"which is empty"),
        ("a.json", '{"0": "cat", "2": "owl"}', r"2 entries but none for 1\. Allowed: the keys 0 to 1\."),
        ("a.json", '{"cat": 1}', r"1 entries but none for 0"),
    ],
)
def test_bad_files_are_refused(
    tmp_path: Path, name: str, content: str | bytes | None, message: str | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if message is None:
        assert parse_class_names(str(path)) == ("cat",)
        return
    with pytest.raises(ImagesError, match=message):
        parse_class_names(str(path))


def test_a_list_with_an_empty_name_is_refused() -> None:
    with pytest.raises(ImagesError, match=r"'cat,,owl', whose name number 1 is ''\. Allowed: 'a,b,c'"):
        parse_class_names("cat,,owl")


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("tench, Tinca tinca", 0),
        ("tench", 0),
        ("Tench", 0),
        ("great white shark", 1),
        ("Great_White-Shark", 1),
        ("crane", 2),
        ("Crane", 3),
        ("ice cream", 4),
        ("ICE_CREAM, icecream", 4),
    ],
)
def test_names_match_exactly_loosely_or_by_synonym(name: str, index: int) -> None:
    assert match_names([name], CLASS_NAMES) == {name: index}


def test_names_without_a_match_are_left_out() -> None:
    assert match_names(["shark", "tench"], CLASS_NAMES) == {"tench": 0}
    assert match_names(["shark"], ()) == {}


@pytest.mark.parametrize(("name", "outputs"), [("bird", "5 and 6"), ("CRANE", "2 and 3")])
def test_ambiguous_names_are_refused(name: str, outputs: str) -> None:
    with pytest.raises(
        ImagesError, match=rf"'{name}', .* outputs {outputs}\. Allowed: .* one output each\. Make"
    ):
        match_names([name], CLASS_NAMES)


def test_two_names_of_one_class_are_refused() -> None:
    message = (
        r"'tench' and 'Tench', which both match 'tench, Tinca tinca'\. Allowed: one folder per class\. Merge"
    )
    with pytest.raises(ImagesError, match=message):
        match_names(["tench", "Tench"], CLASS_NAMES)


def test_imagenet_ids_of_a_subset() -> None:
    # The classes of Imagenette, with their published indices.
    indices = imagenet_indices(["n01440764", "n02102040", "n02979186", "n03000684", "n03888257"], [])
    assert indices is not None
    assert list(indices.values()) == [0, 217, 482, 491, 701]
    assert imagenet_indices(["n01440764", "tench"], []) is None


def test_imagenet_ids_of_a_whole_data_set_need_no_list() -> None:
    ids = [f"n{number:08d}" for number in range(5, 3005, 3)]
    assert imagenet_indices(["n00000005", "n00000011"], ids) == {"n00000005": 0, "n00000011": 2}
