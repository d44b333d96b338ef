#!/usr/bin/python3
"""Prints what tests/test_curvature.c expects of self-attention: H v and H's largest eigenvalue, by PyTorch's exact second
derivatives in float64."""
import math

import torch

T, D_MODEL, D_K = 4, 3, 2
N = 3 * D_K * D_MODEL


def steps(n, factor, modulus, middle, unit):
    return torch.tensor([(i * factor % modulus - middle) / unit for i in range(n)], dtype=torch.float64)


X = steps(T * D_MODEL, 5, 13, 6, 4).view(T, D_MODEL)
Y = steps(T * D_K, 3, 7, 3, 2).view(T, D_K)


def loss(theta):
    q, k, v = (X @ w.view(D_K, D_MODEL).T for w in theta.split(D_K * D_MODEL))
    z = torch.softmax(q @ k.T / math.sqrt(D_K), -1) @ v
    return ((z - Y) ** 2).mean()


theta = steps(N, 7, 11, 5, 10)
hessian = torch.autograd.functional.hessian(loss, theta)
print("H v:", ", ".join("%.17g" % x for x in hessian @ steps(N, 5, 7, 3, 4)))
print("largest eigenvalue: %.17g" % torch.linalg.eigvalsh(hessian)[-1])
