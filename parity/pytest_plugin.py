"""Gradient checks as tests: the fixture parity_check, and a decorator that makes a test of every subject of a table.

pytest loads this module by itself once handgrad is installed; it imports neither NumPy nor torch until a check runs.
"""

import functools
import inspect

import pytest

import parity
from parity.faces.commandline import seed


def pytest_addoption(parser):
    group = parser.getgroup("parity", "gradient checks")
    group.addoption("--parity-seed", type=seed, metavar="N", help="seed of every check, whatever the test says")


@pytest.fixture
def parity_check(request):
    """parity.assert_parity for a test: it returns the report, or fails with the report as the assertion's text.

    Takes what parity.check takes. With `pytest --parity-seed N` every check uses that seed.

        def test_dense(parity_check):
            parity_check(MyDense(4, 3), (5, 4), against=nn.Linear(4, 3))
    """
    chosen = request.config.getoption("--parity-seed")

    def parity_check(subject, *inputs, **options):
        __tracebackhide__ = True
        report = parity.check(subject, *inputs, **options | ({} if chosen is None else {"seed": chosen}))
        if not report.ok:
            raise parity.GradientMismatch(report)
        return report

    return parity_check


def parametrize_with_parity(subjects, **options):
    """A decorator: the test runs once for every subject, after the subject's gradients were checked, or fails there.

    subjects: {id: (subject, inputs, against)}, or (subject, inputs) to be judged without a twin. inputs: one input, or
    a list of several. Classes and functions of no arguments are called first, so that nothing is built until its test
    runs. options: of parity.check. A test that has an argument `report` gets the report.

        @parametrize_with_parity({
            "dense": (MyDense(4, 3), (5, 4), nn.Linear(4, 3)),
            "loss": (my_loss, [(6, 3), (6, 3)], nn.functional.mse_loss),
            "built by its test": (lambda: MyNet(2, 3), (5, 2), lambda: TheirNet(2, 3)),
        })
        def test_gradients(report):
            assert max(row.hides for row in report.rows) < 1e-9
    """

    def decorate(test):
        given = inspect.signature(test).parameters

        @pytest.mark.parametrize("parity_subject", list(subjects.values()), ids=list(subjects))
        @functools.wraps(test)
        def checked(*self, **fixtures):
            __tracebackhide__ = True
            subject, inputs, *against = fixtures["parity_subject"]
            twin = {"against": built(*against)} if against else {}
            report = fixtures["parity_check"](built(subject), *as_several(inputs), **twin | options)
            asked = {name: value for name, value in (fixtures | {"report": report}).items() if name in given}
            return test(*self, **asked)

        checked.__signature__ = with_arguments(inspect.signature(test))
        return checked

    return decorate


def with_arguments(signature):
    """The signature of a test as pytest is to see it: the fixture and the subject in place of `report`."""
    kept = [parameter for name, parameter in signature.parameters.items() if name != "report"]
    added = [name for name in ("parity_check", "parity_subject") if name not in signature.parameters]
    return signature.replace(
        parameters=[*kept, *(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in added)]
    )


def built(subject):
    """A class or a function of no arguments, called; anything else as it is."""
    factory = inspect.isclass(subject) or (inspect.isfunction(subject) and not inspect.signature(subject).parameters)
    return subject() if factory else subject


def as_several(inputs):
    """The inputs of a check: a list, or a tuple that is no shape, holds several; anything else is one."""
    several = isinstance(inputs, list) or (isinstance(inputs, tuple) and not all(isinstance(n, int) for n in inputs))
    return inputs if several else (inputs,)
