"""Whose fault it is: what is raised while the subject runs is its own, and is told apart from ours."""

import functools

import numpy as np

from parity.undisturbed import OutOfTime, time_limit


class SubjectRaised(Exception):
    """The subject raised what `__cause__` holds."""


class ContractBroken(TypeError):
    """The subject returned what the contract does not allow; the message says what and what was expected."""


def blames_subject(run):
    """A method that runs the subject: whatever is raised there is the subject's own and becomes SubjectRaised."""

    @functools.wraps(run)
    def blaming(*arguments):
        try:
            with time_limit():
                return run(*(arguments if arguments[0].writes_at is None else map(own, arguments)))
        except (SubjectRaised, OutOfTime, KeyboardInterrupt):  # not the subject's own
            raise
        except BaseException as error:
            raise SubjectRaised(said_by(error)) from error

    return blaming


def said_by(error):
    """The text of an exception; one of the subject's own may raise where it is asked for its text."""
    try:
        return str(error)
    except Exception:
        return "(its text raises as well)"


def own(argument):
    """A run's own copy of {name: array} or of a list of upstream gradients, to be written to."""
    if isinstance(argument, dict):
        return {name: np.array(array, subok=True) for name, array in argument.items()}
    return [np.array(array, subok=True) for array in argument] if isinstance(argument, list) else argument
