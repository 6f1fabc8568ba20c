import pytest

from eega_pyg.knowledge_graph import KnowledgeGraph


def result(text, entities, quintuples=(), image=''):
    r"""The dict of a result from ``(name, type, probability)`` and ``(head, relation,
    tail, probability)``, where entities are given by their positions."""
    found, end = [], 0
    for name, kind, probability in entities:
        start = text.index(name, end)
        end = start + len(name)
        found.append({
            'text': name,
            'type': kind,
            'start': start,
            'end': end,
            'probability': probability
        })
    return {
        'text':
        text,
        'image_id':
        image,
        'entities':
        found,
        'quintuples': [{
            'head': found[head],
            'relation': relation,
            'tail': found[tail],
            'probability': probability,
            'directed': True
        } for head, relation, tail, probability in quintuples],
    }


@pytest.fixture(scope='session')
def make():
    return result


@pytest.fixture
def odd():
    r"""A graph of names that are hard to write."""
    name, place = 'O\'Neil "the\\n" <b>&;`|', 'Köln\u202e🎉'
    text = f'{name} was\nborn in {place}\x07 \\n \x00, {{{{data}}}} </script>'
    first = result(text, [(name, 'per', 0.1 + 0.2), (place, 'loc', 1.0)],
                   [(0, 'place_of_birth', 1, 1 / 3)], '../../etc/<passwd>&.jpg')
    first['entities'][0]['objects'] = [{
        'object': 0,
        'label': 'a "man"',
        'box': [0.0, 0.1, 0.7, 1.0],
        'strength': 0.6,
        'edge_strength': 0.4
    }]
    second = result('KÖLN\u202e🎉 contains Dom', [('KÖLN\u202e🎉', 'loc', 0.5),
                                                 ('Dom', 'a type; of mine', 1e-7)],
                    [(0, 'my `own` relation', 1, 0.25)])
    third = result(f'{name} , {name} : peers', [(name, 'per', 0.9)], image='2.jpg')
    links = {'Dom': 'Q4176'}
    return KnowledgeGraph.from_results([first, second, third],
                                       lambda name, kind, text: links.get(name))


#: Where the person of :func:`seen` is; no other number of the graph is like these.
BOX = (0.0625, 0.1875, 0.4375, 0.8125)


@pytest.fixture
def seen():
    r"""A graph of a result whose first entity is seen, and its second one is not."""
    value = result('Ann of Rome', [('Ann', 'per', 1.0), ('Rome', 'loc', 1.0)],
                   [(0, 'place_of_birth', 1, 1.0)], '1.jpg')
    other = {'object': 0, 'label': 'hat', 'strength': 1.0, 'edge_strength': 1.0}
    value['entities'][0].update(object=1, object_score=0.9375, box=list(BOX),
                                objects=[other])
    value['entities'][1].update(object=None, object_score=0.5, objects=[other])
    value['scene_graph'] = {
        'objects': [{
            'label': 'hat',
            'score': 1.0
        }, {
            'label': 'woman',
            'score': 1.0,
            'box': list(BOX)
        }],
        'predicates': []
    }
    return KnowledgeGraph.from_results([value])
