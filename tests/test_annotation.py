import torch
from hypothesis import given
from hypothesis import strategies as st

from eega_pyg.schema import (
    SOME_TYPE,
    UNKNOWN,
    UNSTATED,
    Annotation,
    Block,
    Entity,
    TagSet,
)
from eega_pyg.tagging import encode

TAGS = TagSet(('per', 'org'), ('member_of', ))
N = 9


@st.composite
def spans(draw):
    start = draw(st.integers(0, N - 1))
    return start, draw(st.integers(start + 1, N))


blocks = st.builds(Block, spans(), spans(),
                   st.sampled_from([0, SOME_TYPE, UNSTATED, UNKNOWN]))


@given(st.lists(blocks, max_size=4), spans())
def test_a_window_is_what_its_part_of_the_table_holds(blocks, span):
    start, stop = span
    known = Annotation(blocks=tuple(blocks), rest=UNKNOWN)
    table = encode([], N, TAGS, annotation=known)
    part = encode([], stop - start, TAGS, annotation=known.window(start, stop))
    assert part.equal(table[start:stop, start:stop])


def test_entities_are_written_over_blocks_and_the_rest():
    known = Annotation((Entity(1, 3, 'org'), ), (Block((0, 2), (0, 4), UNSTATED), ),
                       UNKNOWN)
    expected = torch.full((4, 4), UNKNOWN)
    expected[:2] = UNSTATED
    expected[1:3, 1:3] = TAGS.id('org')
    assert encode([], 4, TAGS, annotation=known).equal(expected)
