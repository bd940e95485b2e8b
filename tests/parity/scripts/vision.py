"""Networks for images, small."""

from __future__ import annotations

from typing import Any

from .script import Script

IMAGE = (((16, 16, 3), "float32"),)


def vgg(keras: Any) -> Any:
    """`Sequential` with a stack of convolutions, as the guides begin."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape=(16, 16, 3)),
            layers.Conv2D(4, kernel_size=(3, 3), activation="relu", padding="same", kernel_regularizer=keras.regularizers.l2(1e-3)),
            layers.Conv2D(4, (3, 3), activation="relu", padding="same"),
            layers.MaxPooling2D((2, 2), strides=(2, 2)),
            layers.Conv2D(6, (3, 3), activation="relu", padding="same"),
            layers.MaxPooling2D(pool_size=2),
            layers.Flatten(),
            layers.Dense(8, activation="relu", bias_regularizer="l1"),
            layers.Dense(5, activation="softmax"),
        ],
        name="vgg",
    )


def resnet(keras: Any) -> Any:
    """Two stages of basic blocks, built by functions, with projections where the stage begins."""
    layers = keras.layers

    def block(x, filters, stride=1, conv_shortcut=True, name=None):
        bn_axis = 3 if keras.backend.image_data_format() == "channels_last" else 1
        if conv_shortcut:
            shortcut = layers.Conv2D(2 * filters, 1, strides=stride, name=name + "_0_conv")(x)
            shortcut = layers.BatchNormalization(axis=bn_axis, epsilon=1.001e-5, name=name + "_0_bn")(shortcut)
        else:
            shortcut = x
        x = layers.Conv2D(filters, 1, strides=stride, name=name + "_1_conv")(x)
        x = layers.BatchNormalization(axis=bn_axis, epsilon=1.001e-5, name=name + "_1_bn")(x)
        x = layers.Activation("relu", name=name + "_1_relu")(x)
        x = layers.Conv2D(filters, 3, padding="SAME", name=name + "_2_conv")(x)
        x = layers.BatchNormalization(axis=bn_axis, epsilon=1.001e-5, name=name + "_2_bn")(x)
        x = layers.Activation("relu", name=name + "_2_relu")(x)
        x = layers.Conv2D(2 * filters, 1, name=name + "_3_conv")(x)
        x = layers.BatchNormalization(axis=bn_axis, epsilon=1.001e-5, name=name + "_3_bn")(x)
        x = layers.Add(name=name + "_add")([shortcut, x])
        return layers.Activation("relu", name=name + "_out")(x)

    img_input = layers.Input(shape=(16, 16, 3))
    x = layers.ZeroPadding2D(padding=((3, 3), (3, 3)), name="conv1_pad")(img_input)
    x = layers.Conv2D(6, 7, strides=2, use_bias=True, name="conv1_conv")(x)
    x = layers.BatchNormalization(axis=3, epsilon=1.001e-5, name="conv1_bn")(x)
    x = layers.Activation("relu", name="conv1_relu")(x)
    x = layers.ZeroPadding2D(padding=((1, 1), (1, 1)), name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    x = block(x, 4, name="conv2_block1")
    x = block(x, 4, conv_shortcut=False, name="conv2_block2")
    x = block(x, 6, stride=2, name="conv3_block1")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dense(5, activation="softmax", name="predictions")(x)
    return keras.models.Model(img_input, x, name="resnet")


def inception(keras: Any) -> Any:
    """Towers joined by `concatenate`, in the functions of old."""
    layers = keras.layers

    def conv2d_bn(x, filters, num_row, num_col, padding="same", strides=(1, 1), name=None):
        x = layers.Conv2D(filters, (num_row, num_col), strides=strides, padding=padding, use_bias=False, name=name)(x)
        x = layers.BatchNormalization(axis=3, scale=False)(x)
        return layers.Activation("relu")(x)

    inputs = keras.Input(shape=(16, 16, 3))
    x = conv2d_bn(inputs, 4, 3, 3, strides=(2, 2), padding="valid")
    branch1x1 = conv2d_bn(x, 3, 1, 1)
    branch5x5 = conv2d_bn(x, 2, 1, 1)
    branch5x5 = conv2d_bn(branch5x5, 3, 5, 5)
    branch7x7 = conv2d_bn(conv2d_bn(x, 3, 1, 7), 3, 7, 1)
    branch_pool = layers.AveragePooling2D((3, 3), strides=(1, 1), padding="same")(x)
    branch_pool = conv2d_bn(branch_pool, 2, 1, 1)
    x = layers.concatenate([branch1x1, branch5x5, branch7x7, branch_pool], axis=3, name="mixed0")
    x = layers.GlobalMaxPooling2D()(x)
    return keras.Model(inputs, layers.Dense(4, activation="softmax")(x))


def unet(keras: Any) -> Any:
    """Transposed convolutions up again, and skips joined on the channels."""
    layers = keras.layers

    def conv_block(x, n):
        x = layers.Conv2D(n, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
        return layers.Conv2D(n, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)

    inputs = layers.Input((16, 16, 3))
    c1 = conv_block(inputs, 3)
    c2 = conv_block(layers.MaxPooling2D()(c1), 4)
    bottom = conv_block(layers.MaxPooling2D()(c2), 6)
    u2 = layers.Conv2DTranspose(4, (3, 3), strides=(2, 2), padding="same")(bottom)
    c3 = conv_block(layers.concatenate([u2, c2]), 4)
    u1 = layers.Conv2DTranspose(3, 2, strides=2)(c3)
    c4 = conv_block(layers.concatenate([u1, c1]), 3)
    return keras.Model(inputs=inputs, outputs=[layers.Conv2D(1, 1, activation="sigmoid")(c4)])


def xception_unet(keras: Any) -> Any:
    """Keras's own example of segmentation: separable convolutions, residuals from `previous_block_activation`, upsampling."""
    layers = keras.layers
    inputs = keras.Input(shape=(16, 16, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    previous_block_activation = x
    for filters in [6, 8]:
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(filters, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(filters, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = layers.Conv2D(filters, 1, strides=2, padding="same")(previous_block_activation)
        x = layers.add([x, residual])
        previous_block_activation = x
    for filters in [8, 4, 3]:
        x = layers.Activation("relu")(x)
        x = layers.Conv2DTranspose(filters, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.UpSampling2D(2)(x)
        residual = layers.UpSampling2D(2)(previous_block_activation)
        residual = layers.Conv2D(filters, 1, padding="same")(residual)
        x = layers.add([x, residual])
        previous_block_activation = x
    outputs = layers.Conv2D(3, 3, activation="softmax", padding="same")(x)
    return keras.Model(inputs, outputs)


def mobilenet(keras: Any) -> Any:
    """Inverted residuals: depthwise convolutions, `ReLU(6.)`, padding by `correct_pad`."""
    layers = keras.layers

    def inverted(inputs, expansion, stride, filters, block_id):
        channels, prefix = inputs.shape[-1], f"block_{block_id}_"
        x = layers.Conv2D(expansion * channels, kernel_size=1, padding="same", use_bias=False, activation=None, name=prefix + "expand")(
            inputs
        )
        x = layers.BatchNormalization(axis=-1, epsilon=1e-3, momentum=0.999, name=prefix + "expand_BN")(x)
        x = layers.ReLU(6.0, name=prefix + "expand_relu")(x)
        if stride == 2:
            x = layers.ZeroPadding2D(padding=((0, 1), (0, 1)), name=prefix + "pad")(x)
        x = layers.DepthwiseConv2D(
            kernel_size=3,
            strides=stride,
            activation=None,
            use_bias=False,
            padding="same" if stride == 1 else "valid",
            name=prefix + "depthwise",
        )(x)
        x = layers.BatchNormalization(axis=-1, epsilon=1e-3, momentum=0.999, name=prefix + "depthwise_BN")(x)
        x = layers.ReLU(6.0, name=prefix + "depthwise_relu")(x)
        x = layers.Conv2D(filters, kernel_size=1, padding="same", use_bias=False, activation=None, name=prefix + "project")(x)
        x = layers.BatchNormalization(axis=-1, epsilon=1e-3, momentum=0.999, name=prefix + "project_BN")(x)
        return layers.Add(name=prefix + "add")([inputs, x]) if channels == filters and stride == 1 else x

    image = layers.Input(shape=(16, 16, 3))
    x = layers.Rescaling(1.0 / 2, offset=-0.1)(image)
    x = inverted(x, 2, 2, 4, 0)
    x = inverted(x, 2, 1, 4, 1)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Reshape((4,), name="reshape_2")(layers.Conv2D(4, (1, 1), padding="same", name="conv_preds")(x))
    return keras.Model(image, layers.Activation(activation="softmax", name="predictions")(x))


def efficientnet(keras: Any) -> Any:
    """Swish and squeeze-and-excite: `multiply` of an image with (1, 1, C), and dropout with a `noise_shape`."""
    layers = keras.layers

    def block(inputs, filters_in, filters_out, kernel_size, strides, expand_ratio, name):
        filters = filters_in * expand_ratio
        x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=name + "expand_conv")(inputs)
        x = layers.BatchNormalization(axis=3, name=name + "expand_bn")(x)
        x = layers.Activation("swish", name=name + "expand_activation")(x)
        x = layers.DepthwiseConv2D(kernel_size, strides=strides, padding="same", use_bias=False, name=name + "dwconv")(x)
        x = layers.BatchNormalization(axis=3, name=name + "bn")(x)
        x = layers.Activation("swish", name=name + "activation")(x)
        se = layers.GlobalAveragePooling2D(name=name + "se_squeeze")(x)
        se = layers.Reshape((1, 1, filters), name=name + "se_reshape")(se)
        se = layers.Conv2D(max(1, int(filters_in * 0.25)), 1, padding="same", activation="swish", name=name + "se_reduce")(se)
        se = layers.Conv2D(filters, 1, padding="same", activation="sigmoid", name=name + "se_expand")(se)
        x = layers.multiply([x, se], name=name + "se_excite")
        x = layers.Conv2D(filters_out, 1, padding="same", use_bias=False, name=name + "project_conv")(x)
        x = layers.BatchNormalization(axis=3, name=name + "project_bn")(x)
        if strides == 1 and filters_in == filters_out:
            x = layers.Dropout(0.2, noise_shape=(None, 1, 1, 1), name=name + "drop")(x)
            x = layers.add([x, inputs], name=name + "add")
        return x

    img = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 2.0)(img)
    x = layers.Normalization(axis=3, mean=[0.1, 0.2, 0.3], variance=[0.5, 0.6, 0.7])(x)
    x = layers.Conv2D(4, 3, strides=2, padding="valid", use_bias=False, name="stem_conv")(layers.ZeroPadding2D(((0, 1), (0, 1)))(x))
    x = block(x, 4, 4, 3, 1, 2, "block1a_")
    x = block(x, 4, 6, 5, 2, 2, "block2a_")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return keras.Model(img, layers.Dense(4, activation="softmax")(x), name="efficientnet")


def densenet(keras: Any) -> Any:
    """Features that pile up on the channels."""
    layers = keras.layers
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(inputs)
    for _ in range(2):
        for _ in range(2):
            x1 = layers.BatchNormalization(epsilon=1.001e-5)(x)
            x1 = layers.Activation("relu")(x1)
            x1 = layers.Conv2D(3, 3, padding="same", use_bias=False)(x1)
            x = layers.Concatenate(axis=-1)([x, x1])
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
        x = layers.Conv2D(int(x.shape[-1] * 0.5), 1, use_bias=False)(x)
        x = layers.AveragePooling2D(2, strides=2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(3)(x))


def super_resolution(keras: Any) -> Any:
    """Depth to space by `Reshape` and `Permute`, on images of any size beyond the first layers of another."""
    layers = keras.layers
    inputs = keras.Input(shape=(8, 8, 1))
    x = layers.Conv2D(6, 5, padding="same", activation="relu", kernel_initializer="orthogonal")(inputs)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", kernel_initializer="orthogonal")(x)
    x = layers.Conv2D(4, 3, padding="same", kernel_initializer="orthogonal")(x)
    x = layers.Reshape((8, 8, 2, 2, 1))(x)
    x = layers.Permute((1, 3, 2, 4, 5))(x)
    x = layers.Reshape((16, 16, 1))(x)
    up = layers.UpSampling2D(size=(2, 2), interpolation="bilinear")(inputs)
    return keras.Model(inputs, layers.Add()([x, up]))


def super_resolution_ops(keras: Any) -> Any:
    """The same with `keras.ops`, of images of any size."""
    layers, ops = keras.layers, keras.ops

    class DepthToSpace(layers.Layer):
        def __init__(self, block_size, **kwargs):
            super().__init__(**kwargs)
            self.block_size = block_size

        def call(self, x):
            batch, height, width, depth = ops.shape(x)
            depth = depth // (self.block_size**2)
            x = ops.reshape(x, [batch, height, width, self.block_size, self.block_size, depth])
            x = ops.transpose(x, [0, 1, 3, 2, 4, 5])
            return ops.reshape(x, [batch, height * self.block_size, width * self.block_size, depth])

        def get_config(self):
            config = super().get_config()
            config.update({"block_size": self.block_size})
            return config

    inputs = keras.Input(shape=(None, None, 1))
    x = layers.Conv2D(4, 5, padding="same", activation="tanh")(inputs)
    x = layers.Conv2D(8, 3, padding="same", activation="tanh")(x)
    outputs = DepthToSpace(2)(x)
    return keras.Model(inputs, outputs)


def autoencoder(keras: Any) -> Any:
    """An encoder and a decoder, each a model, called one after the other."""
    layers = keras.layers
    encoder_input = keras.Input(shape=(16, 16, 1), name="img")
    x = layers.Conv2D(4, 3, activation="relu")(encoder_input)
    x = layers.Conv2D(6, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(6, 3, activation="relu")(x)
    encoder_output = layers.GlobalMaxPooling2D()(x)
    encoder = keras.Model(encoder_input, encoder_output, name="encoder")
    decoder_input = keras.Input(shape=(6,), name="encoded_img")
    x = layers.Reshape((2, 3, 1))(decoder_input)
    x = layers.Conv2DTranspose(4, 3, activation="relu")(x)
    x = layers.UpSampling2D((2, 2))(x)
    x = layers.Cropping2D(((0, 0), (1, 1)))(x)
    x = layers.Conv2DTranspose(3, (9, 9), activation="relu")(x)
    decoder = keras.Model(decoder_input, layers.Conv2DTranspose(1, 1)(x), name="decoder")
    autoencoder_input = keras.Input(shape=(16, 16, 1), name="img")
    return keras.Model(autoencoder_input, decoder(encoder(autoencoder_input)), name="autoencoder")


def channels_first(keras: Any) -> Any:
    """Every layer told of its layout, and one that mixes them."""
    layers = keras.layers
    cf = {"data_format": "channels_first"}
    x = inputs = keras.Input((3, 10, 12))
    x = layers.Conv2D(4, 3, padding="same", activation="elu", **cf)(x)
    x = layers.BatchNormalization(axis=1)(x)
    x = layers.MaxPooling2D(2, **cf)(x)
    x = layers.SeparableConv2D(4, 3, depth_multiplier=2, padding="same", **cf)(x)
    x = layers.PReLU(shared_axes=[2, 3])(x)
    x = layers.GroupNormalization(groups=2, axis=1)(x)
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same", **cf)(x)
    x = layers.Conv2D(2, 3, strides=2, padding="same")(layers.Permute((2, 3, 1))(x))
    x = layers.Flatten(**cf)(layers.Permute((3, 1, 2))(x))
    return keras.Model(inputs, layers.Dense(3)(x))


def augmented(keras: Any) -> Any:
    """Augmentation as a `Sequential` inside of the model, that does nothing in inference but rescale."""
    layers = keras.layers
    data_augmentation = keras.Sequential(
        [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.2), layers.RandomContrast(0.1)],
        name="augmentation",
    )
    inputs = keras.Input(shape=(20, 18, 3))
    x = data_augmentation(inputs)
    x = layers.Resizing(16, 16)(x)
    x = layers.CenterCrop(12, 14)(x)
    x = layers.Rescaling(1.0 / 255)(x)
    x = layers.Conv2D(4, 3, strides=2, activation="relu")(x)
    x = layers.SpatialDropout2D(0.3)(x)
    x = layers.GaussianNoise(0.1)(x)
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


def conv_mixer(keras: Any) -> Any:
    """`layers.Rescaling`, patches by a strided convolution, gelu, depthwise convolutions beside residuals."""
    layers = keras.layers

    def activation_block(x):
        x = layers.Activation("gelu")(x)
        return layers.BatchNormalization()(x)

    inputs = keras.Input((16, 16, 3))
    x = layers.Rescaling(scale=1.0 / 2)(inputs)
    x = activation_block(layers.Conv2D(6, kernel_size=2, strides=2)(x))
    for _ in range(2):
        x0 = x
        x = layers.DepthwiseConv2D(kernel_size=5, padding="same")(x)
        x = layers.Add()([activation_block(x), x0])
        x = activation_block(layers.Conv2D(6, kernel_size=1)(x))
    x = layers.GlobalAvgPool2D()(x)
    return keras.Model(inputs, layers.Dense(4, activation="softmax")(x))


def video(keras: Any) -> Any:
    """3D convolutions in (2 + 1) dimensions, with a residual."""
    layers = keras.layers
    inputs = keras.Input((6, 8, 8, 2))
    x = layers.Conv3D(4, (1, 3, 3), padding="same")(inputs)
    x = layers.Conv3D(4, (3, 1, 1), padding="same", activation="relu")(x)
    x = layers.LayerNormalization()(x)
    x = layers.AveragePooling3D((2, 2, 2))(layers.add([x, layers.Conv3D(4, 1)(inputs)]))
    x = layers.Conv3DTranspose(2, 3, strides=2, padding="same")(x)
    x = layers.MaxPool3D((1, 2, 2))(layers.ZeroPadding3D((0, 1, 1))(x))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling3D()(x)))


SCRIPTS = (
    Script(vgg, IMAGE, "categorical_crossentropy"),
    Script(resnet, IMAGE, "categorical_crossentropy"),
    Script(inception, IMAGE, "categorical_crossentropy"),
    Script(unet, IMAGE, "binary_crossentropy"),
    Script(xception_unet, IMAGE, "categorical_crossentropy"),
    Script(mobilenet, IMAGE),
    Script(efficientnet, IMAGE),
    Script(densenet, IMAGE, "mse"),
    Script(super_resolution, (((8, 8, 1), "float32"),), "mse"),
    Script(super_resolution_ops, (((7, 6, 1), "float32"),), "mse", json=False),
    Script(autoencoder, (((16, 16, 1), "float32"),), "mae"),
    Script(channels_first, (((3, 10, 12), "float32"),), "mse"),
    Script(augmented, (((20, 18, 3), "float32"),)),
    Script(conv_mixer, IMAGE, "sparse_categorical_crossentropy"),
    Script(video, (((6, 8, 8, 2), "float32"),), "mse"),
)
