"""The description is laid out as Google's own writer lays it out."""

from __future__ import annotations

import base64

from tlearn.artifacts.tflite_metadata import build_description, parse_description

# What the writer of MediaPipe 0.10.21 makes of a classifier with mean 0 and std 1.
OFFICIAL = base64.b64decode(
    "HAAAAE0wMDEUABQAEAAMAAAACAAAAAAAAAAEABQAAAAQAAAAGAAAABQCAABkAgAABQAAADEuMC4wAAAAAQAAABAA"
    "AAAMAAwAAAAAAAgABAAMAAAACAAAAAgBAAABAAAAGAAAAAAAEgAYABQAEAAAAAwAAAAIAAQAEgAAABQAAAB8AAAA"
    "lAAAAKQAAADIAAAAAQAAABAAAAAAAAoAEAAMAAgABwAKAAAAAAAAAggAAAA8AAAAMwAAAExhYmVscyBmb3IgY2F0"
    "ZWdvcmllcyB0aGF0IHRoZSBtb2RlbCBjYW4gcmVjb2duaXplLgAKAAAAbGFiZWxzLnR4dAAANP///wgAAAAMAAAA"
    "AQAAAAAAAAABAAAAAACAP2T///8MAAAAAAAAAQQABAAEAAAAIQAAAFNjb3JlIG9mIHRoZSBsYWJlbHMgcmVzcGVj"
    "dGl2ZWx5LgAAAAUAAABzY29yZQAAAAEAAAAUAAAAEAAYABQAEAAAAAwACAAEABAAAAAUAAAALAAAAHAAAACEAAAA"
    "pAAAAMj///8IAAAADAAAAAEAAAAAAAAAAQAAAAAAf0MBAAAADAAAAAgADAALAAQACAAAABAAAAAAAAABCAAMAAgA"
    "BAAIAAAACAAAAAwAAAABAAAAAACAPwEAAAAAAAAACAAKAAkABAAIAAAADAAAAAACBgAIAAcABgAAAAAAAAEcAAAA"
    "SW5wdXQgaW1hZ2UgdG8gYmUgcHJvY2Vzc2VkLgAAAAAFAAAAaW1hZ2UAAABPAAAASWRlbnRpZnkgdGhlIG1vc3Qg"
    "cHJvbWluZW50IG9iamVjdCBpbiB0aGUgaW1hZ2UgZnJvbSBhIGtub3duIHNldCBvZiBjYXRlZ29yaWVzLgAPAAAA"
    "SW1hZ2VDbGFzc2lmaWVyAA=="
)


def test_a_description_of_the_official_writer_is_read() -> None:
    description = parse_description(OFFICIAL)
    assert description["name"] == "ImageClassifier"
    assert description["description"].startswith("Identify the most prominent object")
    assert description["version"] == description["author"] == description["license"] == ""
    assert description["mean"] == (0.0,)
    assert description["std"] == (1.0,)
    assert description["image_size"] == (0, 0)


def test_width_and_height_are_not_exchanged() -> None:
    content = build_description({"name": "n"}, width=320, height=240, labels_file="labels.txt")
    assert content[4:8] == b"M001"
    assert b"labels.txt" in content
    description = parse_description(content)
    assert description["image_size"] == (320, 240)
    assert (description["name"], description["author"]) == ("n", "")
