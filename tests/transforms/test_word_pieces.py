import pytest

from eega_pyg.resolve import load_tokenizer
from eega_pyg.transforms import WordPieces

ENCODER = 'sentence-transformers/all-MiniLM-L6-v2'


@pytest.fixture(scope='module')
def tokenizer():
    return load_tokenizer(ENCODER)


def test_pieces_are_those_of_each_word_between_the_special_ones(tokenizer):
    words = ['RT', '@FarmingPhotos', ':', "doesn't", 'Gelsenkirchen']
    alone = [tokenizer(w, add_special_tokens=False)['input_ids'] for w in words]
    pieces = WordPieces(tokenizer).words(words)
    assert pieces.input_ids == [
        tokenizer.cls_token_id, *sum(alone, []), tokenizer.sep_token_id
    ]
    assert pieces.words == [-1, *[i for i, a in enumerate(alone) for _ in a], -1]


@pytest.mark.parametrize('words, place', [
    (['a', '\ufe0f', 'b'], 2),
    (['\u200b', 'a'], 1),
    (['a', '\u200d'], 2),
    (['\ufe0f'], 1),
])
def test_a_word_without_a_piece_is_given_the_unknown_one(tokenizer, words, place):
    assert tokenizer.tokenize(words[place - 1]) == []  # Else it tests nothing.
    pieces = WordPieces(tokenizer).words(words)
    assert pieces.input_ids[place] == tokenizer.unk_token_id
    assert pieces.words == [-1, *range(len(words)), -1]
    assert pieces.input_ids[0] == tokenizer.cls_token_id
    assert pieces.input_ids[-1] == tokenizer.sep_token_id


def test_too_many_pieces_are_taken_from_the_longest_words(tokenizer):
    cut = WordPieces(tokenizer)
    limit = cut.max_pieces
    words = ['Paris', '!' * (limit + 100), 'Gelsenkirchen', '?' * (limit + 200)]
    pieces = cut.words(words)
    assert len(pieces.input_ids) <= limit
    assert len(pieces.input_ids) >= limit - 1  # Nothing is lost without need.
    for i in (0, 2):
        of_word = [p for p, w in zip(pieces.input_ids, pieces.words) if w == i]
        assert of_word == tokenizer(words[i], add_special_tokens=False)['input_ids']
    assert pieces.words.count(1) == pieces.words.count(3)


def test_more_words_than_positions_are_refused(tokenizer):
    cut = WordPieces(tokenizer)
    cut.words(['a'] * (cut.max_pieces - 2))
    with pytest.raises(ValueError, match="use a smaller 'max_words'"):
        cut.words(['a'] * (cut.max_pieces - 1))


def test_the_tokenizers_own_state_neither_counts_nor_changes(tokenizer):
    words = ['Gelsenkirchen'] * 30
    expected = WordPieces(tokenizer).words(words)
    own = load_tokenizer(ENCODER)
    own(words, is_split_into_words=True, truncation=True, max_length=8)
    assert WordPieces(own).words(words) == expected
    assert own.backend_tokenizer.truncation['max_length'] == 8


def test_labels_have_no_special_pieces_and_at_least_one_piece(tokenizer):
    cut = WordPieces(tokenizer)
    ids = cut.label('red uniform')
    assert tokenizer.convert_ids_to_tokens(ids) == ['red', 'uniform']
    assert cut.label('\u200b') == [tokenizer.unk_token_id]


def test_an_unknown_piece_that_is_none_is_named():
    other = load_tokenizer(ENCODER)
    other._special_tokens_map['unk_token'] = '[NO PIECE]'
    with pytest.raises(ValueError, match='Expected a tokenizer with an unknown piece'):
        WordPieces(other)
