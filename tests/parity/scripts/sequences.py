"""Networks for texts and series, small."""

from __future__ import annotations

from typing import Any

from .script import Script

WORDS, STEPS = 13, 7
TOKENS = (((STEPS,), "int32"),)
SERIES = (((STEPS, 3), "float32"),)


def bidirectional(keras: Any) -> Any:
    """Keras's own example of sentiments, with a mask."""
    layers = keras.layers
    inputs = keras.Input(shape=(None,), dtype="int32")
    x = layers.Embedding(WORDS, 6, mask_zero=True)(inputs)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(4))(x)
    outputs = layers.Dense(1, activation="sigmoid")(x)
    return keras.Model(inputs, outputs)


def stacked_gru(keras: Any) -> Any:
    """A `Sequential` of GRUs whose last gives one state."""
    layers = keras.layers
    model = keras.Sequential(name="grus")
    model.add(layers.Embedding(input_dim=WORDS, output_dim=5))
    model.add(layers.GRU(4, return_sequences=True))
    model.add(layers.GRU(4, return_sequences=True, go_backwards=True))
    model.add(layers.SimpleRNN(3, activation="relu"))
    model.add(layers.Dense(2))
    return model


def convolutional_text(keras: Any) -> Any:
    """Convolutions over the words, as the text example from scratch has them."""
    layers = keras.layers
    inputs = keras.Input(shape=(None,), dtype="int64")
    x = layers.Embedding(WORDS, 8)(inputs)
    x = layers.Dropout(0.5)(x)
    x = layers.Conv1D(6, 3, padding="valid", activation="relu", strides=2)(x)
    x = layers.Conv1D(6, 2, padding="valid", activation="relu", strides=1)(x)
    x = layers.GlobalMaxPooling1D()(x)
    x = layers.Dense(6, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid", name="predictions")(x))


def seq2seq(keras: Any) -> Any:
    """The encoder's states begin the decoder."""
    layers = keras.layers
    encoder_inputs = keras.Input(shape=(None, 3))
    encoder = layers.LSTM(5, return_state=True)
    _encoder_outputs, state_h, state_c = encoder(encoder_inputs)
    encoder_states = [state_h, state_c]
    decoder_inputs = keras.Input(shape=(None, 2))
    decoder_lstm = layers.LSTM(5, return_sequences=True, return_state=True)
    decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
    decoder_dense = layers.Dense(4, activation="softmax")
    return keras.Model([encoder_inputs, decoder_inputs], decoder_dense(decoder_outputs))


def seq2seq_sampler(keras: Any) -> Any:
    """The decoder taken from a trained model by its layers, with states as inputs and outputs."""
    layers, model = keras.layers, seq2seq(keras)
    _encoder_outputs, state_h_enc, state_c_enc = model.layers[2].output
    encoder_model = keras.Model(model.input[0], [state_h_enc, state_c_enc])
    decoder_inputs = model.input[1]
    decoder_state_input_h = keras.Input(shape=(5,), name="state_h")
    decoder_state_input_c = keras.Input(shape=(5,), name="state_c")
    decoder_states_inputs = [decoder_state_input_h, decoder_state_input_c]
    decoder_lstm = model.layers[3]
    decoder_outputs, state_h_dec, state_c_dec = decoder_lstm(decoder_inputs, initial_state=decoder_states_inputs)
    decoder_outputs = model.layers[4](decoder_outputs)
    decoder_model = keras.Model([decoder_inputs, *decoder_states_inputs], [decoder_outputs, state_h_dec, state_c_dec])
    source, first = keras.Input((STEPS, 3)), keras.Input((1, 2))
    outputs, h, c = decoder_model([first, *encoder_model(source)])
    again, h, c = decoder_model([layers.Dense(2)(outputs), h, c])
    return keras.Model([source, first], [outputs, again, h, c])


def attention_seq2seq(keras: Any) -> Any:
    """Additive attention of a decoder over an encoder, with masks of both."""
    layers = keras.layers
    source, target = keras.Input((STEPS,), dtype="int32", name="source"), keras.Input((STEPS - 1,), dtype="int32", name="target")
    embedded = layers.Embedding(WORDS, 5, mask_zero=True)(source)
    encoded, forward, backward = layers.Bidirectional(layers.GRU(3, return_sequences=True, return_state=True), merge_mode="concat")(
        embedded
    )
    state = layers.Concatenate()([forward, backward])
    decoded = layers.GRU(6, return_sequences=True)(layers.Embedding(WORDS, 5, mask_zero=True)(target), initial_state=state)
    context = layers.AdditiveAttention()([decoded, encoded])
    luong = layers.Attention(use_scale=True)([decoded, encoded])
    x = layers.Concatenate(axis=-1)([decoded, context, luong])
    x = layers.TimeDistributed(layers.Dense(5, activation="tanh"))(x)
    return keras.Model([source, target], layers.Dense(WORDS, activation="softmax")(x))


def captioning(keras: Any) -> Any:
    """Features of an image, repeated beside the words so far."""
    layers = keras.layers
    image = keras.Input((12,), name="features")
    fe = layers.Dense(6, activation="relu")(layers.Dropout(0.4)(image))
    words = keras.Input((STEPS,), dtype="int32", name="words")
    se = layers.Embedding(WORDS, 6, mask_zero=True)(words)
    se = layers.Dropout(0.4)(se)
    se = layers.LSTM(6)(se)
    decoder = layers.add([fe, se])
    repeated = layers.RepeatVector(3)(decoder)
    y = layers.GRU(4, return_sequences=True, reset_after=False)(repeated)
    return keras.Model(inputs=[image, words], outputs=layers.TimeDistributed(layers.Dense(WORDS, activation="softmax"))(y))


def timeseries(keras: Any) -> Any:
    """Causal convolutions with dilations, then recurrence, then one Dense for all steps."""
    layers = keras.layers
    inputs = keras.Input((STEPS, 3))
    x = inputs
    for rate in (1, 2, 4):
        x = layers.Conv1D(5, 2, padding="causal", dilation_rate=rate, activation="relu")(x)
        x = layers.BatchNormalization()(x)
    x = layers.LSTM(4, return_sequences=True)(x)
    x = layers.TimeDistributed(layers.Dense(3, activation="relu"))(x)
    pooled = layers.AveragePooling1D(3, strides=2, padding="same")(layers.UpSampling1D(2)(x))
    return keras.Model(inputs, [layers.Dense(1)(x), layers.Flatten()(layers.MaxPooling1D(2)(pooled))])


def frames(keras: Any) -> Any:
    """Next-frame prediction: ConvLSTMs on videos of any length."""
    layers = keras.layers
    inp = layers.Input(shape=(None, 6, 6, 1))
    x = layers.ConvLSTM2D(filters=3, kernel_size=(5, 5), padding="same", return_sequences=True, activation="relu")(inp)
    x = layers.BatchNormalization()(x)
    x = layers.ConvLSTM2D(filters=3, kernel_size=(3, 3), padding="same", return_sequences=True, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv3D(filters=1, kernel_size=(3, 3, 3), activation="sigmoid", padding="same")(x)
    return keras.models.Model(inp, x)


def time_distributed_cnn(keras: Any) -> Any:
    """A CNN for each frame, a GRU over them."""
    layers = keras.layers
    cnn = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()])
    video = keras.Input((4, 8, 8, 1))
    x = layers.TimeDistributed(cnn)(video)
    x = layers.Bidirectional(layers.GRU(3), merge_mode="sum")(x)
    return keras.Model(video, layers.Dense(2)(x))


