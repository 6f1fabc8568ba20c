import pytest

from benchmarks.speed import memory
from eega_pyg.datasets import FakeJMERE

pytestmark = pytest.mark.slow


def test_a_file_is_about_as_large_as_the_tensors_in_it():
    found = memory.measure(400, 4)
    graphs = list(FakeJMERE(400, vector_size=4))
    tensors = sum(value.nbytes for data in graphs for store in data.stores
                  for value in store.values() if hasattr(value, 'nbytes')) / len(graphs)
    # Beside them there are their names, the words, and room that SQLite leaves.
    assert tensors < found['on disk: file'] < 3 * tensors + 6000
    assert found['in memory: milliseconds to read'] > 0
    rows = memory.report({
        'machine': 'abacus',
        'date': '2026-01-02',
        'sentences': 400,
        'a sentence': found
    })
    assert len(rows.splitlines()) == 4 + len(found)
