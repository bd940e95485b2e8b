"""The listings that people bring from Keras, with nothing but the import line changed."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import torch

import layergraph as keras
from layergraph import Input, Model, Sequential
from layergraph.layers import LSTM, Add, Concatenate, Conv2D, Dense, Flatten

# fmt: off
# The listings stand as people have them, quotes included.

HERE = pathlib.Path(__file__).name
rng = np.random.default_rng(0)


def test_a_sequential_mlp():
    model = Sequential([
        Dense(64, activation='relu', input_shape=(784,)),
        Dense(32, activation='relu'),
        Dense(10, activation='softmax')
    ])
    probabilities = model(torch.rand(3, 784))
    torch.testing.assert_close(probabilities.sum(1), torch.ones(3))
    assert model.count_params() == 784 * 64 + 64 + 64 * 32 + 32 + 32 * 10 + 10


def test_the_same_network_functionally():
    inputs = Input(shape=(784,))
    x = Dense(64, activation='relu')(inputs)
    x = Dense(32, activation='relu')(x)
    outputs = Dense(10, activation='softmax')(x)
    model = Model(inputs=inputs, outputs=outputs)
    model.compile(optimizer='adam', loss='sparse_categorical_crossentropy', metrics=['accuracy'])
    history = model.fit(rng.random((64, 784)), rng.integers(0, 10, 64), epochs=2, verbose=0)
    assert list(history.history) == ["accuracy", "loss"]
    assert len(history.history["loss"]) == 2


def test_a_residual_block():
    input_img = Input(shape=(32, 32, 3))
    x = Conv2D(32, 3, activation='relu', padding='same')(input_img)
    x = Conv2D(32, 3, activation='relu', padding='same')(x)
    skip = Conv2D(32, 1, padding='same')(input_img)
    output = Add()([skip, x])
    model = Model(inputs=input_img, outputs=output)
    assert model(torch.rand(2, 32, 32, 3)).shape == (2, 32, 32, 32)


def test_a_residual_block_without_the_projection():
    input_img = Input(shape=(32, 32, 3), name='image')
    x = Conv2D(32, 3, activation='relu', padding='same')(input_img)
    x = Conv2D(32, 3, activation='relu', padding='same', name='second')(x)
    with pytest.raises(ValueError, match="cannot merge shapes") as caught:
        Add()([input_img, x])
    text = caught.value.args[0].replace(str(pathlib.Path(__file__)), HERE)
    first = next(number for number, line in enumerate(pathlib.Path(__file__).read_text().splitlines(), 1) if "name='image'" in line)
    assert text == f"""\
Add: cannot merge shapes (None, 32, 32, 3) and (None, 32, 32, 32): they do not broadcast
  got (None, 32, 32, 3) from Input 'image', made at {HERE}:{first}: input_img = Input(shape=(32, 32, 3), name='image')
  got (None, 32, 32, 32) from Conv2D 'second', made at {HERE}:{first + 2}: \
x = Conv2D(32, 3, activation='relu', padding='same', name='second')(x)
  at {HERE}:{first + 4}: Add()([input_img, x])
  fix: project the one of shape (None, 32, 32, 3) with Conv2D(32, 1, padding='same')"""


def test_two_inputs():
    profile_input = Input(shape=(10,), name='profile_data')
    activity_input = Input(shape=(20, 5), name='activity_data')
    x = LSTM(16)(activity_input)
    x = Concatenate()([profile_input, x])
    output = Dense(1, activation='sigmoid', name='prediction')(x)
    model = Model(inputs=[profile_input, activity_input], outputs=output)
    model.compile(optimizer='adam', loss='binary_crossentropy', metrics=['accuracy'])
    X_profile, X_activity = rng.random((96, 10)), rng.random((96, 20, 5))
    y = X_profile.sum(1) > 5
    first = model.fit([X_profile, X_activity], y, epochs=3, verbose=0).history["loss"]
    last = model.fit({'activity_data': X_activity, 'profile_data': X_profile}, y, epochs=20, verbose=0).history["loss"]
    assert last[-1] < first[0]
    assert model.predict([X_profile, X_activity], verbose=0).shape == (96, 1)
    assert {key.split(".")[0] for key in model.state_dict()} == {"lstm", "prediction"}
    assert "def forward(self, profile_data, activity_data):" in model.code


def test_two_outputs_with_a_loss_each():
    image = keras.Input(shape=(16, 16, 3))
    x = keras.layers.Conv2D(8, 3, activation='relu')(image)
    x = Flatten()(x)
    category = keras.layers.Dense(3, activation='softmax', name='category')(x)
    box = keras.layers.Dense(4, name='bounding_box')(x)
    model = keras.Model(inputs=image, outputs=[category, box])
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=1e-3),
        loss={'category': 'sparse_categorical_crossentropy', 'bounding_box': keras.losses.MeanSquaredError()},
        loss_weights={'category': 1.0, 'bounding_box': 0.5},
        metrics={'category': ['accuracy']},
    )
    targets = {'category': rng.integers(0, 3, 32), 'bounding_box': rng.random((32, 4))}
    logs = model.fit(rng.random((32, 16, 16, 3)), targets, epochs=2, verbose=0).history
    assert sorted(logs) == ["bounding_box_loss", "category_accuracy", "category_loss", "loss"]
    assert logs["loss"][-1] == pytest.approx(logs["category_loss"][-1] + 0.5 * logs["bounding_box_loss"][-1], rel=1e-5)


def test_a_feature_extractor():
    inputs = Input(shape=(8, 8, 1))
    x = Conv2D(4, 3, activation='relu')(inputs)
    x = Flatten()(x)
    model = Model(inputs, Dense(2)(x))
    feature_extractor = Model(inputs=model.inputs, outputs=model.layers[2].output)
    some_data = rng.random((5, 8, 8, 1), dtype=np.float32)
    features = feature_extractor.predict(some_data, verbose=0)
    assert features.shape == (5, 144)
    assert feature_extractor.conv2d is model.conv2d
    maps = torch.relu(model.conv2d(torch.from_numpy(some_data).movedim(-1, 1)))
    np.testing.assert_array_equal(features, maps.movedim(1, -1).flatten(1).detach())
