import networkx as nx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import HeteroData

from eega_pyg.parsing import Parse
from eega_pyg.schema import (
    JMERE_TAGS,
    PAIR,
    UNKNOWN,
    UNSCORED,
    UNSTATED,
    Annotation,
    Block,
    Entity,
    Quintuple,
    TagSet,
)
from eega_pyg.transforms import Pair, WordPairs


def pair(heads, quintuples=(), **kwargs) -> Pair:
    n = len(heads)
    parse = Parse(tuple(heads), ('dep', ) * n, ('X', ) * n, ('', ) * n, ('lower', ) * n)
    return Pair(tuple(f'w{i}' for i in range(n)), parse, quintuples=tuple(quintuples),
                **kwargs)


def heads():
    # The head of a word stands before it, or is itself.
    return st.integers(
        1, 25).flatmap(lambda n: st.tuples(*(st.integers(0, i) for i in range(n))))


@given(heads())
def test_distance_is_the_clipped_number_of_hops(parents):
    graph = nx.Graph()
    graph.add_nodes_from(range(len(parents)))
    graph.add_edges_from(enumerate(parents))
    hops = dict(nx.all_pairs_shortest_path_length(graph))
    data = WordPairs(JMERE_TAGS)(HeteroData(), pair(parents))
    expected = [
        min(hops[i][j], 10) if j in hops[i] else 11 for i in range(len(parents))
        for j in range(len(parents))
    ]
    assert data[PAIR].distance.tolist() == expected
    assert data[PAIR].distance.dtype == torch.int8


ANN = Quintuple(Entity(0, 2, 'per'), Entity(3, 4, 'org'), 'member_of')
BOB = Quintuple(Entity(4, 5, 'per'), Entity(6, 7, 'loc'), 'place_of_birth')


def test_a_window_holds_the_quintuples_wholly_inside_it():
    whole = pair([0] * 8, [ANN, BOB])
    left, right = whole.windows(6)[0], whole.windows(6)[1]
    assert (left.offset, right.offset, len(right.words)) == (0, 3, 5)
    transform = WordPairs(JMERE_TAGS)
    table = transform(HeteroData(), left)[PAIR].tag.view(6, 6)
    assert table[0, 3] == JMERE_TAGS.id('member_of')
    assert table[4, 4] == 0  # Bob's birth place is outside.
    table = transform(HeteroData(), right)[PAIR].tag.view(5, 5)
    expected = torch.zeros(5, 5)
    expected[1, 1] = JMERE_TAGS.id('per')
    expected[3, 3] = JMERE_TAGS.id('loc')
    expected[1, 3] = JMERE_TAGS.id('place_of_birth')
    assert table.tolist() == expected.tolist()


def test_a_window_holds_what_is_known_of_its_part_of_the_table():
    eve = Entity(1, 3, 'per')
    known = Annotation((eve, ), (Block((2, 6), (0, 5), UNKNOWN), ), UNSTATED,
                       frozenset(['per', 'org']))
    data = WordPairs(JMERE_TAGS)(HeteroData(), pair([0] * 8,
                                                    annotation=known).windows(6)[1])
    expected = torch.full((5, 5), UNSTATED)
    expected[0:3, 0:2] = UNKNOWN  # Rows 3 to 5 of columns 3 and 4; Eve is cut.
    assert data[PAIR].tag.view(5, 5).tolist() == expected.tolist()
    assert data.annotated.shape == (1, len(JMERE_TAGS))
    assert data.annotated[0].nonzero().flatten().tolist() == [0, 1, 2]


def test_the_tags_that_are_not_scored_and_large_tag_sets_fit_the_type():
    tags = TagSet(('per', 'org', 'loc'), tuple(f'r{i}' for i in range(300)))
    last = Quintuple(ANN.head, ANN.tail, 'r299')
    data = WordPairs(tags, 'triangle')(HeteroData(), pair([0] * 5, [last]))
    table = data[PAIR].tag.view(5, 5)
    assert table[0, 3] == 303
    assert table[3, 0] == UNSCORED


def test_an_unknown_type_is_named():
    with pytest.raises(ValueError, match="'per'"):
        WordPairs(TagSet(('org', ), ('member_of', )))(HeteroData(), pair([0] * 5,
                                                                         [ANN]))
