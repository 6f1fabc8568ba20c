import pytest

from eega_pyg.cli.inputs import looks_like_a_file


@pytest.mark.parametrize('text, named', [
    ('a.txt', True), ('data/tweets.CSV', True), ('./notes', True), ('photos/', True),
    ('report.pdf', True),
    ('/my folder/a.txt', True), ('/s such a day', False), ('Paris', False),
    ('Ann reads a.txt', False), ('', False),
    ('https://x.org/a.txt', False), ('and/or', False), ('U.S.', False),
])  # yapf: disable
def test_which_texts_read_like_the_name_of_a_file(text, named):
    assert looks_like_a_file(text) is named
