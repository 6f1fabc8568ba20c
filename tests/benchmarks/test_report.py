r"""The tables that stand in the READMEs of the benchmarks."""
import json
import sys

import pytest

from benchmarks import report

pytestmark = pytest.mark.slow


def test_the_report_fills_tables_and_names_what_was_not_run(tmp_path, monkeypatch):
    record = {
        'name': 'full',
        'seed': 4,
        'scores': {
            'quintuple_f1': 0.5,
            'directed_f1': 0.25,
            'entity_f1': 0.75
        },
        'seconds_an_epoch': 9.0,
        'machine': 'abacus',
        'threads': 1,
        'date': '2026-01-02',
    }
    (tmp_path / 'ablation.json').write_text(json.dumps([record]))
    readme = tmp_path / 'README.md'
    readme.write_text('a\n<!-- ablation -->\nold\n<!-- end -->\nb\n'
                      '<!-- sensitivity -->\n<!-- end -->\n')
    monkeypatch.setattr(sys, 'argv',
                        ['report', '--readme',
                         str(readme), '--results',
                         str(tmp_path)])
    report.main()
    text = readme.read_text()
    assert '| full | 4 | 50.00 | 25.00 | 75.00 |' in text and 'old' not in text
    assert '| without alignment | not run |' in text and 'abacus, 1 thread' in text
    assert text.endswith('<!-- sensitivity -->\nNot run yet.\n<!-- end -->\n')
    report.main()
    assert readme.read_text() == text


@pytest.mark.parametrize('readme', report.READMES, ids=lambda p: p.parent.name)
def test_the_tables_of_a_readme_are_those_of_the_results(readme, tmp_path, monkeypatch):
    text = readme.read_text(encoding='utf-8')
    copy = tmp_path / 'README.md'
    copy.write_text(text, encoding='utf-8')
    monkeypatch.setattr(sys, 'argv', ['report', '--readme', str(copy)])
    report.main()
    assert copy.read_text(encoding='utf-8') == text


def test_every_table_stands_in_one_readme():
    text = ''.join(p.read_text(encoding='utf-8') for p in report.READMES)
    for name in report.TABLES:
        assert text.count(f'<!-- {name} -->') == 1


def test_runs_whose_code_is_gone_make_no_row(tmp_path):
    record = {
        'seed': 0,
        'scores': {
            'quintuple_f1': 0.5,
            'directed_f1': 0.25,
            'entity_f1': 0.75
        },
        'machine': 'abacus',
        'threads': 1,
        'date': '2026-01-02',
    }
    names = [
        'default', 'earlier default, without pretraining',
        'default with a bilinear term'
    ]
    (tmp_path / 'jmere.json').write_text(
        json.dumps([{
            **record, 'name': name
        } for name in names]))
    rows = [x for x in report.table('jmere', tmp_path).splitlines() if x[:1] == '|']
    assert len(rows) == 3 and rows[2].startswith('| default |')
