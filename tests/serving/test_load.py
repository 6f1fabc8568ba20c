r"""A service in a process of its own, under load and killed; a small version of
``benchmarks.serving.load``."""
import pytest

from benchmarks.serving.clients import drive
from benchmarks.serving.load import SAMPLE, killed, results_of
from benchmarks.serving.server import Server
from benchmarks.serving.traffic import judged, made, sentences
from eega_pyg.extraction.extractor import Extractor


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_answer_is_lost_or_wrong(trained):
    requests = made(sentences(SAMPLE), 50, bad=0.2)
    extractor = Extractor.from_pretrained(trained, 'cpu')
    with Server('--model', str(trained), '--no-images', '--device', 'cpu', '--waiting',
                '12', '--batch-size', '4') as server:
        answers, _ = drive(server.address, [r.body for r in requests], 2, 32, 400)
        found = judged(requests, answers, results_of(extractor, requests))
        assert found['lost'] == found['wrong'] == [] and found['broken'] == {}
        assert {200, 422} <= found['statuses'].keys() <= {200, 413, 422}
        assert found['full'] > 0  # Some found no place at first.
        # Killed, it leaves nothing to its clients but errors of the connection.
        found = killed(server, extractor, requests, 1, 2, 32, 400)
        assert found['kills'] == 1 and sum(found['broken'].values()) > 0
        assert found['lost'] == found['wrong'] == []
        assert server.stop() == 0
