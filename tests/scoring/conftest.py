r"""Texts for the tests of scores."""
from hypothesis import strategies as st

from eega_pyg.formats import AnnotatedEntity, AnnotatedRelation, AnnotatedText


def annotated(text, entities=(), relations=(), **kwargs):
    r"""A text with entities ``(name, type)`` and relations ``(head, tail, type)``."""
    return AnnotatedText(
        text,
        tuple(
            AnnotatedEntity(text.index(name),
                            text.index(name) + len(name), kind)
            for name, kind in entities),
        tuple(AnnotatedRelation(*r) for r in relations), **kwargs)


@st.composite
def contents(draw, number):
    r"""Entities of single words, and relations between them."""
    entities = draw(
        st.lists(st.tuples(st.integers(0, number - 1), st.sampled_from('ABC')),
                 max_size=4, unique_by=lambda e: e[0]))
    pairs = [(a, b) for a in range(len(entities)) for b in range(len(entities))
             if a != b]
    relations = draw(
        st.lists(st.tuples(st.sampled_from(pairs), st.sampled_from('rs')), max_size=4,
                 unique=True)) if pairs else []
    return entities, [(*pair, name) for pair, name in relations]


def made(words, image, content):
    text = ' '.join(words)
    starts = [len(' '.join(words[:i])) + (i > 0) for i in range(len(words))]
    entities, relations = content
    return AnnotatedText(
        text,
        tuple(
            AnnotatedEntity(starts[i], starts[i] + len(words[i]), kind)
            for i, kind in entities), tuple(AnnotatedRelation(*r) for r in relations),
        image_id=image)


@st.composite
def pairs(draw, systems=1, max_size=6):
    r"""Given texts, and the same texts as one or several systems see them."""
    out = [[] for _ in range(1 + systems)]
    for i in range(draw(st.integers(1, max_size))):
        words = [f'w{k}' for k in range(draw(st.integers(2, 5)))]
        for side in out:
            side.append(made(words, f'{i}.jpg', draw(contents(len(words)))))
    return out
