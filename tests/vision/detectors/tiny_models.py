r"""A tiny random model of each family of transformers' detectors, and its processor."""
import json

import torch
import transformers as hf

#: Sides of what is fed to a model that takes pictures of one size only.
SIDE = 64
NAMES = {0: 'person', 1: 'dog', 2: 'cup'}
WORDS = ('person dog red cup bus a photo of the in on big green raises rome ana lopez '
         'and is by').split()


def _resnet():
    return hf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 8],
                           depths=[1, 1, 1, 1], layer_type='basic',
                           out_features=['stage2', 'stage3', 'stage4'])


def _last_stage():
    config = _resnet()
    config.out_features = ['stage4']
    return config


def _detr(kind, **kwargs):
    return kind(backbone_config=kwargs.pop('backbone', None) or _last_stage(),
                use_timm_backbone=False, use_pretrained_backbone=False, backbone=None,
                d_model=32, encoder_layers=1, decoder_layers=2,
                encoder_attention_heads=2, decoder_attention_heads=2,
                encoder_ffn_dim=16, decoder_ffn_dim=16, num_queries=12, id2label=NAMES,
                **kwargs)


def _rt_detr(kind, **kwargs):
    backbone = hf.RTDetrResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 8],
                                     depths=[1, 1, 1, 1], layer_type='basic',
                                     out_features=['stage2', 'stage3', 'stage4'])
    return kind(backbone_config=backbone, encoder_hidden_dim=16,
                encoder_in_channels=[8, 8, 8], feat_strides=[8, 16, 32],
                encoder_ffn_dim=16, encoder_attention_heads=2, d_model=16,
                decoder_in_channels=[16, 16, 16], decoder_ffn_dim=16, num_queries=12,
                decoder_layers=2, decoder_attention_heads=2, id2label=NAMES, **kwargs)


def _grounding_dino(vocab):
    swin = hf.SwinConfig(image_size=SIDE, patch_size=4, embed_dim=8,
                         depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=4,
                         out_features=['stage2', 'stage3', 'stage4'])
    bert = hf.BertConfig(vocab_size=vocab, hidden_size=16, num_hidden_layers=1,
                         num_attention_heads=2, intermediate_size=16)
    return hf.GroundingDinoConfig(backbone_config=swin, text_config=bert,
                                  use_timm_backbone=False,
                                  use_pretrained_backbone=False, backbone=None,
                                  d_model=32, encoder_layers=1, decoder_layers=2,
                                  encoder_attention_heads=2, decoder_attention_heads=2,
                                  encoder_ffn_dim=16, decoder_ffn_dim=16,
                                  num_queries=12, max_text_len=40, num_feature_levels=4)


def _owl(kind, vocab):
    text = dict(vocab_size=vocab, hidden_size=16, num_hidden_layers=1,
                num_attention_heads=2, intermediate_size=16, max_position_embeddings=16,
                pad_token_id=0, bos_token_id=vocab - 2, eos_token_id=vocab - 1)
    vision = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                  intermediate_size=16, image_size=SIDE, patch_size=16)
    return kind(text_config=text, vision_config=vision, projection_dim=16)


def _bert_tokenizer(folder):
    # The ids of [CLS], [SEP], "." and "?" are those that Grounding DINO knows.
    words = [f'[unused{i}]' for i in range(1100)]
    for i, word in {
            0: '[PAD]',
            100: '[UNK]',
            101: '[CLS]',
            102: '[SEP]',
            103: '[MASK]',
            1012: '.',
            1029: '?'
    }.items():
        words[i] = word
    words[1030:1030 + len(WORDS)] = WORDS
    folder.mkdir(exist_ok=True)
    (folder / 'vocab.txt').write_text('\n'.join(words), encoding='utf-8')
    return hf.BertTokenizerFast(vocab_file=str(folder / 'vocab.txt'))


