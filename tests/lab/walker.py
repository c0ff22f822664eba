"""A trainer small enough to follow: a random walk whose strides a config scales."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from lab.jobs import JobSpec
from lab.store import Store


@dataclass(frozen=True)
class WalkMetrics:
    place: float
    stride: float
    rare: float | None
    """Measured at every third step only."""


class Walker:
    """place += scale * normal number. inputs: "raise_at", "nan_at" a step; `gate`, if given, lets steps through."""

    gate: threading.Semaphore | None = None

    def __init__(self, spec: JobSpec) -> None:
        self.rng = torch.Generator().manual_seed(spec.seed)
        self.inputs = spec.inputs
        self.place = torch.zeros((), dtype=torch.double)
        self.steps = 0

    def step(self, config: Mapping[str, Any]) -> WalkMetrics:
        if self.gate:
            self.gate.acquire()
        self.steps += 1
        if self.steps == self.inputs.get("raise_at"):
            raise RuntimeError("the walker fell\nover a stone")
        stride = config["scale"] * torch.randn((), generator=self.rng, dtype=torch.double)
        self.place = self.place + stride
        place = float("nan") if self.steps == self.inputs.get("nan_at") else float(self.place)
        return WalkMetrics(place, float(stride), float(self.place) ** 2 if self.steps % 3 == 0 else None)

    def samples(self) -> dict[str, Any] | None:
        return {"at": self.steps} if self.steps % 2 == 0 else None

    def state_dict(self) -> dict[str, Any]:
        return {"rng": self.rng.get_state(), "place": self.place, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rng.set_state(state["rng"])
        self.place, self.steps = state["place"], state["steps"]


def build(spec: JobSpec, store: Store) -> Walker:
    if spec.inputs.get("unbuildable"):
        raise FileNotFoundError("The checkpoint is missing; remake it.")
    return Walker(spec)


def prepare(spec: JobSpec, store: Store) -> JobSpec:
    if not spec.config["scale"] > 0:
        raise ValueError(f"scale must be above 0, not {spec.config['scale']}.")
    return replace(spec, inputs={"prepared": True, **spec.inputs})


def walk(seed: int = 7, iterations: int | None = 12, scale: float = 1.0, **inputs: Any) -> JobSpec:
    return JobSpec(stage="walk", config={"scale": scale, "iterations": iterations}, inputs=inputs, seed=seed)
