"""The classic Keras listings, with the import line changed and nothing else.

    python examples/functional.py

Five short models; each prints what it shows. All of them are ordinary PyTorch modules.
"""

from __future__ import annotations

import numpy as np
import torch

from layergraph import Input, Model, Sequential
from layergraph.layers import LSTM, Add, Concatenate, Conv2D, Dense


def title(text: str) -> None:
    print(f"\n== {text} " + "=" * max(0, 90 - len(text)))


def sequential_mlp() -> None:
    title("1. A stack of layers")
    model = Sequential(
        [
            Dense(64, activation="relu", input_shape=(784,)),
            Dense(32, activation="relu"),
            Dense(10, activation="softmax"),
        ]
    )
    probabilities = model(torch.rand(3, 784))
    print("output", tuple(probabilities.shape), "rows sum to", [round(total, 4) for total in probabilities.sum(1).tolist()])
    print("state_dict:", *model.state_dict())


def functional_mlp() -> Model:
    title("2. The same network, functional")
    inputs = Input(shape=(784,))
    x = Dense(64, activation="relu")(inputs)
    x = Dense(32, activation="relu")(x)
    outputs = Dense(10, activation="softmax")(x)
    model = Model(inputs=inputs, outputs=outputs)
    model.summary()
    print(model.code.strip())
    return model


def residual_block() -> None:
    title("3. A residual block, and its classic pitfall")
    input_img = Input(shape=(32, 32, 3))
    x = Conv2D(32, 3, activation="relu", padding="same")(input_img)
    x = Conv2D(32, 3, activation="relu", padding="same")(x)
    skip = Conv2D(32, 1, padding="same")(input_img)
    output = Add()([skip, x])
    model = Model(inputs=input_img, outputs=output)
    print("images", (8, 32, 32, 3), "->", tuple(model(torch.rand(8, 32, 32, 3)).shape))
    print(model.code.strip())

    print("\nWithout the projection, 3 channels meet 32:")
    try:
        Add()([input_img, x])
    except ValueError as error:
        print(f"{type(error).__name__}: {error}")


def two_inputs() -> None:
    title("4. Two inputs, one of them a sequence, trained by fit")
    profile = Input(shape=(10,), name="profile_data")
    activity = Input(shape=(20, 5), name="activity_data")
    merged = Concatenate()([Dense(16, activation="relu")(profile), LSTM(16)(activity)])
    prediction = Dense(1, activation="sigmoid", name="prediction")(merged)
    model = Model(inputs=[profile, activity], outputs=prediction)

    rng = np.random.default_rng(0)
    profiles = rng.normal(size=(512, 10)).astype("float32")
    activities = rng.normal(size=(512, 20, 5)).astype("float32")
    bought = (profiles[:, :1] + activities[:, :, :1].mean(1) > 0).astype("float32")

    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit([profiles, activities], bought, epochs=10, batch_size=32, verbose=0)
    print("by a list:", *(f"{name} {values[0]:.3f} -> {values[-1]:.3f}" for name, values in history.history.items()))
    history = model.fit({"profile_data": profiles, "activity_data": activities}, bought, epochs=1, verbose=0)
    print("by a dict:", *(f"{name} {values[-1]:.3f}" for name, values in history.history.items()))


def feature_extractor(model: Model) -> None:
    title("5. A feature extractor: another graph over the same weights")
    extractor = Model(inputs=model.inputs, outputs=model.layers[2].output)
    print("features", extractor.predict(np.random.default_rng(0).random((4, 784), dtype="float32"), verbose=0).shape)
    whole, part = model.state_dict(), extractor.state_dict()
    shared = all(part[key].data_ptr() == whole[key].data_ptr() for key in part)
    print(f"its {len(part)} weights are among the model's {len(whole)}, in the same memory: {shared}")


def main() -> None:
    torch.manual_seed(0)
    sequential_mlp()
    model = functional_mlp()
    residual_block()
    two_inputs()
    feature_extractor(model)


if __name__ == "__main__":
    main()
