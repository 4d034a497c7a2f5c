"""Figures and images: described at once, drawn later, and the user's own left as they are."""

import io
import json

import matplotlib as mpl
import numpy as np
import PIL.Image
import plotly.graph_objects as go
import pytest

mpl.use("Agg")
from matplotlib import pyplot as plt


@pytest.fixture
def figure():
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    axes.set_title("Loss")
    yield figure
    plt.close(figure)


def test_a_matplotlib_figure_is_stored_as_png(artifact, figure) -> None:
    found = artifact(figure)

    assert (found.type, found.media_type, found.properties["preview"]) == ("Image", "image/png", "Loss")
    assert found.identity.startswith("sha256:")
    image = PIL.Image.open(io.BytesIO(found.payload.write()))
    assert image.size == (640, 480)


def test_drawing_later_draws_what_was_and_does_not_touch_pyplot(artifact, figure) -> None:
    before = artifact(figure).payload
    expected = artifact(figure).payload.write()

    figure.axes[0].set_title("Changed since")
    numbers, current = plt.get_fignums(), plt.gcf()
    assert before.write() == expected
    assert (plt.get_fignums(), plt.gcf()) == (numbers, current)


def test_a_figure_that_cannot_be_copied_is_described(artifact, figure) -> None:
    figure.axes[0].callback = lambda: None

    found = artifact(figure)
    assert (found.payload, found.identity, found.properties["axes"]) == (None, None, "1")
    assert artifact(figure, level="meta").payload is None


def test_a_figure_that_shows_a_secret_is_not_stored(artifact, figure) -> None:
    figure.axes[0].set_title("password=canary-5ecret")

    found = artifact(figure)
    assert found.payload is None
    assert "canary" not in str(found)


def test_a_plotly_figure_is_stored_as_its_json(artifact) -> None:
    def make(y):
        return go.Figure(go.Scatter(x=[1, 2, 3], y=np.array(y)))

    found = artifact(make([1, 2, 3]))
    assert (found.type, found.properties["traces"], found.properties["preview"]) == ("Image", "1", "scatter")
    assert json.loads(found.payload.write())["data"][0]["x"] == [1, 2, 3]
    assert found.identity == artifact(make([1, 2, 3])).identity != artifact(make([1, 2, 4])).identity


def test_a_plotly_figure_too_large_to_store_is_not_copied(artifact) -> None:
    found = artifact(go.Figure(go.Scatter(y=np.arange(1_000))), max_bytes=1_000)

    assert (found.payload, found.properties["payload"]) == (None, "too large")


def test_an_image_is_identified_by_its_pixels(artifact) -> None:
    found = artifact(PIL.Image.new("RGB", (8, 4), "red"))

    assert (found.properties["mode"], found.properties["pixels"], found.size_bytes) == ("RGB", "8 x 4", 96)
    assert found.identity == artifact(PIL.Image.new("RGB", (8, 4), "red")).identity
    assert found.identity != artifact(PIL.Image.new("RGB", (8, 4), "blue")).identity
    assert PIL.Image.open(io.BytesIO(found.payload.write())).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK", "I", "F"])
def test_images_of_every_mode_are_stored(artifact, mode: str) -> None:
    found = artifact(PIL.Image.new(mode, (4, 4)))

    stored = PIL.Image.open(io.BytesIO(found.payload.write()))
    assert (stored.size, stored.format) == ((4, 4), "TIFF" if mode in "IF" else "PNG")
    assert found.media_type == PIL.Image.MIME[stored.format]


def test_the_snapshot_of_an_image_is_taken_at_once(artifact) -> None:
    image = PIL.Image.new("L", (2, 2), 0)
    found = artifact(image)

    image.putpixel((0, 0), 255)
    assert PIL.Image.open(io.BytesIO(found.payload.write())).getpixel((0, 0)) == 0


def test_an_image_that_is_not_loaded_stays_so(artifact, tmp_path) -> None:
    PIL.Image.new("RGB", (8, 4), "red").save(tmp_path / "red.png")

    with PIL.Image.open(tmp_path / "red.png") as image:
        found = artifact(image)
        assert image._im is None
    assert (found.identity, found.payload) == ((tmp_path / "red.png").as_uri(), None)


def test_a_large_image_is_sampled(artifact) -> None:
    large = PIL.Image.new("RGB", (2_000, 2_000), "red")

    assert artifact(large).identity.startswith("sample-sha256:")
    assert artifact(large).identity == artifact(large.copy()).identity
