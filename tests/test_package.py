import os
import subprocess
import sys
from pathlib import Path

import pytest

import eega_pyg

OTHERS = ','.join(f'{name}.*'
                  for name in ('torch', 'torch_geometric', 'torchvision',
                               'torchmetrics', 'lightning', 'transformers',
                               'huggingface_hub', 'spacy', 'numpy', 'pandas', 'scipy',
                               'networkx', 'PIL', 'rich', 'pydantic', 'matplotlib'))


@pytest.mark.slow
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


def test_everything_exported_is_listed_for_completion():
    assert set(eega_pyg.__all__) <= set(dir(eega_pyg))
    assert '__version__' in dir(eega_pyg)


@pytest.mark.slow
def test_a_type_checker_sees_every_exported_name(tmp_path):
    pytest.importorskip('mypy')
    names = sorted(eega_pyg.__all__)
    lines = ['import eega_pyg', *(f'from eega_pyg import {name}' for name in names)]
    lines += [f'reveal_type({name})' for name in names]
    lines += ['reveal_type(eega_pyg.Extractor)', 'reveal_type(eega_pyg.__version__)']
    lines += ["found = Extractor.from_pretrained('me/model', revision='v1')('Ann')"]
    lines += ['reveal_type(found.entities[0].text)', 'reveal_type(found.quintuples)']
    (tmp_path / 'user.py').write_text('\n'.join(lines) + '\n')
    # Other libraries are not read: that takes most of the time.
    (tmp_path / 'mypy.ini').write_text(f'[mypy-{OTHERS}]\nfollow_imports = skip\n')
    done = subprocess.run(
        [sys.executable, '-m', 'mypy', '--strict', '--cache-dir', tmp_path, 'user.py'],
        cwd=tmp_path, capture_output=True, text=True, env={
            **os.environ, 'MYPYPATH': str(Path(eega_pyg.__file__).parents[1])
        })
    lines = [x for x in done.stdout.splitlines() if x.startswith('user.py:')]
    told = [x.partition('Revealed type is ')[2] for x in lines]
    assert all(told) and len(told) == len(names) + 4, done.stdout + done.stderr
    revealed = dict(zip(names, told))
    assert not [n for n in names if revealed[n] == '"Any"']
    for name in ('Config', 'EEGA', 'Extractor', 'JMERE', 'KnowledgeGraph', 'Result'):
        assert f'.{name}"' in revealed[name] and revealed[name].startswith('"def (')
    extractor, version, text, quintuples = told[len(names):]
    assert extractor == revealed['Extractor']
    assert version.endswith('str"') and text.endswith('str"')
    assert 'list[eega_pyg.extraction.found.FoundQuintuple]' in quintuples
