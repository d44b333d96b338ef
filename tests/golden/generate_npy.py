#!/usr/bin/python3
"""Writes npy/*.npy with NumPy. Running the tests does not need this program.

Element (i, j, k) of an array of numbers is 100 i + 10 j + k, unless said otherwise.
"""
import os

import numpy as np

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "npy")


def places(*shape):
    return sum(index * 10 ** (len(shape) - 1 - axis) for axis, index in enumerate(np.indices(shape)))


def write(name, array, version=(1, 0)):
    with open(os.path.join(folder, name + ".npy"), "wb") as file:
        np.lib.format.write_array(file, array, version)


os.makedirs(folder, exist_ok=True)
bits = np.array([0x7FC01234, 0xFFA00001, 0x80000000, 0x00000001, 0x7F800000, 0x3F800000], "<u4")

write("scalar_f8", np.array(-2.5))
write("three_f4", np.array([1, 2, 3], "<f4"))
write("bits_f4", bits.view("<f4").reshape(2, 3))
write("bits_big_fortran_f4", bits.reshape(2, 3).astype(">u4", order="F").view(">f4"))
write("fortran_i4", np.asfortranarray(places(2, 3, 4).astype("<i4")))
write("big_fortran_f8", np.asfortranarray(places(3, 1, 2).astype(">f8")), (2, 0))
write("ends_i8", np.array([[-(2**63), 2**63 - 1], [0, -1]], "<i8"), (3, 0))
write("half_f2", np.array([1, -5, 2**-24, 65504, -np.inf], ">f2"))
write("bool", np.asfortranarray([[True, False, False], [True, True, False]]))
write("words_u2", np.array([1, 65535, 256], ">u2"))
write("empty_u1", np.zeros((0, 3), "u1"))
write("objects", np.array([None, "x"], object))
write("structure", np.array([(1, 2.0)], [("a", "<i4"), ("ключ", "<f8")]), (3, 0))
write("complex", np.array([1j], "<c8"))
