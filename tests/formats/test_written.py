r"""What stands in the files, where a reader of ours would not notice a difference."""
import ast
import json
from collections import Counter

from eega_pyg.datasets import read_mnre
from eega_pyg.formats import (
    AnnotatedEntity,
    AnnotatedRelation,
    AnnotatedText,
    read_texts,
    write_texts,
)
from eega_pyg.formats.convert import FORMATS
from eega_pyg.formats.held import fitted
from eega_pyg.schema import TagSet

TEXT = AnnotatedText('Ann Lee met Bo Ray',
                     (AnnotatedEntity(0, 7, 'per'), AnnotatedEntity(12, 18, 'per')),
                     (AnnotatedRelation(0, 1, 'met'), ),
                     ('Ann', 'Lee', 'met', 'Bo', 'Ray'))


def test_prodigy_names_the_last_token_and_gliner_the_last_word(tmp_path):
    write_texts([TEXT], tmp_path / 'p', 'prodigy')
    task = json.loads((tmp_path / 'p').read_text())
    assert (task['relations'][0]['head'], task['relations'][0]['child']) == (1, 4)
    assert [t['ws'] for t in task['tokens']] == [True] * 4 + [False]
    write_texts([TEXT], tmp_path / 'g', 'gliner')
    value, = json.loads((tmp_path / 'g').read_text())
    assert value['ner'] == [[0, 1, 'per', 'Ann Lee'], [3, 4, 'per', 'Bo Ray']]
    assert value['relations'][0]['tail']['position'] == [3, 4]


def test_spacy_has_relations_by_first_tokens(tmp_path):
    import spacy
    from spacy.tokens import DocBin
    write_texts([TEXT], tmp_path / 'a.spacy')
    doc, = DocBin().from_bytes(
        (tmp_path / 'a.spacy').read_bytes()).get_docs(spacy.blank('en').vocab)
    assert doc._.rel == {(0, 3): {'met': 1.0}}


def test_an_entity_over_ends_of_lines_has_parts_in_brat(tmp_path):
    text = AnnotatedText('a\r\nb\rc\nd', (AnnotatedEntity(0, 8, 'x'), ))
    write_texts([text], tmp_path / 'b', 'brat')
    ann = (tmp_path / 'b' / '00000000.ann').read_bytes()
    assert ann == b'T1\tx 0 1;3 4;5 6;7 8\ta b c d\n'
    assert (tmp_path / 'b' / '00000000.txt').read_bytes() == b'a\r\nb\rc\nd'
    assert list(read_texts(tmp_path / 'b')) == [text]


def test_two_texts_of_the_same_words_stay_two_in_mnre(tmp_path):
    file = tmp_path / 'mnre.txt'
    write_texts([TEXT, TEXT], file, 'mnre')
    relations = [ast.literal_eval(x)['relation'] for x in file.read_text().splitlines()]
    assert relations == ['/per/per/met', 'None', '/per/per/met']
    assert list(read_texts(file)) == [TEXT, TEXT]
    # As the data set reads it, which knows nothing of these texts.
    records = read_mnre(file, TagSet(('per', ), ('met', )))
    assert [r.text for r in records] == [TEXT.text] * 2
    assert [len(r.quintuples) for r in records] == [1, 1]


def test_neighbours_of_one_type_stay_two_in_columns(tmp_path):
    text = AnnotatedText('Ann Bo',
                         (AnnotatedEntity(0, 3, 'per'), AnnotatedEntity(4, 6, 'per')),
                         (), ('Ann', 'Bo'))
    write_texts([text], tmp_path / 'a.conll')
    assert (tmp_path / 'a.conll').read_text() == 'Ann\tB-per\nBo\tB-per\n\n'


def test_entities_are_in_order_after_they_were_widened():
    text = AnnotatedText('abc de',
                         (AnnotatedEntity(0, 5, 'x'), AnnotatedEntity(1, 2, 'y')),
                         (AnnotatedRelation(0, 1, 'r'), ))
    left_out = Counter()
    found = fitted(text, FORMATS['mnre'].holds, left_out, lambda t:
                   (['abc', 'de'], [(0, 3), (4, 6)]), widen=True)
    assert [(e.start, e.end) for e in found.entities] == [(0, 3), (0, 6)]
    assert found.relations == (AnnotatedRelation(1, 0, 'r'), )
    assert left_out == {'ends of entities within a word (widened)': 2}


def test_of_overlapping_entities_the_longest_stays():
    text = AnnotatedText('Ann Lee met Bo', (AnnotatedEntity(
        0, 3, 'x'), AnnotatedEntity(0, 7, 'y'), AnnotatedEntity(12, 14, 'y')),
                         (AnnotatedRelation(0, 2, 'r'), AnnotatedRelation(1, 2, 'r')),
                         ('Ann', 'Lee', 'met', 'Bo'))
    left_out = Counter()
    found = fitted(text, FORMATS['spacy'].holds, left_out, str.split)
    assert [e.end for e in found.entities] == [7, 14]
    assert found.relations == (AnnotatedRelation(0, 1, 'r'), )
    assert left_out == {
        'entities that overlap a longer one': 1,
        'relations of entities that overlap a longer one': 1
    }
