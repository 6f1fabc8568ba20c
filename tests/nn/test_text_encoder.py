import pytest
import torch

from eega_pyg.nn import TextEncoder
from eega_pyg.resolve import load_encoder, resolve_encoder

CONFIG = {
    'model_type': 'bert',
    'vocab_size': 30,
    'hidden_size': 8,
    'num_hidden_layers': 2,
    'num_attention_heads': 2,
    'intermediate_size': 16,
    'max_position_embeddings': 16,
}


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return TextEncoder(CONFIG).double().eval()


def test_a_word_is_the_mean_of_its_pieces(encoder):
    ids = torch.tensor([1, 5, 6, 7, 2])
    edge_index = torch.tensor([[1, 2, 3], [0, 0, 1]])
    out = encoder(ids, torch.zeros(5, dtype=torch.long), edge_index, 2, 1)
    pieces = encoder.encoder(input_ids=ids[None]).last_hidden_state[0]
    torch.testing.assert_close(out, torch.stack([pieces[1:3].mean(0), pieces[3]]))


def test_a_text_is_encoded_the_same_alone_and_beside_a_longer_one(encoder):
    short, long = torch.tensor([1, 5, 2]), torch.arange(1, 15)
    both = encoder.encode(torch.cat([short, long]), torch.tensor([0] * 3 + [1] * 14), 2)
    alone = encoder.encode(short, torch.zeros(3, dtype=torch.long), 1)
    torch.testing.assert_close(both[:3], alone, rtol=0, atol=1e-9)


def test_features_of_a_word_are_added_to_the_embeddings_of_its_pieces(encoder):
    ids, batch = torch.tensor([1, 5, 6, 7, 2, 1, 8, 2]), torch.tensor([0] * 5 + [1] * 3)
    edge_index = torch.tensor([[1, 2, 3, 6], [0, 0, 1, 2]])
    features = torch.randn(3, 8, dtype=torch.double)
    out = encoder(ids, batch, edge_index, 3, 2, features)
    x = encoder.embed(ids)[None]
    x[0, [1, 2, 3, 6]] += features[[0, 0, 1, 2]]
    for pieces, words in ((slice(0, 5), slice(0, 2)), (slice(5, 8), slice(2, 3))):
        state = encoder.encoder(inputs_embeds=x[:, pieces]).last_hidden_state[0]
        expected = [state[1:3].mean(0), state[3]] if words.start == 0 else [state[1]]
        torch.testing.assert_close(out[words], torch.stack(expected))
    none = encoder(ids, batch, edge_index, 3, 2, torch.zeros_like(features))
    assert torch.equal(none, encoder(ids, batch, edge_index, 3, 2))


def test_frozen_embeddings_get_no_gradient(encoder):
    encoder.encode(torch.tensor([1, 2]), torch.tensor([0, 0]), 1).sum().backward()
    assert encoder.encoder.get_input_embeddings().weight.grad is None
    assert not TextEncoder(CONFIG).encoder.get_input_embeddings().weight.requires_grad
    free = TextEncoder(CONFIG, freeze_embeddings=False)
    assert free.encoder.get_input_embeddings().weight.requires_grad


def test_frozen_layers_leave_the_upper_ones_alone_to_train():
    encoder = TextEncoder(CONFIG, freeze_layers=1)
    trained = {n for n, p in encoder.named_parameters() if p.requires_grad}
    upper = {n for n, _ in encoder.named_parameters() if '.layer.1.' in n}
    assert trained == upper and upper
    with pytest.raises(ValueError, match="at most the encoder's 2 layers"):
        TextEncoder(CONFIG, freeze_layers=3)


def test_pretrained_weights_are_those_of_the_public_model():
    name = 'sentence-transformers/all-MiniLM-L6-v2'
    if resolve_encoder(name) == name:
        pytest.skip("the extra 'offline' is not installed")
    public = load_encoder(name).eval()
    ours = TextEncoder(public.config.to_diff_dict()).eval()
    ours.load_pretrained(name)
    ids = torch.tensor([101, 7592, 2088, 102])
    expected = public(input_ids=ids[None]).last_hidden_state[0]
    out = ours.encode(ids, torch.zeros(4, dtype=torch.long), 1)
    torch.testing.assert_close(out, expected)
    with pytest.raises(ValueError, match='has not the architecture'):
        TextEncoder(CONFIG).load_pretrained(name)
