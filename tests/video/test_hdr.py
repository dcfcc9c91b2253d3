import numpy as np
import pytest

from velatura.video import hdr


def gray(signal, transfer):
    """What a grey of full range becomes, of 255."""
    yuv = np.array([signal, 0.5, 0.5], np.float32)[:, None, None] * 65535
    return hdr.to_sdr(np.rint(yuv).astype(np.uint16), transfer, full_range=True)[0, 0]


@pytest.mark.parametrize(
    ("nits", "signal"),
    [(100, 0.508), (203, 0.581), (1000, 0.752)],  # ITU-R BT.2408, table 1
)
def test_the_curve_of_pq_is_the_standards(nits, signal):
    assert hdr._pq(np.array(signal)) == pytest.approx(nits, rel=0.02)


def test_light_below_the_knee_keeps_its_brightness():
    pq_of_26_nits = 0.379  # 26 / 203 = 0.128 linear, sRGB 0.395
    assert gray(pq_of_26_nits, hdr.PQ) == pytest.approx([101, 101, 101], abs=3)


def test_black_peak_and_order_are_kept():
    for transfer, peak in ((hdr.PQ, 0.752), (hdr.HLG, 1.0)):
        values = [int(gray(signal, transfer)[0]) for signal in np.linspace(0, peak, 30)]
        assert values == sorted(values)
        assert values[0] == 0
        assert values[-1] >= 254


def test_a_grey_stays_grey():
    assert np.ptp(gray(0.6, hdr.HLG)) <= 1
