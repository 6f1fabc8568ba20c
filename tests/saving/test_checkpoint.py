import pytest

from eega_pyg.datasets import JMERE
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.saving.folder import CHECKPOINTS, DEFAULT_CHECKPOINT
from eega_pyg.saving.saved_model import load_model
from eega_pyg.training.evaluation import evaluate

FOLDER = CHECKPOINTS / DEFAULT_CHECKPOINT


def test_it_is_small_and_says_what_it_is():
    assert sum(f.stat().st_size for f in FOLDER.iterdir()) < 20e6
    card = (FOLDER / 'README.md').read_text(encoding='utf-8')
    for word in ('## Data', '## Scores', '## Limits', '## Licence', 'MNRE'):
        assert word in card


def test_it_reads_a_new_sentence(offline_models):
    result = Extractor.from_pretrained()('Angela Merkel meets Emmanuel Macron in Paris',
                                         caption='a man and a woman shaking hands')
    assert ('Angela Merkel', 'per', 'Emmanuel Macron', 'per',
            'peer') in [q.to_tuple() for q in result.quintuples]
    assert all(0 < q.probability < 1 for q in result.quintuples)


@pytest.mark.slow
def test_it_scores_what_its_card_says(real_val, offline_models):
    saved = load_model()
    val = JMERE(str(real_val), split='val', vocabularies=saved.vocabularies,
                tags=saved.model.tag_set, **saved.data.arguments())
    scores = evaluate(saved.model, val, saved.signatures)
    card = (FOLDER / 'README.md').read_text(encoding='utf-8')
    for name, label in (('quintuple', 'quintuples, either direction'),
                        ('directed',
                         'quintuples, directed'), ('entity', 'entities, all predicted'),
                        ('quintuple_entity', 'entities of predicted quintuples')):
        row = next(line for line in card.splitlines() if line.startswith(f'| {label} '))
        written = [float(cell) for cell in row.split('|')[2:5]]
        found = [100 * scores[f'{name}_{s}'] for s in ('precision', 'recall', 'f1')]
        # Another processor rounds otherwise, and may flip a close call.
        assert found == pytest.approx(written, abs=0.5)
