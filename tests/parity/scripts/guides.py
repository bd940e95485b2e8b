"""Trainings as the guides and examples of Keras's torch backend write them: GANs, an autoencoder, weights of samples.

What is random in the originals (noise, views) is fixed here, so that the numbers are one package's as the other's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .trainings import ROWS, Numbers, filled, found, mlp, wave


def guide(keras: Any) -> Numbers:
    """The guide's first example."""

    class CustomModel(keras.Model):
        def train_step(self, data):
            x, y = data
            self.zero_grad()
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
            loss.backward()
            trainable_weights = [v for v in self.trainable_weights]  # noqa: C416
            gradients = [v.value.grad for v in trainable_weights]
            with torch.no_grad():
                self.optimizer.apply(gradients, trainable_weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    model = mlp(keras, 5, 4, 2, kind=CustomModel)
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    history = model.fit(wave(ROWS, 5), wave(ROWS, 2, shift=1), epochs=4, batch_size=5, shuffle=False, verbose=0)
    return found(history, model, evaluated=model.evaluate(wave(ROWS, 5), wave(ROWS, 2), verbose=0))


def guide_low_level(keras: Any) -> Numbers:
    """The guide's second: own trackers, and `compile` without loss or metrics."""

    class CustomModel(keras.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.loss_tracker = keras.metrics.Mean(name="loss")
            self.mae_metric = keras.metrics.MeanAbsoluteError(name="mae")
            self.loss_fn = keras.losses.MeanSquaredError()

        def train_step(self, data):
            x, y = data
            self.zero_grad()
            y_pred = self(x, training=True)
            loss = self.loss_fn(y, y_pred)
            loss.backward()
            trainable_weights = [v for v in self.trainable_weights]  # noqa: C416
            gradients = [v.value.grad for v in trainable_weights]
            with torch.no_grad():
                self.optimizer.apply(gradients, trainable_weights)
            self.loss_tracker.update_state(loss)
            self.mae_metric.update_state(y, y_pred)
            return {"loss": self.loss_tracker.result(), "mae": self.mae_metric.result()}

        @property
        def metrics(self):
            return [self.loss_tracker, self.mae_metric]

    inputs = keras.Input(shape=(5,))
    model = filled(CustomModel(inputs, keras.layers.Dense(1)(inputs)))
    model.compile(optimizer="adam")
    history = model.fit(wave(ROWS, 5), wave(ROWS, 1, shift=1), epochs=5, batch_size=4, shuffle=False, verbose=0)
    return found(history, model)


def guide_weights(keras: Any) -> Numbers:
    """The guide's third: sample weights and class weights."""

    class CustomModel(keras.Model):
        def train_step(self, data):
            if len(data) == 3:
                x, y, sample_weight = data
            else:
                sample_weight = None
                x, y = data
            self.zero_grad()
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=sample_weight)
            loss.backward()
            trainable_weights = [v for v in self.trainable_weights]  # noqa: C416
            gradients = [v.value.grad for v in trainable_weights]
            with torch.no_grad():
                self.optimizer.apply(gradients, trainable_weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred, sample_weight=sample_weight)
            return {m.name: m.result() for m in self.metrics}

    model = mlp(keras, 5, 4, 3, last="softmax", kind=CustomModel)
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    x, y = wave(ROWS, 5), np.arange(ROWS) % 3
    first = model.fit(x, y, sample_weight=1.2 + wave(ROWS), epochs=2, batch_size=5, shuffle=False, verbose=0)
    second = model.fit(x, y, class_weight={0: 1.0, 1: 2.0, 2: 0.5}, epochs=2, batch_size=5, shuffle=False, verbose=0)
    return found(second, model, first=first.history["loss"])


def guide_test_step(keras: Any) -> Numbers:
    """The guide's own evaluation step alone."""

    class CustomModel(keras.Model):
        def test_step(self, data):
            x, y = data
            y_pred = self(x, training=False)
            loss = self.compute_loss(y=y, y_pred=y_pred)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    model = mlp(keras, 5, 3, 1, kind=CustomModel)
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    x, y = wave(ROWS, 5), wave(ROWS, 1, shift=2)
    history = model.fit(x, y, epochs=3, batch_size=5, shuffle=False, verbose=0, validation_data=(x[:7], y[:7]))
    return found(history, model, evaluated=model.evaluate(x, y, verbose=0, batch_size=5))


def gan(keras: Any) -> Numbers:
    """The guide's end to end GAN."""
    layers, ops = keras.layers, keras.ops

    class GAN(keras.Model):
        def __init__(self, discriminator, generator, latent_dim):
            super().__init__()
            self.discriminator = discriminator
            self.generator = generator
            self.latent_dim = latent_dim
            self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
            self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
            self.built = True

        @property
        def metrics(self):
            return [self.d_loss_tracker, self.g_loss_tracker]

        def compile(self, d_optimizer, g_optimizer, loss_fn):
            super().compile()
            self.d_optimizer = d_optimizer
            self.g_optimizer = g_optimizer
            self.loss_fn = loss_fn

        def train_step(self, real_images):
            if isinstance(real_images, tuple):
                real_images = real_images[0]
            batch_size = real_images.shape[0]
            random_latent_vectors = torch.from_numpy(wave(batch_size, self.latent_dim))
            generated_images = self.generator(random_latent_vectors)
            combined_images = ops.concatenate([generated_images.detach(), real_images], axis=0)
            labels = ops.concatenate([ops.ones((batch_size, 1)), ops.zeros((batch_size, 1))], axis=0)
            labels += 0.05 * torch.from_numpy(wave(*labels.shape) ** 2)

            self.zero_grad()
            predictions = self.discriminator(combined_images)
            d_loss = self.loss_fn(labels, predictions)
            d_loss.backward()
            grads = [v.value.grad for v in self.discriminator.trainable_weights]
            with torch.no_grad():
                self.d_optimizer.apply(grads, self.discriminator.trainable_weights)

            random_latent_vectors = torch.from_numpy(wave(batch_size, self.latent_dim, shift=1))
            misleading_labels = ops.zeros((batch_size, 1))
            self.zero_grad()
            predictions = self.discriminator(self.generator(random_latent_vectors))
            g_loss = self.loss_fn(misleading_labels, predictions)
            g_loss.backward()
            grads = [v.value.grad for v in self.generator.trainable_weights]
            with torch.no_grad():
                self.g_optimizer.apply(grads, self.generator.trainable_weights)

            self.d_loss_tracker.update_state(d_loss)
            self.g_loss_tracker.update_state(g_loss)
            return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}

    discriminator = filled(
        keras.Sequential(
            [
                keras.Input(shape=(8, 8, 1)),
                layers.Conv2D(4, (3, 3), strides=(2, 2), padding="same"),
                layers.LeakyReLU(negative_slope=0.2),
                layers.GlobalMaxPooling2D(),
                layers.Dense(1),
            ],
            name="discriminator",
        )
    )
    generator = filled(
        keras.Sequential(
            [
                keras.Input(shape=(3,)),
                layers.Dense(2 * 2 * 3),
                layers.LeakyReLU(negative_slope=0.2),
                layers.Reshape((2, 2, 3)),
                layers.Conv2DTranspose(4, (4, 4), strides=(2, 2), padding="same"),
                layers.LeakyReLU(negative_slope=0.2),
                layers.Conv2DTranspose(4, (4, 4), strides=(2, 2), padding="same"),
                layers.Conv2D(1, (3, 3), padding="same", activation="sigmoid"),
            ],
            name="generator",
        )
    )
    model = GAN(discriminator=discriminator, generator=generator, latent_dim=3)
    model.compile(
        d_optimizer=keras.optimizers.Adam(learning_rate=0.003),
        g_optimizer=keras.optimizers.Adam(learning_rate=0.003, beta_1=0.5),
        loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    history = model.fit(wave(ROWS, 8, 8, 1) ** 2, epochs=2, batch_size=4, shuffle=False, verbose=0)
    return found(history, discriminator, generator)


def wgan_gp(keras: Any) -> Numbers:
    """Wasserstein GAN: several critic steps for one of the generator, and a gradient penalty."""

    class WGAN(keras.Model):
        def __init__(self, discriminator, generator, latent_dim, discriminator_extra_steps=2, gp_weight=10.0):
            super().__init__()
            self.discriminator = discriminator
            self.generator = generator
            self.latent_dim = latent_dim
            self.d_steps = discriminator_extra_steps
            self.gp_weight = gp_weight
            self.built = True

        def compile(self, d_optimizer, g_optimizer, d_loss_fn, g_loss_fn):
            super().compile()
            self.d_optimizer = d_optimizer
            self.g_optimizer = g_optimizer
            self.d_loss_fn = d_loss_fn
            self.g_loss_fn = g_loss_fn

        def gradient_penalty(self, batch_size, real_images, fake_images):
            alpha = 0.5 + 0.4 * torch.from_numpy(wave(batch_size, 1))
            interpolated = (real_images + alpha * (fake_images - real_images)).requires_grad_(True)
            pred = self.discriminator(interpolated, training=True)
            (grads,) = torch.autograd.grad(pred.sum(), interpolated, create_graph=True)
            norm = grads.square().sum(1).sqrt()
            return ((norm - 1.0) ** 2).mean()

        def train_step(self, real_images):
            batch_size = real_images.shape[0]
            for i in range(self.d_steps):
                fake_images = self.generator(torch.from_numpy(wave(batch_size, self.latent_dim, shift=i)), training=True).detach()
                self.zero_grad()
                fake_logits = self.discriminator(fake_images, training=True)
                real_logits = self.discriminator(real_images, training=True)
                d_cost = self.d_loss_fn(real_img=real_logits, fake_img=fake_logits)
                gp = self.gradient_penalty(batch_size, real_images, fake_images)
                d_loss = d_cost + gp * self.gp_weight
                d_loss.backward()
                with torch.no_grad():
                    weights = self.discriminator.trainable_weights
                    self.d_optimizer.apply([v.value.grad for v in weights], weights)
            self.zero_grad()
            generated_images = self.generator(torch.from_numpy(wave(batch_size, self.latent_dim, shift=9)), training=True)
            g_loss = self.g_loss_fn(self.discriminator(generated_images, training=True))
            g_loss.backward()
            with torch.no_grad():
                weights = self.generator.trainable_variables
                self.g_optimizer.apply_gradients(zip([v.value.grad for v in weights], weights, strict=True))
            return {"d_loss": d_loss, "g_loss": g_loss}

    critic, generator = mlp(keras, 4, 6, 1), mlp(keras, 3, 6, 4)
    model = WGAN(critic, generator, 3)
    model.compile(
        d_optimizer=keras.optimizers.Adam(learning_rate=0.002, beta_1=0.5, beta_2=0.9),
        g_optimizer=keras.optimizers.Adam(learning_rate=0.002, beta_1=0.5, beta_2=0.9),
        d_loss_fn=lambda real_img, fake_img: fake_img.mean() - real_img.mean(),
        g_loss_fn=lambda fake_img: -fake_img.mean(),
    )
    history = model.fit(wave(ROWS, 4), batch_size=4, epochs=3, shuffle=False, verbose=0)
    return found(history, critic, generator)


def vae(keras: Any) -> Numbers:
    """A variational autoencoder with three trackers, and a sampling layer that adds its divergence to the losses."""
    layers, ops = keras.layers, keras.ops

    class Sampling(layers.Layer):
        def call(self, inputs):
            z_mean, z_log_var = inputs
            epsilon = torch.from_numpy(wave(*z_mean.shape))
            return z_mean + ops.exp(0.5 * z_log_var) * epsilon

    class VAE(keras.Model):
        def __init__(self, encoder, decoder, **kwargs):
            super().__init__(**kwargs)
            self.encoder = encoder
            self.decoder = decoder
            self.total_loss_tracker = keras.metrics.Mean(name="total_loss")
            self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction_loss")
            self.kl_loss_tracker = keras.metrics.Mean(name="kl_loss")

        def call(self, inputs):
            return self.decoder(self.encoder(inputs)[2])

        @property
        def metrics(self):
            return [self.total_loss_tracker, self.reconstruction_loss_tracker, self.kl_loss_tracker]

        def train_step(self, data):
            self.zero_grad()
            z_mean, z_log_var, z = self.encoder(data)
            reconstruction = self.decoder(z)
            reconstruction_loss = ops.mean(ops.sum(keras.losses.binary_crossentropy(data, reconstruction)[:, None], axis=1))
            kl_loss = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
            kl_loss = ops.mean(ops.sum(kl_loss, axis=1))
            total_loss = reconstruction_loss + kl_loss
            total_loss.backward()
            trainable_weights = self.trainable_weights
            with torch.no_grad():
                self.optimizer.apply([v.value.grad for v in trainable_weights], trainable_weights)
            self.total_loss_tracker.update_state(total_loss)
            self.reconstruction_loss_tracker.update_state(reconstruction_loss)
            self.kl_loss_tracker.update_state(kl_loss)
            return {
                "loss": self.total_loss_tracker.result(),
                "reconstruction_loss": self.reconstruction_loss_tracker.result(),
                "kl_loss": self.kl_loss_tracker.result(),
            }

    inputs = keras.Input(shape=(6,))
    x = layers.Dense(5, activation="relu")(inputs)
    z_mean, z_log_var = layers.Dense(2, name="z_mean")(x), layers.Dense(2, name="z_log_var")(x)
    encoder = filled(keras.Model(inputs, [z_mean, z_log_var, Sampling()([z_mean, z_log_var])], name="encoder"))
    decoder = mlp(keras, 2, 5, 6, last="sigmoid")
    model = VAE(encoder, decoder)
    model.compile(optimizer=keras.optimizers.Adam(0.003))
    history = model.fit(wave(ROWS, 6) ** 2, epochs=3, batch_size=5, shuffle=False, verbose=0)
    return found(history, encoder, decoder)


TRAININGS = (guide, guide_low_level, guide_weights, guide_test_step, gan, wgan_gp, vae)
