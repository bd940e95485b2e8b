"""Training the Keras way: targets, losses and metrics by output name, a schedule, callbacks, the best model on disk, a step of one's own.

The 1,797 handwritten digits of scikit-learn, as numpy arrays; some ten seconds on a CPU. `python examples/fit.py [folder]`
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import layergraph as keras
from layergraph import layers


def network() -> keras.Model:
    """(B, 8, 8, 1) images -> `digit`, (B, 10) probabilities, and `even`, (B, 1) a probability."""
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(image)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    return keras.Model(image, {"digit": layers.Dense(10, activation="softmax")(x), "even": layers.Dense(1, activation="sigmoid")(x)})


class Gentle(keras.Model):
    """A model that says by itself what a training step is: here, each gradient is cut to a norm of 0.1."""

    def train_step(self, data):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight)
        loss.backward()
        for variable in self.trainable_weights:
            variable.grad *= 0.1 / max(variable.grad.norm(), 0.1)
        self.optimizer.apply([variable.grad for variable in self.trainable_weights], self.trainable_weights)
        return self.compute_metrics(x, y, y_pred, sample_weight=weight)


def main(folder: Path) -> None:
    keras.utils.set_random_seed(0)
    pixels, digits = load_digits(return_X_y=True)
    images = (pixels / 16).reshape(-1, 8, 8, 1)
    order = np.random.default_rng(0).permutation(len(images))
    x, y = images[order], {"digit": digits[order], "even": (digits[order] % 2 == 0).astype("float32")}

    model = network()
    model.compile(
        optimizer=keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(3e-3, decay_steps=600), clipnorm=1.0),
        loss={"digit": "sparse_categorical_crossentropy", "even": "binary_crossentropy"},
        loss_weights={"digit": 1.0, "even": 0.5},
        metrics={"digit": ["accuracy"], "even": ["accuracy", keras.metrics.AUC()]},
    )
    best = folder / "best.keras"
    history = model.fit(
        x[:1500],
        {name: values[:1500] for name, values in y.items()},
        epochs=12,
        validation_split=0.1,
        callbacks=[
            keras.callbacks.ModelCheckpoint(best, monitor="val_digit_accuracy", save_best_only=True),
            keras.callbacks.EarlyStopping(monitor="val_loss", patience=3),
            keras.callbacks.CSVLogger(folder / "log.csv"),
        ],
    )
    print(f"\n{len(history.epoch)} epochs; the best val_digit_accuracy is {max(history.history['val_digit_accuracy']):.3f}")

    again = keras.models.load_model(best)
    test = x[1500:], {name: values[1500:] for name, values in y.items()}
    print(
        "the best model, from the file:",
        {name: round(value, 3) for name, value in again.evaluate(*test, verbose=0, return_dict=True).items()},
    )
    guesses = again.predict(x[-5:], verbose=0)["digit"].argmax(-1)
    print(f"five digits {y['digit'][-5:]} are taken for {guesses}")

    image = keras.Input((64,), name="image")
    gentle = Gentle(image, layers.Dense(10, activation="softmax")(layers.Dense(64, activation="relu")(image)))
    gentle.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = gentle.fit(x[:1500].reshape(-1, 64), y["digit"][:1500], epochs=5, verbose=0)
    print(f"with a train_step of its own: accuracy {history.history['accuracy'][-1]:.3f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder))
