r"""The equations of each fusion, word by word."""
import math

import networkx as nx
import torch
import torch.nn.functional as F


def attend(conv, query, keys):
    r"""Multi-head attention of one query, zero without keys."""
    heads, size = conv.heads, conv.out_channels
    if len(keys) == 0:
        return query.new_zeros(heads * size)
    out = []
    for h in range(heads):
        part = slice(h * size, (h + 1) * size)
        q, k, v = (conv.lin_query(query)[part], conv.lin_key(keys)[:, part],
                   conv.lin_value(keys)[:, part])
        out.append((k @ q / math.sqrt(size)).softmax(0) @ v)
    return torch.cat(out)


def block(layer, x, message):
    r"""What a transformer layer makes of a node and its message."""
    h = layer.norm1(x + message)
    return layer.norm2(h + layer.ffn(h))


def add(layer, x, z):
    return layer.norm(x + layer.lin.weight @ z)


def additive(weight, key, query, keys, values, x):
    r"""Additive attention of one query, head by head."""
    heads, size = weight.shape
    if len(values) == 0:
        return x.new_zeros(heads * size)
    out = []
    for h in range(heads):
        part = slice(h * size, (h + 1) * size)
        score = torch.stack([(weight[h] * (key(k) + query(x)).tanh()[part]).sum()
                             for k in keys])
        out.append(score.softmax(0) @ values[:, part])
    return torch.cat(out)


def adapcoatt(m, words, objects, graphs):
    rows = []
    for h in words:
        v = additive(m.att_object, m.lin_object, m.lin_word, objects, objects, h)
        t = additive(m.att_text, m.lin_text, m.lin_seen, words, words, v)
        p, q = m.lin_fuse_object(v).tanh(), m.lin_fuse_text(t).tanh()
        g = (m.lin_gate.weight[0] @ torch.cat([p, q])).sigmoid()
        fused = g * p + (1 - g) * q
        s = m.lin_filter(torch.cat([h, fused])).sigmoid()
        rows.append(add(m.addition, h, s * m.lin_out(fused).tanh()))
    return torch.stack(rows), {}


def ocsga(m, words, objects, graphs):
    x, y = words, objects
    for layer in m.words:
        x = torch.stack([block(layer, h, attend(layer.conv, h, x)) for h in x])
    for layer, guided in zip(m.objects, m.guided):
        y = [block(layer, o, attend(layer.conv, o, y)) for o in y]
        y = [block(guided, o, attend(guided.conv, o, x)) for o in y]
        y = torch.stack(y) if y else objects
    return torch.stack(
        [add(m.addition, h, attend(m.last, q, y)) for h, q in zip(words, x)]), {}


def agban(m, words, objects, graphs):
    n, size = len(words), m.channels // m.heads
    seen = words.new_zeros(n, m.channels)
    if len(objects):
        for g in range(m.heads):
            part = slice(g * size, (g + 1) * size)
            score = torch.stack([
                torch.stack([
                    (m.att[g] * m.lin_word(h).relu() * m.lin_object(v).relu()).sum()
                    for v in objects
                ]) for h in words
            ])
            alpha = n * score.exp() / score.exp().sum()
            for t in range(n):
                for i, v in enumerate(objects):
                    seen[t, part] += alpha[t, i] * m.lin_value(v).relu()[part]
    out = [
        add(m.addition, h,
            m.lin_gate(torch.cat([h, c])).sigmoid() * c) for h, c in zip(words, seen)
    ]
    if len(objects) == 0:
        return torch.stack(out), {'adversarial': None}
    is_word = [m.discriminator(x).sigmoid() for x in words]
    is_object = [1 - m.discriminator(x).sigmoid() for x in objects]
    loss = sum(-0.5 * torch.stack(p).log().mean() for p in (is_word, is_object))
    return torch.stack(out), {'adversarial': loss}


def umgf(m, words, objects, graphs):
    nodes = [words, objects]
    for layer in m.layers:
        c = []
        for x, conv, norm in zip(nodes, layer.intra, layer.norms):
            rows = [norm(a + attend(conv, a, x)) for a in x]
            c.append(torch.stack(rows) if rows else x)
        new = []
        for i, inter in enumerate(layer.inter):
            rows = []
            for a in c[i]:
                message = torch.zeros_like(a)
                for b in c[1 - i]:
                    gate = inter.conv.lin_target(a) + inter.conv.lin_source(b)
                    message = message + gate.sigmoid() * b
                rows.append(block(inter, a, message))
            new.append(torch.stack(rows) if rows else c[i])
        nodes = new + c[len(new):]
    return torch.stack([add(m.addition, h, z) for h, z in zip(words, nodes[0])]), {}


def degrees(edges, num_nodes, hops, decay):
    r"""Degree sequences of a graph, by another library."""
    graph = nx.Graph((a, b) for a, b in edges if a != b)
    graph.add_nodes_from(range(num_nodes))
    out = torch.zeros(num_nodes, 10, dtype=torch.double)
    for node in graph:
        reached = nx.single_source_shortest_path_length(graph, node, cutoff=hops)
        for other, distance in reached.items():
            if graph.degree(other) > 0:
                out[node, int(math.log2(graph.degree(other)))] += decay**distance
    return out


def mega(m, words, objects, graphs):
    text, image = (degrees(edges, len(x), m.num_hops, m.decay)
                   for edges, x in zip(graphs, (words, objects)))
    rows = []
    for h, f in zip(words, text):
        s = torch.zeros_like(h)
        if len(objects):
            alike = torch.stack(
                [torch.exp(-(f - g).square().sum().sqrt()) for g in image])
            s = (alike / alike.sum()) @ objects
        a = attend(m.semantic, h, objects)
        rows.append(add(m.addition, h, torch.cat([a, s])))
    return torch.stack(rows), {}


def match(m, words, objects):
    seen = torch.stack([attend(m.attention, h, objects) for h in words])
    scores = [m.lin_match(torch.cat([h, v])) for h, v in zip(words, seen)]
    return seen, torch.stack(scores).mean().sigmoid()


def maf(m, words, objects, graphs):
    seen, p = match(m, words, objects)
    rows = []
    for h, v in zip(words, seen):
        gate = m.lin_word(h) + p * (m.lin_seen.weight @ v) + m.lin_seen.bias
        rows.append(add(m.addition, h, gate.sigmoid() * p * v))
    return torch.stack(rows), {}


def maf_losses(m, pairs, images):
    r"""Over a batch of words and objects, and the names of their images."""
    matching, contrast = [], []
    used = [b for b, (_, objects) in enumerate(pairs) if len(objects)]
    view = {
        b: [F.normalize(f(x.mean(0)), dim=0) for f, x in zip(m.views, pairs[b])]
        for b in used
    }
    for b in used:
        words, objects = pairs[b]
        loss = -match(m, words, objects)[1].log()
        before = (b - 1) % len(pairs)
        if before in used and images[before] != images[b]:
            loss = loss - (1 - match(m, words, pairs[before][1])[1]).log()
        matching.append(loss / 2)
        others = [b] + [c for c in used if images[c] != images[b]]
        finds = [
            torch.stack([(view[b][0] @ view[c][1]) / m.temperature for c in others]),
            torch.stack([(view[c][0] @ view[b][1]) / m.temperature for c in others])
        ]
        image, text = (-x.log_softmax(0)[0] for x in finds)
        contrast.append(m.balance * image + (1 - m.balance) * text)
    return {
        'matching': torch.stack(matching).mean(),
        'contrast': torch.stack(contrast).mean()
    }
