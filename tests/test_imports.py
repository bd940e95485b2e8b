"""The import lines of the README's table, and scripts that people bring from Keras, with nothing but their import lines changed."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import layergraph

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `((?:import|from) [^`]*)` \| `([^`]*)` \|$", README, flags=re.MULTILINE)


def changed(line: str) -> str:
    """An import line of Keras's as it is written here; any other line as it is."""
    line = re.sub(r"^(\s*)(?:import keras|from tensorflow import keras)$", r"\1import layergraph as keras", line)
    return re.sub(r"^(\s*)(import|from) (?:tensorflow\.)?keras(?=[. ])", r"\1\2 layergraph", line)


def bound(line: str) -> set[str]:
    """The names that an import line brings into a script."""
    (statement,) = ast.parse(line).body
    assert isinstance(statement, ast.Import | ast.ImportFrom)
    return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}


def test_the_table_is_read():
    assert len(ROWS) == 25


@pytest.mark.parametrize(("wrote", "write"), ROWS)
def test_a_line_works(wrote: str, write: str):
    assert changed(wrote) == write
    assert bound(wrote) == bound(write)  # so that the rest of the script finds what it found
    scope: dict[str, object] = {}
    exec(write, scope)
    assert bound(write) <= set(scope)


def test_every_line_works_as_the_first_one():
    """Each in a process that has not loaded anything of layergraph: what is loaded lazily is loaded by the line itself."""
    program = f"""
        import os, sys, torch, numpy, tqdm
        for line in {[write for _, write in ROWS]!r}:
            child = os.fork()
            if not child:
                assert "layergraph" not in sys.modules
                try:
                    exec(line, {{}})
                except BaseException as error:
                    print(line, "->", type(error).__name__, str(error).splitlines()[0], flush=True)
                os._exit(0)
            os.waitpid(child, 0)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == ""


@pytest.mark.parametrize("room", sorted(set(re.findall(r"layergraph(?:\.\w+)+(?= import)", " ".join(write for _, write in ROWS)))))
def test_a_room_is_a_module_and_an_attribute(room: str):
    scope: dict[str, object] = {}
    exec(f"import {room} as found", scope)
    assert scope["found"] is eval(room, {"layergraph": layergraph})


# Scripts, as people write them

SCRIPTS = {
    "an MLP on vectors of pixels": """
        import numpy as np
        from tensorflow import keras
        from tensorflow.keras.models import Sequential
        from tensorflow.keras.layers import Dense, Dropout
        from tensorflow.keras.utils import to_categorical
        from tensorflow.keras.callbacks import EarlyStopping

        keras.utils.set_random_seed(42)
        x_train = np.random.rand(96, 784).astype("float32")
        y_train = to_categorical(np.arange(96) % 10, 10)

        model = Sequential([
            keras.Input(shape=(784,)),
            Dense(32, activation="relu"),
            Dropout(0.2),
            Dense(10, activation="softmax"),
        ])
        model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(1e-2), metrics=["accuracy"])
        stop = EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
        history = model.fit(x_train, y_train, batch_size=32, epochs=4, validation_split=0.25, callbacks=[stop], verbose=0)
        score = model.evaluate(x_train, y_train, verbose=0)
        assert history.history["loss"][-1] < history.history["loss"][0]
        assert len(score) == 2
    """,
    "a CNN that asks for the layout": """
        import numpy as np
        import keras
        from keras import backend as K
        from keras import layers
        from keras.optimizers.schedules import ExponentialDecay

        K.clear_session()
        x = np.random.rand(32, 12 * 12)
        if K.image_data_format() == "channels_first":
            x, input_shape = x.reshape(32, 1, 12, 12), (1, 12, 12)
        else:
            x, input_shape = x.reshape(32, 12, 12, 1), (12, 12, 1)
        y = keras.utils.to_categorical(np.arange(32) % 3)

        inputs = keras.Input(shape=input_shape)
        h = layers.Conv2D(4, kernel_size=(3, 3), activation="relu", kernel_regularizer=keras.regularizers.L2(1e-4))(inputs)
        h = layers.MaxPooling2D(pool_size=(2, 2))(h)
        h = layers.BatchNormalization()(h)
        outputs = layers.Dense(3, activation="softmax", kernel_initializer=keras.initializers.HeNormal())(layers.Flatten()(h))
        model = keras.Model(inputs, outputs)
        rate = ExponentialDecay(1e-2, decay_steps=100, decay_rate=0.9)
        metrics = ["accuracy", keras.metrics.TopKCategoricalAccuracy(2)]
        model.compile(keras.optimizers.SGD(rate), keras.losses.CategoricalCrossentropy(), metrics=metrics)
        model.fit(x, y, epochs=2, verbose=0)
        assert model.predict(x, verbose=0).shape == (32, 3)
        assert keras.utils.get_source_inputs(outputs)[0] is model.inputs[0]
        assert keras.backend.is_keras_tensor(outputs) and K.floatx() == "float32" and K.epsilon() == 1e-7
    """,
    "texts as padded sequences": """
        import keras
        from keras.models import Model
        from keras.layers import Dense, Embedding, GlobalAveragePooling1D, Input
        from keras.preprocessing.sequence import pad_sequences
        import numpy as np

        texts = [[1, 4, 2], [7, 3], [5, 5, 5, 5, 6], [8]] * 8
        x = pad_sequences(texts, maxlen=4)
        y = np.array([0, 1, 0, 1] * 8)
        words = Input(shape=(4,), dtype="int32")
        model = Model(words, Dense(1, activation="sigmoid")(GlobalAveragePooling1D()(Embedding(10, 8)(words))))
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=40, verbose=0)
        assert model.evaluate(x, y, verbose=0)[1] > 0.9
    """,
    "windows over a series": """
        import numpy as np
        import keras
        from keras import layers

        series = np.sin(np.arange(400) / 10).reshape(-1, 1)
        train = keras.utils.timeseries_dataset_from_array(series[:-10], series[10:], sequence_length=10, batch_size=64)
        x = keras.Input((10, 1))
        model = keras.Model(x, layers.Dense(1)(layers.LSTM(8)(x)))
        model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
        losses = model.fit(train, epochs=6, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        for inputs, targets in train:
            assert inputs.shape == (64, 10, 1)
            break
    """,
    "noise with seeds of its own": """
        import keras
        import numpy as np
        from keras.random import SeedGenerator

        seeds = SeedGenerator(1337)
        noise = keras.random.normal((4, 3), seed=seeds)
        assert not np.allclose(noise, keras.random.normal((4, 3), seed=seeds))
        assert np.allclose(noise, keras.random.normal((4, 3), seed=SeedGenerator(1337)))
        picked = keras.random.categorical(np.log([[0.1, 0.9]]), 100, seed=3)
        shapes = keras.tree.map_structure(lambda t: tuple(t.shape), {"noise": noise, "picked": [picked]})
        assert shapes == {"noise": (4, 3), "picked": [(1, 100)]}
    """,
    "a setting for a while": """
        import keras
        from keras import config

        before = config.floatx()
        keras.backend.set_floatx("float64")
        try:
            assert keras.layers.Dense(2, name="d")(keras.Input((3,))).dtype == "float64"
        finally:
            config.set_floatx(before)
        assert keras.backend.result_type("int32", "float16") == "float16"
        assert keras.backend.backend() == "torch" and isinstance(keras.version(), str) and keras.__version__ == keras.version()
    """,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script(name: str):
    script = "\n".join(map(changed, textwrap.dedent(SCRIPTS[name]).splitlines()))
    assert "tensorflow" not in script
    exec(compile(script, name, "exec"), {"__name__": "script"})
