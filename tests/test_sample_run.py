import re
import shutil
from pathlib import Path

import pytest

from eega_pyg.config import Config
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.training.run import fit

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.slow
def test_what_the_readme_promises_of_the_sample(tmp_path, offline_models):
    root = tmp_path / 'sample'
    shutil.copytree(REPOSITORY / 'datasets' / 'sample' / 'raw', root / 'raw')
    readme = (REPOSITORY / 'README.md').read_text(encoding='utf-8')
    sets = re.findall(r'eega train datasets/sample .*', readme)[0]
    overrides = re.findall(r'--set (\S+)', sets)
    result = fit(Config.load('default', overrides), root, tmp_path / 'run',
                 progress=False)
    assert result.scores['entity_f1'] >= 0.75
    assert result.scores['quintuple_f1'] >= 0.60

    text, caption = re.findall(r'eega extract "(.*)" \\\n +--caption "(.*?)"',
                               readme)[0]
    found = Extractor.from_pretrained(tmp_path / 'run')(text, caption=caption)
    words = ' '.join(readme.split())
    [promised] = re.findall(r'is that (\D+) \((\w+)\) is `(\w+)` (\D+) \((\w+)\)\.',
                            words)
    head, head_type, relation, tail, tail_type = promised
    assert (head, head_type, tail, tail_type,
            relation) in [q.to_tuple() for q in found.quintuples]
