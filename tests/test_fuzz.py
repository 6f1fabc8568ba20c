import subprocess
import sys

import pytest


@pytest.mark.slow
def test_readers_refuse_what_they_cannot_read_in_one_line(offline_models):
    run = subprocess.run([sys.executable, '-m', 'tests.fuzz', '--inputs', '300'],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
