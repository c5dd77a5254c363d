"""The table of epochs that a training prints."""

from itertools import pairwise

import pytest

from inksight.utils.epochs import EpochTable


def printed(losses, **others):
    """(lines, epochs in them) of a whole training with these validation losses."""
    table, lines = EpochTable(), []
    for number, loss in enumerate(losses, 1):
        row = {"epoch": number, "step": 9, "loss": 1.0, "accuracy": 0.5, "learning_rate": 1, "seconds": number}
        lines += table.add(number, len(losses), row | ({} if loss is None else {"val_loss": loss}) | others)
    lines += table.end()
    return lines, [int(line.split("/")[0]) for line in lines[1:]]


@pytest.mark.parametrize("epochs", [1, 2, 10, 20])
def test_every_epoch_of_a_short_training_has_a_line(epochs):
    assert printed([None] * epochs)[1] == list(range(1, epochs + 1))


@pytest.mark.parametrize("epochs", [21, 175, 1000])
def test_a_long_training_prints_about_twenty_lines_evenly_spread(epochs):
    _, numbers = printed([None] * epochs)
    assert numbers[0] == 1 and numbers[-1] == epochs and 20 <= len(numbers) <= 21
    steps = [later - earlier for earlier, later in pairwise(numbers[1:])]
    assert max(steps) - min(steps) <= 1, "evenly"


def test_a_moving_estimate_of_the_epochs_prints_no_more_lines():
    """Under a time limit, how many epochs there will be is an estimate."""
    row = {"loss": 1.0, "accuracy": 0.5}
    for estimate in (lambda number: 1000 + number * 37 % 101 - 50, lambda number: 200 + number):
        table = EpochTable()
        epochs = [(number, max(estimate(number), number + 1)) for number in range(1, 1000)]
        lines = [line for number, planned in epochs for line in table.add(number, planned, row)]
        assert len(lines) + len(table.end()) <= 23


def marked(lines):
    return [line.split("/")[0].strip() for line in lines if line.endswith("  best")]


def test_the_epoch_of_the_lowest_validation_loss_is_marked_once_at_the_end():
    lines, numbers = printed([0.5, 0.3, 0.4, 0.2])
    assert numbers == [1, 2, 3, 4] and marked(lines) == ["4"]
    lines, numbers = printed([0.5, 0.2, 0.4, 0.3])
    assert numbers == [1, 2, 3, 4, 2] and marked(lines) == ["2"]
    assert marked(printed([0.5])[0]) == [], "a single epoch is no choice"


def test_the_best_epoch_is_printed_even_where_its_line_was_left_out():
    losses = [1.0] * 175
    losses[171] = 0.1
    lines, numbers = printed(losses)
    assert numbers[-2:] == [175, 172] and marked(lines) == ["172"]


def test_an_early_end_prints_the_last_epoch():
    table = EpochTable()
    row = {"loss": 1.0, "accuracy": 0.5}
    before = [line for number in range(1, 55) for line in table.add(number, 1000, row)]
    assert before[-1].split()[0] == "50/1000"
    assert [line.split()[0] for line in table.end()] == ["54/1000"]


def test_the_columns_are_keras_names_with_further_metrics_last():
    lines, _ = printed([0.5], val_macro_f1=0.25, val_accuracy=0.5)
    assert lines[0].split() == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "val_macro_f1", "seconds"]
    assert lines[1].split()[:6] == ["1/1", "1.0000", "0.5000", "0.5000", "0.5000", "0.2500"]
