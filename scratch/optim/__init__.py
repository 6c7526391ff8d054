"""Optimizers: what turns gradients into the next weights, by a step size that schedules change."""

from scratch.optim.adagrad import Adagrad
from scratch.optim.adam import Adam, AdamW
from scratch.optim.base import Optimizer
from scratch.optim.clipping import clip_grad_norm
from scratch.optim.rmsprop import RMSprop
from scratch.optim.schedules import CosineAnnealingLR, LinearWarmup, Schedule, SequentialLR, StepLR
from scratch.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "LinearWarmup",
    "Optimizer",
    "RMSprop",
    "Schedule",
    "SequentialLR",
    "StepLR",
    "clip_grad_norm",
]
