"""Transformers as people write them for Keras, of a package that is `keras` or `layergraph`: the import line is all that differs.

Deterministic but for dropouts; `weights` and `tokens` give their numbers from places, so that no arrays need to be kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).with_name("goldens") / "transformers.npz"
WORDS, STEPS, SIZE = 20, 6, 8


def block(keras: Any) -> Any:
    """A post-norm encoder block in the functional style, causal, with scores beside it."""
    x = keras.Input((STEPS, SIZE))
    seen, scores = keras.layers.MultiHeadAttention(2, 4, name="look")(x, x, use_causal_mask=True, return_attention_scores=True)
    h = keras.layers.LayerNormalization()(keras.layers.Add()([x, seen]))
    wide = keras.layers.Dense(16, activation="gelu")(h)
    y = keras.layers.LayerNormalization()(h + keras.layers.Dense(SIZE)(wide))
    return keras.Model(x, [y, scores])


def text_classifier(keras: Any) -> Any:
    """Layers of one's own with sub-layers in `__init__`: token and place embeddings, an encoder block, a head."""
    layers, ops = keras.layers, keras.ops

    class TransformerBlock(layers.Layer):
        def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1):
            super().__init__()
            self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
            self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
            self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
            self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
            self.dropout1 = layers.Dropout(rate)
            self.dropout2 = layers.Dropout(rate)

        def call(self, inputs):
            attn_output = self.att(inputs, inputs)
            attn_output = self.dropout1(attn_output)
            out1 = self.layernorm1(inputs + attn_output)
            ffn_output = self.ffn(out1)
            ffn_output = self.dropout2(ffn_output)
            return self.layernorm2(out1 + ffn_output)

    class TokenAndPositionEmbedding(layers.Layer):
        def __init__(self, maxlen, vocab_size, embed_dim):
            super().__init__()
            self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
            self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

        def call(self, x):
            maxlen = ops.shape(x)[-1]
            positions = ops.arange(start=0, stop=maxlen, step=1)
            positions = self.pos_emb(positions)
            x = self.token_emb(x)
            return x + positions

    inputs = keras.Input(shape=(STEPS,), dtype="int32")
    x = TokenAndPositionEmbedding(STEPS, WORDS, SIZE)(inputs)
    x = TransformerBlock(SIZE, 2, 12)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Dense(5, activation="relu")(x)
    x = layers.Dropout(0.1)(x)
    return keras.Model(inputs=inputs, outputs=layers.Dense(2, activation="softmax")(x))


def timeseries_classifier(keras: Any) -> Any:
    """Two encoder blocks from a function, with convolutions of one step in the place of Dense layers."""
    layers = keras.layers

    def encoder(inputs, head_size, num_heads, ff_dim, dropout=0.0):
        x = layers.MultiHeadAttention(key_dim=head_size, num_heads=num_heads, dropout=dropout)(inputs, inputs)
        x = layers.Dropout(dropout)(x)
        x = layers.LayerNormalization(epsilon=1e-6)(x)
        res = x + inputs
        x = layers.Conv1D(filters=ff_dim, kernel_size=1, activation="relu")(res)
        x = layers.Dropout(dropout)(x)
        x = layers.Conv1D(filters=inputs.shape[-1], kernel_size=1)(x)
        x = layers.LayerNormalization(epsilon=1e-6)(x)
        return x + res

    inputs = keras.Input((STEPS, 3))
    x = inputs
    for _ in range(2):
        x = encoder(x, 4, 2, 5, 0.25)
    x = layers.GlobalAveragePooling1D(data_format="channels_last")(x)
    x = layers.Dropout(0.4)(layers.Dense(7, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def masked(keras: Any) -> Any:
    """Tokens of which 0 is none: the mask goes by itself through attention into the mean."""
    tokens = keras.Input((STEPS,), dtype="int32")
    x = keras.layers.Embedding(WORDS, SIZE, mask_zero=True)(tokens)
    y = keras.layers.MultiHeadAttention(2, 4)(x, x)
    y = keras.layers.Add()([x, y])
    return keras.Model(tokens, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling1D()(y)))


MODELS = {made.__name__: made for made in (block, text_classifier, timeseries_classifier, masked)}


def given(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Inputs of 3 rows: tokens with zeros at the ends of two rows, or numbers of both signs."""
    size = 3 * int(np.prod(shape))
    if "int" in dtype:
        tokens = (np.arange(size) * 7 % (WORDS - 1) + 1).reshape(3, *shape)
        tokens[0, 4:] = tokens[1, 2:] = 0
        return tokens.astype(dtype)
    return (np.sin(np.arange(size) * 1.7) * 1.5).reshape(3, *shape).astype(dtype)


def weight(number: int, shape: tuple[int, ...]) -> np.ndarray:
    """The weights of a model, by their numbers in its order."""
    return (np.cos(np.arange(int(np.prod(shape))) * 2.3 + number) * 0.7 + 0.1).reshape(shape).astype("float32")
