def test_build_says_what_has_no_place_in_a_table(eega, tiny_encoder, tmp_path):
    ann, acme = {'name': 'Ann', 'pos': [0, 1]}, {'name': 'Acme', 'pos': [2, 3]}
    rows = [{
        'token': ['Ann', 'founded', 'Acme'],
        'h': head,
        't': tail,
        'img_id': '',
        'relation': relation
    } for head, tail, relation in ((ann, acme, '/per/org/founder'),
                                   (ann, acme, '/per/org/leader'), (acme, ann,
                                                                    '/org/per/led_by'))]
    (tmp_path / 'raw').mkdir()
    for split, part in (('train', rows), ('val', rows[1:])):
        (tmp_path / 'raw' / f'mnre_{split}.txt').write_text('\n'.join(map(repr, part)))
    code, out, err = eega('build', tmp_path, '--set', f'data.encoder={tiny_encoder}',
                          '--set', 'tags.types=[per, org]', '--set',
                          'tags.relations=[founder, leader, led_by]')
    assert code == 0, err
    row, = (line for line in out.splitlines() if 'left out' in line)
    assert [cell.strip() for cell in row.split('│')[2:4]] == ['1', '0']
    said = [line for line in err.splitlines() if 'have no place in a table' in line]
    assert len(said) == 1 and said[0].startswith('1 of 3 quintuples of the train split')
