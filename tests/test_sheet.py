"""The corrections to the sheet's solution, in the order of docs/sheet.md: each test proves one.

Where shapes are wrong, the test evaluates the solution's own expression, sees it fail, and sees ours fit.
Matrices are NumPy's; they are compared with the engine's gradients.
"""

from itertools import product

import numpy as np
import pytest
from equations import Matrix, equations, grads, numbers, random_passengers, signed_network, weights_of
from trainings import training

from microgrid import Value, topological_order
from titanic.derivation import P
from titanic.network import Forward, Network
from titanic.passengers import embedded

N = 7  # passengers: nothing else here has seven rows or columns


@pytest.fixture
def forward() -> Forward:
    """A forward pass of seven passengers, its backward pass done."""
    forward = signed_network(1).forward(*random_passengers(N, 2))
    forward.L.backward()
    signs = {b.data > 0 for row in forward.B for b in row}
    assert signs == {True, False}
    return forward


def test_01_one_w1_and_one_w2_serve_all_passengers() -> None:
    network = signed_network(1)
    X, y = random_passengers(N, 2)
    forward = network.forward(X, y)
    for k in range(N):
        for j in range(4):
            # B[k,j] is the sum of the products A[k,i] · W1[i,j].
            assert [product.operands[1] for product in forward.B[k][j].operands] == [
                network.W1[i][j] for i in range(4)
            ]
    # So its gradient collects every passenger's: the mean of what each alone would give.
    forward.L.backward()
    together = grads(network.W1)
    alone = []
    for features, price in zip(X, y):
        network.zero_grad()
        network.forward([features], [price]).L.backward()
        alone.append(grads(network.W1))
    np.testing.assert_allclose(together, np.mean(alone, axis=0), rtol=1e-12)


def test_02_the_derivative_of_a_sum_by_each_summand_is_1(forward: Forward) -> None:
    assert forward.H.operands == tuple(forward.G)
    assert forward.H.local_grads == (1.0,) * N


def test_03_the_derivative_of_the_square_is_elementwise_and_not_a_transpose(forward: Forward) -> None:
    F = numbers(forward.rows("F"))
    assert F.shape == (N, 1) != F.T.shape
    # The solution's row times ∂L/∂G has an entry for each pair of passengers; F has one for each passenger.
    through_G = np.full((N, 1), 1 / N)
    assert (through_G * (2 * F.T)).shape == (N, N)
    assert (through_G * (2 * F)).shape == (N, 1)
    np.testing.assert_allclose(through_G * (2 * F), grads(forward.rows("F")), rtol=1e-12)
    assert [g.local_grads[0] for g in forward.G] == [2 * f.data for f in forward.F]


def test_04_the_gradient_of_w2_is_a_column_and_the_product_sums_already(forward: Forward) -> None:
    D, F, W2 = numbers(forward.D), numbers(forward.rows("F")), numbers(forward.W2)
    assert (2 / N * F.T @ D).shape == (1, 5) != W2.shape
    assert (2 / N * D.T @ F).shape == (5, 1) == W2.shape
    np.testing.assert_allclose(2 / N * D.T @ F, grads(forward.W2), rtol=1e-12)
    # The product already sums over the passengers; a second sum makes it n times too large.
    np.testing.assert_allclose(D.T @ F, sum(D[[k]].T @ F[[k]] for k in range(N)), rtol=1e-12)
    np.testing.assert_allclose(sum(2 / N * D.T @ F for _ in range(N)), N * grads(forward.W2), rtol=1e-12)


def test_05_concat_makes_no_node_so_there_is_nothing_to_differentiate(forward: Forward) -> None:
    for k in range(N):
        assert all(d is c for d, c in zip(forward.D[k], forward.C[k], strict=False))
        assert forward.D[k][4] is forward.b2[k]
    # In matrices: the gradient of D loses its fifth column and is the gradient of C.
    np.testing.assert_array_equal(grads(forward.D)[:, :4], grads(forward.C))
    np.testing.assert_array_equal(grads(forward.D) @ np.array(P), grads(forward.C))


def test_06_a_5_by_4_projection_fits_where_the_identity_does_not(forward: Forward) -> None:
    F, W2 = numbers(forward.rows("F")), numbers(forward.W2)
    with pytest.raises(ValueError, match="mismatch"):
        F @ W2.T @ np.eye(4)
    np.testing.assert_array_equal(P, np.vstack([np.eye(4), np.zeros((1, 4))]))
    np.testing.assert_allclose(2 / N * F @ W2.T @ np.array(P), grads(forward.C), rtol=1e-12)


def test_07_a_column_of_ones_is_appended_not_added(forward: Forward) -> None:
    X = numbers(forward.X)
    with pytest.raises(ValueError, match="could not be broadcast"):
        X + np.ones((N, 4))
    np.testing.assert_array_equal(np.hstack([X, np.ones((N, 1))]), numbers(forward.A))


