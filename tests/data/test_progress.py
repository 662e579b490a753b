"""The progress line."""

from tf_smallgan.console import ProgressLine


def test_speed_and_time_left_count_from_the_first_call():
    now, lines = [0.0], []
    progress = ProgressLine("embedding", lines.append, 5.0, clock=lambda: now[0])
    for now[0], done in ((1.0, 400), (3.0, 600), (6.0, 900), (7.0, 1000), (8.0, 1100)):
        progress(done, 1100)
    assert lines == [
        "embedding 900 of 1,100 images, 100 images/s, 2 s left",
        "embedding 1,100 of 1,100 images, 100 images/s, 0 s left",
    ]


def test_long_times_are_in_larger_units():
    now, lines = [0.0], []
    progress = ProgressLine("embedding", lines.append, 0.0, clock=lambda: now[0])
    for now[0], done in ((0.0, 0), (10.0, 10), (20.0, 20)):
        progress(done, 1_000_000 if done == 20 else 1000)
    assert lines[1].endswith("1 images/s, 16 min left")
    assert lines[2].endswith("1 images/s, 277.8 h left")
