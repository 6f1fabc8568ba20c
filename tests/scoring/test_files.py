from dataclasses import replace

import pytest

from eega_pyg.formats import FORMATS, write_texts
from eega_pyg.scoring import read_gold, read_predictions, score

from .conftest import annotated

TEXT = annotated('Ann of Acme', [('Ann', 'per'), ('Acme', 'org')],
                 [(0, 1, 'member_of')], words=('Ann', 'of', 'Acme'), image_id='1.jpg')


@pytest.mark.parametrize('form', [f for f in FORMATS if f != 'spacy'])
def test_every_format_is_scored_against_every_other(form, tmp_path):
    write_texts([TEXT], tmp_path / 'found', form, tokenize=lambda text:
                (['Ann', 'of', 'Acme'], [(0, 3), (4, 6), (7, 11)]))
    found = read_predictions(tmp_path / 'found', form)
    report = score([TEXT], found, draws=1)
    relations = 'relations' in FORMATS[form].holds
    assert report.views['directed'].counts == (relations, relations, 1)
    assert report.views['entity'].counts == (2, 2, 2)


def test_the_split_of_a_data_set_is_read_in_either_form(tmp_path):
    (tmp_path / 'raw').mkdir()
    write_texts([TEXT], tmp_path / 'raw' / 'mnre_val.txt', 'mnre')
    write_texts([TEXT, TEXT], tmp_path / 'raw' / 'train.jsonl')
    assert read_gold(tmp_path) == [TEXT]
    assert read_gold(tmp_path, 'train') == [TEXT, TEXT]
    write_texts([TEXT], tmp_path / 'raw' / 'dev.txt', 'conll')
    with pytest.raises(ValueError, match='name one of the files'):
        read_gold(tmp_path)
    (tmp_path / 'raw' / 'mnre_val.txt').unlink()
    assert read_gold(tmp_path) == [replace(TEXT, relations=())]
    with pytest.raises(
            FileNotFoundError, match="There is no test split in '.*raw': no "
            'file mnre_test.txt, test.jsonl, test.txt'):
        read_gold(tmp_path, 'test')


def test_entities_may_overlap(tmp_path):
    text = annotated('Bank of Oslo', [('Bank of Oslo', 'org'), ('Oslo', 'loc')])
    write_texts([text], tmp_path / 'a.jsonl')
    assert read_gold(tmp_path / 'a.jsonl') == [text]


def test_a_wrong_line_is_named(tmp_path):
    path = tmp_path / 'a.jsonl'
    path.write_text('{"text": "Ann", "entities": []}\n{"text": "Ann", "entities": '
                    '[{"start": 2, "end": 9, "type": "per"}]}\n')
    with pytest.raises(ValueError,
                       match=r'a.jsonl:2: entities\[0\]: the span \[2, 9\)'):
        read_predictions(path)
    path.write_text('')
    with pytest.raises(ValueError, match='holds no text'):
        read_predictions(path, 'jsonl')
