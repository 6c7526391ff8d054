"""Subjects for the command line: a right one, a wrong one, and all that can happen to a process.

The tests copy this file and name the copy on a command line; nothing imports it.
"""

import ctypes
import itertools
import os
import sys
import time
from dataclasses import dataclass

import numpy as np

import scratch

F = "mine"  # not torch.nn.functional: what a file defines comes first


def say(text):
    print(text)  # noqa: T201
    os.write(1, b"from below Python\n")


class Prints(scratch.Tanh):
    def backward(self, da, cache):
        say("on the way: θ")
        return super().backward(da, cache)


class Wrong(scratch.Linear):
    def backward(self, dz, x):
        say("on the way: θ")
        dx, grads = super().backward(dz, x)
        return dx, grads | {"bias": grads["bias"] / len(x)}


class Exits(scratch.Tanh):
    def backward(self, da, cache):
        sys.exit(0)


class Quits(scratch.Tanh):
    def backward(self, da, cache):
        os._exit(0)


class Ends(scratch.Tanh):
    def backward(self, da, cache):
        ctypes.CDLL(None)._exit(0)


class Crashes(scratch.Tanh):
    def backward(self, da, cache):
        return ctypes.string_at(0)


class Loops(scratch.Tanh):
    def backward(self, da, cache):
        while True:
            pass


class Hangs(scratch.Tanh):
    """In C, where no signal is looked at."""

    def backward(self, da, cache):
        return sum(itertools.repeat(0))


class Sleeps(scratch.Tanh):
    def backward(self, da, cache):
        os.write(1, f"asleep: {os.getpid()}\n".encode())
        time.sleep(600)


class Recurses(scratch.Tanh):
    def backward(self, da, cache):
        return self.backward(da, cache)


class Overflows(scratch.Tanh):
    def backward(self, da, cache):
        sys.setrecursionlimit(10**9)

        def within(_):
            return sorted([1], key=within)

        return within(1)


class Hoards(scratch.Tanh):
    def backward(self, da, cache):
        held = []
        while True:
            held.append(np.ones(2**20))


class Asks(scratch.Tanh):
    def backward(self, da, cache):
        return input()


class Unbuilt(scratch.Tanh):
    def __init__(self):
        raise RuntimeError("not\ntoday")


@dataclass
class Scaled(scratch.Tanh):
    factor: "float" = 1.0


def one_row():
    return np.ones((1, 4))


def no_row():
    return {}["no row"]
