"""Image layers: what the tables cannot say. Distributions, modes, dicts, dtypes, layouts, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import Input, Model, layers
from layergraph.errors import ArgumentError, ShapeError
from layergraph.models import model_from_json

RANGE = {"value_range": (-4, 4)}
# (layer, arguments, {which of the drawn numbers: (its least, its largest value)})
DRAWN = [
    ("RandomRotation", {"factor": (-0.1, 0.2)}, {0: (-36, 72)}),
    ("RandomRotation", {"factor": 0.1}, {0: (-36, 36)}),
    ("RandomZoom", {"height_factor": (-0.5, 0.25), "width_factor": 0.5}, {0: (0.5, 1.25), 1: (0.5, 1.5)}),
    ("RandomTranslation", {"height_factor": 0.5, "width_factor": (0.1, 0.2)}, {0: (-0.5, 0.5), 1: (0.1, 0.2)}),
    ("RandomShear", {"x_factor": (0.1, 0.5), "y_factor": 0.25}, {0: (-0.5, 0.5), 1: (-0.25, 0.25)}),
    ("RandomPerspective", {"scale": 0.5}, {1: (-0.25, 0.25)}),
    ("RandomContrast", {"factor": (0.1, 0.5)}, {0: (0.9, 1.5)}),
    ("RandomContrast", {"factor": 0.5}, {0: (1.0, 1.5)}),
    ("RandomBrightness", {"factor": 0.5}, {0: (-0.5, 0.5)}),
    ("RandomHue", {"factor": 0.5}, {0: (-0.25, 0.25)}),
    ("RandomSaturation", {"factor": (0.2, 0.5)}, {0: (0.25, 1.0)}),
    ("RandomSharpness", {"factor": 0.5}, {0: (0.0, 0.5)}),
    ("RandomColorDegeneration", {"factor": 0.5}, {0: (-0.5, 0.5)}),
    ("Solarization", {"addition_factor": 0.5, "threshold_factor": (0.1, 0.5)}, {0: (0.0, 127.5), 1: (0.1, 127.5)}),
    ("RandomPosterization", {"factor": (3, 6)}, {0: (3, 5)}),
    ("RandomPosterization", {"factor": (3, 3)}, {0: (3, 3)}),
]
CHANCES = [
    ("RandomFlip", {}, 0.5),
    ("RandomGrayscale", {"factor": 0.25}, 0.25),
    ("RandomInvert", {"factor": (0.5, 1.0)}, 0.75),
    ("RandomGaussianBlur", {"factor": 0.5}, 0.25),
    ("RandomErasing", {"factor": (0.8, 0.8)}, 0.8),
    ("RandomPerspective", {"factor": (0.1, 0.3)}, 0.2),
    ("RandomElasticTransform", {"factor": 1.0}, 0.5),
]


def drawn(name, kwargs, count=4000, size=(4, 5)):
    torch.manual_seed(0)
    layer = getattr(layers, name)(**kwargs)
    image = torch.zeros(count, *size, 3)
    layer(image[:1])
    return layer.augment.draw(image.permute(0, 3, 1, 2))


@pytest.mark.parametrize(("name", "kwargs", "bounds"), DRAWN)
def test_drawn_numbers_fill_their_range_image_by_image(name, kwargs, bounds):
    numbers = drawn(name, kwargs)
    for which, (low, high) in bounds.items():
        values = numbers[which].double()
        assert len(values) == 4000
        assert low - 1e-6 <= values.min() <= low + 0.02 * (high - low) + 1e-6
        assert high - 0.02 * (high - low) - 1e-6 <= values.max() <= high + 1e-6
        if high > low and name != "RandomPosterization":
            assert len(values.unique()) > 3900, "a number of its own for each image"
            flat = values.reshape(4000, -1)[:, -1]
            assert abs(torch.corrcoef(torch.stack((flat[:-1], flat[1:])))[0, 1]) < 0.06, "independent of the image before"


@pytest.mark.parametrize(("name", "kwargs", "chance"), CHANCES)
def test_images_are_chosen_with_the_probability(name, kwargs, chance):
    changed = drawn(name, kwargs)[0]
    assert changed.dtype is torch.bool
    assert changed.shape == (4000,)
    assert abs(changed.double().mean() - chance) < 4 * (chance * (1 - chance) / 4000) ** 0.5  # 4 sigma of a binomial law


def test_uniform_numbers_have_their_mean_and_spread():
    values = drawn("RandomBrightness", {"factor": 0.5}, 20_000)[0].double()
    assert abs(values.mean()) < 0.01
    assert abs(values.var() - 1 / 12) < 0.003


def test_a_slant_has_one_sign_and_a_zoom_one_factor_where_it_is_not_given():
    across, down = drawn("RandomShear", {"x_factor": (0.1, 0.5), "y_factor": (0.1, 0.5)})
    assert torch.equal(across > 0, down > 0)
    assert 0.45 < (across > 0).double().mean() < 0.55
    down, across = drawn("RandomZoom", {"height_factor": 0.5})
    assert torch.equal(down, across)


def test_a_crop_is_one_for_a_batch_and_anywhere():
    torch.manual_seed(0)
    image = torch.arange(20.0).reshape(1, 4, 5, 1).expand(3, 4, 5, 1)
    layer = layers.RandomCrop(2, 3)
    seen = set()
    for _ in range(200):
        cut = layer(image)
        assert torch.equal(cut[0], cut[1])
        first = cut[0, 0, 0, 0]
        assert torch.equal(cut[0, :, :, 0], first + torch.tensor([[0.0, 1, 2], [5, 6, 7]]))
        seen.add(int(first))
    assert seen == {0, 1, 2, 5, 6, 7, 10, 11, 12}


def test_a_crop_in_evaluation_is_the_largest_middle_part_resized():
    x = torch.randn(2, 9, 7, 3)
    for size in ((3, 3), (4, 8), (12, 5)):
        crop, resize = layers.RandomCrop(*size).eval(), layers.Resizing(*size, crop_to_aspect_ratio=True)
        assert torch.equal(crop(x), resize(x))


def test_jitter_is_its_parts_in_order():
    torch.manual_seed(0)
    x = torch.rand(4, 3, 5, 6)
    bounds = {"value_range": (0, 1)}
    layer = layers.RandomColorJitter(
        brightness_factor=0.2, contrast_factor=0.3, saturation_factor=(0.3, 0.6), hue_factor=0.1, data_format="channels_first", **bounds
    )
    layer(x)
    numbers = layer.augment.draw(x)
    layer.augment.draw = lambda given: numbers
    wanted = x
    parts = (
        layers.RandomBrightness(0.2, **bounds),
        layers.RandomContrast(0.3, **bounds),
        layers.RandomSaturation((0.3, 0.6), **bounds),
        layers.RandomHue(0.1, **bounds),
    )
    for part, own in zip(parts, numbers, strict=True):
        wanted = part.change().images(wanted, *own)
    assert torch.equal(layer(x), wanted)
    assert not torch.allclose(wanted, x)


def test_rand_augment_runs_the_changes_whose_turn_it_is():
    torch.manual_seed(0)
    x = torch.rand(4, 3, 6, 6)
    change = layers.RandAugment(value_range=(0, 1), num_ops=2).change()
    _, numbers = change.draw(x)
    results = []
    for first, second in [(number, 10 - number) for number in range(11)]:
        y = change.parts[first].images(x, *numbers[first])
        y = change.parts[second].images(y, *numbers[second])
        assert torch.equal(change.images(x, torch.tensor([first, second]), numbers), y)
        results.append(y)
    assert len({y.sum().item() for y in results}) > 5
    counts = torch.bincount(torch.cat([change.draw(x)[0] for _ in range(1500)]), minlength=11)
    assert (counts - 3000 / 11).abs().max() < 5 * (3000 / 11) ** 0.5  # 5 sigma


def test_aug_mix_is_the_weighted_sum_of_its_chains():
    torch.manual_seed(0)
    x = torch.rand(4, 3, 6, 6)
    change = layers.AugMix(value_range=(0, 1), num_chains=2, chain_depth=2).change()
    weights, kept, _, numbers = change.draw(x)
    torch.testing.assert_close(weights.sum(), torch.tensor(1.0))
    assert 0 <= kept <= 1
    none = len(change.parts)
    assert none == 11
    assert len(layers.AugMix(all_ops=False).change().parts) == 7
    steps = torch.tensor([[3, none], [none, none]])  # brightness alone, and nothing
    bright = change.parts[3].images(x, *numbers[0][0][3])
    wanted = kept * x + (1 - kept) * (weights[0] * bright + weights[1] * x)
    torch.testing.assert_close(change.images(x, weights, kept, steps, numbers), wanted.clamp(0, 1))


def test_weights_of_mixing_follow_the_beta_distribution():
    order, weight = drawn("MixUp", {"alpha": 0.5})
    assert sorted(order.tolist()) == list(range(4000))
    assert abs(weight.double().mean() - 0.5) < 0.03
    assert abs(weight.double().var() - 0.125) < 0.01  # 1 / (4 (2 alpha + 1))
    order, box, left = drawn("CutMix", {}, size=(64, 64))
    assert sorted(order.tolist()) == list(range(4000))
    assert (box[0] >= 0).all()
    assert (box[1] <= 64 + 1e-4).all()
    torch.testing.assert_close(left, 1 - (box[1] - box[0]) * (box[3] - box[2]) / 64**2)


def test_erased_boxes_have_their_sizes():
    _, left, right, top, bottom, noise = drawn("RandomErasing", {"scale": (0.04, 0.25)}, size=(10, 20))
    assert noise.shape == (4000, 3, 10, 20)
    for start, end, side in ((left, right, 20), (top, bottom, 10)):
        sizes = (end - start) / side
        assert 0.2 - 1e-5 <= sizes.min() < 0.21
        assert 0.49 < sizes.max() <= 0.5 + 1e-5
        assert start.min() >= 0
        assert end.max() <= side + 1e-4


RANDOM = [
    ("RandomFlip", {}),
    ("RandomRotation", {"factor": 0.3}),
    ("RandomZoom", {"height_factor": 0.3}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.3}),
    ("RandomContrast", {"factor": 0.5, **RANGE}),
    ("RandomBrightness", {"factor": 0.5, **RANGE}),
    ("RandomCrop", {"height": 3, "width": 3}),
    ("CutMix", {}),
    ("RandAugment", RANGE),
    ("AugMix", RANGE),
]


@pytest.mark.parametrize(("name", "kwargs"), RANDOM)
def test_the_mode_is_torchs_and_training_fixes_it_for_a_call(name, kwargs):
    torch.manual_seed(1)
    layer = getattr(layers, name)(**kwargs)
    x = torch.randn(8, 6, 7, 3)
    assert layer.training
    still = layer(x, training=False)
    assert not torch.equal(layer(x), still)
    layer.eval()
    assert torch.equal(layer(x), still)
    assert not torch.equal(layer(x, training=True), still)
    symbol = Input((6, 7, 3))
    always, never = Model(symbol, layer(symbol, training=True)), Model(symbol, layer(symbol, training=False))
    for model in (always, never):
        for mode in (True, False):
            model.train(mode)
            assert torch.equal(model(x), still) is (model is never)
    if name != "RandomCrop":
        assert torch.equal(still, x)


def test_an_image_without_a_batch_is_a_batch_of_one():
    x = torch.randn(6, 7, 3)
    for name, kwargs in [*RANDOM, ("Resizing", {"height": 3, "width": 4}), ("CenterCrop", {"height": 3, "width": 4}), ("AutoContrast", {})]:
        layer = getattr(layers, name)(**kwargs)
        torch.manual_seed(0)
        batch = layer(x[None])[0]
        torch.manual_seed(0)
        assert torch.equal(layer(x), batch), name
        assert layer(Input(batch_shape=(6, 7, 3))).shape == tuple(batch.shape)


@pytest.mark.parametrize(("name", "kwargs"), RANDOM)
def test_channels_first_is_channels_last_moved(name, kwargs):
    x = torch.randn(4, 6, 7, 3)
    torch.manual_seed(2)
    last = getattr(layers, name)(**kwargs)(x)
    torch.manual_seed(2)
    first = getattr(layers, name)(**kwargs, data_format="channels_first")(x.permute(0, 3, 1, 2))
    torch.testing.assert_close(first.permute(0, 2, 3, 1), last)


def test_integers_are_rounded_and_kept_by_resizing_and_cast_by_the_others():
    x = torch.tensor([[0, 255], [255, 0]], dtype=torch.uint8).reshape(1, 2, 2, 1)
    large = layers.Resizing(5, 5, interpolation="bicubic")(x)
    assert large.dtype is torch.uint8
    assert (large.min(), large.max()) == (0, 255)
    middle = layers.Resizing(3, 3)(x)[0, 1, 1]
    assert middle.tolist() == [128]
    assert layers.Resizing(3, 3)(Input((2, 2, 1), dtype="uint8")).dtype == "uint8"
    for name, kwargs in RANDOM:
        assert getattr(layers, name)(**kwargs)(torch.zeros(2, 6, 6, 3, dtype=torch.uint8)).dtype is torch.float32
    assert layers.RandomFlip(dtype="float64")(x).dtype is torch.float64


def test_halves_and_autocast_keep_the_dtype_of_the_images():
    for name, kwargs in [*RANDOM, ("RandomSharpness", {"factor": 0.5}), ("RandomGaussianBlur", {})]:
        layer = getattr(layers, name)(**kwargs, dtype="bfloat16")
        assert layer(torch.randn(2, 6, 6, 3)).dtype is torch.bfloat16, name
        with torch.autocast("cpu", torch.bfloat16):
            assert getattr(layers, name)(**kwargs)(torch.randn(2, 6, 6, 3)).dtype is torch.float32, name


# Dicts


def test_masks_move_with_their_images_by_the_nearest_pixel():
    torch.manual_seed(0)
    image = torch.randint(0, 5, (4, 6, 7, 1)).float()
    for name, kwargs in RANDOM[:4]:
        layer = getattr(layers, name)(**kwargs, **({"interpolation": "nearest"} if name != "RandomFlip" else {}))
        out = layer({"images": image, "segmentation_masks": image.long(), "labels": torch.arange(4)})
        assert torch.equal(out["images"].long(), out["segmentation_masks"]), name
        assert out["segmentation_masks"].dtype is torch.int64
        assert torch.equal(out["labels"], torch.arange(4))
        assert not torch.equal(out["images"], image)
    bright = layers.RandomBrightness((0.5, 0.5), value_range=(0, 10))({"images": image, "segmentation_masks": image})
    assert torch.equal(bright["segmentation_masks"], image)
    assert torch.equal(bright["images"], image + 5)
    small = layers.Resizing(3, 4)({"images": image, "segmentation_masks": image.long()})
    assert small["segmentation_masks"].shape == (4, 3, 4, 1)
    assert set(small["segmentation_masks"].unique().tolist()) <= {0, 1, 2, 3, 4}


@pytest.mark.parametrize("name", ["CutMix", "MixUp"])
def test_labels_are_mixed_as_images_are(name):
    torch.manual_seed(0)
    images = torch.arange(4.0).reshape(4, 1, 1, 1).expand(4, 32, 32, 1).contiguous()
    layer = getattr(layers, name)()
    out = layer({"images": images, "labels": torch.eye(4, dtype=torch.int64)})
    assert out["labels"].dtype is torch.float32
    torch.testing.assert_close(out["labels"].sum(1), torch.ones(4))
    means = out["images"].mean((1, 2, 3))
    # a pixel is in a box or it is not: 1 / 16 of each side at most
    torch.testing.assert_close(out["labels"] @ torch.arange(4.0), means, rtol=0, atol=1e-5 if name == "MixUp" else 0.4)
    assert not torch.equal(out["images"], images)
    layer.eval()
    out = layer({"images": images, "labels": torch.eye(4)})
    assert torch.equal(out["images"], images)
    assert torch.equal(out["labels"], torch.eye(4))
    single = layer({"images": images[0], "labels": torch.eye(4)[0]}, training=True)
    assert single["labels"].shape == (4,)


def test_a_dict_goes_through_a_graph():
    x, y = Input((8, 8, 3), name="x"), Input((5,), name="y")
    mixed = layers.MixUp()({"images": layers.RandomFlip()(x), "labels": y})
    model = Model([x, y], [mixed["images"], mixed["labels"]])
    images, labels = torch.randn(4, 8, 8, 3), torch.eye(5)[:4]
    torch.manual_seed(0)
    out = model(images, labels)
    assert [tuple(each.shape) for each in out] == [(4, 8, 8, 3), (4, 5)]
    torch.testing.assert_close(out[1].sum(1), torch.ones(4))
    again = model_from_json(model.to_json()).train()
    torch.manual_seed(0)
    assert torch.equal(again(images, labels)[1], out[1])
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    assert compiled(images, labels)[0].shape == (4, 8, 8, 3)
    model.eval()
    assert torch.equal(model(images, labels)[0], images)


def test_numpy_arrays_in_a_dict():
    out = layers.MixUp()({"images": np.zeros((2, 4, 4, 3), "uint8"), "labels": np.eye(2)})
    assert out["images"].dtype is out["labels"].dtype is torch.float32


def test_boxes_are_filled_up_and_cut_off_in_a_graph_too():
    boxes = {"boxes": torch.arange(24.0).reshape(2, 3, 4), "labels": torch.tensor([[1, 2, 3], [4, 5, 6]])}
    images = torch.zeros(2, 8, 8, 3)
    few = layers.MaxNumBoundingBoxes(2)({"images": images, "bounding_boxes": boxes})["bounding_boxes"]
    assert torch.equal(few["boxes"], boxes["boxes"][:, :2])
    assert few["labels"].tolist() == [[1, 2], [4, 5]]
    many = layers.MaxNumBoundingBoxes(4, fill_value=-7)({"images": images, "bounding_boxes": boxes})["bounding_boxes"]
    assert many["labels"].tolist() == [[1, 2, 3, -7], [4, 5, 6, -7]]
    assert (many["boxes"][:, 3] == -7).all()
    for count in (3, None):
        image, places, kinds = Input((8, 8, 3)), Input((count, 4)), Input((count,), dtype="int64")
        out = layers.MaxNumBoundingBoxes(4, fill_value=-7)({"images": image, "bounding_boxes": {"boxes": places, "labels": kinds}})
        found = out["bounding_boxes"]
        assert (found["boxes"].shape, found["labels"].shape) == ((None, 4, 4), (None, 4))
        model = Model([image, places, kinds], [found["boxes"], found["labels"]])
        got = model(images, boxes["boxes"], boxes["labels"])
        assert torch.equal(got[0], many["boxes"])
        assert torch.equal(got[1], many["labels"])


# Refusals


def test_bounding_boxes_are_refused_with_what_does_them():
    layer = layers.RandomFlip(name="flip")
    with pytest.raises(ArgumentError) as caught:
        layer({"images": torch.zeros(1, 4, 4, 3), "bounding_boxes": {}})
    assert (caught.value.what, caught.value.fix) == (
        "RandomFlip 'flip' does not move bounding boxes with their images",
        "use torchvision.transforms.v2 with torchvision.tv_tensors.BoundingBoxes, in the Dataset",
    )
    layer(torch.zeros(1, 4, 4, 3))
    with pytest.raises(ArgumentError, match="does not move bounding boxes"):
        layer({"images": torch.zeros(1, 4, 4, 3), "bounding_boxes": {}})
    with pytest.raises(ArgumentError) as caught:
        layers.RandomZoom(0.2, bounding_box_format="xyxy")
    assert str(caught.value).splitlines()[0] == (
        "RandomZoom: `bounding_box_format` can only be None here, got 'xyxy': bounding boxes are not moved with their images; "
        "use torchvision.transforms.v2 with torchvision.tv_tensors.BoundingBoxes, in the Dataset"
    )
    with pytest.raises(ArgumentError) as caught:
        layer({"image": torch.zeros(1, 4, 4, 3)})
    assert (caught.value.what, caught.value.fix) == (
        "RandomFlip 'flip': a dict must have 'images', got ['image']",
        "write layer({'images': x, 'labels': y})",
    )


def test_what_is_said_of_a_wrong_shape():
    with pytest.raises(ShapeError) as caught:
        layers.Resizing(2, 2, name="resize")(Input((8,)))
    assert caught.value.what == (
        "Resizing 'resize': takes images of 4 axes, (batch, height, width, channels), or one of 3, got shape (None, 8)"
    )
    with pytest.raises(ShapeError) as caught:
        layers.RandomHue(0.2, name="hue")(Input((3, 8, 8)))
    assert (caught.value.what, caught.value.fix) == (
        "RandomHue 'hue': takes images of 3 channels, red, green and blue, got shape (None, 3, 8, 8)",
        "with data_format='channels_first' the channels are another axis",
    )


# Configs and graphs


def test_keras_configs_are_read():
    config = {"factor": [-0.2, 0.2], "data_format": "channels_last", "value_range": [0, 255], "seed": None, "name": "b", "trainable": True}
    layer = layers.RandomBrightness.from_config(config)
    assert {name: layer.get_config()[name] for name in config} == config
    shear = layers.RandomShear.from_config({"x_factor": [-0.2, 0.2], "y_factor": [-0.1, 0.1]})
    assert (shear.x_factor, shear.y_factor) == ((-0.2, 0.2), (-0.1, 0.1))
    text = json.dumps(layers.RandomErasing(fill_value=(1, 2, 3), seed=4).get_config())
    assert layers.RandomErasing.from_config(json.loads(text)).fill_value == (1, 2, 3)
    assert "bounding_box_format" not in text


def test_a_network_with_augmentation_trains_compiles_and_is_stock_but_for_it():
    image = Input((16, 16, 3))
    y = layers.RandomFlip("horizontal")(image)
    y = layers.RandomRotation(0.1)(y)
    y = layers.RandomContrast(0.2, value_range=(0, 1))(y)
    y = layers.Resizing(8, 8)(y)
    y = layers.Conv2D(4, 3, activation="relu")(y)
    model = Model(image, layers.Dense(2)(layers.Flatten()(y)))
    x = torch.rand(4, 16, 16, 3)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    compiled(x).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.eval()
    assert torch.equal(model(x), model(x))
    names = [type(module).__name__ for module in model.children()]
    assert names == ["Augment", "Augment", "Augment", "Conv2d", "Linear"]
    assert model.code.count(".permute(") == 2, "in at the top, and out before Flatten"
    assert isinstance(model.conv2d, nn.Conv2d)
    exported = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=2)},))
    torch.testing.assert_close(exported.module()(x[:3]), model(x[:3]))
