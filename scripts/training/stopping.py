"""Stopping a run: the first Ctrl-C or SIGTERM lets the step end and is obeyed then, the second at once."""

import os
import signal

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Stop:
    """While it is entered, `status` is the exit status to stop with, 0 to go on."""

    def __init__(self):
        self.status, self.before = 0, {}

    def __enter__(self):
        self.before = {number: signal.signal(number, self.ask) for number in STATUS}
        return self

    def ask(self, number, frame):
        if self.status:
            os._exit(STATUS[signal.Signals(number)])
        self.status = STATUS[signal.Signals(number)]

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)
