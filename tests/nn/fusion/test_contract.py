import torch


def test_objects_of_some_pairs_are_left_out_with_their_edges(pairs, batch_of):
    hidden = torch.tensor([False, True, False, False, True])
    out = batch_of(pairs).without_objects(hidden)
    none = torch.empty(0, 8, dtype=torch.double)
    empty = torch.empty(2, 0, dtype=torch.long), torch.empty(0, dtype=torch.long)
    expected = batch_of([(p[0], p[1], none, empty, p[4]) if h else p
                         for p, h in zip(pairs, hidden)])
    for a, b in zip(out, expected):
        assert a is b or torch.equal(a, b)
    assert out.has_objects.tolist() == [True, False, False, True, False]


def test_a_mean_is_over_the_pairs_with_objects(pairs, batch_of):
    inputs = batch_of(pairs)
    loss = torch.tensor([1., 2., 50., 3., 6.])
    assert inputs.mean(loss) == 3
