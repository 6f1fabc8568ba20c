import json
import sys

import pytest

from benchmarks.scale import result_size


@pytest.mark.slow
def test_counts_are_those_of_the_first_texts(trained, tmp_path, monkeypatch, capsys):
    source, results = tmp_path / 'texts.jsonl', tmp_path / 'results.json'
    texts = [f'Nora Blake meets Sofia {i} in Berlin' for i in range(6)]
    source.write_text('\n'.join(json.dumps({'text': text}) for text in texts))
    command = [
        'result_size',
        str(source), '--model',
        str(trained), '--results',
        str(results), '--counts'
    ]
    monkeypatch.setattr(sys, 'argv', [*command, '6', '3'])
    result_size.main()
    three, six = json.loads(results.read_text())['sizes']
    assert (three['texts'], six['texts']) == (3, 6)
    assert three['text_bytes'] == sum(len(text) for text in texts[:3])
    assert 0 < three['line_bytes'] < six['line_bytes']
    assert three['mentions'] <= six['mentions'] >= six['entities']
    assert len(capsys.readouterr().out.splitlines()) == 2 + 2 + 2
    monkeypatch.setattr(sys, 'argv', [*command, '7'])
    with pytest.raises(ValueError, match='has 6 texts .asked for 7.'):
        result_size.main()
