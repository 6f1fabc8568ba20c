import pytest
import torch

from benchmarks.speed import storage
from eega_pyg.saving.saved_model import load_model, read_pipeline
from eega_pyg.saving.shrink import public_state

pytestmark = pytest.mark.slow


def test_a_cut_difference_has_the_rank_it_is_cut_to_and_a_full_one_stays(trained):
    encoder = read_pipeline(trained / 'pipeline.json')['data']['encoder']
    public = public_state(encoder)
    exact = load_model(trained).model.state_dict()
    for rank in (2, 1000):
        model = load_model(trained).model
        assert storage.cut(model, encoder, rank) > 0
        for name, tensor in model.state_dict().items():
            if name not in public or tensor.dim() != 2 or rank == 1000:
                torch.testing.assert_close(tensor, exact[name], rtol=0, atol=1e-5)
            else:
                difference = (tensor - public[name]).double()
                assert torch.linalg.matrix_rank(difference, atol=1e-4) <= rank