def masking(keras: Any) -> Any:
    """Series padded with a number, masked, through recurrent layers in both directions."""
    layers = keras.layers
    inputs = keras.Input((STEPS, 3))
    gated = layers.Lambda(lambda t: t * 1.0)(inputs)
    x = layers.Masking(mask_value=0.0)(gated)
    x = layers.LSTM(4, return_sequences=True)(x)
    x = layers.Dropout(0.0)(x)
    x = layers.GRU(3, return_sequences=True, go_backwards=True)(x)
    return keras.Model(inputs, [x, layers.SimpleRNN(2)(x)])


def custom_cell(keras: Any) -> Any:
    """`RNN` over a cell of one's own, and over stacked ones."""
    layers, ops = keras.layers, keras.ops

    class MinimalRNNCell(layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.state_size = units

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
            self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), initializer="uniform", name="recurrent_kernel")

        def call(self, inputs, states):
            prev_output = states[0]
            h = ops.matmul(inputs, self.kernel)
            output = h + ops.matmul(prev_output, self.recurrent_kernel)
            return output, [output]

    x = keras.Input((None, 3))
    y = layers.RNN([MinimalRNNCell(4), MinimalRNNCell(3)], return_sequences=True)(x)
    y = layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], return_sequences=True)(y)
    return keras.Model(x, layers.RNN(MinimalRNNCell(2))(y))


