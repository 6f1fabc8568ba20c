import inspect
import linecache
import os
import subprocess
import sys
import tempfile

import pytest

from eega_pyg.nn.conv.templates import remove_template_files

USE = '''
import torch
from torch_geometric.nn import GCNConv
from eega_pyg.nn.conv import AttributeTransformerConv, WGCNConv
from eega_pyg.datasets import FakeJMERE
from eega_pyg.nn.models import EEGA
data = FakeJMERE(2, num_piece_ids=200)
encoder = {'model_type': 'bert', 'vocab_size': 200, 'hidden_size': 24,
           'num_hidden_layers': 1, 'num_attention_heads': 2, 'intermediate_size': 32}
for conv in ('attribute_transformer', 'gatv2', 'gcn'):
    EEGA(encoder, data.tags.to_dict(), data.vocabularies.sizes, heads=4, conv=conv)
WGCNConv(4, 4, 2)
'''


@pytest.mark.slow
def test_a_process_leaves_no_file_in_the_temporary_folder(tmp_path):
    run = subprocess.run([sys.executable, '-c', USE], capture_output=True, text=True,
                         env={
                             **os.environ, 'TMPDIR': str(tmp_path)
                         })
    assert run.returncode == 0, run.stderr
    # PyTorch makes an empty folder for compiled code, the same for all processes.
    assert [n for n in os.listdir(tmp_path) if not n.startswith('torchinductor_')] == []


def test_only_generated_files_go_and_their_source_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    (tmp_path / 'mine_propagate.py').write_text('x = 1\n')
    (tmp_path / 'notes.txt').write_text('x')
    from torch_geometric.nn import MessagePassing

    class OnlyHere(MessagePassing):
        pass

    layer = OnlyHere()
    assert len([n for n in os.listdir(tmp_path) if n.endswith('.py')]) == 2
    remove_template_files()
    assert sorted(os.listdir(tmp_path)) == ['mine_propagate.py', 'notes.txt']
    linecache.checkcache()
    assert 'def propagate' in inspect.getsource(type(layer).propagate)
