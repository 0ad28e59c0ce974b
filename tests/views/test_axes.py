"""Time axes of several columns: together or apart."""

import pytest

from views.axes import TimeAxes, TimeAxis


@pytest.fixture
def two() -> tuple[TimeAxes, TimeAxis, TimeAxis]:
    axes = TimeAxes()
    short, long = axes.add(), axes.add()
    axes.extend(short, 0, 1000)
    axes.extend(long, -100, 4000)
    return axes, short, long


def shown(axis: TimeAxis) -> tuple[float, float]:
    return axis.begin_ns, axis.end_ns


def test_together_they_show_the_extent_of_both(two: tuple[TimeAxes, TimeAxis, TimeAxis]) -> None:
    _, short, long = two
    assert shown(short) == shown(long) == (-100, 4000)


def test_a_column_without_times_follows_too() -> None:
    axes = TimeAxes()
    preview, full = axes.add(), axes.add()
    assert shown(preview) == shown(full) == (0, 1e9)
    axes.extend(full, 0, 500)
    assert shown(preview) == shown(full) == (0, 500)
    preview.show(100, 200)
    assert shown(full) == pytest.approx((100, 200))


def test_together_either_moves_the_other(two: tuple[TimeAxes, TimeAxis, TimeAxis]) -> None:
    _, short, long = two
    short.show(200, 400)
    assert shown(long) == pytest.approx((200, 400))
    long.zoom(2, 300)
    assert shown(short) == pytest.approx((250, 350))


def test_apart_each_moves_and_fits_alone(two: tuple[TimeAxes, TimeAxis, TimeAxis]) -> None:
    axes, short, long = two
    short.show(200, 400)
    axes.set_together(False)
    assert shown(short) == pytest.approx((200, 400))
    long.show(1000, 3000)
    assert shown(short) == pytest.approx((200, 400))
    short.fit()
    long.fit()
    assert shown(short) == (0, 1000)
    assert shown(long) == (-100, 4000)


def test_together_again_all_go_to_what_was_moved_last(
    two: tuple[TimeAxes, TimeAxis, TimeAxis],
) -> None:
    axes, short, long = two
    axes.set_together(False)
    long.show(1000, 3000)
    short.show(200, 400)
    axes.set_together(True)
    assert shown(long) == pytest.approx((200, 400))
    long.fit()
    assert shown(short) == (-100, 4000)


def test_a_closed_column_takes_its_extent_with_it(
    two: tuple[TimeAxes, TimeAxis, TimeAxis],
) -> None:
    axes, short, long = two
    axes.remove(long)
    short.fit()
    assert shown(short) == (0, 1000)


def test_undo_goes_back_zoom_by_zoom_in_either_column(
    two: tuple[TimeAxes, TimeAxis, TimeAxis],
) -> None:
    _, short, long = two
    whole = shown(short)
    for _ in range(3):
        short.zoom(2, 300)
    close = shown(short)
    short.pan(0.2)
    long.show(300, 310)
    long.undo_zoom()
    assert shown(short) == shown(long) != close
    assert short.end_ns - short.begin_ns == pytest.approx(close[1] - close[0])
    short.undo_zoom()
    assert shown(short) == shown(long) == whole
    short.undo_zoom()
    assert shown(long) == whole