def stateful(keras: Any) -> Any:
    """States that go on from batch to batch."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input(batch_shape=(4, 5, 2)),
            layers.LSTM(4, stateful=True, return_sequences=True),
            layers.GRU(3, stateful=True),
            layers.Dense(1),
        ]
    )


def vision_transformer(keras: Any) -> Any:
    """Patches by reshaping and permuting, places by an Embedding layer in a layer, pre-norm blocks, a token's head."""
    layers, ops = keras.layers, keras.ops

    class PatchEncoder(layers.Layer):
        def __init__(self, num_patches, projection_dim):
            super().__init__()
            self.num_patches = num_patches
            self.projection = layers.Dense(units=projection_dim)
            self.position_embedding = layers.Embedding(input_dim=num_patches, output_dim=projection_dim)

        def call(self, patch):
            positions = ops.expand_dims(ops.arange(start=0, stop=self.num_patches, step=1), axis=0)
            projected_patches = self.projection(patch)
            return projected_patches + self.position_embedding(positions)

    def mlp(x, hidden_units):
        for units in hidden_units:
            x = layers.Dense(units, activation=keras.activations.gelu)(x)
        return x

    image = keras.Input((8, 8, 3))
    x = layers.Reshape((2, 4, 2, 4, 3))(image)
    x = layers.Permute((1, 3, 2, 4, 5))(x)
    patches = layers.Reshape((4, 48))(x)
    encoded_patches = PatchEncoder(4, 6)(patches)
    for _ in range(2):
        x1 = layers.LayerNormalization(epsilon=1e-6)(encoded_patches)
        attention_output = layers.MultiHeadAttention(num_heads=2, key_dim=6, dropout=0.0)(x1, x1)
        x2 = layers.Add()([attention_output, encoded_patches])
        x3 = layers.LayerNormalization(epsilon=1e-6)(x2)
        encoded_patches = layers.Add()([mlp(x3, [12, 6]), x2])
    representation = layers.Flatten()(layers.LayerNormalization(epsilon=1e-6)(encoded_patches))
    return keras.Model(inputs=image, outputs=layers.Dense(3)(mlp(representation, [8, 4])))


