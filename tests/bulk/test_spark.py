r"""The lines on the page that use Spark."""
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / 'docs' / 'guide' / 'scale.md'

pytest.importorskip(
    'pyspark', reason='PYSPARK IS NOT INSTALLED: the lines for Spark are not tested')


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_table_of_spark(trained, tmp_path, monkeypatch):
    if not (shutil.which('java') or os.environ.get('JAVA_HOME')):
        pytest.skip('THERE IS NO JAVA: the lines for Spark are not tested')
    from pyspark.sql import SparkSession
    monkeypatch.setenv('PYSPARK_PYTHON', sys.executable)
    monkeypatch.chdir(tmp_path)  # Before Java is started, which stays where it begins.
    spark = SparkSession.builder.master('local[1]').config(
        'spark.ui.enabled', False).config('spark.driver.host', '127.0.0.1').config(
            'spark.driver.bindAddress',
            '127.0.0.1').config('spark.sql.shuffle.partitions', 1).getOrCreate()
    code, = re.findall(r'^```python\n(from pyspark.*?)^```',
                       PAGE.read_text(encoding='utf-8'), re.M | re.S)
    assert len(code.splitlines()) <= 12
    lines = [{'id': str(i), 'text': f'Nora Blake meets Sofia {i}'} for i in range(6)]
    lines[2]['text'] = None
    (tmp_path / 'texts.jsonl').write_text('\n'.join(map(json.dumps, lines)))
    try:
        exec(code.replace('runs/sample', str(trained)), {'__name__': 'page'})
        found = spark.read.parquet('found').orderBy('key').collect()
    finally:
        spark.stop()
    assert [row['key'] for row in found] == [str(i) for i in range(6)]
    assert [row['error'] is None for row in found] == [True] * 2 + [False] + [True] * 3
    assert all(
        json.loads(row['result'])['text'].endswith(row['key']) for row in found
        if row['error'] is None)
