import subprocess
import sys

import pytest

import eega_pyg


def test_the_reusable_parts_load_nothing_of_the_text_and_image_stack():
    # PyG's own layers load transformers where it is installed.
    code = '''
import importlib, sys, torch_geometric.nn
before = set(sys.modules)
for module in ('eega_pyg', 'eega_pyg.schema', 'eega_pyg.nn.conv'):
    importlib.import_module(module)
    new = {name.partition('.')[0] for name in set(sys.modules) - before}
    print(new & {'transformers', 'spacy', 'lightning', 'torchvision'} or 'none')
'''
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code],
                          capture_output=True, text=True, check=True)
    assert done.stdout.split() == ['none'] * 3


def test_everything_exported_is_there():
    for name in eega_pyg.__all__:
        assert getattr(eega_pyg, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        eega_pyg.Nothing