def miniature_gpt(keras: Any) -> Any:
    """A causal block whose mask is made by ops, and tokens and places summed."""
    layers, ops = keras.layers, keras.ops

    def causal_attention_mask(batch_size, n_dest, n_src, dtype):
        i = ops.arange(n_dest)[:, None]
        j = ops.arange(n_src)
        m = i >= j - n_src + n_dest
        mask = ops.cast(m, dtype)
        mask = ops.reshape(mask, [1, n_dest, n_src])
        mult = ops.concatenate([ops.expand_dims(batch_size, -1), ops.convert_to_tensor([1, 1])], 0)
        return ops.tile(mask, mult)

    class TransformerBlock(layers.Layer):
        def __init__(self, embed_dim, num_heads, ff_dim):
            super().__init__()
            self.att = layers.MultiHeadAttention(num_heads, embed_dim)
            self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
            self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
            self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)

        def call(self, inputs):
            input_shape = ops.shape(inputs)
            batch_size = input_shape[0]
            seq_len = input_shape[1]
            causal_mask = causal_attention_mask(batch_size, seq_len, seq_len, "bool")
            attention_output = self.att(inputs, inputs, attention_mask=causal_mask)
            out1 = self.layernorm1(inputs + attention_output)
            return self.layernorm2(out1 + self.ffn(out1))

    class TokenAndPositionEmbedding(layers.Layer):
        def __init__(self, maxlen, vocab_size, embed_dim):
            super().__init__()
            self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
            self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

        def call(self, x):
            maxlen = ops.shape(x)[-1]
            positions = ops.arange(0, maxlen, 1)
            return self.token_emb(x) + self.pos_emb(positions)

    inputs = layers.Input(shape=(STEPS,), dtype="int32")
    x = TokenAndPositionEmbedding(STEPS, WORDS, 6)(inputs)
    x = TransformerBlock(6, 2, 8)(x)
    return keras.Model(inputs=inputs, outputs=[layers.Dense(WORDS)(x), x])


def translator(keras: Any) -> Any:
    """Encoder and decoder as layers of one's own, with masks and cross-attention."""
    layers, ops = keras.layers, keras.ops

    class PositionalEmbedding(layers.Layer):
        def __init__(self, sequence_length, vocab_size, embed_dim, **kwargs):
            super().__init__(**kwargs)
            self.token_embeddings = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
            self.position_embeddings = layers.Embedding(input_dim=sequence_length, output_dim=embed_dim)

        def call(self, inputs):
            length = ops.shape(inputs)[-1]
            positions = ops.arange(0, length, 1)
            return self.token_embeddings(inputs) + self.position_embeddings(positions)

        def compute_mask(self, inputs, mask=None):
            return ops.not_equal(inputs, 0)

    class TransformerEncoder(layers.Layer):
        def __init__(self, embed_dim, dense_dim, num_heads, **kwargs):
            super().__init__(**kwargs)
            self.attention = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
            self.dense_proj = keras.Sequential([layers.Dense(dense_dim, activation="relu"), layers.Dense(embed_dim)])
            self.layernorm_1 = layers.LayerNormalization()
            self.layernorm_2 = layers.LayerNormalization()
            self.supports_masking = True

        def call(self, inputs, mask=None):
            padding_mask = ops.cast(mask[:, None, :], dtype="int32") if mask is not None else None
            attention_output = self.attention(query=inputs, value=inputs, key=inputs, attention_mask=padding_mask)
            proj_input = self.layernorm_1(inputs + attention_output)
            return self.layernorm_2(proj_input + self.dense_proj(proj_input))

    class TransformerDecoder(layers.Layer):
        def __init__(self, embed_dim, latent_dim, num_heads, **kwargs):
            super().__init__(**kwargs)
            self.attention_1 = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
            self.attention_2 = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
            self.dense_proj = keras.Sequential([layers.Dense(latent_dim, activation="relu"), layers.Dense(embed_dim)])
            self.layernorm_1 = layers.LayerNormalization()
            self.layernorm_2 = layers.LayerNormalization()
            self.layernorm_3 = layers.LayerNormalization()
            self.supports_masking = True

        def call(self, inputs, mask=None):
            inputs, encoder_outputs = inputs
            inputs_padding_mask, encoder_outputs_padding_mask = (None, None) if mask is None else mask
            attention_output_1 = self.attention_1(
                query=inputs, value=inputs, key=inputs, use_causal_mask=True, query_mask=inputs_padding_mask
            )
            out_1 = self.layernorm_1(inputs + attention_output_1)
            attention_output_2 = self.attention_2(
                query=out_1,
                value=encoder_outputs,
                key=encoder_outputs,
                query_mask=inputs_padding_mask,
                key_mask=encoder_outputs_padding_mask,
            )
            out_2 = self.layernorm_2(out_1 + attention_output_2)
            return self.layernorm_3(out_2 + self.dense_proj(out_2))

    encoder_inputs = keras.Input(shape=(None,), dtype="int64", name="encoder_inputs")
    x = PositionalEmbedding(STEPS, WORDS, 6)(encoder_inputs)
    encoder_outputs = TransformerEncoder(6, 8, 2)(x)
    encoder = keras.Model(encoder_inputs, encoder_outputs)
    decoder_inputs = keras.Input(shape=(None,), dtype="int64", name="decoder_inputs")
    x = PositionalEmbedding(STEPS, WORDS, 6)(decoder_inputs)
    x = TransformerDecoder(6, 8, 2)([x, encoder(encoder_inputs)])
    x = layers.Dense(WORDS, activation="softmax")(x)
    # A padded word looks at nothing, and there Keras's own ways of attention differ.
    x = x * ops.cast(ops.expand_dims(ops.not_equal(decoder_inputs, 0), -1), "float32")
    return keras.Model({"encoder_inputs": encoder_inputs, "decoder_inputs": decoder_inputs}, x, name="transformer")


