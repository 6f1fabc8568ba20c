r"""Texts that hypothesis makes, and how a tokenizer of a test splits them."""
import re

from hypothesis import strategies as st

from eega_pyg.formats import AnnotatedEntity, AnnotatedRelation, AnnotatedText
from eega_pyg.schema import SceneGraph, SceneObject, ScenePredicate

#: Emoji (joined, with tones, flags), right-to-left with marks, combining marks, line
#: ends and separators of all kinds, and marks that formats give a meaning.
PIECES = ('Ann', 'Łódź', '👩‍🔬', '👍🏽', '🇳🇴', 'שָׁלוֹם', 'مرحبا', 'e\u0301', 'z\u0335',
          '北京', '𝔄', ' ', '  ', '\n', '\r\n', '\t', '\u00a0', '\u2028', '\x0b',
          '\ufeff', '\u200f', '#', '"', "'", '\\', '/', ';', '-', 'None', 'IMGID:',
          '-DOCSTART-', '{', '[', 'O', ',')
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map(''.join),
    st.text(st.characters(exclude_categories=['Cs']), max_size=20))
NAMES = st.sampled_from(['per', 'ORG', 'müll', 'a-b', '人'])
SHARES = st.floats(0, 1)
METADATA = st.dictionaries(
    st.sampled_from(['id', 'author', 'text', 'entities', 'meta', 'née']),
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS, st.lists(st.integers())),
    max_size=2)
GRAPH = SceneGraph((SceneObject('hat', 0.25, (0.0, 0.1, 0.5, 1.0)), SceneObject('man')),
                   (ScenePredicate(1, 'wears', 0, 0.5), ))
BOX = (0.0, 0.25, 1 / 3, 1.0)


def tokenize(text):
    r"""Runs of word characters, and each other character that is no white space. What
    is blank for a name is no word."""
    found = [m for m in re.finditer(r'\w+|[^\w\s]', text) if m[0].strip()]
    return [m[0] for m in found], [m.span() for m in found]


@st.composite
def annotated_texts(draw, words=None):
    r"""Texts with entities (some overlap or cut words), relations and all else."""
    text = draw(TEXTS)
    parts, offsets = tokenize(text)
    in_words = bool(parts) and (draw(st.booleans()) if words is None else words)
    starts = [a for a, _ in offsets] if in_words else range(len(text))
    ends = [z for _, z in offsets] if in_words else range(1, len(text) + 1)
    spans = [] if not starts else draw(
        st.lists(st.tuples(st.sampled_from(starts), st.sampled_from(ends)), max_size=5,
                 unique=True))
    spans = [(a, z) for a, z in spans if text[a:z].strip()]
    ids = draw(st.booleans())
    boxes = [
        draw(st.sampled_from([(), (BOX, ), (BOX, (0.5, 0.5, 1.0, 1.0))])) for _ in spans
    ]
    entities = [
        AnnotatedEntity(a, z, draw(NAMES), f'e{i}' if ids else '',
                        next(iter(boxes[i]), None), draw(st.none() | SHARES),
                        boxes[i][1:]) for i, (a, z) in enumerate(spans)
    ]
    number = st.integers(0, max(len(spans) - 1, 0))
    pairs = [] if len(spans) < 2 else draw(
        st.lists(st.tuples(number, number, NAMES), max_size=4, unique=True))
    relations = [
        AnnotatedRelation(a, b, name, draw(st.none() | SHARES), draw(st.booleans()))
        for a, b, name in pairs if a != b
    ]
    plain = st.sampled_from(['', 'a.jpg', 'ü 1.jpg'])
    return AnnotatedText(text, tuple(entities), tuple(relations),
                         tuple(parts) if in_words else None, draw(plain), draw(plain),
                         draw(st.none() | TEXTS), draw(st.none() | st.just(GRAPH)),
                         draw(METADATA))
