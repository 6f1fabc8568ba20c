r"""What is wrong in a file of another tool is one line that names the place."""
import json
from collections import Counter

import pytest

from eega_pyg.formats import AnnotatedEntity, AnnotatedText, read_texts, write_texts


def lines(*values):
    return ''.join(json.dumps(v, ensure_ascii=False) + '\n' for v in values)


DOCCANO = {
    'text': 'Ann met Acme',
    'entities': [{
        'id': 4,
        'label': 'per',
        'start_offset': 0,
        'end_offset': 3
    }]
}
PRODIGY = {'text': 'Ann met Acme', 'spans': [{'start': 0, 'end': 3, 'label': 'per'}]}
GLINER = {'tokenized_text': ['Ann', 'Lee'], 'ner': [[0, 1, 'per', 'Ann Lee']]}
SPERT = {
    'tokens': ['Ann', 'Lee'],
    'entities': [{
        'start': 0,
        'end': 2,
        'type': 'per'
    }],
    'relations': []
}


@pytest.mark.parametrize('form, content, message', [
    ('doccano',
     lines({
         **DOCCANO, 'relations': [{
             'from_id': 4,
             'to_id': 5,
             'type': 'x'
         }]
     }), r':1: relations\[0\].to_id: no entity has the id 5'),
    ('doccano', lines({
        **DOCCANO, 'entities': DOCCANO['entities'] * 2
    }), r':1: entities\[1\].id: 4 is taken already'),
    ('doccano', lines({
        **DOCCANO, 'label': [[0, 3, 'per']]
    }), ":1: expected either 'entities' or 'label'"),
    ('doccano', lines({
        'text': 'Ann',
        'label': [[0, 9, 'per']]
    }), r':1: entities\[0\]: the span \[0, 9\) is not inside the text of 3'),
    ('doccano', lines(DOCCANO) + '{"text"', ':2: not valid JSON'),
    ('prodigy', lines({
        **PRODIGY, 'relations': [{
            'head': 0,
            'child': 2,
            'label': 'x'
        }]
    }), r':1: relations\[0\]: head: is not among the spans'),
    ('prodigy', lines({
        **PRODIGY, 'tokens': [{
            'text': 'Bob',
            'start': 0,
            'end': 3
        }]
    }), r":1: tokens\[0\]: at \[0, 3\) stands 'Ann', not 'Bob'"),
    ('gliner', lines({
        **GLINER, 'ner': [[0, 2, 'per']]
    }), r':1: ner\[0\]: the span \[0, 3\) is not inside 2 words'),
    ('gliner', lines({
        **GLINER, 'ner': [[0, 0, 'per', 'Ann Lee']]
    }), r":1: ner\[0\]: the words 0 to 0 are 'Ann', not 'Ann Lee'"),
    ('gliner', json.dumps([GLINER, {
        'ner': []
    }]), ": text 1: missing 'tokenized_text'"),
    ('spert', json.dumps([{
        **SPERT, 'relations': [{
            'head': 0,
            'tail': 1,
            'type': 'x'
        }]
    }]), r': sentence 0: relations\[0\].tail: there is no entity 1'),
    ('spert', json.dumps([SPERT])[:-2], ': not valid JSON'),
    ('conll', 'Ann\tB-per\nmet\tX-x\n', ":2: unknown tag 'X-x' .* before a type"),
    ('mnre', "{'token': ['a']}\n", ":1: missing 'h'"),
    ('spacy', 'x\u009c', ': not a DocBin of spaCy, or damaged'),
])
def test_a_wrong_file(tmp_path, form, content, message):
    path = tmp_path / 'file'
    path.write_text(content, encoding='utf-8')
    with pytest.raises(ValueError, match=message) as e:
        list(read_texts(path, form))
    assert str(e.value).startswith(str(path)) and '\n' not in str(e.value)


TEXT = '😀 Ann Lee met\nAcme'


@pytest.mark.parametrize('ann, message', [
    ('T1\tper 2 5;10 13\tAnn met',
     r"a.ann:1: the entity 'Ann met' is in several parts"),
    ('T1\tper 3 6\tAnn', "not 'Ann': the offsets seem to count units of UTF-16"),
    ('T1\tper 5 8\tAnn', "not 'Ann': the offsets seem to count bytes of UTF-8"),
    ('T1\tper 2 5\tBob', r"entities\[0\]: at \[2, 5\) stands 'Ann', not 'Bob'"),
    ('T1\tper 2\tAnn', "a.ann:1: expected 'TYPE START END'"),
    ('T1\tper 2 5\tAnn\nT1\torg 6 9\tLee', "a.ann:2: the id 'T1' is taken already"),
    ('T1\tper 2 5\tAnn\nR1\tx Arg1:T1 Arg2:T9', "a.ann:2: no entity has the id 'T9'"),
    ('T1\tper 2 5\tAnn\nR1\tx Arg1:T1', "a.ann:2: expected 'TYPE Arg1:T1 Arg2:T2'"),
    ('T1\tper 2 5\tAnn\nR1\tx Arg1:T1 Arg2:T1', 'a.ann:2: .* and itself'),
    ('what', 'a.ann:1: expected a line that begins with T or R'),
])
def test_a_wrong_file_of_brat(tmp_path, ann, message):
    (tmp_path / 'a.txt').write_text(TEXT, encoding='utf-8')
    (tmp_path / 'a.ann').write_text(ann + '\n', encoding='utf-8')
    with pytest.raises(ValueError, match=message):
        list(read_texts(tmp_path))