def _clip_tokenizer(folder):
    # Each word is merged from its letters. The mark of the end has the highest id.
    merges, parts = [], {'!'}
    for word in WORDS:
        first, *others = [*word[:-1], f'{word[-1]}</w>']
        parts |= {first, *others}
        for other in others:
            merges.append(f'{first} {other}')
            first += other
            parts.add(first)
    words = [*sorted(parts), '<|startoftext|>', '<|endoftext|>']
    folder.mkdir(exist_ok=True)
    (folder / 'vocab.json').write_text(json.dumps({w: i for i, w in enumerate(words)}))
    (folder / 'merges.txt').write_text('\n'.join(
        ['#version: 0.2', *dict.fromkeys(merges)]))
    (folder / 'tokenizer_config.json').write_text(
        json.dumps({
            'tokenizer_class': 'CLIPTokenizer',
            'pad_token': '!',
            'model_max_length': 16
        }))
    return hf.CLIPTokenizerFast.from_pretrained(folder)


_SMALL = {'shortest_edge': SIDE, 'longest_edge': 1333}
_SQUARE = {'height': SIDE, 'width': SIDE}


def tiny(family, folder):
    r"""A model, whose queries differ, and its processor."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model, processor = _tiny(family, folder)
        # As they are initialised, they hardly do; those of OWL soon are all certain.
        spread = 0.02 if family.startswith('owl') else 0.1
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += spread * torch.randn_like(parameter)
    return model.eval(), processor


def _tiny(family, folder):
    if family == 'detr':
        return (hf.DetrForObjectDetection(_detr(hf.DetrConfig)),
                hf.DetrImageProcessor(size=_SMALL))
    if family == 'conditional_detr':
        return (hf.ConditionalDetrForObjectDetection(_detr(hf.ConditionalDetrConfig)),
                hf.ConditionalDetrImageProcessor(size=_SMALL))
    if family == 'deformable_detr':
        config = _detr(hf.DeformableDetrConfig, backbone=_resnet(),
                       num_feature_levels=3)
        return (hf.DeformableDetrForObjectDetection(config),
                hf.DeformableDetrImageProcessor(size=_SMALL))
    if family == 'yolos':
        config = hf.YolosConfig(hidden_size=16, num_hidden_layers=1,
                                num_attention_heads=2, intermediate_size=16,
                                image_size=[SIDE, SIDE], patch_size=16,
                                num_detection_tokens=12, id2label=NAMES)
        return hf.YolosForObjectDetection(config), hf.YolosImageProcessor(size=_SMALL)
    if family in ('rt_detr', 'rt_detr_v2', 'd_fine'):
        config, network = {
            'rt_detr': (hf.RTDetrConfig, hf.RTDetrForObjectDetection),
            'rt_detr_v2': (hf.RTDetrV2Config, hf.RTDetrV2ForObjectDetection),
            'd_fine': (hf.DFineConfig, hf.DFineForObjectDetection),
        }[family]
        return network(_rt_detr(config)), hf.RTDetrImageProcessor(size=_SQUARE)
    if family == 'grounding-dino':
        tokenizer = _bert_tokenizer(folder)
        model = hf.GroundingDinoForObjectDetection(_grounding_dino(len(tokenizer)))
        return model, hf.GroundingDinoProcessor(
            hf.GroundingDinoImageProcessor(size={
                **_SMALL, 'shortest_edge': 2 * SIDE
            }), tokenizer)
    tokenizer = _clip_tokenizer(folder / 'clip')
    if family == 'owlv2':
        model = hf.Owlv2ForObjectDetection(_owl(hf.Owlv2Config, len(tokenizer)))
        return model, hf.Owlv2Processor(hf.Owlv2ImageProcessor(size=_SQUARE), tokenizer)
    model = hf.OwlViTForObjectDetection(_owl(hf.OwlViTConfig, len(tokenizer)))
    return model, hf.OwlViTProcessor(hf.OwlViTImageProcessor(size=_SQUARE), tokenizer)
