r"""What is wrong is told before anything large is imported."""
import json
import socket
import subprocess
import sys

import pytest

LARGE = ('torch', 'transformers', 'spacy', 'torch_geometric', 'torchvision',
         'lightning', 'torchmetrics', 'matplotlib', 'pandas', 'networkx', 'scipy',
         'huggingface_hub')
CODE = '''
import json, os, sys
from eega_pyg.cli.main import main
for args in json.loads(sys.argv[1]):
    if os.fork() == 0:
        sys.argv[1:] = args
        try:
            code = main()
        except SystemExit as e:
            code = e.code
        names = {name.partition('.')[0] for name in sys.modules}
        found = json.dumps([str(code), len(sys.modules), sorted(names)])
        print('IMPORTED', found, file=sys.stderr, flush=True)
        os._exit(0)
    os.wait()
'''

SMALL = [
    (['--help'], '0'),
    (['--version'], '0'),
    (['extract'], '1'),
    (['extract', 'none.csv'], '1'),
    (['extract', '--input', 'none'], '1'),
    (['extract', 'none.jsonl', '--engine', 'ray', '--output', 'out'], '1'),
    (['extract', 'Ann', '--output', 'a.xlsx'], '1'),
    (['extract', 'Ann', '--output', 'a.csv', '--format', 'table'], '1'),
    (['extract', ' '], '1'),
    (['graph', 'none.jsonl', '--output', 'a.html'], '1'),
    (['explain', 'Ann', '--output', 'a.htm'], '1'),
    (['serve', '--batch-size', '0'], '2'),
    (['serve', '--detector', 'yolo'], '1'),
    (['extract', 'Ann', '--detector', 'gone.py:look'], '1'),
    (['evaluate', 'none'], '1'),
    (['evaluate', 'none', '--predictions', 'none.jsonl'], '1'),
]


def imported(*commands):
    r"""The exit code, the number of modules and the packages of each command, which has
    a process of its own; all come from one that has imported the command line."""
    given = json.dumps([list(map(str, args)) for args in commands])
    done = subprocess.run([sys.executable, '-c', CODE, given], capture_output=True,
                          text=True, check=True)
    found = [
        json.loads(line.partition(' ')[2]) for line in done.stderr.splitlines()
        if line.startswith('IMPORTED ')
    ]
    assert len(found) == len(commands), done.stderr
    return [(code, number, set(names)) for code, number, names in found]


@pytest.fixture(scope='module')
def small():
    return imported(*(args for args, _ in SMALL))


@pytest.mark.parametrize('number', range(len(SMALL)),
                         ids=[' '.join(args) for args, _ in SMALL])
def test_what_needs_no_model_imports_nothing_large(small, number):
    code, modules, names = small[number]
    assert code == SMALL[number][1]
    assert names & set(LARGE) == set()
    assert modules < 800


def test_wrong_content_of_files_is_told_without_a_model(tmp_path):
    source = tmp_path / 'in.csv'
    source.write_text('text\nAnn\n"Bob')
    for code, _, names in imported(['extract', source],
                                   ['extract', source, '-o', tmp_path / 'a.csv'],
                                   ['graph', source, '-o', tmp_path / 'a.html']):
        assert code == '1' and names & set(LARGE) == set()


def test_scores_of_files_need_no_model(tmp_path):
    path = tmp_path / 'a.jsonl'
    path.write_text(
        '{"text": "Ann", "entities": [{"start": 0, "end": 3, "type": "x"}]}')
    (code, _, names), = imported([
        'evaluate', path, '--predictions', path, '--predictions', path, '--page',
        tmp_path / 'a.html'
    ])
    assert code == '0' and names & set(LARGE) == set()


@pytest.mark.slow
def test_a_sentence_needs_nothing_of_training_and_drawing(offline_models):
    (code, _, names), = imported(['extract', 'Emmanuel Macron lives in Paris'])
    assert code == '0' and 'torch' in names
    assert names & {
        'lightning', 'torchmetrics', 'matplotlib', 'rdflib', 'sklearn', 'ot'
    } == set()


def test_a_port_in_use_is_told_before_a_model_is_loaded():
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        (code, _, names), = imported(['serve', '--port', port])
    assert code == '1' and names & set(LARGE) == set()
