"""`inksight.Classifier` has scikit-learn's manners: its own checks, and what people do with it on real digits."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import inksight
from inksight import Classifier
from inksight.errors import UsageError

TINY = {"preset": "tutorial", "filters": 4, "dense_units": 16, "size_px": 8, "epochs": 10, "learning_rate": 0.02}
FAILING = {
    "check_class_weight_classifiers": "class_weight is none or balanced; weights of one's own are not taken",
}


@pytest.mark.parametrize(
    "estimator, check",
    list(estimator_checks_generator(Classifier(**TINY), expected_failed_checks=FAILING, mark="xfail")),
    ids=lambda each: each.func.__name__ if hasattr(each, "func") else "",
)
@pytest.mark.slow
def test_a_check_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def fitted(small_mnist):
    train = small_mnist.train
    return Classifier(least_steps=150).fit(train.images, np.array(list("abcdefghij"))[train.labels])


def test_it_reads_digits_in_any_layout(small_mnist, fitted):
    """Pictures, flat rows, floats of any range: the same network comes of it."""
    train, test = small_mnist.train, small_mnist.test
    letters = np.array(list("abcdefghij"))[test.labels]
    assert fitted.score(test.images, letters) > 0.9
    assert fitted.classes_.tolist() == list("abcdefghij")
    assert (fitted.n_features_in_, fitted.shape_) == (784, (28, 28))
    expected = fitted.predict_proba(test.images)
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(fitted.predict_proba(test.images.reshape(-1, 784)), expected)
    np.testing.assert_array_equal(fitted.predict_proba(test.images[..., None]), expected)
    np.testing.assert_array_equal(fitted.predict_proba(test.images.astype(np.float64)), expected)
    other = Classifier(least_steps=150).fit(train.images.reshape(-1, 784) / 51 - 2, train.labels)
    np.testing.assert_allclose(other.predict_proba(test.images / 51 - 2), expected, atol=1e-4)
    assert (
        other.predict([picture / 51 - 2 for picture in test.images[:3]]).tolist()
        == other.predict(test.images[:3] / 51 - 2).tolist()
    )


def test_what_does_not_fit_is_refused(small_mnist, fitted):
    images = small_mnist.test.images
    with pytest.raises(ValueError, match=r"shape \(56, 14\); those of fit had \(28, 28\)"):
        fitted.predict(images.reshape(-1, 56, 14))
    with pytest.raises(ValueError, match="X has 100 features, but Classifier is expecting 784"):
        fitted.predict(images.reshape(len(images), -1)[:, :100])
    with pytest.raises(ValueError, match=r"shape \(1, 2, 3, 4\); \(n, height, width\) or"):
        fitted.predict(np.zeros((1, 2, 3, 4)))
    with pytest.raises(UsageError, match='no setting "epoch". Did you mean epochs'):
        Classifier(epoch=3)
    with pytest.raises(UsageError, match="epochs is 0; a whole number from 1"):
        Classifier(epochs=0).fit(images, small_mnist.test.labels)
    with pytest.raises(UsageError, match="the size is 4 px; 8 to 512"):
        Classifier(size_px=4).fit(images, small_mnist.test.labels)
    with pytest.raises(UsageError, match="the time limit is 0 seconds"):
        Classifier(time_limit_s=0).fit(images, small_mnist.test.labels)
    with pytest.raises(UsageError, match="early_stopping needs a validation part to watch"):
        Classifier(early_stopping=2, validation=0.0).fit(images, small_mnist.test.labels)
    with pytest.raises(UsageError, match="the validation part has 50 pictures; a target needs at least"):
        Classifier(target=0.9, validation=0.1).fit(images, small_mnist.test.labels)
    with pytest.raises(UsageError, match='no preset "quik". Did you mean quick'):
        Classifier(preset="quik").fit(images, small_mnist.test.labels)
    with pytest.raises(ValueError, match=r"y has one class only \(7\)"):
        Classifier().fit(images[:5], [7] * 5)


@pytest.mark.parametrize(
    ("learned", "asked", "told"),
    [
        (lambda X: X, lambda X: X / 255, "X has numbers of 0 to 1, those of fit were 0 to 255"),
        (lambda X: np.minimum(X, 254).astype(int), lambda X: X / 255, "0 to 1, those of fit were 0 to 254"),
        (lambda X: X * 0.99, lambda X: X / 127.5 - 1, "-1 to 1, those of fit were 0 to 252.45"),
        (lambda X: X // 16, lambda X: X / 255, "0 to 1, those of fit were 0 to 255"),
        (lambda X: X / 255, lambda X: X, "0 to 255, those of fit were 0 to 1;"),
        (lambda X: X / 255 - 0.5, lambda X: X.astype(float), "0 to 255, those of fit were -0.5 to 0.5;"),
        (lambda X: X // 16 + 0.0, lambda X: X, "0 to 255, those of fit were 0 to 15;"),
    ],
)
def test_numbers_of_another_range_are_refused(small_mnist, learned, asked, told):
    train = small_mnist.train
    model = Classifier(**TINY).fit(learned(train.images[:64]), train.labels[:64])
    model.predict(learned(train.images))
    with pytest.raises(ValueError, match=told):
        model.predict(asked(train.images))
    with pytest.raises(ValueError, match=told.partition(", ")[2]):
        model.predict(asked(train.images[2:3]))


def test_dark_pictures_and_a_few_odd_numbers_are_taken(small_mnist, fitted):
    images, labels = small_mnist.train.images, small_mnist.train.labels
    dark = images[:20] // 255  # 0 and 1
    expected = fitted.predict_proba(dark)
    np.testing.assert_array_equal(fitted.predict_proba(dark.astype(np.float32)), expected)
    np.testing.assert_array_equal(fitted.predict_proba(np.zeros((1, 28, 28))), fitted.predict_proba(dark[:1] * 0))
    model = Classifier(**TINY).fit(images[:64] / 255, labels[:64])
    assert model.predict(dark / 255).shape == (20,)
    rows = StandardScaler().fit(images[:64].reshape(64, -1))
    odd = rows.transform(images.reshape(-1, 784))
    model = Classifier(**TINY).fit(odd[:64], labels[:64])
    assert np.abs(odd).max() > 10 * np.abs(odd[:64]).max(), "columns that were all but empty in fit"
    assert model.predict(odd).shape == (2000,)


def test_the_card_knows_the_backend(fitted):
    assert fitted.model_[1].provenance["backend"] in ("jax", "torch", "tensorflow")


def test_it_is_pickled_and_cloned(small_mnist, fitted):
    images = small_mnist.test.images
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(images), fitted.predict_proba(images))
    assert again.history_ == fitted.history_
    assert clone(fitted).get_params() == fitted.get_params()
    assert not hasattr(clone(fitted), "model_")
    assert repr(fitted) == "Classifier(least_steps=150)"


@pytest.mark.slow
def test_colour_and_rows_that_fill_no_square():
    """Two kinds of noise: redder or bluer pictures; 10 numbers a row, of which the last tells."""
    generator = np.random.default_rng(0)
    y = np.arange(120) % 2
    pictures = generator.integers(0, 120, (120, 10, 6, 3)).astype(np.uint8)
    pictures[np.arange(120), :, :, 2 * y] += 100
    assert Classifier(**TINY).fit(pictures[:80], y[:80]).score(pictures[80:], y[80:]) == 1
    rows = generator.normal(size=(120, 10))
    rows[:, 9] = 4 * y + 0.1 * rows[:, 9]
    model = Classifier(**TINY).fit(rows[:80], y[:80])
    assert model.shape_ == (4, 4)
    assert model.score(rows[80:], y[80:]) == 1


@pytest.mark.slow
def test_pipelines_and_searches_take_it():
    """On scikit-learn's own digits, 64 numbers of 0–16 a row."""
    X, y = (array[:600] for array in load_digits(return_X_y=True))
    model = make_pipeline(MinMaxScaler(), Classifier(**TINY | {"filters": 16}))
    assert cross_val_score(model, X, y, cv=2).mean() > 0.8
    search = GridSearchCV(Classifier(**TINY | {"filters": 16}), {"epochs": [1, 10]}, cv=2).fit(X, y)
    assert search.best_params_ == {"epochs": 10}
    assert search.best_estimator_.score(X, y) > 0.9


@pytest.mark.slow
def test_a_time_limit_and_chance(small_mnist):
    train = small_mnist.train
    model = Classifier(preset="tutorial", epochs=10_000, time_limit_s=2, random_state=np.random.RandomState(3))
    model.fit(train.images, train.labels)
    assert model.history_[-1]["epoch"] < 10_000
    rows = [
        Classifier(**TINY, random_state=seed).fit(train.images[:64], train.labels[:64]).predict_proba(train.images[:9])
        for seed in (1, 1, 2)
    ]
    assert (rows[0] == rows[1]).all() and (rows[0] != rows[2]).any()


def test_without_scikit_learn_the_rest_works():
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import inksight\n"
        "from inksight.errors import EngineError\n"
        "assert 'Classifier' in dir(inksight) and 'sklearn.base' not in sys.modules\n"
        "inksight.load('mnist')\n"
        "try: inksight.Classifier\n"
        "except EngineError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == (
        'scikit-learn is not installed; inksight.Classifier needs it. Install it: pip install "inksight[sklearn]".\n'
    ), done.stderr


def test_the_choices_are_those_of_the_config():
    names = set(Classifier().get_params())
    assert set(inksight.TrainConfig.__dataclass_fields__) - names == {"seed", "metrics"}
