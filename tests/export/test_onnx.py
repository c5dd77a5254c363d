import numpy as np
import onnx
import onnxruntime
import pytest

from inksight.errors import EngineError
from inksight.export.onnx import largest_difference, to_onnx
from inksight.models import ACTIVATIONS, NETS, build

RANDOM = np.random.default_rng(0)


def scrambled(net: str, knobs: dict, shape=(28, 28, 1)):
    """A network whose every weight is random, batch normalisation's too: no zeros and ones hide a mistake."""
    model = build(net, shape, 10, knobs, seed=0)
    model.set_weights(
        [RANDOM.uniform(0.1, 0.4, weight.shape) * RANDOM.choice([1.0, -1.0]) for weight in model.get_weights()]
    )
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma, beta, mean, abs(variance) + 0.5])
    return model


def pictures(count: int, shape=(28, 28, 1)) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, *shape), np.uint8)


@pytest.mark.parametrize("net", NETS)
def test_every_network_is_equal_in_plain_onnx_runtime(net):
    model = scrambled(net, {})
    images = pictures(64)
    content = to_onnx(model, {}).SerializeToString()
    assert largest_difference(np.asarray(model(images)), content, images) <= 1e-5


def test_an_ensemble_is_equal_too():
    model = build("compact", (28, 28, 1), 10, {}, seed=0, members=3)
    images = pictures(32)
    content = to_onnx(model, {}).SerializeToString()
    assert largest_difference(np.asarray(model(images)), content, images) <= 1e-5
    names = [node.name for node in onnx.load_from_string(content).graph.node]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_is_equal(activation):
    model = build(
        "compact", (28, 28, 3), 10, {"activation": activation, "dense_units": 16, "dense_activation": activation}, 0
    )
    images = pictures(16, (28, 28, 3))
    content = to_onnx(model, {}).SerializeToString()
    assert largest_difference(np.asarray(model(images)), content, images) <= 1e-5


@pytest.mark.parametrize("size", [27, 30, 33])
@pytest.mark.parametrize("pool_size", [2, 3])
def test_odd_sizes_and_windows_are_equal(size, pool_size):
    shape = (size, size, 1)
    model = scrambled("tutorial", {"pool_size": pool_size, "kernel_size": 4}, shape)
    images = pictures(16, shape)
    assert largest_difference(np.asarray(model(images)), to_onnx(model, {}).SerializeToString(), images) <= 1e-5


def test_it_takes_any_number_of_pictures_and_names_its_ends():
    session = onnxruntime.InferenceSession(to_onnx(build("strided", (28, 28, 1), 10, {}, 0), {}).SerializeToString())
    (entry,), (exit_,) = session.get_inputs(), session.get_outputs()
    assert (entry.name, entry.type, entry.shape[1:]) == ("images", "tensor(uint8)", [28, 28, 1])
    assert (exit_.name, exit_.type, exit_.shape[1:]) == ("probabilities", "tensor(float)", [10])
    for count in (0, 1, 7):
        assert session.run(None, {"images": pictures(count)})[0].shape == (count, 10)


def test_metadata_travels_in_the_file():
    proto = to_onnx(build("strided", (28, 28, 1), 10, {}, 0), {"classes": '["0"]'})
    again = onnx.load_from_string(proto.SerializeToString())
    assert {item.key: item.value for item in again.metadata_props} == {"classes": '["0"]'}
    assert not any(weight.external_data for weight in again.graph.initializer)


def test_an_unequal_model_is_refused():
    model = build("strided", (28, 28, 1), 10, {}, 0)
    content, images = to_onnx(model, {}).SerializeToString(), pictures(8)
    wrong = np.asarray(model(images)) + 1e-3
    with pytest.raises(EngineError, match="differs from Keras by 0.001 on 8 pictures; at most 1e-05 is allowed"):
        largest_difference(wrong, content, images)


def test_a_layer_without_a_row_is_named():
    import keras

    inputs = keras.Input((8, 8, 1), dtype="uint8")
    model = keras.Model(inputs, keras.layers.Permute((2, 1, 3))(inputs))
    with pytest.raises(
        EngineError,
        match=r"the layer permute\w* is a Permute, which cannot be exported",
    ):
        to_onnx(model, {})


def test_an_activation_without_a_row_is_named():
    import keras

    inputs = keras.Input((8, 8, 1), dtype="uint8")
    hidden = keras.layers.Conv2D(2, 3, activation="mish", name="first")(keras.layers.Rescaling(1 / 255)(inputs))
    with pytest.raises(EngineError, match="the layer first has the activation mish, which cannot be exported to ONNX"):
        to_onnx(keras.Model(inputs, hidden), {})
