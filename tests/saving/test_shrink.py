import json

import pytest
import safetensors.torch
import torch

from eega_pyg.config import Config
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.files import write_text
from eega_pyg.nn.models import EEGA
from eega_pyg.saving.saved_model import load_model
from eega_pyg.saving.shrink import DTYPES, shrink
from eega_pyg.training.run import fit

TEXT = 'Striker Marco Bellini joins Harbor City FC in Lisbon'
TABLE = 'text_encoder.encoder.embeddings.word_embeddings.weight'


@pytest.fixture(scope='module')
def small(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp('small')
    sizes = {dtype: shrink(trained, folder / dtype, dtype) for dtype in DTYPES}
    return folder, sizes


def pairs(folder):
    result = Extractor.from_pretrained(folder, 'cpu')(TEXT, caption='a man', pairs=True)
    return result.pairs.windows[0][1], result


def test_float32_without_the_public_weights_is_exact(small, trained):
    stored = safetensors.torch.load_file(small[0] / 'float32' / 'model.safetensors')
    assert TABLE not in stored
    expected = load_model(trained).model.state_dict()
    found = load_model(small[0] / 'float32').model.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize('dtype, tolerance', [('float16', 5e-3), ('bfloat16', 3e-2)])
def test_half_precision_is_close_and_decodes_the_same(small, trained, dtype, tolerance):
    expected, result = pairs(trained)
    found, other = pairs(small[0] / dtype)
    assert 0 < abs(expected - found).max() < tolerance
    # A less probable one may be found or not.
    best, same = (max(r.quintuples, key=lambda q: q.probability).to_tuple()
                  for r in (result, other))
    assert best == same


def test_a_byte_a_weight_is_close_and_the_encoder_is_known_the_better(small, trained):
    expected, result = pairs(trained)
    found, other = pairs(small[0] / 'int8')
    assert 0 < abs(expected - found).max() < 0.1
    assert [q.to_tuple()
            for q in result.quintuples] == [q.to_tuple() for q in other.quintuples]
    exact = load_model(trained).model.state_dict()
    error = {}
    for name, tensor in load_model(small[0] / 'int8').model.state_dict().items():
        step = exact[name].abs().amax(-1, keepdim=True).clamp(min=1e-12) / 127
        if tensor.dim() > 1 and (tensor != exact[name]).any():
            error[name] = ((tensor - exact[name]).abs() / step).max().item()
    assert max(error.values()) < 0.51
    encoder = [v for k, v in error.items() if k.startswith('text_encoder.')]
    own = [v for k, v in error.items() if not k.startswith('text_encoder.')]
    assert sum(encoder) / len(encoder) < 0.75 * sum(own) / len(own)


def test_half_precision_takes_half_the_space(small):
    folder, sizes = small
    weights = {d: (folder / d / 'model.safetensors').stat().st_size for d in sizes}
    assert weights['float16'] < 0.55 * weights['float32']
    assert weights['int8'] < 0.8 * weights['float16']  # Its rows are short.
    files = (folder / 'float16').iterdir()
    assert sizes['float16'] == sum(f.stat().st_size for f in files)


def test_what_training_needs_is_left_behind(small, trained):
    assert (trained / 'training').is_dir()
    assert not (small[0] / 'float16' / 'training').exists()
    assert 'left out' in (small[0] / 'float16' / 'README.md').read_text()


def test_another_encoder_in_the_place_of_the_public_one_is_refused(
        small, tiny_encoder, tmp_path):
    other = tmp_path / 'encoder'
    other.mkdir()
    for name in ('config.json', 'model.safetensors'):
        other.joinpath(name).write_bytes(open(f'{tiny_encoder}/{name}', 'rb').read())
    state = safetensors.torch.load_file(other / 'model.safetensors')
    state['embeddings.word_embeddings.weight'][0, 0] += 1
    safetensors.torch.save_file(state, other / 'model.safetensors',
                                metadata={'format': 'pt'})
    pipeline = small[0] / 'float32' / 'pipeline.json'
    text = pipeline.read_text()
    value = json.loads(text)
    value['weights']['encoder'] = str(other)
    try:
        write_text(pipeline, json.dumps(value))
        with pytest.raises(ValueError, match='checksum differs'):
            load_model(small[0] / 'float32')
        value['weights']['encoder'] = str(tmp_path / 'nowhere')
        write_text(pipeline, json.dumps(value))
        with pytest.raises(OSError, match='nowhere'):
            load_model(small[0] / 'float32')
        value['weights'] = {'omitted': 3}
        write_text(pipeline, json.dumps(value))
        with pytest.raises(ValueError, match='pipeline.json: weights: expected'):
            load_model(small[0] / 'float32')
    finally:
        write_text(pipeline, text)


class ScaledConv(torch.nn.Module):
    r"""A layer with a weight called "scale" and one that is used twice."""
    def __init__(self, channels, num_edge_types):
        super().__init__()
        self.first = torch.nn.Linear(channels, channels)
        self.second = self.first
        self.scale = torch.nn.Parameter(torch.tensor([2.]))

    def forward(self, x, edge_index):
        return self.scale * self.second(x)


def test_weights_called_scale_and_shared_ones_are_kept(small_root, trained_overrides,
                                                       tmp_path):
    config = Config.load('default', [*trained_overrides, 'train.epochs=1'])
    fit(config, small_root, tmp_path / 'own', progress=False, conv=ScaledConv)
    expected = load_model(tmp_path / 'own', conv=ScaledConv).model.state_dict()
    own = [name for name in expected if '.conv.conv.' in name]
    stored = {name.rpartition('.conv.conv.')[2] for name in own}
    assert {'scale', 'first.weight', 'second.weight'} <= stored
    for dtype in DTYPES:
        shrink(tmp_path / 'own', tmp_path / dtype, dtype, conv=ScaledConv)
        found = load_model(tmp_path / dtype, conv=ScaledConv).model.state_dict()
        for name in own:
            torch.testing.assert_close(found[name], expected[name], atol=0.01,
                                       rtol=0.01)
        assert expected.keys() == found.keys()


def test_the_bare_model_is_never_left_with_random_weights(small):
    with pytest.raises(RuntimeError, match=rf'load_model\(folder\).model .*{TABLE}'):
        EEGA.from_pretrained(small[0] / 'float32')


@pytest.mark.parametrize('dtype, target, message', [
    ('int4', 'new', 'Expected a dtype of float32'),
    ('float16', None, 'choose another folder'),
])
def test_wrong_use_is_named(trained, tmp_path, dtype, target, message):
    with pytest.raises(ValueError, match=message):
        shrink(trained, tmp_path / target if target else trained, dtype)


def test_a_shrunk_model_is_not_shrunk_again(small, tmp_path):
    with pytest.raises(ValueError, match='is shrunk already'):
        shrink(small[0] / 'float32', tmp_path / 'again')


def test_a_checkpoint_of_the_package_is_shrunk_already(tmp_path):
    with pytest.raises(ValueError, match='jmere-minilm. is shrunk already'):
        shrink('jmere-minilm', tmp_path / 'small')
