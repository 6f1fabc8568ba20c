import dataclasses
import json
import os

import pytest

from eega_pyg.parsing import Parse
from eega_pyg.schema import Entity, Quintuple, SceneGraph, SceneObject, ScenePredicate
from eega_pyg.transforms import Pair, Vocabularies, Vocabulary

MAN, CUP = SceneObject('man'), SceneObject('cup')


def pair(words, predicates=()) -> Pair:
    n = len(words)
    parse = Parse((0, ) * n, ('ROOT', ) + ('dep', ) * (n - 1), ('NOUN', ) * n,
                  ('', ) * n, ('lower', ) * n)
    graph = SceneGraph((MAN, CUP), tuple(ScenePredicate(0, p, 1) for p in predicates))
    quintuple = Quintuple(Entity(0, 1, 'per'), Entity(1, 2, 'org'), 'member_of')
    return Pair(tuple(words), parse, graph, (quintuple, ))


@pytest.fixture
def fitted() -> Vocabularies:
    return Vocabularies.fit([
        pair(['Ann', 'Acme'], ['on', 'on', 'near']),
        pair(['Bob', 'Acme', 'Oslo'], ['on', 'near'])
    ])


def test_the_most_frequent_name_comes_first_and_an_unknown_one_is_0():
    vocab = Vocabulary.fit('b a b c a b'.split())
    assert vocab.to_list() == ['<unknown>', 'b', 'a', 'c']
    assert vocab.ids(['c', 'x', 'b']).tolist() == [3, 0, 1]


def test_a_name_in_the_data_cannot_take_the_place_of_a_reserved_one():
    vocab = Vocabulary.fit(['<self>', '<unknown>', 'a'], reserved=['<self>'])
    assert vocab.to_list() == ['<unknown>', '<self>', 'a']


def test_rare_predicates_are_unknown(fitted):
    assert fitted.predicate.to_list() == ['<unknown>', '<self>', 'on']  # 'near' twice
    assert fitted.sizes['predicate'] == 3


def test_signatures_and_labels_are_those_of_the_pairs(fitted):
    assert fitted.signatures == {('per', 'member_of', 'org')}
    assert set(fitted.dep.to_list()) == {'<unknown>', '<self>', 'ROOT', 'dep'}


def test_saved_and_loaded_they_are_the_same(fitted, tmp_path):
    fitted.save(tmp_path / 'model')
    again = Vocabularies.load(tmp_path / 'model')
    assert again.to_dict() == fitted.to_dict()
    assert again.fingerprint == fitted.fingerprint
    assert os.listdir(tmp_path / 'model') == ['vocabularies.json']


def test_fingerprints_tell_other_vocabularies(fitted):
    other = dataclasses.replace(fitted, dep=Vocabulary(['<self>', 'ROOT', 'dep']))
    less = dataclasses.replace(fitted, signatures=frozenset())
    assert len({v.fingerprint for v in (fitted, other, less)}) == 3


def test_an_interrupted_save_leaves_the_old_file(fitted, tmp_path, monkeypatch):
    fitted.save(tmp_path)

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'replace', killed)
    with pytest.raises(KeyboardInterrupt):
        dataclasses.replace(fitted, signatures=frozenset()).save(tmp_path)
    assert os.listdir(tmp_path) == ['vocabularies.json']
    assert Vocabularies.load(tmp_path).fingerprint == fitted.fingerprint


@pytest.mark.parametrize('field, value, message', [
    ('format', 99, "format: expected 1 .got 99"),
    ('upos', 'NOUN', "upos: expected a list .got 'NOUN'"),
    ('upos', ['NOUN'], "upos: expected '<unknown>' as the first"),
    ('ner', ['<unknown>', 'A', 'A'], "ner: Repeated names"),
    ('dep', ['<unknown>', 'dep'], "dep: missing '<self>'"),
    ('pmi', [], "pmi: expected an object"),
    ('signatures', [['per', 'org']], r"signatures\[0\]: expected 3 values"),
])
def test_a_broken_file_is_named_with_its_field(fitted, tmp_path, field, value, message):
    content = fitted.to_dict()
    path = tmp_path / 'vocabularies.json'
    path.write_text(json.dumps({**content, field: value}))
    with pytest.raises(ValueError, match=f'vocabularies.json: {message}'):
        Vocabularies.load(tmp_path)
    del content[field]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"vocabularies.json: missing '{field}'"):
        Vocabularies.load(tmp_path)


@pytest.mark.parametrize('text', ['{"dep": [', '[' * 100_000, '\ufeff\x00'])
def test_a_file_that_is_no_json_is_named(tmp_path, text):
    (tmp_path / 'vocabularies.json').write_text(text)
    with pytest.raises(ValueError, match='vocabularies.json: '):
        Vocabularies.load(tmp_path)


def test_extended_ones_keep_all_ids_and_take_the_signatures_of_the_new_data(fitted):
    other = pair(['Ann', 'Oslo'], ['under'] * 3)
    other = dataclasses.replace(
        other, parse=dataclasses.replace(other.parse, deps=('ROOT', 'nsubj')),
        quintuples=(Quintuple(Entity(0, 1, 'person'), Entity(1, 2, 'place'),
                              'lives'), ))
    extended = fitted.extended([other])
    assert extended.dep.to_list() == [*fitted.dep.to_list(), 'nsubj']
    assert extended.predicate.to_list() == ['<unknown>', '<self>', 'on', 'under']
    assert extended.upos.to_list() == fitted.upos.to_list()
    assert extended.signatures == {('person', 'lives', 'place')}
    # The model has seen the texts of both.
    assert extended.pmi.num_windows == 3
    assert fitted.extended([]).pmi.to_dict() == fitted.pmi.to_dict()