@pytest.mark.torch
def test_08_the_relus_derivative_at_0_is_0_here_and_in_pytorch() -> None:
    import torch

    b = Value(0.0)
    b.relu().backward()
    tensor = torch.tensor(0.0, requires_grad=True)
    torch.relu(tensor).backward()
    assert tensor.grad is not None
    assert b.grad == tensor.grad.item() == 0.0


def test_09_the_weights_start_between_0_and_1_and_do_not_stay_there() -> None:
    start = weights_of(Network.random(0))
    trained = weights_of(training(0).network)
    assert all(0 <= weight <= 1 for weight in start)
    assert min(trained) < 0 and max(trained) > 1


@pytest.mark.torch
def test_10_the_weights_are_leaves_too() -> None:
    from titanic.reference import to_module

    network = signed_network(1)
    leaves = [
        node for node in topological_order(network.forward(*random_passengers(N, 2)).L) if not node.operands
    ]
    assert set(network.parameters()) < set(leaves)
    assert {leaf.label[:1] for leaf in leaves} == {*"XybWn", ""}
    module = to_module(network)
    assert all(weights.is_leaf and weights.requires_grad for weights in (module.W1, module.W2))
    assert not module(*random_passengers(N, 2)).E.is_leaf


def test_11_with_the_bracket_closed_before_w1_raw_features_make_a_linear_network() -> None:
    passengers, network = embedded(), signed_network(1)
    X, ones = np.array(passengers.X), np.ones((len(passengers), 1))
    W1, W2 = numbers(network.W1), numbers(network.W2)

    def as_written(X: Matrix) -> Matrix:
        C = np.maximum(np.hstack([X, ones]), 0) @ W1
        return np.asarray(np.hstack([C, ones]) @ W2)

    def as_meant(X: Matrix) -> Matrix:
        letters, _ = equations(X, passengers.y, W1, W2)
        return letters["E"]

    nothing = np.zeros_like(X)
    np.testing.assert_allclose(as_meant(X)[:, 0], network.predict(passengers.X), rtol=1e-12)
    # In a linear network (with a bias), twice the features move the price twice as far.
    np.testing.assert_allclose(
        as_written(2 * X) - as_written(nothing), 2 * (as_written(X) - as_written(nothing)), rtol=1e-12
    )
    assert not np.allclose(as_meant(2 * X) - as_meant(nothing), 2 * (as_meant(X) - as_meant(nothing)))


def test_12_the_derivative_of_b_by_a_weight_is_the_passengers_a(forward: Forward) -> None:
    A = numbers(forward.A)
    for k, i, j in product(range(N), range(4), range(4)):
        for weight in (weight for row in forward.W1 for weight in row):
            weight.grad = 0.0
        forward.B[k][j].backward()
        found = grads(forward.W1)
        np.testing.assert_array_equal(found[:, j], A[k])  # ∂B[k,j]/∂W1[i,j] = A[k,i] for each i
        assert np.count_nonzero(found) == 4  # and nothing reaches the other columns
        if k != i and j != i:
            assert found[i, j] != A[i, j]  # the solution's Aᵢⱼ


def test_13_each_passenger_contributes_an_outer_product_to_the_gradient_of_w1(forward: Forward) -> None:
    A, through_B = numbers(forward.A), grads(forward.B)
    with pytest.raises(ValueError, match="mismatch"):
        through_B[[0]] @ A[[0]]  # a row times a row
    each = [A[[k]].T @ through_B[[k]] for k in range(N)]
    assert each[0].shape == (4, 4)
    np.testing.assert_allclose(sum(each), grads(forward.W1), rtol=1e-12)


def test_14_e_by_d_is_the_transposed_w2_and_f_by_e_the_identity(forward: Forward) -> None:
    F, W2 = numbers(forward.rows("F")), numbers(forward.W2)
    with pytest.raises(ValueError, match="mismatch"):
        F @ W2
    np.testing.assert_allclose(2 / N * F @ W2.T, grads(forward.D), rtol=1e-12)
    jacobian = []
    for f in forward.F:
        for e in forward.E:
            e.grad = 0.0
        f.backward()
        jacobian.append([e.grad if e in f.operands else 0.0 for e in forward.E])
    np.testing.assert_array_equal(jacobian, np.eye(N))


@pytest.mark.torch
def test_15_the_forward_pass_builds_the_graph_and_backward_walks_it() -> None:
    from titanic.reference import to_module

    network = signed_network(1)
    L = network.forward(*random_passengers(N, 2)).L
    before = topological_order(L)
    assert {node.op for node in before} == {"", "constant", "*", "sum", "relu", "-", "**n", "/"}
    L.backward()
    assert topological_order(L) == before
    # PyTorch's tensors also know what made them before backward is called.
    assert to_module(network)(*random_passengers(N, 2)).L.grad_fn is not None
