"""Tables, pairs, generators, several inputs and outputs, and classes of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from .script import Script

ROW = (((6,), "float32"),)


def vae(keras: Any) -> Any:
    """A sampling layer whose noise is silenced in inference, and the divergence by `add_loss`."""
    layers, ops = keras.layers, keras.ops

    class Sampling(layers.Layer):
        """Uses (z_mean, z_log_var) to sample z, the vector encoding a digit."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seed_generator = keras.random.SeedGenerator(1337)

        def call(self, inputs, training=None):
            z_mean, z_log_var = inputs
            if not training:
                return z_mean + ops.exp(0.5 * z_log_var) * 0.0
            batch = ops.shape(z_mean)[0]
            dim = ops.shape(z_mean)[1]
            epsilon = keras.random.normal(shape=(batch, dim), seed=self.seed_generator)
            return z_mean + ops.exp(0.5 * z_log_var) * epsilon

    class Divergence(layers.Layer):
        def call(self, inputs):
            z_mean, z_log_var = inputs
            kl_loss = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
            self.add_loss(ops.mean(ops.sum(kl_loss, axis=1)))
            return z_mean

    encoder_inputs = keras.Input(shape=(8, 8, 1))
    x = layers.Conv2D(4, 3, activation="relu", strides=2, padding="same")(encoder_inputs)
    x = layers.Flatten()(x)
    x = layers.Dense(6, activation="relu")(x)
    z_mean = layers.Dense(2, name="z_mean")(x)
    z_log_var = layers.Dense(2, name="z_log_var")(x)
    z_mean = Divergence()([z_mean, z_log_var])
    z = Sampling()([z_mean, z_log_var])
    encoder = keras.Model(encoder_inputs, [z_mean, z_log_var, z], name="encoder")
    latent_inputs = keras.Input(shape=(2,))
    x = layers.Dense(4 * 4 * 3, activation="relu")(latent_inputs)
    x = layers.Reshape((4, 4, 3))(x)
    x = layers.Conv2DTranspose(3, 3, activation="relu", strides=2, padding="same")(x)
    decoder = keras.Model(latent_inputs, layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(x), name="decoder")
    return keras.Model(encoder_inputs, decoder(encoder(encoder_inputs)[2]))


def divergence(keras: Any) -> Any:
    """`add_loss` beside the loss, an activity regularizer, and constraints: a training without noise."""
    layers, ops = keras.layers, keras.ops

    class ActivityRegularizationLayer(layers.Layer):
        def call(self, inputs):
            self.add_loss(1e-2 * ops.sum(ops.square(inputs)))
            return inputs

    inputs = keras.Input((6,))
    x = layers.Dense(5, activation="relu", activity_regularizer=keras.regularizers.L1L2(1e-3, 1e-2), kernel_constraint="non_neg")(inputs)
    x = ActivityRegularizationLayer()(x)
    x = layers.ActivityRegularization(l2=0.03)(x)
    x = layers.Dense(
        4, kernel_regularizer=keras.regularizers.OrthogonalRegularizer(0.01), kernel_constraint=keras.constraints.MaxNorm(0.8)
    )(x)
    return keras.Model(inputs, x)