def test_what_brat_and_prodigy_have_beside_is_counted(tmp_path):
    (tmp_path / 'a.txt').write_text(TEXT, encoding='utf-8')
    (tmp_path / 'a.ann').write_text(
        'T1\tper 2 9\tAnn Lee\nT2\torg 10 13;14 18\tmet Acme\n'
        '#1\tAnnotatorNotes T1\tsure?\nA1\tKnown T1\n', encoding='utf-8')
    left_out = Counter()
    text, = read_texts(tmp_path, left_out=left_out)
    assert text.entities[1] == AnnotatedEntity(10, 18, 'org')
    assert +left_out == {'notes': 1, 'attributes': 1}
    path = tmp_path / 'tasks.jsonl'
    path.write_text(lines({
        **PRODIGY, '_task_hash': 1
    }, {
        **PRODIGY, 'answer': 'reject'
    }))
    assert len(list(read_texts(path, left_out=left_out))) == 1
    assert left_out['tasks that were rejected or ignored'] == 1


def test_doccano_without_relations(tmp_path):
    path = tmp_path / 'a.jsonl'
    path.write_text(
        lines({
            'id': 1,
            'text': 'Ann Lee',
            'label': [[0, 3, 'per']],
            'Comments': ['sure?']
        }))
    text, = read_texts(path)
    assert text == AnnotatedText('Ann Lee', (AnnotatedEntity(0, 3, 'per'), ),
                                 metadata={'Comments': ['sure?']})


def test_all_folders_of_brat_are_read(tmp_path):
    (tmp_path / 'b').mkdir()
    for name in ('b/c', 'a'):
        (tmp_path / f'{name}.txt').write_text(name)
        (tmp_path / f'{name}.ann').write_text(f'T1\tx 0 {len(name)}\t{name}\n')
    (tmp_path / 'd.txt').write_text('nobody has read this')
    left_out = Counter()
    assert [t.text for t in read_texts(tmp_path, left_out=left_out)] == ['a', 'b/c']
    assert +left_out == {'files .txt without a file .ann': 1}


def test_words_of_prodigy_are_left_out_where_an_entity_cuts_one(tmp_path):
    path, left_out = tmp_path / 'a.jsonl', Counter()
    token = {'text': 'NMR600b', 'start': 0, 'end': 7, 'id': 0}
    span = {'start': 0, 'end': 6, 'label': 'device'}
    path.write_text(json.dumps({'text': 'NMR600b', 'tokens': [token], 'spans': [span]}))
    text, = read_texts(path, 'prodigy', left_out=left_out)
    assert text.words is None and text.entities[0].end == 6
    assert left_out['words of texts in which an entity cuts one'] == 1


def test_a_relation_of_prodigy_may_name_tokens_alone(tmp_path):
    path = tmp_path / 'a.jsonl'
    spans = [{
        'start': 0,
        'end': 7,
        'label': 'per',
        'token_start': 0,
        'token_end': 1
    }, {
        'start': 12,
        'end': 16,
        'label': 'org',
        'token_start': 3,
        'token_end': 3
    }]
    path.write_text(
        lines({
            'text': 'Ann Lee met Acme',
            'spans': spans,
            'relations': [{
                'head': 3,
                'child': 1,
                'label': 'x'
            }]
        }))
    text, = read_texts(path)
    assert [(r.head, r.tail) for r in text.relations] == [(1, 0)]


def test_spacy_reads_what_was_written(tmp_path):
    import spacy
    from spacy.tokens import DocBin
    text = AnnotatedText(' Ann\n met  Acme', (AnnotatedEntity(1, 4, 'per'), ),
                         words=('Ann', 'met', 'Acme'))
    write_texts([text], tmp_path / 'a.spacy')
    docs = DocBin().from_bytes((tmp_path / 'a.spacy').read_bytes())
    doc, = docs.get_docs(spacy.blank('en').vocab)
    assert doc.text == text.text and doc._.rel == {}
    assert [(e.text, e.label_) for e in doc.ents] == [('Ann', 'per')]


@pytest.mark.parametrize('form, kind, message', [
    ('mnre', 'a/b', "'a/b' cannot be written as a type"),
    ('conll', 'a\tb', r"'a\\tb' cannot be a tag"),
    ('brat', 'a b', "'a b' has white space in it"),
])
def test_a_name_that_a_format_cannot_write_is_refused(tmp_path, form, kind, message):
    from eega_pyg.formats import AnnotatedRelation
    text = AnnotatedText('Ann met Acme',
                         (AnnotatedEntity(0, 3, kind), AnnotatedEntity(8, 12, 'org')),
                         (AnnotatedRelation(0, 1, 'x'), ), ('Ann', 'met', 'Acme'),
                         place='own.jsonl:3')
    with pytest.raises(ValueError, match=f'^own.jsonl:3: {message}'):
        write_texts([text], tmp_path / 'out', form)
    assert not list(tmp_path.iterdir())
