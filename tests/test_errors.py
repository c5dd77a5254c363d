import pytest

from inksight.errors import unknown


def test_an_unknown_name_gets_the_nearest_and_all_known():
    text = unknown("data set", "mnits", ["mnist", "kmnist"], "or give a path")
    assert text == 'no data set "mnits". Did you mean mnist? Known: kmnist, mnist, or give a path.'


def test_a_name_like_no_other_gets_no_guess():
    assert unknown("preset", "zzz", ["quick", "tutorial"]) == 'no preset "zzz". Known: quick, tutorial.'


@pytest.mark.parametrize("code, text", [("nonsense", "has no attribute 'nonsense'")])
def test_the_package_has_only_its_public_names(code, text):
    import inksight

    with pytest.raises(AttributeError, match=text):
        getattr(inksight, code)
    assert set(inksight.__all__) <= set(dir(inksight))
    assert all(getattr(inksight, name) is not None for name in inksight.__all__)
