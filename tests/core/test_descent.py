"""Descent in one vector, against PyTorch's AdamW and clipping of each parameter by itself."""

import copy

import pytest
import torch
from torch import Tensor, nn

from rlhf_core.descent import Descent

RATES = (0.1, 0.05, 0.02, 0.02)


def network(seed: int = 0) -> nn.Sequential:
    rng = torch.Generator().manual_seed(seed)
    made = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
    for parameter in made.parameters():
        nn.init.normal_(parameter, generator=rng)
    return made


def loss_of(model: nn.Module, at: int) -> Tensor:
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(at))
    return (model(x) ** 2).mean()


def torch_steps(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> list[float]:
    norms: list[float] = []
    for i in steps:
        optimizer.param_groups[0]["lr"] = RATES[i]
        optimizer.zero_grad()
        loss_of(model, i).backward()
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), 0.5)))
        optimizer.step()
    return norms


def steps(model: nn.Module, descent: Descent, numbers: range) -> list[float]:
    return [float(descent.step(loss_of(model, i), learning_rate=RATES[i], max_grad_norm=0.5)) for i in numbers]


def adamw(model: nn.Module) -> torch.optim.AdamW:
    return torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0.0)


def assert_alike(a: nn.Module, b: nn.Module) -> None:
    torch.testing.assert_close(list(a.parameters()), list(b.parameters()))


def test_steps_are_those_of_torch() -> None:
    ours, theirs = network(), network()
    norms = steps(ours, Descent(ours.parameters()), range(4))
    assert norms == pytest.approx(torch_steps(theirs, adamw(theirs), range(4)), rel=1e-4)
    assert max(norms) > 0.5, "some were scaled down"
    assert_alike(ours, theirs)


def test_a_state_of_older_versions_goes_on() -> None:
    theirs = network()
    optimizer = adamw(theirs)
    torch_steps(theirs, optimizer, range(2))
    ours = network(seed=1)
    ours.load_state_dict(theirs.state_dict())
    descent = Descent(ours.parameters())
    descent.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    steps(ours, descent, range(2, 4))
    torch_steps(theirs, optimizer, range(2, 4))
    assert_alike(ours, theirs)
    untouched = network()
    Descent(untouched.parameters()).load_state_dict(adamw(untouched).state_dict())


def test_a_copy_goes_its_own_way() -> None:
    ours = network()
    descent = Descent(ours.parameters())
    steps(ours, descent, range(1))
    before = copy.deepcopy(ours)
    other, its_descent = copy.deepcopy((ours, descent))
    steps(other, its_descent, range(1, 4))
    assert_alike(ours, before)
    steps(ours, descent, range(1, 4))
    assert_alike(ours, other)


def test_parameters_set_from_outside_are_where_it_goes_on() -> None:
    ours, theirs = network(), network()
    descent, optimizer = Descent(ours.parameters()), adamw(theirs)
    steps(ours, descent, range(1))
    torch_steps(theirs, optimizer, range(1))
    for model in (ours, theirs):
        model.load_state_dict(network(seed=2).state_dict())
    steps(ours, descent, range(1, 4))
    torch_steps(theirs, optimizer, range(1, 4))
    assert_alike(ours, theirs)
