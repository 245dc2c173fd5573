from __future__ import annotations

import base64

from tlearn.artifacts.tflite_metadata import describe, understand

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


def test_understands_the_official_writer() -> None:
    found = understand(OFFICIAL)
    assert found["name"] == "ImageClassifier"
    assert found["description"].startswith("Identify the most prominent object")
    assert found["version"] == found["author"] == found["license"] == ""
    assert found["mean"] == (0.0,)
    assert found["std"] == (1.0,)
    assert found["image_size"] == (0, 0)


def test_width_and_height_are_not_exchanged() -> None:
    content = describe({"name": "n"}, width=320, height=240, labels_file="labels.txt")
    assert content[4:8] == b"M001"
    assert b"labels.txt" in content
    found = understand(content)
    assert found["image_size"] == (320, 240)
    assert (found["name"], found["author"]) == ("n", "")
