"""Trainings with losses, metrics, loaders and step functions of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .trainings import ROWS, Numbers, filled, found, mlp, wave


def added_losses(keras: Any) -> Numbers:
    """`add_loss` in the `call` of a subclassed model, a layer that counts a metric of its own, and nothing compiled but an optimizer."""
    layers, ops = keras.layers, keras.ops

    class Endpoint(layers.Layer):
        def __init__(self, name=None):
            super().__init__(name=name)
            self.seen = keras.metrics.Mean(name="size")

        def call(self, predictions):
            self.seen.update_state(ops.mean(ops.abs(predictions)))
            return predictions

    class AutoEncoder(keras.Model):
        def __init__(self):
            super().__init__()
            self.encode = layers.Dense(3, activation="tanh", kernel_regularizer=keras.regularizers.L2(0.01))
            self.endpoint = Endpoint()
            self.decode = layers.Dense(5)

        def call(self, inputs):
            y = self.decode(self.endpoint(self.encode(inputs)))
            self.add_loss(ops.mean(ops.square(y - inputs)))
            return y

    model = AutoEncoder()
    model(wave(ROWS, 5))
    filled(model)
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    history = model.fit(wave(ROWS, 5), epochs=3, batch_size=5, shuffle=False, verbose=0)
    return found(history, model)


def distiller(keras: Any) -> Numbers:
    """Knowledge distillation: a frozen teacher, `compute_loss` of one's own, `super().compile(optimizer, metrics)`."""
    ops = keras.ops

    class Distiller(keras.Model):
        def __init__(self, student, teacher):
            super().__init__()
            self.teacher = teacher
            self.student = student

        def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
            super().compile(optimizer=optimizer, metrics=metrics)
            self.student_loss_fn = student_loss_fn
            self.distillation_loss_fn = distillation_loss_fn
            self.alpha = alpha
            self.temperature = temperature

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
            teacher_pred = self.teacher(x, training=False)
            student_loss = self.student_loss_fn(y, y_pred)
            distillation_loss = self.distillation_loss_fn(
                ops.nn.softmax(teacher_pred / self.temperature, axis=1), ops.nn.softmax(y_pred / self.temperature, axis=1)
            ) * (self.temperature**2)
            return self.alpha * student_loss + (1 - self.alpha) * distillation_loss

        def call(self, x):
            return self.student(x)

    student, teacher = mlp(keras, 5, 3, 3), mlp(keras, 5, 7, 3)
    teacher.trainable = False
    model = Distiller(student=student, teacher=teacher)
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
        student_loss_fn=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        distillation_loss_fn=keras.losses.KLDivergence(),
        alpha=0.1,
        temperature=10,
    )
    x, y = wave(ROWS, 5), np.arange(ROWS) % 3
    history = model.fit(x, y, epochs=3, batch_size=5, shuffle=False, verbose=0)
    return found(history, student, teacher, evaluated=model.evaluate(x, y, verbose=0))


def simsiam(keras: Any) -> Numbers:
    """Two views from a loader, a predictor, gradients stopped on one side."""
    ops = keras.ops

    def compute_loss(p, z):
        z = ops.stop_gradient(z)
        p = ops.normalize(p, axis=1, order=2)
        z = ops.normalize(z, axis=1, order=2)
        return -ops.mean(ops.sum((p * z), axis=1))

    class SimSiam(keras.Model):
        def __init__(self, encoder, predictor):
            super().__init__()
            self.encoder = encoder
            self.predictor = predictor
            self.loss_tracker = keras.metrics.Mean(name="loss")
            self.built = True

        @property
        def metrics(self):
            return [self.loss_tracker]

        def train_step(self, data):
            ds_one, ds_two = data
            self.zero_grad()
            z1, z2 = self.encoder(ds_one), self.encoder(ds_two)
            p1, p2 = self.predictor(z1), self.predictor(z2)
            loss = compute_loss(p1, z2) / 2 + compute_loss(p2, z1) / 2
            loss.backward()
            learnable_params = self.encoder.trainable_variables + self.predictor.trainable_variables
            gradients = [v.value.grad for v in learnable_params]
            with torch.no_grad():
                self.optimizer.apply_gradients(zip(gradients, learnable_params, strict=True))
            self.loss_tracker.update_state(loss)
            return {"loss": self.loss_tracker.result()}

    encoder, predictor = mlp(keras, 5, 6, 4), mlp(keras, 4, 3, 4)
    model = SimSiam(encoder, predictor)
    model.compile(optimizer=keras.optimizers.SGD(0.03, momentum=0.6))
    views = torch.utils.data.TensorDataset(torch.from_numpy(wave(ROWS, 5)), torch.from_numpy(wave(ROWS, 5, speed=1.31)))
    history = model.fit(torch.utils.data.DataLoader(views, batch_size=5), epochs=3, verbose=0)
    return found(history, encoder, predictor)


