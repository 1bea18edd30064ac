"""The fingerprint of an input: what no reader can read costs nobody, and is not waited for."""

import os

from smplify_jax.datasets.job.fingerprint import fingerprint


def test_pipes_and_links_to_nothing_are_known_by_their_names(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    before = fingerprint(tmp_path)
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "lost.json").symlink_to("nothing")
    after = fingerprint(tmp_path)
    assert before != after
    (tmp_path / "lost.json").rename(tmp_path / "lost2.json")
    assert fingerprint(tmp_path) != after


def test_a_file_is_known_by_its_content_whatever_its_name(tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "b.json").write_text("[1]")
    assert fingerprint(tmp_path / "a.json") == fingerprint(tmp_path / "b.json")
    (tmp_path / "b.json").write_text("[2]")
    assert fingerprint(tmp_path / "a.json") != fingerprint(tmp_path / "b.json")
