r"""Names of the node and edge types of one text/image pair."""
from typing import Any, Tuple

EdgeType = Tuple[str, str, str]

#: Node types of one pair.
PIECE = 'piece'
TOKEN = 'token'
OBJECT = 'object'
LABEL_PIECE = 'label_piece'
ENTITY = 'entity'
BOX = 'box'

#: Edge types of one pair.
PIECE_OF_TOKEN: EdgeType = (PIECE, 'of', TOKEN)
LABEL_OF_OBJECT: EdgeType = (LABEL_PIECE, 'of', OBJECT)
DEP: EdgeType = (TOKEN, 'dep', TOKEN)
REL: EdgeType = (OBJECT, 'rel', OBJECT)
PAIR: EdgeType = (TOKEN, 'pair', TOKEN)
TOKEN_OF_ENTITY: EdgeType = (TOKEN, 'of', ENTITY)
ENTITY_IN_BOX: EdgeType = (ENTITY, 'in', BOX)


def num_pieces(data: Any) -> int:
    r"""The number of word pieces of one pair, by which its cost grows."""
    return data[PIECE].num_nodes


#: The value of ``tag`` at a cell of the word-pair table that is not scored.
UNSCORED = -100
#: What ``tag`` holds where a cell is known in part: it has some entity type; it has no
#: tag that its data set annotates; or nothing is known of it.
SOME_TYPE, UNSTATED, UNKNOWN = -1, -2, -3
