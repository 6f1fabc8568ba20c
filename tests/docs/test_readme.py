r"""What a reader of the README copies first."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / 'README.md').read_text(encoding='utf-8')
BLOCKS = re.findall(r'^```python\n(.*?)^```', TEXT, re.DOTALL | re.MULTILINE)


def block(word):
    found, = (b for b in BLOCKS if word in b)
    return found


def test_the_readme_is_short():
    assert len(TEXT.splitlines()) < 150


@pytest.mark.slow
def test_a_text_is_extracted_and_a_graph_written(tmp_path, monkeypatch, capsys,
                                                 offline_models):
    monkeypatch.chdir(tmp_path)
    exec(block('Extractor'), {})
    assert "'Emmanuel Macron' -place_of_residence-> 'Paris'" in capsys.readouterr().out
    assert 'Paris' in (tmp_path / 'graph.html').read_text(encoding='utf-8')


def test_a_layer_is_reused(capsys):
    exec(block('AttributeTransformerConv'), {})
    assert 'torch.Size([4, 64])' in capsys.readouterr().out


@pytest.mark.parametrize('block', BLOCKS)
def test_a_block_is_no_longer_than_promised(block):
    lines = [
        x for x in block.splitlines() if x and not x.startswith(('import', 'from'))
    ]
    assert len(lines) <= 5
