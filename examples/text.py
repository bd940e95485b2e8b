"""Sequences of different lengths: a mask that travels through the graph, a bidirectional LSTM and attention, trained in a plain loop.

Each text is a row of tokens, padded with zeros; its class is whether the token 7 comes before the token 3. `python examples/text.py`
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from layergraph import Input, Model
from layergraph.layers import LSTM, Bidirectional, Dense, Embedding, GlobalAveragePooling1D, LayerNormalization, MultiHeadAttention


def texts(count: int, length: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """(count, length) tokens of 8 to 19, a 7 and a 3 among them, and zeros after the end; and which of the two comes first."""
    tokens = torch.randint(8, 20, (count, length))
    ends = torch.randint(6, length + 1, (count, 1))
    places = torch.rand(count, length).masked_fill(torch.arange(length) >= ends, -1).topk(2).indices
    tokens.scatter_(1, places, torch.tensor([7, 3]).expand(count, 2))
    return tokens.masked_fill(torch.arange(length) >= ends, 0), (places[:, 0] < places[:, 1]).float()


def classifier() -> Model:
    """(B, T) tokens -> (B, 1) logits; the padding counts nowhere."""
    tokens = Input((None,), dtype="int64", name="tokens")
    x = Embedding(20, 32, mask_zero=True, name="words")(tokens)
    x = Bidirectional(LSTM(32, return_sequences=True), name="both")(x)
    x = LayerNormalization(name="norm")(MultiHeadAttention(4, 16, name="attend")(x, x))
    return Model(tokens, Dense(1, name="first")(GlobalAveragePooling1D(name="mean")(x)), name="order")


def main() -> None:
    torch.manual_seed(0)
    model = classifier()
    print(model.code)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(120):
        tokens, first = texts(32)
        loss = F.binary_cross_entropy_with_logits(model(tokens)[:, 0], first)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 40 == 0:
            print(f"step {step:3}: loss {loss.item():.3f}")
    model.eval()
    with torch.no_grad():
        tokens, first = texts(500)
        right = ((model(tokens)[:, 0] > 0) == (first > 0.5)).float().mean()
        longer = torch.cat([tokens, torch.zeros(500, 40, dtype=torch.int64)], 1)
        difference = (model(longer) - model(tokens)).abs().max()
    print(f"accuracy {right:.3f}; 40 more steps of padding change the logits by at most {difference:.1e}")


if __name__ == "__main__":
    main()
