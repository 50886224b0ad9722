"""Automatic names and paths, as Keras gives them."""

from __future__ import annotations

import threading

import pytest

from lamina.core.naming import clear_session, current_path, name_scope, to_snake_case, unique_name

keras = pytest.importorskip("keras")

NAMES = [
    *(
        "Dense",
        "BatchNormalization",
        "MaxPooling2D",
        "Conv2DTranspose",
        "SGD",
        "AUC",
        "PReLU",
        "ReLU",
        "GRU",
        "LSTMCell",
    ),
    *("RootMeanSquaredError", "_Private", "A", "HTTPServer2", "already_snake"),
]


@pytest.mark.parametrize("name", NAMES)
def test_snake_case_is_keras(name):
    from keras.src.utils.naming import to_snake_case as keras_to_snake_case

    assert to_snake_case(name) == keras_to_snake_case(name)


def test_names_are_counted_for_each_prefix_until_the_session_is_cleared():
    assert [unique_name("dense"), unique_name("dense"), unique_name("flatten"), unique_name("dense")] == [
        "dense",
        "dense_1",
        "flatten",
        "dense_2",
    ]
    clear_session()
    assert unique_name("dense") == "dense"


def test_threads_never_get_the_same_name():
    names = []
    threads = [threading.Thread(target=lambda: names.extend(unique_name("x") for _ in range(200))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 800


def test_scopes_join_to_a_path_and_close_after_errors():
    assert current_path() == ""
    with name_scope("model"):
        with name_scope("dense"):
            assert current_path() == "model/dense"
        with pytest.raises(ZeroDivisionError), name_scope("dense"):
            raise ZeroDivisionError
        assert current_path() == "model"
    assert current_path() == ""


def test_scopes_belong_to_their_thread():
    seen = []
    with name_scope("model"):
        thread = threading.Thread(target=lambda: seen.append(current_path()))
        thread.start()
        thread.join()
    assert seen == [""]