def semi_supervised(keras: Any) -> Numbers:
    """Batches that are no (x, y): a dict of labelled and unlabelled samples, more of one than of the other."""

    class Pairs(torch.utils.data.IterableDataset):
        def __iter__(self):
            for i in range(3):
                labelled = torch.from_numpy(wave(4, 5, shift=i)), torch.from_numpy(wave(4, 2, shift=i + 1))
                yield {"labelled": labelled, "unlabelled": torch.from_numpy(wave(7, 5, shift=i + 2))}

    class Consistent(keras.Model):
        def train_step(self, data):
            x, y = data["labelled"]
            self.zero_grad()
            y_pred = self(x, training=True)
            free = self(data["unlabelled"], training=True)
            loss = self.loss_fn(y, y_pred) + 0.1 * free.square().mean()
            loss.backward()
            weights = self.trainable_weights
            with torch.no_grad():
                self.optimizer.apply([v.value.grad for v in weights], weights)
            return {"total": loss}

    model = mlp(keras, 5, 4, 2, kind=Consistent)
    model.loss_fn = keras.losses.MeanSquaredError()
    model.compile("adam")
    return found(model.fit(torch.utils.data.DataLoader(Pairs(), batch_size=None), epochs=2, verbose=0), model)


def accumulated(keras: Any) -> Numbers:
    """Gradients accumulated by hand, in non-trainable weights, over `n_gradients` batches."""

    class Accumulating(keras.Model):
        def __init__(self, *args, n_gradients=2, **kwargs):
            super().__init__(*args, **kwargs)
            self.n_gradients = n_gradients
            self.n_acum_step = 0
            self.gradient_accumulation = None

        def train_step(self, data):
            if self.gradient_accumulation is None:
                self.gradient_accumulation = [np.zeros(v.shape, "float32") for v in self.trainable_weights]
            x, y = data
            self.n_acum_step += 1
            self.zero_grad()
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
            loss.backward()
            for kept, v in zip(self.gradient_accumulation, self.trainable_weights, strict=True):
                kept += v.value.grad.numpy() / self.n_gradients
            if self.n_acum_step % self.n_gradients == 0:
                with torch.no_grad():
                    self.optimizer.apply([torch.from_numpy(kept) for kept in self.gradient_accumulation], self.trainable_weights)
                for kept in self.gradient_accumulation:
                    kept[:] = 0
            return self.compute_metrics(x, y, y_pred)

    inputs = keras.Input(shape=(5,))
    x = keras.layers.Dense(4, activation="tanh")(inputs)
    model = filled(Accumulating(inputs, keras.layers.Dense(1)(x)))
    model.compile(keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    return found(model.fit(wave(ROWS, 5), wave(ROWS, 1), epochs=3, batch_size=3, shuffle=False, verbose=0), model)


def extra_term(keras: Any) -> Numbers:
    """`compute_loss` with a term of its own on top of `super()`'s, without the argument `training`, in a subclassed model."""
    layers = keras.layers

    class Sparse(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = layers.Dense(6, activation="relu")
            self.head = layers.Dense(2)
            self.extra = keras.metrics.Mean(name="extra")

        def call(self, inputs, training=False):
            return self.head(self.hidden(inputs))

        def compute_loss(self, x, y, y_pred, sample_weight):
            loss = super().compute_loss(x, y, y_pred, sample_weight)
            extra = 0.01 * keras.ops.sum(keras.ops.abs(self.hidden(x)))
            self.extra.update_state(extra)
            return loss + extra

    model = Sparse()
    model(wave(ROWS, 5))
    filled(model)
    model.compile("sgd", loss="huber", metrics=["mae"], weighted_metrics=["mse"])
    x, y = wave(ROWS, 5), wave(ROWS, 2, shift=1)
    history = model.fit(x, y, sample_weight=1.1 + wave(ROWS), epochs=3, batch_size=5, shuffle=False, verbose=0, validation_data=(x, y))
    batch = [model.train_on_batch(x[:4], y[:4], return_dict=True)[name] for name in ("loss", "mae", "extra")]
    return found(history, model, batch=batch, evaluated=model.evaluate(x, y, verbose=0))


def own_metrics_alone(keras: Any) -> Numbers:
    """`compute_metrics` and `get_metrics_result` of one's own, over two outputs with a loss each."""
    layers = keras.layers

    class Judged(keras.Model):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            results = super().compute_metrics(x, y, y_pred, sample_weight)
            results["spread"] = keras.ops.std(y_pred[0])
            return results

        def get_metrics_result(self):
            return {**super().get_metrics_result(), "constant": 2}

    inputs = keras.Input(shape=(5,))
    x = layers.Dense(4, activation="tanh")(inputs)
    model = filled(Judged(inputs, [layers.Dense(2, name="a")(x), layers.Dense(1, name="b")(x)]))
    model.compile("adam", loss=["mse", "mae"], loss_weights=[1.0, 0.5], metrics=[["mae"], None])
    y = [wave(ROWS, 2), wave(ROWS, 1)]
    return found(model.fit(wave(ROWS, 5), y, epochs=2, batch_size=5, shuffle=False, verbose=0), model)


def sequential(keras: Any) -> Numbers:
    """A Sequential's subclass that asks `super()` for the step, and counts."""

    class Counting(keras.Sequential):
        def train_step(self, data):
            logs = super().train_step(data)
            self.done = getattr(self, "done", 0) + 1
            return {**logs, "done": float(self.done)}

        def test_step(self, data):
            return {**super().test_step(data), "twice": 2.0}

        def predict_step(self, data):
            return super().predict_step(data) * 2.0

    layers = keras.layers
    model = filled(Counting([keras.Input((5,)), layers.Dense(4, activation="tanh"), layers.BatchNormalization(), layers.Dense(3)]))
    model.compile("rmsprop", loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1), metrics=["accuracy"])
    x, y = wave(ROWS, 5), np.eye(3, dtype="float32")[np.arange(ROWS) % 3]
    history = model.fit(x, y, epochs=2, batch_size=4, shuffle=False, verbose=0)
    evaluated = model.evaluate(x, y, verbose=0, return_dict=True)
    trained = model.get_weights()[:4] + model.get_weights()[6:]  # but for the moving statistics, which are torch's
    weights = {f"weights.0.{i}": w for i, w in enumerate(trained)}
    return found(history, **weights, evaluated_names=sorted(evaluated))


def train_functions(keras: Any) -> Numbers:
    """`make_train_function` and `make_test_function` of one's own."""

    class Made(keras.Model):
        def make_train_function(self, force=False):
            if self.train_function is not None and not force:
                return self.train_function

            def one_step_on_data(data):
                (data,) = data
                return {**self.train_step(data), "made": 1.0}

            self.train_function = one_step_on_data
            return self.train_function

        def make_test_function(self, force=False):
            super().make_test_function(force)
            inner = self.test_function

            def twice(data):
                inner(data)
                return inner(data)

            self.test_function = twice

    model = mlp(keras, 5, 4, 2, kind=Made)
    model.compile("adam", loss="mse", metrics=["mse"])
    x, y = wave(ROWS, 5), wave(ROWS, 2, shift=1)
    return found(model.fit(x, y, epochs=3, batch_size=5, shuffle=False, verbose=0, validation_data=(x[:5], y[:5])), model)


def averaged(keras: Any) -> Numbers:
    """A second network that follows the first by `assign`, as diffusion models and momentum encoders have it."""

    class Averaging(keras.Model):
        def __init__(self, network, follower):
            super().__init__()
            self.network = network
            self.ema_network = follower
            self.built = True

        def train_step(self, data):
            x, y = data
            self.zero_grad()
            loss = self.loss_fn(y, self.network(x, training=True))
            loss.backward()
            with torch.no_grad():
                weights = self.network.trainable_weights
                self.optimizer.apply([v.value.grad for v in weights], weights)
                for weight, ema_weight in zip(self.network.weights, self.ema_network.weights, strict=True):
                    ema_weight.assign(0.9 * ema_weight + 0.1 * weight)
                self.network.weights[-1].assign_add(keras.ops.ones_like(self.network.weights[-1]) * 0.01)
            return {"loss": loss}

    network, follower = mlp(keras, 5, 4, 2), mlp(keras, 5, 4, 2)
    follower.trainable = False
    model = Averaging(network, follower)
    model.loss_fn = keras.losses.MeanSquaredError()
    model.compile("sgd")
    history = model.fit(wave(ROWS, 5), wave(ROWS, 2), epochs=3, batch_size=5, shuffle=False, verbose=0)
    return found(history, network, follower)


def masked_steps(keras: Any) -> Numbers:
    """Tokens that count and tokens that do not, under a step of one's own."""
    layers = keras.layers

    class Custom(keras.Model):
        def train_step(self, data):
            x, y = data
            self.zero_grad()
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
            loss.backward()
            weights = self.trainable_weights
            with torch.no_grad():
                self.optimizer.apply([v.value.grad for v in weights], weights)
            return {"loss": loss}

    tokens = keras.Input((6,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(tokens)
    x = layers.LSTM(5, return_sequences=True)(x)
    model = filled(Custom(tokens, layers.Dense(3, activation="softmax")(x)))
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.arange(ROWS * 6).reshape(ROWS, 6) * 5 % 8 + 1
    x[0, 2:] = x[3, 4:] = x[7, 1:] = 0
    y = np.arange(ROWS * 6).reshape(ROWS, 6) % 3
    history = model.fit(x, y, epochs=2, batch_size=4, shuffle=False, verbose=0)
    return found(history, model, evaluated=model.evaluate(x, y, verbose=0))


def adversaries(keras: Any) -> Numbers:
    """The older GAN: a discriminator that is frozen within the combined model, both trained by `train_on_batch`."""
    discriminator = mlp(keras, 4, 5, 1, last="sigmoid")
    discriminator.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
    generator = mlp(keras, 3, 5, 4)
    z = keras.Input((3,))
    discriminator.trainable = False
    combined = keras.Model(z, discriminator(generator(z)))
    combined.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy")
    losses = []
    for step in range(4):
        noise = wave(6, 3, shift=step)
        discriminator.trainable = True
        real = discriminator.train_on_batch(wave(6, 4, shift=step), np.ones((6, 1), "float32"))
        fake = discriminator.train_on_batch(generator.predict(noise, verbose=0), np.zeros((6, 1), "float32"))
        discriminator.trainable = False
        losses.append([*real, *fake, combined.train_on_batch(noise, np.ones((6, 1), "float32"))])
    weights = {f"weights.{i}": w for i, w in enumerate(combined.get_weights())}
    return {"losses": np.array(losses, "float64"), **weights}


TRAININGS = (
    added_losses,
    distiller,
    simsiam,
    semi_supervised,
    accumulated,
    extra_term,
    own_metrics_alone,
    sequential,
    train_functions,
    averaged,
    masked_steps,
    adversaries,
)