def gan(keras: Any) -> Any:
    """A generator before a discriminator that is not trained."""
    layers = keras.layers
    discriminator = keras.Sequential(
        [
            keras.Input(shape=(8, 8, 3)),
            layers.Conv2D(4, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(4, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="discriminator",
    )
    generator = keras.Sequential(
        [
            keras.Input(shape=(6,)),
            layers.Dense(2 * 2 * 3, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((2, 2, 3)),
            layers.Conv2DTranspose(4, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2DTranspose(4, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(3, kernel_size=5, padding="same", activation="sigmoid"),
        ],
        name="generator",
    )
    discriminator.trainable = False
    noise = keras.Input((6,))
    return keras.Model(noise, discriminator(generator(noise)))


def critic(keras: Any) -> Any:
    """A critic whose layers are spectrally normalized."""
    layers = keras.layers
    inputs = keras.Input((8, 8, 2))
    x = layers.SpectralNormalization(layers.Conv2D(4, 3, strides=2, padding="same"))(inputs)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.GroupNormalization(groups=-1)(x)
    x = layers.Flatten()(x)
    return keras.Model(inputs, layers.SpectralNormalization(layers.Dense(1), power_iterations=2)(x))


def table(keras: Any) -> Any:
    """Structured data: numbers normalized as learnt, categories encoded, buckets."""
    layers = keras.layers
    age = keras.Input(shape=(1,), name="age")
    kind = keras.Input(shape=(1,), name="kind", dtype="int64")
    size = keras.Input(shape=(1,), name="size")
    normalizer = layers.Normalization()
    normalizer.adapt(np.array([[1.0], [2.0], [4.0], [9.0]], "float32"))
    encoded = layers.CategoryEncoding(num_tokens=12, output_mode="one_hot")(kind)
    buckets = layers.Discretization(bin_boundaries=[-0.5, 0.0, 0.5], output_mode="one_hot")(size)
    all_features = layers.concatenate([normalizer(age), encoded, buckets])
    x = layers.Dense(6, activation="relu")(all_features)
    return keras.Model([age, kind, size], layers.Dense(1, activation="sigmoid")(x))


def wide_and_deep(keras: Any) -> Any:
    """Embeddings of categories beside numbers, in dictionaries."""
    layers = keras.layers
    inputs = {"kind": keras.Input((), dtype="int32", name="kind"), "numbers": keras.Input((4,), name="numbers")}
    embedded = layers.Embedding(13, 4)(inputs["kind"])
    deep = layers.BatchNormalization()(layers.Dense(6)(layers.concatenate([embedded, inputs["numbers"]])))
    deep = layers.Dense(4, activation="relu")(deep)
    wide = layers.Dense(2)(inputs["numbers"])
    joined = layers.Concatenate()([wide, deep])
    return keras.Model(inputs=inputs, outputs={"price": layers.Dense(1, name="price")(joined), "sold": layers.Dense(1, name="sold")(deep)})


def siamese(keras: Any) -> Any:
    """Two towers of one network, and a distance by `Lambda`."""
    layers, ops = keras.layers, keras.ops

    def euclidean_distance(vects):
        x, y = vects
        sum_square = ops.sum(ops.square(x - y), axis=1, keepdims=True)
        return ops.sqrt(ops.maximum(sum_square, keras.backend.epsilon()))

    image = layers.Input((12, 12, 3))
    x = layers.BatchNormalization()(image)
    x = layers.Conv2D(4, (5, 5), activation="tanh")(x)
    x = layers.AveragePooling2D(pool_size=(2, 2))(x)
    x = layers.Flatten()(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dense(5, activation="tanh")(x)
    embedding_network = keras.Model(image, x)
    input_1, input_2 = layers.Input((12, 12, 3)), layers.Input((12, 12, 3))
    tower_1, tower_2 = embedding_network(input_1), embedding_network(input_2)
    merge_layer = layers.Lambda(euclidean_distance, output_shape=(1,))([tower_1, tower_2])
    normal_layer = layers.BatchNormalization()(merge_layer)
    output_layer = layers.Dense(1, activation="sigmoid")(normal_layer)
    return keras.Model(inputs=[input_1, input_2], outputs=output_layer)


def fine_tuned(keras: Any) -> Any:
    """A frozen base called with `training=False`, cut at a layer's name, beneath a new head; features of three layers beside it."""
    layers = keras.layers
    image = keras.Input((10, 10, 3))
    x = layers.Conv2D(4, 3, name="stem")(image)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = layers.Activation("relu", name="stem_relu")(x)
    x = layers.Conv2D(5, 3, activation="relu", name="top")(x)
    base = keras.Model(image, layers.Dense(9, name="classes")(layers.GlobalAveragePooling2D(name="pool")(x)), name="base")
    base.trainable = False
    body = keras.Model(base.input, base.get_layer("pool").output)
    features = keras.Model(inputs=base.inputs, outputs=[layer.output for layer in base.layers[1:4:2]])
    inputs = keras.Input((10, 10, 3))
    x = body(inputs, training=False)
    low, _ = features(inputs, training=False)
    x = layers.concatenate([x, layers.GlobalMaxPooling2D()(low)])
    return keras.Model(inputs, layers.Dense(2)(x))


def tickets(keras: Any) -> Any:
    """The guide's ranking of issue tickets: three inputs, two outputs, named losses."""
    layers = keras.layers
    title_input = keras.Input(shape=(None,), name="title", dtype="int32")
    body_input = keras.Input(shape=(None,), name="body", dtype="int32")
    tags_input = keras.Input(shape=(4,), name="tags")
    title_features = layers.LSTM(5)(layers.Embedding(13, 4)(title_input))
    body_features = layers.LSTM(3)(layers.Embedding(13, 4)(body_input))
    x = layers.concatenate([title_features, body_features, tags_input])
    priority_pred = layers.Dense(1, name="priority", activation="sigmoid")(x)
    department_pred = layers.Dense(4, name="department", activation="softmax")(x)
    return keras.Model(inputs=[title_input, body_input, tags_input], outputs=[priority_pred, department_pred])


def toy_resnet(keras: Any) -> Any:
    """The guide's toy, with operators on symbols where it has `layers.add`, and shared layers."""
    layers = keras.layers
    inputs = keras.Input(shape=(12, 12, 3), name="img")
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    block_1_output = layers.MaxPooling2D(2)(x)
    shared = layers.Conv2D(4, 3, activation="relu", padding="same")
    block_2_output = shared(shared(block_1_output)) + block_1_output
    x = (block_2_output - 0.25) * 2.0 / 3.0
    x = keras.ops.concatenate([x, keras.ops.abs(-x)], axis=-1)[:, 1:, ::2]
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(3)(x) ** 2 / 100, name="toy_resnet")


def own_layers(keras: Any) -> Any:
    """`add_weight` in `build`, a non-trainable one, `get_config`, nested: the guide to making layers."""
    layers, ops = keras.layers, keras.ops

    class Linear(layers.Layer):
        def __init__(self, units=32, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True, name="w")
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)
            self.scale = self.add_weight(shape=(), initializer="ones", trainable=False, name="scale")

        def call(self, inputs):
            return (ops.matmul(inputs, self.w) + self.b) * self.scale

        def get_config(self):
            config = super().get_config()
            config.update({"units": self.units})
            return config

    class MLPBlock(layers.Layer):
        def __init__(self):
            super().__init__()
            self.linear_1 = Linear(5)
            self.linear_2 = Linear(4)
            self.linear_3 = Linear(1)

        def call(self, inputs):
            x = ops.relu(self.linear_1(inputs))
            x = keras.activations.relu(self.linear_2(x))
            return self.linear_3(x)

    x = keras.Input((6,))
    first = Linear.from_config(Linear(4).get_config())
    return keras.Model(x, MLPBlock()(layers.ELU()(first(x))))


def own_model(keras: Any) -> Any:
    """A subclassed model with a list of blocks, of layers, and a `training` argument."""
    layers = keras.layers

    class ResidualBlock(keras.Model):
        def __init__(self, filters, **kwargs):
            super().__init__(**kwargs)
            self.convs = [layers.Conv2D(filters, 3, padding="same", activation="relu") for _ in range(2)]
            self.bn = layers.BatchNormalization()
            self.project = layers.Conv2D(filters, 1)

        def call(self, inputs, training=False):
            x = inputs
            for conv in self.convs:
                x = conv(x)
            return self.bn(x, training=training) + self.project(inputs)

    class Classifier(keras.Model):
        def __init__(self, classes):
            super().__init__()
            self.block_1 = ResidualBlock(4)
            self.block_2 = ResidualBlock(5)
            self.pool = layers.GlobalAveragePooling2D()
            self.dropout = layers.Dropout(0.0)
            self.classify = layers.Dense(classes)

        def call(self, inputs, training=False):
            x = self.block_1(inputs, training=training)
            x = self.block_2(x, training=training)
            x = self.pool(x)
            if training:
                x = self.dropout(x, training=training)
            return self.classify(x)

    return Classifier(3)


def einsum(keras: Any) -> Any:
    """`EinsumDense` as heads, `UnitNormalization`, `RMSNormalization`, `Softmax` and `Dot`."""
    layers = keras.layers
    x = keras.Input((5, 6))
    q = layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de")(x)
    k = layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de")(x)
    scores = keras.ops.einsum("aecd,abcd->acbe", k, q)
    weights = layers.Softmax(axis=-1)(scores)
    seen = keras.ops.einsum("acbe,aecd->abcd", weights, q)
    out = layers.EinsumDense("abde,dec->abc", output_shape=(None, 6), bias_axes="c")(seen)
    y = layers.RMSNormalization()(x + out)
    return keras.Model(x, layers.UnitNormalization()(layers.GlobalMaxPool1D()(y)))


def maximums(keras: Any) -> Any:
    """Every merge, of values that broadcast."""
    layers = keras.layers
    a, b = keras.Input((4, 3)), keras.Input((1, 3))
    merges = [
        layers.Maximum()([a, b]),
        layers.minimum([a, b]),
        layers.Average()([a, b]),
        layers.subtract([a, b]),
        layers.multiply([a, b]),
    ]
    x = layers.Concatenate(axis=1)(merges)
    x = layers.dot([x, x], axes=(2, 2))
    return keras.Model([a, b], layers.Dense(2, activation="selu")(layers.Reshape((-1,))(x)))


def bfloat16(keras: Any) -> Any:
    """Layers that compute in bfloat16 between float32 ones, by their `dtype`."""
    layers = keras.layers
    inputs = keras.Input((6,))
    x = layers.Dense(8, activation="relu", dtype="mixed_bfloat16")(inputs)
    x = layers.Dense(4, dtype="mixed_bfloat16")(x)
    return keras.Model(inputs, layers.Activation("softmax", dtype="float32")(x))


SCRIPTS = (
    Script(vae, (((8, 8, 1), "float32"),), json=False, compiled=True),
    Script(divergence, ROW, "mse", json=False),
    Script(gan, ROW, "binary_crossentropy"),
    Script(critic, (((8, 8, 2), "float32"),)),
    Script(table, (((1,), "float32"), ((1,), "int64"), ((1,), "float32")), "binary_crossentropy"),
    Script(siamese, (((12, 12, 3), "float32"), ((12, 12, 3), "float32")), "binary_crossentropy", json=False, compiled=True),
    Script(fine_tuned, (((10, 10, 3), "float32"),), "mse"),
    Script(tickets, (((5,), "int32"), ((6,), "int32"), ((4,), "float32")), {"priority": "binary_crossentropy", "department": "mse"}),
    Script(toy_resnet, (((12, 12, 3), "float32"),), "mse"),
    Script(own_layers, ROW, "mse", json=False),
    Script(own_model, (((6, 6, 3), "float32"),), "mse", json=False, compiled=True),
    Script(einsum, (((5, 6), "float32"),), "mse"),
    Script(maximums, (((4, 3), "float32"), ((1, 3), "float32")), "mse"),
    Script(bfloat16, ROW, limit=2**-7),
    Script(wide_and_deep, {"kind": ((), "int32"), "numbers": ((4,), "float32")}, {"price": "mse", "sold": "mae"}),
)
