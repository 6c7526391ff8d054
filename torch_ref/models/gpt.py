"""A small decoder-only transformer in torch.nn."""

import torch
from torch import nn
from torch.nn import functional as F

from torch_ref.init import drawn_from, torch_dtype


class Block(nn.Module):
    """h = x + attention(norm1(x)),   y = h + mlp(norm2(h)), causal."""

    def __init__(self, width, heads, dtype=None):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, dtype=dtype)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True, dtype=dtype)
        self.norm2 = nn.LayerNorm(width, dtype=dtype)
        first, last = nn.Linear(width, 4 * width, dtype=dtype), nn.Linear(4 * width, width, dtype=dtype)
        self.mlp = nn.Sequential(first, nn.GELU(), last)

    def forward(self, x):
        mask = torch.ones(x.shape[-2], x.shape[-2], dtype=torch.bool, device=x.device).triu(1)
        a = self.norm1(x)
        h = x + self.attention(a, a, a, attn_mask=mask, need_weights=False, is_causal=True)[0]
        return h + self.mlp(self.norm2(h))


class GPT(nn.Module):
    """Token and position embeddings, blocks, a norm, and the token embedding once more as output weights."""

    def __init__(self, vocabulary, layers=4, width=128, heads=4, context=64, dtype=None):
        super().__init__()
        self.token = nn.Embedding(vocabulary, width, dtype=dtype)
        self.position = nn.Embedding(context, width, dtype=dtype)
        for embedding in (self.token, self.position):
            nn.init.normal_(embedding.weight, std=0.02)
        self.blocks = nn.Sequential(*(Block(width, heads, dtype) for _ in range(layers)))
        self.norm = nn.LayerNorm(width, dtype=dtype)

    def forward(self, ids):
        places = self.position(torch.arange(ids.shape[1], device=ids.device))
        return F.linear(self.norm(self.blocks(self.token(ids) + places)), self.token.weight)


def gpt(vocabulary, layers=4, width=128, heads=4, context=64, rng=None, dtype="float64", device="cpu"):
    """A GPT. context: the longest text that it takes; width must be a multiple of heads."""
    with drawn_from(rng):
        return GPT(vocabulary, layers, width, heads, context, torch_dtype(dtype)).to(device)
