import subprocess
import sys

import pytest

HEAVY = ['transformers', 'spacy', 'lightning', 'torchvision', 'pandas', 'ot']


@pytest.mark.slow
def test_the_package_loads_alone() -> None:
    code = (
        'import sys, eega_pyg.ot as o\n'
        '[getattr(o, name) for name in o.__all__]\n'
        f'print([name for name in {HEAVY} if name in sys.modules])\n'
        'print(sorted(name for name in sys.modules if name.startswith("eega_pyg.")\n'
        '             and not name.startswith(("eega_pyg.ot", "eega_pyg._"))))')
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                         check=True)
    assert out.stdout.split('\n')[:2] == ['[]', '[]']
