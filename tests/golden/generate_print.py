#!/usr/bin/python3
"""Writes print.txt: arrays of numbers, and how NumPy prints them. Running the tests does not need this program.

    case NAME
    TYPE RANK SIZES             TYPE: f32, f64, i32, bool or bf16
    numbers
    LINES                       how many lines of text follow
    text
"""
import os

import numpy as np

nan, inf = float("nan"), float("inf")
draw = np.random.default_rng(7)


def normal(shape, scale=1.0, dtype="f4", decimals=17):
    return (draw.standard_normal(shape) * scale).round(decimals).astype(dtype)


CASES = {
    "two_rows": np.array([[1, 2], [3, 4.5]], "f4"),
    "scalar": np.array(1 / 3, "f8"),
    "scalar_whole": np.array(-2, "f4"),
    "scalar_bool": np.array(True),
    "scalar_int": np.array(-7, "i4"),
    "scalar_nan": np.array(nan, "f4"),
    "empty": np.zeros((0,), "f4"),
    "empty_inside": np.zeros((3, 0, 2), "f8"),
    "whole": np.array([1, 2, 3], "f8"),
    "tenths_f32": np.array([0.1, 0.2, 0.3], "f4"),
    "tenths_f64": np.array([0.1, 0.2, 0.1 + 0.2], "f8"),
    "thirds_f64": np.array([1 / 3, 2 / 3, 10 / 3], "f8"),
    "zeros": np.array([0.0, -0.0], "f4"),
    "negative": np.array([-1, 2, -300], "f8"),
    "large": np.array([1e8, 1], "f8"),
    "just_below_large": np.array([99999999, 999999], "f8"),
    "large_f32_digits": np.array([99999992, 33554436], "f4"),
    "small": np.array([1e-4, 9.9e-5, 0], "f8"),
    "just_not_small": np.array([0.0001, 0.01], "f8"),
    "ratio_1000": np.array([1, 1000], "f8"),
    "ratio_1001": np.array([1, 1001], "f8"),
    "rounds_up": np.array([9.9999999951, 9.999999994, 0.999999999], "f8"),
    "halves": np.array([0.5, 0.123456785, 2.5], "f8"),
    "exponents": np.array([1e-300, -2.5e100, 0, 12345.678901234], "f8"),
    "exponents_f32": np.array([1e-45, 3.4028235e38, -1.17549435e-38], "f4"),
    "subnormal": np.array([5e-324], "f8"),
    "nan_inf": np.array([nan, inf, 1.5], "f4"),
    "nan_inf_negative": np.array([nan, -inf], "f8"),
    "nan_only": np.array([nan, nan], "f4"),
    "inf_scientific": np.array([[inf, 1e10], [-1e-10, -inf]], "f8"),
    "ints": np.array([[1, -20], [300, 0]], "i4"),
    "int_limits": np.array([-(2**31), 2**31 - 1], "i4"),
    "bools": np.array([[True, False], [False, False]]),
    "one_bool": np.array([True]),
    "one": np.array([[[0.25]]], "f4"),
    "cube": np.arange(12, dtype="f4").reshape(2, 3, 2) / 4,
    "four_axes": np.arange(16, dtype="i4").reshape(2, 2, 2, 2),
    "wrapped": normal(20),
    "wrapped_rows": normal((2, 13), 1e3, "f8"),
    "wrapped_spaces": np.array([0.5, 1] * 20, "f4"),
    "wrapped_deep": normal((2, 1, 2, 9)),
    "wrapped_ints": np.arange(40, dtype="i4") * 100,
    "wrapped_bools": np.arange(30) % 3 == 0,
    "all_1000": np.arange(1000, dtype="i4").reshape(100, 10),
    "shortened_row": np.arange(1001, dtype="f4"),
    "shortened": normal((34, 34), decimals=1),
    "shortened_rows_only": normal((180, 6), decimals=1),
    "shortened_columns_only": normal((4, 260), decimals=2),
    "shortened_cube": normal((7, 13, 12), 100, decimals=1),
    "shortened_hides_large": np.where(np.arange(1200) == 600, 1e20, 0.5).astype("f8"),
    "shortened_bools": np.arange(1200).reshape(3, 400) % 7 == 0,
}


def shortest(value):
    """Reads back as the same number, of the array's type."""
    if value.dtype.kind in "ib":
        return str(int(value))
    return min(np.format_float_scientific(value, trim="-"), str(value), key=len)


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "print.txt")
    with open(path, "w", encoding="ascii") as out:
        out.write(f"# Written by generate_print.py with NumPy {np.__version__}, which also explains the form. Not to be edited.\n")
        for name, array in CASES.items():
            text = np.array2string(array)
            kind = {"f4": "f32", "f8": "f64", "i4": "i32", "b1": "bool"}[array.dtype.str[1:]]
            sizes = " ".join(str(n) for n in (array.ndim, *array.shape))
            numbers = " ".join(shortest(v) for v in array.flatten())
            out.write(f"\ncase {name}\n{kind} {sizes}\n{numbers}\n{text.count(chr(10)) + 1}\n{text}\n")


main()