def self_attention_pool(keras: Any) -> Any:
    """Attention weights by `Dense(1)`, `softmax`, `Permute`, `RepeatVector` and `Dot`, as people wrote it in 2016."""
    layers = keras.layers
    inputs = keras.Input((STEPS, 3))
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True, activation="tanh", recurrent_activation="hard_sigmoid"))(inputs)
    a = layers.Dense(1, activation="tanh")(x)
    a = layers.Flatten()(a)
    a = layers.Activation("softmax")(a)
    a = layers.RepeatVector(8)(a)
    a = layers.Permute([2, 1])(a)
    merged = layers.Multiply()([x, a])
    summed = layers.Lambda(lambda t: keras.ops.sum(t, axis=1), output_shape=(8,))(merged)
    similar = layers.Dot(axes=2, normalize=True)([x, merged])
    return keras.Model(inputs, [layers.Dense(2)(summed), similar])


SCRIPTS = (
    Script(bidirectional, TOKENS, "binary_crossentropy"),
    Script(stacked_gru, TOKENS, "mse"),
    Script(convolutional_text, (((STEPS,), "int64"),)),
    Script(seq2seq, (((STEPS, 3), "float32"), ((5, 2), "float32")), "categorical_crossentropy"),
    Script(seq2seq_sampler, (((STEPS, 3), "float32"), ((1, 2), "float32")), "mse"),
    Script(
        attention_seq2seq,
        (((STEPS,), "int32"), ((STEPS - 1,), "int32")),
        "categorical_crossentropy",
        warns="`initial_state` beside it: as in Keras",
    ),
    Script(captioning, (((12,), "float32"), ((STEPS,), "int32"))),
    Script(timeseries, SERIES, ["mse", "mae"]),
    Script(frames, (((3, 6, 6, 1), "float32"),), "binary_crossentropy"),
    Script(time_distributed_cnn, (((4, 8, 8, 1), "float32"),), "mse"),
    Script(masking, SERIES, "mse", json=False),
    Script(custom_cell, SERIES, "mse", json=False),
    Script(stateful, (((5, 2), "float32"),)),
    Script(vision_transformer, (((8, 8, 3), "float32"),), "mse", json=False),
    Script(miniature_gpt, TOKENS, "mse", json=False),
    Script(
        translator, {"encoder_inputs": ((STEPS,), "int64"), "decoder_inputs": ((STEPS - 1,), "int64")}, "mse", json=False, compiled=True
    ),
    Script(self_attention_pool, SERIES, "mse", json=False),
)
