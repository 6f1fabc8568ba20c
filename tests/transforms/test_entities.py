from dataclasses import replace

import torch
from torch_geometric.data import Batch, HeteroData

from eega_pyg.parsing import Parse
from eega_pyg.schema import (
    BOX,
    ENTITY,
    ENTITY_IN_BOX,
    TOKEN,
    TOKEN_OF_ENTITY,
    Annotation,
    Entity,
    Quintuple,
    TagSet,
)
from eega_pyg.transforms import Entities, Pair

TAGS = TagSet(('per', 'org'), ('member_of', ))
ANN, ACME, ZETA = Entity(0, 2, 'per'), Entity(3, 4, 'org'), Entity(5, 6, 'org')
LEFT, RIGHT = (0.0, 0.0, 0.25, 1.0), (0.5, 0.0, 1.0, 1.0)


def pair(**kwargs):
    n = 6
    parse = Parse((0, ) * n, ('dep', ) * n, ('X', ) * n, ('', ) * n, ('lower', ) * n,
                  None)
    return Pair(tuple('Ann Lee joins Acme not Zeta'.split()), parse,
                quintuples=(Quintuple(ANN, ACME, 'member_of'), ), annotation=Annotation(
                    (ZETA, )), **kwargs)


def graph(given):
    data = Entities(TAGS)(HeteroData(), given)
    data[TOKEN].num_nodes = len(given.words)
    return data


def test_entities_of_quintuples_and_others_are_nodes_of_their_words():
    data = graph(pair())
    assert data.entities == [[0, 2, 'per'], [3, 4, 'org'], [5, 6, 'org']]
    assert data[ENTITY].type.tolist() == [1, 2, 2]
    assert data[TOKEN_OF_ENTITY].edge_index.tolist() == [[0, 1, 3, 5], [0, 0, 1, 2]]
    assert data.grounded.tolist() == [False]
    assert data[BOX].num_nodes == data[ENTITY_IN_BOX].num_edges == 0


def test_an_entity_has_an_edge_to_each_box_in_which_it_is_seen():
    boxes = ((ANN.span, LEFT), (ANN.span, RIGHT), (ZETA.span, RIGHT))
    data = graph(pair(boxes=boxes))
    assert data[BOX].xyxy.tolist() == [list(LEFT), list(RIGHT)]
    assert data[ENTITY_IN_BOX].edge_index.tolist() == [[0, 0, 2], [0, 1, 1]]
    assert data.grounded.tolist() == [True]
    assert graph(pair(boxes=())).grounded.tolist() == [True]


def test_a_window_has_its_own_entities_and_all_boxes():
    whole = pair(boxes=((ANN.span, LEFT), (ZETA.span, RIGHT)))
    window = replace(whole.windows(4)[-1])
    assert window.words == ('joins', 'Acme', 'not', 'Zeta')
    data = graph(window)
    assert data.entities == graph(whole).entities
    assert data[TOKEN_OF_ENTITY].edge_index.tolist() == [[1, 3], [0, 1]]
    assert data[BOX].num_nodes == 2
    assert data[ENTITY_IN_BOX].edge_index.tolist() == [[1], [1]]


def test_edges_of_a_batch_lead_to_the_nodes_of_their_own_graph():
    one, two = pair(), pair(boxes=((ZETA.span, RIGHT), ))
    batch = Batch.from_data_list([graph(one), graph(two), graph(two)])
    assert batch[ENTITY_IN_BOX].edge_index.tolist() == [[5, 8], [0, 1]]
    token, entity = batch[TOKEN_OF_ENTITY].edge_index
    assert torch.equal(batch[TOKEN].batch[token], batch[ENTITY].batch[entity])
