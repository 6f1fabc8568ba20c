r"""Results as a table of Parquet."""
from typing import Any, Mapping, Sequence

import pyarrow
from pyarrow import parquet

from eega_pyg.json_yaml import json_text

_BOX = pyarrow.list_(pyarrow.float64())
_SPAN = [('text', pyarrow.string()), ('type', pyarrow.string()),
         ('start', pyarrow.int64()), ('end', pyarrow.int64()),
         ('probability', pyarrow.float64())]
_ALIGNED = pyarrow.struct([('object', pyarrow.int64()), ('label', pyarrow.string()),
                           ('box', _BOX), ('strength', pyarrow.float64()),
                           ('edge_strength', pyarrow.float64())])
_ENTITY = pyarrow.struct([
    *_SPAN, ('object', pyarrow.int64()), ('object_score', pyarrow.float64()),
    ('box', _BOX), ('objects', pyarrow.list_(_ALIGNED))
])
_QUINTUPLE = pyarrow.struct([('head', pyarrow.struct(_SPAN)),
                             ('relation', pyarrow.string()),
                             ('tail', pyarrow.struct(_SPAN)),
                             ('probability', pyarrow.float64()),
                             ('directed', pyarrow.bool_())])
_OBJECT = pyarrow.struct([('label', pyarrow.string()), ('score', pyarrow.float64()),
                          ('box', _BOX), ('feature', pyarrow.list_(pyarrow.float64()))])
_PREDICATE = pyarrow.struct([('subject', pyarrow.int64()),
                             ('predicate', pyarrow.string()),
                             ('object', pyarrow.int64()), ('score', pyarrow.float64())])

#: The columns of results. Each text may have other metadata, which are JSON therefore.
RESULTS = pyarrow.schema([('key', pyarrow.string()), ('text', pyarrow.string()),
                          ('image_id', pyarrow.string()), ('image', pyarrow.string()),
                          ('metadata', pyarrow.string()),
                          ('entities', pyarrow.list_(_ENTITY)),
                          ('quintuples', pyarrow.list_(_QUINTUPLE)),
                          ('scene_graph',
                           pyarrow.struct([('objects', pyarrow.list_(_OBJECT)),
                                           ('predicates', pyarrow.list_(_PREDICATE))]))
                          ])
ERRORS = pyarrow.schema([('key', pyarrow.string()), ('error', pyarrow.string())])


def write_parquet(values: Sequence[Mapping[str, Any]], path: str,
                  schema: pyarrow.Schema) -> None:
    r"""Writes results, or errors, as the rows of a file.

    Args:
        values (sequence of dict): What :meth:`Result.to_dict
            <eega_pyg.extraction.result.Result.to_dict>` makes, behind its key.
        path (str): The file.
        schema (pyarrow.Schema): Their columns.
    """
    rows = [_row(value) for value in values]
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema), path)


def _row(value: Mapping[str, Any]) -> Mapping[str, Any]:
    if not value.get('metadata'):
        return value
    return {**value, 'metadata': json_text(value['metadata'])}
