import pytest
import torch
from torch import nn

from rlhf_core.muon import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(8, 8), (4, 30), (30, 4), (96, 288)])
def test_singular_values_come_near_one_and_directions_stay(shape: tuple[int, int]) -> None:
    matrices = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0)) * 100
    if shape == (8, 8):  # a random square matrix may be nearly singular; these are not
        matrices = matrices + 300 * torch.eye(8)
    found = torch.stack(orthogonalise(list(matrices)))
    assert found.shape == matrices.shape
    values = torch.linalg.svdvals(found)
    assert float(values.min()) > 0.6 and float(values.max()) < 1.3
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    along = (u.mT @ found @ v.mT).diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(along.sort(descending=True).values, values, atol=1e-3, rtol=1e-3)


def test_a_matrix_does_not_depend_on_those_beside_it_nor_on_its_size() -> None:
    rng = torch.Generator().manual_seed(1)
    matrix, *others = (torch.randn(shape, generator=rng) for shape in ((5, 9), (5, 20), (30, 5), (7, 7)))
    alone = orthogonalise([matrix])
    for beside in ([matrix, *others], [1000 * matrix]):
        torch.testing.assert_close(orthogonalise(beside)[:1], alone, atol=1e-4, rtol=1e-4)
    assert not orthogonalise([torch.zeros(3, 3)])[0].any(), "nothing stays nothing, and no nan"


@pytest.mark.parametrize("shape", [(6, 6), (6, 20), (20, 6)])
def test_the_products_of_small_matrices_come_to_the_iteration_of_the_paper(shape: tuple[int, int]) -> None:
    # Jordan et al. (2024): x <- a x + (b g + c g^2) x, g = x x^T made anew each time.
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    x = (matrix.mT if shape[0] > shape[1] else matrix) / matrix.norm()
    for _ in range(3):
        g = x @ x.mT
        x = 3.4445 * x + (-4.7750 * g + 2.0315 * g @ g) @ x
    found = orthogonalise([matrix.float()], iterations=3)[0]
    torch.testing.assert_close(found.double(), x.mT if shape[0] > shape[1] else x, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", [(6,), (2, 3, 4), ()])
def test_it_is_for_matrices_alone(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="moves matrices, not a parameter of shape"):
        Muon([nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(shape))], lr=0.1)


@pytest.mark.parametrize(("shape", "factor"), [((5, 20), 1.0), ((20, 5), 2.0), ((5, 5), 1.0)])
def test_a_step_has_the_size_that_it_says_whatever_the_gradients(shape: tuple[int, int], factor: float) -> None:
    for scale in (1e-3, 1e3):
        weight = nn.Parameter(torch.zeros(shape))
        # Columns or rows that are orthogonal already: all singular values are the gradient's scale.
        weight.grad = scale * torch.eye(*shape)
        Muon([weight], lr=0.1).step()
        moved = weight.detach()
        values = torch.linalg.svdvals(moved)
        assert 0.6 * 0.1 * factor < float(values.min()) and float(values.max()) < 1.3 * 0.1 * factor
        assert not moved[~torch.eye(*shape).bool()].any() and float(moved[0, 0]) < 0, "against the gradient"


def test_momentum_and_weight_decay_by_hand() -> None:
    # 1 x 1 matrices: orthogonalise keeps the sign alone. Gradients 1, then -0.5: the buffer is 1, then .9 - .5 = .4,
    # looked at ahead -.5 + .9 * .4 = -.14: the second step goes back, where plain momentum would have gone on.
    size = float(orthogonalise([torch.ones(1, 1)])[0])
    weight = nn.Parameter(torch.tensor([[2.0]]))
    muon = Muon([weight], lr=0.1, momentum=0.9, weight_decay=0.5)
    weight.grad = torch.tensor([[1.0]])
    muon.step()
    first = 2.0 * 0.95 - 0.1 * size
    assert weight.item() == pytest.approx(first)
    weight.grad = torch.tensor([[-0.5]])
    muon.step()
    assert weight.item() == pytest.approx(first * 0.95 + 0.1 * size, rel=1e-4)
    weight.grad = None
    before = weight.item()
    muon.step()
    assert weight.item() == before, "what has no gradient stays, decay included"


def test_it_finds_a_minimum_and_resumes() -> None:
    rng = torch.Generator().manual_seed(0)
    aim = torch.randn(6, 4, generator=rng)

    def losses(weight: nn.Parameter, muon: Muon, steps: int) -> list[float]:
        found = []
        for _ in range(steps):
            muon.zero_grad()
            loss = ((weight - aim) ** 2).mean()
            loss.backward()
            muon.step()
            found.append(float(loss.detach()))
        return found

    def begin() -> tuple[nn.Parameter, Muon]:
        weight = nn.Parameter(torch.zeros(6, 4))
        return weight, Muon([weight], lr=0.02, weight_decay=0.0)

    whole = losses(*begin(), 150)
    assert min(whole) < whole[0] / 50
    weight, muon = begin()
    beginning = losses(weight, muon, 10)
    other, resumed = begin()
    other.data.copy_(weight.data)
    resumed.load_state_dict(muon.state_dict())
    assert beginning + losses(other, resumed, 140) == whole
