import subprocess
import sys

import pytest

import eega_pyg


@pytest.mark.parametrize('module', ['eega_pyg', 'eega_pyg.nn.conv', 'eega_pyg.schema'])
def test_the_reusable_parts_load_nothing_of_the_text_and_image_stack(module):
    # PyG's own layers load transformers where it is installed.
    code = ('import sys, torch_geometric.nn; before = set(sys.modules); '
            f'import {module}; new = set(sys.modules) - before; '
            'print([m for m in ("transformers", "spacy", "lightning", "torchvision") '
            'if m in new])')
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code],
                          capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'


def test_everything_exported_is_there():
    for name in eega_pyg.__all__:
        assert getattr(eega_pyg, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        eega_pyg.Nothing
