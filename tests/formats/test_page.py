r"""The how-to says what the formats hold."""
import json
import re
from pathlib import Path

from eega_pyg.formats import FEATURES, FORMATS, read_texts

PAGE = (Path(__file__).parents[2] / 'docs' / 'guide' /
        'own-data.md').read_text(encoding='utf-8')


def test_the_table_says_what_each_format_cannot_hold():
    table = PAGE.partition('cannot hold |')[2].partition('\n\n')[0]
    rows = dict(re.findall(r'^\| `([\w-]+)` \| [^|]+ \| (.*) \|$', table, re.MULTILINE))
    assert rows == {
        name:
        ', '.join(what
                  for feature, what in FEATURES.items() if feature not in form.holds)
        or 'it holds all'
        for name, form in FORMATS.items()
    }


def test_the_line_on_the_page_is_read(tmp_path):
    line, = re.findall(r'^```json\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL)
    assert json.loads(line)
    (tmp_path / 'own.jsonl').write_text(line, encoding='utf-8')
    text, = read_texts(tmp_path / 'own.jsonl')
    assert [text.text[e.start:e.end] for e in text.entities] == ['Ann Lee', 'Acme']


def test_the_code_on_the_page_runs(tmp_path, monkeypatch, capsys):
    line, = re.findall(r'^```json\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL)
    *_, code = re.findall(r'^```python\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path('texts.jsonl').write_text(line, encoding='utf-8')
    names = {}
    exec(code, names)
    assert "types=('org', 'per')" in capsys.readouterr().out
    assert names['left_out'] == {'names of images': 1}
    assert list(read_texts('brat'))[0].relations == names['texts'][0].relations
